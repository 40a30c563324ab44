package stripesim_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

func (b *bench) found(query string) string {
	b.Helper()
	return strings.Join(b.send("GET", "/v1/customers/search?query="+url.QueryEscape(query), "").ids(), " ")
}

func TestSearchLag(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{SearchLag: 30 * time.Second})
	loadWorld(t, b.sim, `{"stripe":{"customers":[{"id":"old","created":5,"metadata":{"team":"red"}}]}}`)
	equal(t, "a world is indexed", b.found("metadata['team']:'red'"), "old")

	id := str(b.send("POST", "/v1/customers", "metadata[team]=red").at("id"))
	equal(t, "listed at once", b.customers(), 2)
	equal(t, "not found yet", b.found("metadata['team']:'red'"), "old")
	b.clock.tick(29 * time.Second)
	equal(t, "still not", b.found("metadata['team']:'red'"), "old")
	b.clock.tick(time.Second)
	equal(t, "found", b.found("metadata['team']:'red'"), id+" old")

	// The match is stale, the body is fresh.
	b.send("POST", "/v1/customers/"+id, "metadata[team]=blue")
	a := b.send("GET", "/v1/customers/search?query="+url.QueryEscape("metadata['team']:'red'")+"&expand[]=total_count", "")
	equal(t, "hit", a.at("data", 0, "id"), any(id))
	equal(t, "its body", a.at("data", 0, "metadata", "team"), any("blue"))
	equal(t, "total", a.at("total_count"), any(2.0))
	equal(t, "not by the new value", b.found("metadata['team']:'blue'"), "")

	// Each change has its own time.
	b.clock.tick(10 * time.Second)
	b.send("POST", "/v1/customers/"+id, "metadata[team]=green")
	b.clock.tick(20 * time.Second)
	equal(t, "the first change", b.found("metadata['team']:'blue'"), id)
	equal(t, "not the second", b.found("metadata['team']:'green'"), "")
	b.clock.tick(10 * time.Second)
	equal(t, "the second", b.found("metadata['team']:'green'"), id)
	b.sim.Advance(time.Hour)
	b.send("POST", "/v1/customers/"+id, "metadata[team]=red")
	b.sim.Advance(30 * time.Second)
	equal(t, "and back", b.found("metadata['team']:'red'"), id+" old")

	// A deleted customer is gone at once: Stripe does not say what it shows.
	b.send("DELETE", "/v1/customers/"+id, "")
	equal(t, "deleted", b.found("metadata['team']:'red'"), "old")
}
