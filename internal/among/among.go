// Package among reads one Stripe account of an app that has several: what is not there
// may well be in another of them, and then it is not missing.
//
// It stands over ports and knows no source.
package among

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rightful"
)

// Other is another account of the app.
type Other struct {
	Account string // acct_...; what the key opens is compared with it before it is believed
	Stripe  rightful.StripeReader
}

// Reader reads one account, and asks the others for what that does not have. It is safe for
// use by several goroutines.
type Reader struct {
	rightful.StripeReader
	others []*other
	now    func() time.Time
}

// other is an Other with what is known about it.
type other struct {
	Other

	mu      sync.Mutex
	checked bool      // guarded by mu: the key opens the account
	deaf    error     // guarded by mu: why it was not heard
	until   time.Time // guarded by mu: it is not asked again before
}

// deafFor is how long an account that did not answer is left alone: each attempt takes as
// long as its retries do.
const deafFor = 30 * time.Second

// New returns a reader of own among others.
func New(own rightful.StripeReader, others ...Other) *Reader {
	r := &Reader{StripeReader: own, now: time.Now}
	for _, o := range others {
		r.others = append(r.others, &other{Other: o})
	}
	return r
}

// Get implements rightful.StripeReader. What this account does not have and another has,
// or may have, is unknown here: it exists, and nothing about it can be concluded. An account
// that cannot be heard makes no error; Unheard tells of it.
func (r *Reader) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	o, exists, err := r.StripeReader.Get(ctx, t, id)
	if err != nil || exists != rightful.ExistsMissing {
		return o, exists, err
	}
	where, sure := r.Elsewhere(ctx, t, id)
	if ctx.Err() != nil {
		return rightful.Object{}, rightful.ExistsUnknown, context.Cause(ctx)
	}
	if where != "" || !sure {
		return rightful.Object{}, rightful.ExistsUnknown, nil
	}
	return o, exists, nil
}

// GetHere looks an object up in this account alone.
func (r *Reader) GetHere(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	return r.StripeReader.Get(ctx, t, id)
}

// Elsewhere returns which of the other accounts has the object, "" for none. It is sure only
// if every one of them was heard, or one has it.
func (r *Reader) Elsewhere(ctx context.Context, t rightful.ObjectType, id string) (account string, sure bool) {
	sure = true
	for _, o := range r.others {
		exists, err := o.has(ctx, t, id, r.now())
		switch {
		case err != nil:
			sure = false
		case exists:
			return o.Account, true
		}
	}
	return "", sure
}

// Unheard tells, of each account that could not be asked, why.
func (r *Reader) Unheard() []string {
	var why []string
	for _, o := range r.others {
		o.mu.Lock()
		if o.deaf != nil {
			why = append(why, fmt.Sprintf("Stripe account %s, for what is not in this one: %s", o.Account, o.deaf))
		}
		o.mu.Unlock()
	}
	slices.Sort(why)
	return why
}

// Diagnose implements rightful.Diagnoser, as the account itself does.
func (r *Reader) Diagnose(ctx context.Context) []rightful.Diagnosis {
	if d, ok := r.StripeReader.(rightful.Diagnoser); ok {
		return d.Diagnose(ctx)
	}
	return nil
}

func (o *other) has(ctx context.Context, t rightful.ObjectType, id string, now time.Time) (bool, error) {
	if err := o.ready(ctx, now); err != nil {
		return false, err
	}
	_, exists, err := o.Stripe.Get(ctx, t, id)
	if err != nil {
		o.failed(ctx, err, now)
		return false, err
	}
	return exists != rightful.ExistsMissing, nil
}

// ready checks, once, that the key opens the account: of another's answers nothing follows.
func (o *other) ready(ctx context.Context, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.deaf != nil && now.Before(o.until):
		return o.deaf
	case o.checked:
		return nil
	}
	a, err := o.Stripe.Account(ctx)
	if err == nil && a.ID != o.Account {
		err = &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe.key", Message: "its key opens " + orNone(a.ID)}
	}
	if err != nil {
		o.keep(ctx, err, now)
		return err
	}
	o.checked, o.deaf = true, nil
	return nil
}

func (o *other) failed(ctx context.Context, err error, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(ctx, err, now)
}

// keep remembers why the account was not heard. The caller holds mu.
func (o *other) keep(ctx context.Context, err error, now time.Time) {
	if ctx.Err() != nil {
		return // it was called off, which says nothing about the account
	}
	o.deaf, o.until, o.checked = &rightful.Error{Kind: rightful.KindOf(err), Message: message(err), Err: err}, now.Add(deafFor), false
}

// message is an error without its hint: that is about the account's own key.
func message(err error) string {
	var own *rightful.Error
	if errors.As(err, &own) {
		return own.Message
	}
	return err.Error()
}

func orNone(id string) string {
	if id == "" {
		return "an account that it may not tell"
	}
	return id
}
