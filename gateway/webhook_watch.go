package gateway

import (
	"context"
	"time"

	"rightful"
)

// Watch is told of what happens to events, by number and not by name. Its functions
// may be called from several goroutines, and must not block; nil ones are left out.
type Watch struct {
	// Received is told of each event with a good signature; fresh: it was not kept yet.
	Received func(fresh bool)
	// Refused is told why an event was not taken: one of the codes of EventRefusal.
	Refused func(code string)
	// Judged is told of each look at an event, and what came of it: mine, foreign,
	// unknown, ignored or dead. since is how long ago it was accepted, and negative when
	// it had been looked at before.
	Judged func(disposition rightful.InboxStatus, since time.Duration)
	// Told is told of each time that the app was told of an event: told, waiting (it did
	// not take it, and is told again) or dead.
	Told func(state rightful.NoticeState)
	// CaughtUp is told of events that were never delivered and were found in Stripe's
	// list: how many, and some of them.
	CaughtUp func(ctx context.Context, found int, examples []rightful.Ref)
}

func (w Watch) received(fresh bool) {
	if w.Received != nil {
		w.Received(fresh)
	}
}

func (w Watch) refused(code string) {
	if w.Refused != nil {
		w.Refused(code)
	}
}

func (w Watch) judged(e rightful.InboxEvent, now int64) {
	if w.Judged == nil {
		return
	}
	since := time.Duration(max(now-e.ReceivedAt, 0)) * time.Second
	if e.Attempts > 1 {
		since = -1
	}
	w.Judged(e.Status, since)
}

func (w Watch) told(state rightful.NoticeState) {
	if w.Told != nil {
		w.Told(state)
	}
}

// missedExamples is how many missed events are named.
const missedExamples = 10

func (w Watch) caughtUp(ctx context.Context, missed []rightful.Ref) {
	if w.CaughtUp != nil && len(missed) > 0 {
		w.CaughtUp(ctx, len(missed), missed[:min(len(missed), missedExamples)])
	}
}
