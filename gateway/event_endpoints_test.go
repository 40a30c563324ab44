package gateway_test

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"rightful"
	"rightful/gateway"
)

// TestAnotherEndpointsEventsAreNotMissed: a service that reads along has an endpoint of its
// own for every event. What ours was never to be sent is not missed; what it was, is.
func TestAnotherEndpointsEventsAreNotMissed(t *testing.T) {
	t.Parallel()
	const analytics = "https://analytics.example.com/stripe"
	for _, c := range []struct {
		name, ours, asksFor, others, endpoint string
		missed                                int
		wrong                                 string // the place of an error
	}{
		{name: "nobody says which is ours, and another one is sent more", asksFor: "customer.created", others: "*", missed: 1},
		{name: "nobody says which is ours, and they have nothing in common", asksFor: "customer.created", others: "customer.updated"},
		{name: "named by its id", asksFor: "customer.created", others: "customer.updated", endpoint: "we_1", missed: 1},
		{name: "named by its address", asksFor: "*", others: "customer.updated", endpoint: analytics, missed: 1},
		{name: "it is at the path of serve", ours: "https://pay.example.com/rightful/v1/webhooks/stripe", asksFor: "customer.created", others: "invoice.paid", missed: 1},
		{name: "the only one", asksFor: "customer.updated", missed: 1},
		{name: "named, and not there", asksFor: "*", endpoint: "we_2", wrong: "webhooks.endpoint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, setup{}, officeRows, "")
			o.post("/v1/webhook_endpoints/we_1", "enabled_events[0]", c.asksFor)
			if c.ours != "" {
				o.post("/v1/webhook_endpoints/we_1", "url", c.ours)
			}
			if c.others != "" {
				o.post("/v1/webhook_endpoints", "url", analytics, "enabled_events[0]", c.others)
			}
			hooks, err := o.gateway().Webhooks(gateway.WebhookOptions{Inbox: o.store, Secrets: []string{officeSecret}, Endpoint: c.endpoint})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := hooks.CatchUp(t.Context()); err != nil { // it notes where to begin
				t.Fatal(err)
			}
			id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
			o.post("/v1/customers/"+id, "name", "A") // customer.updated
			o.later(6 * 60)
			missed, err := hooks.CatchUp(t.Context())
			if c.wrong != "" {
				if own, _ := err.(*rightful.Error); own == nil || own.Place != c.wrong {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || missed != c.missed {
				t.Errorf("%d count as never delivered, want %d; %v", missed, c.missed, err)
			}
		})
	}
}

// TestWhatCatchingUpCosts: one request, as long as everything was delivered. What the
// endpoint asks for is asked where that decides, and as it is then.
func TestWhatCatchingUpCosts(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{}, officeRows, "")
	o.post("/v1/webhook_endpoints/we_1", "enabled_events[0]", "customer.created")
	looks := func(when string, requests, missed int) {
		t.Helper()
		o.later(20 * 60)
		before := o.requests()
		n, err := o.CatchUp(t.Context())
		if got := o.requests() - before; err != nil || n != missed || got != requests {
			t.Errorf("%s: %d requests and %d missed, want %d and %d; %v", when, got, n, requests, missed, err)
		}
	}
	if _, err := o.CatchUp(t.Context()); err != nil { // it notes where to begin
		t.Fatal(err)
	}
	looks("the first time the endpoint is looked for", 2, 0)
	looks("nothing happened", 1, 0)
	id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
	o.deliver()
	looks("everything was delivered", 1, 0)
	o.post("/v1/customers/"+id, "name", "A")
	looks("something happened that is not asked for", 2, 0)
	looks("nothing happened since", 1, 0)
	o.post("/v1/customers/"+id, "name", "B") // it is made before anybody asks for it
	o.post("/v1/webhook_endpoints/we_1", "enabled_events[0]", "customer.updated")
	looks("it is asked for now", 2, 1)
	looks("it is known now", 1, 0)
	o.later(40 * 60)
	looks("an hour passed", 3, 0)
}

// connecting is a Stripe whose list has an event of a connected account.
type connecting struct{ gateway.Stripe }

func (s connecting) Events(_ context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return func(yield func(rightful.Event, error) bool) {
		e := rightful.Event{Type: "customer.created", Created: q.CreatedFrom, ObjectType: rightful.TypeCustomer}
		for n, account := range []string{"", simAccount, "acct_1Connected"} {
			e.ID, e.ObjectID, e.Account = fmt.Sprintf("evt_%d", n), fmt.Sprintf("cus_%d", n), account
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestAConnectedAccountsEventsAreNotMissed: they go to endpoints of another kind.
func TestAConnectedAccountsEventsAreNotMissed(t *testing.T) {
	t.Parallel()
	o := openOffice(t, setup{options: func(o *gateway.Options) { o.Stripe = connecting{o.Stripe} }}, officeRows, "")
	for _, want := range []int{0, 2, 0} {
		n, err := o.CatchUp(t.Context())
		if err != nil || n != want {
			t.Errorf("%d count as never delivered, want %d; %v", n, want, err)
		}
		o.later(10 * 60)
	}
}
