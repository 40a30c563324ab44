package stripesim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86/webhook"

	"rightful/stripesim"
)

// verifies reports that stripe-go accepts a delivery with this secret.
func verifies(hit received, secret string) bool {
	_, err := webhook.ConstructEventWithOptions(hit.body, hit.header.Get("Stripe-Signature"), secret,
		webhook.ConstructEventOptions{IgnoreTolerance: true, IgnoreAPIVersionMismatch: true})
	return err == nil
}

// While a secret is rolled, both sign, and afterwards only the new one does.
func TestWebhookSecretsRoll(t *testing.T) {
	t.Parallel()
	b, app := start(t, stripesim.Options{}), listen(t)
	id, first := b.endpoint(app, "enabled_events[]=customer.created")
	last := func(name string) received {
		t.Helper()
		b.named(name)
		b.deliver()
		all := app.all()
		return all[len(all)-1]
	}
	signed := func(hit received) int { return strings.Count(hit.header.Get("Stripe-Signature"), ",v1=") }

	second := must[string](t)(b.sim.RollWebhookSecret("", id, time.Hour))
	equal(t, "told", must[string](t)(b.sim.WebhookSecret("", id)), second)
	hit := last("a")
	equal(t, "signatures", signed(hit), 2)
	if first == second || !verifies(hit, first) || !verifies(hit, second) {
		t.Error("a delivery while the secret rolls is not signed with both")
	}
	third := str(b.send("POST", "/_sim/webhooks/"+id+"/roll", `{"keep":"24h"}`).at("secret"))
	hit = last("b")
	equal(t, "signatures of three", signed(hit), 3)
	b.clock.tick(time.Hour) // the first one's hour is over, whatever came later
	hit = last("c")
	equal(t, "signatures of two", signed(hit), 2)
	if verifies(hit, first) || !verifies(hit, second) || !verifies(hit, third) {
		t.Error("a secret signs beyond its time, or stops early")
	}
	b.clock.tick(23 * time.Hour)
	if hit = last("d"); signed(hit) != 1 || !verifies(hit, third) {
		t.Errorf("after a day: %s", hit.header.Get("Stripe-Signature"))
	}
	fourth := str(b.send("POST", "/_sim/webhooks/"+id+"/roll", "").at("secret"))
	if hit = last("e"); signed(hit) != 1 || !verifies(hit, fourth) {
		t.Error("a secret that was ended at once still signs")
	}
	equal(t, "too long", b.send("POST", "/_sim/webhooks/"+id+"/roll", `{"keep":"25h"}`).status, 400)
	equal(t, "nobody", b.send("POST", "/_sim/webhooks/we_none/roll", "").status, 404)
	if _, err := b.sim.RollWebhookSecret("", id, -time.Second); err == nil {
		t.Error("a negative time was taken")
	}
}

// In order, an event waits for those before it, endpoint by endpoint.
func TestWebhooksInOrder(t *testing.T) {
	t.Parallel()
	b, slow, fast := start(t, stripesim.Options{WebhooksInOrder: true}), listen(t), listen(t)
	id, _ := b.endpoint(slow, "enabled_events[]=customer.created")
	b.endpoint(fast, "enabled_events[]=customer.created")
	b.disturb(stripesim.WebhookRule{Endpoint: id, Nth: 3, Then: stripesim.WebhookHold})
	b.disturb(stripesim.WebhookRule{Endpoint: id, Nth: 3, Then: stripesim.WebhookShuffle, Delay: time.Hour, Times: -1})
	b.named("a", "b", "c", "d")
	failed := false
	slow.does(func(w http.ResponseWriter, _ *http.Request) {
		if !failed {
			w.WriteHeader(500)
		}
		failed = true
	})
	report := b.deliver()
	equal(t, "the other endpoint", fast.names(), "a b c d")
	equal(t, "one failed", slow.names(), "a")
	equal(t, "nothing is due", report.Due, 0)
	equal(t, "waiting", report.Waiting, 4)
	waiting, _ := b.send("GET", "/_sim/deliveries?state=waiting&endpoint="+id, "").at("deliveries").([]any)
	held, _ := b.send("GET", "/_sim/deliveries?state=held", "").at("deliveries").([]any)
	equal(t, "shown as waiting", len(waiting), 3)
	equal(t, "shown as held", len(held), 1)
	equal(t, "no such state", b.send("GET", "/_sim/deliveries?state=lazy", "").status, 400)
	b.clock.tick(2 * time.Hour)
	b.deliver()
	equal(t, "up to the one that is held", slow.names(), "a a b")
	b.sim.ReleaseWebhooks()
	b.deliver()
	equal(t, "all", slow.names(), "a a b c d")
}
