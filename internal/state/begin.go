package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"rightful"
	"rightful/internal/journal"
)

// Begin implements journal.Log.
func (s *Store) Begin(ctx context.Context, start journal.Start) (journal.Run, error) {
	if err := start.Validate(); err != nil {
		return nil, err
	}
	r := &run{store: s}
	err := s.append(ctx, func(ctx context.Context, a *appending) error {
		if err := a.endStands(ctx); err != nil {
			return err
		}
		if start.Continue != "" {
			return r.resume(ctx, a, start)
		}
		return r.start(ctx, a, start)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// newRunID returns an id that sorts by time and cannot be guessed.
func newRunID(now time.Time) string {
	return "run-" + now.UTC().Format("20060102-150405") + "-" + strings.ToLower(rand.Text()[:16])
}

// start begins a new run.
func (r *run) start(ctx context.Context, a *appending, start journal.Start) error {
	kind := journal.KindRunStarted
	r.tally = journal.NewTally(newRunID(a.now()))
	var err error
	if r.lease, start.TookOver, err = a.take(ctx, start, r.ID()); err != nil {
		return err
	}
	if start.Undoes != "" {
		kind = journal.KindUndoStarted
		err = r.mayUndo(ctx, a, start)
	} else if err = a.unused(ctx, start); err == nil {
		start.Approver, err = a.approver(ctx, start)
	}
	if err != nil {
		return err
	}
	start.Holder = a.holder
	return r.add(ctx, a, journal.Record{Kind: kind, Body: start})
}

// resume goes on with a run that did not come to its end, or not with every step.
func (r *run) resume(ctx context.Context, a *appending, start journal.Start) error {
	body := journal.Continuation{Actor: start.Actor, Reason: start.Reason, Holder: a.holder}
	var err error
	if r.lease, body.TookOver, err = a.take(ctx, start, start.Continue); err != nil {
		return err
	}
	if r.tally, err = a.tally(ctx, start.Continue); err != nil {
		return err
	}
	s := r.tally.Summary
	switch {
	case s.StartedAt == 0:
		return &rightful.Error{Kind: rightful.KindNotFound, Place: "journal", Message: "there is no run " + start.Continue, Hint: "rightful journal list names them"}
	case !s.Same(start):
		return journal.Refuse(s.ID+" is of another plan, account or mode", "continue it with the plan that it began with", nil)
	case s.Status == journal.StatusFinished:
		return journal.Refuse(s.ID+" is finished: there is nothing to go on with", "", &journal.UsedError{Run: s.ID, Status: s.Status})
	case same(s.Approver, start.Actor):
		return journal.Refuse("who approved the plan does not apply it", "let another person continue "+s.ID, nil)
	}
	if undo, err := a.summary(ctx, a.tx, `undoes = $1 ORDER BY seq DESC LIMIT 1`, s.ID); err == nil {
		return journal.Refuse(fmt.Sprintf("%s was taken back by %s", s.ID, undo.ID), "plan again", &journal.UsedError{Run: undo.ID, Status: undo.Status})
	} else if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if s.Undoes != "" {
		if r.undone, err = a.tally(ctx, s.Undoes); err != nil {
			return err
		}
		if last := r.undone.Summary.UndoneBy; last != s.ID {
			return journal.Refuse(fmt.Sprintf("%s took %s back after this one", last, s.Undoes), "", &journal.UsedError{Run: last, Status: r.undone.Summary.Status})
		}
	}
	return r.add(ctx, a, journal.Record{Kind: journal.KindRunContinued, Body: body})
}

// unused refuses a plan that had its run, and one whose twin, the same repair
// planned at another time, was interrupted after it was made: what that one may
// have written meanwhile was not looked at.
func (a *appending) unused(ctx context.Context, start journal.Start) error {
	s, err := a.summary(ctx, a.tx, `plan = $1 AND plan_made_at = $2`, start.Plan, start.PlanMadeAt)
	if errors.Is(err, sql.ErrNoRows) {
		s, err = a.summary(ctx, a.tx, `plan = $1 ORDER BY plan_made_at DESC LIMIT 1`, start.Plan)
		open := s.Status == journal.StatusRunning || s.Status == journal.StatusInterrupted
		if errors.Is(err, sql.ErrNoRows) || err == nil && (!open || s.UndoneBy != "" || start.PlanMadeAt > s.LastAt) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	hint := "plan again"
	if s.Status != journal.StatusFinished && s.UndoneBy == "" {
		hint = "continue " + s.ID + ", or plan again"
	}
	return journal.Refuse(fmt.Sprintf("the plan had its run: %s, %s", s.ID, s.Status), hint, &journal.UsedError{Run: s.ID, Status: s.Status})
}

// mayUndo refuses what cannot be taken back, or is being taken back.
func (r *run) mayUndo(ctx context.Context, a *appending, start journal.Start) error {
	var err error
	if r.undone, err = a.tally(ctx, start.Undoes); err != nil {
		return err
	}
	s := r.undone.Summary
	switch {
	case s.StartedAt == 0:
		return &rightful.Error{Kind: rightful.KindNotFound, Place: "journal", Message: "there is no run " + start.Undoes, Hint: "rightful journal list names them"}
	case s.Undoes != "":
		return journal.Refuse(s.ID+" is an undo, and an undo is not taken back", "plan and apply again", nil)
	case s.Account != start.Account || s.Livemode != start.Livemode:
		return journal.Refuse(s.ID+" is of another account or mode", "", nil)
	}
	last, err := a.summary(ctx, a.tx, `undoes = $1 ORDER BY seq DESC LIMIT 1`, s.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case last.Status == journal.StatusFinished:
		return journal.Refuse(fmt.Sprintf("%s was taken back by %s", s.ID, last.ID), "", &journal.UsedError{Run: last.ID, Status: last.Status})
	case last.Status != journal.StatusPartly:
		return journal.Refuse(fmt.Sprintf("%s is taking %s back", last.ID, s.ID), "continue "+last.ID, &journal.UsedError{Run: last.ID, Status: last.Status})
	}
	return nil
}

// tally follows the records of one run again.
func (a *appending) tally(ctx context.Context, run string) (*journal.Tally, error) {
	t := journal.NewTally(run)
	err := a.each(ctx, a.tx, ofRun, []any{run}, t.Add)
	if err != nil || t.Summary.Undoes != "" {
		return t, err
	}
	// What takes it back stands in other runs' records; their row tells.
	undo, err := a.summary(ctx, a.tx, `undoes = $1 ORDER BY seq DESC LIMIT 1`, run)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	t.Summary.TakenBack(undo)
	return t, err
}

// same reports whether two names are one person's.
func same(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	return a != "" && strings.EqualFold(a, b)
}
