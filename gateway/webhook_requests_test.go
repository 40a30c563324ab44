package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
)

func TestWebhookRequests(t *testing.T) {
	t.Parallel()
	h := openHooks(t, nil)
	server := httptest.NewServer(h)
	defer server.Close()
	body := eventBody("evt_1")
	send := func(method string, r io.Reader, header string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL, r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Stripe-Signature", header)
		req.Header.Set("Content-Encoding", "gzip") // what is signed is what is sent
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	good := signed(hookSecret, body, hookAt)
	if res := send(http.MethodGet, nil, good); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", res.StatusCode)
	}
	for range 3 { // doubles are acknowledged
		if res := send(http.MethodPost, strings.NewReader(body), good); res.StatusCode != 200 {
			t.Errorf("POST: %d", res.StatusCode)
		}
	}
	// An endless body is cut off, whether it says its length or not.
	endless := io.MultiReader(strings.NewReader(body), endlessSpaces{})
	if res := send(http.MethodPost, endless, good); res.StatusCode != 413 {
		t.Errorf("endless: %d", res.StatusCode)
	}
	if got := h.kept(t); len(got) != 1 {
		t.Errorf("kept %v", got)
	}
}

type endlessSpaces struct{}

func (endlessSpaces) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil
}

// failing is an inbox that cannot store.
type failing struct {
	rightful.InboxWork
	err error
}

func (f failing) AcceptEvents(context.Context, []rightful.InboxEvent) ([]bool, error) {
	return nil, f.err
}

func TestWebhookNotStored(t *testing.T) {
	t.Parallel()
	h := openHooks(t, func(o *gateway.WebhookOptions) { o.Inbox = failing{err: errors.New("whsec_first is in the way")} })
	body := eventBody("evt_1")
	res := h.post(body, signed(hookSecret, body, hookAt))
	if res.Code != 503 || strings.Contains(res.Body.String(), "whsec") {
		t.Errorf("got %d %s", res.Code, res.Body)
	}
	err := h.Accept(t.Context(), []byte(body), signed(hookSecret, body, hookAt))
	if err == nil {
		t.Error("accepted")
	}
	if err := h.Accept(t.Context(), []byte(body), "t=1"); rightful.KindOf(err) != rightful.KindUnauthorized {
		t.Errorf("got %v", err)
	}
	if err := h.Accept(t.Context(), []byte("{}"), signed(hookSecret, "{}", hookAt)); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("got %v", err)
	}
}

func TestWebhooksRefuseOptions(t *testing.T) {
	t.Parallel()
	g, err := gateway.New(gateway.Options{
		Directory: struct{ rightful.DirectoryReader }{}, Stripe: struct{ gateway.Stripe }{}, Intents: gateway.NewMemory(),
		Keys: rightful.KeySet{Company: "company_id", User: "user_id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]gateway.WebhookOptions{
		"no inbox":        {Secrets: []string{"whsec_1"}},
		"no secret":       {Inbox: failing{}},
		"an empty secret": {Inbox: failing{}, Secrets: []string{"whsec_1", ""}},
	} {
		if _, err := g.Webhooks(o); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
