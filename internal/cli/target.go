package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// target says what a command works on, and how it prints.
type target struct {
	world  string
	config string
	format string

	account string   // of a config with several: the one that was named; empty: the only one
	implied string   // the one that a plan is for, where none was named
	ofRun   string   // a run in the journal: implied is its account
	formats []string // that the command can print; human and json when nil
	writes  bool     // the command writes: real systems are opened for it

	records  bool   // the command has to do with the journal
	recorded bool   // it is about a run that was recorded before
	state    string // where the journal is; empty: where the config says, and none for a world
	by       string // who this is
}

// accountUsage describes the flag --account.
const accountUsage = "of the config's Stripe accounts, the one that this is about: acct_..."

// defaultConfig is read when neither --world nor --config is given.
const defaultConfig = "rightful.yaml"

func (t *target) flags(c *cobra.Command) {
	c.Flags().StringVar(&t.world, "world", "", "work on this world file alone")
	c.Flags().StringVar(&t.config, "config", defaultConfig, "work on the systems that this file names")
	c.Flags().StringVar(&t.account, "account", "", accountUsage)
	c.Flags().StringVar(&t.format, "format", "human", oneOf(t.known()))
	if t.records {
		c.Flags().StringVar(&t.state, "state", "", "where runs are recorded: sqlite:FILE or postgres://...; with --world, nothing is recorded without it")
	}
}

func (t *target) known() []string {
	if t.formats == nil {
		return []string{"human", "json"}
	}
	return t.formats
}

// oneOf writes choices as people read them.
func oneOf(choices []string) string {
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

// here returns the flag that points the next command at the same place.
func (t *target) here() string {
	switch {
	case t.world != "":
		return " --world " + t.world
	case t.config != defaultConfig:
		return " --config " + t.config + t.there()
	}
	return t.there()
}

// there returns the flag that names the account, if one was named.
func (t *target) there() string {
	if t.account == "" {
		return ""
	}
	return " --account " + t.account
}

// validate checks what the flags say together.
func (t *target) validate(c *cobra.Command) error {
	if !slices.Contains(t.known(), t.format) {
		return usage(fmt.Sprintf("--format %q is not known to %s", t.format, c.Name()), "write --format "+oneOf(t.known()))
	}
	if t.world != "" && c.Flags().Changed("config") {
		return usage("--world and --config exclude each other", "give one of them")
	}
	if t.world != "" && t.account != "" {
		return usage("--account belongs to a config: a world has one account", "leave --account out")
	}
	return nil
}

// opened is an engine with what the command needs around it.
type opened struct {
	*engine.Engine
	config   *config.Config
	progress *view.Progress
}

// open returns a ready engine. The caller closes it.
func (t *target) open(ctx context.Context, s Streams) (*opened, error) {
	var (
		e   *engine.Engine
		c   *config.Config
		err error
	)
	of := wire.Account{ID: t.account, Implied: t.implied}
	if t.ofRun != "" && t.account == "" && t.world == "" {
		of.Implied = wire.AccountOf(ctx, wire.StateAt{Address: t.state, Config: t.config}, t.ofRun, s.Env, s.Now)
	}
	switch {
	case t.world != "":
		e, c, err = wire.World(t.world)
	case t.writes:
		e, c, err = wire.ConfigForWriting(ctx, t.config, s.Env, s.Now(), of)
	default:
		e, c, err = wire.Config(ctx, t.config, s.Env, s.Now(), of)
	}
	if err != nil {
		return nil, located(c, err)
	}
	if t.records && (t.world == "" || t.state != "") {
		use := wire.StateMade
		switch {
		case !t.writes:
			use = wire.StateRead
		case t.recorded:
			use = wire.StateWritten
		}
		if err := wire.Record(ctx, e, c, t.state, use, cmp.Or(t.by, whoami(s)), s.Now); err != nil {
			return nil, located(c, errors.Join(err, e.Close()))
		}
	}
	o := &opened{Engine: e, config: c}
	if s.ErrIsTerm && t.format == "human" {
		o.progress = view.NewProgress(s.Err, s.Now)
		e.Options.Progress, e.Written = o.progress.Update, o.progress.Written
	}
	return o, nil
}

// quiet removes the progress line.
func (o *opened) quiet() {
	if o.progress != nil {
		o.progress.Done()
	}
}

// close removes the progress line and gives everything back.
func (o *opened) close() {
	o.quiet()
	_ = o.Close() // every transaction has ended: nothing to lose
}

// located adds file, line and column to an error whose place is a config path.
func located(c *config.Config, err error) error {
	var own *rightful.Error
	if c == nil || !errors.As(err, &own) || own.Place == "" || !c.Known(own.Place) {
		return err
	}
	at := *own
	at.Place = c.Locate(own.Place)
	return &at
}

// printer returns a printer for people on the command's output.
func printer(s Streams) *view.Printer { return &view.Printer{Out: s.Out, Color: s.OutIsTerm} }

// exitFor returns the exit code of a reading command as an error, nil for 0.
func exitFor(refused, complete bool, counts engine.Counts) error {
	switch {
	case refused || !complete:
		return exit(ExitRefused)
	case counts.Errors+counts.Warnings > 0:
		return exit(ExitFindings)
	}
	return nil
}
