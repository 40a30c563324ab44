package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

func newCache(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "Show what is cached, and delete what is wrong",
		Long: `cache scan shows every key of the configured patterns with its value, what the
database and Stripe allow there, and whether it is right. cache clear deletes the
keys whose value is wrong, and no other.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usage("cache has no command "+strconv.Quote(args[0]), "rightful cache scan, or rightful cache clear")
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newCacheScan(s), newCacheClear(s))
	return c
}

type cacheScanOptions struct {
	target
	known knownFindings
	match string
}

func newCacheScan(s Streams) *cobra.Command {
	o := &cacheScanOptions{}
	c := &cobra.Command{
		Use:   "scan",
		Short: "Show every cached key of the configured patterns, and whether it is right",
		Long: `scan looks through the whole cache, a few keys at a time (SCAN, never KEYS, and on
every node of a cluster), and reads those of the configured patterns. It judges
them as an audit does, so it reads the database and Stripe too. It also finds keys
of users, companies and customers that do not exist, which an audit never reads.
Nothing is written.

A value is right, wrong, cannot tell (it cannot be decoded, or no voice carries) or
nobody's (neither the database nor Stripe knows the id of the key).

Exit code: 0 none is wrong, 2 some are, 4 the read was incomplete or refused as
unsafe, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			if c.Flags().Changed("match") && o.match == "" {
				return usage("--match is empty, and matches nothing", "--match 'user:*'")
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.match, "match", "", "also name the keys that this pattern matches and that are not configured, as in 'user:*'")
	return c
}

func (o *cacheScanOptions) run(ctx context.Context, s Streams) error {
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	r, err := e.ScanCache(ctx, engine.CacheScanInput{Match: o.match})
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.format == "json" {
		if err := view.JSON(s.Out, r); err != nil {
			return err
		}
	} else {
		out := printer(s)
		out.CacheScan(r)
		if r.Counts.Wrong > 0 && r.Complete {
			out.Next("rightful cache clear" + o.here())
		}
	}
	switch {
	case !r.Complete:
		return exit(ExitRefused)
	case r.Counts.Wrong > 0:
		return exit(ExitFindings)
	}
	return nil
}

type cacheClearOptions struct {
	repairing
	about engine.ClearCacheInput
}

func newCacheClear(s Streams) *cobra.Command {
	o := &cacheClearOptions{repairing: newRepairing()}
	c := &cobra.Command{
		Use:   "clear",
		Short: "Delete the cached keys whose value is wrong, and no other",
		Long: `clear shows which keys hold a wrong value (RF801), and with --yes deletes them. Each
value is compared once more when it is deleted: one that has changed stays. What
cannot be decoded stays, and so does what is right or nobody's; nothing is ever
deleted by a pattern. What is deleted is recorded, as every repair is.

While the database or Stripe is wrong too, the app may fill a key with the wrong
value again: rightful fix puts them right first.

Exit code: 0 no key is wrong (any more), 2 keys would be deleted or are left, 3
partly deleted, or not verified, 4 refused, nothing was deleted, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.about.Company, "company", "", "only what concerns this company")
	c.Flags().StringVar(&o.about.User, "user", "", "only what concerns this user, by id")
	c.Flags().StringVar(&o.about.Key, "key", "", "only this key")
	c.Flags().BoolVar(&o.yes, "yes", false, "delete; without it nothing is deleted")
	return c
}

func (o *cacheClearOptions) validate(c *cobra.Command) error {
	if err := o.repairing.validate(c); err != nil {
		return err
	}
	given := 0
	for name, value := range map[string]string{"company": o.about.Company, "user": o.about.User, "key": o.about.Key} {
		switch {
		case value != "":
			given++
		case c.Flags().Changed(name):
			return usage("--"+name+" is empty, and names nothing", "leave it out to look at everything")
		}
	}
	switch {
	case given > 1:
		return usage("--company, --user and --key exclude each other", "give one of them")
	case o.save != "" && !o.yes:
		return usage("--save keeps what --yes deletes, and there is no --yes", "add --yes, or leave --save out")
	case o.yes:
		return o.mustSave()
	}
	o.writes, o.records = false, false // what is only shown is opened for reading
	return nil
}

func (o *cacheClearOptions) run(ctx context.Context, s Streams) error {
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	in := o.about
	in.Write, in.Author = o.yes, o.author(s)
	r, err := e.ClearCache(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	err = o.end(s, e, false, &r.Saved, r, func(out *view.Printer) {
		out.CacheClear(r)
		if !o.yes {
			out.CacheWould(r.Plan)
		}
		if o.save != "" {
			out.Saved(o.save, r.Applied != nil)
		}
	})
	if err != nil {
		return err
	}
	switch {
	case r.Applied != nil && !r.Applied.Whole():
		return exit(ExitPartly)
	case r.Applied == nil && r.Plan.Steps() > 0, len(r.Plan.Questions) > 0:
		return exit(ExitFindings)
	}
	return nil
}
