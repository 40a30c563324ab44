package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type applyOptions struct {
	target
	authoring
	known knownFindings
	plan  string
	save  string
}

func newApply(s Streams) *cobra.Command {
	o := &applyOptions{target: target{writes: true}}
	c := &cobra.Command{
		Use:   "apply PLAN.json",
		Short: "Carry out a plan, and nothing else",
		Long: `apply writes what the plan says, in its order. Before anything it refuses a plan
of another account or mode, one that was changed by hand, one older than a day,
and one that would not be made any more because what it rests on has changed.
Before each write it reads again what stands there, and after it looks again.
A step whose value is there already is done, and not ours. Where something else
stands, the step is a conflict and its unit ends; the other units go on.

On real systems (--config) it stamps Stripe's objects, writes the database through
the statements of directory.write, and deletes cache keys. A world is not changed
in place: --save names the file for the world after. It may be the world itself.

Exit code: 0 all steps hold and their findings are gone, 2 errors or warnings are
left to decide, 3 partly applied, or not verified, 4 refused, nothing was written,
1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("apply takes one plan, and %d were given", len(args)), "rightful apply plan.json --world FILE --save FILE")
			}
			o.plan = args[0]
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.target.flags(c)
	o.known.fileFlag(c)
	o.authoring.flags(c)
	c.Flags().StringVar(&o.save, "save", "", "write the world after to this file")
	return c
}

func (o *applyOptions) run(ctx context.Context, s Streams) error {
	if err := o.checkSave(o.save); err != nil {
		return err
	}
	if o.world != "" && o.save == "" {
		return usage("a world is not changed in place", "add --save FILE; it may be "+o.world+" itself")
	}
	p, err := readPlan(o.plan)
	if err != nil {
		return err
	}
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.Apply(ctx, engine.ApplyInput{Plan: p, Author: o.author(s)})
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.save != "" {
		if err := e.Save(o.save); err != nil {
			return err
		}
		report.Saved = o.save
	}
	if o.format == "json" {
		if err := view.JSON(s.Out, report); err != nil {
			return err
		}
	} else {
		out := printer(s)
		out.Applied(p, report)
		if o.world != "" {
			out.Saved(o.save, true)
		}
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
