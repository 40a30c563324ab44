package gateway_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rightful/gateway"
)

// TestReasonsAreLogged: Stripe is answered that an event could not be stored, and
// nothing more. Whoever has to mend it finds the reason in the log, and likewise why
// the app does not take a notice, and why an event cannot be judged.
func TestReasonsAreLogged(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	o := openOffice(t, setup{options: func(opt *gateway.Options) { opt.Logger = slog.New(slog.NewJSONHandler(&lines, nil)) }}, officeRows, "")
	o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
	o.undecided = errors.New("the app answered 418")
	o.settle()
	o.exec("ALTER TABLE companies RENAME TO moved")
	o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
	o.settle()

	hooks, err := o.gateway().Webhooks(gateway.WebhookOptions{Inbox: failing{err: errors.New("no space left on device")}, Secrets: []string{officeSecret}})
	if err != nil {
		t.Fatal(err)
	}
	body := eventBody("evt_1")
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/stripe", strings.NewReader(body))
	req.Header.Set("Stripe-Signature", signed(officeSecret, body, o.clock().Unix()))
	res := httptest.NewRecorder()
	hooks.ServeHTTP(res, req)
	if res.Code != http.StatusServiceUnavailable {
		t.Fatalf("got %d %s", res.Code, res.Body)
	}
	for _, want := range []string{`"notice not taken"`, "the app answered 418", `"webhook not stored"`, "no space left on device", `"events cannot be judged"`, "no such table: companies"} {
		if !strings.Contains(lines.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, &lines)
		}
	}
}
