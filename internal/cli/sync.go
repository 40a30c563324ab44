package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/pull"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type syncOptions struct {
	config, account, format string
	full, sweep             bool
	from                    []string
	asOf                    string
	show                    bool
}

func newSync(s Streams) *cobra.Command {
	o := &syncOptions{}
	c := &cobra.Command{
		Use:   "sync",
		Short: "Fill the mirror of your Stripe account, and take in what changed since",
		Long: `sync keeps the identity fields of Stripe's customers, checkout sessions,
subscriptions, payment intents and schedules in the mirror of the config. The first
time it reads each list to its end, as fast as stripe.rate allows; afterwards it takes
in the events since, which costs a few requests. It writes nothing to Stripe, and does
not open your database. Of a config with several accounts all are synced, side by side,
each within its own budget.

It can be interrupted or killed at any time: what was read is kept, and the next run
goes on there. Lists are read whole again when the last run is longer ago than Stripe
keeps events, when sync.sweep says so, and with --sweep or --full: no event tells of
changed metadata of checkout sessions and payment intents.

With --from the mirror is filled from a copy, and Stripe is not asked at all: a
PostgreSQL database that Stripe's sync engine or its real-time sync fills, files of
Stripe's objects as JSON (one to a line, or pages of lists; .gz too), or CSV exports of
the dashboard. --as-of says when all of it was there; without it only a database that
says so itself is believed. A later sync goes on from there with events.

Exit code: 0 everything is as Stripe has it, 4 something could not be read, another
process fills the mirror, or the run was interrupted or refused as unsafe, 1 error.`,
		Example: `  rightful sync
  rightful sync --sweep
  rightful sync --full --format json
  rightful sync --from '${STRIPE_DATABASE_URL}'
  rightful sync --from customers.jsonl.gz --from subscriptions.csv --as-of 2026-01-31T14:00:00Z`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			if len(o.from) > 0 || o.show {
				return o.fill(c.Context(), s)
			}
			return o.run(c.Context(), s)
		},
	}
	c.Flags().StringVar(&o.config, "config", defaultConfig, "work on the systems that this file names")
	c.Flags().StringVar(&o.account, "account", "", "of the config's Stripe accounts, sync only this: acct_...")
	c.Flags().StringVar(&o.format, "format", "human", "human or json")
	c.Flags().BoolVar(&o.full, "full", false, "read all lists whole again")
	c.Flags().BoolVar(&o.sweep, "sweep", false, "read the lists whole again of which no events tell every change")
	c.Flags().BoolVar(&o.show, "show", false, "only say what the mirror has and how old it is; Stripe is not asked")
	c.Flags().StringArrayVar(&o.from, "from", nil, "fill the mirror from a copy: postgres://, a file of JSON or CSV, - for standard input, or ${NAME} of the environment")
	c.Flags().StringVar(&o.asOf, "as-of", "", "with --from: when all objects of the lists in it were there, as 2h, 2026-01-31T14:00:00Z or Unix seconds")
	return c
}

func (o *syncOptions) validate() error {
	switch {
	case o.format != "human" && o.format != "json":
		return usage(fmt.Sprintf("--format %q is not known to sync", o.format), "write --format human or json")
	case o.show && (o.full || o.sweep || len(o.from) > 0):
		return usage("--show only looks at the mirror, and another flag says what is to be read", "give it alone")
	case len(o.from) > 0 && (o.full || o.sweep):
		return usage("--from does not ask Stripe, and --full and --sweep do", "run sync --from first, and sync --full or --sweep afterwards")
	case o.asOf != "" && len(o.from) == 0:
		return usage("--as-of says how old a copy is, and there is none", "give it with --from")
	case o.full && o.sweep:
		return usage("--full reads what --sweep reads, and more", "give one of them")
	}
	return nil
}

func (o *syncOptions) run(ctx context.Context, s Streams) error {
	engines, c, shut, err := wire.Sync(ctx, o.config, s.Env, s.Now(), wire.Account{ID: o.account})
	if err != nil {
		return located(c, err)
	}
	var progress *view.SyncProgress
	if s.ErrIsTerm && o.format == "human" {
		progress = view.NewSyncProgress(s.Err, s.Now)
		for _, e := range engines {
			e.Mirroring.Progress = func(p pull.Progress) { progress.Update(e.Expect.Account, p) }
		}
	}
	report, complete, err := o.sync(ctx, engines)
	if progress != nil {
		progress.Done()
	}
	if closed := shut(); err == nil {
		err = closed // what is not on the disk was not kept
	}
	if err != nil {
		return located(c, err)
	}
	switch r := report.(type) {
	case *engine.SyncReport:
		err = o.print(s, r, func(p *view.Printer) { p.Sync(r) })
	case *engine.SyncedAccounts:
		err = o.print(s, r, func(p *view.Printer) { p.SyncedAccounts(r) })
	}
	if err == nil && !complete {
		err = exit(ExitRefused)
	}
	return err
}

// sync brings the one mirror up to date, or that of each account.
func (o *syncOptions) sync(ctx context.Context, engines []*engine.Engine) (report any, complete bool, err error) {
	in := engine.SyncInput{Full: o.full, Sweep: o.sweep}
	if len(engines) > 1 {
		r, err := engine.SyncAccounts(ctx, engines, in)
		return r, err == nil && r.Complete, err
	}
	r, err := engines[0].Sync(ctx, in)
	return r, err == nil && r.Complete, err
}

func (o *syncOptions) print(s Streams, report any, human func(*view.Printer)) error {
	if o.format == "json" {
		return view.JSON(s.Out, report)
	}
	human(printer(s))
	return nil
}
