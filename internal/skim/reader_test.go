package skim_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/skim"
)

// remembers is a mirror of which only what was replaced is read.
type remembers struct {
	rightful.MirrorStore
	told rightful.MirrorReplaced
	err  error
}

func (m remembers) Replaced(context.Context) (rightful.MirrorReplaced, error) { return m.told, m.err }

// events is a Stripe of which only events are read: one a hundred seconds.
type events struct {
	rightful.StripeReader
	asked  []string
	broken int64 // asking for what was before that fails
}

func (l *events) Events(_ context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	l.asked = append(l.asked, fmt.Sprintf("%d-%d", q.CreatedFrom, q.CreatedTo))
	return func(yield func(rightful.Event, error) bool) {
		if q.CreatedTo != 0 && q.CreatedTo < l.broken {
			yield(rightful.Event{}, errors.New("broken"))
			return
		}
		for at := int64(5000); at >= q.CreatedFrom; at -= 100 {
			if (q.CreatedTo == 0 || at < q.CreatedTo) && !yield(replacedAt(at), nil) {
				return
			}
		}
	}
}

func replacedAt(at int64) rightful.Event {
	return rightful.Event{ID: fmt.Sprint("evt_", at), Type: "customer.updated", Created: at, Previous: map[string]string{"company_id": "1"}}
}

// TestEventsOfUpdates: what the mirror knows of what was replaced, Stripe is not asked for;
// all the rest it is, and each event is told once.
func TestEventsOfUpdates(t *testing.T) {
	t.Parallel()
	updates := rightful.EventQuery{Types: []string{"customer.updated", "customer.subscription.updated"}, CreatedFrom: 4000}
	of := func(since, until int64) (r rightful.MirrorReplaced) {
		r.Since, r.Until = since, until
		for at := int64(5000); at >= 0; at -= 100 {
			if at >= since && at < until {
				r.Events = append(r.Events, replacedAt(at))
			}
		}
		return r
	}
	with := func(change func(*rightful.EventQuery)) rightful.EventQuery {
		q := updates
		change(&q)
		return q
	}
	for name, tt := range map[string]struct {
		told    rightful.MirrorReplaced
		query   rightful.EventQuery
		offline bool
		asked   string
		events  int // of 11 from 4000 to 5000
		failed  bool
	}{
		"nothing is known":             {rightful.MirrorReplaced{}, updates, false, "4000-0", 11, false},
		"all but the newest is":        {of(3000, 4950), updates, false, "4950-0", 11, false},
		"the mirror was told of newer": {func() rightful.MirrorReplaced { r := of(3000, 5001); r.Until = 4850; return r }(), updates, false, "4850-0", 11, false},
		"the oldest is not":            {of(4200, 4950), updates, false, "4950-0 4000-4200", 11, false},
		"only what is too old is":      {of(1000, 3900), updates, false, "4000-0", 11, false},
		"about the oldest is":          {of(1000, 4050), updates, false, "4050-0", 11, false},
		"whole ones are wanted":        {of(3000, 4950), with(func(q *rightful.EventQuery) { q.Whole = true }), false, "4000-0", 11, false},
		"undelivered ones are wanted":  {of(3000, 4950), with(func(q *rightful.EventQuery) { q.Undelivered = true }), false, "4000-0", 11, false},
		"others are wanted too":        {of(3000, 4950), with(func(q *rightful.EventQuery) { q.Types = append(q.Types, "customer.created") }), false, "4000-0", 11, false},
		"all types are wanted":         {of(3000, 4950), with(func(q *rightful.EventQuery) { q.Types = nil }), false, "4000-0", 11, false},
		"of other types":               {of(3000, 4950), with(func(q *rightful.EventQuery) { q.Types = q.Types[1:] }), false, "4950-0", 1, false},
		"Stripe is not asked":          {of(3000, 4950), updates, true, "", 10, false},
		"nor for the oldest":           {of(4200, 4950), updates, true, "", 8, true},
		"nor for anything":             {rightful.MirrorReplaced{}, updates, true, "", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			live := &events{}
			r := skim.Reader(remembers{told: tt.told}, live)
			if tt.offline {
				r = skim.Reader(remembers{told: tt.told}, nil)
			}
			var got []int64
			var failed error
			for e, err := range r.Events(t.Context(), tt.query) {
				if err != nil {
					failed = err
					continue
				}
				got = append(got, e.Created)
			}
			if asked := strings.Join(live.asked, " "); asked != tt.asked || len(got) != tt.events || (failed != nil) != tt.failed {
				t.Errorf("asked %q, got %v, %v", asked, got, failed)
			}
			if !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(slices.Clone(got))) != len(got) {
				t.Errorf("not newest first, each once: %v", got)
			}
			for range r.Events(t.Context(), tt.query) {
				break // who has enough is told no more
			}
		})
	}
}

// TestEventsThatFail: an error is told, and nothing after it.
func TestEventsThatFail(t *testing.T) {
	t.Parallel()
	updates := rightful.EventQuery{Types: []string{"customer.updated"}, CreatedFrom: 4000}
	for name, r := range map[string]rightful.StripeReader{
		"the mirror": skim.Reader(remembers{err: errors.New("broken")}, &events{}),
		"Stripe":     skim.Reader(remembers{told: rightful.MirrorReplaced{Since: 4200, Until: 4950}}, &events{broken: 4300}),
	} {
		var last error
		for _, err := range r.Events(t.Context(), updates) {
			if last != nil {
				t.Errorf("%s: something comes after %v", name, last)
			}
			last = err
		}
		if last == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
