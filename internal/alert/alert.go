// Package alert tells people what they should know of: open findings, payments
// that are refused, webhooks that do not arrive, audits that are incomplete or
// overdue.
//
// An Evaluator turns what happens into alerts (decision.go, recorded.go), and tells
// channels of them (deliver.go). What is open, what was told, and which message
// waits is kept by a rightful.AlertStore, so that neither a restart nor a second
// node says anything twice. Package send has the words, and sends them.
package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

// Options say what an Evaluator stands on. Store is required.
type Options struct {
	Store    rightful.AlertStore
	Channels []Channel

	// Audits is what audits recorded; nil when nobody records any.
	Audits rightful.AuditReader
	// OverdueAfter is how old the last audit may be; 0: any age.
	OverdueAfter time.Duration
	// Delivery counts what does not arrive; nil when nobody counts, and then only
	// what is decided as it comes is told.
	Delivery func(context.Context) (Delivery, error)

	// OnSent is told of each attempt to send: to what kind of channel, and with which
	// result, ResultSent, ResultFailed or ResultDead. It must not block. Nil is allowed.
	OnSent func(to, result string)

	// Now replaces the clock in tests, and Logger gets what goes wrong; none when nil.
	Now    func() time.Time
	Logger *slog.Logger
}

// Results of sending a message.
const (
	ResultSent   = "sent"
	ResultFailed = "failed" // it is tried again
	ResultDead   = "dead"   // it was tried for long enough: another one is made
)

// Delivery counts what was given up, with some examples.
type Delivery struct {
	Dead    int // webhook events of which nobody could say whose they are, to the end
	DeadIDs []rightful.Ref

	Untold    int // events that the app was to be told of, and did not take
	UntoldIDs []rightful.Ref
}

// Channel is one place that is told, and of what.
type Channel struct {
	To      string // slack, teams, pagerduty, webhook or email
	Rule    rightful.AlertRule
	Sender  send.Sender
	ShowAll bool // messages of alerts too, which may name companies; ids only otherwise
}

// Evaluator decides what is worth an alert, and tells it. Its methods may be called
// at once.
type Evaluator struct {
	o       Options
	queue   chan rightful.Alert
	dropped atomic.Uint64
	changed atomic.Bool // findings were, since they were read

	mu       sync.Mutex // one Tick at a time
	said     uint64     // drops that were logged
	looked   time.Time  // when findings were read last
	audit    string     // the last audit then
	forgotAt time.Time
}

// queueSize bounds how many decisions wait for a Tick.
const queueSize = 1024

// Between two looks at what does not change often, and how long what is over is kept.
const (
	lookEvery   = 30 * time.Second
	forgetEvery = time.Hour
	keep        = 30 * 24 * time.Hour
)

// New returns an Evaluator.
func New(o Options) *Evaluator {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnSent == nil {
		o.OnSent = func(string, string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Evaluator{o: o, queue: make(chan rightful.Alert, queueSize)}
}

// Run ticks until the context ends, and once more then: what was decided last is
// not lost. It is meant for the background of a server.
func (e *Evaluator) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := e.Tick(ctx); err != nil && ctx.Err() == nil {
			e.o.Logger.LogAttrs(ctx, slog.LevelError, "alerts could not be kept", slog.String("error", err.Error()))
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer cancel()
			if err := e.collect(last); err != nil {
				e.o.Logger.LogAttrs(last, slog.LevelError, "the last alerts could not be kept", slog.String("error", err.Error()))
			}
			return
		case <-ticker.C:
		}
	}
}

// lastWithin bounds what is still written when a server stops.
const lastWithin = 5 * time.Second

// Tick raises and resolves what there is to, and tells channels. It returns errors
// of reading and keeping; channels that fail are remembered in the store, and are
// no error.
func (e *Evaluator) Tick(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	errs := []error{e.collect(ctx), e.look(ctx), e.o.Store.ResolveQuietAlerts(ctx)}
	// A channel that does not answer holds up no other.
	failed := make([]error, len(e.o.Channels))
	var all sync.WaitGroup
	for i, c := range e.o.Channels {
		all.Go(func() { failed[i] = e.tell(ctx, c) })
	}
	all.Wait()
	errs = append(errs, failed...)
	if now := e.o.Now(); now.Sub(e.forgotAt) >= forgetEvery {
		err := e.o.Store.ForgetAlerts(ctx, now.Add(-keep).Unix())
		if err == nil {
			e.forgotAt = now
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// FindingsChanged lets the next Tick read the recorded findings, which it else does from
// time to time.
func (e *Evaluator) FindingsChanged() { e.changed.Store(true) }

// Dropped returns how many decisions were worth an alert and were lost, because too
// many came at once.
func (e *Evaluator) Dropped() uint64 { return e.dropped.Load() }

// collect raises what was decided since the last time.
func (e *Evaluator) collect(ctx context.Context) error {
	if n := e.dropped.Load(); n > e.said {
		e.o.Logger.LogAttrs(ctx, slog.LevelWarn, "decisions came faster than alerts are kept, and some are not counted", slog.Uint64("dropped", n-e.said))
		e.said = n
	}
	byKey := map[string]*rightful.Alert{}
	var raised []rightful.Alert
	for range len(e.queue) {
		a := <-e.queue
		old := byKey[a.Key]
		if old == nil {
			byKey[a.Key] = &a
			continue
		}
		a.Count += old.Count
		a.At, a.Seen = min(a.At, old.At), max(a.Seen, old.Seen)
		a.IDs = join(a.IDs, old.IDs)
		a.Codes = join(a.Codes, old.Codes)
		byKey[a.Key] = &a
	}
	for _, a := range byKey {
		raised = append(raised, *a)
	}
	err := e.o.Store.RaiseAlerts(ctx, raised)
	if err != nil {
		// They may fit again: what is lost is counted.
		for _, a := range raised {
			e.enqueue(a)
		}
	}
	return err
}

func (e *Evaluator) enqueue(a rightful.Alert) {
	select {
	case e.queue <- a:
	default:
		e.dropped.Add(uint64(a.Count))
	}
}

// join appends what is not there yet, up to what an alert keeps.
func join[T comparable](a, b []T) []T {
	seen := map[T]bool{}
	joined := []T{}
	for _, list := range [][]T{a, b} {
		for _, v := range list {
			if !seen[v] && len(joined) < rightful.AlertIDs {
				seen[v] = true
				joined = append(joined, v)
			}
		}
	}
	return joined
}
