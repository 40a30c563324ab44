package stripesim_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

// destination makes an event destination for a receiver, by stripe-go.
func (b *bench) destination(app *receiver, payload string, from string, kinds ...string) *stripe.V2CoreEventDestination {
	b.Helper()
	params := &stripe.V2CoreEventDestinationCreateParams{Name: stripe.String("app"), Type: stripe.String("webhook_endpoint"), EventPayload: stripe.String(payload),
		EnabledEvents: stripe.StringSlice(kinds), Include: stripe.StringSlice([]string{"webhook_endpoint.signing_secret", "webhook_endpoint.url"}),
		WebhookEndpoint: &stripe.V2CoreEventDestinationCreateWebhookEndpointParams{URL: stripe.String(app.url)}}
	if from != "" {
		params.EventsFrom = stripe.StringSlice([]string{from})
	}
	return must[*stripe.V2CoreEventDestination](b.T)(b.V2CoreEventDestinations.Create(b.Context(), params))
}

func (b *bench) driveDestinations(ctx context.Context) {
	t := b.T
	app := listen(t)
	made := b.destination(app, "thin", "", "v1.customer.created")
	equal(t, "url", made.WebhookEndpoint.URL, app.url)
	if !strings.HasPrefix(made.WebhookEndpoint.SigningSecret, "whsec_") || !strings.HasPrefix(made.ID, "ed_test_61") || made.Created.Unix() != b.clock.unix() {
		t.Errorf("made %+v", made)
	}
	b.clock.tick(time.Second)
	got := must[*stripe.V2CoreEventDestination](t)(b.V2CoreEventDestinations.Update(ctx, made.ID, &stripe.V2CoreEventDestinationUpdateParams{
		Description: stripe.String("d"), Metadata: map[string]*string{"k": stripe.String("v")}}))
	equal(t, "description", got.Description+got.Metadata["k"], "dv")
	got = must[*stripe.V2CoreEventDestination](t)(b.V2CoreEventDestinations.Disable(ctx, made.ID, nil))
	equal(t, "disabled", got.Status, "disabled")
	equal(t, "why", got.StatusDetails.Disabled.Reason, "user")
	got = must[*stripe.V2CoreEventDestination](t)(b.V2CoreEventDestinations.Enable(ctx, made.ID, nil))
	equal(t, "enabled", got.Status, "enabled")
	got = must[*stripe.V2CoreEventDestination](t)(b.V2CoreEventDestinations.Retrieve(ctx, made.ID, &stripe.V2CoreEventDestinationRetrieveParams{
		Include: stripe.StringSlice([]string{"webhook_endpoint.url"})}))
	equal(t, "asked for", got.WebhookEndpoint.URL+got.WebhookEndpoint.SigningSecret, app.url)
	b.destination(app, "snapshot", "", "customer.created")
	seen := 0
	for d, err := range b.V2CoreEventDestinations.List(ctx, &stripe.V2CoreEventDestinationListParams{Limit: stripe.Int64(1)}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		equal(t, "not asked for", d.WebhookEndpoint.URL, "")
	}
	equal(t, "destinations", seen, 2)
	equal(t, "deleted", must[*stripe.V2DeletedObject](t)(b.V2CoreEventDestinations.Delete(ctx, made.ID, nil)).ID, made.ID)
	if _, err := b.V2CoreEventDestinations.Retrieve(ctx, made.ID, nil); err == nil || !strings.Contains(err.Error(), "not_found") {
		t.Errorf("a deleted destination: %v", err)
	}
	count := 0
	for event, err := range b.V2CoreEvents.List(ctx, &stripe.V2CoreEventListParams{Limit: stripe.Int64(3), Types: stripe.StringSlice([]string{"v1.customer.created"})}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		id := event.(*stripe.V2CoreRawEvent).ID
		equal(t, "retrieved", must[stripe.V2CoreEvent](t)(b.V2CoreEvents.Retrieve(ctx, id, nil)).(*stripe.V2CoreRawEvent).ID, id)
	}
	if count < 2 {
		t.Errorf("%d thin events of customers", count)
	}
}

// A thin event names the object; retrieved, it says what changed.
func TestThinEvents(t *testing.T) {
	t.Parallel()
	b, app := start(t, stripesim.Options{}), listen(t)
	made := b.destination(app, "thin", "", "v1.customer.updated", "v1.customer.deleted")
	customer := must[*stripe.Customer](t)(b.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Metadata: map[string]string{"company_id": "4", "kept": "1"}}))
	b.clock.tick(time.Minute)
	params := &stripe.CustomerUpdateParams{Metadata: map[string]string{"company_id": "11"}}
	params.SetIdempotencyKey("key-1")
	must[*stripe.Customer](t)(b.V1Customers.Update(t.Context(), customer.ID, params))
	if report := b.deliver(); report.Delivered != 1 {
		t.Fatalf("delivered %+v", report)
	}
	hit := app.all()[0]
	got, err := b.ParseEventNotification(hit.body, hit.header.Get("Stripe-Signature"), made.WebhookEndpoint.SigningSecret, stripe.WithIgnoreTolerance())
	if err != nil {
		t.Fatal(err)
	}
	event, ok := got.(*stripe.UnknownEventNotification) // 86.1.1 does not know thin events of API v1
	if !ok {
		t.Fatalf("got %T", got)
	}
	equal(t, "type", event.Type, "v1.customer.updated")
	equal(t, "object", event.Object, "v2.core.event")
	equal(t, "created", event.Created.Unix(), b.clock.unix())
	equal(t, "related", *event.RelatedObject, stripe.V2CoreEventRelatedObject{ID: customer.ID, Type: "customer", URL: "/v1/customers/" + customer.ID})
	equal(t, "key", event.Reason.Request.IdempotencyKey, "key-1")
	if strings.Contains(string(hit.body), "company_id") {
		t.Errorf("a thin event shows its object: %s", hit.body)
	}
	raw := must[stripe.V2CoreEvent](t)(event.FetchEvent(t.Context())).(*stripe.V2CoreRawEvent)
	equal(t, "before", raw.Changes["before"].(map[string]any)["metadata"].(map[string]any)["company_id"], any("4"))
	after := raw.Changes["after"].(map[string]any)["metadata"].(map[string]any)
	equal(t, "after", after["company_id"], any("11"))
	equal(t, "only what changed", len(after), 1)
	related := must[*stripe.APIResource](t)(event.FetchRelatedObject(t.Context()))
	if !strings.Contains(string(related.LastResponse.RawJSON), `"company_id": "11"`) && !strings.Contains(string(related.LastResponse.RawJSON), `"company_id":"11"`) {
		t.Errorf("the related object is %s", related.LastResponse.RawJSON)
	}
	if _, err := b.ParseEventNotification(hit.body, hit.header.Get("Stripe-Signature"), "whsec_other"); err == nil {
		t.Error("a wrong secret was taken")
	}

	// The filters of the list.
	listed := func(query string) int {
		t.Helper()
		a := b.send("GET", "/v2/core/events?"+query, "")
		data, _ := a.at("data").([]any)
		return len(data)
	}
	equal(t, "all", listed(""), 2)
	equal(t, "of the object", listed("object_id="+customer.ID), 2)
	equal(t, "of another", listed("object_id=cus_none"), 0)
	equal(t, "of the type", listed("types[0]=v1.customer.created"), 1)
	equal(t, "since", listed("created[gte]="+b.clock.now().UTC().Format(time.RFC3339)), 1)
	equal(t, "before", listed("created[lt]="+b.clock.now().UTC().Format(time.RFC3339)), 1)
	equal(t, "no time", b.send("GET", "/v2/core/events?created[gt]=soon", "").status, 400)
	equal(t, "no page", b.send("GET", "/v2/core/events?page=evt_x", "").status, 400)
	equal(t, "no event", b.send("GET", "/v2/core/events/evt_test_none", "").at("error", "code"), any("not_found"))
	b.clock.tick(31 * 24 * time.Hour)
	equal(t, "after 30 days", listed(""), 0)
}

// Both payloads side by side, from connected accounts too.
func TestDestinationsBesideEndpoints(t *testing.T) {
	t.Parallel()
	b, thin, snapshot, old := start(t, stripesim.Options{}), listen(t), listen(t), listen(t)
	b.named("first")
	if err := b.sim.AddAccount("acct_c"); err != nil {
		t.Fatal(err)
	}
	b.destination(thin, "thin", "@accounts", "v1.customer.created")
	full := b.destination(snapshot, "snapshot", "", "customer.created")
	b.endpoint(old, "enabled_events[]=customer.created")
	own := listen(t)
	b.destination(own, "thin", "", "v1.customer.created")
	pending := func() any {
		return b.send("GET", "/v1/events?limit=1&type=customer.created", "").at("data", 0, "pending_webhooks")
	}
	b.named("own")
	equal(t, "pending", pending(), any(2.0)) // nobody counts a thin one
	b.send("POST", "/v1/customers", "name=connected", "Stripe-Account", "acct_c")
	b.deliver()
	equal(t, "snapshot", snapshot.names(), "own")
	equal(t, "endpoint", old.names(), "own")
	if hit := snapshot.all()[0]; !verifies(hit, full.WebhookEndpoint.SigningSecret) || hit.event["api_version"] != stripesim.DefaultVersion {
		t.Errorf("a snapshot: %s", hit.body)
	}
	if all := thin.all(); len(all) != 1 || all[0].event["context"] != "acct_c" {
		t.Errorf("thin events of connected accounts: %v", all)
	}
	equal(t, "acknowledged", pending(), any(0.0))
	shown, _ := b.send("GET", "/_sim/deliveries?state=delivered", "").at("deliveries").([]any)
	equal(t, "deliveries", len(shown), 4)
	old.answers(500)
	b.named("refused")
	b.deliver()
	equal(t, "the endpoint has not", pending(), any(1.0))
}

func TestDestinationsRefuse(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	json := []string{"Content-Type", "application/json"}
	const whole = `{"name":"n","type":"webhook_endpoint","event_payload":"thin","enabled_events":["v1.customer.created"],"webhook_endpoint":{"url":"http://127.0.0.1/"}}`
	equal(t, "whole", b.send("POST", "/v2/core/event_destinations", whole, json...).status, http.StatusOK)
	for name, body := range map[string]string{
		"no json":        `name=n`,
		"two kinds":      strings.Replace(whole, "v1.customer.created", "customer.created", 1),
		"unknown type":   strings.Replace(whole, "v1.customer.created", "v1.customer.eaten", 1),
		"no url":         strings.Replace(whole, "http://127.0.0.1/", "javascript:x", 1),
		"no name":        strings.Replace(whole, `"name":"n",`, "", 1),
		"eventbridge":    strings.Replace(whole, "webhook_endpoint\",\"event", "amazon_eventbridge\",\"event", 1),
		"unknown":        strings.Replace(whole, `"name"`, `"colour":"red","name"`, 1),
		"version":        strings.Replace(whole, `"name"`, `"snapshot_api_version":"2026-06-24.dahlia","name"`, 1),
		"nothing to ask": strings.Replace(whole, `["v1.customer.created"]`, `[]`, 1),
	} {
		a := b.send("POST", "/v2/core/event_destinations", body, json...)
		if a.status != 400 || str(a.at("error", "message")) == "" {
			t.Errorf("%s: %d %s", name, a.status, a.raw)
		}
	}
	deep := b.send("POST", "/v2/core/event_destinations", `{"name":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`, json...)
	deep.wantError(t, 400, "invalid_request", "", "nested too deep")
	b.send("POST", "/v2/core/event_destinations", whole).wantError(t, 400, "invalid_request", "", "application/json")
}

func TestUnknownURLsOfV2(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.send("GET", "/v2/core/accounts", "").wantError(t, 404, "not_found", "", "Unrecognized request URL (GET: /v2/core/accounts)")
}
