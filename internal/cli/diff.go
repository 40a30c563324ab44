package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/view"
)

func newDiff(s Streams) *cobra.Command {
	format := ""
	c := &cobra.Command{
		Use:   "diff OLD.json NEW.json",
		Short: "Say what is new, gone and changed between two saved audits",
		Long: `diff compares two files that rightful audit --format json wrote: of one account
and mode, and of the same --company, --since and --only.

Exit code: 0 nothing new or worse, 2 errors or warnings are new or worse, 4 the
audits cannot be compared, or the new one was incomplete, 1 error.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Sprintf("diff takes two saved audits, and %d were given", len(args)), "rightful diff OLD.json NEW.json")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "human" && format != "json" {
				return usage(fmt.Sprintf("--format %q is not known to diff", format), "write --format human or json")
			}
			return diff(s, format, args[0], args[1])
		},
	}
	c.Flags().StringVar(&format, "format", "human", "human or json")
	return c
}

func diff(s Streams, format, before, after string) error {
	old, err := savedAudit(before)
	if err != nil {
		return err
	}
	now, err := savedAudit(after)
	if err != nil {
		return err
	}
	d, err := engine.Diff(old, now)
	if err != nil {
		return err
	}
	if format == "json" {
		if err := view.JSON(s.Out, d); err != nil {
			return err
		}
	} else {
		printer(s).Diff(d)
	}
	switch {
	case !d.Complete:
		return exit(ExitRefused)
	case d.Worse > 0:
		return exit(ExitFindings)
	}
	return nil
}

// savedAudit reads an audit that was saved as JSON.
func savedAudit(path string) (*engine.AuditReport, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		message := err.Error()
		if cause := errors.Unwrap(err); cause != nil {
			message = cause.Error() // the place names the path
		}
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: path, Message: message, Hint: "save one with: rightful audit --format json > audit.json", Err: err}
	}
	return view.ParseAudit(path, raw)
}
