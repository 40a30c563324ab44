package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/view"
)

type investigateOptions struct {
	target
	known knownFindings
	who   string
}

func newInvestigate(s Streams) *cobra.Command {
	o := &investigateOptions{}
	c := &cobra.Command{
		Use:   "investigate WHO",
		Short: "Show everything about one user, company or payment, with a verdict",
		Long: `investigate shows every way of getting the company side by side, the families
of Stripe objects with their stamps, payers and rows, and the cached values. It
rules on four explanations: stale Stripe metadata, database inconsistency, stale
cache, deploy not applied. It writes nothing.

WHO is an email, a user id, a company id, or the id of a customer (cus_), a
checkout session (cs_), a subscription (sub_) or a payment intent (pi_).
user:ID and company:ID say which one an id names.

Exit code: 0 nothing found, 2 errors or warnings found, 4 the read was
incomplete or refused as unsafe, 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("investigate takes one WHO, and %d were given", len(args)), "rightful investigate EMAIL")
			}
			o.who = args[0]
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
	o.known.flags(c)
	return c
}

func (o *investigateOptions) run(ctx context.Context, s Streams) error {
	e, err := o.known.openEach(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	inv, err := e.investigate(ctx, o.who)
	if err != nil {
		return located(e.config, err)
	}
	if e.progress != nil {
		e.progress.Done()
	}
	if o.format == "json" {
		if err := view.JSON(s.Out, inv); err != nil {
			return err
		}
	} else {
		o.known.printer(s).Investigation(inv)
	}
	return exitFor(inv.Refused != nil, inv.Complete, inv.Counts)
}
