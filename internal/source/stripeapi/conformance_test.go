package stripeapi_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/stripeapi"
	"rightful/stripesim"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestStripe(t, func(t *testing.T, world []byte) rightful.StripeReader { return onSimulator(t, world) })
}

func TestWriterConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestStripeWriter(t, func(t *testing.T, world []byte) (rightful.StripeReader, rightful.StripeWriter) {
		r := onSimulator(t, world)
		return r, r.Writer()
	})
}

// onSimulator reads a world through a simulator.
func onSimulator(t *testing.T, world []byte) *stripeapi.Reader {
	t.Helper()
	var at struct {
		Now int64 `json:"now"`
	}
	if err := json.Unmarshal(world, &at); err != nil {
		t.Fatal(err)
	}
	sim := stripesim.New(stripesim.Options{Now: func() time.Time { return time.Unix(at.Now, 0) }})
	if err := sim.LoadWorld(bytes.NewReader(world)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	r, err := stripeapi.New(stripeapi.Options{
		Key:         "sk_live_conformance",
		APIBase:     server.URL,
		Keys:        sourcetest.StripeKeys(),
		AccountRate: 1e6, EndpointRate: 1e6,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Account(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckoutConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestCheckoutReader(t, func(t *testing.T, world []byte) rightful.CheckoutReader { return onSimulator(t, world) })
}
