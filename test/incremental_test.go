package test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/engine"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// incrementalCompanies is so many that what every audit asks, however little it reads, is
// less than one in a hundred of the requests of a full one.
const incrementalCompanies = 30000

// TestIncrementalAudit: after 1 % of the objects changed, the mirror takes in what changed
// and is audited. That takes at most 2 % of the requests of an audit of Stripe, and finds
// exactly what that finds.
func TestIncrementalAudit(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "world.json")
	planted := generate(t, file, stripesim.GenerateOptions{Companies: incrementalCompanies, Seed: 3, Livemode: true})
	dsn := engines[0].dsn(t)
	fillFrom(t, file, must(sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:")+"?_pragma=synchronous(off)&_pragma=journal_mode(off)"))(t))
	r := assemble(t, file, dsn, takeApart(t, file).Now)
	r.config["mirror"] = "sqlite:" + filepath.Join(t.TempDir(), "mirror.db")
	r.config["stripe"].(map[string]any)["rate"] = map[string]any{"account": 5000, "endpoint": 5000}
	path := r.write(t)

	first, _ := r.sync(t, path)
	if first.Lists[0].Objects != incrementalCompanies {
		t.Fatalf("%+v", first.Lists)
	}
	r.pass(time.Hour)
	wrong := r.change(t, file, 3*incrementalCompanies/100)
	r.pass(time.Hour)

	synced, syncCost := r.sync(t, path)
	e, c, err := wire.Config(t.Context(), path, r.lookup, time.Unix(r.now, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Mirrored(t.Context(), e, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	before := r.sim.Counts().GETs
	got := audit(t, e, engine.AuditInput{Mirror: &engine.FromMirror{}})
	auditCost := r.sim.Counts().GETs - before
	before = r.sim.Counts().GETs
	want := audit(t, e, engine.AuditInput{})
	full := r.sim.Counts().GETs - before
	share := float64(syncCost+auditCost) / float64(full)
	t.Logf("%d events taken in with %d requests, audited with %d; a full audit took %d: %.2f %%", synced.Events, syncCost, auditCost, full, 100*share)
	if share > 0.02 {
		t.Errorf("it took %.2f %% of the requests of a full audit", 100*share)
	}
	if !got.Complete || len(got.Findings) != len(planted)+wrong {
		t.Errorf("%d findings of %d planted and %d that became wrong: %v", len(got.Findings), len(planted), wrong, got.IncompleteBecause)
	}
	ignoreRequests(got, want)
	got.Mirror = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-Stripe +mirror):\n%s", diff)
	}
}

// pass lets time pass at Stripe, and here.
func (r *rig) pass(d time.Duration) {
	r.sim.Advance(d)
	r.now += int64(d / time.Second)
}

// sync takes in what changed, and returns how many requests that took.
func (r *rig) sync(t *testing.T, path string) (*engine.SyncReport, int64) {
	t.Helper()
	before := r.sim.Counts().GETs
	syncs, _, shut, err := wire.Sync(t.Context(), path, r.lookup, time.Unix(r.now, 0))
	if err != nil {
		t.Fatal(err)
	}
	report, err := syncs[0].Sync(t.Context(), engine.SyncInput{})
	if err != nil || !report.Complete {
		t.Fatalf("%+v, %v", report, err)
	}
	if err := shut(); err != nil {
		t.Fatal(err)
	}
	return report, r.sim.Counts().GETs - before
}

// change changes so many customers and subscriptions at Stripe, with an event for each. A
// few get a wrong stamp, and so many are returned.
func (r *rig) change(t *testing.T, file string, many int) (wrong int) {
	t.Helper()
	var world struct {
		Stripe map[string]json.RawMessage
	}
	if err := json.Unmarshal(must(os.ReadFile(file))(t), &world); err != nil {
		t.Fatal(err)
	}
	kinds, ids := [2]string{"customers", "subscriptions"}, [2][]struct{ ID string }{}
	for i, kind := range kinds {
		if err := json.Unmarshal(world.Stripe[kind], &ids[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range many {
		kind, id := kinds[i%2], ids[i%2][7*i].ID
		form := url.Values{"metadata[note]": {fmt.Sprint(i)}}
		if i%300 == 99 {
			form.Set("metadata[company_id]", "99999999")
			wrong++
		}
		q := must(http.NewRequestWithContext(t.Context(), http.MethodPost, r.stripe.URL+"/v1/"+kind+"/"+id, strings.NewReader(form.Encode())))(t)
		q.Header.Set("Authorization", "Bearer "+r.env["KEY"])
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := must(http.DefaultClient.Do(q))(t)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", kind, id, answer.Status)
		}
	}
	return wrong
}
