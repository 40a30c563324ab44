package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type sessionFixOptions struct {
	repairing
	session string
	user    string
}

func newSessionsFix(s Streams) *cobra.Command {
	o := &sessionFixOptions{repairing: newRepairing()}
	c := &cobra.Command{
		Use:   "fix cs_...",
		Short: "Put one checkout session right, and let the database know that it was paid",
		Long: `fix plans the repair of one session's family: what is automatic there, and,
because you ask for just this session, the subscription row that is missing, or the
status of a row that says that it is over. It shows the plan, asks, writes, and looks
again.

--user says who bought it, where the voices do not agree: an email, or the id of a
user. It must fit: the user is stamped on the session or on what it made, or, where
nobody is, an email is theirs; and the app's own resolver names the company. What
says otherwise is refused, and told.

No row is added for what nobody paid, for a subscription that is over in Stripe, where
a row names it already, for a company that is gone, or while it is contested whose it
is. A one-off payment has no subscription row.

--out FILE keeps the plan for rightful apply, and writes nothing else.

On real systems the row is added by directory.write.subscription_insert, its status
written by subscription_status, and a row that was added can be taken back if
subscription_delete is set. On a world, --save FILE keeps the world after.

Exit code: 0 the session is right now, 2 errors or warnings about it are left, --out
has changes pending, or you said no, 3 partly applied, or not verified, 4 refused, nothing was written, 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) != 1:
				return usage(fmt.Sprintf("sessions fix takes one session, and %d were given", len(args)), "rightful sessions fix cs_...")
			case !strings.HasPrefix(args[0], "cs_"):
				return usage(fmt.Sprintf("%q is no checkout session: their ids begin with cs_", args[0]),
					"rightful sessions lists them; rightful fix WHO repairs what is about something else")
			}
			o.session = args[0]
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("user") && strings.TrimSpace(o.user) == "" {
				return usage("--user is empty, and an empty name names nobody", "give an email or the id of a user")
			}
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.outFlag(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.user, "user", "", "who bought it: an email, or the id of a user")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return c
}

func (o *sessionFixOptions) run(ctx context.Context, s Streams) error {
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.FixSession(ctx, engine.SessionFixInput{
		Session: o.session, User: o.user, PlanOnly: o.out != "", Author: o.author(s),
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
	err = o.end(s, e, report.Declined, &report.Saved, report, func(out *view.Printer) {
		out.SessionFixed(report)
		switch {
		case o.out != "" && report.Plan.Steps() > 0:
			out.Next(o.applyKept(o.out, e.SecondApprover))
		case o.world != "" && o.out == "" && !report.Declined:
			out.Saved(o.save, report.Applied != nil)
		}
	})
	if err != nil {
		return err
	}
	return exitSessionFixed(report)
}

// askedElsewhere is what to do where nobody can be asked about what a person wishes.
const askedElsewhere = "add --yes once you have seen the plan, or run it on a terminal"

func exitSessionFixed(r *engine.SessionFixReport) error {
	switch {
	case r.Applied != nil && (!r.Applied.Whole() || r.After == nil):
		return exit(ExitPartly)
	case r.Declined, r.Applied == nil && r.Plan.Steps() > 0, r.Applied == nil && r.Before.Mismatched, r.After != nil && r.After.Mismatched:
		return exit(ExitFindings)
	}
	return nil
}
