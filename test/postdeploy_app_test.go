package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stripe/stripe-go/v86"
	"github.com/stripe/stripe-go/v86/webhook"

	"rightful/internal/engine"
	"rightful/stripesim"
)

// deployed is the app of the founding incident: the old code sends user 7 to
// company 4, the new one to 11. Its webhook endpoints are good and bad ones.
type deployed struct {
	server *httptest.Server
	left   chan struct{} // closed when the test ends

	mu       sync.Mutex
	revision string   // guarded by mu: old or new
	next     []string // guarded by mu: what the revision is at the next questions
	events   []stripe.Event
	unsigned int
}

const hookSecret = "whsec_postdeploy"

func deploy(revision string) *deployed {
	a := &deployed{revision: revision, left: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		answer := map[string]string{"7": "11", "9": "12"}[r.PathValue("id")]
		if a.is() == "old" && r.PathValue("id") == "7" {
			answer = "4"
		}
		fmt.Fprintf(w, `{"company": %q}`, answer)
	})
	mux.HandleFunc("GET /revision", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, a.asked()) })
	mux.HandleFunc("POST /hooks/good", a.good)
	mux.HandleFunc("POST /hooks/careless", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /hooks/moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/hooks/good", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("POST /hooks/fragile", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if _, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), hookSecret); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /hooks/hangs", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-a.left:
		}
	})
	a.server = httptest.NewServer(mux)
	return a
}

func (a *deployed) close() {
	close(a.left)
	a.server.CloseClientConnections()
	a.server.Close()
}

func (a *deployed) is() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.revision
}

// asked is the revision, which goes on to what comes next.
func (a *deployed) asked() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.revision
	if len(a.next) > 0 {
		a.revision, a.next = a.next[0], a.next[1:]
	}
	return now
}

func (a *deployed) becomes(revisions ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revision, a.next = revisions[0], revisions[1:]
}

// good verifies as Stripe's own library does, API version and all.
func (a *deployed) good(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), hookSecret)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if r.Header.Get("Stripe-Signature") == "" {
			a.unsigned++
		}
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	a.events = append(a.events, event)
}

// behind puts a rig's database behind the deployed app.
func (a *deployed) behind(r *rig) *rig {
	r.config["resolver_probe"] = map[string]any{"url": a.server.URL + "/users/{user_id}", "json": "company", "revision_url": a.server.URL + "/revision"}
	r.config["stripe"].(map[string]any)["webhook_secrets"] = []any{"whsec_older", "${HOOK}"}
	r.env["HOOK"] = hookSecret
	delete(r.config, "cache")
	return r
}

func postdeployed(t *testing.T, out string) engine.Postdeploy {
	t.Helper()
	var r engine.Postdeploy
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return r
}

// deployedApp is a script's command: it puts the founding incident into app.db and a
// Stripe, and the app of a revision before them. APP_URL and STRIPE_URL lead there.
func deployedApp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: deployed REVISION...")
	}
	if known, ok := deployedApps.Load(ts); ok {
		known.(*deployed).becomes(args...)
		return
	}
	a := deploy(args[0])
	a.becomes(args...)
	ts.Defer(a.close)
	deployedApps.Store(ts, a)
	world, err := os.ReadFile(ts.MkAbs("founding-incident.json"))
	ts.Check(err)
	sim := stripesim.New(stripesim.Options{})
	ts.Check(sim.LoadWorld(strings.NewReader(string(world))))
	stripe := httptest.NewServer(sim)
	ts.Defer(stripe.Close)
	ts.Setenv("APP_URL", a.server.URL)
	ts.Setenv("STRIPE_URL", stripe.URL)
	ts.Setenv("STRIPE_WEBHOOK_SECRET", hookSecret)
}

// deployedApps are the apps of scripts.
var deployedApps sync.Map
