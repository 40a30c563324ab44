package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// AuditInput narrows an audit.
type AuditInput struct {
	Company string   // only what concerns this company
	Since   int64    // only families with something created since, Unix seconds
	Only    []string // only these codes, or families of codes such as RF1
	// Mirror reads the mirror instead of Stripe; nil: Stripe is read.
	Mirror *FromMirror
}

// Validate reports codes that do not exist.
func (in AuditInput) Validate() error {
	for _, want := range in.Only {
		known := slices.ContainsFunc(rightful.Codes(), func(c rightful.CodeInfo) bool { return codeMatches(c.Code, want) })
		if want == "" || !known {
			return &rightful.Error{
				Kind:    rightful.KindInvalid,
				Place:   "--only",
				Message: fmt.Sprintf("%q is no code and no beginning of one", want),
				Hint:    "codes look like RF101, families of codes like RF1; rightful explain lists them",
			}
		}
	}
	return nil
}

func codeMatches(code rightful.Code, want string) bool {
	return strings.HasPrefix(string(code), strings.ToUpper(want))
}

// AuditReport is the outcome of an audit.
type AuditReport struct {
	Complete          bool               `json:"complete"`
	IncompleteBecause []string           `json:"incomplete_because"`
	Unheard           []string           `json:"unheard"` // what a single check could not hear; the rest is complete
	Refused           *Refusal           `json:"refused"`
	Account           string             `json:"account"`
	Livemode          bool               `json:"livemode"`
	Now               int64              `json:"now"`
	Scope             Scope              `json:"scope"`
	Counts            Counts             `json:"counts"`
	Findings          []rightful.Finding `json:"findings"`
	Known
	// Accounts has each account of an audit of several; then Account is empty.
	Accounts []AccountAudit `json:"accounts,omitempty"`

	// Mirror is what was read instead of Stripe; nil when Stripe was read.
	Mirror *MirrorReport `json:"mirror,omitempty"`

	// Recorded is what was kept of it; nil unless it was recorded.
	Recorded *rightful.AuditRecord `json:"recorded,omitempty"`
}

// Whose names the accounts that were audited.
func (r *AuditReport) Whose() string {
	if len(r.Accounts) == 0 {
		return r.Account
	}
	ids := make([]string, len(r.Accounts))
	for i, a := range r.Accounts {
		ids[i] = a.Account
	}
	return strings.Join(ids, ", ")
}

// newAudit is a report with nothing in it.
func (e *Engine) newAudit(in AuditInput) *AuditReport {
	r := &AuditReport{IncompleteBecause: []string{}, Unheard: []string{}, Findings: []rightful.Finding{}, Known: noneKnown(), Now: e.Options.Now}
	r.Scope = Scope{Company: in.Company, Since: in.Since, Only: append([]string{}, in.Only...)}
	r.Counts.AtStake = []rightful.Amount{}
	return r
}

// Counts says how much was looked at and how much was found.
type Counts struct {
	Errors     int             `json:"error"`
	Warnings   int             `json:"warning"`
	Infos      int             `json:"info"`
	Security   int             `json:"security"`
	Automatic  int             `json:"automatic"`
	Companies  int             `json:"companies"`
	Users      int             `json:"users"`
	Objects    int             `json:"objects"`
	Families   int             `json:"families"`
	Ownership  judge.Ownership `json:"ownership"`
	StripeGETs int             `json:"stripe_gets"`

	// What is not in the counts above.
	Accepted int `json:"accepted"`
	Stale    int `json:"stale_acceptances"`
	Off      int `json:"off"`

	// AtStake is the monthly money of errors and warnings, each payment once.
	AtStake []rightful.Amount `json:"at_stake"`
}

// Audit reads everything, or what the input narrows it to, and judges it. A run
// that would be unsafe comes back refused, not as an error; one that was
// interrupted or could not read everything comes back incomplete.
func (e *Engine) Audit(ctx context.Context, in AuditInput) (*AuditReport, error) {
	if err := in.Validate(); err != nil {
		return nil, err
	}
	r := e.newAudit(in)
	if in.Mirror != nil {
		return e.auditMirror(ctx, in, r)
	}
	account, refusal, err := e.admit(ctx)
	r.Account, r.Livemode = account.ID, account.Livemode
	if err != nil {
		return r.cut(e, ctx, err)
	}
	if refusal != nil {
		r.Refused = refusal
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return r, nil
	}
	if err := e.audit(ctx, in, r, account); err != nil {
		return r.cut(e, ctx, err)
	}
	r.Counts.StripeGETs = e.gets()
	return r, nil
}

// read collects what the input asks for.
func (e *Engine) read(ctx context.Context, in AuditInput) (*rightful.Situation, rightful.Subject, error) {
	switch {
	case e.Sources.Stripe == nil:
		return nil, rightful.Subject{}, &rightful.Error{
			Kind:    rightful.KindInvalid,
			Place:   "stripe",
			Message: "there is no Stripe to audit",
			Hint:    "set stripe.key, or give a world with a stripe section",
		}
	case in.Company != "":
		if err := e.companyExists(ctx, in.Company); err != nil {
			return nil, rightful.Subject{}, err
		}
		return e.around(ctx, e.Sources, rightful.Subject{Companies: []string{in.Company}})
	case in.Since != 0:
		about, err := collect.Since(ctx, e.Sources, in.Since)
		if err != nil {
			return nil, about, err
		}
		return e.around(ctx, e.Sources, about)
	}
	sit, err := collect.Everything(ctx, e.Sources, e.Options)
	return sit, rightful.Subject{}, err
}

// unheard tells which of the app's other accounts could not be asked for what this one does
// not have.
func (e *Engine) unheard() []string {
	if among, several := e.Sources.Stripe.(interface{ Unheard() []string }); several {
		return among.Unheard()
	}
	return nil
}

func (e *Engine) companyExists(ctx context.Context, id string) error {
	for _, err := range e.Sources.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}) {
		return err
	}
	return &rightful.Error{
		Kind:    rightful.KindNotFound,
		Place:   "--company",
		Message: fmt.Sprintf("the database has no company %q", id),
		Hint:    "give the id as the database prints it",
	}
}

// cut turns an interruption into an incomplete report; other errors stay.
func (r *AuditReport) cut(e *Engine, ctx context.Context, err error) (*AuditReport, error) {
	if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, ctx.Err()) {
		return nil, err
	}
	r.IncompleteBecause = append(r.IncompleteBecause, "the run was interrupted; nothing was concluded")
	r.Counts.StripeGETs = e.gets()
	return r, nil
}

// fill puts a verdict into the report.
func (r *AuditReport) fill(sit *rightful.Situation, v judge.Verdict, only []string, known accept.List) {
	r.IncompleteBecause = append(r.IncompleteBecause, sit.Incomplete...)
	r.Unheard = append(r.Unheard, sit.Unheard...)
	r.Complete = len(r.IncompleteBecause) == 0
	r.Counts.Companies, r.Counts.Users, r.Counts.Families = len(sit.Companies), len(sit.Users), len(sit.Families)
	r.Counts.Ownership = v.Ownership
	for _, f := range sit.Families {
		r.Counts.Objects += len(f.Objects())
	}
	others := func(f rightful.Finding) bool {
		return len(only) > 0 && !slices.ContainsFunc(only, func(want string) bool { return codeMatches(f.Code, want) })
	}
	findings := slices.DeleteFunc(slices.Clone(v.Findings), others)
	muted := slices.DeleteFunc(slices.Clone(v.Muted), others)
	r.Findings = r.apply(known, r.Now, findings, muted, &r.Counts)
	r.stale(known, v)
}

func (c *Counts) count(f rightful.Finding) {
	switch f.Severity {
	case rightful.SeverityError:
		c.Errors++
	case rightful.SeverityWarning:
		c.Warnings++
	default:
		c.Infos++
	}
	if f.Security {
		c.Security++
	}
	if f.Automatic {
		c.Automatic++
	}
}
