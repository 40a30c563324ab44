package wire

import (
	"context"
	"errors"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/state"
)

// WatchInput says what is watched.
type WatchInput struct {
	Config string // path
	// Account is whose list of events is read. An inbox has those of all accounts.
	Account Account
	State   string // address of the inbox; empty: where the config says, or Stripe
	Poll    time.Duration
	// Stripe has the list of events read, whether there is an inbox or not.
	Stripe bool
	Since  int64 // Unix seconds
	Env    func(string) (string, bool)
	Now    func() time.Time
	Actor  string

	OnTrouble func(error)
}

// Watching is a watch with what it stands on. It must be closed.
type Watching struct {
	*gateway.Watch
	Inbox   string // the place of the inbox; empty: Stripe is read
	Newest  int64  // of an inbox: when its newest event came, Unix seconds; 0: it has none
	NoInbox string // why the inbox that the config names is not watched; empty: it is, or it names none
	GETs    func() int
	Close   func() error
}

// inboxEvery is how often an inbox is looked at. It costs nothing at Stripe.
const inboxEvery = time.Second

// Watch opens what can be watched: the inbox, when the config has a secret for webhooks
// and the state is there, else Stripe's list of events. Nothing of it can write.
func Watch(ctx context.Context, in WatchInput) (*Watching, *config.Config, error) {
	c, err := config.Read(in.Config, in.Env)
	if err != nil {
		return nil, nil, err
	}
	o := gateway.WatchOptions{Since: in.Since, Now: in.Now, OnTrouble: in.OnTrouble, Keys: c.Keys()}
	rules := newEngine(c, in.Now().Unix())
	o.Off, o.Severity = rules.Rules.Off, rules.Rules.Severity
	w := &Watching{GETs: func() int { return 0 }, Close: func() error { return nil }}
	if !in.Stripe && (in.State != "" || c.TakesEvents()) {
		err := w.openInbox(ctx, in, c, o)
		if err == nil || in.State != "" || rightful.KindOf(err) != rightful.KindNotFound {
			return w, c, err
		}
		var own *rightful.Error
		if errors.As(err, &own) {
			w.NoInbox = own.Message
		}
	}
	one, err := narrowed(c, []Account{in.Account})
	if err != nil {
		return w, c, err
	}
	return w, one, w.openStripe(ctx, in, one, o, rules)
}

func (w *Watching) openInbox(ctx context.Context, in WatchInput, c *config.Config, o gateway.WatchOptions) error {
	address := in.State
	if address == "" {
		address = c.StateAddress()
	}
	s, err := state.OpenToRead(ctx, address, stateOptions(in.Actor, in.Now))
	if err != nil {
		return err
	}
	w.Newest, err = newestEvent(ctx, s)
	if err == nil {
		o.Inbox, o.Every = s, inboxEvery
		w.Watch, err = gateway.NewWatch(o)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	w.Inbox, w.Close = s.Place(), s.Close
	return nil
}

// newestEvent returns when the newest event of an inbox came.
func newestEvent(ctx context.Context, s *state.Store) (int64, error) {
	const never = 1 << 60
	last, err := s.InboxBefore(ctx, never)
	if err != nil || last == 0 {
		return 0, err
	}
	newest, err := s.InboxEntries(ctx, []int64{last})
	if err != nil || len(newest) == 0 {
		return 0, err
	}
	return newest[0].ReceivedAt, nil
}

func (w *Watching) openStripe(ctx context.Context, in WatchInput, c *config.Config, o gateway.WatchOptions, rules *engine.Engine) error {
	alone := *c
	alone.Cache, alone.Probe = config.Cache{}, config.Probe{} // events are judged without them
	e, p, problems := open(ctx, &alone, in.Now(), sqldirectory.Open)
	if len(problems) > 0 {
		return errors.Join(problems[0], e.Close())
	}
	o.Stripe, o.Directory, o.Every = e.Sources.Stripe, p.directory, in.Poll
	o.OwnershipValue, o.Placeholders = rules.Rules.OwnershipValue, rules.Rules.Placeholders
	o.Account, o.Livemode = e.Expect.Account, e.Expect.Livemode
	watch, err := gateway.NewWatch(o)
	if err != nil {
		return errors.Join(err, e.Close())
	}
	w.Watch, w.GETs, w.Close = watch, e.GETs, e.Close
	return nil
}
