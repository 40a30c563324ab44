package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type applyOptions struct {
	repairing
	plan  string
	again string // the run to continue
}

func newApply(s Streams) *cobra.Command {
	o := &applyOptions{repairing: newRepairing()}
	c := &cobra.Command{
		Use:   "apply PLAN.json",
		Short: "Carry out a plan, and nothing else",
		Long: `apply writes what the plan says, in its order. Before anything it refuses a plan
of another account or mode, one that was changed by hand, one older than a day,
one that had its run, and one that would not be made any more because what it
rests on has changed. Before each write it reads again what stands there, and
records what it is about to do; after it, it looks again. A step whose value is
there already is done, and not ours. Where something else stands, the step is a
conflict and its unit ends; the other units go on. Ctrl-C finishes the step in
hand.

--continue RUN goes on with a run that was interrupted, killed or only partly
applied. The plan need not be given: it was kept.

On real systems (--config) it stamps Stripe's objects, writes the database through
the statements of directory.write, and deletes cache keys. A world is not changed
in place: --save names the file for the world after. It may be the world itself.

Exit code: 0 all steps hold and their findings are gone, 2 errors or warnings are
left to decide, 3 partly applied, or not verified, 4 refused, nothing was written,
1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1, len(args) == 0 && o.again == "":
				return usage(fmt.Sprintf("apply takes one plan, and %d were given", len(args)), "rightful apply plan.json; or rightful apply --continue RUN")
			case len(args) == 1:
				o.plan = args[0]
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.again, "continue", "", "go on with this run: its id, or a beginning of it")
	return c
}

func (o *applyOptions) run(ctx context.Context, s Streams) error {
	if err := o.mustSave(); err != nil {
		return err
	}
	in := engine.ApplyInput{Continue: o.again}
	o.recorded = o.again != ""
	if o.plan != "" {
		var err error
		if in.Plan, err = readPlan(o.plan); err != nil {
			return err
		}
	}
	o.ofRun = o.again
	if in.Plan != nil {
		o.implied = in.Plan.Account
	}
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	in.Author = o.author(s)
	report, err := e.Apply(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	err = o.end(s, e, false, &report.Saved, report, func(out *view.Printer) {
		out.Applied(report.Plan, report)
		if o.world != "" {
			out.Saved(o.save, true)
		}
	})
	if err != nil {
		return err
	}
	return exitApplied(report)
}

// exitApplied returns the exit code of a command that wrote, as an error.
func exitApplied(r *engine.ApplyReport) error {
	switch {
	case !r.Whole():
		return exit(ExitPartly)
	case r.Verified.Errors+r.Verified.Warnings > 0:
		return exit(ExitFindings)
	}
	return nil
}
