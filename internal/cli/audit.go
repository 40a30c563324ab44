package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/skim"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type auditOptions struct {
	target
	known   knownFindings
	company string
	since   string
	only    []string
	all     bool
	record  bool
	mirror  bool
	maxAge  string
	offline bool
}

func newAudit(s Streams) *cobra.Command {
	o := &auditOptions{target: target{formats: []string{"human", "json", "sarif", "junit", "csv"}}}
	c := &cobra.Command{
		Use:   "audit",
		Short: "Judge every payment, or those of one company or of late",
		Long: `audit reads the database, Stripe and the cache to the end, answers for every
family of Stripe objects which company it belongs to, and reports each place
that says otherwise. It writes nothing to any of them.

--format json is for scripts and for accept and diff, sarif for code scanning,
junit for CI, csv for spreadsheets. What rightful accept recorded is not counted.

--mirror reads Stripe's objects from the mirror that rightful sync keeps: the same
findings, in seconds. A mirror that is not whole, or older than --max-age, is not
judged by. Stripe is asked for the little that no mirror keeps, with --offline for
nothing at all. Plans and repairs always read Stripe itself.

Of a config with several Stripe accounts all are audited, side by side, each within
its own budget; --account narrows it to one.

--record keeps what was found in the state, and says what is new and what is gone
since the audit that was recorded before; rightful serve shows it.

Exit code: 0 nothing found, 2 errors or warnings found, 4 the read was
incomplete or refused as unsafe, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.flags(c)
	c.Flags().BoolVar(&o.all, "all", false, "list information one by one too")
	c.Flags().BoolVar(&o.record, "record", false, "keep what was found in the state, which is made if there is none")
	c.Flags().StringVar(&o.state, "state", "", "where --record keeps it: sqlite:FILE or postgres://... (default: where the config says)")
	c.Flags().StringVar(&o.company, "company", "", "only what concerns this company")
	c.Flags().StringVar(&o.since, "since", "", "only families with something created since: 7d, 36h, 2026-01-31 or Unix seconds")
	c.Flags().BoolVar(&o.mirror, "mirror", false, "read the mirror of rightful sync instead of Stripe")
	c.Flags().StringVar(&o.maxAge, "max-age", "", "with --mirror: how old what it knows may be: 36h, 7d (default 24h)")
	c.Flags().BoolVar(&o.offline, "offline", false, "with --mirror: ask Stripe for nothing")
	c.Flags().StringSliceVar(&o.only, "only", nil, "only these codes (RF101) or families of codes (RF1)")
	return c
}

func (o *auditOptions) validate(c *cobra.Command) error {
	if o.company != "" && o.since != "" {
		return usage("--company and --since exclude each other", "give one of them")
	}
	switch {
	case o.record && (o.company != "" || o.since != "" || len(o.only) > 0):
		return usage("an audit of less than everything is not recorded: what it leaves out would look resolved", "leave out --company, --since and --only, or --record")
	case o.record && o.world != "" && o.state == "":
		return usage("a world has no state to record in", "name one: --state sqlite:FILE")
	case o.mirror && o.world != "":
		return usage("a world has no mirror: it is read in no time", "leave --mirror out")
	case !o.mirror && (o.maxAge != "" || o.offline):
		return usage("--max-age and --offline belong to --mirror", "add --mirror")
	case !o.record && o.state != "":
		return usage("--state belongs to --record", "add --record")
	}
	return o.target.validate(c)
}

func (o *auditOptions) run(ctx context.Context, s Streams) error {
	e, err := o.known.openEach(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	if o.record { // before anything that takes long
		if err := e.record(ctx, s, o.state); err != nil {
			return located(e.config, err)
		}
	}
	in := engine.AuditInput{Company: o.company, Only: o.only}
	if o.mirror {
		if in.Mirror, err = o.fromMirror(ctx, e); err != nil {
			return err
		}
	}
	if in.Since, err = since(o.since, e.Options.Now); err != nil {
		return err
	}
	report, err := e.audit(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.record {
		if err := e.keep(context.WithoutCancel(ctx), report); err != nil { // an interrupted one is kept as incomplete
			return located(e.config, err)
		}
	}
	if err := o.print(s, report); err != nil {
		return err
	}
	return exitFor(report.Refused != nil, report.Complete, report.Counts)
}

// fromMirror opens the mirror.
func (o *auditOptions) fromMirror(ctx context.Context, e *openedEach) (*engine.FromMirror, error) {
	if len(e.all) > 1 {
		return nil, usage("an audit from the mirror is of one Stripe account, and the config has several", "add --account acct_...")
	}
	from := &engine.FromMirror{Offline: o.offline}
	if o.maxAge != "" {
		text := o.maxAge
		if days, is := strings.CutSuffix(text, "d"); is && len(days) < 6 {
			if n, err := strconv.ParseUint(days, 10, 32); err == nil {
				text = strconv.FormatUint(24*n, 10) + "h"
			}
		}
		age, err := time.ParseDuration(text)
		if err != nil || age < time.Second {
			return nil, usage(fmt.Sprintf("--max-age %q is no age", o.maxAge), "write 36h or 7d")
		}
		from.MaxAge = int64(age.Seconds())
	}
	skim.Frugal()
	return from, located(e.config, wire.Mirrored(ctx, e.all[0], e.config))
}

// print writes the report in the format that was asked for.
func (o *auditOptions) print(s Streams, r *engine.AuditReport) error {
	if o.format != "human" && o.format != "json" && !r.Complete {
		// SARIF and CSV are mostly read for their findings.
		because := r.IncompleteBecause
		if r.Refused != nil {
			because = []string{string(r.Refused.Code) + ": " + r.Refused.Message}
		}
		view.Error(s.Err, fmt.Errorf("INCOMPLETE: nothing may be concluded from what is absent: %s", strings.Join(because, "; ")))
	}
	switch o.format {
	case "json":
		return view.JSON(s.Out, r)
	case "sarif":
		return view.SARIF(s.Out, r, o.file(), o.known.show)
	case "junit":
		return view.JUnit(s.Out, r)
	case "csv":
		return view.CSV(s.Out, r, o.known.show)
	}
	p := o.known.printer(s)
	p.All = o.all
	p.Audit(r)
	return nil
}

// since reads a point in time: an age such as 7d, 2w or 36h, a date, or Unix
// seconds. Empty is 0: no bound.
func since(text string, now int64) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseInt(days, 10, 32); err == nil && n >= 0 {
			return now - n*24*60*60, nil
		}
	}
	if weeks, ok := strings.CutSuffix(text, "w"); ok {
		if n, err := strconv.ParseInt(weeks, 10, 32); err == nil && n >= 0 {
			return now - n*7*24*60*60, nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now - int64(d.Seconds()), nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.Unix(), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	return 0, usage(fmt.Sprintf("--since %q is no point in time", text), "write 7d, 36h, 2026-01-31 or Unix seconds")
}

// noArgs refuses arguments in our own words.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Sprintf("%s takes no argument, and %q was given", c.Name(), args[0]), "rightful "+c.Name()+" --help")
	}
	return nil
}
