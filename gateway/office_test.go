package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/state"
)

// office are premises to which Stripe delivers its events, over HTTP.
type office struct {
	*premises
	*gateway.Webhooks
	store *state.Store

	noticed   sync.Mutex
	notices   []gateway.Notice
	undecided error  // what the app answers to notices
	refuse    string // the type of those that it does not take
}

const officeSecret = "whsec_office"

// openOffice opens premises with an endpoint for every event.
func openOffice(t testing.TB, how setup, rows []string, lists string) *office {
	t.Helper()
	o := &office{}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	endpoint := `"webhook_endpoints": [{"id": "we_1", "object": "webhook_endpoint", "url": "` + server.URL + `", "enabled_events": ["*"], "status": "enabled", "livemode": true,
		"created": 1, "_stripesim": {"secret": "` + officeSecret + `"}}]`
	o.premises = rent(t, how, rows, strings.Trim(endpoint+", "+lists, ", "))
	o.store = o.opt.Intents.(*state.Store)
	var err error
	if o.Webhooks, err = o.gateway().Webhooks(gateway.WebhookOptions{Inbox: o.store, Secrets: []string{officeSecret}, OnNotice: o.notice}); err != nil {
		t.Fatal(err)
	}
	handler = o.Webhooks
	return o
}

func (o *office) notice(_ context.Context, n gateway.Notice) error {
	o.noticed.Lock()
	defer o.noticed.Unlock()
	if o.undecided != nil {
		return o.undecided
	}
	if n.Type == o.refuse {
		return fmt.Errorf("not this one")
	}
	o.notices = append(o.notices, n)
	return nil
}

// post performs a call on Stripe.
func (o *office) post(path string, pairs ...string) map[string]any {
	o.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return o.call(http.MethodPost, path, form)
}

func (o *office) postID(path string, pairs ...string) string {
	o.t.Helper()
	return o.post(path, pairs...)["id"].(string)
}

// deliver lets Stripe send what is due.
func (o *office) deliver() {
	o.t.Helper()
	for {
		report, err := o.sim.Deliver(o.t.Context())
		if err != nil {
			o.t.Fatal(err)
		}
		if report.Failed > 0 {
			o.t.Fatalf("an event was not accepted: %+v", report)
		}
		if report.Due == 0 {
			return
		}
	}
}

// judge judges, and tells, everything that is due.
func (o *office) judge() {
	o.t.Helper()
	for shard := range rightful.InboxShards {
		for _, work := range []func(context.Context, int) (bool, error){o.JudgeShard, o.TellShard} {
			if taken, err := work(o.t.Context(), shard); err != nil || !taken {
				o.t.Fatalf("shard %d: taken %v, %v", shard, taken, err)
			}
		}
	}
}

// settle delivers and judges twice: an event may turn out to be of another family.
func (o *office) settle() {
	o.t.Helper()
	o.deliver()
	o.judge()
	o.judge()
}

var officeRows = []string{
	"INSERT INTO companies (id, name, owner_id, stripe_customer_id) VALUES (11, 'Eleven', 7, NULL), (12, 'Twelve', 8, NULL)",
	"INSERT INTO users (id, email, company_id) VALUES (7, 'ana@example.com', 11), (8, 'bo@example.com', 12)",
	"INSERT INTO memberships (user_id, company_id, joined_at) VALUES (7, 11, 1), (8, 12, 1)",
}

// told are the notices so far: company, type, object and codes. It forgets them.
func (o *office) toldNotices() []string {
	o.noticed.Lock()
	defer o.noticed.Unlock()
	var out []string
	for _, n := range o.notices {
		line := n.CompanyID + " " + n.Type + " " + n.Object.ID
		if n.Superseded {
			line += " superseded"
		}
		out = append(out, line)
	}
	o.notices = nil
	return out
}

// statuses counts the decisions about webhooks by status, and forgets them.
func (o *office) statuses() map[gateway.Status]int {
	out := map[gateway.Status]int{}
	for _, d := range o.premises.told(gateway.DecidedWebhook) {
		out[d.Status]++
	}
	return out
}

// onEngines runs a test where app and state are on SQLite, and where they are on
// PostgreSQL.
func onEngines(t *testing.T, test func(t *testing.T, o *office)) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, openOffice(t, setup{engine: engine}, officeRows, ""))
		})
	}
}
