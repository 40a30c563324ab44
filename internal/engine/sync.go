package engine

import (
	"context"
	"errors"
	"time"

	"rightful"
	"rightful/internal/pull"
)

// Mirroring is what sync works with.
type Mirroring struct {
	Stripe pull.Stripe
	// Place names where the mirror is, without a password.
	Place string
	// Hold opens the mirror of an account and keeps other processes from filling it until
	// release. When one does already, the error is of kind refused.
	Hold func(ctx context.Context, a rightful.Account) (store rightful.MirrorStore, release func() error, err error)
	// Sweep is that of pull.Options.
	Sweep time.Duration
	// Spent tells how many GETs were sent, and how many of them were answered that they
	// were too many.
	Spent func() (gets, limited int)
	// Progress is told after each page; nil is allowed.
	Progress func(pull.Progress)
}

// SyncInput says what is read beyond what is due.
type SyncInput struct {
	Full  bool // all lists whole
	Sweep bool // the lists whole of which no events tell every change
}

// SyncReport is what became of the mirror.
type SyncReport struct {
	Complete          bool       `json:"complete"`
	IncompleteBecause []string   `json:"incomplete_because"`
	Interrupted       bool       `json:"interrupted"`
	Refused           *Refusal   `json:"refused"`
	Account           string     `json:"account"`
	Livemode          bool       `json:"livemode"`
	Mirror            string     `json:"mirror"`
	Now               int64      `json:"now"` // by Stripe's clock, at the end
	Because           []string   `json:"because"`
	Lists             []SyncList `json:"lists"`
	Events            int64      `json:"events"`
	Seconds           float64    `json:"seconds"`
	StripeGETs        int        `json:"stripe_gets"`
	RateLimited       int        `json:"rate_limited"`
	// From and LeftOut are of a run that did not ask Stripe.
	From    []string     `json:"from,omitempty"`
	LeftOut *SyncLeftOut `json:"left_out,omitempty"`
	Shown   bool         `json:"-"` // nothing was read
}

// SyncList is what became of one list.
type SyncList struct {
	Type     rightful.ObjectType `json:"type"`
	How      pull.How            `json:"how"`
	Resumed  bool                `json:"resumed"` // a reading was gone on with
	Objects  int64               `json:"objects"`
	New      int64               `json:"new"`
	Read     int64               `json:"read"`
	Changed  int64               `json:"changed"` // events told of so many; 0 where the list was read whole
	Gone     int64               `json:"gone"`
	Unlisted int64               `json:"unlisted"` // the list left them out, and they are there
	Lookups  int                 `json:"lookups"`  // objects asked for one by one
	Pages    int                 `json:"pages"`
	Ideal    int                 `json:"ideal_pages"` // the fewest that hold what was read
	Full     int64               `json:"full_at"`     // when the last whole reading began; 0: there was none
	Followed int64               `json:"followed_until"`
	Problem  string              `json:"problem"`
}

// Sync brings the mirror of the account up to date. A run on the wrong account or mode
// comes back refused; one that was interrupted, or could not read everything, incomplete. The
// sample of linked customers, by which an audit tells a wrong key, is not looked up: a
// mirror is of the account of its key, whatever a database links, and an audit from it
// asks it for that sample.
func (e *Engine) Sync(ctx context.Context, in SyncInput) (*SyncReport, error) {
	r := &SyncReport{IncompleteBecause: []string{}, Because: []string{}, Lists: []SyncList{}, Mirror: e.Mirroring.Place}
	began := time.Now()
	err := e.sync(ctx, in, r)
	r.Seconds, r.Now = time.Since(began).Seconds(), e.Mirroring.Stripe.Now().Unix()
	r.StripeGETs, r.RateLimited = e.Mirroring.Spent()
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		r.Interrupted, err = true, nil
		because := "the run was interrupted; what was read is kept, and the next run goes on there"
		if r.Account == "" {
			because = "the run was interrupted before Stripe said whose key it is; the mirror is as it was"
		}
		r.IncompleteBecause = append(r.IncompleteBecause, because)
	}
	if err != nil {
		return nil, err
	}
	r.Complete = r.Refused == nil && len(r.IncompleteBecause) == 0
	return r, nil
}

func (e *Engine) sync(ctx context.Context, in SyncInput, r *SyncReport) error {
	account, err := e.Sources.Stripe.Account(ctx)
	r.Account, r.Livemode = account.ID, account.Livemode
	if err != nil {
		return err
	}
	if r.Refused = e.wrongAccount(account); r.Refused != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return nil
	}
	if account.ID == "" {
		return &rightful.Error{Kind: rightful.KindForbidden, Place: "stripe.key", Message: "the key may not read which account it opens, and a mirror must know whose it is",
			Hint: "give the restricted key read access to the account"}
	}
	store, release, err := e.Mirroring.Hold(ctx, account)
	if err != nil {
		return err
	}
	report, err := pull.New(pull.Options{
		Stripe: e.Mirroring.Stripe, Store: store, Account: account.ID, Livemode: account.Livemode,
		Keys: e.Options.Keys, Sweep: e.Mirroring.Sweep, Renew: e.Renew, Progress: e.Mirroring.Progress,
	}).Run(ctx, pull.Wish{Full: in.Full, Sweep: in.Sweep})
	r.fill(report)
	return errors.Join(err, release())
}

func (r *SyncReport) fill(p *pull.Report) {
	r.IncompleteBecause = append(r.IncompleteBecause, p.IncompleteBecause...)
	r.Because = append(r.Because, p.Because...)
	r.Events = p.Events
	for _, l := range p.Lists {
		r.Lists = append(r.Lists, SyncList{
			Type: l.Type, How: l.How, Resumed: l.Resumed, Objects: l.Objects, New: l.New, Read: l.Read, Changed: l.Changed, Gone: l.Gone,
			Unlisted: l.Unlisted, Lookups: l.Lookups, Pages: l.Pages, Ideal: l.Ideal, Full: l.Full, Followed: l.Followed, Problem: l.Problem,
		})
	}
}
