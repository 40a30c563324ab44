package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/view"
	"rightful/internal/wire"
)

type doctorOptions struct {
	config  string
	account string
	format  string
}

func newDoctor(s Streams) *cobra.Command {
	o := &doctorOptions{}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the config and every place that it names",
		Long: `doctor examines the database and each mapped query, the Stripe key and its
permissions, account and mode, webhook endpoints, the cache, the probe and the
clock. Each line is ok, a warning, or an error with what to do. It writes nothing
and sends about fifteen requests to Stripe.

Exit code: 0 when nothing is an error, 4 interrupted, 1 otherwise.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.format != "human" && o.format != "json" {
				return usage(fmt.Sprintf("--format %q is not known", o.format), "write --format human or --format json")
			}
			return o.run(c.Context(), s)
		},
	}
	c.Flags().StringVar(&o.config, "config", defaultConfig, "examine the systems that this file names")
	c.Flags().StringVar(&o.account, "account", "", "of the config's Stripe accounts, examine only this: acct_...")
	c.Flags().StringVar(&o.format, "format", "human", "human or json")
	return c
}

func (o *doctorOptions) run(ctx context.Context, s Streams) error {
	e, c, problems, err := wire.Examine(ctx, o.config, s.Env, s.Now(), wire.Account{ID: o.account})
	if err != nil {
		return err
	}
	defer func() { _ = e.Close() }() // reading connections: nothing to lose
	checkup := e.Doctor(ctx, problems...)
	if ctx.Err() != nil {
		return context.Cause(ctx) // what it says of places that were not heard to the end is not so
	}
	for i := range checkup.Lines {
		checkup.Lines[i].At = c.At(checkup.Lines[i].Place)
	}
	if o.format == "json" {
		err = view.JSON(s.Out, checkup)
	} else {
		printer(s).Checkup(o.config, checkup)
	}
	switch {
	case err != nil:
		return err
	case !checkup.Healthy:
		return exit(ExitError)
	}
	return nil
}
