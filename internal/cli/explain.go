package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/docs"
)

func newExplain(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [CODE]",
		Short: "Print what a code means and what to do about it, or list the codes",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				for _, c := range rightful.Codes() {
					severity := string(c.Severity)
					if c.Stops {
						severity = "stops"
					}
					fmt.Fprintf(s.Out, "%s  %-8s %s\n", c.Code, severity, c.Title)
				}
				return nil
			case 1:
				return explain(s, args[0])
			}
			return usage(fmt.Sprintf("explain takes one code, and %d were given", len(args)), "rightful explain RF101")
		},
	}
}

func explain(s Streams, code string) error {
	info, known := rightful.CodeNamed(rightful.Code(strings.ToUpper(code)))
	if !known {
		return &rightful.Error{
			Kind: rightful.KindNotFound, Message: fmt.Sprintf("there is no code %q", code), Hint: "rightful explain lists them",
		}
	}
	page, err := docs.Checks.ReadFile("checks/" + string(info.Code) + ".md")
	if err != nil {
		return err
	}
	_, err = s.Out.Write(page)
	return err
}
