package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/view"
)

type approveOptions struct {
	target
	plan string
}

func newApprove(s Streams) *cobra.Command {
	o := &approveOptions{target: target{records: true, writes: true}}
	c := &cobra.Command{
		Use:   "approve PLAN.json",
		Short: "Agree to a plan that another person has made",
		Long: `approve records that you agree to a plan. Where repair.second_approver is set, a plan
is applied only after somebody else than its author has agreed, and not by who did.
It writes to the journal, and nowhere else.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("approve takes one plan, and %d were given", len(args)), "rightful plan approve plan.json")
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
	o.flags(c)
	c.Flags().StringVar(&o.by, "by", "", "who approves (default: your name on this machine)")
	return c
}

func (o *approveOptions) run(ctx context.Context, s Streams) error {
	p, err := readPlan(o.plan)
	if err != nil {
		return err
	}
	o.implied = p.Account
	e, err := o.open(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	if e.Journal == nil {
		return &rightful.Error{Kind: rightful.KindInvalid, Message: "a plan for a world waits for nobody", Hint: "name the state that the plan was kept in: --state sqlite:FILE"}
	}
	by := cmp.Or(o.by, whoami(s))
	if err := e.Approve(ctx, p, by); err != nil {
		return located(e.config, err)
	}
	if o.format == "json" {
		return view.JSON(s.Out, map[string]any{"hash": p.Hash, "made_at": p.MadeAt, "approved_by": by})
	}
	printer(s).Say(fmt.Sprintf("approved by %s: %d writes, hash %s", by, p.Steps(), p.Hash[:12]))
	return nil
}
