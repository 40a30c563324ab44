package stripeobject_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/stripeobject"
)

func TestDecodeEvent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want rightful.Event
	}{
		"update": {
			`{"id":"evt_1","object":"event","api_version":"2026-09-30.endive","type":"customer.updated","created":7,"account":"acct_9","livemode":true,
			  "pending_webhooks":2,"request":{"id":"req_1"},"data":{"previous_attributes":{"email":"a@example.com",
			   "metadata":{"company_id":"4","note":"private","user_id":null,"org_id":""}},
			  "object":{"object":"customer","metadata":{"company_id":"5"},"name":"Ann","id":"cus_1"}}}`,
			rightful.Event{
				ID: "evt_1", Type: "customer.updated", Created: 7, Account: "acct_9", ObjectType: rightful.TypeCustomer, ObjectID: "cus_1",
				Previous: map[string]string{"company_id": "4", "org_id": ""}, PendingWebhooks: 2,
			},
		},
		"first stamp: nothing stood before": {
			`{"id":"evt_1","type":"customer.updated","data":{"object":{"id":"cus_1","object":"customer"},"previous_attributes":{"metadata":{"company_id":null}}}}`,
			rightful.Event{ID: "evt_1", Type: "customer.updated", ObjectType: rightful.TypeCustomer, ObjectID: "cus_1"},
		},
		"no update": {
			`{"id":"evt_1","object":"event","type":"checkout.session.completed","account":null,"pending_webhooks":0,"data":{"object":{"id":"cs_1","object":"checkout.session"}}}`,
			rightful.Event{ID: "evt_1", Type: "checkout.session.completed", ObjectType: rightful.TypeSession, ObjectID: "cs_1"},
		},
		"an object that is not read": {
			`{"id":"evt_1","type":"balance.available","data":{"object":{"object":"balance","available":[]},"previous_attributes":null}}`,
			rightful.Event{ID: "evt_1", Type: "balance.available", ObjectType: "balance"},
		},
		"no data": {`{"id":"evt_1","type":"x.y","data":null}`, rightful.Event{ID: "evt_1", Type: "x.y"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := stripeobject.DecodeEvent([]byte(tt.raw), keys)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeEndpoint(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://app.example.com/hooks/stripe":                   "https://app.example.com/hooks/stripe",
		"https://user:s3cret@app.example.com:8443/h?t=s3cret#s3": "https://app.example.com:8443/h",
		"https://app.example.com/a%2Fb?":                         "https://app.example.com/a%2Fb",
		"mailto:s3cret@example.com":                              "",
		"https://[s3cret":                                        "",
		"":                                                       "",
	} {
		raw := `{"id":"we_1","object":"webhook_endpoint","url":"` + address + `","status":"enabled","created":7,"secret":"whsec_s3cret","enabled_events":["*","invoice.paid"]}`
		got, err := stripeobject.DecodeEndpoint([]byte(raw))
		wanted := rightful.WebhookEndpoint{ID: "we_1", URL: want, Status: "enabled", EnabledEvents: []string{"*", "invoice.paid"}, Created: 7}
		if diff := cmp.Diff(wanted, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", address, err, diff)
		}
	}
	if got, err := stripeobject.DecodeEndpoint([]byte(`{"id":"we_1","enabled_events":null}`)); err != nil || got.EnabledEvents != nil {
		t.Errorf("no events: %+v, %v", got, err)
	}
}

func TestDecodeEventAndEndpointErrors(t *testing.T) {
	t.Parallel()
	event := func(raw string) error { _, err := stripeobject.DecodeEvent([]byte(raw), keys); return err }
	endpoint := func(raw string) error { _, err := stripeobject.DecodeEndpoint([]byte(raw)); return err }
	for says, err := range map[string]error{
		"event evt_1: field object":                                             event(`{"id":"evt_1","object":"customer"}`),
		"event (no id): field id":                                               event(`{"object":"event"}`),
		"event evt_1: field created":                                            event(`{"id":"evt_1","created":"s3cret"}`),
		"event evt_1: field data: want an object":                               event(`{"id":"evt_1","data":["s3cret"]}`),
		"event evt_1: field data.object.id":                                     event(`{"id":"evt_1","data":{"object":{"id":5}}}`),
		"event evt_1: field data.previous_attributes.metadata.company_id: want": event(`{"id":"evt_1","data":{"previous_attributes":{"metadata":{"company_id":["s3cret"]}}}}`),
		"event evt_1: field (end)":                                              event(`{"id":"evt_1"} 7`),
		"webhook_endpoint we_1: field object":                                   endpoint(`{"id":"we_1","object":"event"}`),
		"webhook_endpoint (no id): field id":                                    endpoint(`{"url":"https://example.com"}`),
		"webhook_endpoint we_1: field enabled_events: want an array":            endpoint(`{"id":"we_1","enabled_events":"*"}`),
		"webhook_endpoint we_1: field enabled_events.(type)":                    endpoint(`{"id":"we_1","enabled_events":[7]}`),
	} {
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %v, want %q and no value", err, says)
		}
	}
	if err := event(`{"id":"evt_1","data":{`); !errors.Is(err, stripeobject.ErrNotJSON) {
		t.Errorf("cut: %v", err)
	}
}

func TestDecodePagesOfEventsAndEndpoints(t *testing.T) {
	t.Parallel()
	page := func(data string) []byte { return []byte(`{"object":"list","has_more":true,"data":[` + data + `]}`) }
	events, more, err := stripeobject.DecodeEvents(page(`{"id":"evt_2"},{"id":"evt_1"}`), keys)
	if err != nil || !more || len(events) != 2 || events[1].ID != "evt_1" {
		t.Errorf("got %+v, %v, %v", events, more, err)
	}
	endpoints, more, err := stripeobject.DecodeEndpoints(page(`{"id":"we_1"}`))
	if err != nil || !more || len(endpoints) != 1 || endpoints[0].ID != "we_1" {
		t.Errorf("got %+v, %v, %v", endpoints, more, err)
	}
	if _, _, err := stripeobject.DecodeEvents(page(`{"id":"evt_2"}, {"id":"evt_1","created":[]}`), keys); err == nil || !strings.Contains(err.Error(), "page of event: event evt_1: field created") {
		t.Errorf("got %v", err)
	}
	if _, _, err := stripeobject.DecodeEndpoints([]byte(`{"object":"list","data":[]}`)); err == nil || !strings.Contains(err.Error(), "has_more") {
		t.Errorf("got %v", err)
	}
}

// FuzzDecodeEvent checks that any text is either refused or read the same way
// alone and inside a page, and that nothing but identity is kept.
func FuzzDecodeEvent(f *testing.F) {
	for _, seed := range []string{
		`{"id":"evt_1","type":"customer.updated","data":{"object":{"id":"cus_1","object":"customer"},"previous_attributes":{"metadata":{"company_id":"4","x":"y"}}}}`,
		`{"id":"evt_1","data":{"object":null,"previous_attributes":{"metadata":null}},"pending_webhooks":1e1}`,
		`{"id":"evt_1","data":{"object":{"id":"cus_1"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		alone, err := stripeobject.DecodeEvent(raw, keys)
		if err != nil {
			return
		}
		if alone.ID == "" {
			t.Fatalf("read without identity: %+v", alone)
		}
		for key := range alone.Previous {
			if !keys.Keeps(key) {
				t.Fatalf("kept metadata %q", key)
			}
		}
		page := append([]byte(`{"object":"list","has_more":false,"data":[`), raw...)
		events, _, err := stripeobject.DecodeEvents(append(page, "]}"...), keys)
		if err != nil {
			t.Fatalf("alone it is read, in a page not: %v", err)
		}
		if diff := cmp.Diff([]rightful.Event{alone}, events); diff != "" {
			t.Fatalf("alone and in a page differ:\n%s", diff)
		}
	})
}

// FuzzDecodeEndpoint checks that no secret place of an address is kept.
func FuzzDecodeEndpoint(f *testing.F) {
	f.Add([]byte(`{"id":"we_1","url":"https://u:p@example.com/x?a=b#c","enabled_events":["*"]}`))
	f.Add([]byte(`{"id":"we_1","url":"//u@h/%2e%2e/?","status":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := stripeobject.DecodeEndpoint(raw)
		if err != nil {
			return
		}
		if e.ID == "" {
			t.Fatalf("read without identity: %+v", e)
		}
		if u, err := url.Parse(e.URL); err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
			t.Fatalf("the address keeps too much: %q", e.URL)
		}
	})
}
