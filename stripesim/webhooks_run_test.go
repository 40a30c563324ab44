package stripesim_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

// The background delivers what is due, also when the clock is moved, never lets
// an API call wait, and ends with its context even while a receiver is slow.
func TestRunWebhooks(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	b.sim.SetWebhookIdle(time.Hour) // it has to be told
	b.endpoint(r, "enabled_events[]=*")
	arrived, free := make(chan struct{}, 10), make(chan struct{})
	r.does(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{} })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() { b.sim.RunWebhooks(ctx); close(ended) }()
	wait := func(what string, c chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(20 * time.Second):
			t.Fatal(what + ": nothing happens")
		}
	}
	b.named("a")
	wait("the first event", arrived)
	b.disturb(stripesim.WebhookRule{Then: stripesim.WebhookDelay, Delay: time.Hour})
	b.named("later", "now")
	wait("the second event", arrived)
	equal(t, "arrived", r.names(), "a now")
	b.sim.Advance(time.Hour)
	wait("the clock was moved", arrived)

	r.does(func(_ http.ResponseWriter, req *http.Request) {
		arrived <- struct{}{}
		select {
		case <-free:
		case <-req.Context().Done():
		}
	})
	b.named("slow")
	wait("a slow receiver", arrived)
	b.named("not held up", "nor this")
	equal(t, "nothing else is sent meanwhile", r.names(), "a now later slow")
	stop()
	wait("the end", ended)
	close(free)
	equal(t, "waiting", len(strings.Fields(r.names())), 4)
}

func TestWebhooksOfThisMachineOnly(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{WebhooksLoopback: true}), listen(t)
	b.endpoint(r, "enabled_events[]=*")
	// 192.0.2.1 is nobody's address; without the option this would wait for it.
	b.send("POST", "/v1/webhook_endpoints", "url=http://192.0.2.1:9/hook&enabled_events[]=*")
	b.named("a")
	equal(t, "report", b.deliver(), stripesim.DeliveryReport{Attempts: 2, Delivered: 1, Failed: 1, Waiting: 1})
	said := fmt.Sprint(b.sim.WebhookDeliveries())
	if !strings.Contains(said, "not on this machine") {
		t.Error(said)
	}
}

func TestControlWebhooks(t *testing.T) {
	t.Parallel()
	b, r := start(t, stripesim.Options{}), listen(t)
	loadWorld(t, b.sim, fmt.Sprintf(`{"stripe":{"account":{"id":"a","livemode":true},"webhook_endpoints":[
		{"id":"we_1","url":%q,"status":"enabled","enabled_events":["*"],"_stripesim":{"secret":"whsec_world"}},
		{"id":"we_2","url":%q,"status":"disabled","enabled_events":["*"]}]}}`, r.url, r.url))
	control := func(method, path, body string) answer { return b.send(method, "/_sim/"+path, body) }
	equal(t, "rule", control("POST", "webhooks", `{"type": "customer.*", "then": "hold", "nth": 2}`).at("rules", 0, "rule", "then"), any("hold"))
	control("POST", "webhooks", `{"then": "duplicate", "delay": "90s"}`)
	control("POST", "webhooks", `{"then": "lose", "nth": 3}`)
	b.named("a", "b", "c")
	equal(t, "deliver", control("POST", "deliver", "").raw, `{"attempts":1,"delivered":1,"failed":0,"abandoned":0,"due":0,"waiting":2}`+"\n")
	equal(t, "release", control("POST", "deliveries/release", "").at("released"), any(1.0))
	control("POST", "clock", `{"advance": "90s"}`)
	equal(t, "later", control("POST", "deliver", "{}").at("delivered"), any(2.0))
	list := control("GET", "deliveries", "")
	states := ""
	for i := range list.at("deliveries").([]any) {
		states += str(list.at("deliveries", i, "state")) + " "
	}
	equal(t, "states", states, "delivered delivered delivered lost ")
	equal(t, "rules", control("GET", "webhooks", "").at("rules", 1, "met"), any(1.0))
	equal(t, "cleared", control("DELETE", "webhooks", "").raw, `{"rules":[]}`+"\n")
	equal(t, "secret", control("GET", "webhooks/we_1/secret", "").at("secret"), any("whsec_world"))
	equal(t, "a made one", strings.HasPrefix(str(control("GET", "webhooks/we_2/secret?account=a", "").at("secret")), "whsec_"), true)
	for call, want := range map[string]int{"GET webhooks/we_9/secret": 404, "GET webhooks/we_1/secret?account=x": 404, `POST webhooks {"then":"explode"}`: 400,
		`POST webhooks {"then":"delay","delay":"soon"}`: 400, `POST webhooks {"when":"now"}`: 400, `POST deliver {"all":true}`: 400, `POST deliveries/release 5`: 400, "GET deliver": 405} {
		parts := append(strings.SplitN(call, " ", 3), "")
		if a := control(parts[0], parts[1], parts[2]); a.status != want || str(a.at("error", "hint")) == "" {
			t.Errorf("%s: %d %s", call, a.status, a.raw)
		}
	}
}
