package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/failpoint"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// SavePlan keeps a plan. The same plan may be saved again; what it needs before
// it is applied does not change by that.
func (s *Store) SavePlan(ctx context.Context, saved plan.Saved) error {
	p := saved.Plan
	raw, err := json.Marshal(p, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return err
	}
	saved.NeedsApproval = saved.NeedsApproval || saved.Approver != ""
	switch {
	case journal.HoldsSecret(string(raw)):
		return invalid("the plan holds what looks like a secret, and state keeps none", "decide the finding that holds it as leave")
	case strings.TrimSpace(saved.By) == "":
		return invalid("nobody is named who saves the plan", "name the actor")
	case same(saved.Approver, saved.By):
		return journal.Refuse("who saves a plan does not approve it", "name another approver", nil)
	}
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := s.exec(ctx, tx, `INSERT INTO rightful_plans (hash, made_at, document, saved_by, created_at, needs_approval, approver, approved_by, approved_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0) ON CONFLICT (hash, made_at) DO NOTHING`,
			p.Hash, p.MadeAt, string(raw), saved.By, s.unix(), saved.NeedsApproval, saved.Approver)
		failpoint.Here("plan/commit")
		if err != nil || n == 1 {
			return err
		}
		old, err := s.plan(ctx, tx, p.Hash, p.MadeAt)
		if err == nil && (old.NeedsApproval != saved.NeedsApproval || !same(old.Approver, saved.Approver) && old.Approver != saved.Approver) {
			err = journal.Refuse("the plan was saved already, and needs another approval", "plan again", nil)
		}
		return err
	})
	failpoint.Here("plan/committed")
	return err
}

// Plan returns a saved plan, checked as any plan that is read. One that was not
// saved is an error of kind not_found.
func (s *Store) Plan(ctx context.Context, hash string, madeAt int64) (plan.Saved, error) {
	var saved plan.Saved
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		saved, err = s.plan(ctx, tx, hash, madeAt)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = &rightful.Error{Kind: rightful.KindNotFound, Place: "state", Message: "no plan of the hash " + hash + " was saved", Err: err}
	}
	return saved, err
}

// plan reads one plan. With sql.ErrNoRows there is none.
func (s *Store) plan(ctx context.Context, tx *sql.Tx, hash string, madeAt int64) (plan.Saved, error) {
	var saved plan.Saved
	var document string
	err := s.row(ctx, tx, `SELECT document, saved_by, created_at, needs_approval, approver, approved_by, approved_at
		FROM rightful_plans WHERE hash = $1 AND made_at = $2`, hash, madeAt).
		Scan(&document, &saved.By, &saved.CreatedAt, &saved.NeedsApproval, &saved.Approver, &saved.ApprovedBy, &saved.ApprovedAt)
	if err != nil {
		return saved, err
	}
	saved.Plan, err = plan.Parse("the saved plan", []byte(document))
	if err == nil && saved.Plan.Hash != hash {
		err = journal.Refuse("the saved plan is not the one of this hash", "plan again", nil)
	}
	return saved, err
}

// Approve records a second person's word for a saved plan.
func (s *Store) Approve(ctx context.Context, hash string, madeAt int64, approver string) error {
	return s.append(ctx, func(ctx context.Context, a *appending) error {
		saved, err := s.plan(ctx, a.tx, hash, madeAt)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return &rightful.Error{Kind: rightful.KindNotFound, Place: "state", Message: "no plan of the hash " + hash + " was saved"}
		case err != nil:
			return err
		case strings.TrimSpace(approver) == "":
			return invalid("nobody is named who approves", "name the approver")
		case same(approver, saved.By):
			return journal.Refuse("who saved a plan does not approve it", "let a second person approve", nil)
		case saved.Approver != "" && !same(approver, saved.Approver):
			return journal.Refuse("the plan waits for "+saved.Approver, "", nil)
		case saved.ApprovedBy != "":
			return nil
		}
		if _, err := a.add(ctx, "", journal.Record{Kind: journal.KindPlanApproved, Body: journal.Approval{
			Plan: hash, PlanMadeAt: madeAt, Approver: approver, SavedBy: saved.By,
		}}); err != nil {
			return err
		}
		_, err = s.exec(ctx, a.tx, `UPDATE rightful_plans SET approved_by = $1, approved_at = $2 WHERE hash = $3 AND made_at = $4`, approver, a.at, hash, madeAt)
		return err
	})
}

// approver returns who approved the plan of a run, and refuses one that waits for
// it. A plan that was not saved needs nobody.
func (a *appending) approver(ctx context.Context, start journal.Start) (string, error) {
	saved, err := a.plan(ctx, a.tx, start.Plan, start.PlanMadeAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil, !saved.NeedsApproval:
		return saved.ApprovedBy, err
	case saved.ApprovedBy == "":
		who := "a second person"
		if saved.Approver != "" {
			who = saved.Approver
		}
		return "", journal.Refuse("the plan waits for the approval of "+who, "rightful plan approve PLAN.json, by them; then apply it", nil)
	case same(saved.ApprovedBy, start.Actor):
		return "", journal.Refuse(fmt.Sprintf("%s approved the plan, and so does not apply it", saved.ApprovedBy), "let another person apply it", nil)
	}
	return saved.ApprovedBy, nil
}
