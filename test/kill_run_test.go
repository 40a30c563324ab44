package test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// cacheWait is for how long a repair waits, near its end, before it looks at the
// deleted cache keys again.
const cacheWait = time.Second

// killDecisions are what a person decides in the world: by the object of the
// question.
var killDecisions = map[string]string{"cus_07": "company:107", "309": "company:109", "128": "company:108"}

// killing is one repair, or the undo of it, that is killed at many moments.
type killing struct {
	world   string
	options placesOptions
	undo    bool
	plan    string // its file
	// refilled tells that the app has filled the cache keys again that were deleted.
	refilled bool
	before   aftermath
	want     aftermath           // of the run that nobody kills
	code     int                 // and its exit code
	hits     []string            // and the moments that it comes to
	took     time.Duration       // without cacheWait
	verify   engine.VerifyReport // of the run that nobody kills
	counts   journal.Counts      // and its steps

	many int // how often it is killed in one manner
	*tally
}

// tally counts what was done.
type tally struct {
	mu     sync.Mutex
	runs   int // that were begun, killed, and gone on with
	kills  int
	midway int // kills after the run began and before it ended
	differ int // runs that did not end as they should
}

// all counts everything that was done.
var all tally

// add adds what others have done.
func (a *tally) add(b *tally) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.runs, a.kills, a.midway, a.differ = a.runs+b.runs, a.kills+b.kills, a.midway+b.midway, a.differ+b.differ
}

// String says it for people.
func (a *tally) String() string {
	return fmt.Sprintf("%d runs, %d kills (%d after the run began and before its end), %d differ", a.runs, a.kills, a.midway, a.differ)
}

// killings are the parts that each repair is killed on.
func killings(t *testing.T) map[string]placesOptions {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux is the lease of a dead process taken over at once")
	}
	all := map[string]placesOptions{"sqlite": {database: 0}}
	if os.Getenv("RIGHTFUL_TEST_POSTGRES") != "" || os.Getenv("CI") == "true" {
		all["postgres"] = placesOptions{database: 1, realRedis: true}
	}
	return all
}

// newKilling runs the repair, or the undo, to its end.
func newKilling(t *testing.T, o placesOptions, undo bool) *killing {
	t.Helper()
	k := &killing{world: writeKillWorld(t), options: o, undo: undo, plan: filepath.Join(t.TempDir(), "plan.json"), tally: &tally{}}
	k.options.program = program(t, true)
	p := newKillPlaces(t, k.world, k.options)
	k.makePlan(t, p)
	k.before = p.look(t)
	if undo {
		k.apply(t, p)
	}
	began := time.Now()
	e := p.run(t, 0, k.begin(t, p)...)
	k.took, k.code, k.hits, k.want = time.Since(began), e.code, e.hits, p.look(t)
	if !undo {
		k.took -= cacheWait
	}
	want := cli.ExitFindings // a question is left
	switch {
	case undo:
		want = cli.ExitOK
	case o.refuses:
		want = cli.ExitPartly
	}
	if e.code != want {
		t.Fatalf("exit code %d, want %d\n%s", e.code, want, e.out)
	}
	if !undo {
		run := p.runs(t)[0]
		k.counts = run.Counts
		p.ask(t, &k.verify, "verify", run.ID)
		return k
	}
	if diff := cmp.Diff(k.takenBack(k.want), k.want.world()); diff != "" {
		t.Fatalf("the undo does not take everything back (-before +after):\n%s", diff)
	}
	return k
}

// takenBack is the world before the repair, but that what was deleted from the
// cache by now stays deleted.
func (k *killing) takenBack(now aftermath) aftermath {
	was := k.before.world()
	was.Cache = now.Cache
	return was
}

// makePlan decides what is asked, and plans.
func (k *killing) makePlan(t *testing.T, p *killPlaces) {
	t.Helper()
	var asks, made plan.Plan
	p.ask(t, &asks, "plan")
	args := []string{"plan", "--reason", "they agreed", "--out", k.plan}
	decided := 0
	for _, q := range asks.Questions {
		if choice := killDecisions[q.Object.ID]; slices.Contains(q.Choices, choice) {
			args = append(args, "--decide", q.Finding+"="+choice)
			decided++
		}
	}
	p.ask(t, &made, args...)
	if made.Steps() < 30 || len(made.Units) < 8 || decided != len(killDecisions) {
		t.Fatalf("%d steps in %d units, %d decisions: too few", made.Steps(), len(made.Units), decided)
	}
}

func (k *killing) apply(t *testing.T, p *killPlaces) {
	t.Helper()
	if e := p.run(t, 0, "apply", k.plan); e.code != cli.ExitFindings {
		t.Fatalf("exit code %d\n%s", e.code, e.out)
	}
}

// begin returns the command that begins it.
func (k *killing) begin(t *testing.T, p *killPlaces) []string {
	t.Helper()
	if k.undo {
		return []string{"undo", p.runs(t)[0].ID, "--yes"}
	}
	return []string{"apply", k.plan}
}

// mine returns what the journal says of the run; ok is false when it has not
// begun.
func (k *killing) mine(t *testing.T, p *killPlaces) (run journal.Summary, ok bool) {
	t.Helper()
	runs := p.runs(t)
	at := map[bool]int{false: 0, true: 1}[k.undo]
	if len(runs) > at+1 {
		t.Errorf("%d runs: one began anew", len(runs))
	}
	if len(runs) <= at {
		return run, false
	}
	return runs[at], true
}

// next returns the command that a person gives after a kill; ok is false when
// there is nothing left to do.
func (k *killing) next(t *testing.T, p *killPlaces) (args []string, ok bool) {
	t.Helper()
	run, begun := k.mine(t, p)
	switch {
	case !begun:
		return k.begin(t, p), true
	case run.Status == k.ends():
		return nil, false
	case k.undo:
		return []string{"undo", "--continue", run.ID, "--yes"}, true
	}
	return []string{"apply", "--continue", run.ID}, true
}

// ends is how the run ends that nobody kills.
func (k *killing) ends() journal.Status {
	if k.options.refuses {
		return journal.StatusPartly
	}
	return journal.StatusFinished
}

// prepare returns fresh places in which it can begin.
func (k *killing) prepare(t *testing.T) *killPlaces {
	t.Helper()
	k.mu.Lock()
	k.runs++
	k.mu.Unlock()
	t.Cleanup(func() {
		if t.Failed() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.differ++
		}
	})
	p := newKillPlaces(t, k.world, k.options)
	if k.undo {
		k.apply(t, p)
	}
	return p
}

// dies begins it, or goes on with it, and kills it at a moment. It reports whether
// it came that far.
func (k *killing) dies(t *testing.T, p *killPlaces, at int) bool {
	t.Helper()
	args, more := k.next(t, p)
	if !more {
		return false
	}
	e := p.run(t, at, args...)
	if !e.killed {
		if e.code != k.code {
			t.Errorf("%s: exit code %d, want %d\n%s", strings.Join(args, " "), e.code, k.code, e.out)
		}
		return false
	}
	if len(e.hits) != at {
		t.Errorf("killed at moment %d, and it came to %d", at, len(e.hits))
	}
	k.died(t, p)
	return true
}

// died looks at what a kill leaves behind.
func (k *killing) died(t *testing.T, p *killPlaces) {
	t.Helper()
	run, begun := k.mine(t, p)
	k.mu.Lock()
	k.kills++
	if begun && run.Status != k.ends() {
		k.midway++
	}
	k.mu.Unlock()
	k.whole(t, p)
}

// whole checks the journal.
func (k *killing) whole(t *testing.T, p *killPlaces) {
	t.Helper()
	var check struct {
		Broken any
		Stale  []string
	}
	if code := p.ask(t, &check, "journal", "check"); code != cli.ExitOK && len(p.runs(t)) > 0 {
		t.Errorf("journal check: exit code %d, %+v", code, check)
	}
}

// goOn goes on to the end, and compares with the run that nobody killed.
func (k *killing) goOn(t *testing.T, p *killPlaces) {
	t.Helper()
	if k.dies(t, p, 0) {
		t.Error("killed where it should end")
	}
	k.compare(t, p)
}

// compare holds what stands in the places against what the run leaves that nobody
// kills: the same world, and nothing written twice.
func (k *killing) compare(t *testing.T, p *killPlaces) {
	t.Helper()
	k.whole(t, p)
	run, _ := k.mine(t, p)
	want, got := k.want, p.look(t)
	if k.options.refuses { // whoever goes on tries again what was put back
		want, got = want.world(), got.world()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what it leaves (-not killed +killed):\n%s", diff)
	}
	if k.options.refuses {
		if diff := cmp.Diff(k.counts, run.Counts); diff != "" || run.Status != journal.StatusPartly {
			t.Errorf("the run is %s (-not killed +killed):\n%s", run.Status, diff)
		}
		return
	}
	if run.Status != journal.StatusFinished || run.Counts.Done != run.Steps || run.Holder != "" {
		t.Errorf("the run is %s: %+v", run.Status, run)
	}
	if k.undo {
		if applied := p.runs(t)[0]; applied.Status != journal.StatusUndone {
			t.Errorf("the run that was taken back is %s", applied.Status)
		}
		return
	}
	var verified engine.VerifyReport
	p.ask(t, &verified, "verify", run.ID)
	told := []cmp.Option{cmpopts.IgnoreFields(engine.VerifyReport{}, "Run")}
	if k.refilled {
		told = append(told, cmpopts.IgnoreFields(engine.StepCheck{}, "Found")) // verify shows what the app has filled in
	}
	if diff := cmp.Diff(k.verify, verified, told...); diff != "" || !verified.Holds() || !verified.Complete {
		t.Errorf("verify (-not killed +killed):\n%s", diff)
	}
}
