package collect_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/source/worldfile"
)

// reading is a world whose Stripe can be made to fail.
type reading struct {
	rightful.StripeReader
	fail   map[string]error // by list, list/customer, get/id, events or endpoints
	events iter.Seq2[rightful.Event, error]

	mu    sync.Mutex
	asked []string
}

func (r *reading) note(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, what)
	return r.fail[what]
}

func (r *reading) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return func(yield func(rightful.Object, error) bool) {
		for _, what := range []string{string(q.Type), string(q.Type) + "/" + q.StripeCustomerID} {
			if err := r.note(what); err != nil {
				yield(rightful.Object{}, err)
				return
			}
		}
		for o, err := range r.StripeReader.List(ctx, q) {
			if !yield(o, err) {
				return
			}
		}
	}
}

func (r *reading) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	if err := r.note("get/" + id); err != nil {
		return rightful.Object{}, rightful.ExistsUnknown, err
	}
	return r.StripeReader.Get(ctx, t, id)
}

func (r *reading) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	if err := r.note("events"); err != nil {
		return func(yield func(rightful.Event, error) bool) { yield(rightful.Event{}, err) }
	}
	if r.events != nil {
		return r.events
	}
	return r.StripeReader.Events(ctx, q)
}

func (r *reading) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	if err := r.note("endpoints"); err != nil {
		return nil, err
	}
	return r.StripeReader.Endpoints(ctx)
}

// times counts how often something was asked for.
func (r *reading) times(what string) (n int) {
	for _, a := range r.asked {
		if a == what {
			n++
		}
	}
	return n
}

var keys = rightful.KeySet{Company: "company_id", User: "user_id"}

// small is a world with something of everything.
const small = `{"now": 10000000, "db": {
	"companies": [{"id": 4, "stripe_customer_id": "cus_1"}, {"id": 5, "stripe_customer_id": "cus_gone"}, {"id": 6, "stripe_customer_id": "cus_never"}],
	"users": [{"id": 1, "email": "ann@example.com"}, {"id": 2, "email": "bob@example.com"}]},
	"probe": {"users": {"1": 4, "2": 5}},
	"stripe": {"account": {"id": "acct_1", "livemode": true},
	"customers": [{"id": "cus_1", "created": 9000000, "email": "ann@example.com"}, {"id": "cus_2", "created": 9000001}, {"id": "cus_gone", "deleted": true}],
	"subscriptions": [{"id": "sub_1", "customer": "cus_1", "created": 9000000, "status": "active"}],
	"subscription_schedules": [{"id": "sub_sched_1", "customer": "cus_1", "subscription": "sub_1", "created": 9000000, "status": "active"},
		{"id": "sub_sched_2", "subscription": "sub_1", "created": 8000000}],
	"invoices": [{"id": "in_2", "customer": "cus_1", "created": 9000002, "amount_paid": 100}, {"id": "in_1", "customer": "cus_1", "created": 9000001}, {"id": "in_x", "customer": "cus_2"}],
	"charges": [{"id": "ch_1", "customer": "cus_1", "amount": 100, "paid": true}],
	"payment_methods": [{"id": "pm_1", "customer": "cus_2"}],
	"events": [
		{"id": "evt_1", "created": 9500000, "type": "customer.updated", "pending_webhooks": 1, "data": {"object": {"id": "cus_1", "object": "customer"}, "previous_attributes": {"metadata": {"company_id": "4"}}}},
		{"id": "evt_2", "created": 9600000, "type": "customer.updated", "data": {"previous_attributes": {"metadata": {"note": "x"}}}},
		{"id": "evt_3", "created": 9700000, "type": "customer.subscription.updated", "data": {"previous_attributes": {"metadata": {"company_id": "5"}}}},
		{"id": "evt_4", "created": 9800000, "type": "charge.updated", "data": {"previous_attributes": {"metadata": {"company_id": "5"}}}},
		{"id": "evt_5", "created": 9900000, "type": "customer.subscription.updated"}],
	"webhook_endpoints": [{"id": "we_1", "url": "https://a.example.com"}],
	"missing_ids": ["cus_never"]}}`

func read(t *testing.T, world string) (*reading, collect.Sources, collect.Options) {
	t.Helper()
	w, err := worldfile.Parse("world.json", []byte(world))
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{StripeReader: w.Stripe(keys), fail: map[string]error{}}
	src := collect.Sources{Directory: w.Directory(rightful.ResolverNone), Stripe: r, Probe: w.Probe()}
	return r, src, collect.Options{Now: w.Now, Keys: keys}
}

func everything(t *testing.T, src collect.Sources, opt collect.Options) *rightful.Situation {
	t.Helper()
	sit, err := collect.Everything(t.Context(), src, opt)
	if err != nil {
		t.Fatal(err)
	}
	return sit
}

func family(t *testing.T, sit *rightful.Situation, key string) *rightful.Family {
	t.Helper()
	i := slices.IndexFunc(sit.Families, func(f rightful.Family) bool { return f.Key == key })
	if i < 0 {
		t.Fatalf("no family %s", key)
	}
	return &sit.Families[i]
}

func ids(objects []rightful.Object) string {
	var out []string
	for _, o := range objects {
		out = append(out, o.ID)
	}
	return strings.Join(out, " ")
}

func eventIDs(events []rightful.Event) string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return strings.Join(out, " ")
}

func TestEverythingReadsSchedulesAndDelivery(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, small)
	opt.ProbeAll = true
	sit := everything(t, src, opt)
	if got := ids(family(t, sit, "cus_1").Schedules); got != "sub_sched_2 sub_sched_1" {
		t.Errorf("schedules of cus_1: %s", got)
	}
	if got := eventIDs(sit.Events); got != "evt_5 evt_4 evt_2 evt_1" {
		t.Errorf("undelivered events: %s", got)
	}
	if !sit.EndpointsRead || len(sit.Endpoints) != 1 || len(sit.Incomplete)+len(sit.Unheard) > 0 || sit.StripePartly {
		t.Errorf("endpoints %v %+v, incomplete %v, unheard %v", sit.EndpointsRead, sit.Endpoints, sit.Incomplete, sit.Unheard)
	}
	for id, want := range map[string]rightful.Existence{"cus_gone": rightful.ExistsDeleted, "cus_never": rightful.ExistsMissing} {
		if got := family(t, sit, id).Exists; got != want || r.times("get/"+id) != 1 {
			t.Errorf("%s exists: %v, asked for %d times", id, got, r.times("get/"+id))
		}
	}
	for id, want := range map[string]string{"1": "4", "2": "5"} {
		if got := sit.Probe.Users[id]; got.CompanyID != want {
			t.Errorf("the app's answer for %s: %+v", id, got)
		}
	}
	for _, long := range []string{"invoice", "charge", "payment_method"} {
		if r.times(long) > 0 {
			t.Errorf("the list of %s was read", long)
		}
	}
}

// TestWhatFailsSaysSo: schedules decide whether a repair is safe, so a look
// without them is a partial one. Webhooks are heard by a single check.
func TestWhatFailsSaysSo(t *testing.T) {
	t.Parallel()
	forbidden := &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe.key", Message: "lacks the permission rak_x"}
	unavailable := &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Message: "status 500"}
	unsupported := &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe", Message: "no full Stripe"}
	tests := map[string]struct {
		what                string
		err                 error
		incomplete, unheard string
	}{
		"schedules forbidden":    {"subscription_schedule", forbidden, "Stripe's list of subscription_schedule: stripe.key: lacks the permission rak_x", ""},
		"schedules fail":         {"subscription_schedule", unavailable, "Stripe's list of subscription_schedule: stripe: status 500", ""},
		"endpoints forbidden":    {"endpoints", forbidden, "", "Stripe's list of webhook endpoints: stripe.key: lacks the permission rak_x"},
		"endpoints fail":         {"endpoints", unavailable, "", "Stripe's list of webhook endpoints: stripe: status 500"},
		"endpoints unsupported":  {"endpoints", unsupported, "", ""},
		"events forbidden":       {"events", forbidden, "", "Stripe's undelivered events: stripe.key: lacks the permission rak_x"},
		"events unsupported":     {"events", unsupported, "", ""},
		"a look-up fails":        {"get/cus_never", unavailable, "looking up customers that no list holds: stripe: status 500", ""},
		"the first look-up does": {"get/cus_gone", unavailable, "looking up customers that no list holds: stripe: status 500", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, src, opt := read(t, small)
			r.fail[tt.what] = tt.err
			sit := everything(t, src, opt)
			if got := strings.Join(sit.Incomplete, "; "); got != tt.incomplete || sit.StripePartly != (tt.incomplete != "") {
				t.Errorf("incomplete: %q, partly %v", got, sit.StripePartly)
			}
			if got := strings.Join(sit.Unheard, "; "); got != tt.unheard {
				t.Errorf("unheard: %q", got)
			}
			if sit.EndpointsRead == (tt.what == "endpoints") {
				t.Errorf("endpoints read: %v", sit.EndpointsRead)
			}
			if tt.what == "get/cus_never" && family(t, sit, "cus_gone").Exists != rightful.ExistsDeleted {
				t.Error("what was looked up before the failure is lost")
			}
			if tt.what == "get/cus_gone" && family(t, sit, "cus_never").Exists != rightful.ExistsUnknown {
				t.Error("what is known depends on which answer came first")
			}
		})
	}
}

// endless yields events without end, newest first.
func endless(kind string, previous map[string]string) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		for i := 0; yield(rightful.Event{ID: fmt.Sprintf("evt_%07d", i), Type: kind, Created: int64(9_000_000 - i), Previous: previous}, nil); i++ {
		}
	}
}

func TestUndeliveredEventsAreBounded(t *testing.T) {
	t.Parallel()
	r, src, opt := read(t, small)
	r.events = endless("invoice.paid", nil)
	sit := everything(t, src, opt)
	if len(sit.Events) != 100 || sit.Events[0].ID != "evt_0000000" || len(sit.Unheard) != 1 || !strings.Contains(sit.Unheard[0], "newest 100") {
		t.Errorf("%d events, unheard %v", len(sit.Events), sit.Unheard)
	}
}

// TestAroundReadsSchedules: an investigation judges repairs as an audit does.
func TestAroundReadsSchedules(t *testing.T) {
	t.Parallel()
	nobody := func(*rightful.Situation) []string { return nil }
	about := rightful.Subject{Customers: []string{"cus_1"}}
	r, src, opt := read(t, small)
	sit, _, err := collect.Around(t.Context(), src, opt, about, nobody)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(family(t, sit, "cus_1").Schedules); got != "sub_sched_1" || len(sit.Incomplete) > 0 {
		t.Errorf("schedules of cus_1: %s, incomplete %v", got, sit.Incomplete)
	}
	r.fail["subscription_schedule"] = &rightful.Error{Kind: rightful.KindForbidden, Message: "lacks the permission rak_x"}
	sit, _, err = collect.Around(t.Context(), src, opt, about, nobody)
	if err != nil || !sit.StripePartly || len(sit.Incomplete) != 1 {
		t.Errorf("partly %v, incomplete %v, %v", sit.StripePartly, sit.Incomplete, err)
	}
}

// TestLinksSayWhereTheyStand: a link may stand in the company's row, in the
// table of links, or in both.
func TestLinksSayWhereTheyStand(t *testing.T) {
	t.Parallel()
	_, src, opt := read(t, `{"db": {"companies": [{"id": 1, "stripe_customer_id": "cus_column"}, {"id": 2, "stripe_customer_id": "cus_both"}],
		"links": [{"company_id": 1, "stripe_customer_id": "cus_table"}, {"company_id": 2, "stripe_customer_id": "cus_both"}]}, "stripe": {}}`)
	about := rightful.Subject{Companies: []string{"1", "2"}}
	around, _, err := collect.Around(t.Context(), src, opt, about, func(*rightful.Situation) []string { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for name, sit := range map[string]*rightful.Situation{"everything": everything(t, src, opt), "around": around} {
		got := map[string]string{}
		for _, l := range sit.Links {
			got[l.StripeCustomerID] = fmt.Sprint(l.Column, l.Table)
		}
		if want := map[string]string{"cus_column": "true false", "cus_table": "false true", "cus_both": "true true"}; !maps.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
