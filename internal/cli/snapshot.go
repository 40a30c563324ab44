package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/replacefile"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type snapshotOptions struct {
	target
	about engine.SnapshotInput
	out   string
}

func newSnapshot(s Streams) *cobra.Command {
	o := &snapshotOptions{}
	c := &cobra.Command{
		Use:   "snapshot [WHO]",
		Short: "Make a world file of one company, user or payment, for a bug report",
		Long: `snapshot reads what an audit of the company, or an investigation of WHO, reads, and
writes it as a world file: one JSON file that is judged the same with --world. It
judges the file before it writes it. Nothing else is written.

The file holds identity fields: ids, stamps, links, emails, statuses, amounts. It
holds no key, address or DSN, and no card, name or address of a customer. --redact
replaces emails, names and free texts, the same by the same; ids stay.

Exit code: 0 written, 4 refused: a run that would be unsafe or could not read
everything makes no snapshot, 1 error.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Sprintf("snapshot takes one WHO, and %d were given", len(args)), "rightful snapshot --company ID, or rightful snapshot EMAIL")
			}
			if len(args) == 1 {
				o.about.Who = args[0]
			}
			company := c.Flags().Changed("company")
			switch {
			case company && len(args) == 1:
				return usage("--company and WHO exclude each other", "give one of them")
			case company && o.about.Company == "", len(args) == 1 && args[0] == "":
				return usage("an empty name names nobody", "rightful snapshot --company ID, or rightful snapshot EMAIL")
			case !company && len(args) == 0:
				return usage("of what?", "rightful snapshot --company ID, or rightful snapshot EMAIL")
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			if c.Flags().Changed("out") && o.out == "" {
				return usage("--out is empty", "name a file, or leave it out")
			}
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	c.Flags().StringVar(&o.about.Company, "company", "", "what concerns this company")
	c.Flags().BoolVar(&o.about.Redact, "redact", false, "replace emails, names and free texts")
	c.Flags().StringVar(&o.out, "out", "", "write it to this file, which only you may read (default: standard output)")
	return c
}

func (o *snapshotOptions) run(ctx context.Context, s Streams) error {
	if o.out == "" && o.format == "json" {
		return usage("--format json tells of the file that --out names, and there is none", "add --out FILE, or leave --format out: a snapshot is JSON itself")
	}
	if err := o.checkOut(); err != nil {
		return err
	}
	e, err := o.open(ctx, s)
	if err != nil {
		return err
	}
	defer e.close()
	in := o.about
	in.Open = func(world []byte) (*engine.Engine, error) { return wire.Snapshot("the snapshot", world) }
	made, err := e.Snapshot(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	if o.out == "" {
		_, err := s.Out.Write(made.World)
		return err
	}
	if err := replacefile.Write(o.out, made.World, 0o600); err != nil {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: o.out, Message: "the snapshot cannot be written: " + reasonOf(err), Hint: "name a file in a folder that can be written", Err: err}
	}
	made.File = o.out
	if o.format == "json" {
		return view.JSON(s.Out, made)
	}
	printer(s).Snapshot(made)
	return nil
}

// checkOut refuses to replace what is read, and what is no file.
func (o *snapshotOptions) checkOut() error {
	if o.out == "" {
		return nil
	}
	info, err := os.Stat(o.out)
	if err != nil {
		return nil // it is made
	}
	if source, err := os.Stat(o.file()); err == nil && os.SameFile(info, source) {
		return usage("--out "+o.out+" is what is read, and it is not replaced", "name another file")
	}
	if !info.Mode().IsRegular() {
		return usage("--out "+o.out+" is no file", "name a file, or leave --out out")
	}
	return nil
}

func reasonOf(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
