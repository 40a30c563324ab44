package gateway_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/state"
)

const (
	hookAt     = 1_760_000_000
	hookSecret = "whsec_first"
)

// signed is the Stripe-Signature of a body.
func signed(secret, body string, at int64) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// eventBody is a whole event about a customer.
func eventBody(id string) string {
	return `{"id":"` + id + `","object":"event","api_version":"2019-02-11","type":"customer.updated","created":1760000000,"livemode":true,
		"request":{"id":"req_1","idempotency_key":"k1"},"data":{"object":{"id":"cus_1","object":"customer","created":1759990000,
		"email":"ana@example.com","metadata":{"company_id":"11","note":"private"},"livemode":true},"previous_attributes":{"metadata":{"company_id":"4","note":"old"}}}}`
}

// hooks is a place that accepts events, over a real state.
type hooks struct {
	*gateway.Webhooks
	store *state.Store
	clock atomic.Int64

	mu        sync.Mutex
	decisions []gateway.Decision
}

func openInbox(t testing.TB, now func() time.Time) *state.Store {
	t.Helper()
	s, err := state.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "rightful.db"), state.Options{Now: now, Holder: "a test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openHooks is a gateway that accepts events. It reads neither Stripe nor a database.
func openHooks(t testing.TB, change func(*gateway.WebhookOptions)) *hooks {
	t.Helper()
	h := &hooks{}
	h.clock.Store(hookAt)
	now := func() time.Time { return time.Unix(h.clock.Load(), 0) }
	h.store = openInbox(t, now)
	live := true
	g, err := gateway.New(gateway.Options{
		Directory: struct{ rightful.DirectoryReader }{}, Stripe: struct{ gateway.Stripe }{}, Intents: gateway.NewMemory(),
		Keys: rightful.KeySet{Company: "company_id", User: "user_id"}, Account: "acct_1", Livemode: &live, Now: now, OnDecision: h.decided,
	})
	if err != nil {
		t.Fatal(err)
	}
	o := gateway.WebhookOptions{Inbox: h.store, Secrets: []string{"whsec_old", hookSecret}}
	if change != nil {
		change(&o)
	}
	if h.Webhooks, err = g.Webhooks(o); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hooks) decided(_ context.Context, d gateway.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.decisions = append(h.decisions, d)
}

// post sends a body with a header and returns the answer.
func (h *hooks) post(body, header string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/v1/webhooks/stripe", strings.NewReader(body))
	if header != "" {
		req.Header.Set("Stripe-Signature", header)
	}
	res := httptest.NewRecorder()
	h.ServeHTTP(res, req)
	return res
}

// kept returns the ids of the events that are to be judged.
func (h *hooks) kept(t testing.TB) []string {
	t.Helper()
	var ids []string
	for shard := range rightful.InboxShards {
		events, err := h.store.OpenEvents(t.Context(), shard, 100, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

func TestWebhookSignatures(t *testing.T) {
	t.Parallel()
	body := eventBody("evt_1")
	good := signed(hookSecret, body, hookAt)
	mac := good[strings.Index(good, "v1="):]
	other := "v1=" + strings.Repeat("ab", 32)
	for name, c := range map[string]struct {
		header string
		body   string
		status int
	}{
		"good":                      {good, body, 200},
		"an older secret":           {signed("whsec_old", body, hookAt), body, 200},
		"several, one good":         {fmt.Sprintf("t=%d,%s,%s", hookAt, other, mac), body, 200},
		"with other schemes":        {good + ",v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39,v2=x", body, 200},
		"spaces":                    {fmt.Sprintf("t=%d, %s", hookAt, mac), body, 200},
		"almost too old":            {signed(hookSecret, body, hookAt-300), body, 200},
		"almost too early":          {signed(hookSecret, body, hookAt+300), body, 200},
		"too old":                   {signed(hookSecret, body, hookAt-301), body, 400},
		"too early":                 {signed(hookSecret, body, hookAt+301), body, 400},
		"another secret":            {signed("whsec_theirs", body, hookAt), body, 400},
		"the empty secret":          {signed("", body, hookAt), body, 400},
		"another body":              {good, eventBody("evt_2"), 400},
		"a byte more":               {good, body + " ", 400},
		"a byte less":               {good, body[:len(body)-1], 400},
		"none":                      {"", body, 400},
		"nothing in it":             {"t=,v1=", body, 400},
		"no time":                   {mac, body, 400},
		"only the time":             {fmt.Sprintf("t=%d", hookAt), body, 400},
		"only v0":                   {strings.Replace(good, "v1=", "v0=", 1), body, 400},
		"two times":                 {fmt.Sprintf("t=%d,t=%d,%s", hookAt, hookAt, mac), body, 400},
		"another time":              {fmt.Sprintf("t=%d,%s", hookAt+1, mac), body, 400},
		"a time with a zero before": {fmt.Sprintf("t=0%d,%s", hookAt, mac), body, 400},
		"a negative time":           {fmt.Sprintf("t=-%d,%s", hookAt, mac), body, 400},
		"a huge time":               {"t=99999999999999999999," + mac, body, 400},
		"no hex":                    {fmt.Sprintf("t=%d,v1=%s", hookAt, strings.Repeat("zz", 32)), body, 400},
		"half":                      {good[:len(good)-2], body, 400},
		"too long":                  {good + "," + strings.Repeat("a=b,", 2000), body, 400},
		"too many":                  {good + strings.Repeat(","+other, 20), body, 400},
		"garbage":                   {"\x00\xff==,,,=", body, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHooks(t, nil)
			res := h.post(c.body, c.header)
			if res.Code != c.status {
				t.Fatalf("got %d %s", res.Code, res.Body)
			}
			if n := len(h.kept(t)); n != 1 && c.status == 200 || n != 0 && c.status != 200 {
				t.Errorf("%d are kept", n)
			}
			if c.status == 200 {
				return
			}
			if got := res.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("got %s", got)
			}
			for _, secret := range []string{"whsec_", "evt_1", "cus_1", "private", mac} {
				if strings.Contains(res.Body.String(), secret) {
					t.Errorf("the answer repeats %s: %s", secret, res.Body)
				}
			}
			if len(h.decisions) != 1 || h.decisions[0].Error != "unauthorized" {
				t.Errorf("told of %+v", h.decisions)
			}
		})
	}
}

func TestWebhookBodies(t *testing.T) {
	t.Parallel()
	event := func(more string) string {
		return `{"id":"evt_1","object":"event","type":"customer.updated",` + more + `}`
	}
	const customer = `"data":{"object":{"id":"cus_1","object":"customer"}}`
	for name, c := range map[string]struct {
		body   string
		status int
		kept   int
	}{
		"whole":                    {eventBody("evt_1"), 200, 1},
		"the least":                {event(`"created":1760000000,"livemode":true,` + customer), 200, 1},
		"request is an id":         {event(`"created":1,"livemode":true,"request":"req_1",` + customer), 200, 1},
		"request is null":          {event(`"created":1,"livemode":true,"request":null,` + customer), 200, 1},
		"an object that is odd":    {event(`"created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","metadata":[1]}}`), 200, 1},
		"a huge object":            {event(`"created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","x":"` + strings.Repeat("y", 900_000) + `"}}`), 200, 1},
		"huge metadata":            {event(`"created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","metadata":{"company_id":"` + strings.Repeat("y", 90_000) + `"}}}`), 200, 1},
		"a thin event":             {`{"id":"evt_1","object":"v2.core.event","type":"v1.customer.updated","created":"2026-11-23T10:00:00.123Z","livemode":true,"related_object":{"id":"cus_1","type":"customer","url":"/v1/customers/cus_1"}}`, 200, 1},
		"of no family":             {event(`"created":1,"livemode":true,"data":{"object":{"id":"prod_1","object":"product"}}`), 200, 0},
		"of something new":         {event(`"created":1,"livemode":true,"data":{"object":{"id":"x_1","object":"never.seen"}}`), 200, 0},
		"an invoice to come":       {event(`"created":1,"livemode":true,"data":{"object":{"object":"invoice","customer":"cus_1"}}`), 200, 0},
		"of the other mode":        {event(`"created":1,"livemode":false,` + customer), 200, 0},
		"of another account":       {event(`"created":1,"livemode":true,"account":"acct_2",` + customer), 200, 0},
		"a NUL in a stamp":         {event(`"created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","metadata":{"company_id":"4\u0000"}}}`), 200, 1},
		"a NUL in the object's id": {event(`"created":1,"livemode":true,"data":{"object":{"id":"cus_\u00001","object":"customer"}}`), 200, 0},
		"a NUL in a reference":     {event(`"created":1,"livemode":true,"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_\u00001"}}`), 200, 1},
		"a NUL in the id":          {`{"id":"evt_\u00001","object":"event","type":"customer.updated","created":1,` + customer + `}`, 400, 0},
		"a NUL":                    {eventBody("evt_\x001"), 400, 0},
		"no UTF-8":                 {eventBody("evt_\xff1"), 400, 0},
		"no id":                    {`{"object":"event","type":"a","created":1,` + customer + `}`, 400, 0},
		"an id that is too long":   {eventBody(strings.Repeat("e", 256)), 400, 0},
		"an id that is a number":   {`{"id":1,"object":"event","type":"a","created":1,` + customer + `}`, 400, 0},
		"no type":                  {`{"id":"evt_1","object":"event","created":1,` + customer + `}`, 400, 0},
		"no time":                  {event(customer), 400, 0},
		"a time without end":       {event(`"created":1e999,` + customer), 400, 0},
		"a time before all":        {event(`"created":-1,` + customer), 400, 0},
		"a time after all":         {event(`"created":99999999999999,` + customer), 400, 0},
		"a time that is a word":    {event(`"created":"now",` + customer), 400, 0},
		"another object":           {`{"id":"cus_1","object":"customer","type":"a","created":1}`, 400, 0},
		"no object":                {event(`"created":1,"data":{}`), 400, 0},
		"data is a list":           {event(`"created":1,"data":[]`), 400, 0},
		"names that stand twice":   {event(`"created":1,"id":"evt_2",` + customer), 400, 0},
		"twice in the object":      {event(`"created":1,"data":{"object":{"id":"cus_1","id":"cus_2","object":"customer"}}`), 400, 0},
		"deep":                     {event(`"created":1,"x":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "," + customer), 400, 0},
		"cut":                      {eventBody("evt_1")[:200], 400, 0},
		"two":                      {eventBody("evt_1") + eventBody("evt_2"), 400, 0},
		"a form":                   {"id=evt_1&object=event", 400, 0},
		"nothing":                  {"", 400, 0},
		"too large":                {event(`"x":"` + strings.Repeat("y", 1<<20) + `",` + customer), 413, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := openHooks(t, nil)
			res := h.post(c.body, signed(hookSecret, c.body, hookAt))
			if res.Code != c.status {
				t.Fatalf("got %d %s", res.Code, res.Body)
			}
			if n := len(h.kept(t)); n != c.kept {
				t.Errorf("%d are kept", n)
			}
		})
	}
}

// TestWhatIsKept: identity and nothing else.
func TestWhatIsKept(t *testing.T) {
	t.Parallel()
	h := openHooks(t, nil)
	body := eventBody("evt_1")
	if res := h.post(body, signed(hookSecret, body, hookAt)); res.Code != 200 {
		t.Fatal(res.Code)
	}
	for shard := range rightful.InboxShards {
		events, err := h.store.OpenEvents(t.Context(), shard, 10, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			const want = `{"object":{"type":"customer","id":"cus_1","created":1759990000,"metadata":{"company_id":"11"}},"previous":{"company_id":"4"},"idempotency_key":"k1"}`
			if e.Payload != want {
				t.Errorf("got %s", e.Payload)
			}
			if e.Family != "cus_1" || e.Account != "acct_1" || !e.Livemode || e.Created != hookAt || e.ReceivedAt != hookAt || e.ObjectType != rightful.TypeCustomer {
				t.Errorf("got %+v", e)
			}
		}
	}
}

// TestManyAtOnce: every request is answered for its own event, and all are there.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := openHooks(t, nil)
	var wait sync.WaitGroup
	for i := range 400 {
		wait.Go(func() {
			body := eventBody(fmt.Sprintf("evt_%d", i/2)) // each comes twice
			if res := h.post(body, signed(hookSecret, body, hookAt)); res.Code != 200 {
				t.Errorf("got %d", res.Code)
			}
		})
	}
	wait.Wait()
	var got int
	for shard := range rightful.InboxShards {
		events, err := h.store.OpenEvents(t.Context(), shard, 1000, nil)
		if err != nil {
			t.Fatal(err)
		}
		got += len(events)
	}
	if got != 200 {
		t.Errorf("%d are kept", got)
	}
}
