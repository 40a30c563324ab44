package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type constraintsOptions struct {
	world  string
	config string
	format string
	only   []string
	yes    bool
	wait   time.Duration
}

func newConstraints(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "constraints",
		Short: "The rules of the database that would have kept the incident out",
		Long: `constraints finds the unique, foreign-key and not-null rules that the app's own
database could keep: check says which it keeps and which rows break the others,
print writes the SQL, apply runs it. No statement locks readers and writers out
for longer than a moment. docs/constraints.md has the details.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Sprintf("constraints has no %q", args[0]), "write rightful constraints check, print or apply")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newConstraintsCheck(s), newConstraintsPrint(s), newConstraintsApply(s))
	return c
}

func newConstraintsCheck(s Streams) *cobra.Command {
	o := &constraintsOptions{}
	c := &cobra.Command{
		Use:   "check",
		Short: "Say which rules hold, which would, and which rows break the others",
		Long: `check reads the catalog of the database, and counts for each rule that it does
not keep the rows that break it. It writes nothing.

Exit code: 0 all rules hold; 2 rules are missing or broken, or cannot be told; 4
rows could not be counted; 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.check(c.Context(), s) },
	}
	o.flags(c, true)
	return c
}

func newConstraintsPrint(s Streams) *cobra.Command {
	o := &constraintsOptions{format: "human"}
	c := &cobra.Command{
		Use:   "print",
		Short: "Write the SQL that adds the rules that would hold",
		Long: `print writes the SQL for this database, with what each statement locks and for how
long. Rules that rows break, and those that the database cannot take this way,
are comments that say why. It writes nothing to the database.

Exit code: 0; 4 rows could not be counted; 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.print(c.Context(), s) },
	}
	o.flags(c, false)
	return c
}

func newConstraintsApply(s Streams) *cobra.Command {
	o := &constraintsOptions{}
	c := &cobra.Command{
		Use:   "apply",
		Short: "Add the rules that would hold to the database",
		Long: `apply checks, shows what it would run, asks, runs it statement by statement, and
checks again. Rules that rows break are refused; it never changes a row. Running
it again, also after an interruption, does what is left to do.

It uses the address in the environment variable RIGHTFUL_DDL_DSN where that is
set, for the user who owns the tables, and directory.dsn otherwise.

--yes does not ask, for scripts. Without it, what cannot be asked (not on a
terminal, or --format json) is refused.

Exit code: 0 all rules hold; 2 rules are left that are not added this way, or you
said no; 3 some were added, and one failed; 4 rows break a rule, rows could not be
counted, or nobody could be asked; 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.apply(c.Context(), s) },
	}
	o.flags(c, true)
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	c.Flags().DurationVar(&o.wait, "lock-timeout", 5*time.Second, "how long a statement that holds others up waits for its lock")
	return c
}

func (o *constraintsOptions) flags(c *cobra.Command, formats bool) {
	c.Flags().StringVar(&o.world, "world", "", "a world has no database: refused")
	c.Flags().StringVar(&o.config, "config", defaultConfig, "work on the database that this file names")
	c.Flags().StringSliceVar(&o.only, "only", nil, "only these rules, by name")
	if formats {
		c.Flags().StringVar(&o.format, "format", "human", "human or json")
	}
	_ = c.Flags().MarkHidden("world") // it is there
}

// open opens the database of the config.
func (o *constraintsOptions) open(ctx context.Context, s Streams, writing bool) (*opened, error) {
	switch {
	case o.world != "":
		return nil, usage("a world has no database that could keep rules", "name your own systems with --config FILE")
	case o.format != "human" && o.format != "json":
		return nil, usage(fmt.Sprintf("--format %q is not known", o.format), "write --format human or --format json")
	case writing && (o.wait < time.Millisecond || o.wait > time.Hour):
		return nil, usage(fmt.Sprintf("--lock-timeout %s is no time between 1ms and 1h", o.wait), "write it with its unit: --lock-timeout 5s")
	}
	e, c, err := wire.Constraints(ctx, o.config, s.Env, s.Now(), writing, o.wait)
	if err != nil {
		return nil, located(c, err)
	}
	return &opened{Engine: e, config: c}, nil
}

func (o *constraintsOptions) check(ctx context.Context, s Streams) error {
	e, err := o.open(ctx, s, false)
	if err != nil {
		return err
	}
	defer e.close()
	r, err := e.Constraints(ctx, o.only)
	if err != nil {
		return located(e.config, err)
	}
	if o.format == "json" {
		if err := view.JSON(s.Out, r); err != nil {
			return err
		}
	} else {
		printer(s).Constraints(r)
		if r.Counts[rightful.ConstraintMissing] > 0 {
			printer(s).Next("rightful constraints print" + o.from() + ", or rightful constraints apply" + o.from())
		}
	}
	return exitConstraints(r)
}

func (o *constraintsOptions) print(ctx context.Context, s Streams) error {
	e, err := o.open(ctx, s, false)
	if err != nil {
		return err
	}
	defer e.close()
	r, err := e.Constraints(ctx, o.only)
	if err != nil {
		return located(e.config, err)
	}
	(&view.Printer{Out: s.Out}).ConstraintScript(r)
	if !r.Complete {
		return exit(ExitRefused)
	}
	return nil
}

func (o *constraintsOptions) apply(ctx context.Context, s Streams) error {
	e, err := o.open(ctx, s, true)
	if err != nil {
		return err
	}
	defer e.close()
	human := o.format == "human"
	r, err := e.ApplyConstraints(ctx, engine.ConstraintInput{
		Only:    o.only,
		Confirm: func(r *engine.ConstraintReport) (bool, error) { return o.confirm(ctx, s, r) },
		Done: func(c rightful.Constraint, st rightful.ConstraintStatement) {
			if human {
				printer(s).ConstraintStep(c, st)
			}
		},
	})
	if r == nil || err != nil {
		return located(e.config, err)
	}
	switch {
	case !human:
		if err := view.JSON(s.Out, r); err != nil {
			return err
		}
	case r.Declined:
		printer(s).Say("nothing was written")
	default:
		printer(s).ConstraintsApplied(r)
	}
	if r.Failed != nil && human {
		view.Error(s.Err, r.Failed.Err)
	}
	switch {
	case len(r.Refused) > 0 || !r.Complete || ctx.Err() != nil:
		return exit(ExitRefused)
	case r.Failed != nil && len(r.Added) > 0:
		return exit(ExitPartly)
	case r.Failed != nil:
		return exit(ExitError)
	}
	return exitConstraints(r.ConstraintReport)
}

// exitConstraints returns the exit code for how things stand.
func exitConstraints(r *engine.ConstraintReport) error {
	switch {
	case !r.Complete:
		return exit(ExitRefused)
	case !r.AllHold():
		return exit(ExitFindings)
	}
	return nil
}

// confirm shows what would be run and asks.
func (o *constraintsOptions) confirm(ctx context.Context, s Streams, r *engine.ConstraintReport) (bool, error) {
	if o.format == "human" {
		printer(s).ConstraintPlan(r)
	}
	return agreed(ctx, s, o.format, o.yes, "run this?", "add --yes, or run it on a terminal")
}

// from returns the flag that points the next command at the same config.
func (o *constraintsOptions) from() string {
	if o.config == defaultConfig {
		return ""
	}
	return " --config " + o.config
}
