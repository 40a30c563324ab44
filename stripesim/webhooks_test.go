package stripesim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86/webhook"

	"rightful/stripesim"
)

// receiver is the application that webhooks go to.
type receiver struct {
	url    string
	mu     sync.Mutex
	got    []received
	answer http.HandlerFunc // nil: 200
}

type received struct {
	header http.Header
	body   []byte
	event  map[string]any
}

func listen(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		hit := received{header: req.Header.Clone(), body: body}
		if err != nil || json.Unmarshal(body, &hit.event) != nil {
			t.Errorf("the webhook is no JSON: %s %v", body, err)
		}
		r.mu.Lock()
		r.got = append(r.got, hit)
		answer := r.answer
		r.mu.Unlock()
		if answer != nil {
			answer(w, req)
		}
	}))
	t.Cleanup(srv.Close)
	r.url = srv.URL + "/hook"
	return r
}

func (r *receiver) answers(status int) {
	r.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

func (r *receiver) does(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// all are the requests so far, names the names of the customers in them.
func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]received(nil), r.got...)
}

func (r *receiver) names() string {
	var names []string
	for _, hit := range r.all() {
		object := hit.event["data"].(map[string]any)["object"].(map[string]any)
		names = append(names, str(object["name"]))
	}
	return strings.Join(names, " ")
}

// endpoint registers a receiver; more is more of the form.
func (b *bench) endpoint(r *receiver, more string, headers ...string) (id, secret string) {
	b.Helper()
	a := b.send("POST", "/v1/webhook_endpoints", "url="+r.url+"&"+more, headers...)
	if a.status != 200 {
		b.Fatalf("no endpoint: %s", a.raw)
	}
	return str(a.at("id")), str(a.at("secret"))
}

func (b *bench) named(names ...string) {
	b.Helper()
	for _, name := range names {
		b.send("POST", "/v1/customers", "name="+name)
	}
}

func (b *bench) deliver() stripesim.DeliveryReport {
	b.Helper()
	return must[stripesim.DeliveryReport](b.T)(b.sim.Deliver(b.Context()))
}

func (b *bench) disturb(rule stripesim.WebhookRule) {
	b.Helper()
	if err := b.sim.DisturbWebhooks(rule); err != nil {
		b.Fatal(err)
	}
}

func TestWebhooksAreSignedEvents(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	_, secret := b.endpoint(r, "enabled_events[]=customer.created&api_version=2025-03-31.basil")
	b.named("a")
	equal(t, "nothing without being asked", len(r.all()), 0)
	equal(t, "pending", b.send("GET", "/v1/events", "").at("data", 0, "pending_webhooks"), any(1.0))
	b.clock.tick(time.Minute)
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1})
	hit := r.all()[0]
	signed := hit.header.Get("Stripe-Signature")
	if !strings.HasPrefix(signed, fmt.Sprintf("t=%d,v1=", b.clock.unix())) {
		t.Errorf("signed %q, at %d", signed, b.clock.unix())
	}
	equal(t, "type", hit.header.Get("Content-Type"), "application/json; charset=utf-8")
	equal(t, "agent", strings.HasPrefix(hit.header.Get("User-Agent"), "Stripe/1.0"), true)
	equal(t, "the endpoint's version", str(hit.event["api_version"]), "2025-03-31.basil")
	equal(t, "no account", hit.event["account"], nil)

	lax := webhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true, IgnoreTolerance: true}
	e, err := webhook.ConstructEventWithOptions(hit.body, signed, secret, lax)
	if err != nil || e.Type != "customer.created" || e.GetObjectValue("name") != "a" {
		t.Errorf("stripe-go says %v, %v", e.Type, err)
	}
	if _, err = webhook.ConstructEventWithOptions(append(hit.body, ' '), signed, secret, lax); err == nil {
		t.Error("another body passes")
	}
	if _, err = webhook.ConstructEventWithOptions(hit.body, signed, "whsec_other", lax); err == nil {
		t.Error("another secret passes")
	}
	listed := b.send("GET", "/v1/events?delivery_success=true", "")
	equal(t, "listed as delivered", listed.at("data", 0, "pending_webhooks"), any(0.0))
	equal(t, "with its own version", str(listed.at("data", 0, "api_version")), stripesim.DefaultVersion)
	equal(t, "once", b.deliver(), stripesim.DeliveryReport{})
}

// stripe-go's strict check, with its tolerance and its version.
func TestWebhooksPassTheStrictCheck(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{Now: time.Now}), listen(t)
	_, secret := b.endpoint(r, "enabled_events[]=*")
	b.named("a")
	b.deliver()
	if _, err := webhook.ConstructEvent(r.all()[0].body, r.all()[0].header.Get("Stripe-Signature"), secret); err != nil {
		t.Error(err)
	}
}

func TestWebhooksGoToWhoAskedForThem(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	all, some, off, gone := listen(t), listen(t), listen(t), listen(t)
	b.endpoint(all, "enabled_events[]=*")
	id, _ := b.endpoint(some, "enabled_events[]=customer.deleted&enabled_events[]=product.created")
	disabled, _ := b.endpoint(off, "enabled_events[]=*")
	b.named("before")
	b.send("POST", "/v1/webhook_endpoints/"+disabled, "disabled=true")
	b.named("after")
	b.send("POST", "/v1/products", "name=Pro")
	deleted, _ := b.endpoint(gone, "enabled_events[]=*")
	b.named("last")
	b.send("DELETE", "/v1/webhook_endpoints/"+deleted, "")
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 5, Delivered: 5, Abandoned: 2})
	equal(t, "all", all.names(), "before after Pro last")
	equal(t, "some", some.names(), "Pro")
	equal(t, "a disabled one", off.names()+gone.names(), "")
	for _, d := range b.sim.WebhookDeliveries() {
		want := "delivered"
		if d.Endpoint == disabled || d.Endpoint == deleted {
			want = "abandoned"
		}
		equal(t, d.Type+" for "+d.Endpoint, d.State, want)
	}
	equal(t, "what nobody got stays pending", strings.Join(b.types("delivery_success=false"), " "), "customer.created customer.created")
	b.send("POST", "/v1/webhook_endpoints/"+id, "url="+all.url+"&enabled_events[]=customer.created")
	b.named("moved")
	b.deliver()
	equal(t, "both go there now", strings.HasSuffix(all.names(), "last moved moved"), true)
}

func TestWebhooksAreRetried(t *testing.T) {
	t.Parallel()
	elsewhere := listen(t)
	times := func(seed uint64, world string) []time.Duration {
		b, r := start(t, stripesim.Options{Seed: seed}), listen(t)
		if world != "" {
			loadWorld(t, b.sim, fmt.Sprintf(world, r.url))
		} else {
			b.endpoint(r, "enabled_events[]=*")
		}
		r.does(func(w http.ResponseWriter, req *http.Request) { // a redirect is no success
			http.Redirect(w, req, elsewhere.url, http.StatusFound)
		})
		b.named("a")
		var at []time.Duration
		begin, report := b.clock.unix(), b.deliver()
		for report.Waiting > 0 {
			at = append(at, time.Duration(b.clock.unix()-begin)*time.Second)
			d := b.sim.WebhookDeliveries()[0]
			equal(t, "state", d.State+" "+d.Error, "waiting the receiver answered 302")
			b.clock.tick(time.Duration(d.Next-b.clock.unix()-1) * time.Second)
			equal(t, "not too early", b.deliver().Attempts, 0)
			b.clock.tick(2 * time.Second)
			report = b.deliver()
			equal(t, "attempts", report.Attempts, 1)
		}
		at = append(at, time.Duration(b.clock.unix()-begin)*time.Second)
		equal(t, "in the end", report.Abandoned, 1)
		equal(t, "requests", len(r.all()), len(at))
		equal(t, "pending for good", len(b.types("delivery_success=false")), 1)
		return at
	}
	sandbox := times(1, "")
	equal(t, "the redirect is not followed", len(elsewhere.all()), 0)
	equal(t, "tries in a sandbox", len(sandbox), 3)
	if last := sandbox[2]; last < 3*time.Hour || last > 4*time.Hour {
		t.Errorf("the last try comes after %s", last)
	}
	const world = `{"stripe":{"account":{"id":"a","livemode":true},"webhook_endpoints":[{"id":"we_1","url":"%s","status":"enabled","enabled_events":["*"]}]}}`
	live := times(1, world)
	if n, last := len(live), live[len(live)-1]; n < 10 || last < 60*time.Hour || last > 72*time.Hour {
		t.Errorf("%d live tries, the last after %s", n, last)
	}
	for i := range live[2:] {
		if before, wait := live[i+1]-live[i], live[i+2]-live[i+1]; wait < before && wait < 12*time.Hour {
			t.Errorf("the wait shrinks from %s to %s", before, wait)
		}
	}
	equal(t, "the same again", fmt.Sprint(times(1, world)), fmt.Sprint(live))
	if fmt.Sprint(times(2, world)) == fmt.Sprint(live) {
		t.Error("another seed retries at the same moments")
	}
}

func TestWebhooksSucceedAtLast(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{WebhookTimeout: time.Second}), listen(t)
	b.endpoint(r, "enabled_events[]=*")
	b.named("a")
	free := make(chan struct{})
	r.does(func(_ http.ResponseWriter, req *http.Request) { // too slow
		select {
		case <-free:
		case <-req.Context().Done():
		}
	})
	equal(t, "timeout", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Failed: 1, Waiting: 1})
	close(free)
	equal(t, "said", b.sim.WebhookDeliveries()[0].Error, "no answer within 1s")
	b.sim.Advance(2 * time.Hour)
	r.answers(http.StatusNoContent)
	equal(t, "then", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1})
	d := b.sim.WebhookDeliveries()[0]
	equal(t, "state", fmt.Sprintf("%s %d %d %q %d", d.State, d.Attempts, d.Status, d.Error, d.Next), `delivered 2 204 "" 0`)
	equal(t, "pending", len(b.types("delivery_success=false")), 0)
}

func TestWebhooksOutOfOrder(t *testing.T) {
	t.Parallel()
	shuffled := func(seed uint64) string {
		b, r := start(t, stripesim.Options{Seed: seed}), listen(t)
		b.endpoint(r, "enabled_events[]=*")
		b.disturb(stripesim.WebhookRule{Type: "customer.*", Then: stripesim.WebhookShuffle, Delay: time.Minute, Times: -1})
		b.named("a", "b", "c", "d", "e", "f")
		b.sim.Advance(time.Minute)
		b.deliver()
		return r.names()
	}
	first := shuffled(1)
	equal(t, "all of them", len(strings.Fields(first)), 6)
	equal(t, "the same again", shuffled(1), first)
	if first == "a b c d e f" && shuffled(2) == first {
		t.Error("nothing is shuffled")
	}

	b, r := start(t, stripesim.Options{}), listen(t)
	endpoint, _ := b.endpoint(r, "enabled_events[]=*")
	b.disturb(stripesim.WebhookRule{Type: "product.*", Then: stripesim.WebhookLose}) // matches nothing here
	b.disturb(stripesim.WebhookRule{Endpoint: endpoint, Nth: 2, Then: stripesim.WebhookDelay, Delay: time.Hour})
	b.disturb(stripesim.WebhookRule{Nth: 3, Then: stripesim.WebhookDuplicate})
	b.disturb(stripesim.WebhookRule{Nth: 4, Then: stripesim.WebhookLose})
	b.disturb(stripesim.WebhookRule{Nth: 5, Then: stripesim.WebhookHold, Times: 2})
	b.named("a", "late", "twice", "lost", "held1", "held2")
	equal(t, "at first", b.deliver(), stripesim.DeliveryReport{Attempts: 3, Delivered: 3, Waiting: 3})
	equal(t, "arrived", r.names(), "a twice twice")
	equal(t, "still pending", len(b.types("delivery_success=false")), 4)
	equal(t, "released", b.sim.ReleaseWebhooks(), 2)
	b.sim.Advance(time.Hour)
	b.deliver()
	equal(t, "arrived later", r.names(), "a twice twice held1 held2 late")
	equal(t, "lost for good", len(b.types("delivery_success=false")), 1)
	met := ""
	for _, rule := range b.sim.WebhookRules() {
		met += fmt.Sprint(rule.Matched, "/", rule.Met, " ")
	}
	equal(t, "rules", met, "0/0 6/1 6/1 6/1 6/2 ")
	b.sim.ClearWebhookRules()
	equal(t, "cleared", len(b.sim.WebhookRules()), 0)
	for _, bad := range []stripesim.WebhookRule{{}, {Then: "explode"}, {Then: stripesim.WebhookDelay}, {Then: stripesim.WebhookShuffle},
		{Then: stripesim.WebhookHold, Delay: 1}, {Then: stripesim.WebhookDuplicate, Delay: -1}} {
		if b.sim.DisturbWebhooks(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// A write that is lost sends nothing, and the event after it is sent once.
func TestWebhooksOfLostWritesAndResets(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	b.endpoint(r, "enabled_events[]=*")
	b.fault(stripesim.FaultRule{Operation: "customers.create", Then: stripesim.FaultLose})
	b.named("lost", "kept")
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1})
	equal(t, "arrived", r.names(), "kept")
	b.named("forgotten")
	b.disturb(stripesim.WebhookRule{Then: stripesim.WebhookLose})
	b.sim.Reset()
	equal(t, "rules", len(b.sim.WebhookRules()), 0)
	equal(t, "after a reset", b.deliver(), stripesim.DeliveryReport{})
}

func TestDeliverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	b.endpoint(r, "enabled_events[]=*")
	b.named("a")
	ctx, cancel := context.WithCancel(t.Context())
	r.does(func(_ http.ResponseWriter, req *http.Request) { cancel(); <-req.Context().Done() })
	if _, err := b.sim.Deliver(ctx); err == nil {
		t.Error("it goes on")
	}
	d := b.sim.WebhookDeliveries()[0]
	equal(t, "as before", fmt.Sprintf("%s %d", d.State, d.Attempts), "waiting 0")
	r.answers(200)
	equal(t, "again", b.deliver().Delivered, 1)
}

// The copies of an event count once: what another endpoint has not got stays
// pending.
func TestDuplicatesCountOnce(t *testing.T) {
	t.Parallel()
	b, r, down := start(t, stripesim.Options{}), listen(t), listen(t)
	id, _ := b.endpoint(r, "enabled_events[]=*")
	b.endpoint(down, "enabled_events[]=*")
	down.answers(500)
	b.disturb(stripesim.WebhookRule{Endpoint: id, Then: stripesim.WebhookDuplicate})
	b.named("a")
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 3, Delivered: 2, Failed: 1, Waiting: 1})
	equal(t, "pending", b.send("GET", "/v1/events", "").at("data", 0, "pending_webhooks"), any(1.0))
}

// Receivers use the API, and what they cause is for the next round.
func TestReceiversMayWrite(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	b.endpoint(r, "enabled_events[]=customer.created")
	r.does(func(http.ResponseWriter, *http.Request) { b.named("next") })
	b.named("a")
	equal(t, "first", b.deliver(), stripesim.DeliveryReport{Attempts: 1, Delivered: 1, Due: 1, Waiting: 1})
	equal(t, "second", b.deliver().Due, 1)
}
