// Package cli is the command line: one file for each verb. A command parses its
// flags, asks the engine, and gives the result to a view. Errors and exit codes
// are handled here, once.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/view"
)

// Exit codes, the first that applies.
const (
	ExitOK       = 0
	ExitError    = 1
	ExitFindings = 2 // findings of severity error or warning, or changes pending
	ExitPartly   = 3 // partly applied
	ExitRefused  = 4 // refused as unsafe, or an incomplete read
)

// Streams is what a command talks to.
type Streams struct {
	In        io.Reader
	Out, Err  io.Writer
	InIsTerm  bool
	OutIsTerm bool
	ErrIsTerm bool
	Env       func(string) (string, bool)
	Now       func() time.Time
}

// System returns the streams of this process.
func System() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InIsTerm:  isatty.IsTerminal(os.Stdin.Fd()),
		OutIsTerm: isatty.IsTerminal(os.Stdout.Fd()) && os.Getenv("NO_COLOR") == "",
		ErrIsTerm: isatty.IsTerminal(os.Stderr.Fd()),
		Env:       os.LookupEnv,
		Now:       time.Now,
	}
}

// exit is an error that only carries an exit code: everything was printed.
type exit int

func (exit) Error() string { return "" }

// Main runs the command line and returns the exit code. Interrupts end a
// running command, which then says that it is incomplete.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exit
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &code):
		return int(code)
	}
	if cause := context.Cause(ctx); cause != nil && rightful.KindOf(err) == "" && (errors.Is(err, cause) || errors.Is(err, context.Canceled)) {
		// The name of a signal, or of a context, says nothing to who pressed Ctrl-C.
		err = &rightful.Error{Kind: rightful.KindRefused, Message: "interrupted before there was anything to report", Hint: "run it again", Err: err}
	}
	view.Error(s.Err, err)
	if ctx.Err() != nil || rightful.KindOf(err) == rightful.KindRefused {
		return ExitRefused
	}
	return ExitError
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "rightful",
		Short: "Every payment with its rightful company",
		Long: `rightful finds out which company each Stripe payment belongs to, and where the
database, Stripe's metadata, the cache and the running app disagree about it.
Reading never writes; plan shows what a repair would write.

Start with: rightful demo`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			hint := "rightful --help lists the commands"
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				hint = "rightful " + near[0] + ", if that was meant; " + hint
			}
			return usage(fmt.Sprintf("unknown command %q", args[0]), hint)
		},
		SuggestionsMinimumDistance: 2,
		SilenceErrors:              true,
		SilenceUsage:               true,
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage(err.Error(), c.CommandPath()+" --help lists the flags")
	})
	root.AddCommand(newDemo(s), newInvestigate(s), newAudit(s), newAccept(s), newDiff(s), newPlan(s), newApply(s), newFix(s), newVerify(s), newUndo(s), newSessions(s), newReplay(s), newWatch(s), newMove(s), newCache(s), newSnapshot(s), newJournal(s), newAlerts(s), newDoctor(s), newPostdeploy(s), newConstraints(s), newExplain(s), newServe(s), newSync(s), newSim(s))
	return root
}

// usage returns an error about how a command was called.
func usage(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Message: message, Hint: hint}
}
