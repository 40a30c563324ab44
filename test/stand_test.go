package test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite"

	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// stand is a rig with a state of its own, and somebody at the door of Stripe, who
// can do things right before and right after a request.
type stand struct {
	*rig
	dsn      string // of the app's database
	database int    // its engine
	state    string // address of the state
	key      string // of Stripe

	mu    sync.Mutex
	hooks []*hook
}

// hook is what is done at one request to Stripe, once.
type hook struct {
	method, path string
	after        bool // else before
	when         func() bool
	do           func()
	done         bool
}

// standOn is the founding incident on a database and on a state, with Stripe
// behind a door.
func standOn(t *testing.T, database int, state string) *stand {
	t.Helper()
	r, dsn := foundingOn(t, database)
	return stood(t, r, database, dsn, state)
}

func stood(t *testing.T, r *rig, database int, dsn, state string) *stand {
	t.Helper()
	s := &stand{rig: r, dsn: dsn, database: database, state: state, key: r.env["KEY"]}
	if state == "" {
		s.state = "sqlite:" + filepath.Join(t.TempDir(), "rightful.db")
	}
	r.config["state"] = s.state
	r.config["stripe"].(map[string]any)["rate"] = map[string]any{"account": 90, "endpoint": 25}
	door := httptest.NewServer(s)
	t.Cleanup(door.Close)
	r.config["stripe"].(map[string]any)["api_base"] = door.URL
	return s
}

// ServeHTTP is the door. What is done after a request is done before its answer
// leaves.
func (s *stand) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	defer s.meet(q, true)
	s.meet(q, false)
	s.sim.ServeHTTP(w, q)
}

func (s *stand) meet(q *http.Request, after bool) {
	s.mu.Lock()
	i := slices.IndexFunc(s.hooks, func(h *hook) bool {
		return !h.done && h.after == after && h.method == q.Method && h.path == q.URL.Path && (h.when == nil || h.when())
	})
	var met *hook
	if i >= 0 {
		met = s.hooks[i]
		met.done = true
	}
	s.mu.Unlock()
	if met != nil {
		met.do()
	}
}

// on adds a hook.
func (s *stand) on(h *hook) *hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, h)
	return h
}

// foreign writes a stamp as somebody else would; "" unsets it.
func (s *stand) foreign(t *testing.T, path, company string) {
	t.Helper()
	form := url.Values{"metadata[company_id]": {company}}
	q := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.SetBasicAuth(s.key, "")
	w := httptest.NewRecorder()
	s.sim.ServeHTTP(w, q)
	if w.Code != http.StatusOK {
		t.Errorf("somebody else's write of %s: %s", path, w.Body)
	}
}

// stamp returns the stamp of an object in Stripe; "" when it has none.
func (s *stand) stamp(t *testing.T, path string) string {
	t.Helper()
	var o struct{ Metadata map[string]string }
	s.look(t, path, &o)
	return o.Metadata["company_id"]
}

// look reads an object of Stripe's, past rightful.
func (s *stand) look(t *testing.T, path string, into any) {
	t.Helper()
	q := httptest.NewRequest(http.MethodGet, path, nil)
	q.SetBasicAuth(s.key, "")
	w := httptest.NewRecorder()
	s.sim.ServeHTTP(w, q)
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Error(err)
	}
}

// exec runs a statement in the app's database.
func (s *stand) exec(t *testing.T, statement string) {
	t.Helper()
	db := engines[s.database].open(t, s.dsn)
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// journalled runs a query for one number in the state.
func (s *stand) journalled(t *testing.T, query string) int {
	t.Helper()
	db := s.openState(t)
	defer func() { _ = db.Close() }()
	var n int
	if err := db.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		return 0 // there is no journal yet
	}
	return n
}

func (s *stand) openState(t *testing.T) *sql.DB {
	t.Helper()
	if file, is := strings.CutPrefix(s.state, "sqlite:"); is {
		return must(sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)"))(t)
	}
	return must(sql.Open("pgx", s.state))(t)
}

// begun reports whether a run has begun.
func (s *stand) begun(t *testing.T) bool {
	return s.journalled(t, `SELECT COUNT(*) FROM rightful_journal`) > 0
}

// updates counts the events of changed stamps, by object.
func (s *stand) updates(t *testing.T) map[string]int {
	t.Helper()
	var section struct {
		Events []struct {
			Type string
			Data struct{ Object struct{ ID string } }
		}
	}
	if err := json.Unmarshal(must(s.sim.Dump(""))(t), &section); err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, e := range section.Events {
		if strings.HasSuffix(e.Type, ".updated") {
			n[e.Data.Object.ID]++
		}
	}
	return n
}

// applied is what apply and fix print as JSON.
type applied struct {
	Run struct {
		ID     string
		Status journal.Status
	}
	Result struct {
		Outcomes []apply.Outcome
		Stopped  string
	}
	Verified struct {
		Gone, Remain []string
		Overwritten  []engine.Overwritten
		New          []struct{ Code string }
		Failed       string
	}
}

// states counts the outcomes by what they are.
func (a applied) states() map[apply.State]int {
	n := map[apply.State]int{}
	for _, o := range a.Result.Outcomes {
		n[o.State]++
	}
	return n
}

// plans makes a plan and returns its file.
func (s *stand) plans(t *testing.T, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.json")
	if code, _, errs := s.rightful(t, append([]string{"plan", "--out", file}, args...)...); code != cli.ExitFindings {
		t.Fatalf("plan: exit code %d, %s", code, errs)
	}
	return file
}

// applies runs apply and returns what came of it.
func (s *stand) applies(t *testing.T, args ...string) (code int, a applied, errs string) {
	t.Helper()
	code, out, errs := s.rightful(t, append([]string{"apply", "--format", "json"}, args...)...)
	if out != "" {
		if err := json.Unmarshal([]byte(out), &a); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return code, a, errs
}

// outcome returns what became of the one step on an object.
func (s *stand) outcome(t *testing.T, file string, a applied, object string) apply.Outcome {
	t.Helper()
	p := must(readPlan(file))(t)
	for _, u := range p.Units {
		for _, step := range u.Steps {
			for _, o := range a.Result.Outcomes {
				if step.ID == o.Step && step.Object.ID == object {
					return o
				}
			}
		}
	}
	t.Errorf("nothing became of %s: %+v", object, a.Result.Outcomes)
	return apply.Outcome{}
}

func readPlan(file string) (*plan.Plan, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return plan.Parse(file, raw)
}

// wholeJournal demands that no record is damaged.
func (s *stand) wholeJournal(t *testing.T) {
	t.Helper()
	if code, out, errs := s.rightful(t, "journal", "check"); code != cli.ExitOK || strings.Contains(out, "STALE") {
		t.Errorf("journal check: exit code %d, %s%s", code, out, errs)
	}
}

// verified is what verify prints as JSON.
type verified struct {
	Complete    bool
	Steps       []engine.StepCheck
	Overwritten []engine.Overwritten
	Untold      []string
}

func (s *stand) verify(t *testing.T, run string) (code int, v verified) {
	t.Helper()
	code, out, errs := s.rightful(t, "verify", "--format", "json", run)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("verify: exit code %d, %s%s", code, out, errs)
	}
	return code, v
}

// stands demands that everything a run wrote stands, and that nothing of somebody
// else was replaced.
func (s *stand) stands(t *testing.T, run string) {
	t.Helper()
	_, v := s.verify(t, run)
	if !v.Complete || len(v.Overwritten) > 0 {
		t.Errorf("verify: %+v", v)
	}
	for _, c := range v.Steps {
		if c.State != engine.CheckStands {
			t.Errorf("%s of %s: %s, %s", c.Field, c.Object.ID, c.State, c.Why)
		}
	}
}

// thorough reports whether more is to be tried than at every run of the tests:
// with -rapid.checks beyond its default.
func thorough() bool {
	f := flag.Lookup("rapid.checks")
	n, err := strconv.Atoi(f.Value.String())
	return err == nil && n > 100
}

// together runs cases at the same time, many more than there are processors: they
// wait for retries and for caches more than they work.
func together[C any](t *testing.T, cases map[string]C, run func(*testing.T, C)) {
	t.Helper()
	var all sync.WaitGroup
	room := make(chan struct{}, 16)
	for name, c := range cases {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(name, func(t *testing.T) { run(t, c) })
		})
	}
	all.Wait()
}
