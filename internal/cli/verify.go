package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/view"
)

type verifyOptions struct {
	target
	known knownFindings
	run   string
}

func newVerify(s Streams) *cobra.Command {
	o := &verifyOptions{target: target{records: true}}
	c := &cobra.Command{
		Use:   "verify RUN",
		Short: "Look again at everything that a run wrote, and judge it again",
		Long: `verify reads every place that a run wrote to, says where something else stands by
now, and judges the families that it touched once more. It writes nothing.

Stripe has no compare-and-swap. A value that somebody else wrote between the last
look of a run and its write was replaced; Stripe's events tell, for customers and
subscriptions, what each write replaced, and verify names it. Events may come some
seconds late, and Stripe keeps them for 30 days.

RUN is the id that fix and apply printed, or a beginning of it, or last.

Exit code: 0 everything stands and nothing is wrong, 2 something stands otherwise,
or errors or warnings are found, 4 not everything could be read, or refused,
1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("verify takes one run, and %d were given", len(args)), "rightful journal list names the runs")
			}
			o.run = args[0]
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.do(c.Context(), s)
		},
	}
	o.target.flags(c)
	o.known.fileFlag(c)
	return c
}

func (o *verifyOptions) do(ctx context.Context, s Streams) error {
	if o.world != "" && o.state == "" {
		return usage("a world has no journal of its own, and so no run to look at", "name the state that the run was recorded in: --state sqlite:FILE")
	}
	o.ofRun = o.run
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.Verify(ctx, o.run)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.format == "json" {
		err = view.JSON(s.Out, report)
	} else {
		printer(s).Verified(report)
	}
	switch {
	case err != nil:
		return err
	case !report.Complete:
		return exit(ExitRefused)
	case !report.Holds() || report.Errors+report.Warnings > 0:
		return exit(ExitFindings)
	}
	return nil
}
