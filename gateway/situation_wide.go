package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"

	"rightful"
)

// A wide look costs many requests, and anybody who is signed in may ask about any id
// that they came by. What ends in a refusal is therefore looked at widely by few at a
// time, once for each user, and not again for a while as long as a narrow look shows
// the same. Nothing that is valid is remembered, and nothing that depends on money.
const (
	wideAtATime    = 4      // wide looks at a time for what a narrow look refuses
	rememberedFor  = 60     // seconds
	rememberedMost = 10_000 // refusals
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

// refused is what is kept of a refusal.
type refused struct {
	at     int64 // Unix seconds when it was kept
	status Status

	// Of sessions:
	known     bool
	contested bool
	family    string
	checkout  rightful.Checkout
	findings  []rightful.Finding // about the session
}

// wide are the wide looks of a gateway at what is refused.
type wide struct {
	asking turns // one look for each user at a time, so that nobody takes all places

	mu     sync.Mutex
	places chan struct{}
	known  map[question]*refused
	order  []question // of known, the oldest first
}

// ask takes what is remembered of the question, or looks. look returns nil when nothing
// is to be remembered. Errors are those of look, or the context's.
func (w *wide) ask(ctx context.Context, q question, fresh bool, now func() int64, look func() (*refused, error), take func(*refused)) error {
	recall := func() bool {
		r := w.recall(q, now())
		if fresh || r == nil {
			return false
		}
		take(r)
		return true
	}
	if recall() {
		return nil
	}
	leave, err := w.enter(ctx, q.user)
	if err != nil {
		return err
	}
	defer leave()
	if recall() { // whoever was there before asked the same
		return nil
	}
	r, err := look()
	if err == nil && r != nil {
		r.at = now()
		w.keep(q, r)
	}
	return err
}

// enter waits for the user's turn, and for a place.
func (w *wide) enter(ctx context.Context, user string) (leave func(), err error) {
	done, err := w.asking.take(ctx, user)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	if w.places == nil {
		w.places = make(chan struct{}, wideAtATime)
	}
	places := w.places
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
	r := w.known[q]
	if r == nil || r.old(now) {
		return nil
	}
	return r
}

// old reports whether it is too long ago. A clock that was put back makes it old too.
func (r *refused) old(now int64) bool { return now < r.at || now-r.at >= rememberedFor }

// keep remembers a refusal, and forgets what is old or too much.
func (w *wide) keep(q question, r *refused) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[question]*refused{}
	}
	if w.known[q] != nil {
		w.order = slices.DeleteFunc(w.order, func(other question) bool { return other == q })
	}
	w.known[q] = r
	w.order = append(w.order, q)
	for len(w.order) > rememberedMost || w.known[w.order[0]].old(r.at) {
		delete(w.known, w.order[0])
		w.order = w.order[1:]
	}
}

// seeRefused looks widely at a session that a narrow look would refuse, unless that was
// done a moment ago.
func (g *Gateway) seeRefused(ctx context.Context, s *seen, fresh bool) error {
	q := question{id: s.id, user: s.user, shown: shownBy(s.checkout, s.sit)}
	return g.wide.ask(ctx, q, fresh, g.now,
		func() (*refused, error) {
			if err := g.seeWide(ctx, s); err != nil || !remembered(s.status) {
				return nil, err
			}
			return &refused{status: s.status, known: s.known, contested: s.bought.Contested, family: s.bought.Family, checkout: s.checkout, findings: s.about()}, nil
		},
		func(r *refused) {
			s.status, s.known, s.checkout, s.findings = r.status, r.known, r.checkout, r.findings
			s.bought.Contested, s.bought.Family = r.contested, r.family
			s.company, s.several, s.perhaps = "", false, false
		})
}
