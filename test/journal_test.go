package test

import (
	"context"
	"database/sql"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

// recorded writes a journal into a SQLite file: recorded FILE. It holds one run
// that finished, one that died with a write in hand, and an undo of the first.
func recorded(ts *testscript.TestScript, _ bool, args []string) {
	ctx, now := context.Background(), int64(1_760_000_000)
	s, err := state.Open(ctx, "sqlite:"+ts.MkAbs(args[0]), state.Options{
		Now: func() time.Time { return time.Unix(now, 0) }, Holder: "ana on desk, process 1",
	})
	ts.Check(err)
	begin := func(start journal.Start) journal.Run {
		start.Account, start.Livemode = "acct_1", true
		r, err := s.Begin(ctx, start)
		ts.Check(err)
		return r
	}
	text := func(s string) *string { return &s }
	step := func(id, customer, company, from, to string) journal.Step {
		return journal.Step{
			ID: id, Unit: customer, CompanyID: &company, Place: rightful.PlaceStripe,
			Object: rightful.Ref{Type: "customer", ID: customer}, Field: "metadata.company_id",
			From: &from, To: &to, Precondition: journal.Precondition{Value: &from}, Reverse: &journal.Reverse{To: &from},
			Because: []string{"RF101-0123456789"},
		}
	}
	check := func(errs ...error) {
		for _, err := range errs {
			ts.Check(err)
		}
	}

	one := step("step-1", "cus_1", "11", "4", "11")
	r := begin(journal.Start{Plan: "aaaaaaaaaaaaaaaaaaaaaaaa", Actor: "ana", Reason: "incident 4", Steps: 1})
	check(r.Intend(ctx, journal.Intent{Step: one, Attempt: 1, IdempotencyKey: r.ID() + "/step-1/1"}),
		r.Settle(ctx, journal.Outcome{State: journal.StateDone, Step: one, Attempt: 1, Seen: &journal.Seen{Value: one.To}}),
		r.FinishUnit(ctx, journal.UnitEnd{Unit: "cus_1", Whole: true, Skipped: []string{}}),
		r.Finish(ctx, journal.RunEnd{}))
	first := r.ID()

	now += 3600
	two, three := step("step-2", "cus_2", "12", "5", "12"), step("step-3", "cus_3", "12", "5", "12")
	r = begin(journal.Start{Plan: "bbbbbbbbbbbbbbbbbbbbbbbb", Actor: "bo", Steps: 3})
	check(r.Settle(ctx, journal.Outcome{State: journal.StateConflict, Step: two, Seen: &journal.Seen{Value: text("13\x1b[2J")}, Why: "somebody else was there"}),
		r.FinishUnit(ctx, journal.UnitEnd{Unit: "cus_2", Skipped: []string{"step-9"}}),
		r.Intend(ctx, journal.Intent{Step: three, Attempt: 1, IdempotencyKey: r.ID() + "/step-3/1"}))

	now += 3600
	back := step("step-1", "cus_1", "11", "11", "4")
	r = begin(journal.Start{Undoes: first, Actor: "cy", Reason: "wrong company", Steps: 1})
	check(r.Intend(ctx, journal.Intent{Step: back, Attempt: 1}),
		r.Settle(ctx, journal.Outcome{State: journal.StateDone, Step: back, Attempt: 1, Seen: &journal.Seen{Value: back.To}}),
		r.Finish(ctx, journal.RunEnd{}), s.Close())
}

// sqlite runs statements in a SQLite file: sqlite FILE STATEMENT...
func sqlite(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	for _, statement := range args[1:] {
		_, err := db.Exec(statement)
		ts.Check(err)
	}
	ts.Check(db.Close())
}
