package stripesim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func generated(t *testing.T, opts stripesim.GenerateOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stripesim.Generate(&b, opts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	opts := stripesim.GenerateOptions{Companies: 200, Seed: 3, Planted: 15}
	raw := generated(t, opts)
	if !bytes.Equal(raw, generated(t, opts)) {
		t.Error("the same options write another world")
	}
	opts.Seed = 4
	if bytes.Equal(raw, generated(t, opts)) {
		t.Error("another seed writes the same world")
	}
	opts.Seed = 3
	var world struct {
		DB      map[string][]map[string]any
		Stripe  map[string]json.RawMessage
		Planted struct {
			Counts map[stripesim.PlantedKind]int
			List   []stripesim.Planted
		}
	}
	if err := json.Unmarshal(raw, &world); err != nil {
		t.Fatal(err)
	}
	equal(t, "companies", len(world.DB["companies"]), 200)
	equal(t, "users", len(world.DB["users"]), 200)
	equal(t, "planted", len(world.Planted.List), 30)
	total := 0
	for _, n := range world.Planted.Counts {
		equal(t, "of each kind", n, 5)
		total += n
	}
	equal(t, "in all", total, 30)
	equal(t, "rows", len(world.DB["subscriptions"]), 195)
	if !slices.Equal(world.Planted.List, must[[]stripesim.Planted](t)(stripesim.PlantedFaults(opts))) {
		t.Error("PlantedFaults returns another list than the file has")
	}
	seen := map[string]bool{}
	for _, p := range world.Planted.List {
		if seen[p.Company] {
			t.Errorf("company %s has two faults", p.Company)
		}
		seen[p.Company] = true
	}

	// It is served, to stripe-go too.
	b, ctx := start(t, stripesim.Options{}), context.Background()
	loadWorld(t, b.sim, string(raw))
	customers := must[[]*stripe.Customer](t)(collect(b.V1Customers.List(ctx, &stripe.CustomerListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(100)}}).All(ctx)))
	equal(t, "customers", len(customers), 205)
	p := &stripe.CheckoutSessionListParams{Customer: stripe.String(customers[len(customers)-1].ID)}
	p.AddExpand("data.subscription")
	sessions := must[[]*stripe.CheckoutSession](t)(collect(b.V1CheckoutSessions.List(ctx, p).All(ctx)))
	equal(t, "sessions", len(sessions), 1)
	equal(t, "its subscription", sessions[0].Subscription.Status, "active")
	equal(t, "what it pays", sessions[0].Subscription.Items.Data[0].Price.UnitAmount, sessions[0].AmountTotal)
}

func TestGenerateRefusals(t *testing.T) {
	t.Parallel()
	for _, opts := range []stripesim.GenerateOptions{{}, {Companies: -1}, {Companies: 1, Planted: -1}, {Companies: 1, Planted: 101}, {Companies: 1, Planted: math.NaN()}} {
		if stripesim.Generate(io.Discard, opts) == nil {
			t.Errorf("%+v is generated", opts)
		}
		if _, err := stripesim.PlantedFaults(opts); err == nil {
			t.Errorf("%+v has planted faults", opts)
		}
	}
	if err := stripesim.Generate(fullDisk{}, stripesim.GenerateOptions{Companies: 1000}); err == nil {
		t.Error("a full disk is no error")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// 100,000 companies in constant memory: what is allocated at once stays small.
func TestGenerateALot(t *testing.T) {
	t.Parallel()
	n := &counter{}
	if err := stripesim.Generate(n, stripesim.GenerateOptions{Companies: largeWorld, Planted: 1}); err != nil {
		t.Fatal(err)
	}
	if n.bytes < 1000*largeWorld || n.largest > 1<<17 {
		t.Errorf("%d bytes, %d at once", n.bytes, n.largest)
	}
}

type counter struct{ bytes, largest int }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	c.largest = max(c.largest, len(p))
	return len(p), nil
}
