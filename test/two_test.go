package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/plan"
	"rightful/internal/testserver"
)

// states are where a journal can be kept.
var states = map[string]func(*testing.T) string{
	"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "rightful.db") },
	"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
}

// process is the real program, at work on a stand's config.
type process struct {
	*exec.Cmd
	out, errs bytes.Buffer
}

func (s *stand) process(t *testing.T, args ...string) *process {
	t.Helper()
	return s.start(t, exec.CommandContext(t.Context(), "rightful", append(args, "--config", s.write(t))...))
}

// start starts a process in the stand's environment.
func (s *stand) start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: cmd}
	p.Stdout, p.Stderr = &p.out, &p.errs
	p.Env = os.Environ()
	for k, v := range s.env {
		p.Env = append(p.Env, k+"="+v)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// end waits for the end of a process and returns its exit code.
func (p *process) end(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	return p.ProcessState.ExitCode()
}

// subset is a plan of the first units of another.
func subset(t *testing.T, file string, units int) string {
	t.Helper()
	return forge(t, file, func(_ *testing.T, p *plan.Plan) { p.Units = p.Units[:units] })
}

// TestTwoAtOnceOnOneAccount: while one process is in the middle of its first
// write, another one, with the same plan or a different one, is refused and told
// who is at work. The first ends as if it had been alone.
func TestTwoAtOnceOnOneAccount(t *testing.T) {
	t.Parallel()
	type pair struct {
		state string
		same  bool
	}
	cases := map[string]pair{}
	for name := range states {
		cases[name+", the same plan"], cases[name+", another plan"] = pair{name, true}, pair{name, false}
	}
	together(t, cases, func(t *testing.T, c pair) {
		s := standOn(t, 0, states[c.state](t))
		before := s.objects(t)
		file := filepath.Join(t.TempDir(), "plan.json")
		if p := s.process(t, "plan", "--out", file); p.end(t) != cli.ExitFindings {
			t.Fatal(p.errs.String())
		}
		other := file
		if !c.same {
			other = subset(t, file, 1)
		}
		writing, go_ := make(chan struct{}), make(chan struct{})
		s.on(&hook{method: http.MethodPost, path: stamped[0].path, do: func() { close(writing); <-go_ }})
		first := s.process(t, "apply", file, "--by", "ana")
		<-writing
		second := s.process(t, "apply", other, "--by", "bo")
		if code := second.end(t); code != cli.ExitRefused || !strings.Contains(second.errs.String(), "is at work on this account since") || !strings.Contains(second.errs.String(), "by ana on ") {
			t.Errorf("the second: exit code %d, %s", code, &second.errs)
		}
		close(go_)
		if code := first.end(t); code != cli.ExitFindings || first.errs.Len() > 0 {
			t.Errorf("the first: exit code %d, %s%s", code, &first.out, &first.errs)
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
	})
}

// TestRacingProcesses: several processes begin at the same time. One carries the
// plan out, the others are refused, whenever they come.
func TestRacingProcesses(t *testing.T) {
	t.Parallel()
	together(t, states, func(t *testing.T, at func(*testing.T) string) {
		s := standOn(t, 1, at(t))
		before := s.objects(t)
		file := filepath.Join(t.TempDir(), "plan.json")
		if p := s.process(t, "plan", "--out", file); p.end(t) != cli.ExitFindings {
			t.Fatal(p.errs.String())
		}
		var all []*process
		for i := range 4 {
			plan := file
			if i%2 == 1 {
				plan = subset(t, file, 2)
			}
			all = append(all, s.process(t, "apply", plan))
		}
		worked := 0
		for _, p := range all {
			switch code := p.end(t); code {
			case cli.ExitFindings:
				worked++
			case cli.ExitRefused:
				if p.errs.Len() == 0 || p.out.Len() > 0 {
					t.Errorf("it is refused without a word: %s%s", &p.out, &p.errs)
				}
			default:
				t.Errorf("exit code %d, %s%s", code, &p.out, &p.errs)
			}
		}
		if worked < 1 || worked > 2 { // a part, and then the whole
			t.Errorf("%d of %d worked", worked, len(all))
		}
		if p := s.process(t, "fix", "--yes"); p.end(t) != cli.ExitFindings { // where only a part was written
			t.Error(p.errs.String())
		}
		s.repairedOnce(t, before)
		s.wholeJournal(t)
	})
}

// TestTwoAccountsAtOnce: what is done on one account does not stop another.
func TestTwoAccountsAtOnce(t *testing.T) {
	t.Parallel()
	together(t, states, func(t *testing.T, at func(*testing.T) string) {
		state := at(t)
		var stands []*stand
		var writing sync.WaitGroup
		writing.Add(2)
		for _, account := range []string{"acct_1RfounderAcct0", "acct_other"} {
			file := filepath.Join(t.TempDir(), "world.json")
			raw := must(os.ReadFile(founding))(t)
			if err := os.WriteFile(file, bytes.ReplaceAll(raw, []byte("acct_1RfounderAcct0"), []byte(account)), 0o600); err != nil {
				t.Fatal(err)
			}
			dsn := engines[0].dsn(t)
			fillFrom(t, file, engines[0].open(t, dsn))
			r := assemble(t, file, dsn, foundingNow)
			r.mapWrites(t, file, "sqlite")
			s := stood(t, r, 0, dsn, state)
			// Neither goes on before both are in the middle of their first write.
			s.on(&hook{method: http.MethodPost, path: stamped[0].path, do: func() { writing.Done(); writing.Wait() }})
			stands = append(stands, s)
		}
		var all []*process
		for _, s := range stands {
			all = append(all, s.process(t, "fix", "--yes"))
		}
		for i, p := range all {
			if code := p.end(t); code != cli.ExitFindings || p.errs.Len() > 0 {
				t.Errorf("exit code %d, %s%s", code, &p.out, &p.errs)
			}
			stands[i].wholeJournal(t)
			if got := link(t, 0, stands[i].dsn); got != "cus_S3belaPaying03" {
				t.Errorf("company 11 links %q", got)
			}
		}
	})
}

// hookedJournal does something right before a run begins, once.
type hookedJournal struct {
	engine.Journal
	before func()
}

func (h *hookedJournal) Begin(ctx context.Context, s journal.Start) (journal.Run, error) {
	if h.before != nil {
		before := h.before
		h.before = nil
		before()
	}
	return h.Journal.Begin(ctx, s)
}

// TestSomebodyRepairsBetweenJudgingAndBeginning: what was judged while another run
// was at work is not written on, in a new run, a continued one or an undo.
func TestSomebodyRepairsBetweenJudgingAndBeginning(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, s *stand, err error) {
		t.Helper()
		if rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(fmt.Sprint(err), "run-") {
			t.Errorf("got %v", err)
		}
		s.wholeJournal(t)
	}
	together(t, map[string]func(*testing.T, *stand){
		"a new run": func(t *testing.T, s *stand) {
			file := s.plans(t)
			part := must(readPlan(subset(t, file, 2)))(t)
			e, sent := s.engine(t), 0
			e.Journal = &hookedJournal{e.Journal, func() {
				if code, _, errs := s.applies(t, file); code != cli.ExitFindings {
					t.Error(errs)
				}
				sent = s.writes()
			}}
			_, err := e.Apply(t.Context(), engine.ApplyInput{Plan: part, Author: ana})
			refused(t, s, err)
			if s.writes() != sent {
				t.Error("it wrote")
			}
		},
		"a continued run": func(t *testing.T, s *stand) {
			_, run := s.interrupted(t)
			e, sent := s.engine(t), 0
			e.Journal = &hookedJournal{e.Journal, func() {
				s.refuse(t, stamped[4].path)
				s.applies(t, "--continue", run)
				sent = s.writes()
			}}
			_, err := e.Apply(t.Context(), engine.ApplyInput{Continue: run, Author: ana})
			refused(t, s, err)
			if s.writes() != sent {
				t.Error("it wrote")
			}
			s.sim.ClearFaults()
			if code, a, errs := s.applies(t, "--continue", run); code != cli.ExitFindings || a.Run.Status != journal.StatusFinished {
				t.Errorf("continued: exit code %d, %s", code, errs)
			}
		},
		"an undo": func(t *testing.T, s *stand) {
			before := s.objects(t)
			_, run := s.interrupted(t)
			e := s.engine(t)
			_, err := e.Undo(t.Context(), engine.UndoInput{Run: run, Author: ana, Confirm: func(engine.UndoPlan) (bool, error) {
				if code, _, errs := s.applies(t, "--continue", run); code != cli.ExitFindings { // while a person thinks
					t.Error(errs)
				}
				return true, nil
			}})
			refused(t, s, err)
			undone, err := e.Undo(t.Context(), engine.UndoInput{Run: run, Author: ana, Confirm: undoIt})
			if err != nil || !undone.Whole() || undone.Result.Count(apply.StateDone) != 6 {
				t.Errorf("%v, %+v", err, undone)
			}
			if diff := cmp.Diff(before, s.objects(t)); diff != "" || link(t, 0, s.dsn) != "" {
				t.Errorf("link %q (-before +after):\n%s", link(t, 0, s.dsn), diff)
			}
		},
	}, func(t *testing.T, run func(*testing.T, *stand)) { run(t, standOn(t, 0, "")) })
}

// TestSomebodyElseStampsWhileUndoing: their value that an undo replaced is named.
func TestSomebodyElseStampsWhileUndoing(t *testing.T) {
	t.Parallel()
	s := standOn(t, 0, "")
	_, a, errs := s.applies(t, s.plans(t))
	if a.Run.Status != journal.StatusFinished {
		t.Fatal(errs)
	}
	s.on(&hook{method: http.MethodPost, path: stamped[2].path, do: func() { s.foreign(t, stamped[2].path, "12") }})
	code, out, errs := s.rightful(t, "undo", "--yes", a.Run.ID)
	if code != cli.ExitPartly || errs != "" || !strings.Contains(out, "OVERWRITTEN: customer cus_S3belaPaying03, metadata.company_id: somebody else had written 12") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}
