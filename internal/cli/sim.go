package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"rightful/stripesim"
)

type simOptions struct {
	listen     string
	worlds     []string
	now        string
	worldOut   string
	seed       uint64
	generate   int
	planted    string
	strictKeys bool
	limits     bool
	inFlight   int
	latency    string
	lock       time.Duration
	searchLag  time.Duration
	control    string
	webhooks   string
	publicURL  string
	inOrder    bool
}

// Who gets the simulator's webhooks.
const (
	webhooksLoopback = "loopback"
	webhooksAnywhere = "anywhere"
	webhooksManual   = "manual"
)

// simListen is where the simulator listens when nothing is said.
const simListen = "127.0.0.1:12111"

func newSim(s Streams) *cobra.Command {
	o := &simOptions{}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run a Stripe with state on this machine",
		Long: `sim answers Stripe's API with objects that stay: what you create you can list,
change and delete again. Point any Stripe client at it. docs/stripesim.md says
what is modelled. It runs until it is interrupted.

Below /_sim/ it has a control API for tests: counters, faults by script, the
clock, worlds, webhooks out of order, and the buyer who pays a checkout
session.`,
		Example: `  rightful sim
  rightful sim --generate 1000 --planted 5% --world-out world.json
  rightful sim --limits --latency 80ms,200ms --search-lag 30s`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), s) },
	}
	c.Flags().StringVar(&o.listen, "listen", simListen, "HOST:PORT to listen on")
	c.Flags().StringArrayVar(&o.worlds, "world", nil, "start with the stripe section of this world file; repeated, the accounts of further files are connected to that of the first")
	c.Flags().StringVar(&o.now, "now", "", "start the clock at this time: 2026-01-31T12:00:00Z, or Unix seconds")
	c.Flags().IntVar(&o.generate, "generate", 0, "start with a made-up world of this many companies")
	c.Flags().StringVar(&o.planted, "planted", "0%", "share of the generated companies that have a fault")
	c.Flags().StringVar(&o.worldOut, "world-out", "", "write the generated world to this file, with the list of what was planted")
	c.Flags().Uint64Var(&o.seed, "seed", 0, "seed of the ids that it makes, and of the generated world")
	c.Flags().BoolVar(&o.strictKeys, "strict-keys", false, "let the key's prefix decide the mode even for a world's account, as Stripe does")
	c.Flags().BoolVar(&o.limits, "limits", false, "answer 429 at Stripe's rate limits")
	c.Flags().IntVar(&o.inFlight, "concurrency", 0, "answer 429 when more requests than this are in flight; 0 is no limit")
	c.Flags().StringVar(&o.latency, "latency", "", "how long answers take: 80ms, 50ms-120ms (between) or 80ms,200ms (median and 95th percentile)")
	c.Flags().DurationVar(&o.lock, "lock-timeout", 0, "fail a write with lock_timeout when it waits this long for another one to the same object")
	c.Flags().DurationVar(&o.searchLag, "search-lag", 0, "how much later than its change an object is found by search")
	c.Flags().StringVar(&o.publicURL, "public-url", "", "the address under which browsers find the simulator, for the url of checkout and portal sessions; without it, the one that each request was sent to")
	c.Flags().StringVar(&o.control, "control", string(stripesim.ControlLoopback), "who may use /_sim/: loopback, anywhere or off")
	c.Flags().StringVar(&o.webhooks, "webhooks", webhooksLoopback, "send events to the webhook endpoints: loopback (on this machine only), anywhere, or manual (when POST /_sim/deliver asks)")
	c.Flags().BoolVar(&o.inOrder, "webhooks-in-order", false, "let each endpoint get its events in the order in which they happened, however long one of them fails")
	return c
}

func (o *simOptions) run(ctx context.Context, s Streams) error {
	if err := checkListen(o.listen, simListen); err != nil {
		return err
	}
	opts, err := o.options()
	if err != nil {
		return err
	}
	sim := stripesim.New(opts)
	if err := o.fill(sim, s); err != nil {
		return err
	}
	listener, err := listen("--listen", o.listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "stripesim answers at http://%s\n", listener.Addr())
	fmt.Fprintf(s.Out, "try: curl -u sk_test_sim: http://%s/v1/customers\n", listener.Addr())
	background, stop := context.WithCancel(ctx)
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		if o.webhooks != webhooksManual {
			sim.RunWebhooks(background)
		}
	}()
	defer func() { stop(); <-delivered }()
	return serve(ctx, listener, sim)
}

// serve answers until the context ends, then lets running requests finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return server.Shutdown(last)
}

// reason returns what went wrong with a file or an address, without its name.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}
