package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/pull"
)

// Importing is what a mirror is filled with from copies of Stripe's objects.
type Importing struct {
	// Account is whose objects these are to be, by the config: Stripe is not asked.
	Account rightful.Account
	Copy    pull.Copy
	From    []string // places of the copy, without passwords
	// Mirror names where the mirror is, without a password.
	Mirror string
	// Kept is the mirror, for who only looks.
	Kept rightful.MirrorStore
	// Hold is that of Mirroring.
	Hold func(ctx context.Context) (store pull.ImportStore, release func() error, err error)
	// Progress is told after each transaction; nil is allowed.
	Progress func(pull.Progress)
}

// Import fills the mirror from copies, without a request to Stripe. A run that could not
// read everything, or does not know as of when a list is complete, comes back incomplete;
// one in whose copies nothing is of the account and mode comes back refused.
func (e *Engine) Import(ctx context.Context, now time.Time) (*SyncReport, error) {
	m := e.Importing
	r := &SyncReport{
		IncompleteBecause: []string{}, Because: []string{}, Lists: []SyncList{}, Mirror: m.Mirror, From: m.From,
		Account: m.Account.ID, Livemode: m.Account.Livemode, Now: now.Unix(),
	}
	began := time.Now()
	store, release, err := m.Hold(ctx)
	if err != nil {
		return nil, err
	}
	report, left, err := pull.Import(ctx, pull.ImportOptions{Copy: m.Copy, Store: store, Progress: m.Progress})
	err = errors.Join(err, release())
	r.Seconds = time.Since(began).Seconds()
	if err != nil && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		r.Interrupted, err = true, nil
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was interrupted; what was read is kept, and no list is called read whole")
	}
	if err != nil {
		return nil, err
	}
	r.fill(report)
	r.LeftOut = &SyncLeftOut{Bad: left.Bad, BadAt: orEmpty(left.BadAt), OtherMode: left.OtherMode, OtherAccount: left.OtherAccount, OtherTypes: left.OtherTypes, Notes: orEmpty(left.Notes)}
	read := int64(0)
	for _, l := range r.Lists {
		read += l.Read
	}
	if r.Refused = m.foreign(left, read); r.Refused != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
	} else if read == 0 && !r.Interrupted {
		r.IncompleteBecause = append(r.IncompleteBecause, "nothing that a mirror keeps is in there")
	}
	r.Complete = len(r.IncompleteBecause) == 0
	return r, nil
}

// Kept tells what the mirror has and how old it is, and asks nobody.
func (e *Engine) Kept(ctx context.Context, now time.Time) (*SyncReport, error) {
	m := e.Importing
	r := &SyncReport{
		IncompleteBecause: []string{}, Because: []string{}, Lists: []SyncList{}, Mirror: m.Mirror,
		Account: m.Account.ID, Livemode: m.Account.Livemode, Now: now.Unix(), Shown: true,
	}
	parts, err := m.Kept.Parts(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		l := SyncList{Type: p.Type, Objects: p.Objects, Full: p.Full, Followed: p.Followed}
		switch {
		case p.Pass != nil:
			l.Resumed, l.Pages, l.Read = true, int(p.Pass.Pages), p.Pass.Objects
			r.IncompleteBecause = append(r.IncompleteBecause, fmt.Sprintf("%s: a reading is under way, with %d objects so far", p.Type, p.Pass.Objects))
		case p.Full == 0:
			r.IncompleteBecause = append(r.IncompleteBecause, fmt.Sprintf("%s: it was never read whole", p.Type))
		}
		r.Lists = append(r.Lists, l)
	}
	r.Complete = len(r.IncompleteBecause) == 0
	return r, nil
}

// foreign refuses copies in which something is of others, and nothing of the account.
func (m *Importing) foreign(left pull.LeftOut, read int64) *Refusal {
	switch {
	case read > 0:
		return nil
	case left.OtherAccount > 0:
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("none of the %d objects in there is of account %s, which the config expects", left.OtherAccount, m.Account.ID),
			Hint:    "give a copy of that account, or correct stripe.account",
		}
	case left.OtherMode > 0:
		mode := "test mode"
		if m.Account.Livemode {
			mode = "live mode"
		}
		return &Refusal{
			Code:    rightful.CodeWrongAccount,
			Message: fmt.Sprintf("none of the %d objects in there is of %s, which the config expects", left.OtherMode, mode),
			Hint:    "give a copy of that mode, or correct stripe.livemode",
		}
	}
	return nil
}

func orEmpty(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// SyncLeftOut is what an import left out.
type SyncLeftOut struct {
	Bad          int64    `json:"bad"`
	BadAt        []string `json:"bad_at"` // the first of them: where, and why
	OtherMode    int64    `json:"other_mode"`
	OtherAccount int64    `json:"other_account"`
	OtherTypes   int64    `json:"other_types"`
	Notes        []string `json:"notes"`
}
