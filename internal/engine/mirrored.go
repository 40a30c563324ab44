package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/screen"
	"rightful/internal/skim"
)

// Mirrored is the mirror that an audit may read instead of Stripe.
type Mirrored struct {
	// Place names where the mirror is, without a password.
	Place string
	// Of returns the mirror of an account.
	Of func(rightful.Account) skim.Mirror
	// Account is the one that the config names, for an audit that does not ask Stripe;
	// its id is empty when the config names none.
	Account rightful.Account
}

// FromMirror says how an audit reads the mirror.
type FromMirror struct {
	MaxAge  int64 // how old what is known may be, in seconds; 0 means DefaultMaxAge
	Offline bool  // Stripe is not asked for anything
}

// DefaultMaxAge is how old what a mirror knows may be to be audited, in seconds.
const DefaultMaxAge = 24 * 60 * 60

// MirrorReport is how old the mirror was that an audit read.
type MirrorReport struct {
	Place   string             `json:"place"`
	Offline bool               `json:"offline"`
	MaxAge  int64              `json:"max_age_seconds"`
	Parts   []MirrorPartReport `json:"parts"`
}

// MirrorPartReport is one list of it.
type MirrorPartReport struct {
	Type     rightful.ObjectType `json:"type"`
	Objects  int64               `json:"objects"`
	Full     int64               `json:"full_at"`        // when the last whole reading began, Unix seconds; 0: there was none
	Followed int64               `json:"followed_until"` // until when changes were taken in, Unix seconds; 0 for never
	Age      int64               `json:"age_seconds"`    // since then; -1 when the list was never read whole
}

// auditMirror is Audit from the mirror. A mirror that is not whole, or too old, makes the
// report incomplete, and nothing is judged.
func (e *Engine) auditMirror(ctx context.Context, in AuditInput, r *AuditReport) (*AuditReport, error) {
	if e.Mirrored == nil {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: "--mirror", Message: "there is no mirror here", Hint: "audit real systems, with --config"}
	}
	account, err := e.mirroredAccount(ctx, in.Mirror.Offline)
	r.Account, r.Livemode = account.ID, account.Livemode
	if err != nil {
		return r.cut(e, ctx, err)
	}
	if r.Refused = e.wrongAccount(account); r.Refused != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return r, nil
	}
	store := e.Mirrored.Of(account)
	parts, err := store.Parts(ctx)
	if err != nil {
		return r.cut(e, ctx, err)
	}
	if !r.aged(e.Mirrored.Place, *in.Mirror, parts) {
		r.Counts.StripeGETs = e.gets()
		return r, nil
	}
	live := e.Sources.Stripe
	if in.Mirror.Offline {
		live = nil
	}
	over := *e
	over.Sources.Stripe = skim.Reader(store, live)
	if r.Refused, err = over.wrongKey(ctx); err != nil {
		return r.cut(e, ctx, err)
	}
	if r.Refused != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return r, nil
	}
	// What is not in one account of several may be in another: the screen knows one only.
	if in.Company != "" || in.Since != 0 || parts[0].Objects <= screen.Fewest || len(e.Options.Accounts) > 0 {
		err = over.audit(ctx, in, r, account)
	} else {
		err = over.skim(ctx, in, r, account, store)
	}
	if err != nil {
		return r.cut(e, ctx, err)
	}
	r.Counts.StripeGETs = e.gets()
	return r, nil
}

// mirroredAccount returns the account whose mirror is audited.
func (e *Engine) mirroredAccount(ctx context.Context, offline bool) (rightful.Account, error) {
	if !offline {
		return e.Sources.Stripe.Account(ctx)
	}
	if e.Mirrored.Account.ID == "" {
		return rightful.Account{}, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "--offline", Message: "Stripe is not to be asked, and the config does not say whose mirror is meant",
			Hint: "set stripe.account, or leave --offline out",
		}
	}
	return e.Mirrored.Account, nil
}

// aged reports how old the mirror is, and whether it may be judged by.
func (r *AuditReport) aged(place string, from FromMirror, parts []rightful.MirrorPart) bool {
	if from.MaxAge == 0 {
		from.MaxAge = DefaultMaxAge
	}
	r.Mirror = &MirrorReport{Place: place, Offline: from.Offline, MaxAge: from.MaxAge, Parts: []MirrorPartReport{}}
	for _, p := range parts {
		age := int64(-1)
		switch {
		case p.Full == 0:
			r.IncompleteBecause = append(r.IncompleteBecause, fmt.Sprintf("the mirror's list of %s was never read to its end with the keys of this config: rightful sync", p.Type))
		default:
			if age = max(r.Now-p.Followed, 0); age > from.MaxAge {
				r.IncompleteBecause = append(r.IncompleteBecause, fmt.Sprintf("the mirror's list of %s is as it was %s ago, and may be %s old: rightful sync, or --max-age",
					p.Type, lasting(age), lasting(from.MaxAge)))
			}
		}
		r.Mirror.Parts = append(r.Mirror.Parts, MirrorPartReport{Type: p.Type, Objects: p.Objects, Full: p.Full, Followed: p.Followed, Age: age})
	}
	return len(r.IncompleteBecause) == 0
}

// lasting writes a duration in seconds for people.
func lasting(seconds int64) string {
	if days := seconds / (24 * 60 * 60); days >= 2 {
		return fmt.Sprintf("%d days", days)
	}
	return (time.Duration(seconds) * time.Second).String()
}

// skim audits everything past the screen.
func (e *Engine) skim(ctx context.Context, in AuditInput, r *AuditReport, account rightful.Account, mirror skim.Mirror) (err error) {
	s, err := skim.Read(ctx, e.Sources, e.Options, e.Rules, mirror)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Situation.Account = account
	verdict, err := e.judged(ctx, e.Sources, s.Situation)
	if err != nil {
		return err
	}
	if s.Situation.Beside > 0 && s.Situation.Beside+customersOfOurs(s.Situation, verdict) <= screen.Fewest {
		if err := s.Everything(ctx); err != nil {
			return err
		}
		s.Situation.Account = account
		if verdict, err = e.judged(ctx, e.Sources, s.Situation); err != nil {
			return err
		}
	}
	s.Situation.Unheard = append(s.Situation.Unheard, e.unheard()...)
	r.fill(s.Situation, verdict, in.Only, e.Accepted)
	c := &r.Counts
	c.Companies, c.Users, c.Objects, c.Families = s.Companies, s.Users, s.Objects, s.Families
	c.Ownership.Ours += s.Cleared.Ours
	c.Ownership.Foreign += s.Cleared.Foreign
	c.Ownership.Unreached += s.Cleared.Unreached
	return nil
}

func customersOfOurs(sit *rightful.Situation, v judge.Verdict) (n int) {
	for i := range sit.Families {
		if f := &sit.Families[i]; v.Owners[i] == judge.OwnerUs && !f.Guest() && f.Exists == rightful.ExistsPresent {
			n++
		}
	}
	return n
}

// audit reads what the input asks for, and judges it.
func (e *Engine) audit(ctx context.Context, in AuditInput, r *AuditReport, account rightful.Account) error {
	sit, about, err := e.read(ctx, in)
	if err != nil {
		return err
	}
	sit.Account = account
	verdict, err := e.judged(ctx, e.Sources, sit)
	if err != nil {
		return err
	}
	sit.Unheard = append(sit.Unheard, e.unheard()...)
	if !sit.Whole {
		sit, verdict = judge.Concerning(sit, verdict, about)
	}
	r.fill(sit, verdict, in.Only, e.Accepted)
	return nil
}

// existing looks up a customer that is linked. Where Stripe is not asked, one that a whole
// mirror does not hold does not exist.
func existing(ctx context.Context, src collect.Sources, id string) (rightful.Existence, error) {
	_, exists, err := src.Stripe.Get(ctx, rightful.TypeCustomer, id)
	if errors.Is(err, skim.ErrNotAsked) {
		return rightful.ExistsMissing, nil
	}
	return exists, err
}
