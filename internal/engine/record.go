package engine

import (
	"context"

	"rightful"
)

// RecordAudit keeps the report of an audit of everything, and what changed since the
// one before. One that looked at less would be taken for the whole, and is refused.
func (e *Engine) RecordAudit(ctx context.Context, r *AuditReport) (rightful.AuditRecord, error) {
	if e.Audits == nil {
		return rightful.AuditRecord{}, &rightful.Error{
			Kind: rightful.KindUnsupported, Message: "there is no state to record the audit in", Hint: "name one: --state sqlite:FILE",
		}
	}
	if !r.Scope.Whole() {
		return rightful.AuditRecord{}, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--record", Message: "an audit of less than everything is not recorded: what it leaves out would look resolved",
			Hint: "audit without --company, --since and --only",
		}
	}
	result := rightful.AuditResult{
		AuditRecord: rightful.AuditRecord{
			Account: r.Account, Livemode: r.Livemode, At: r.Now, Complete: r.Complete, IncompleteBecause: r.IncompleteBecause,
			Errors: r.Counts.Errors, Warnings: r.Counts.Warnings, Infos: r.Counts.Infos, Security: r.Counts.Security,
		},
		Findings: r.Findings,
	}
	if r.Refused != nil {
		result.RefusedCode = r.Refused.Code
	}
	for _, a := range r.Accepted {
		result.Accepted = append(result.Accepted, a.ID)
	}
	for code := range r.Off {
		result.Off = append(result.Off, code)
	}
	return e.Audits.RecordAudit(ctx, result)
}
