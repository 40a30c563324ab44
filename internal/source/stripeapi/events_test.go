package stripeapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rightful"
)

// eventsPage is a page of customer.updated events.
func eventsPage(more bool, ids ...string) string {
	var events []string
	for _, id := range ids {
		events = append(events, fmt.Sprintf(`{"id":%q,"object":"event","type":"customer.updated","created":7,"pending_webhooks":1,
			"data":{"object":{"id":"cus_1","object":"customer"},"previous_attributes":{"metadata":{"company_id":"4"}}}}`, id))
	}
	return fmt.Sprintf(`{"object":"list","url":"/v1/events","has_more":%v,"data":[%s]}`, more, strings.Join(events, ","))
}

func (f *fake) events(t *testing.T, q rightful.EventQuery) (ids []string, err error) {
	t.Helper()
	for e, err := range f.Events(t.Context(), q) {
		if err != nil {
			return ids, err
		}
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func TestEventQueries(t *testing.T) {
	t.Parallel()
	for want, q := range map[string]rightful.EventQuery{
		"limit=100": {},
		"limit=100&types[]=customer.updated&types[]=customer.deleted": {Types: []string{"customer.updated", "customer.deleted"}},
		"created[gte]=5&delivery_success=false&limit=100":             {Undelivered: true, CreatedFrom: 5},
		"created[gte]=5&created[lt]=9&limit=100":                      {CreatedFrom: 5, CreatedTo: 9},
	} {
		f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { send(w, eventsPage(false, "evt_1")) })
		if ids, err := f.events(t, q); err != nil || !slices.Equal(ids, []string{"evt_1"}) {
			t.Errorf("%s: got %v, %v", want, ids, err)
		}
		got := strings.NewReplacer("%5B", "[", "%5D", "]").Replace(f.requests()[0].URL.RequestURI())
		if got != "/v1/events?"+want {
			t.Errorf("asked %s, want %s", got, want)
		}
	}
}

func TestEventsGoToTheEnd(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("starting_after") == "evt_1" {
			send(w, eventsPage(false, "evt_0"))
			return
		}
		send(w, eventsPage(true, "evt_2", "evt_1"))
	})
	if ids, err := f.events(t, rightful.EventQuery{}); err != nil || !slices.Equal(ids, []string{"evt_2", "evt_1", "evt_0"}) {
		t.Errorf("got %v, %v", ids, err)
	}
	if _, err := f.events(t, rightful.EventQuery{Types: make([]string, 21)}); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("more types than Stripe takes: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("starting_after") {
			send(w, `{"object":"list","has_more":false,"data":[{"id":"we_1","object":"webhook_endpoint","url":"https://u:p@a.example.com/hook?secret=1#x","status":"disabled","enabled_events":["*"],"created":3}]}`)
			return
		}
		send(w, `{"object":"list","has_more":true,"data":[{"id":"we_2","object":"webhook_endpoint","url":"https://b.example.com","status":"enabled","enabled_events":["invoice.paid"]}]}`)
	})
	got, err := f.Endpoints(t.Context())
	want := []rightful.WebhookEndpoint{
		{ID: "we_1", URL: "https://a.example.com/hook", Status: "disabled", EnabledEvents: []string{"*"}, Created: 3},
		{ID: "we_2", URL: "https://b.example.com", Status: "enabled", EnabledEvents: []string{"invoice.paid"}},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What a server refuses tells what kind of server it is, and what the key lacks.
func TestEventsAndEndpointsErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		kind   rightful.ErrorKind
	}{
		"no such list":   {404, `{"error":{"type":"invalid_request_error","message":"Unrecognized request URL"}}`, rightful.KindUnsupported},
		"unknown filter": {400, `{"error":{"type":"invalid_request_error","param":"delivery_success","message":"not modelled"}}`, rightful.KindUnsupported},
		"another filter": {400, `{"error":{"type":"invalid_request_error","param":"created","message":"no"}}`, rightful.KindUnavailable},
		"no permission":  {403, `{"error":{"type":"invalid_request_error","message":"Having the 'rak_event_read' permission would allow this request to continue."}}`, rightful.KindForbidden},
		"not a list":     {200, `{"object":"event","id":"evt_1"}`, rightful.KindUnavailable},
		"cut":            {200, eventsPage(false, "evt_1")[:90], rightful.KindUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				send(w, tt.body)
			})
			ids, err := f.events(t, rightful.EventQuery{Undelivered: true})
			wantKind(t, err, tt.kind)
			if len(ids) > 0 {
				t.Errorf("got %v", ids)
			}
			got, err := f.Endpoints(t.Context())
			wantKind(t, err, tt.kind)
			if got != nil {
				t.Errorf("got %v", got)
			}
		})
	}
}
