package test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/wire"
)

// moments are when somebody else writes the very stamp that a run is about to
// write.
var moments = map[string]struct {
	method string
	after  bool
	second bool // the second such request
}{
	"before it looks":           {method: http.MethodGet},
	"between look and write":    {method: http.MethodPost},
	"before it looks again":     {method: http.MethodPost, after: true},
	"after it has looked again": {method: http.MethodGet, after: true, second: true},
}

// TestSomebodyElseStampsMeanwhile: their value is never lost without a word. Where
// it could be kept, it is, and the step is a conflict that names it. Where it was
// replaced, Stripe's event tells what it was. Where Stripe makes no event, that is
// said.
func TestSomebodyElseStampsMeanwhile(t *testing.T) {
	t.Parallel()
	type race struct {
		moment string
		at     int
	}
	cases := map[string]race{}
	for moment := range moments {
		for i := range stamped {
			cases[fmt.Sprintf("%s of stamp %d", moment, i+1)] = race{moment, i}
		}
	}
	together(t, cases, func(t *testing.T, r race) {
		s, m, target := standOn(t, 0, ""), moments[r.moment], stamped[r.at]
		id := target.path[strings.LastIndexByte(target.path, '/')+1:]
		file := s.plans(t)
		meet := func() { s.foreign(t, target.path, "12") }
		h := &hook{method: m.method, path: target.path, after: m.after, when: func() bool { return s.begun(t) }}
		h.do = meet
		if m.second {
			h.do = func() { s.on(&hook{method: m.method, path: target.path, after: m.after, do: meet}) }
		}
		s.on(h)
		code, a, errs := s.applies(t, file)
		got := s.outcome(t, file, a, id)
		now := s.stamp(t, target.path)
		verifyCode, v := s.verify(t, a.Run.ID)
		names := func(all []engine.Overwritten) bool {
			return slices.ContainsFunc(all, func(o engine.Overwritten) bool {
				return o.Object.ID == id && o.Replaced != nil && *o.Replaced == "12" && o.Event != ""
			})
		}
		switch r.moment {
		case "between look and write":
			if got.State != apply.StateDone || now != "11" {
				t.Errorf("%s, and %q stands there", got.State, now)
			}
			switch {
			case target.event && (code != cli.ExitPartly || !names(a.Verified.Overwritten) || verifyCode != cli.ExitFindings || !names(v.Overwritten)):
				t.Errorf("exit codes %d, %d: it does not name what was replaced: %+v, %+v", code, verifyCode, a.Verified.Overwritten, v.Overwritten)
			case !target.event && !strings.Contains(strings.Join(v.Untold, ""), "is not told"):
				t.Errorf("it does not say that nobody can tell: %+v", v)
			}
		case "after it has looked again":
			changed := slices.ContainsFunc(v.Steps, func(c engine.StepCheck) bool {
				return c.Object.ID == id && c.State == engine.CheckChanged && c.Found != nil && *c.Found == "12"
			})
			if got.State != apply.StateDone || now != "12" || code != cli.ExitPartly || verifyCode != cli.ExitFindings || !changed {
				t.Errorf("exit codes %d, %d, %s, and %q stands there: %+v, %+v", code, verifyCode, got.State, now, a.Verified, v.Steps)
			}
		default:
			if got.State != apply.StateConflict || now != "12" || code != cli.ExitPartly || got.Found == nil || *got.Found != "12" || errs != "" {
				t.Errorf("exit code %d, %+v, and %q stands there, %s", code, got, now, errs)
			}
		}
		if r.moment != "between look and write" && len(v.Overwritten) > 0 {
			t.Errorf("it calls replaced what was not: %+v", v.Overwritten)
		}
		s.wholeJournal(t)

		// Whatever is theirs, taking the run back leaves it alone.
		_, out, errs := s.rightful(t, "undo", "--yes", a.Run.ID)
		if after := s.stamp(t, target.path); now == "12" && after != "12" || errs != "" {
			t.Errorf("undone: %q stands there\n%s%s", after, out, errs)
		}
	})
}

// TestSomebodyElseLinksMeanwhile: the row is theirs. The stamps that belong to it
// are put back, which replaced nobody's value, and when the row is free again the
// run goes on.
func TestSomebodyElseLinksMeanwhile(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			s := standOn(t, database, "")
			before, file := s.objects(t), s.plans(t)
			s.on(&hook{method: http.MethodPost, path: stamped[4].path, do: func() {
				s.exec(t, "UPDATE companies SET stripe_customer_id = 'cus_S2belaSecond02' WHERE id = 11")
			}})
			code, a, errs := s.applies(t, file)
			got := s.outcome(t, file, a, "11")
			if code != cli.ExitPartly || errs != "" || got.State != apply.StateConflict || got.Found == nil || *got.Found != "cus_S2belaSecond02" {
				t.Errorf("exit code %d, %+v, %s", code, got, errs)
			}
			if n := a.states()[apply.StatePutBack]; n != 3 || s.stamp(t, stamped[4].path) != "4" || len(a.Verified.Overwritten) > 0 {
				t.Errorf("%d put back, overwritten %+v", n, a.Verified.Overwritten)
			}
			if _, v := s.verify(t, a.Run.ID); len(v.Overwritten) > 0 {
				t.Errorf("overwritten: %+v", v.Overwritten)
			}
			if got := link(t, database, s.dsn); got != "cus_S2belaSecond02" {
				t.Errorf("company 11 links %q", got)
			}
			s.exec(t, "UPDATE companies SET stripe_customer_id = NULL WHERE id = 11")
			code, a, errs = s.applies(t, "--continue", a.Run.ID)
			if code != cli.ExitFindings || a.Run.Status != journal.StatusFinished {
				t.Errorf("continued: exit code %d, %s, %s%+v", code, a.Run.Status, errs, a.Result.Outcomes)
			}
			if got := stampsWritten(t, before, s.objects(t)); !slices.Equal(got, repaired) {
				t.Errorf("stamps: %v", got)
			}
			s.wholeJournal(t)
			s.stands(t, a.Run.ID)
		})
	}
}

// TestTheAppReactsToStamps: the app's own handler of Stripe's events rewrites rows
// and fills caches while a run is at work. What it writes rightly is right; what it
// writes wrongly is named.
func TestTheAppReactsToStamps(t *testing.T) {
	t.Parallel()
	const key = ":1:user_company_7"
	type reaction struct {
		do   func(*testing.T, *stand, string) // after the stamp of a path
		code int
		says string // among the reasons of steps, or the codes of new findings
		link string
		key  string // what is cached in the end
	}
	together(t, map[string]reaction{
		"it links the customer that pays": {func(t *testing.T, s *stand, path string) {
			if path == stamped[2].path {
				s.exec(t, "UPDATE companies SET stripe_customer_id = 'cus_S3belaPaying03' WHERE id = 11")
			}
		}, cli.ExitFindings, "stood there before", "cus_S3belaPaying03", ""},
		"it links whatever is stamped": {func(t *testing.T, s *stand, path string) {
			if id, is := strings.CutPrefix(path, "/v1/customers/"); is {
				s.exec(t, "UPDATE companies SET stripe_customer_id = '"+id+"' WHERE id = 11")
			}
		}, cli.ExitPartly, "cus_S", "cus_S", ""},
		"it caches the right company": {func(t *testing.T, s *stand, _ string) {
			must(0, s.redis.Set(key, "11"))(t)
		}, cli.ExitFindings, "another one is cached by now", "cus_S3belaPaying03", "11"},
		"it caches what it knew": {func(t *testing.T, s *stand, _ string) {
			must(0, s.redis.Set(key, "4"))(t)
		}, cli.ExitFindings, "", "cus_S3belaPaying03", ""},
		"it caches another company": {func(t *testing.T, s *stand, _ string) {
			must(0, s.redis.Set(key, "12"))(t)
		}, cli.ExitPartly, "RF801", "cus_S3belaPaying03", "12"},
	}, func(t *testing.T, r reaction) {
		s := standOn(t, 0, "")
		file := s.plans(t)
		for _, o := range stamped {
			s.on(&hook{method: http.MethodPost, path: o.path, after: true, do: func() { r.do(t, s, o.path) }})
		}
		code, a, errs := s.applies(t, file)
		var said []string
		for _, o := range a.Result.Outcomes {
			said = append(said, o.Why)
		}
		said = append(said, a.Verified.Remain...)
		if code != r.code || errs != "" || !strings.Contains(strings.Join(said, "\n"), r.says) {
			t.Errorf("exit code %d, want %d, %s, said %q\n%+v", code, r.code, errs, said, a)
		}
		if got := link(t, 0, s.dsn); !strings.HasPrefix(got, r.link) {
			t.Errorf("company 11 links %q", got)
		}
		if got, _ := s.redis.Get(key); got != r.key {
			t.Errorf("cached: %q", got)
		}
		if r.code == cli.ExitFindings {
			s.stands(t, a.Run.ID)
		}
		s.wholeJournal(t)
	})
}

// TestTheCacheIsFilledAgain: a reader that had read before the repair fills the key
// after it was deleted, and it is deleted again; something that always does is
// named.
func TestTheCacheIsFilledAgain(t *testing.T) {
	t.Parallel()
	const key = ":1:user_company_7"
	together(t, map[string]bool{"once": false, "always": true}, func(t *testing.T, always bool) {
		s := standOn(t, 0, "")
		file := s.plans(t)
		ctx, end := context.WithCancel(t.Context())
		var reader sync.WaitGroup
		reader.Go(func() {
			for filled := false; ctx.Err() == nil && (always || !filled); runtime.Gosched() {
				if !s.redis.Exists(key) {
					must(0, s.redis.Set(key, "4"))(t)
					filled = true
				}
			}
		})
		code, a, errs := s.applies(t, file)
		end()
		reader.Wait()
		switch got := s.outcome(t, file, a, key); {
		case !always && (got.State != apply.StateDone || code != cli.ExitFindings || s.redis.Exists(key)):
			t.Errorf("exit code %d, %+v, %s", code, got, errs)
		case always && (code != cli.ExitPartly || got.State != apply.StateConflict && !strings.Contains(strings.Join(a.Verified.Remain, ""), "RF801")):
			t.Errorf("exit code %d, nobody names it: %+v, %+v, %s", code, got, a.Verified, errs)
		}
	})
}

// hookedDirectory does something right before what it writes is committed.
type hookedDirectory struct {
	rightful.DirectoryWriter
	before func()
}

func (h hookedDirectory) CompareAndSet(ctx context.Context, all []rightful.FieldChange, commit bool) error {
	if commit {
		h.before()
	}
	return h.DirectoryWriter.CompareAndSet(ctx, all, commit)
}

// TestTheAppLinksJustBefore: between the last look at a row and its write, the app
// writes there. Its write of the same value is as good as ours, and nothing is
// put back for it.
func TestTheAppLinksJustBefore(t *testing.T) {
	t.Parallel()
	together(t, map[string]apply.State{"cus_S3belaPaying03": apply.StateAlready, "cus_S2belaSecond02": apply.StateConflict}, func(t *testing.T, want apply.State) {
		customer := map[apply.State]string{apply.StateAlready: "cus_S3belaPaying03", apply.StateConflict: "cus_S2belaSecond02"}[want]
		s := standOn(t, 0, "")
		file := s.plans(t)
		p := must(readPlan(file))(t)
		e := s.engine(t)
		e.Writers.Directory = hookedDirectory{e.Writers.Directory, func() {
			s.exec(t, "UPDATE companies SET stripe_customer_id = '"+customer+"' WHERE id = 11")
		}}
		report, err := e.Apply(t.Context(), engine.ApplyInput{Plan: p, Author: engine.Author{Actor: "ana"}})
		if err != nil {
			t.Fatal(err)
		}
		got := s.outcome(t, file, applied{Result: struct {
			Outcomes []apply.Outcome
			Stopped  string
		}{Outcomes: report.Result.Outcomes}}, "11")
		back := report.Result.Count(apply.StatePutBack)
		if got.State != want || want == apply.StateAlready && (back != 0 || !report.Whole()) || want == apply.StateConflict && back != 3 {
			t.Errorf("%+v, %d put back\n%+v", got, back, report.Verified)
		}
		if link(t, 0, s.dsn) != customer {
			t.Errorf("company 11 links %q", link(t, 0, s.dsn))
		}
	})
}

// engine opens what the stand's config names, with its journal, as apply does.
func (s *stand) engine(t *testing.T) *engine.Engine {
	t.Helper()
	e, c, err := wire.ConfigForWriting(t.Context(), s.write(t), s.lookup, time.Unix(s.now, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.Record(t.Context(), e, c, "", wire.StateMade, "ana", func() time.Time { return time.Unix(s.now, 0) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}
