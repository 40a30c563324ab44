// Package inboxtest is the contract of rightful.Inbox and of what belongs to it: one
// suite for all that keep accepted events.
package inboxtest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"rightful"
)

// Began is when every test begins, Unix seconds.
const Began = 1_760_000_000

// Kept is all that one inbox does.
type Kept interface {
	rightful.InboxWork
	rightful.InboxLog
	rightful.InboxCounter
}

// Bench is an empty inbox. Whoever makes one sets Open, and has the inbox use Now and
// Queued.
type Bench struct {
	*testing.T
	// Open opens the inbox once more, as another process does.
	Open func() Kept

	mu   sync.Mutex
	now  int64
	jobs []string
}

// NewBench returns a bench that Open is to be set on.
func NewBench(t *testing.T) *Bench { return &Bench{T: t, now: Began} }

// Now is the time by the clock of the inbox, Unix seconds.
func (b *Bench) Now() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// Queued is told of each job that the inbox puts into its queue.
func (b *Bench) Queued(lane rightful.InboxLane, shard int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jobs = append(b.jobs, fmt.Sprint(lane, " ", shard))
}

func (b *Bench) later(seconds int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now += seconds
}

// wantJobs checks which jobs were queued since the last time.
func (b *Bench) wantJobs(when string, want ...string) {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	slices.Sort(b.jobs)
	slices.Sort(want)
	if !slices.Equal(b.jobs, want) {
		b.Errorf("%s: queued %q, want %q", when, b.jobs, want)
	}
	b.jobs = nil
}

func (b *Bench) must(errs ...error) {
	b.Helper()
	for _, err := range errs {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// take takes a shard for a minute and returns until when.
func (b *Bench) take(s Kept, lane rightful.InboxLane, shard int, worker string) int64 {
	b.Helper()
	until := b.Now() + 60
	if taken, err := s.TakeShard(b.Context(), lane, shard, worker, until); !taken || err != nil {
		b.Fatalf("%s cannot take %s %d: %v", worker, lane, shard, err)
	}
	return until
}

// event is one that was just accepted, about a customer of its own in shard 3.
func (b *Bench) event(id, family string, created int64) rightful.InboxEvent {
	return rightful.InboxEvent{
		Livemode: true, ID: id, Type: "customer.updated", Created: created, Origin: rightful.OriginDelivered, ObjectType: rightful.TypeCustomer, ObjectID: family,
		Family: family, Shard: 3, Payload: `{"object":{}}`, ReceivedAt: b.Now(), Status: rightful.InboxPending, NextAt: b.Now(),
	}
}

func (b *Bench) accept(s Kept, events ...rightful.InboxEvent) string {
	b.Helper()
	fresh, err := s.AcceptEvents(b.Context(), events)
	b.must(err)
	return fmt.Sprint(fresh)
}

// open are the open events of shard 3.
func (b *Bench) open(s Kept) []rightful.InboxEvent {
	b.Helper()
	events, err := s.OpenEvents(b.Context(), 3, 100, nil)
	b.must(err)
	return events
}

func ids(events []rightful.InboxEvent) string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return strings.Join(out, " ")
}

func (b *Bench) same(what string, got any, want string) {
	b.Helper()
	if text := fmt.Sprint(got); text != want {
		b.Errorf("%s: got %q, want %q", what, text, want)
	}
}

func (b *Bench) wantKind(what string, err error, kind rightful.ErrorKind) {
	b.Helper()
	if rightful.KindOf(err) != kind {
		b.Errorf("%s: got %v (%s), want kind %s", what, err, rightful.KindOf(err), kind)
	}
}

// TestInbox checks the contract of rightful.InboxWork, rightful.InboxLog and
// rightful.InboxCounter. open returns an empty inbox.
func TestInbox(t *testing.T, open func(t *testing.T) *Bench) {
	for name, test := range map[string]func(b *Bench){
		"once":         testOnce,
		"many at once": testTogether,
		"order":        testOrder,
		"retries":      testRetries,
		"a crowd":      testCrowd,
		"shards":       testShards,
		"overtaken":    testOvertaken,
		"jobs":         testJobs,
		"lost jobs":    testLostJobs,
		"moved":        testMoved,
		"notices":      testNotices,
		"counts":       testCounts,
		"marks":        testMarks,
		"forgetting":   testForgetting,
		"log":          testLog,
		"called off":   testCalledOff,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(open(t))
		})
	}
	t.Run("objects", func(t *testing.T) {
		t.Parallel()
		TestObjects(t, func(t *testing.T) Objects {
			b := open(t)
			return keptObjects{b, b.Open()}
		})
	})
}
