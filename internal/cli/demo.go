package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/demo"
)

type demoOptions struct {
	causes []string
	keep   string
}

func newDemo(s Streams) *cobra.Command {
	o := &demoOptions{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Replay the founding incident on this machine",
		Long: `demo starts an app database, a Stripe, a cache and a small deployed app on this
machine, plants the founding incident in them, investigates the user and audits
everything. It needs no network and no account.

--cause plants other causes; repeat it to combine them. --keep leaves everything
running until you interrupt it, with a rightful.yaml that every command can use.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context(), s) },
	}
	c.Flags().StringSliceVar(&o.causes, "cause", nil, "metadata, database, cache or deploy (default: metadata and cache, as it happened)")
	c.Flags().StringVar(&o.keep, "keep", "", "put the files into this new directory, and keep everything running")
	return c
}

func (o *demoOptions) run(ctx context.Context, s Streams) error {
	causes := demo.Founding()
	if len(o.causes) > 0 {
		var err error
		if causes, err = demo.ParseCauses(o.causes); err != nil {
			return err
		}
	}
	dir, err := o.directory()
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer func() { _ = os.RemoveAll(dir) }() // a temporary directory
	}
	d, err := demo.Start(ctx, dir, causes)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // throw-away servers
	if err := o.show(ctx, s, d, causes); err != nil {
		return err
	}
	if o.keep == "" {
		return nil
	}
	fmt.Fprintf(s.Out, "\nEverything keeps running until you press Ctrl-C. In another terminal:\n  %s investigate %s --config %s\n", calledAs(), demo.Who, d.ConfigPath)
	<-ctx.Done()
	return nil
}

// calledAs returns how this program was started: go run builds it in a folder
// that is gone afterwards.
func calledAs() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/rightful"
	}
	return "rightful"
}

// directory returns where the demo's files go: a temporary directory, or the
// one to keep, which must be new or empty.
func (o *demoOptions) directory() (string, error) {
	if o.keep == "" {
		return os.MkdirTemp("", "rightful-demo-")
	}
	if entries, err := os.ReadDir(o.keep); err == nil && len(entries) > 0 && !demo.Owns(o.keep) {
		return "", &rightful.Error{
			Kind: rightful.KindRefused, Place: "--keep", Message: fmt.Sprintf("%s is not empty, and nothing is overwritten", o.keep),
			Hint: "name a new directory",
		}
	}
	if err := os.MkdirAll(o.keep, 0o755); err != nil {
		return "", &rightful.Error{Kind: rightful.KindInvalid, Place: "--keep", Message: err.Error(), Hint: "name a directory that can be made", Err: err}
	}
	return filepath.Abs(o.keep)
}

// show runs the two commands that an engineer would run, as they would.
func (o *demoOptions) show(ctx context.Context, s Streams, d *demo.Demo, causes []demo.Cause) error {
	names := make([]string, len(causes))
	for i, c := range causes {
		names[i] = string(c)
	}
	fmt.Fprintf(s.Out, "A user paid, and the return page failed. Planted: %s. Now find it.\n", strings.Join(names, ", "))
	at := target{config: d.ConfigPath, format: "human"}
	steps := []struct {
		command string
		run     func() error
	}{
		{"rightful investigate " + demo.Who, func() error {
			return (&investigateOptions{target: at, who: demo.Who}).run(ctx, s)
		}},
		{"rightful audit", func() error { return (&auditOptions{target: at}).run(ctx, s) }},
	}
	for _, step := range steps {
		fmt.Fprintf(s.Out, "\n$ %s\n", step.command)
		err := step.run()
		var code exit
		if err != nil && !errors.As(err, &code) {
			return err
		}
		if code == ExitRefused {
			return err
		}
	}
	fmt.Fprintf(s.Out, `
Try next:
  %[1]s demo --cause database --cause deploy   plant other causes, and watch the rulings change
  %[1]s demo --keep DIR                        keep it running, and use every command on it
  %[1]s explain RF101                          what a code means and what to do
`, calledAs())
	return nil
}
