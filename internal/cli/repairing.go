package cli

import (
	"cmp"
	"context"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/view"
)

// repairing is what the commands that write have in common.
type repairing struct {
	target
	known knownFindings
	why   string // for the journal
	yes   bool   // do not ask
	save  string // write the world after to this file
	out   string // write the plan to this file, and nothing else
}

// newRepairing returns a command that writes, and records what it does.
func newRepairing() repairing { return repairing{target: target{writes: true, records: true}} }

// flags adds the flags that all of them have.
func (r *repairing) flags(c *cobra.Command) {
	r.target.flags(c)
	c.Flags().StringVar(&r.by, "by", "", "who does this, for the journal (default: your name on this machine)")
	c.Flags().StringVar(&r.why, "reason", "", "why, for the journal")
	c.Flags().StringVar(&r.save, "save", "", "write the world after to this file")
}

// outFlag adds the flag that plans only.
func (r *repairing) outFlag(c *cobra.Command) {
	c.Flags().StringVar(&r.out, "out", "", "write the plan to this file, for rightful apply, and nothing else")
}

// validate checks what the flags say together.
func (r *repairing) validate(c *cobra.Command) error {
	if r.out != "" && (r.save != "" || r.yes) {
		return usage("--out only plans, and excludes --yes and --save", "leave --out out to write now")
	}
	return r.target.validate(c)
}

// author is who does it, and why.
func (r *repairing) author(s Streams) engine.Author {
	return engine.Author{Actor: cmp.Or(r.by, whoami(s)), Reason: r.why}
}

// begin opens the engine, for reading when only a plan is made. The caller closes it.
func (r *repairing) begin(ctx context.Context, s Streams) (*opened, error) {
	if err := r.checkSave(r.save); err != nil {
		return nil, err
	}
	if r.out != "" {
		r.writes, r.records = false, false
	}
	return r.known.open(ctx, &r.target, s)
}

// mustSave refuses to change a world in place.
func (r *repairing) mustSave() error {
	if r.world != "" && r.save == "" {
		return usage("a world is not changed in place", "add --save FILE; it may be "+r.world+" itself")
	}
	return nil
}

// confirm returns what shows a plan and asks. Where nobody can be asked, instead says
// what to do.
func (r *repairing) confirm(ctx context.Context, s Streams, e *opened, instead string) func(*plan.Plan) (bool, error) {
	return func(p *plan.Plan) (bool, error) {
		e.quiet()
		if r.format == "human" {
			printer(s).Plan(p)
		}
		return r.ask(ctx, s, r.yes, p.Steps(), instead)
	}
}

// end keeps the world after, unless somebody said no, and shows the report. saved is
// where the report says which file that is.
func (r *repairing) end(s Streams, e *opened, declined bool, saved *string, report any, human func(*view.Printer)) error {
	e.quiet()
	if r.save != "" && !declined {
		if err := e.Save(r.save); err != nil {
			return err
		}
		*saved = r.save
	}
	if r.format == "json" {
		return view.JSON(s.Out, report)
	}
	human(printer(s))
	return nil
}
