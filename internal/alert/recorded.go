package alert

import (
	"context"
	"errors"
	"strings"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

// Keys and titles of alerts that there is one of.
const (
	deadKey       = "delivery:dead"
	deadTitle     = "webhook events that were given up"
	untoldKey     = "notify:dead"
	caughtUpKey   = "delivery:caught_up"
	incompleteKey = "audit:incomplete"
	overdueKey    = "audit:overdue"
)

// look compares what is open with what was recorded.
func (e *Evaluator) look(ctx context.Context) error {
	now := e.o.Now()
	var errs []error
	if e.o.Audits != nil {
		audits, err := e.o.Audits.Audits(ctx, "", false, 1)
		var last *rightful.AuditRecord
		if len(audits) > 0 {
			last = &audits[0]
		}
		if err == nil {
			err = e.lookAtAudits(ctx, last, now)
		}
		errs = append(errs, err)
		changed := e.changed.Swap(false)
		if err == nil && (changed || now.Sub(e.looked) >= lookEvery || last != nil && last.ID != e.audit) {
			err = e.lookAtFindings(ctx, last, now)
			errs = append(errs, err)
		}
		if changed && err != nil {
			e.changed.Store(true)
		}
	}
	if e.o.Delivery != nil {
		errs = append(errs, e.lookAtDelivery(ctx))
	}
	return errors.Join(errs...)
}

// findingPage is how many findings are read at once.
const findingPage = 1000

func (e *Evaluator) lookAtFindings(ctx context.Context, last *rightful.AuditRecord, now time.Time) error {
	alerts := []rightful.Alert{}
	for after := ""; ; {
		page, err := e.o.Audits.Findings(ctx, rightful.FindingQuery{After: after, Limit: findingPage})
		if err != nil {
			return err
		}
		for _, f := range page {
			alerts = append(alerts, ofFinding(f))
		}
		if len(page) < findingPage {
			break
		}
		after = page[len(page)-1].ID
	}
	if err := e.o.Store.ReplaceAlerts(ctx, rightful.AlertFinding, alerts); err != nil {
		return err
	}
	e.looked = now
	if last != nil {
		e.audit = last.ID
	}
	return nil
}

// ofFinding returns the alert that a finding is open.
func ofFinding(f rightful.RecordedFinding) rightful.Alert {
	ids := []rightful.Ref{f.Object}
	for _, company := range []struct {
		kind string
		id   *string
	}{{rightful.RefCompany, f.CompanyID}, {rightful.RefRightful, f.RightfulCompanyID}} {
		if company.id != nil {
			ids = append(ids, rightful.Ref{Type: company.kind, ID: *company.id})
		}
	}
	title := "finding of a code that this version does not know"
	if info, known := rightful.CodeNamed(f.Code); known {
		title = info.Title
	}
	return rightful.Alert{
		Key: "finding:" + send.Clean(f.ID), Kind: rightful.AlertFinding, Severity: f.Severity, Title: title, Message: send.Clean(f.Message),
		IDs: named(ids...), Codes: []rightful.Code{rightful.Code(send.Clean(string(f.Code)))}, At: f.OpenedAt, Seen: f.SeenAt, Count: 1,
	}
}

func (e *Evaluator) lookAtAudits(ctx context.Context, last *rightful.AuditRecord, now time.Time) error {
	var raised []rightful.Alert
	if last != nil && (!last.Complete || last.RefusedCode != "") {
		a := rightful.Alert{
			Key: incompleteKey, Kind: rightful.AlertAudit, Severity: rightful.SeverityWarning, Title: "the last audit could not read everything",
			Message: send.Clean(strings.Join(last.IncompleteBecause, "; ")), IDs: named(rightful.Ref{Type: "audit", ID: last.ID}), At: now.Unix(), Count: 1,
		}
		if last.RefusedCode != "" {
			a.Severity, a.Title = rightful.SeverityError, "the last audit was refused as unsafe"
			a.Codes = []rightful.Code{last.RefusedCode}
		}
		raised = append(raised, a)
	}
	late, err := e.overdue(ctx, last, now)
	if err != nil {
		return err
	}
	if late != "" {
		raised = append(raised, rightful.Alert{
			Key: overdueKey, Kind: rightful.AlertAudit, Severity: rightful.SeverityError, Title: "no audit for too long", Message: late, At: now.Unix(), Count: 1,
		})
	}
	return e.o.Store.ReplaceAlerts(ctx, rightful.AlertAudit, raised)
}

// overdue says that an audit is overdue, and nothing when none is.
func (e *Evaluator) overdue(ctx context.Context, last *rightful.AuditRecord, now time.Time) (string, error) {
	limit := int64(e.o.OverdueAfter / time.Second)
	switch {
	case limit == 0:
		return "", nil
	case last != nil && now.Unix()-last.KeptAt > limit:
		return "The last audit is of " + send.Moment(last.KeptAt) + ".", nil
	case last != nil:
		return "", nil
	}
	// None was ever recorded: counted from when anybody was to be told.
	channels, err := e.o.Store.AlertChannels(ctx)
	for _, c := range channels {
		if now.Unix()-c.Since > limit {
			return "No audit was ever recorded.", nil
		}
	}
	return "", err
}

func (e *Evaluator) lookAtDelivery(ctx context.Context) error {
	counted, err := e.o.Delivery(ctx)
	if err != nil {
		return err
	}
	var raised []rightful.Alert
	over := []string{}
	for _, what := range []struct {
		key, title string
		n          int
		ids        []rightful.Ref
	}{{deadKey, deadTitle, counted.Dead, counted.DeadIDs}, {untoldKey, "events that the app was told of in vain", counted.Untold, counted.UntoldIDs}} {
		if what.n == 0 {
			over = append(over, what.key)
			continue
		}
		raised = append(raised, rightful.Alert{
			Key: what.key, Kind: rightful.AlertDelivery, Severity: rightful.SeverityError, Title: what.title,
			Message: "They wait for somebody to look.", IDs: named(what.ids...), At: e.o.Now().Unix(), Count: 1,
		})
	}
	return errors.Join(e.o.Store.RaiseAlerts(ctx, raised), e.o.Store.ResolveAlerts(ctx, over))
}
