package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type moveOptions struct {
	repairing
	subscription string
	to           string
}

func newMove(s Streams) *cobra.Command {
	o := &moveOptions{repairing: newRepairing()}
	c := &cobra.Command{
		Use:   "move SUBSCRIPTION --to COMPANY",
		Short: "Give a subscription that was bought for the wrong company to another one",
		Long: `move makes one live subscription another company's: its stamp, the stamps of the
checkout session that made it, and its subscription row. It shows the plan, asks,
writes, and judges again.

The payer stays: Stripe cannot charge a subscription to another customer, so it goes
on billing the customer that it bills, with its card, its invoices and its portal. The
customer's own stamp and link stay too.

It refuses, and writes nothing, when another live subscription is charged to the same
customer, when the target does not exist, is deleted, being deleted or merged, when
the subscription is not live, and when a schedule or a pending update will write its
stamp again.

It is a person's decision, and the voices may go on saying otherwise: what they say
is printed as NEW or DISPUTED, and rightful accept records it as known. --out FILE keeps
the plan for rightful apply and writes nothing else.

Exit code: 0 it is moved, or was there already; 2 errors or warnings are left, --out
has changes pending, or you said no; 3 partly applied; 4 refused, nothing was written; 1
error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("move takes one subscription, and %d were given", len(args)), "rightful move sub_... --to COMPANY")
			}
			o.subscription = args[0]
			if !strings.HasPrefix(o.subscription, "sub_") || strings.HasPrefix(o.subscription, "sub_sched_") {
				return usage(fmt.Sprintf("%q is no subscription: their ids begin with sub_", o.subscription), "rightful investigate shows a customer's subscriptions")
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
	o.outFlag(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.to, "to", "", "id of the company that it is to belong to")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return c
}

func (o *moveOptions) validate(c *cobra.Command) error {
	if strings.TrimSpace(o.to) == "" {
		return usage("move needs a company to move to", "add --to COMPANY")
	}
	return o.repairing.validate(c)
}

func (o *moveOptions) run(ctx context.Context, s Streams) error {
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.Move(ctx, engine.MoveInput{
		Subscription: o.subscription, To: strings.TrimPrefix(o.to, "company:"), PlanOnly: o.out != "", Author: o.author(s),
		Confirm: o.confirm(ctx, s, e, askedElsewhere),
	})
	if err != nil {
		return located(e.config, err)
	}
	if o.out != "" {
		if err := o.keepPlan(ctx, s, e, report.Plan, o.out); err != nil {
			return err
		}
	}
	err = o.end(s, e, report.Declined, &report.Saved, report, func(out *view.Printer) { o.print(out, report, e.SecondApprover) })
	if err != nil {
		return err
	}
	return o.exit(report)
}

func (o *moveOptions) print(out *view.Printer, r *engine.MoveReport, second bool) {
	out.Moved(r, o.where())
	switch {
	case o.out != "" && r.Plan.Steps() > 0:
		out.Next(o.applyKept(o.out, second))
	case o.world != "" && o.out == "" && !r.Declined:
		out.Saved(o.save, r.Applied != nil)
	}
}

func (o *moveOptions) exit(r *engine.MoveReport) error {
	switch {
	case r.Applied != nil:
		return exitApplied(r.Applied)
	case r.Declined, r.Plan.Steps() > 0:
		return exit(ExitFindings)
	}
	return nil
}
