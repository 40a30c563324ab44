package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"

	"github.com/spf13/cobra"

	"rightful/internal/config"
	"rightful/internal/server"
	"rightful/internal/telemetry"
	"rightful/internal/wire"
)

type serveOptions struct {
	config string
	listen string
	state  string
	log    string
}

func newServe(s Streams) *cobra.Command {
	o := &serveOptions{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Let apps in any language ask over HTTP, and take Stripe's webhooks",
		Long: `serve answers over HTTP: whose company a user has, the company's one Stripe
customer, a checkout session that is stamped right, whether a payment is in order,
whether a user may touch an id, and what audits and repairs have recorded. It takes
Stripe's webhooks. GET /openapi.json describes every call.

Who may ask has a token: the one in RIGHTFUL_TOKEN, or those of serve.tokens in the
config. It runs until it is interrupted; requests under way are finished.

It writes one line when it is ready, and its log to standard error.`,
		Example: `  RIGHTFUL_TOKEN=$(openssl rand -hex 32) rightful serve
  rightful serve --listen 127.0.0.1:0 --log json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.log != "" && o.log != "text" && o.log != "json" {
				return usage(fmt.Sprintf("--log %q is not known to serve", o.log), "write --log text or json")
			}
			if c.Flags().Changed("listen") {
				if err := checkListen(o.listen, config.DefaultListen); err != nil {
					return err
				}
			}
			return o.run(c.Context(), s)
		},
	}
	c.Flags().StringVar(&o.config, "config", defaultConfig, "work on the systems that this file names")
	c.Flags().StringVar(&o.listen, "listen", "", "HOST:PORT to listen on (default: serve.listen of the config, or "+config.DefaultListen+")")
	c.Flags().StringVar(&o.state, "state", "", "where state is kept: sqlite:FILE or postgres://... (default: where the config says)")
	c.Flags().StringVar(&o.log, "log", "", "text or json (default: text on a terminal, else json)")
	return c
}

func (o *serveOptions) run(ctx context.Context, s Streams) error {
	log := o.logger(s)
	version, revision := build()
	g, c, err := wire.Gateway(ctx, o.config, wire.GatewayOptions{
		Env: s.Env, Now: s.Now, Actor: whoami(s), State: o.state, Logger: log, Alerts: true, Schedule: true, Metrics: true, Version: version, Revision: revision,
	})
	if err != nil {
		return located(c, err)
	}
	err = o.serve(ctx, s, g, c, log)
	return located(c, errors.Join(err, g.Close()))
}

func (o *serveOptions) serve(ctx context.Context, s Streams, g *wire.Opened, c *config.Config, log *slog.Logger) error {
	token, _ := s.Env("RIGHTFUL_TOKEN")
	srv, err := g.Server(token, log)
	if err != nil {
		return err
	}
	listener, err := o.open(c)
	if err != nil {
		return err
	}
	scheme := "http"
	if c.Serve.TLS.Cert != "" {
		scheme = "https"
	}
	o.remark(log, listener, token, c, g)
	fmt.Fprintf(s.Out, "rightful serves at %s://%s\n", scheme, listener.Addr())
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	worked := make(chan error, 1)
	go func() {
		err := g.Run(working)
		if err != nil {
			fail(err) // events that nobody looks at must not look taken care of
		}
		worked <- err
	}()
	err = srv.Run(serving, listener, server.Ending{DrainFor: c.Serve.Draining(), StopWithin: c.Serve.Stopping()})
	stop() // only now: requests under way may have made work
	err = errors.Join(err, <-worked)
	log.Info("rightful has stopped", "everything_finished", err == nil)
	return err
}

// remark says in the log what a newcomer may not expect.
func (o *serveOptions) remark(log *slog.Logger, l net.Listener, token string, c *config.Config, g *wire.Opened) {
	if at, err := netip.ParseAddrPort(l.Addr().String()); err == nil && !at.Addr().Unmap().IsLoopback() && c.Serve.TLS.Cert == "" {
		log.Warn("listening for other machines without TLS: tokens can be read on the way, unless a proxy in front ends TLS", "address", l.Addr().String())
	}
	if token == "" && len(c.Serve.Tokens) == 0 {
		log.Warn("no token is set, so only webhooks are taken. Set RIGHTFUL_TOKEN, or serve.tokens")
	}
	if token != "" && len(token) < 20 {
		log.Warn("RIGHTFUL_TOKEN is so short that it can be guessed; openssl rand -hex 32 makes a good one")
	}
	if g.Webhooks == nil {
		log.Warn("stripe.webhook_secrets is not set: POST /v1/webhooks/stripe is not answered")
	}
}

// open opens the address. The flag goes before the config, and then it is to blame.
func (o *serveOptions) open(c *config.Config) (net.Listener, error) {
	address, place := c.Serve.Address(), "serve.listen"
	if o.listen != "" {
		address, place = o.listen, "--listen"
	}
	return listen(place, address)
}

// logger writes lines without secrets, each with the id of its request.
func (o *serveOptions) logger(s Streams) *slog.Logger {
	var h slog.Handler = slog.NewJSONHandler(s.Err, nil)
	if o.log == "text" || o.log == "" && s.ErrIsTerm {
		h = slog.NewTextHandler(s.Err, nil)
	}
	return slog.New(server.RequestIDs(telemetry.Redact(h)))
}

// build returns the version and revision of this program, as far as it knows them.
func build() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			revision = setting.Value
		}
	}
	return info.Main.Version, revision
}
