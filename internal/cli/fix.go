package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/view"
)

type fixOptions struct {
	repairing
	who     string
	company string
}

func newFix(s Streams) *cobra.Command {
	o := &fixOptions{repairing: newRepairing()}
	c := &cobra.Command{
		Use:   "fix [WHO]",
		Short: "Repair what is safe to repair: audit, plan, ask, apply, judge again",
		Long: `fix audits, shows what it would write, asks, writes, and judges again: it prints
that the findings are gone and that no new ones came. It writes only what is
automatic; for the rest use plan --decide and apply.

WHO narrows it to one user, company or payment, as in investigate; --company to
one company. --yes does not ask, for scripts. Without it, what cannot be asked
(not on a terminal, or --format json) is refused, and nothing is written.

On real systems (--config) it stamps Stripe's objects, writes the database through
the statements of directory.write, and deletes cache keys; what is not mapped for
writing is asked instead. On a world, --save FILE keeps the world after, also when
there was nothing to write. Without it everything happens in memory only, as a
trial.

Exit code: 0 everything automatic was written and verified, or there was nothing
to write, and nothing is left; 2 errors or warnings are left to decide, or you
said no; 3 partly applied, or not verified; 4 the audit was incomplete or refused,
or nobody could be asked: nothing was written; 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Sprintf("fix takes one WHO, and %d were given", len(args)), "rightful fix EMAIL")
			}
			if len(args) == 1 {
				o.who = args[0]
				if strings.TrimSpace(o.who) == "" {
					return usage("an empty name names nobody", "leave WHO out to repair everything")
				}
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
	c.Flags().StringVar(&o.company, "company", "", "only what concerns this company")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask; only what is automatic is written")
	return c
}

func (o *fixOptions) validate(c *cobra.Command) error {
	if o.who != "" && o.company != "" {
		return usage("WHO and --company exclude each other", "give one of them")
	}
	return o.repairing.validate(c)
}

func (o *fixOptions) run(ctx context.Context, s Streams) error {
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.Fix(ctx, engine.FixInput{
		About:   engine.About{Who: o.who, Company: o.company},
		Author:  o.author(s),
		Confirm: o.confirm(ctx, s, e, "add --yes to write only what is automatic, or run it on a terminal"),
	})
	if err != nil {
		return located(e.config, err)
	}
	err = o.end(s, e, report.Declined, &report.Saved, report, func(out *view.Printer) { o.print(out, report) })
	if err != nil {
		return err
	}
	return exitFixed(report)
}

func (o *fixOptions) print(out *view.Printer, r *engine.FixReport) {
	switch {
	case r.Declined:
		out.Say("nothing was written")
		return
	case r.Applied != nil:
		out.Applied(r.Plan, r.Applied)
	default:
		out.Plan(r.Plan)
	}
	if o.world != "" {
		out.Saved(o.save, r.Applied != nil)
	}
	if slices.ContainsFunc(r.Plan.Questions, func(q plan.Question) bool { return len(q.Choices) > 1 }) {
		out.Next("rightful plan" + o.from(r.Saved) + ", and --decide what it asks")
	}
}

func exitFixed(r *engine.FixReport) error {
	switch {
	case r.Applied != nil:
		return exitApplied(r.Applied)
	case r.Declined || r.Plan.AsksUrgently():
		return exit(ExitFindings)
	}
	return nil
}

// from returns the flag that points the next command at what was repaired.
func (o *fixOptions) from(saved string) string {
	switch {
	case saved != "":
		return " --world " + saved
	case o.world != "":
		return " --world " + o.world
	}
	return o.here()
}

// checkSave refuses --save where there is no world to save.
func (t *target) checkSave(save string) error {
	if t.world == "" && save != "" {
		return usage("--save is for a world, and there is none", "leave it out: real systems keep what is written, or name a world with --world FILE")
	}
	return nil
}
