package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/gateway"
	"rightful/internal/engine"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// replaySince is how far back is replayed when nothing is said.
const replaySince = "7d"

type replayOptions struct {
	target
	since        string
	sessionsOnly bool
	all          bool
}

func newReplay(s Streams) *cobra.Command {
	o := &replayOptions{}
	c := &cobra.Command{
		Use:   "replay",
		Short: "Say what the gateway would have refused in the past, had it enforced",
		Long: `replay runs the checkout sessions of a window through the guard of the gateway, as
if each buyer came back from it and every rule were enforced: which would have been
refused, and why. Companies and memberships are those of the time of the purchase, as
far as the database keeps a history; where it keeps none, and where nobody is known
who bought, that is said and is no refusal. It also says whose Stripe's events of the
window are, and which code paths made the sessions, by what they write.

It only reads. Run it before gateway.mode is set to enforce.

Exit code: 0 nothing would have been refused, 2 something would, 4 the read was
incomplete or refused as unsafe, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if strings.TrimSpace(o.since) == "" {
				return usage("--since is empty", "write 7d, 36h, 2026-01-31 or Unix seconds")
			}
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&o.since, "since", replaySince, "what was created since: 7d, 2w, 36h, 2026-01-31 or Unix seconds")
	c.Flags().BoolVar(&o.sessionsOnly, "sessions-only", false, "leave Stripe's events out: fewer requests")
	c.Flags().BoolVar(&o.all, "all", false, "list every session that would be refused or could not be replayed")
	c.Flags().StringVar(&o.state, "state", "", "where the gateway keeps for whom it made sessions: sqlite:FILE or postgres://... (default: where the config says, if it is there)")
	return c
}

func (o *replayOptions) run(ctx context.Context, s Streams) error {
	e, err := o.target.open(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	if err := o.recall(ctx, s, e); err != nil {
		return err
	}
	in := engine.ReplayInput{SessionsOnly: o.sessionsOnly, Mode: gateway.Mode(e.config.Gateway.Mode), Rules: map[gateway.Status]gateway.Mode{}}
	for status, mode := range e.config.Gateway.Rules {
		in.Rules[gateway.Status(status)] = gateway.Mode(mode)
	}
	if in.Since, err = since(o.since, e.Options.Now); err != nil {
		return err
	}
	report, err := e.Replay(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.format == "json" {
		err = view.JSON(s.Out, report)
	} else {
		p := printer(s)
		p.All = o.all
		p.Replay(report, o.here())
	}
	switch {
	case err != nil:
		return err
	case report.Refused != nil || !report.Complete:
		return exit(ExitRefused)
	case report.Counts.Refused > 0:
		return exit(ExitFindings)
	}
	return nil
}

// recall opens the gateway's own record of whom it made sessions for. Where none is
// named and none is there, a replay does without.
func (o *replayOptions) recall(ctx context.Context, s Streams, e *opened) error {
	if o.world != "" && o.state == "" {
		return nil
	}
	err := wire.Record(ctx, e.Engine, e.config, o.state, wire.StateRead, whoami(s), s.Now)
	if err != nil && o.state == "" && rightful.KindOf(err) == rightful.KindNotFound {
		return nil
	}
	return located(e.config, err)
}
