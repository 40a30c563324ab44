package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"

	"rightful"
)

// A wide look costs many requests, and anybody who is signed in may ask about any id
// that they came by, as often as they like. Therefore few look widely at a time, each
// user once, and not again for a while as long as a narrow look shows the same: for a
// minute what ends in a refusal, and for a moment everything else, so that those who ask
// at the same time share one look. What became of the money is in what the narrow look
// shows. Payments that seem to be the user's have places of their own: nobody who has
// paid waits for those who try ids out.
const (
	wideAtATime    = 4      // wide looks at a time, for what a narrow look refuses, and for the rest
	rememberedFor  = 60     // seconds that a refusal is remembered
	rememberedMost = 10_000 // refusals
	sharedFor      = 10     // seconds that everything else is
	sharedMost     = 64     // of those: they hold what was read
)

// remembered reports whether a refusal is one that rests on whose something is.
func remembered(status Status) bool {
	return slices.Contains([]Status{OtherCompany, CompanyGone, NoCompany, UnknownSession, UnknownObject}, status)
}

// question is what a wide look answers.
type question struct {
	id, user string
	portal   bool
	shown    [sha256.Size]byte // what the narrow look has shown: what it sees changing asks anew
}

// shownBy sums up what was read, but for the time at which it was.
func shownBy(of ...any) [sha256.Size]byte {
	for i, v := range of {
		if sit, ok := v.(*rightful.Situation); ok {
			then := *sit
			then.Now = 0
			of[i] = then
		}
	}
	raw, err := json.Marshal(of)
	if err != nil {
		raw = []byte(rand.Text()) // what cannot be summed up equals nothing, and is never remembered
	}
	return sha256.Sum256(raw)
}

// refused is what is kept of a wide look.
type refused struct {
	at     int64 // Unix seconds when it was kept
	look   int64 // which look it was
	status Status

	// Of sessions that were refused:
	known     bool
	contested bool
	family    string
	checkout  rightful.Checkout
	findings  []rightful.Finding // about the session

	company string // of customers, canonical; empty when it was refused
	seen    *seen  // of sessions that were not refused: everything
}

// kept is what is remembered of wide looks for a time.
type kept struct {
	seconds int64
	most    int
	known   map[question]*refused
	order   []question // of known, the oldest first
}

// recall returns what is remembered of a question, nil when nothing is.
func (k *kept) recall(q question, now int64) *refused {
	if r := k.known[q]; r != nil && !k.old(r, now) {
		return r
	}
	return nil
}

// old reports whether it is too long ago. A clock that was put back makes it old too.
func (k *kept) old(r *refused, now int64) bool { return now < r.at || now-r.at >= k.seconds }

// forget forgets a question.
func (k *kept) forget(q question) {
	if k.known[q] != nil {
		delete(k.known, q)
		k.order = slices.DeleteFunc(k.order, func(other question) bool { return other == q })
	}
}

// keep remembers an answer, and forgets what is old or too much.
func (k *kept) keep(q question, r *refused) {
	k.forget(q)
	if k.known == nil {
		k.known = map[question]*refused{}
	}
	k.known[q] = r
	k.order = append(k.order, q)
	for len(k.order) > k.most || k.old(k.known[k.order[0]], r.at) {
		delete(k.known, k.order[0])
		k.order = k.order[1:]
	}
}

// wide are the wide looks of a gateway.
type wide struct {
	asking turns // one look for each user at a time, so that nobody takes all places

	mu       sync.Mutex
	places   chan struct{} // for what a narrow look refuses
	own      chan struct{} // for the rest
	looks    int64         // how many have begun
	refusals kept
	others   kept
}

// ready prepares what is zero at first. The lock must be held.
func (w *wide) ready() {
	if w.places == nil {
		w.places, w.own = make(chan struct{}, wideAtATime), make(chan struct{}, wideAtATime)
		w.refusals.seconds, w.refusals.most = rememberedFor, rememberedMost
		w.others.seconds, w.others.most = sharedFor, sharedMost
	}
}

// asked says how a question is asked.
type asked struct {
	own   bool // a narrow look does not refuse it
	fresh bool // what was looked at before it was asked is not good enough
}

// ask takes what is remembered of the question, or looks. look returns nil when nothing
// is to be remembered. Errors are those of look, or the context's.
func (w *wide) ask(ctx context.Context, q question, how asked, now func() int64, look func() (*refused, error), take func(*refused)) error {
	since := w.begun(0)
	recall := func() bool {
		r := w.recall(q, now())
		if r == nil || how.fresh && (r.look <= since || remembered(r.status)) { // of a refusal not everything is kept
			return false
		}
		take(r)
		return true
	}
	if recall() {
		return nil
	}
	leave, err := w.enter(ctx, q.user, how.own)
	if err != nil {
		return err
	}
	defer leave()
	if recall() { // whoever was there before asked the same
		return nil
	}
	n := w.begun(1)
	r, err := look()
	if err == nil && r != nil {
		r.at, r.look = now(), n
		w.keep(q, r)
	}
	return err
}

// begun counts looks, and returns how many there have been.
func (w *wide) begun(more int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks += more
	return w.looks
}

// enter waits for the user's turn, and for a place.
func (w *wide) enter(ctx context.Context, user string, own bool) (leave func(), err error) {
	done, err := w.asking.take(ctx, user)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.ready()
	places := w.places
	if own {
		places = w.own
	}
	w.mu.Unlock()
	select {
	case places <- struct{}{}:
		return func() { <-places; done() }, nil
	case <-ctx.Done():
		done()
		return nil, context.Cause(ctx)
	}
}

// recall returns what is remembered of a question, nil when nothing is.
func (w *wide) recall(q question, now int64) *refused {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready()
	return cmp.Or(w.others.recall(q, now), w.refusals.recall(q, now))
}

// keep remembers what a look has found.
func (w *wide) keep(q question, r *refused) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals.forget(q)
	w.others.forget(q)
	if remembered(r.status) {
		w.refusals.keep(q, r)
		return
	}
	w.others.keep(q, r)
}

// seeWidely looks widely at a session, unless that was done a moment ago.
func (g *Gateway) seeWidely(ctx context.Context, s *seen, fresh bool) error {
	q := question{id: s.id, user: s.user, shown: shownBy(s.checkout, s.sit)}
	return g.wide.ask(ctx, q, asked{own: s.known && s.status == Valid, fresh: fresh}, g.now,
		func() (*refused, error) {
			if err := g.seeWide(ctx, s); err != nil {
				return nil, err
			}
			if !remembered(s.status) {
				all := *s
				return &refused{status: s.status, seen: &all}, nil
			}
			return &refused{status: s.status, known: s.known, contested: s.bought.Contested, family: s.bought.Family, checkout: s.checkout, findings: s.about()}, nil
		},
		func(r *refused) {
			if r.seen != nil {
				*s = *r.seen
				return
			}
			s.status, s.known, s.checkout, s.findings = r.status, r.known, r.checkout, r.findings
			s.bought.Contested, s.bought.Family = r.contested, r.family
			s.company, s.several, s.perhaps = "", false, false
		})
}
