package wire

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/config"
	"rightful/internal/journal"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
	"rightful/internal/state"
)

// GatewayOptions say how a gateway is opened.
type GatewayOptions struct {
	Env    func(string) (string, bool) // looks variables up, as os.LookupEnv does
	Now    func() time.Time
	Actor  string // who opens it, for those who find something taken
	State  string // address; empty: where the config says
	Logger *slog.Logger
	// OnDecision is told of what the gateway decides. See gateway.Options.
	OnDecision func(context.Context, gateway.Decision)
}

// Opened is a gateway with what it stands on.
type Opened struct {
	*gateway.Gateway
	Webhooks *gateway.Webhooks // nil: no secret is configured
	Audits   rightful.AuditKeeper
	Journal  journal.Reader
	Stripe   gateway.Stripe
	// Requests counts what was sent to Stripe, by operation.
	Requests func() map[string]int

	config    *config.Config
	directory *sqldirectory.Directory
	state     *state.Store
	notes     *notes
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
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Opened{config: c}
	if err := g.open(ctx, o); err != nil {
		return nil, c, errors.Join(err, g.Close())
	}
	return g, c, nil
}

func (g *Opened) open(ctx context.Context, o GatewayOptions) error {
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
	if err := g.openState(ctx, o); err != nil {
		return err
	}
	g.Stripe = account{p.stripe, p.stripe.Writer()}
	g.Requests = func() map[string]int { return p.stripe.Requests().ByEndpoint }
	mode, rules := modes(g.config.Gateway)
	own, err := gateway.New(gateway.Options{
		Directory: p.directory, Writer: writer, Lacks: alone.Directory.Write.Lacks, Stripe: g.Stripe, Intents: g.state,
		Keys: e.Rules.Keys, OwnershipValue: e.Rules.OwnershipValue, Placeholders: e.Rules.Placeholders,
		Account: e.Expect.Account, Livemode: e.Expect.Livemode, Mode: mode, Rules: rules,
		OnDecision: g.decided(o), Logger: o.Logger, Now: o.Now,
	})
	if err != nil {
		return err
	}
	g.Gateway = own
	return g.openWebhooks(ctx, o)
}

func (g *Opened) openState(ctx context.Context, o GatewayOptions) error {
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
	g.notes = keepNotes(s, o.Logger)
	g.closers = append(g.closers, g.notes.close)
	return nil
}

// openWebhooks makes what takes events, if there is a secret to know them by.
func (g *Opened) openWebhooks(ctx context.Context, o GatewayOptions) error {
	at := g.config.Stripe[0]
	if len(at.WebhookSecrets) == 0 {
		return nil
	}
	expected, livemode := at.Account, at.Livemode
	if expected == "" || livemode == nil {
		// Without it, whose an event is cannot be told so early; it is all the same
		// when the event is looked at.
		soon, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if a, err := g.Stripe.Account(soon); err == nil {
			expected, livemode = a.ID, &a.Livemode
		} else {
			o.Logger.WarnContext(ctx, "the Stripe account is not known yet; name it as stripe.account", "error", err)
		}
	}
	var err error
	g.Webhooks, err = gateway.NewWebhooks(gateway.WebhookOptions{
		Inbox: g.state, Secrets: at.WebhookSecrets, Keys: g.config.Keys(), Account: expected, Livemode: livemode,
		OnDecision: g.decided(o), Logger: o.Logger, Now: o.Now,
	})
	return err
}

// decided keeps what was found, and tells whoever wants to know.
func (g *Opened) decided(o GatewayOptions) func(context.Context, gateway.Decision) {
	return func(ctx context.Context, d gateway.Decision) {
		g.notes.note(ctx, d)
		if o.OnDecision != nil {
			o.OnDecision(ctx, d)
		}
	}
}

// Close gives everything back. What was found is kept before.
func (g *Opened) Close() error {
	p := parts{closers: g.closers}
	return p.close()
}

// Run does what has to be done beside the calls, until the context ends.
func (g *Opened) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// AskDatabase tells whether the app's database answers, and AskState whether the
// state does.
func (g *Opened) AskDatabase(ctx context.Context) error {
	for _, err := range g.directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{"0"}}) {
		return err
	}
	return nil
}

// AskState tells whether the state answers.
func (g *Opened) AskState(ctx context.Context) error {
	_, err := g.Audits.Audits(ctx, "", false, 1)
	return err
}

// AskStripe tells whether Stripe answers, and with the account that is expected.
func (g *Opened) AskStripe(ctx context.Context) error {
	a, err := g.Stripe.Account(ctx)
	at := g.config.Stripe[0]
	switch {
	case err != nil:
		return err
	case at.Account != "" && a.ID != at.Account, at.Livemode != nil && a.Livemode != *at.Livemode:
		return &rightful.Error{Kind: rightful.KindRefused, Code: rightful.CodeWrongAccount, Place: "stripe.key", Message: "the key opens another account or mode than the config expects"}
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
