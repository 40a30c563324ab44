package wire

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/config"
	"rightful/internal/pull"
	"rightful/internal/source/mirror"
)

// freshener takes events that were delivered into the mirror, beside the requests that
// brought them. The mirror is a copy: what does not get there in time, or cannot be written,
// is left for the next sync, which takes in the same events.
type freshener struct {
	config  *config.Config
	keys    rightful.KeySet
	account func(context.Context) (rightful.Account, error) // the one whose id the config does not name
	now     func() time.Time
	log     *slog.Logger

	come chan struct{} // has one element while something waits

	mu      sync.Mutex
	waiting []delivered // guarded by mu
	bytes   int         // guarded by mu: that these hold
	left    int         // guarded by mu: events that found no room since somebody was told

	// The rest is of run.
	mirror *mirror.Mirror
	own    string    // the account that the config does not name, once it is known
	warned time.Time // when it was last said that events are left for the next sync
}

// delivered is an event of a mode.
type delivered struct {
	rightful.Event
	livemode bool
}

// Bounds of what waits for the mirror.
const (
	freshenBytes  = 16 << 20
	freshenWithin = 30 * time.Second // for one transaction: long ones of a sync come in between
	warnEvery     = time.Minute
	// freshenAhead is how far a clock may be ahead of ours. What is of a later time would
	// stand in the way of everything that comes after it.
	freshenAhead = 5 * time.Minute
)

// freshens reports whether a config has a mirror that is to be kept fresh.
func freshens(c *config.Config) bool { return c.Mirror != "" || c.Schedule.Sync.Configured() }

// accepted is told of each event that was accepted. It does not wait for anything.
func (f *freshener) accepted(e rightful.Event, livemode bool) {
	if !pull.Tells(e) || e.Created > f.now().Add(freshenAhead).Unix() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes+len(e.Body) > freshenBytes {
		f.left++
		return
	}
	e.Body = bytes.Clone(e.Body)
	f.bytes += len(e.Body)
	f.waiting = append(f.waiting, delivered{e, livemode})
	select {
	case f.come <- struct{}{}:
	default:
	}
}

// run writes what comes, until the context ends. What waits then is left for the next sync.
func (f *freshener) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.come:
		}
		f.mu.Lock()
		events, left := f.waiting, f.left
		f.waiting, f.bytes, f.left = nil, 0, 0
		f.mu.Unlock()
		err := f.write(ctx, events)
		if err == nil && left > 0 {
			err = errors.New("more came than could be written")
		}
		if err != nil && ctx.Err() == nil && time.Since(f.warned) > warnEvery {
			f.warned = time.Now()
			f.log.Warn("what webhooks tell does not get into the mirror, and is left for the next sync", "error", err.Error())
		}
	}
}

// write writes events into the mirrors of their accounts.
func (f *freshener) write(ctx context.Context, events []delivered) error {
	ctx, cancel := context.WithTimeout(ctx, freshenWithin)
	defer cancel()
	pages := map[rightful.Account][]rightful.MirrorObject{}
	for _, e := range events {
		account, err := f.whose(ctx, e)
		if err != nil {
			return err
		}
		if account.ID == "" {
			continue
		}
		if o, ok := pull.Delivered(e.Event, account, f.keys); ok {
			pages[account] = append(pages[account], o)
		}
	}
	if len(pages) == 0 {
		return nil
	}
	if f.mirror == nil {
		m, err := mirror.Open(ctx, f.config.MirrorAddress(), mirror.Options{})
		if err != nil {
			return err
		}
		f.mirror = m
	}
	var failed error
	for account, objects := range pages {
		failed = errors.Join(failed, f.mirror.Of(account.ID, account.Livemode, f.keys).Keep(ctx, []rightful.MirrorPage{{Objects: objects}}))
	}
	return failed
}

// whose returns the account of an event, which is empty for one that the config does not
// name. An account that has no id there is asked for once.
func (f *freshener) whose(ctx context.Context, e delivered) (rightful.Account, error) {
	for _, s := range f.config.Stripe {
		id := s.Account
		if id == "" {
			if f.own == "" {
				a, err := f.account(ctx)
				if err != nil {
					return rightful.Account{}, err
				}
				f.own = a.ID
			}
			id = f.own
		}
		if id != "" && (e.Account == id || e.Account == "") {
			return rightful.Account{ID: id, Livemode: e.livemode, LivemodeKnown: true}, nil
		}
	}
	return rightful.Account{}, nil
}

func (f *freshener) close() error {
	if f.mirror == nil {
		return nil
	}
	return f.mirror.Close()
}

// openFreshener lets delivered events freshen the mirror, in a process that serves.
func (g *Opened) openFreshener(keys rightful.KeySet, options *gateway.WebhookOptions) {
	g.fresh = &freshener{
		config: g.config, keys: keys, now: g.now, log: g.log, come: make(chan struct{}, 1),
		account: func(ctx context.Context) (rightful.Account, error) { return g.stripes[0].Account(ctx) },
	}
	g.closers = append(g.closers, g.fresh.close)
	options.OnAccepted = g.fresh.accepted
}
