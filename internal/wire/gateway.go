package wire

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"rightful"
	"rightful/gateway"
	"rightful/internal/alert"
	"rightful/internal/config"
	"rightful/internal/jobs"
	"rightful/internal/journal"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
	"rightful/internal/state"
	"rightful/internal/telemetry"
)

// GatewayOptions say how a gateway is opened.
type GatewayOptions struct {
	Env   func(string) (string, bool) // looks variables up, as os.LookupEnv does
	Now   func() time.Time
	Actor string // who opens it, for those who find something taken
	State string // address; empty: where the config says
	// Account is the one account that the gateway is for. Zero: all that the config has.
	Account Account
	Logger  *slog.Logger
	// OnDecision is told of what the gateway decides. See gateway.Options.
	OnDecision func(context.Context, gateway.Decision)
	// OnNotice is told of events about the app's companies, instead of the address that
	// the config names. See gateway.WebhookOptions.
	OnNotice func(context.Context, gateway.Notice) error
	// Alerts tells that alerts are raised, and that the channels of the config are told.
	Alerts bool
	// Schedule tells that this process runs what the config's schedule says, and keeps the
	// mirror fresh with the events that it accepts.
	// One that Stripe would not allow is an error of kind refused.
	Schedule bool
	// Metrics tells that the gateway is measured; Version and Revision are of the
	// program that does.
	Metrics           bool
	Version, Revision string
}

// Opened is a gateway with what it stands on.
type Opened struct {
	*gateway.Gateway
	Webhooks *gateway.Webhooks // nil: no secret is configured
	Audits   rightful.AuditKeeper
	Journal  journal.Reader
	Stripe   gateway.Stripe
	Metrics  *telemetry.Metrics // nil: nothing is measured

	config    *config.Config
	accounts  config.Accounts  // that are answered for, Stripe[0] first
	stripes   []gateway.Stripe // of each of them
	now       func() time.Time
	directory *sqldirectory.Directory
	state     *state.Store
	notes     *notes
	alerts    *alert.Evaluator // nil: nobody is told
	listeners []func(context.Context, gateway.Decision)
	audits    auditsSeen
	work      *work       // nil: no events are taken, and nothing runs by itself
	schedule  *scheduling // nil: nothing runs by itself
	fresh     *freshener  // nil: there is no mirror to be kept fresh, or no events
	log       *slog.Logger
	closers   []func() error
}

// Gateway opens the gateway over the real systems that a config file names, and its
// state, which is made where there is none. It must be closed. Stripe is not asked
// for anything yet, so that an app starts while Stripe cannot be reached.
func Gateway(ctx context.Context, path string, o GatewayOptions) (*Opened, *config.Config, error) {
	c, err := config.Read(path, o.Env)
	if err != nil {
		return nil, nil, err
	}
	accounts := c.Stripe
	if o.Account.ID != "" {
		if c, err = narrowed(c, []Account{o.Account}); err != nil {
			return nil, nil, err
		}
		accounts = c.Stripe[:1]
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Schedule {
		if err := refusedSchedule(c, o.Now()); err != nil {
			return nil, c, err
		}
	}
	g := &Opened{config: c, accounts: accounts, now: o.Now, log: o.Logger}
	if err := g.open(ctx, path, o); err != nil {
		return nil, c, errors.Join(err, g.Close())
	}
	return g, c, nil
}

func (g *Opened) open(ctx context.Context, path string, o GatewayOptions) error {
	alone := *g.config
	alone.Cache, alone.Probe = config.Cache{}, config.Probe{} // the gateway asks neither
	if alone.Directory.Write.Configured() {
		// As for the commands that write: what cannot be recovered cannot be opened
		// either, and that error has a place in the config.
		_ = sqldirectory.Recover(ctx, alone.Directory.DSN)
	}
	e, p, problems := open(ctx, &alone, o.Now(), sqldirectory.Open)
	g.closers = append(g.closers, e.Close)
	if len(problems) > 0 {
		return problems[0]
	}
	g.directory = p.directory
	var writer rightful.DirectoryWriter
	if alone.Directory.Write.Configured() {
		w, err := sqldirectory.OpenWriter(ctx, p.directory, alone.Directory.DSN, writeMapping(&alone))
		if err != nil {
			return err
		}
		g.closers, writer = append(g.closers, w.Close), w
	}
	if err := g.openState(ctx, path, o); err != nil {
		return err
	}
	for i := range g.accounts {
		g.stripes = append(g.stripes, p.gatewayStripe(g.config, i))
	}
	g.Stripe = g.stripes[0]
	if o.Metrics {
		if err := g.audits.begin(ctx, g.Audits); err != nil {
			return err
		}
		m := g.metricsOptions(o)
		m.StripeRequests = func() map[string]int {
			all := map[string]int{}
			for _, reader := range p.readers() {
				q := reader.Requests()
				for _, counted := range []map[string]int{q.ByEndpoint, q.Writes} {
					for endpoint, n := range counted {
						all[endpoint] += n
					}
				}
			}
			return all
		}
		g.Metrics = telemetry.New(m)
	}
	if err := g.openAlerts(o); err != nil {
		return err
	}
	g.openListeners(o)
	mode, rules := modes(g.config.Gateway)
	var each []*gateway.Gateway
	for i, account := range g.accounts {
		one, err := gateway.New(gateway.Options{
			Directory: p.directory, Writer: writer, Lacks: alone.Directory.Write.Lacks, Stripe: g.stripes[i], Intents: g.state,
			Keys: e.Rules.Keys, OwnershipValue: e.Rules.OwnershipValue, Placeholders: e.Rules.Placeholders,
			Account: account.Account, Livemode: account.Livemode, Mode: mode, Rules: rules,
			Off: e.Rules.Off, Severity: e.Rules.Severity,
			OnDecision: g.decided, Logger: o.Logger, Now: o.Now,
		})
		if err != nil {
			return err
		}
		each = append(each, one)
	}
	if len(each) > 1 {
		if err := gateway.Join(each...); err != nil {
			return err
		}
	}
	g.Gateway = each[0]
	g.notes.again = g.LookAgain
	if g.alerts != nil {
		g.notes.changed = g.alerts.FindingsChanged
	}
	g.notes.begin()
	if err := g.openWebhooks(e.Options.Keys, o); err != nil {
		return err
	}
	return g.openWork(ctx, path, p.readers(), o)
}

func (g *Opened) openState(ctx context.Context, path string, o GatewayOptions) error {
	address := o.State
	if address == "" {
		address = g.config.StateAddress()
	}
	s, err := state.Open(ctx, address, stateOptions(o.Actor, o.Now))
	if err != nil {
		return err
	}
	g.state, g.Audits, g.Journal = s, s, s
	g.closers = append(g.closers, s.Close)
	g.notes = keepNotes(s, o.Now, o.Logger)
	g.notes.sift = sifter(g.config, path, o.Now)
	g.closers = append(g.closers, g.notes.close)
	return nil
}

// openWebhooks makes what takes events, if there is a secret to know them by.
func (g *Opened) openWebhooks(keys rightful.KeySet, o GatewayOptions) error {
	if !slices.ContainsFunc(g.accounts, func(s config.Stripe) bool { return len(s.WebhookSecrets) > 0 }) {
		return nil
	}
	options, err := webhookOptions(g.config, g.state, o.Now, o.OnNotice)
	if err != nil {
		return err
	}
	options.Tally = g.tally()
	if o.Schedule && freshens(g.config) {
		g.openFreshener(keys, &options)
	}
	for _, account := range g.accounts[1:] {
		if len(account.WebhookSecrets) > 0 {
			if options.SecretsOf == nil {
				options.SecretsOf = map[string][]string{}
			}
			options.SecretsOf[account.Account] = account.WebhookSecrets
		}
	}
	g.Webhooks, err = g.Gateway.Webhooks(options)
	return err
}

// openWork opens the queue, if there is anything to do.
func (g *Opened) openWork(ctx context.Context, path string, readers []*stripeapi.Reader, o GatewayOptions) (err error) {
	var events jobs.Events
	if g.Webhooks != nil {
		events = g.Webhooks
	}
	workers := river.NewWorkers()
	if o.Schedule && g.config.Schedule.Configured() {
		if g.schedule, err = g.newScheduling(path, readers, o); err != nil {
			return err
		}
		g.schedule.tasks.Register(workers)
		g.closers = append(g.closers, g.schedule.close)
	}
	if events == nil && g.schedule == nil {
		return nil
	}
	if g.work, err = openWork(ctx, g.state, events, g.config.Webhooks.CatchUpEvery(), workers, o.Logger); err != nil {
		return err
	}
	g.closers = append(g.closers, g.work.close)
	return nil
}

// Each returns Stripe's accounts that the gateway answers for, in the order of the config.
func (g *Opened) Each() []gateway.Stripe { return slices.Clone(g.stripes) }

// Close gives everything back. What was found is kept before.
func (g *Opened) Close() error {
	p := parts{closers: g.closers}
	return p.close()
}

// Run does what has to be done beside the calls, until the context ends.
func (g *Opened) Run(ctx context.Context) error {
	defer g.beside(ctx)()
	telling, stop := context.WithCancel(context.WithoutCancel(ctx))
	var told sync.WaitGroup
	if g.alerts != nil {
		told.Go(func() { g.alerts.Run(telling, alertsEvery) })
	}
	defer told.Wait()
	defer stop() // after the work: what that decides last is kept too
	if g.schedule != nil {
		var scheduled sync.WaitGroup
		scheduled.Go(func() { g.schedule.run(ctx) })
		defer scheduled.Wait()
	}
	if g.fresh != nil {
		var fresh sync.WaitGroup
		fresh.Go(func() { g.fresh.run(ctx) })
		defer fresh.Wait()
	}
	if g.work != nil {
		return g.work.run(ctx)
	}
	<-ctx.Done()
	return nil
}

// beside says in the log when another process serves on the same SQLite file. It returns
// what ends saying so to others.
func (g *Opened) beside(ctx context.Context) (end func()) {
	is, release, err := g.state.Serve(ctx)
	switch {
	case ctx.Err() != nil: // stopped before it began
	case err != nil:
		g.log.Warn("whether another process serves on this state is not known", "error", err.Error())
	case is:
		g.log.Warn("another process serves on this state too: requests are answered here as well, each event is judged and told by one of the two, and when one stops the other goes on with everything. "+
			"But a SQLite file is written by one at a time, and each has the whole pace at Stripe: to let several serve, keep the state in PostgreSQL", "state", g.state.Place())
	}
	return func() { _ = release() } // the operating system does it too
}

// AskDatabase tells whether the app's database answers, and AskState whether the
// state does.
func (g *Opened) AskDatabase(ctx context.Context) error {
	for _, err := range g.directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{"0"}}) {
		return err
	}
	return nil
}

// AskState tells whether the state can be written: what is only read of it helps nobody
// who takes events or makes customers.
func (g *Opened) AskState(ctx context.Context) error { return g.state.Writable(ctx) }

// AskStripe tells whether Stripe answers, and with the account that is expected, for each
// account.
func (g *Opened) AskStripe(ctx context.Context) error {
	for i, at := range g.accounts {
		a, err := g.stripes[i].Account(ctx)
		switch {
		case err != nil:
			return err
		case at.Account != "" && a.ID != at.Account, at.Livemode != nil && a.Livemode != *at.Livemode:
			return &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe.key", Message: "the key opens another account or mode than the config expects"}
		}
	}
	return nil
}

// account is one Stripe account, as the gateway needs it.
type account struct {
	*stripeapi.Reader
	*stripeapi.Writer
}

func modes(c config.Gateway) (gateway.Mode, map[gateway.Status]gateway.Mode) {
	rules := map[gateway.Status]gateway.Mode{}
	for status, mode := range c.Rules {
		rules[gateway.Status(status)] = gateway.Mode(mode)
	}
	return gateway.Mode(c.Mode), rules
}
