package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

// sessionsSince is how far back sessions are listed when nothing is said.
const sessionsSince = "7d"

type sessionsOptions struct {
	target
	known      knownFindings
	paid       bool
	mismatched bool
	user       string
	company    string
	since      string
	limit      int
}

func newSessions(s Streams) *cobra.Command {
	o := &sessionsOptions{target: target{formats: []string{"human", "json", "csv"}}}
	c := &cobra.Command{
		Use:   "sessions",
		Short: "List recent checkout sessions: whose they are, and whose they should be",
		Long: `sessions lists the checkout sessions of a window, the newest first: what each is
stamped with, whose it should be as of the purchase, who pays, how much, whether
the database knows the payment, and what was found about it. It reads the families
of those sessions only, judges them as audit and investigate do, and writes nothing.

With --user or --company only the families that name it, and what surrounds it, are
read. A company that does not exist may be named too: what is stamped with it is
listed.

rightful sessions fix cs_... puts one of them right.

Exit code: 0 nothing wrong among those shown, 2 some have errors or warnings, 4 the
read was incomplete or refused as unsafe, 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(fmt.Sprintf("sessions takes no argument, and %q was given", args[0]),
					"rightful sessions fix "+args[0]+" repairs one, rightful investigate "+args[0]+" tells about one")
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
	c.Flags().BoolVar(&o.paid, "paid", false, "only those that were paid, or completed with nothing to pay")
	c.Flags().BoolVar(&o.mismatched, "mismatched", false, "only those with an error or a warning about them")
	c.Flags().StringVar(&o.user, "user", "", "only what this user bought: an email, or the id of a user")
	c.Flags().StringVar(&o.company, "company", "", "only what is stamped with this company, or should be its own")
	c.Flags().StringVar(&o.since, "since", sessionsSince, "only those created since: 7d, 36h, 2026-01-31 or Unix seconds")
	c.Flags().IntVar(&o.limit, "limit", 0, "at most so many, the newest; 0 for all of the window")
	c.AddCommand(newSessionsFix(s))
	return c
}

func (o *sessionsOptions) validate(c *cobra.Command) error {
	switch {
	case o.user != "" && o.company != "":
		return usage("--user and --company exclude each other", "give one of them")
	case c.Flags().Changed("user") && strings.TrimSpace(o.user) == "":
		return usage("--user is empty, and an empty name names nobody", "give an email or the id of a user")
	case c.Flags().Changed("company") && strings.TrimSpace(o.company) == "":
		return usage("--company is empty, and an empty id names nothing", "give the id of a company")
	case strings.TrimSpace(o.since) == "":
		return usage("--since is empty", "write 7d, 36h, 2026-01-31 or Unix seconds")
	case o.limit < 0:
		return usage(fmt.Sprintf("--limit %d is no number of sessions", o.limit), "give 1 or more, or leave it out")
	}
	return o.target.validate(c)
}

func (o *sessionsOptions) run(ctx context.Context, s Streams) error {
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	in := engine.SessionsInput{Paid: o.paid, Mismatched: o.mismatched, User: o.user, Company: o.company, Limit: o.limit}
	if in.Since, err = since(o.since, e.Options.Now); err != nil {
		return err
	}
	report, err := e.Sessions(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if err := o.print(s, report); err != nil {
		return err
	}
	switch {
	case report.Refused != nil || !report.Complete:
		return exit(ExitRefused)
	case report.Mismatched > 0:
		return exit(ExitFindings)
	}
	return nil
}

func (o *sessionsOptions) print(s Streams, r *engine.SessionsReport) error {
	switch o.format {
	case "json":
		return view.JSON(s.Out, r)
	case "csv":
		if !r.Complete {
			view.Error(s.Err, fmt.Errorf("INCOMPLETE: nothing may be concluded from what is absent: %s", strings.Join(r.IncompleteBecause, "; ")))
		}
		return view.SessionsCSV(s.Out, r)
	}
	printer(s).Sessions(r, o.where())
	return nil
}

// where returns the flags with which another command works on the same.
func (t *target) where() string {
	switch {
	case t.world != "":
		return " --world " + t.world
	case t.config != defaultConfig:
		return " --config " + t.config
	}
	return ""
}
