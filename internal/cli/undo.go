package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type undoOptions struct {
	repairing
	run   string
	again string // the undo to continue
}

func newUndo(s Streams) *cobra.Command {
	o := &undoOptions{repairing: newRepairing()}
	o.recorded = true
	c := &cobra.Command{
		Use:   "undo RUN",
		Short: "Take back what a run wrote, where it still stands",
		Long: `undo takes back what a run wrote, the last written first, and records that as a run
of its own. It replaces only what still stands as the run left it; what somebody
else has written since is a conflict, by name, and stays. A stamp that the run
added is unset. Deleted cache keys stay deleted: the app fills them again.

RUN is the id that fix and apply printed, or as much of its beginning as no other
run has, or last; rightful journal list names them. undo shows what it would write, and
asks; --yes does not.

--continue UNDO goes on with an undo that was interrupted, killed or only partly
done.

Exit code: 0 everything was taken back, or there was nothing to take back, 2 you
said no, 3 partly, 4 refused, nothing was written, 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1, len(args) == 0 && o.again == "":
				return usage(fmt.Sprintf("undo takes one run, and %d were given", len(args)), "rightful undo RUN; rightful journal list names the runs")
			case len(args) == 1 && o.again != "":
				return usage("a run and --continue exclude each other", "name the undo to go on with alone")
			case len(args) == 1:
				o.run = args[0]
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			return o.do(c.Context(), s)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&o.again, "continue", "", "go on with this undo: its id, or a beginning of it")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	return c
}

func (o *undoOptions) do(ctx context.Context, s Streams) error {
	if o.world != "" && o.state == "" {
		return usage("a world has no journal of its own, and so no run to take back", "name the state that the run was recorded in: --state sqlite:FILE")
	}
	if err := o.mustSave(); err != nil {
		return err
	}
	o.ofRun = cmp.Or(o.run, o.again)
	e, err := o.begin(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	report, err := e.Undo(ctx, engine.UndoInput{
		Run: o.run, Continue: o.again, Author: o.author(s),
		Confirm: func(p engine.UndoPlan) (bool, error) {
			e.quiet()
			if o.format == "human" {
				printer(s).UndoPlan(p)
			}
			return o.ask(ctx, s, o.yes, p.Steps(), "add --yes to take it back, or run it on a terminal")
		},
	})
	if err != nil {
		return located(e.config, err)
	}
	err = o.end(s, e, report.Declined, &report.Saved, report, func(out *view.Printer) { out.Undone(report) })
	switch {
	case err != nil:
		return err
	case report.Declined:
		return exit(ExitFindings)
	case !report.Whole():
		return exit(ExitPartly)
	}
	return nil
}
