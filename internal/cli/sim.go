package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/stripesim"
)

type simOptions struct {
	listen     string
	world      string
	seed       uint64
	strictKeys bool
}

func newSim(s Streams) *cobra.Command {
	o := &simOptions{}
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run a Stripe with state on this machine",
		Long: `sim answers Stripe's API with objects that stay: what you create you can list,
change and delete again. Point any Stripe client at it. docs/stripesim.md says
what is modelled. It runs until it is interrupted.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), s) },
	}
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:12111", "address to listen on")
	c.Flags().StringVar(&o.world, "world", "", "start with the stripe section of this world file")
	c.Flags().Uint64Var(&o.seed, "seed", 0, "seed of the ids that it makes")
	c.Flags().BoolVar(&o.strictKeys, "strict-keys", false, "let the key's prefix decide the mode even for a world's account, as Stripe does")
	return c
}

func (o *simOptions) run(ctx context.Context, s Streams) error {
	sim := stripesim.New(stripesim.Options{Seed: o.seed, StrictKeys: o.strictKeys})
	if o.world != "" {
		f, err := os.Open(o.world)
		if err != nil {
			return &rightful.Error{Kind: rightful.KindInvalid, Place: o.world, Message: "the world file cannot be read", Hint: "check the path given with --world", Err: err}
		}
		err = sim.LoadWorld(f)
		_ = f.Close() // read only
		if err != nil {
			return &rightful.Error{Kind: rightful.KindInvalid, Place: o.world, Message: err.Error(), Err: err}
		}
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return &rightful.Error{Kind: rightful.KindUnavailable, Place: "--listen", Message: "cannot listen on " + o.listen + ": " + reason(err), Hint: "choose another address with --listen", Err: err}
	}
	fmt.Fprintf(s.Out, "stripesim answers at http://%s\n", listener.Addr())
	fmt.Fprintf(s.Out, "try: curl -u sk_test_sim: http://%s/v1/customers\n", listener.Addr())
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

func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}
