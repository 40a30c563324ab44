// Package stripesim is a Stripe that runs inside a Go test: an http.Handler
// which keeps state, so that what one request creates another request can
// list, change, expand and delete.
//
// Point any Stripe client at it:
//
//	sim := stripesim.New(stripesim.Options{})
//	srv := httptest.NewServer(sim)
//	// API base: srv.URL, key: any sk_test_... or sk_live_...
//
// It is deterministic: with the same seed, the n-th customer of an account
// always has the same id, whatever else was requested in between. The clock is
// injected; what moves with it is in catchup.go. The package depends on the
// standard library alone.
//
// # Where things are
//
// A resource is one value of type resource (resource.go), listed in
// allResources; an endpoint is one value of type operation (operation.go),
// listed in allOperations. Each resource has a file of its own (customers.go,
// sessions.go, ...) that holds both. Everything that Stripe does alike for all
// resources is in a file named after it: lists, search, expand, metadata,
// idempotency, keys, errors, forms. Events (events.go, event_names.go) follow from
// how an object changed, wherever it was changed. Adding a resource therefore means one new
// file and two lines in those two tables.
//
// Time passes in catchup.go (what waits, and when) and renew.go (what
// subscriptions and sessions do then). Pages for browsers are in pages.go,
// pay_page.go and portal_page.go, their templates in pages/; what a buyer does
// there and what CompleteCheckout does is one thing (purchase.go). The few
// operations of API v2 are in destinations.go and thin_events.go.
//
// Events go to webhook endpoints from an outbox (webhooks.go), by Deliver or
// RunWebhooks (webhook_deliver.go), in the disorder that webhook_rules.go asks
// for.
//
// What makes it hard to be a client, as with the real Stripe, is off until
// Options or Fault ask for it: limits.go, locks.go, latency.go, searchlag.go,
// faults.go. control.go serves the same to other processes below /_sim/, and
// generate.go makes worlds with faults of known number.
//
// What is modelled, simplified and absent is written down operation by
// operation in docs/stripesim.md.
package stripesim
