package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// Investigation is everything that concerns one user, company or payment, side
// by side, with a ruling on each explanation.
type Investigation struct {
	Who               string                 `json:"who"`
	Is                string                 `json:"is"` // what WHO turned out to name
	Notes             []string               `json:"notes"`
	Complete          bool                   `json:"complete"`
	IncompleteBecause []string               `json:"incomplete_because"`
	Unheard           []string               `json:"unheard"` // what a single check could not hear; the rest is complete
	Refused           *Refusal               `json:"refused"`
	Account           string                 `json:"account"`
	Livemode          bool                   `json:"livemode"`
	Now               int64                  `json:"now"`
	Users             []UserView             `json:"users"`
	Companies         []CompanyView          `json:"companies"`
	Families          []FamilyView           `json:"families"`
	Cache             []CacheView            `json:"cache"`
	Probe             *ProbeView             `json:"probe"`
	Explanations      []rightful.Explanation `json:"explanations"`
	Findings          []rightful.Finding     `json:"findings"`
	Known
	Counts Counts `json:"counts"`
	Next   string `json:"next"` // the one command to run next, or what to do
}

// Investigate reads the surroundings of WHO and rules on each explanation. A
// WHO that names nothing, or several things, is an error of kind not_found or
// ambiguous.
func (e *Engine) Investigate(ctx context.Context, who string) (*Investigation, error) {
	inv := &Investigation{
		Who: who, Now: e.Options.Now,
		Notes: []string{}, IncompleteBecause: []string{}, Unheard: []string{}, Users: []UserView{}, Companies: []CompanyView{},
		Families: []FamilyView{}, Cache: []CacheView{}, Explanations: []rightful.Explanation{}, Findings: []rightful.Finding{},
		Known: noneKnown(), Counts: Counts{AtStake: []rightful.Amount{}},
	}
	account, refusal, err := e.admit(ctx)
	inv.Account, inv.Livemode = account.ID, account.Livemode
	stripeFailed := ""
	switch {
	case refusal != nil:
		inv.Refused = refusal
		inv.IncompleteBecause = append(inv.IncompleteBecause, "the run was refused")
		return inv, nil
	case err != nil && ctx.Err() != nil:
		return inv.cut(ctx, err)
	case err != nil && e.stripeError(err):
		stripeFailed = plain(err) // the database and the cache can still be heard
	case err != nil:
		return nil, err
	}
	sources := e.Sources
	if stripeFailed != "" {
		sources.Stripe = nil
	}

	found, err := e.resolveWho(ctx, sources, who)
	if err != nil {
		return inv.cut(ctx, err)
	}
	inv.Is, inv.Notes = found.is, append(inv.Notes, found.notes...)
	sit, about, err := e.around(ctx, sources, found.subject)
	if err != nil {
		return inv.cut(ctx, err)
	}
	sit.Account = account
	if stripeFailed != "" {
		sit.StripeUnread, sit.StripePartly = stripeFailed, true
		sit.Incomplete = append(sit.Incomplete, "Stripe: "+stripeFailed)
	}
	verdict, err := e.judged(ctx, sources, sit)
	if err != nil {
		return inv.cut(ctx, err)
	}
	sit.Unheard = append(sit.Unheard, e.unheard()...)
	e.conclude(inv, sit, about, verdict)
	return inv, nil
}

// conclude fills the answer from the verdict.
func (e *Engine) conclude(inv *Investigation, sit *rightful.Situation, about rightful.Subject, verdict judge.Verdict) {
	sit, verdict = judge.Concerning(sit, verdict, about)
	inv.IncompleteBecause = append(inv.IncompleteBecause, sit.Incomplete...)
	inv.Unheard = append(inv.Unheard, sit.Unheard...)
	inv.Complete = len(inv.IncompleteBecause) == 0
	inv.Findings = inv.apply(e.Accepted, inv.Now, verdict.Findings, verdict.Muted, &inv.Counts)
	inv.Explanations = judge.Explain(sit, e.Rules, about, verdict)
	inv.Counts.StripeGETs = e.gets()
	inv.Counts.Ownership = verdict.Ownership
	inv.Counts.Families = len(sit.Families)
	inv.look(sit, about, verdict, e.Rules)
	inv.Next = inv.next()
}

// stripeError reports whether the error came from Stripe and not from the
// database.
func (e *Engine) stripeError(err error) bool {
	var own *rightful.Error
	return errors.As(err, &own) && len(own.Place) >= 6 && own.Place[:6] == "stripe"
}

func plain(err error) string {
	var own *rightful.Error
	if errors.As(err, &own) {
		return own.Message
	}
	return err.Error()
}

// cut turns an interruption into an incomplete answer; other errors stay.
func (inv *Investigation) cut(ctx context.Context, err error) (*Investigation, error) {
	if ctx.Err() == nil {
		return nil, err
	}
	inv.IncompleteBecause = append(inv.IncompleteBecause, "the run was interrupted; nothing was concluded")
	return inv, nil
}

// next returns the one thing to do next.
func (inv *Investigation) next() string {
	for _, x := range inv.Explanations {
		if x.Ruling == rightful.RuledIn && len(x.Findings) > 0 {
			code, _, _ := strings.Cut(x.Findings[0], "-") // a finding's id begins with its code
			return "rightful explain " + code
		}
	}
	for _, x := range inv.Explanations {
		if x.Ruling == rightful.CannotTell && !inv.Complete {
			return x.Todo + ": rightful investigate " + inv.Who
		}
	}
	for _, f := range inv.Findings {
		if f.Severity != rightful.SeverityInfo {
			return fmt.Sprintf("rightful explain %s", f.Code)
		}
	}
	return "rightful audit"
}
