package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"rightful"
)

// accountsAtOnce is how many accounts are worked on side by side: each has a budget of its
// own at Stripe, and each holds what it reads in memory.
const accountsAtOnce = 4

// AccountAudit is what became of one account in an audit of several.
type AccountAudit struct {
	Account           string   `json:"account"`
	Livemode          bool     `json:"livemode"`
	Complete          bool     `json:"complete"`
	IncompleteBecause []string `json:"incomplete_because"`
	Unheard           []string `json:"unheard"`
	Refused           *Refusal `json:"refused"`
	Counts            Counts   `json:"counts"`

	// Recorded is what was kept of it; nil unless it was recorded.
	Recorded *rightful.AuditRecord `json:"recorded,omitempty"`
}

// AuditAccounts audits accounts side by side and puts their reports together; each has that
// of each account. It is complete
// only if each is. An account whose Stripe cannot be read leaves the others as they are; the
// app's database is that of all, and an error of it is one of the whole.
func AuditAccounts(ctx context.Context, engines []*Engine, in AuditInput) (all *AuditReport, each []*AuditReport, err error) {
	reports := make([]*AuditReport, len(engines))
	err = eachAccount(engines, func(i int, e *Engine) (err error) {
		reports[i], err = e.Audit(ctx, in)
		if err != nil && e.stripeError(err) {
			reports[i], err = e.unreadable(in, err), nil
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return together(engines, reports), reports, nil
}

// eachAccount calls f for each engine, some at a time, and joins the errors, each once.
func eachAccount(engines []*Engine, f func(int, *Engine) error) error {
	failed := make([]error, len(engines))
	turns := make(chan struct{}, accountsAtOnce)
	var wg sync.WaitGroup
	for i, e := range engines {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			failed[i] = f(i, e)
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return err // what they have in common fails for each alike
		}
	}
	return nil
}

// unreadable is the report of an account whose Stripe cannot be read at all.
func (e *Engine) unreadable(in AuditInput, err error) *AuditReport {
	r := e.newAudit(in)
	r.Account = e.Expect.Account
	if e.Expect.Livemode != nil {
		r.Livemode = *e.Expect.Livemode
	}
	r.IncompleteBecause = append(r.IncompleteBecause, "Stripe: "+plain(err))
	r.Counts.StripeGETs = e.gets()
	return r
}

// together makes one report of several accounts'.
func together(engines []*Engine, reports []*AuditReport) *AuditReport {
	all := &AuditReport{
		Complete: true, IncompleteBecause: []string{}, Unheard: []string{}, Findings: []rightful.Finding{}, Known: noneKnown(),
		Scope: reports[0].Scope, Now: reports[0].Now,
	}
	said := map[string]bool{}
	for i, r := range reports {
		all.add(engines[i].Expect.Account, r, said)
	}
	if !slices.ContainsFunc(reports, func(r *AuditReport) bool { return r.Refused == nil }) {
		all.Refused = reports[0].Refused
	}
	slices.SortStableFunc(all.Findings, func(a, b rightful.Finding) int { // as those of one account are
		return cmp.Or(cmp.Compare(severityRank(a), severityRank(b)), cmp.Compare(companyOf(a), companyOf(b)), cmp.Compare(a.Code, b.Code))
	})
	for _, f := range all.Findings {
		all.Counts.count(f)
	}
	all.Counts.Accepted, all.Counts.Stale = len(all.Accepted), len(all.Stale)
	all.Counts.AtStake = AtStake(all.Findings)
	return all
}

// add takes in what one account reported. What is about the app's database alone is said by
// each, and is reported once.
func (r *AuditReport) add(name string, one *AuditReport, said map[string]bool) {
	r.Accounts = append(r.Accounts, AccountAudit{
		Account: name, Livemode: one.Livemode, Complete: one.Complete, IncompleteBecause: one.IncompleteBecause, Unheard: one.Unheard,
		Refused: one.Refused, Counts: one.Counts,
	})
	r.Complete = r.Complete && one.Complete
	r.Livemode = r.Livemode || one.Livemode // accounts of one config are of one mode
	for _, why := range one.IncompleteBecause {
		if one.Refused != nil {
			why = string(one.Refused.Code) + ": " + one.Refused.Message
		}
		r.IncompleteBecause = append(r.IncompleteBecause, name+": "+why)
	}
	for _, what := range one.Unheard {
		r.Unheard = append(r.Unheard, name+": "+what)
	}
	for _, a := range one.Accepted {
		if fresh(said, a.Finding) {
			r.Accepted = append(r.Accepted, a)
		}
	}
	for _, f := range one.Findings {
		if fresh(said, f) {
			r.Findings = append(r.Findings, f)
		}
	}
	r.Stale = append(r.Stale, one.Stale...)
	for code, n := range one.Off {
		r.Off[code] += n
	}
	c, own := &r.Counts, one.Counts
	c.Companies, c.Users = max(c.Companies, own.Companies), max(c.Users, own.Users) // one database
	c.Objects, c.Families, c.StripeGETs, c.Off = c.Objects+own.Objects, c.Families+own.Families, c.StripeGETs+own.StripeGETs, c.Off+own.Off
	c.Ownership.Ours, c.Ownership.Foreign = c.Ownership.Ours+own.Ownership.Ours, c.Ownership.Foreign+own.Ownership.Foreign
	c.Ownership.Unreached += own.Ownership.Unreached
}

// fresh reports whether nobody has said it yet. Only what rests on no Stripe object at all
// can be the same in two accounts.
func fresh(said map[string]bool, f rightful.Finding) bool {
	if slices.Contains(rightful.StripeTypes(), rightful.ObjectType(f.Object.Type)) ||
		slices.ContainsFunc(f.Evidence, func(s rightful.Signal) bool { return strings.HasPrefix(s.Place, rightful.PlaceStripe) }) {
		return true
	}
	key := strings.Join([]string{string(f.Code), f.Object.Type, f.Object.ID, f.Message}, "\x00")
	if said[key] {
		return false
	}
	said[key] = true
	return true
}

func severityRank(f rightful.Finding) int {
	return slices.Index([]rightful.Severity{rightful.SeverityError, rightful.SeverityWarning, rightful.SeverityInfo}, f.Severity)
}

func companyOf(f rightful.Finding) string {
	if f.CompanyID == nil {
		return ""
	}
	return *f.CompanyID
}

// RecordAccounts keeps the audit of each account by itself, as if it had been audited alone,
// and notes in the report of all what was kept.
func RecordAccounts(ctx context.Context, engines []*Engine, r *AuditReport, each []*AuditReport) error {
	for i, e := range engines {
		kept, err := e.RecordAudit(ctx, each[i])
		if err != nil {
			return err
		}
		r.Accounts[i].Recorded = &kept
	}
	return nil
}

// SyncedAccounts is what became of the mirrors of several accounts.
type SyncedAccounts struct {
	Complete          bool          `json:"complete"`
	Interrupted       bool          `json:"interrupted"`
	IncompleteBecause []string      `json:"incomplete_because"`
	StripeGETs        int           `json:"stripe_gets"`
	Accounts          []*SyncReport `json:"accounts"`
}

// SyncAccounts brings the mirrors of accounts up to date, side by side. What fails for one
// makes the whole incomplete, and leaves the others as they are; only when every one fails
// the error of the first is returned.
func SyncAccounts(ctx context.Context, engines []*Engine, in SyncInput) (*SyncedAccounts, error) {
	out := &SyncedAccounts{Complete: true, IncompleteBecause: []string{}, Accounts: make([]*SyncReport, len(engines))}
	failed := make([]error, len(engines))
	_ = eachAccount(engines, func(i int, e *Engine) error {
		out.Accounts[i], failed[i] = e.Sync(ctx, in)
		return nil // each keeps its own error
	})
	if !slices.Contains(failed, nil) {
		return nil, failed[0]
	}
	for i, e := range engines {
		if failed[i] != nil {
			out.Accounts[i] = &SyncReport{Account: e.Expect.Account, Mirror: e.Mirroring.Place, Now: e.Mirroring.Stripe.Now().Unix(),
				IncompleteBecause: []string{plain(failed[i])}, Because: []string{}, Lists: []SyncList{}}
			out.Accounts[i].StripeGETs, out.Accounts[i].RateLimited = e.Mirroring.Spent()
		}
		r := out.Accounts[i]
		out.Complete, out.Interrupted, out.StripeGETs = out.Complete && r.Complete, out.Interrupted || r.Interrupted, out.StripeGETs+r.StripeGETs
		for _, why := range r.IncompleteBecause {
			if r.Refused != nil {
				why = string(r.Refused.Code) + ": " + r.Refused.Message
			}
			out.IncompleteBecause = append(out.IncompleteBecause, e.Expect.Account+": "+why)
		}
	}
	return out, nil
}
