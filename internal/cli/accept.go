package cli

import (
	"context"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
	"rightful/internal/view"
)

type acceptOptions struct {
	target
	known    knownFindings
	ids      []string
	baseline string
	from     string
	prune    bool
	security bool
	reason   string
	until    string
	by       string
}

func newAccept(s Streams) *cobra.Command {
	o := &acceptOptions{}
	c := &cobra.Command{
		Use:   "accept FINDING_ID...",
		Short: "Record findings as known, with a reason and a last day",
		Long: `accept writes findings into rightful.accepted.yaml, a file to review and commit.
audit and investigate then report them apart, until the day is over or the
finding becomes more than it was: a higher severity, a security matter, another
wrong value or another rightful company.

    rightful accept RF201-0123456789 --reason "the team keeps this customer"
    rightful accept --baseline first.json --reason "before rightful" --until 30d
    rightful accept --prune

To find an id, accept runs the audit, or reads a saved one with --from.

Exit code: 0 written, 1 error, 4 the audit was refused or incomplete.`,
		RunE: func(c *cobra.Command, args []string) error {
			o.ids = args
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.reason, "reason", "", "why this is accepted; required")
	c.Flags().StringVar(&o.until, "until", "90d", "the last day: 2027-01-31, 90d or never")
	c.Flags().StringVar(&o.by, "by", "", "who accepts (default: the name of this system's user)")
	c.Flags().StringVar(&o.baseline, "baseline", "", "accept all findings of this saved audit, but for security matters")
	c.Flags().BoolVar(&o.security, "security", false, "with --baseline: accept security matters too")
	c.Flags().StringVar(&o.from, "from", "", "find the ids in this saved audit instead of running one")
	c.Flags().BoolVar(&o.prune, "prune", false, "remove the entries whose findings are gone")
	return c
}

func (o *acceptOptions) validate(c *cobra.Command) error {
	ways := 0
	for _, asked := range []bool{len(o.ids) > 0, o.baseline != "", o.prune} {
		if asked {
			ways++
		}
	}
	switch {
	case ways == 0:
		return usage("accept takes the ids of findings, and none was given", "rightful audit shows them at the end of each line; or give --baseline AUDIT.json, or --prune")
	case ways > 1:
		return usage("ids, --baseline and --prune exclude each other", "run accept once for each")
	case o.security && o.baseline == "":
		return usage("--security belongs to --baseline", "a finding that is named is accepted, security matter or not")
	case o.from != "" && o.baseline != "":
		return usage("--from and --baseline exclude each other", "--baseline names the audit already")
	case !o.prune && strings.TrimSpace(o.reason) == "":
		return usage("--reason is missing", `say why, for who reads it later: --reason "the team keeps this customer"`)
	case strings.ContainsFunc(o.reason+o.by, func(r rune) bool { return !unicode.IsPrint(r) }):
		return usage("--reason and --by are one line of printable text each", "leave line breaks and control characters out")
	}
	return o.target.validate(c)
}

func (o *acceptOptions) run(ctx context.Context, s Streams) error {
	file, path, err := o.known.read(&o.target, true)
	if err != nil {
		return err
	}
	if _, err := o.lastDay(0); err != nil {
		return err // before a long audit
	}
	report, now, err := o.audit(ctx, s, file.List)
	if err != nil {
		return err
	}
	a := &view.Acceptance{File: path, Accepted: []accept.Entry{}, LeftOut: []rightful.Finding{}, Pruned: []accept.Entry{}}
	list := file.List
	if o.prune {
		a.Pruned = append(a.Pruned, report.Stale...)
		list = list.Without(a.Pruned)
	} else if list, err = o.accept(a, report, list, now, s); err != nil {
		return err
	}
	if len(a.Accepted)+len(a.Pruned) > 0 {
		if err := file.Write(list); err != nil {
			return err
		}
	}
	a.Entries = len(list)
	switch {
	case o.format == "json":
		return view.JSON(s.Out, a)
	case o.prune:
		printer(s).Pruned(a)
	default:
		printer(s).Acceptance(a)
	}
	return nil
}

// audit returns the audit that the findings are looked up in, all of them open
// unless they are to be pruned, and the time at which they are accepted.
func (o *acceptOptions) audit(ctx context.Context, s Streams, known accept.List) (*engine.AuditReport, int64, error) {
	if saved := o.baseline + o.from; saved != "" {
		r, err := savedAudit(saved)
		if err != nil {
			return nil, 0, err
		}
		if o.prune {
			r.Stale = stale(r, known)
		}
		now := r.Now
		if o.world == "" {
			now = max(now, s.Now().Unix()) // a world has a clock of its own
		}
		return r, now, o.usable(r)
	}
	e, err := o.openEach(ctx, s)
	if err != nil {
		return nil, 0, err
	}
	defer e.close()
	if o.prune {
		for _, one := range e.all {
			one.Accepted = known
		}
	}
	r, err := e.audit(ctx, engine.AuditInput{})
	if err != nil {
		return nil, 0, located(e.config, err)
	}
	return r, r.Now, o.usable(r)
}

// accept adds entries for the findings that are asked for.
func (o *acceptOptions) accept(a *view.Acceptance, r *engine.AuditReport, list accept.List, now int64, s Streams) (accept.List, error) {
	until, err := o.lastDay(now)
	if err != nil {
		return nil, err
	}
	wanted := r.Findings
	if o.baseline == "" {
		if wanted, err = o.named(r); err != nil {
			return nil, err
		}
	}
	by := o.by
	for _, name := range []string{"USER", "USERNAME"} {
		if value, _ := s.Env(name); by == "" {
			by = value
		}
	}
	before := list.ByFinding()
	for _, f := range wanted {
		if f.Security && o.baseline != "" && !o.security {
			a.LeftOut = append(a.LeftOut, f)
			continue
		}
		if e, known := before[f.ID]; known && o.baseline != "" && e.Holds(f, now) {
			a.Known++
			continue
		}
		e := accept.EntryOf(f)
		e.Reason, e.By, e.At, e.Until = strings.TrimSpace(o.reason), by, accept.Day(now), until
		a.Accepted = append(a.Accepted, e)
	}
	return list.With(a.Accepted...), nil
}
