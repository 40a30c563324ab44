package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/state"
	"rightful/internal/testserver"
	"rightful/internal/wire"
)

func TestMain(m *testing.M) {
	switch os.Getenv(as) {
	case "rightful":
		os.Exit(cli.Main(os.Args[1:], cli.System()))
	case "stripe":
		if err := beStripe(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func stood(t *testing.T, w wish) *stand {
	t.Helper()
	s, err := newStand(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// TestRequestsOfAnAudit: a full audit asks hardly more often than the fewest pages that
// hold the account, and the next one only for what changed: what the mirror was told of it
// need not be asked again to be judged. Nothing here is timed.
func TestRequestsOfAnAudit(t *testing.T) {
	t.Parallel()
	const companies = 12_000
	s := stood(t, wish{companies: companies, planted: 1000.0 / companies})
	full, err := s.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ideal := 0
	for _, l := range full.synced.Lists {
		ideal += l.Ideal
	}
	if least := 3 * companies / 100; ideal < least || ideal > least+5 {
		t.Errorf("%d pages hold the account, and %d are said to be the fewest", least, ideal)
	}
	// Each window of time that is read ends in a page that is not full, however large
	// the account is: 16 windows of three lists. It is looked at once more at the end.
	const ends, asides = 3 * 16, 14
	stored, judged := full.requests()
	t.Logf("%d requests to store, %d at best; %d to judge", stored, ideal, judged)
	if most := ideal*104/100 + ends; stored > most {
		t.Errorf("%d requests to store, want at most %d", stored, most)
	}
	if pages := full.stored.pages(); pages < 3*companies/100 || pages > stored {
		t.Errorf("Stripe counts %d pages of the three lists, of %d requests", pages, stored)
	}
	if judged > asides || full.audited.Counts.Families < companies || len(full.audited.Findings) == 0 {
		t.Errorf("%d requests to judge, %d findings, %d families", judged, len(full.audited.Findings), full.audited.Counts.Families)
	}
	changed, err := s.change(t.Context(), perCent)
	if err != nil {
		t.Fatal(err)
	}
	s.pass(t, "5s") // what happens in the second of the sync is asked for again
	next, err := s.look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stored, judged = next.requests()
	t.Logf("after %d changes of which %d events tell: %d requests to store, %d to judge", changed, next.synced.Events, stored, judged)
	if next.synced.Events < changed {
		t.Errorf("%d events tell of %d changes", next.synced.Events, changed)
	}
	if most := (next.synced.Events+99)/100 + 6; stored > most || judged > asides {
		t.Errorf("%d requests to store, want at most %d; %d to judge, want at most %d", stored, most, judged, asides)
	}
}

// TestAllocationsOfAnAudit: judging from the mirror allocates little for each company that
// the screen clears. Nothing here is timed.
func TestAllocationsOfAnAudit(t *testing.T) {
	t.Parallel()
	const companies = 3000
	s := stood(t, wish{companies: companies})
	if full, err := s.look(t.Context()); err != nil || len(full.audited.Findings) > 0 {
		t.Fatalf("%d findings, %v", len(full.audited.Findings), err)
	}
	s.allocations(t, companies)
}

// allocations audits in this process, and counts.
func (s *stand) allocations(t *testing.T, companies int) {
	none := func(string) (string, bool) { return "", false }
	e, c, err := wire.Config(t.Context(), filepath.Join(s.folder, "rightful.yaml"), none, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	if err := wire.Mirrored(t.Context(), e, c); err != nil {
		t.Fatal(err)
	}
	each := mallocs(func() {
		if r, err := e.Audit(t.Context(), engine.AuditInput{Mirror: &engine.FromMirror{Offline: true}}); err != nil || !r.Complete {
			t.Fatalf("%+v, %v", r, err)
		}
	}) / float64(companies)
	t.Logf("%.0f allocations a company that is cleared", each)
	if each > mostPerCompany {
		t.Errorf("%.0f allocations a company that is cleared, want at most %d", each, mostPerCompany)
	}
}

// pass lets time pass at the simulated Stripe.
func (s *stand) pass(t *testing.T, time string) {
	t.Helper()
	res, err := http.Post(s.url+"/_sim/clock", "application/json", strings.NewReader(`{"advance": "`+time+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", res.Status, err)
	}
}

// mallocs counts what is allocated meanwhile, by whomever in this process.
func mallocs(do func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// Twice what they were when this was written.
const (
	mostPerCompany = 320
	mostPerEvent   = 480
)

// TestAllocationsOfAnEvent: accepting an event durably does not read it into a tree.
func TestAllocationsOfAnEvent(t *testing.T) {
	now := time.Now
	store, err := state.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "state.db"), state.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	live := true
	g, err := gateway.New(gateway.Options{
		Directory: struct{ rightful.DirectoryReader }{}, Stripe: struct{ gateway.Stripe }{}, Intents: gateway.NewMemory(),
		Keys: rightful.KeySet{Company: "company_id", User: "user_id"}, Account: "acct_1", Livemode: &live, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := g.Webhooks(gateway.WebhookOptions{Inbox: store, Secrets: []string{hookSecret}})
	if err != nil {
		t.Fatal(err)
	}
	const events = 200
	at := now().Unix()
	each := mallocs(func() {
		for n := range events {
			body := event(fmt.Sprintf("evt_bench%d", n), at, "sub_1", "cus_1", 1)
			if err := h.Accept(t.Context(), []byte(body), signed(body, at)); err != nil {
				t.Fatal(err)
			}
		}
	}) / events
	t.Logf("%.0f allocations an event, with making and signing it", each)
	if each > mostPerEvent {
		t.Errorf("%.0f allocations an event, want at most %d", each, mostPerEvent)
	}
}

// TestRoundTripsOfAValidation: of a payment that is in order, Stripe is asked once, and
// the database at most twice, statements that are sent together counting once.
func TestRoundTripsOfAValidation(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			w := wish{companies: 100}
			if database == "postgres" {
				w.database = testserver.Postgres(t)
			}
			most, err := stood(t, w).validate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d requests to Stripe, %d round trips", most.stripe, most.trips)
			if most.stripe != 1 || most.trips > 2 || database == "postgres" && most.trips < 1 {
				t.Errorf("%d requests to Stripe, %d round trips to the database", most.stripe, most.trips)
			}
		})
	}
}

// TestShow: what go test prints is understood, and a target that is missed is marked.
func TestShow(t *testing.T) {
	t.Parallel()
	m := parse("goos: linux\nBenchmarkAccept/sqlite-2 \t 5000\t 12 ns/op\t 3.4 accepted/s\t 0.8 ratio\nok\n")["Accept/sqlite"]
	if m["accepted/s"] != 3.4 || m["ratio"] != 0.8 {
		t.Errorf("%v", m)
	}
	if !atMost("", 3, 2, 1.04, "").missed || atMost("", 2, 2, 1.04, "").missed || !atLeast("", 1, 2, 0.8, "").missed || !below("", 2, 1, "").missed || !above("", 1, 2, "").missed {
		t.Error("targets are held against the wrong side")
	}
	bound, all := percentile([]byte("x_bucket{le=\"1\"} 90\nx_bucket{le=\"5\"} 100\nx_bucket{le=\"+Inf\"} 100\nx_sum 2\nx_count 100\n"), "x", 0.99)
	if bound != 5 || all != 100 {
		t.Errorf("%v of %d", bound, all)
	}
}
