package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/gateway"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// watchPoll is how often Stripe's list of events is read when nothing is said, and
// shortestPoll the least.
const (
	watchPoll    = 30 * time.Second
	shortestPoll = time.Second
)

type watchOptions struct {
	config, state, format string
	account               string
	company, only, since  string
	poll, lasts           time.Duration
	limit                 int
	stripe                bool // --poll was given
}

// errEnough ends watching when --limit is reached.
var errEnough = errors.New("enough was shown")

func newWatch(s Streams) *cobra.Command {
	o := &watchOptions{}
	c := &cobra.Command{
		Use:   "watch",
		Short: "Show each payment as it is judged, one line each, as tail -f does",
		Long: `watch follows Stripe's events as they are judged: what happened, to which object, whose
it is, and what was found. It runs until it is interrupted, and writes nothing.

Where rightful serve, or an app that embeds the gateway, takes webhooks into the state
of the config, it follows what they judge, and asks Stripe nothing. Else, or with
--poll, it reads Stripe's list of events itself and judges them in the same way. The
first line on standard error says which, and at which cost.

Shown is what is yours, or may be; --only narrows it, or widens it to all. What was
unknown is shown again when it becomes known. rightful sessions --paid looks back.

Exit code: 0 interrupted, or nothing wrong seen; 2 --for or --limit ended it and an
error or warning was shown; 4 refused as unsafe, 1 error.`,
		Example: `  rightful watch
  rightful watch --poll 1m --only paid
  rightful watch --since 1h --for 10m --only findings --format json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	c.Flags().StringVar(&o.config, "config", defaultConfig, "work on the systems that this file names")
	c.Flags().StringVar(&o.account, "account", "", accountUsage)
	c.Flags().StringVar(&o.state, "state", "", "watch the inbox there: sqlite:FILE or postgres://... (default: where the config says)")
	c.Flags().DurationVar(&o.poll, "poll", watchPoll, "read Stripe's list of events, and so often")
	c.Flags().StringVar(&o.company, "company", "", "only what is this company's, or stamped with it where nobody can be named")
	c.Flags().StringVar(&o.only, "only", "", "findings, paid, or all (also what is foreign or about no company)")
	c.Flags().StringVar(&o.since, "since", "", "show first what came since: 1h, 2d, 2026-01-31 or Unix seconds")
	c.Flags().IntVar(&o.limit, "limit", 0, "end after so many lines; 0 for never")
	c.Flags().DurationVar(&o.lasts, "for", 0, "end after this time, such as 10m; 0 for never")
	c.Flags().StringVar(&o.format, "format", "human", "human or json: one object a line")
	return c
}

func (o *watchOptions) validate(c *cobra.Command) error {
	given := c.Flags().Changed
	o.stripe = given("poll")
	switch {
	case o.format != "human" && o.format != "json":
		return usage(fmt.Sprintf("--format %q is not known to watch", o.format), "write --format human or json")
	case given("only") && !slices.Contains([]string{"findings", "paid", "all"}, o.only):
		return usage(fmt.Sprintf("--only %q is nothing to choose", o.only), "write --only findings, paid or all, or leave it out")
	case given("company") && strings.TrimSpace(o.company) == "":
		return usage("--company is empty, and an empty id names nothing", "give the id of a company")
	case given("since") && strings.TrimSpace(o.since) == "":
		return usage("--since is empty", "write 1h, 2d, 2026-01-31 or Unix seconds")
	case o.stripe && given("state"):
		return usage("--poll and --state exclude each other: one reads Stripe's list, the other an inbox", "give one of them")
	case o.poll < shortestPoll:
		return usage(fmt.Sprintf("--poll %s is too often: each time is a request that Stripe counts", o.poll), "write 1s or more; 30s is usual")
	case o.limit < 0:
		return usage(fmt.Sprintf("--limit %d is no number of lines", o.limit), "give 1 or more, or leave it out")
	case o.lasts < 0 || given("for") && o.lasts == 0:
		return usage(fmt.Sprintf("--for %s is no time to watch for", o.lasts), "write 10m, or leave it out")
	}
	return nil
}

func (o *watchOptions) run(ctx context.Context, s Streams) error {
	from, err := since(o.since, s.Now().Unix())
	if err != nil {
		return err
	}
	w, c, err := wire.Watch(ctx, wire.WatchInput{
		Config: o.config, Account: wire.Account{ID: o.account}, State: o.state, Poll: o.poll, Stripe: o.stripe, Since: from, Env: s.Env, Now: s.Now, Actor: whoami(s),
		OnTrouble: func(err error) { view.WatchTrouble(s.Err, err) },
	})
	if err != nil {
		return o.ended(ctx, located(c, err))
	}
	defer func() { _ = w.Close() }() // nothing was written
	if err := o.announce(ctx, s.Err, w); err != nil {
		return o.ended(ctx, located(c, err))
	}
	watching, stop := ctx, context.CancelFunc(func() {})
	if o.lasts > 0 {
		watching, stop = context.WithTimeout(ctx, o.lasts)
	}
	defer stop()
	shown, troubled, lines := 0, false, printer(s)
	err = w.Run(watching, func(e gateway.Watched) error {
		if !o.wanted(e) {
			return nil
		}
		if err := o.show(s, lines, e); err != nil {
			return err
		}
		troubled = troubled || e.Troubled()
		if shown++; shown == o.limit {
			return errEnough
		}
		return nil
	})
	if w.Inbox == "" {
		view.WatchedGETs(s.Err, w.GETs())
	}
	switch {
	case ctx.Err() != nil:
		return nil // interrupted: that is how it ends
	case err != nil && !errors.Is(err, errEnough):
		return located(c, err)
	case troubled:
		return exit(ExitFindings)
	}
	return nil
}

// ended is the error of opening, or none when it was interrupted.
func (o *watchOptions) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// announce says what is watched.
func (o *watchOptions) announce(ctx context.Context, out io.Writer, w *wire.Watching) error {
	if w.Inbox != "" {
		view.WatchingInbox(out, w.Inbox, w.Newest)
		return nil
	}
	a, err := w.Account(ctx)
	if err != nil {
		return err
	}
	view.WatchingStripe(out, a.ID, a.Livemode, o.poll, w.NoInbox)
	return nil
}

// wanted reports whether the flags choose an event.
func (o *watchOptions) wanted(e gateway.Watched) bool {
	if o.company != "" && !isCompany(o.company, e.CompanyID) && (e.CompanyID != nil || !isCompany(o.company, e.Stamp)) {
		return false
	}
	own := e.Status != rightful.InboxForeign && e.Status != rightful.InboxIgnored
	switch o.only {
	case "all":
		return true
	case "findings":
		return own && len(e.Findings) > 0
	case "paid":
		return own && e.Paid
	}
	return own
}

func isCompany(id string, named *string) bool { return named != nil && rightful.SameID(id, *named) }

func (o *watchOptions) show(s Streams, lines *view.Printer, e gateway.Watched) error {
	if o.format == "json" {
		return view.Line(s.Out, e)
	}
	return lines.Watched(e)
}
