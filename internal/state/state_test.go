package state_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// began is when every test begins.
const began = 1_760_000_000

// bench is an empty state on one engine, with a clock of its own.
type bench struct {
	*testing.T
	engine  string
	address string
	clock   *atomic.Int64
}

// onBoth runs a test on each engine: the contract of the store.
func onBoth(t *testing.T, test func(b *bench)) {
	t.Parallel()
	for engine, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "rightful.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			b := &bench{T: t, engine: engine, address: address(t), clock: newClock()}
			test(b)
		})
	}
}

func (b *bench) options(holder string) state.Options {
	return state.Options{Now: func() time.Time { return time.Unix(b.clock.Load(), 0) }, Holder: holder}
}

// open opens another store on the same state, as another process would.
func (b *bench) open() *state.Store {
	b.Helper()
	s, err := state.Open(b.Context(), b.address, b.options("ana on desk, process 1"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// behind runs statements as somebody would who has the database.
func (b *bench) behind(s *state.Store, statements ...string) error {
	b.Helper()
	for _, statement := range statements {
		if _, err := s.DB().ExecContext(b.Context(), statement); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) mustBehind(s *state.Store, statements ...string) {
	b.Helper()
	if err := b.behind(s, statements...); err != nil {
		b.Fatal(err)
	}
}

// disarm takes the triggers away that keep the journal append-only.
func (b *bench) disarm(s *state.Store) {
	b.Helper()
	if b.engine == "postgres" {
		b.mustBehind(s, `ALTER TABLE rightful_journal DISABLE TRIGGER ALL`, `ALTER TABLE rightful_journal_head DISABLE TRIGGER ALL`)
		return
	}
	rows, err := s.DB().QueryContext(b.Context(), `SELECT name FROM sqlite_schema WHERE type = 'trigger'`)
	names := scanAll[string](b.T, rows, err)
	for _, name := range names {
		b.mustBehind(s, `DROP TRIGGER `+name)
	}
}

func scanAll[V any](t *testing.T, rows *sql.Rows, err error) []V {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []V
	for rows.Next() {
		var v V
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// start is a run of a plan of its own.
func start(plan string, steps int) journal.Start {
	return journal.Start{Plan: plan, PlanMadeAt: began - 60, Account: "acct_1", Livemode: true, Actor: "ana", Reason: "incident 4", Steps: steps}
}

func (b *bench) begin(s *state.Store, st journal.Start) journal.Run {
	b.Helper()
	r, err := s.Begin(b.Context(), st)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func ptr(s string) *string { return &s }

// stamp is a step that writes a stamp.
func stamp(id, customer string) journal.Step {
	return journal.Step{
		ID: id, Unit: customer, CompanyID: ptr("11"), Place: rightful.PlaceStripe,
		Object: rightful.Ref{Type: "customer", ID: customer}, Field: "metadata.company_id",
		From: ptr("4"), To: ptr("11"), Precondition: journal.Precondition{Value: ptr("4")}, Reverse: &journal.Reverse{To: ptr("4")},
		Because: []string{"RF101-aaaaaaaaaa"},
	}
}

func intent(s journal.Step, run journal.Run) journal.Intent {
	return journal.Intent{Step: s, Attempt: 1, IdempotencyKey: run.ID() + "/" + s.ID + "/1"}
}

func done(s journal.Step) journal.Outcome {
	return journal.Outcome{State: journal.StateDone, Step: s, Attempt: 1, Seen: &journal.Seen{Value: s.To}}
}

// must stops a test at an error.
func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// whole applies a plan of one step to its end.
func (b *bench) whole(s *state.Store, plan string) string {
	b.Helper()
	ctx, r, step := b.Context(), b.begin(s, start(plan, 1)), stamp("step-1", "cus_1")
	must(b, r.Intend(ctx, intent(step, r)), r.Settle(ctx, done(step)),
		r.FinishUnit(ctx, journal.UnitEnd{Unit: "cus_1", Whole: true, Skipped: []string{}}), r.Finish(ctx, journal.RunEnd{}))
	return r.ID()
}

func (b *bench) entries(s *state.Store, f journal.Filter) []journal.Entry {
	b.Helper()
	var all []journal.Entry
	for e, err := range s.Entries(b.Context(), f) {
		must(b, err)
		all = append(all, e)
	}
	return all
}

func kinds(entries []journal.Entry) []journal.Kind {
	var all []journal.Kind
	for _, e := range entries {
		all = append(all, e.Kind)
	}
	return all
}

func (b *bench) summary(s *state.Store, run string) journal.Summary {
	b.Helper()
	runs, err := s.Runs(b.Context(), journal.Filter{Run: run})
	must(b, err)
	if len(runs) != 1 {
		b.Fatalf("%d runs of the id %s", len(runs), run)
	}
	return runs[0]
}

func (b *bench) verify(s *state.Store) journal.Check {
	b.Helper()
	check, err := s.Verify(b.Context())
	must(b, err)
	return check
}

func (b *bench) mustBeWhole(s *state.Store) {
	b.Helper()
	if c := b.verify(s); !c.Whole() || len(c.Stale) > 0 {
		b.Fatalf("the journal is broken: %+v, stale %v", c.Broken, c.Stale)
	}
}

func TestARunIsRecordedInItsOrder(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		id := b.whole(s, "plan-a")
		other := b.open() // another process sees it, at once
		got := kinds(b.entries(other, journal.Filter{}))
		want := []journal.Kind{journal.KindRunStarted, journal.KindStepIntended, journal.KindStepDone, journal.KindUnitFinished, journal.KindRunFinished}
		if !slices.Equal(got, want) {
			b.Errorf("got %v", got)
		}
		sum := b.summary(other, id)
		if sum.Status != journal.StatusFinished || sum.Counts != (journal.Counts{Done: 1}) || sum.Actor != "ana" || sum.EndedAt != began || sum.Holder != "" {
			b.Errorf("got %+v", sum)
		}
		b.mustBeWhole(other)
		c := b.verify(other)
		last := b.entries(other, journal.Filter{})[4]
		if c.Records != 5 || c.Head != last.Hash {
			b.Errorf("got %+v, want the hash of %+v", c, last)
		}
	})
}

func TestEveryRecordIsReadBackAsItWasWritten(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		r := b.begin(s, start("plan-a", 1))
		step := stamp("step-1", "cus_\u00e9\u0000\U0001f986 \"quoted\" \\")
		step.To, step.Reverse, step.CompanyID = nil, nil, nil
		must(b, r.Intend(b.Context(), intent(step, r)),
			r.Settle(b.Context(), journal.Outcome{State: journal.StateConflict, Step: step, Why: "x", Seen: &journal.Seen{}}))
		all := b.entries(b.open(), journal.Filter{})
		in, err := all[1].Intent()
		must(b, err)
		if in.Step.Object.ID != step.Object.ID || in.Step.To != nil || in.Step.Reverse != nil || *in.Step.From != "4" || in.Attempt != 1 {
			b.Errorf("got %+v", in)
		}
		o, err := all[2].Outcome()
		must(b, err)
		if o.State != journal.StateConflict || o.Seen == nil || o.Seen.Value != nil {
			b.Errorf("got %+v", o)
		}
		b.mustBeWhole(s)
	})
}

func TestManyAppendAtOnceToOneChain(t *testing.T) {
	onBoth(t, func(b *bench) {
		const writers, steps = 4, 10
		failed := make(chan error, writers)
		for i := range writers {
			s := b.open()
			go func() {
				failed <- func() error {
					st := start("plan-"+string(rune('a'+i)), steps)
					st.Account = st.Plan // each has the lease of its own account
					r, err := s.Begin(context.Background(), st)
					for n := 0; err == nil && n < steps; n++ {
						step := stamp(fmt.Sprintf("step-%d", n), "cus_1")
						if err = r.Intend(context.Background(), intent(step, r)); err == nil {
							err = r.Settle(context.Background(), done(step))
						}
					}
					if err == nil {
						err = r.Finish(context.Background(), journal.RunEnd{})
					}
					return err
				}()
			}()
		}
		for range writers {
			must(b, <-failed)
		}
		s := b.open()
		b.mustBeWhole(s)
		if c := b.verify(s); c.Records != writers*(2*steps+2) {
			b.Errorf("%d records", c.Records)
		}
		s.SetPage(7) // reading goes page by page: across every run, and within one
		if n := len(b.entries(s, journal.Filter{})); n != writers*(2*steps+2) {
			b.Errorf("%d records were read", n)
		}
		runs, err := s.Runs(b.Context(), journal.Filter{})
		must(b, err)
		if n := len(b.entries(s, journal.Filter{Run: runs[0].ID})); n != 2*steps+2 {
			b.Errorf("%d records of a run were read", n)
		}
	})
}

// newClock returns a clock at the beginning.
func newClock() *atomic.Int64 {
	clock := &atomic.Int64{}
	clock.Store(began)
	return clock
}

func atBegan() time.Time { return time.Unix(began, 0) }
