package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/replacefile"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type planOptions struct {
	target
	known   knownFindings
	company string
	decide  []string
	reason  string
	out     string
}

func newPlan(s Streams) *cobra.Command {
	o := &planOptions{}
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show exactly what a repair would write, and what is left to decide",
		Long: `plan audits, and turns what it found into a plan: each write with what stands
there, what will stand there, why, and what would take it back. What is not
automatic becomes a question with choices. It writes nothing but --out.

--decide FINDING=CHOICE answers a question; repeat it for several. A security
finding demands --reason, which the plan records. CHOICE is one of those that the
question offers: company:ID, customer:cus_..., unlink, delete, or leave.

Exit code: 0 nothing to write and nothing urgent to decide, 2 there are writes,
or questions about errors or warnings, 4 the audit was incomplete or refused and
nothing is planned, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.fileFlag(c)
	c.Flags().StringVar(&o.company, "company", "", "only what concerns this company")
	c.Flags().StringArrayVar(&o.decide, "decide", nil, "FINDING=CHOICE: answer a question; repeatable")
	c.Flags().StringVar(&o.reason, "reason", "", "why it is decided so; recorded in the plan")
	c.Flags().StringVar(&o.by, "by", "", "who plans this, where a second person has to approve it (default: your name on this machine)")
	c.Flags().StringVar(&o.out, "out", "", "write the plan to this file, for rightful apply")
	c.AddCommand(newApprove(s))
	return c
}

func (o *planOptions) run(ctx context.Context, s Streams) error {
	in := engine.PlanInput{About: engine.About{Company: o.company}, Reason: o.reason}
	for _, text := range o.decide {
		d, err := plan.ParseDecision(text)
		if err != nil {
			return err
		}
		in.Decisions = append(in.Decisions, d)
	}
	if o.reason != "" && len(in.Decisions) == 0 {
		return usage("--reason is given, and nothing is decided", "add --decide FINDING=CHOICE")
	}
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return err
	}
	defer e.close()
	p, err := e.Plan(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.out != "" {
		if err := o.keepPlan(ctx, s, e, p, o.out); err != nil {
			return err
		}
	}
	if o.format == "json" {
		if err := view.JSON(s.Out, p); err != nil {
			return err
		}
	} else {
		o.print(s, p, e.SecondApprover)
	}
	if p.Steps() > 0 || p.AsksUrgently() {
		return exit(ExitFindings)
	}
	return nil
}

// keepPlan writes a plan to its file, and keeps it for whoever has to approve it.
func (t *target) keepPlan(ctx context.Context, s Streams, e *opened, p *plan.Plan, file string) error {
	if e.SecondApprover && p.Steps() > 0 && t.world == "" {
		by := cmp.Or(t.by, whoami(s))
		if err := wire.Record(ctx, e.Engine, e.config, t.state, wire.StateMade, by, s.Now); err != nil {
			return located(e.config, err)
		}
		if err := e.KeepPlan(ctx, p, by); err != nil {
			return located(e.config, err)
		}
	}
	return writePlan(file, p)
}

func (o *planOptions) print(s Streams, p *plan.Plan, second bool) {
	out := printer(s)
	out.Plan(p)
	if o.out != "" && second && p.Steps() > 0 {
		out.Next("another person: rightful plan approve " + o.out + o.again() + "; then rightful apply " + o.out + o.again())
	} else if o.out != "" {
		out.Next("rightful apply " + o.out + o.again())
	} else if p.Steps() > 0 {
		out.Next("rightful plan --out plan.json, and then rightful apply plan.json; or rightful fix")
	}
}

// again returns the flags that point the next command at the same world.
func (o *planOptions) again() string {
	switch {
	case o.world == "":
		return o.here()
	}
	return " --world " + o.world + " --save FILE"
}

// writePlan writes the document. A plan may name companies, customers and emails
// of a business: only its owner reads it.
func writePlan(path string, p *plan.Plan) error {
	var b bytes.Buffer
	if err := view.JSON(&b, p); err != nil {
		return err
	}
	err := replacefile.Write(path, b.Bytes(), 0o600)
	if err == nil {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindInvalid, Place: "--out " + path, Message: "the plan cannot be written: " + reason(err), Hint: "name a file in a folder that can be written", Err: err,
	}
}

func readPlan(path string) (*plan.Plan, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: path, Message: "the plan cannot be read: " + reason(err), Hint: fmt.Sprintf("make one with rightful plan --out %s", path), Err: err,
		}
	}
	return plan.Parse(path, raw)
}
