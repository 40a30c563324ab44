// Package fromfile opens a gateway over the systems that a rightful.yaml names, for
// apps in Go: the same that "rightful serve" answers with, without HTTP in between.
package fromfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/telemetry"
	"rightful/internal/wire"
)

// Options may all be left out.
type Options struct {
	// Env looks variables up that the file uses; os.LookupEnv when nil.
	Env func(string) (string, bool)
	// State is where state is kept, sqlite:FILE or postgres://...; empty: where the
	// file says.
	State string
	// Name tells in the journal's leases who this is; default "an app".
	Name string
	// OnDecision is told of everything that the gateway decides, after it did. It may
	// be called from several goroutines, and must not block.
	OnDecision func(context.Context, gateway.Decision)
	// OnNotice is told of each event about a live company of the app, while Run runs:
	// at least once, and in order within a family. See gateway.WebhookOptions. Nil:
	// webhooks.notify of the file is told, if it names anybody.
	OnNotice func(context.Context, gateway.Notice) error
	// Alerts tells that Run also raises alerts, and tells the channels that the file has
	// under alerts. Several processes may: each thing is told once.
	Alerts bool
	// Logger gets one line for each decision; none when nil. Keys, secrets and emails
	// are taken out of it.
	Logger *slog.Logger
	// Now replaces the clock in tests.
	Now func() time.Time
}

// Gateway is a gateway with what it stands on.
type Gateway struct {
	*gateway.Gateway
	opened *wire.Opened
}

// Open reads the file, connects to the database and the state, which is made where
// there is none, and prepares every mapped query. Stripe is not asked yet. The
// Gateway must be closed. Errors name the place in the file.
func Open(ctx context.Context, path string, o Options) (*Gateway, error) {
	if o.Env == nil {
		o.Env = os.LookupEnv
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = "an app"
	}
	log := o.Logger
	if log != nil {
		log = slog.New(telemetry.Redact(log.Handler()))
	}
	opened, _, err := wire.Gateway(ctx, path, wire.GatewayOptions{
		Env: o.Env, Now: o.Now, Actor: o.Name, State: o.State, Logger: log, OnDecision: o.OnDecision, OnNotice: o.OnNotice, Alerts: o.Alerts,
	})
	if err != nil {
		return nil, unread(err, path)
	}
	return &Gateway{Gateway: opened.Gateway, opened: opened}, nil
}

// unread gives the error of a file that cannot be read the hint that an app needs: it
// has no command line.
func unread(err error, path string) error {
	own, ok := errors.AsType[*rightful.Error](err)
	if file, broken := errors.AsType[*fs.PathError](err); !ok || !broken || own.Place != path || file.Path != path {
		return err
	}
	from, wdErr := os.Getwd()
	if wdErr != nil {
		from = "the working directory"
	}
	said := *own
	said.Hint = fmt.Sprintf("give fromfile.Open the path of your rightful.yaml; one that is relative begins in %s", from)
	return &said
}

// Webhooks takes Stripe's events, to be mounted where the endpoint points. It is an
// error of kind invalid when the file has no stripe.webhook_secrets.
func (g *Gateway) Webhooks() (http.Handler, error) {
	if g.opened.Webhooks == nil {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "stripe.webhook_secrets", Message: "is missing: without it anybody could send events",
			Hint: "webhook_secrets: ['${STRIPE_WEBHOOK_SECRET}'], the signing secret of the endpoint (whsec_...)",
		}
	}
	return g.opened.Webhooks, nil
}

// Run does what has to be done beside the calls, such as looking at the events that
// were taken, and telling of alerts. It returns when the context ends and what was under way is finished.
// Several processes may run it beside each other.
func (g *Gateway) Run(ctx context.Context) error { return g.opened.Run(ctx) }

// Close gives everything back. Call it after Run has returned.
func (g *Gateway) Close() error { return g.opened.Close() }
