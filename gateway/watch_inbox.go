package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rightful"
)

// Bounds of watching an inbox.
const (
	entriesTogether = 500
	// lateWithin is how long an accepted event may stay unseen after others with higher
	// numbers are seen: its transaction may have taken longer.
	lateWithin = 60
	// holdFor is how long, in seconds, later events wait for one that is not judged yet,
	// so that they are shown in the order in which they came.
	holdFor = 5
	// stuckAfter is when, in seconds, somebody should look why nothing is judged.
	stuckAfter = 60
	// unknownEvery is how often, in seconds, unknown events are looked up, and
	// unknownKept how many are.
	unknownEvery = 10
	unknownKept  = 10_000
	// lookWithin bounds one question to the inbox.
	lookWithin = 30 * time.Second
)

// inboxSource follows an inbox that others fill and judge.
type inboxSource struct {
	log   rightful.InboxLog
	now   func() int64
	since int64

	begun bool
	// floor is the number up to which everything was seen, or will not come any more;
	// seen are numbers above it; heads is how far was seen, and when.
	floor int64
	seen  map[int64]bool
	heads []head

	waiting map[int64]*waitingEntry       // not shown yet
	unknown map[int64]rightful.InboxEvent // shown as unknown, as they were
	askedAt int64                         // when the unknown ones were looked up
}

type head struct{ at, number int64 }

type waitingEntry struct {
	rightful.InboxEntry
	from int64 // when it was seen first
}

func newInboxSource(o WatchOptions) *inboxSource {
	return &inboxSource{
		log: o.Inbox, now: func() int64 { return o.Now().Unix() }, since: o.Since,
		seen: map[int64]bool{}, waiting: map[int64]*waitingEntry{}, unknown: map[int64]rightful.InboxEvent{},
	}
}

func (*inboxSource) account(context.Context) (rightful.Account, error) {
	return rightful.Account{}, nil
}

func (s *inboxSource) stuck() error {
	n := 0
	for _, e := range s.waiting {
		if s.now()-e.from >= stuckAfter {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "state", Message: fmt.Sprintf("%d accepted events have not been judged for more than a minute", n),
		Hint: "nobody works on them: start rightful serve again, or the app that embeds the gateway",
	}
}

func (s *inboxSource) look(ctx context.Context, show showing) error {
	now := s.now()
	if err := s.begin(ctx, now); err != nil {
		return err
	}
	if err := s.lookAgain(ctx, now, show); err != nil {
		return err
	}
	highest := s.floor
	for after := s.floor; ; {
		var entries []rightful.InboxEntry
		if err := bounded(ctx, func(ctx context.Context) (err error) {
			entries, err = s.log.InboxEntriesAfter(ctx, after, entriesTogether)
			return err
		}); err != nil {
			return err
		}
		for _, e := range entries {
			after = e.Seq
			if highest = max(highest, e.Seq); s.seen[e.Seq] {
				continue
			}
			s.seen[e.Seq] = true
			if s.begun || e.Status == rightful.InboxPending || s.since > 0 && e.ReceivedAt >= s.since {
				s.waiting[e.Seq] = &waitingEntry{e, now}
			}
		}
		if err := s.show(now, show); err != nil {
			return err
		}
		s.climb()
		if len(entries) < entriesTogether {
			break
		}
	}
	s.begun = true
	s.heads = append(s.heads, head{now, highest})
	s.climb()
	return nil
}

// begin finds where to begin. What was accepted in the last minute is looked through
// even when it is not told: some of it may be on its way.
func (s *inboxSource) begin(ctx context.Context, now int64) error {
	if s.begun || s.floor > 0 {
		return nil
	}
	from := now - lateWithin
	if s.since > 0 {
		from = min(from, s.since)
	}
	return bounded(ctx, func(ctx context.Context) (err error) {
		s.floor, err = s.log.InboxBefore(ctx, from)
		return err
	})
}

// bounded asks an inbox, and does not wait for ever.
func bounded(ctx context.Context, ask func(context.Context) error) error {
	in, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	err := ask(in)
	if err != nil && in.Err() != nil && ctx.Err() == nil {
		return &rightful.Error{Kind: rightful.KindUnreachable, Place: "state", Message: "it did not answer within " + lookWithin.String(), Hint: "look at what keeps it busy", Err: err}
	}
	return err
}

// lookAgain looks up what was not judged, or was unknown.
func (s *inboxSource) lookAgain(ctx context.Context, now int64, show showing) error {
	var numbers []int64
	for number, e := range s.waiting {
		if e.Status == rightful.InboxPending {
			numbers = append(numbers, number)
		}
	}
	all := now-s.askedAt >= unknownEvery
	if all {
		numbers = slices.AppendSeq(numbers, maps.Keys(s.unknown))
	}
	if len(numbers) == 0 {
		return nil
	}
	var entries []rightful.InboxEntry
	if err := bounded(ctx, func(ctx context.Context) (err error) {
		entries, err = s.log.InboxEntries(ctx, numbers)
		return err
	}); err != nil {
		return err
	}
	if all {
		s.askedAt = now
	}
	kept := map[int64]bool{}
	for _, e := range entries {
		kept[e.Seq] = true
		if waits := s.waiting[e.Seq]; waits != nil {
			waits.InboxEntry = e
			continue
		}
		if e.Status == rightful.InboxUnknown || e.Status == rightful.InboxPending {
			continue // pending: it turned out to be of another family
		}
		delete(s.unknown, e.Seq)
		if err := show(e.InboxEvent, watchedObject{fields: fieldsIn(e.Snapshot)}, true); err != nil {
			return err
		}
	}
	for _, number := range numbers {
		if !kept[number] { // it was forgotten, after a month
			delete(s.waiting, number)
			delete(s.unknown, number)
		}
	}
	return nil
}

// show shows what is judged, in the order in which it was accepted. One that is not
// judged holds later ones up for a moment.
func (s *inboxSource) show(now int64, show showing) error {
	for _, number := range slices.Sorted(maps.Keys(s.waiting)) {
		e := s.waiting[number]
		if e.Status == rightful.InboxPending {
			if now-e.from < holdFor {
				return nil
			}
			continue
		}
		delete(s.waiting, number)
		if e.Status == rightful.InboxUnknown && len(s.unknown) < unknownKept {
			s.unknown[number] = e.InboxEvent
		}
		if err := show(e.InboxEvent, watchedObject{fields: fieldsIn(e.Snapshot)}, false); err != nil {
			return err
		}
	}
	return nil
}

// climb raises the floor: over gaps into which nothing came for a while, and over what
// was seen without a gap. On PostgreSQL, numbers are given before the commit, and to
// events that are doubles too.
func (s *inboxSource) climb() {
	for len(s.heads) > 0 && s.heads[0].at <= s.now()-lateWithin {
		s.floor = max(s.floor, s.heads[0].number)
		s.heads = s.heads[1:]
	}
	for s.seen[s.floor+1] {
		s.floor++
	}
	maps.DeleteFunc(s.seen, func(number int64, _ bool) bool { return number <= s.floor })
}
