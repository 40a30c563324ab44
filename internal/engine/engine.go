// Package engine is the one door to what rightful does: one file for each verb,
// over ports. It knows no source, no file format and no terminal.
package engine

import (
	"context"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/apply"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// Engine answers questions about one app and one Stripe account.
type Engine struct {
	Sources collect.Sources
	Options collect.Options
	Rules   judge.Rules
	Expect  Expect
	// Writers are where repairs are written. Nil: this engine cannot write.
	Writers *apply.Writers
	// Lacks names what would have to be configured for a write to be possible,
	// "" when nothing is missing; plans ask instead. Nil: everything can be
	// written.
	Lacks func(rightful.Proposal) string
	// Writing examines, for the doctor, whether the database could be written.
	// Nil: nothing of it is to be written.
	Writing rightful.Diagnoser
	// Journal records what is written. Nil: nothing is recorded, as for a world.
	Journal Journal
	// Audits keeps what audits found. Nil: nothing is kept.
	Audits rightful.AuditKeeper
	// Intents tell for whom the gateway made sessions. Nil: that is not known.
	Intents rightful.IntentStore
	// CacheAgain is how long after their deletion cache keys are looked at again.
	CacheAgain time.Duration
	// Written is told how many of all steps of a run are behind; nil is allowed.
	Written func(done, all int)
	// SecondApprover demands that a second person approves a plan before it is
	// applied.
	SecondApprover bool
	// Constraining is the app's database as what keeps rules by itself.
	Constraining Constraining
	// Accounts are examined by the doctor one by one, where the config has several.
	Accounts []Examined
	// State examines, for the doctor, where runs are recorded. It may be nil.
	State rightful.Diagnoser
	// Observing tells the doctor that the gateway is used, and lets pass what it would
	// refuse.
	Observing bool
	// Save keeps what was written into a world, in a file. Nil for real systems,
	// which keep it themselves.
	Save func(path string) error
	// Examined tells that the key is known to be the database's: a snapshot has too
	// few links to tell by.
	Examined bool
	// Accepted are findings that are known: they are reported apart.
	Accepted accept.List
	// Mirroring is what sync fills a mirror with. Nil: this engine cannot.
	Mirroring *Mirroring
	// Mirrored is what an audit may read instead of Stripe. Nil: this engine cannot.
	Mirrored *Mirrored
	// Renew is how old sync lets the reading of a list become; then it is read whole again.
	// 0: as old as it may be.
	Renew time.Duration
	// Importing is what sync fills a mirror with that does not come from Stripe. Nil: this
	// engine cannot.
	Importing *Importing
	// GETs tells how many GET requests were sent to Stripe; nil when there is
	// no Stripe to ask.
	GETs func() int
	// Close gives back what the sources hold. It may be nil.
	Close func() error
}

// Expect is what the config says the Stripe key opens. Anything else stops the
// run: acting on another account or mode is how incidents become disasters.
type Expect struct {
	Account  string // empty: any
	Livemode *bool  // nil: any
}

// Refusal says why a run was stopped.
type Refusal struct {
	Code    rightful.Code `json:"code"`
	Message string        `json:"message"`
	Hint    string        `json:"hint"`
}

// gets returns how many GET requests the run has sent to Stripe.
func (e *Engine) gets() int {
	if e.GETs == nil {
		return 0
	}
	return e.GETs()
}

// sampleSize is how many linked customers are looked up before anything else.
// If at least wrongKeyLeast of them and wrongKeyShare percent do not exist, the
// key or the database is the wrong one.
const (
	sampleSize    = 50
	wrongKeyLeast = 5
	wrongKeyShare = 20
)

// admit reads the account first and refuses a run on the wrong account, mode or
// key.
func (e *Engine) admit(ctx context.Context) (rightful.Account, *Refusal, error) {
	if e.Sources.Stripe == nil {
		return rightful.Account{}, nil, nil
	}
	account, err := e.Sources.Stripe.Account(ctx)
	if err != nil {
		return account, nil, err
	}
	if r := e.wrongAccount(account); r != nil {
		return account, r, nil
	}
	r, err := e.wrongKey(ctx)
	return account, r, err
}

func (e *Engine) wrongAccount(a rightful.Account) *Refusal { return e.Expect.refuses(a) }

func (x Expect) refuses(a rightful.Account) *Refusal {
	mode := func(live bool) string {
		if live {
			return "live mode"
		}
		return "test mode"
	}
	switch {
	case x.Account != "" && a.ID == "":
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("the config expects account %s, and the key may not read which account it opens", x.Account),
			Hint:    "give the restricted key read access to the account, or leave stripe.account out",
		}
	case x.Account != "" && a.ID != x.Account:
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("the Stripe key opens account %s; the config expects %s", a.ID, x.Account),
			Hint:    "use the key of the account that the database belongs to, or correct stripe.account",
		}
	case x.Livemode != nil && !a.LivemodeKnown:
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("the config expects %s, and neither the key nor any object tells which mode the key opens", mode(*x.Livemode)),
			Hint:    "use a key that begins with sk_live_, rk_live_, sk_test_ or rk_test_",
		}
	case x.Livemode != nil && a.Livemode != *x.Livemode:
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("the Stripe key opens %s; the config expects %s", mode(a.Livemode), mode(*x.Livemode)),
			Hint:    "use the key of the mode that the database belongs to, or correct stripe.livemode",
		}
	}
	return nil
}

// wrongKey looks up a sample of linked customers. Many that do not exist mean a
// wrong key, a wrong account or a copied database, never many deletions:
// deleted customers still answer.
func (e *Engine) wrongKey(ctx context.Context) (*Refusal, error) {
	if e.Examined {
		return nil, nil
	}
	linked, err := e.linkedSample(ctx)
	if err != nil || len(linked) < wrongKeyLeast {
		return nil, err
	}
	missing, elsewhere := 0, 0
	for i, id := range linked {
		exists, err := existing(ctx, e.Sources, id)
		if err != nil {
			return nil, err
		}
		switch exists {
		case rightful.ExistsMissing:
			missing++
		case rightful.ExistsUnknown: // another account has it, or may have it
			elsewhere++
		}
		if e.Options.Progress != nil {
			e.Options.Progress("linked customers looked up first", i+1)
		}
	}
	if missing < wrongKeyLeast || missing*100 < wrongKeyShare*(len(linked)-elsewhere) {
		return nil, nil
	}
	return &Refusal{
		Code:    rightful.CodeWrongKey,
		Message: fmt.Sprintf("%d of %d linked customers do not exist for this Stripe key", missing, len(linked)-elsewhere),
		Hint:    "this is almost always the key of another account or mode, or a copied database: check STRIPE_API_KEY and directory.dsn",
	}, nil
}

// linkedSample returns up to sampleSize customer ids that companies link.
func (e *Engine) linkedSample(ctx context.Context) ([]string, error) {
	var ids []string
	seen := map[string]bool{}
	keep := func(id, account string) bool {
		here := account == "" || e.Options.Account == "" || account == e.Options.Account
		if id != "" && here && !seen[id] && !e.placeholder(id) {
			seen[id] = true
			ids = append(ids, id)
		}
		return len(ids) < sampleSize
	}
	for c, err := range e.Sources.Directory.Companies(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if !keep(c.StripeCustomerID, c.StripeAccount) {
			return ids, nil
		}
	}
	for l, err := range e.Sources.Directory.Links(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if !keep(l.StripeCustomerID, l.StripeAccount) {
			break
		}
	}
	return ids, nil
}

func (e *Engine) placeholder(id string) bool {
	for _, p := range e.Rules.Placeholders {
		if p.MatchString(id) {
			return true
		}
	}
	return false
}
