package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rightful/internal/engine"
	"rightful/internal/view"
)

type undoOptions struct {
	target
	authoring
	run   string
	again string // the undo to continue
	yes   bool
	save  string
}

func newUndo(s Streams) *cobra.Command {
	o := &undoOptions{target: target{writes: true, records: true, recorded: true}}
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
	o.target.flags(c)
	o.authoring.flags(c, &o.target)
	c.Flags().StringVar(&o.again, "continue", "", "go on with this undo: its id, or a beginning of it")
	c.Flags().BoolVar(&o.yes, "yes", false, "do not ask")
	c.Flags().StringVar(&o.save, "save", "", "write the world after to this file")
	return c
}

func (o *undoOptions) do(ctx context.Context, s Streams) error {
	if err := o.checkSave(o.save); err != nil {
		return err
	}
	if o.world != "" && o.state == "" {
		return usage("a world has no journal of its own, and so no run to take back", "name the state that the run was recorded in: --state sqlite:FILE")
	}
	if o.world != "" && o.save == "" {
		return usage("a world is not changed in place", "add --save FILE; it may be "+o.world+" itself")
	}
	e, err := o.open(ctx, s)
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
	e.quiet()
	if o.save != "" && !report.Declined {
		if err := e.Save(o.save); err != nil {
			return err
		}
		report.Saved = o.save
	}
	if o.format == "json" {
		err = view.JSON(s.Out, report)
	} else {
		printer(s).Undone(report)
	}
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
