package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"rightful"
)

// ReplayRequest says what is to be replayed.
type ReplayRequest struct {
	Since        int64 // Unix seconds: what was created then or later
	SessionsOnly bool  // leave Stripe's events out
	// Progress is told how far it has come, perhaps from several goroutines; nil is
	// allowed.
	Progress func(what string, done int)
}

// Outcome is what would have become of a past session, had its buyer's return been
// validated with every rule enforced.
type Outcome string

// The outcomes.
const (
	WouldAllow  Outcome = "allowed"
	WouldRefuse Outcome = "refused"
	// CannotSay is for sessions of which it is not known who bought them, or where the
	// buyer belonged then. It is no refusal.
	CannotSay Outcome = "unknown"
	// NothingToAllow is for sessions that nobody paid, or not yet: no mode allows them.
	NothingToAllow Outcome = "unpaid"
	// NotOurs is for what another application made.
	NotOurs Outcome = "foreign"
)

// Reasons of CannotSay.
const (
	NoBuyer   = "no_buyer"   // nothing says who bought it, as of payment links and guests
	BuyerGone = "buyer_gone" // the database has no such user, or not as active
	NoHistory = "no_history" // the database keeps no history of where the buyer belonged
	NotRead   = "not_read"   // what surrounds it could not be read in full
)

// Replayed is what the guard would have said in the past. It changed nothing.
type Replayed struct {
	IncompleteBecause []string          `json:"incomplete_because"`
	Since             int64             `json:"since"` // Unix seconds
	Now               int64             `json:"now"`
	Counts            ReplayCounts      `json:"counts"`
	Rules             []ReplayedRule    `json:"rules"`    // the refusals by status
	Unknown           []ReplayedWhy     `json:"unknown"`  // what could not be replayed, by reason
	Sessions          []ReplayedSession `json:"sessions"` // newest first
	Events            *ReplayedEvents   `json:"events"`   // nil: left out, or Stripe keeps none
	Writers           []Writer          `json:"writers"`  // who made the sessions, the busiest first
	Unheard           []string          `json:"unheard"`  // what was left out for want of a place; the rest is complete
}

// ReplayCounts counts sessions by outcome.
type ReplayCounts struct {
	Sessions int `json:"sessions"`
	Allowed  int `json:"allowed"`
	Refused  int `json:"refused"`
	Unknown  int `json:"unknown"`
	Unpaid   int `json:"unpaid"`
	Foreign  int `json:"foreign"`
}

// ReplayedRule counts the refusals of one status.
type ReplayedRule struct {
	Status   Status   `json:"status"`
	Mode     Mode     `json:"mode"` // of the rule now; empty where no mode makes a difference
	Count    int      `json:"count"`
	Examples []string `json:"examples"` // newest first, three at most
}

// ReplayedWhy counts the sessions that could not be replayed for one reason.
type ReplayedWhy struct {
	Reason   string   `json:"reason"`
	Count    int      `json:"count"`
	Examples []string `json:"examples"`
}

// ReplayedSession is one session, and what the guard would have said on return from it.
type ReplayedSession struct {
	ID      string  `json:"id"`
	Created int64   `json:"created"` // Unix seconds
	UserID  *string `json:"user_id"` // who bought it, by the server's word; nil: not known
	Buyer   string  `json:"buyer"`   // who says so: stamped, recorded, customer, or nothing
	// Status is that of the return, as far as the database keeps a history: where the
	// buyer belonged, and which companies there were, when it was bought.
	Status Status `json:"status"`
	// Today is what ValidatePayment answers to its buyer now.
	Today     Status   `json:"today"`
	Outcome   Outcome  `json:"outcome"`
	Reason    string   `json:"reason"`    // of CannotSay; else empty
	Companies []string `json:"companies"` // whose it may be, as of its creation
	Stamp     *string  `json:"stamp"`     // what its metadata says; nil when it says nothing
	Codes     []string `json:"codes"`     // of the errors and warnings found about it, sorted
	Writer    int      `json:"writer"`    // place in Writers

	writing writing // what its writer is known by
}

// examples is how many examples are named.
const examples = 3

// Replay asks of the sessions that were made since a time what the guard would have said
// when their buyers came back, had every rule been enforced, and of Stripe's events of
// that time whose they are, and groups the sessions by who wrote them. It only reads. A
// session is judged by the very rules of ValidatePayment, over what surrounds it; many
// are read together.
//
// A list that breaks off leaves the answer incomplete. Errors are those of
// ValidatePayment.
func (g *Gateway) Replay(ctx context.Context, req ReplayRequest) (*Replayed, error) {
	account, err := g.opens(ctx)
	if err != nil {
		return nil, err
	}
	r := &replay{g: g, req: req, account: account, wide: map[string]*verdict{}, out: &Replayed{
		IncompleteBecause: []string{}, Unheard: []string{}, Since: req.Since, Now: g.now(), Rules: []ReplayedRule{}, Unknown: []ReplayedWhy{}, Sessions: []ReplayedSession{}, Writers: []Writer{},
	}}
	if err := r.sessions(ctx); err != nil {
		return nil, err
	}
	r.writers()
	r.count()
	if !req.SessionsOnly {
		if err := r.events(ctx); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

// replay is one replay under way.
type replay struct {
	g       *Gateway
	req     ReplayRequest
	account rightful.Account
	out     *Replayed
	listed  []rightful.Object // the sessions of the window

	mu   sync.Mutex
	wide map[string]*verdict // what was looked at widely already, by family and object
}

func (r *replay) progress(what string, done int) {
	if r.req.Progress != nil {
		r.req.Progress(what, done)
	}
}

func (r *replay) incomplete(because string) {
	if !slices.Contains(r.out.IncompleteBecause, because) {
		r.out.IncompleteBecause = append(r.out.IncompleteBecause, because)
	}
}

// shortly is what an error says, without what to do about it.
func shortly(err error) string {
	if own, ok := errors.AsType[*rightful.Error](err); ok {
		return strings.TrimPrefix(own.Place+": "+own.Message, ": ")
	}
	return err.Error()
}

// count fills the counts, the rules and the reasons.
func (r *replay) count() {
	c := &r.out.Counts
	rules, reasons := map[Status]*ReplayedRule{}, map[string]*ReplayedWhy{}
	example := func(to *[]string, id string) {
		if len(*to) < examples {
			*to = append(*to, id)
		}
	}
	for _, s := range r.out.Sessions {
		c.Sessions++
		switch s.Outcome {
		case WouldAllow:
			c.Allowed++
		case WouldRefuse:
			c.Refused++
			rule := rules[s.Status]
			if rule == nil {
				rule = &ReplayedRule{Status: s.Status, Examples: []string{}}
				if slices.Contains(ruled, s.Status) {
					rule.Mode = r.g.modeOf(s.Status)
				}
				rules[s.Status] = rule
			}
			rule.Count++
			example(&rule.Examples, s.ID)
		case CannotSay:
			c.Unknown++
			why := reasons[s.Reason]
			if why == nil {
				why = &ReplayedWhy{Reason: s.Reason, Examples: []string{}}
				reasons[s.Reason] = why
			}
			why.Count++
			example(&why.Examples, s.ID)
		case NothingToAllow:
			c.Unpaid++
		case NotOurs:
			c.Foreign++
		}
	}
	for _, rule := range rules {
		r.out.Rules = append(r.out.Rules, *rule)
	}
	slices.SortFunc(r.out.Rules, func(a, b ReplayedRule) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Status, b.Status))
	})
	for _, why := range reasons {
		r.out.Unknown = append(r.out.Unknown, *why)
	}
	slices.SortFunc(r.out.Unknown, func(a, b ReplayedWhy) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
}
