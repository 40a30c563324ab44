package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"rightful"
)

// stripeNow is when the worlds of TestStripe are read, in Unix seconds: 30 days
// after second 3000, so that older events are gone.
const stripeNow = 3000 + 30*24*60*60

// worldEvents are events of every kind that the suite asks about.
func worldEvents() []any {
	event := func(id, kind string, created, pending int, data fields) fields {
		return fields{"id": id, "object": "event", "type": kind, "created": created, "pending_webhooks": pending, "data": data}
	}
	customer := fields{"id": "cus_mid", "object": "customer", "metadata": fields{"company_id": "6"}}
	completed := event("evt_4", "checkout.session.completed", 9000, 1, fields{"object": fields{"id": "cs_1", "object": "checkout.session"}})
	completed["account"] = "acct_9"
	return []any{
		event("evt_0", "customer.updated", 2999, 1, fields{"object": customer}),
		event("evt_1", "customer.updated", 3000, 2, fields{"object": customer, "previous_attributes": fields{"name": "private"}}),
		completed,
		event("evt_3", "customer.updated", 8000, 0, fields{"object": customer,
			"previous_attributes": fields{"metadata": fields{"company_id": "4", "note": "private", "user_id": nil}, "name": nil}}),
		event("evt_2", "customer.subscription.updated", 7000, 1, fields{"object": fields{"id": "sub_active", "object": "subscription"},
			"previous_attributes": fields{"metadata": fields{"company_id": nil}}}),
	}
}

func worldEndpoints() []any {
	return []any{
		fields{"id": "we_2", "object": "webhook_endpoint", "created": 100, "url": "https://user:s3cret@b.example.com/hooks?token=s3cret#s3cret", "status": "disabled",
			"enabled_events": []string{"checkout.session.completed", "invoice.paid"}},
		fields{"id": "we_1", "object": "webhook_endpoint", "created": 200, "url": "https://a.example.com/stripe", "status": "enabled", "enabled_events": []string{"*"}},
	}
}

// allEvents reads events to their end.
func allEvents(ctx context.Context, r rightful.StripeReader, q rightful.EventQuery) (events []rightful.Event, err error) {
	for e, err := range r.Events(ctx, q) {
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
	return events, nil
}

func testStripeEvents(t *testing.T, open func(*testing.T, []byte) rightful.StripeReader) {
	r := open(t, smallWorld(t, true))
	if events, err := allEvents(t.Context(), r, rightful.EventQuery{}); rightful.KindOf(err) == rightful.KindUnsupported && len(events) == 0 {
		t.Skip("this place keeps no events")
	}
	for _, tt := range []struct {
		name string
		q    rightful.EventQuery
		want string // ids, newest first
	}{
		{"of the last 30 days", rightful.EventQuery{}, "evt_4 evt_3 evt_2 evt_1"},
		{"of one type", rightful.EventQuery{Types: []string{"customer.updated"}}, "evt_3 evt_1"},
		{"of several types", rightful.EventQuery{Types: []string{"customer.updated", "customer.subscription.updated"}}, "evt_3 evt_2 evt_1"},
		{"of a type that no event has", rightful.EventQuery{Types: []string{"customer.deleted"}}, ""},
		{"from, included", rightful.EventQuery{CreatedFrom: 7000}, "evt_4 evt_3 evt_2"},
		{"from, to, excluded", rightful.EventQuery{CreatedFrom: 3000, CreatedTo: 8000}, "evt_2 evt_1"},
		{"of a type, from", rightful.EventQuery{Types: []string{"customer.updated"}, CreatedFrom: 3001}, "evt_3"},
		{"undelivered", rightful.EventQuery{Undelivered: true}, "evt_4 evt_2 evt_1"},
		{"undelivered, of a type, from", rightful.EventQuery{Types: []string{"customer.updated"}, Undelivered: true, CreatedFrom: 3000}, "evt_1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := allEvents(t.Context(), r, tt.q)
			if tt.q.Undelivered && rightful.KindOf(err) == rightful.KindUnsupported {
				t.Skip("this place does not tell what was delivered")
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range events {
				ids = append(ids, e.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
	t.Run("fields", func(t *testing.T) {
		got, err := allEvents(t.Context(), r, rightful.EventQuery{CreatedFrom: 7000})
		want := []rightful.Event{
			{ID: "evt_4", Type: "checkout.session.completed", Created: 9000, Account: "acct_9", ObjectType: rightful.TypeSession, ObjectID: "cs_1", PendingWebhooks: 1},
			{ID: "evt_3", Type: "customer.updated", Created: 8000, ObjectType: rightful.TypeCustomer, ObjectID: "cus_mid", Previous: map[string]string{"company_id": "4"}},
			{ID: "evt_2", Type: "customer.subscription.updated", Created: 7000, ObjectType: rightful.TypeSubscription, ObjectID: "sub_active", PendingWebhooks: 1},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
		}
	})
	t.Run("pages", func(t *testing.T) {
		var many []any
		for i := range 250 {
			many = append(many, fields{"id": fmt.Sprintf("evt_%04d", i), "object": "event", "type": "customer.updated", "created": 4000 + i/3, "data": fields{}})
		}
		r := open(t, stripeWorld(t, true, fields{"events": many}))
		events, err := allEvents(t.Context(), r, rightful.EventQuery{})
		ids := map[string]bool{}
		for i, e := range events {
			ids[e.ID] = true
			if i > 0 && e.Created > events[i-1].Created {
				t.Errorf("%s is newer than the one before", e.ID)
			}
		}
		if err != nil || len(events) != 250 || len(ids) != 250 {
			t.Errorf("%d events, %d of them distinct, %v", len(events), len(ids), err)
		}
		for e, err := range r.Events(t.Context(), rightful.EventQuery{}) {
			if err != nil || e.Created != 4083 {
				t.Errorf("got %+v, %v", e, err)
			}
			break // stopping early is allowed
		}
	})
	t.Run("cancellation", func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if events, err := allEvents(gone, r, rightful.EventQuery{}); !errors.Is(err, context.Canceled) || len(events) > 0 {
			t.Errorf("got %d events, %v", len(events), err)
		}
	})
}

func testStripeEndpoints(t *testing.T, open func(*testing.T, []byte) rightful.StripeReader) {
	r := open(t, smallWorld(t, true))
	got, err := r.Endpoints(t.Context())
	if rightful.KindOf(err) == rightful.KindUnsupported && len(got) == 0 {
		t.Skip("this place does not tell the account's endpoints")
	}
	want := []rightful.WebhookEndpoint{
		{ID: "we_1", URL: "https://a.example.com/stripe", Status: "enabled", EnabledEvents: []string{"*"}, Created: 200},
		{ID: "we_2", URL: "https://b.example.com/hooks", Status: "disabled", EnabledEvents: []string{"checkout.session.completed", "invoice.paid"}, Created: 100},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if got, err := open(t, stripeWorld(t, true, fields{"webhook_endpoints": []any{}})).Endpoints(t.Context()); err != nil || len(got) > 0 {
		t.Errorf("none: got %+v, %v", got, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := r.Endpoints(gone); !errors.Is(err, context.Canceled) || len(got) > 0 {
		t.Errorf("cancelled: got %+v, %v", got, err)
	}
}
