package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rightful/internal/journal"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// journalOptions are the flags of the journal's commands.
type journalOptions struct {
	state  string
	config string
	format string

	run, since, object, company, actor string

	rebuild bool
	expect  string
}

func newJournal(s Streams) *cobra.Command {
	o := &journalOptions{}
	c := &cobra.Command{
		Use:   "journal",
		Short: "Show what repairs have written, and check that nobody changed the record of it",
		Long: `journal shows what repairs have recorded: each run with who began it and why, and
each write before it was made and after. Alone it lists the runs.

It reads the state of the config (state: in rightful.yaml), or the one that --state
names. It writes nothing, and works beside a running repair.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.list(c.Context(), s) },
	}
	c.PersistentFlags().StringVar(&o.state, "state", "", "read this state: sqlite:FILE or postgres://...")
	c.PersistentFlags().StringVar(&o.config, "config", defaultConfig, "read the state that this file names")
	c.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if o.state != "" && c.Flags().Changed("config") {
			return usage("--state and --config exclude each other", "give one of them")
		}
		if o.format != "human" && o.format != "json" {
			return usage(fmt.Sprintf("--format %q is not known to journal", o.format), "write --format human or json")
		}
		return nil
	}
	o.filters(c)
	o.formats(c)
	c.AddCommand(o.newList(s), o.newShow(s), o.newExport(s), o.newCheck(s))
	return c
}

func (o *journalOptions) newList(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List runs: who, when, why, and what became of them", Args: noArgs,
		Long: `list lists the runs, the oldest first. Filters choose runs that have at least one
record for which all of them hold.`,
		RunE: func(c *cobra.Command, _ []string) error { return o.list(c.Context(), s) },
	}
	o.filters(c)
	o.formats(c)
	return c
}

func (o *journalOptions) newShow(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use: "show RUN", Short: "Show every record of one run",
		Long: `show shows one run, record by record. RUN is its id, or as much of its beginning
as no other run has, or last.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(fmt.Sprintf("show takes one run, and %d were given", len(args)), "rightful journal list names them")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return o.show(c.Context(), s, args[0]) },
	}
	o.formats(c)
	return c
}

func (o *journalOptions) newExport(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use: "export", Short: "Print records as JSON, one a line", Args: noArgs,
		Long: `export prints records as JSON, one a line, with their hashes: anybody can check
what they say without rightful. docs/journal.md tells how.`,
		RunE: func(c *cobra.Command, _ []string) error { return o.export(c.Context(), s) },
	}
	o.filters(c)
	return c
}

func (o *journalOptions) newCheck(s Streams) *cobra.Command {
	c := &cobra.Command{
		Use: "check", Short: "Check that no record was changed, removed or put in", Args: noArgs,
		Long: `check walks the chain of hashes and names the first record that is not as it was
written. Whoever can rewrite the whole database can rewrite the whole chain: keep
the line that check prints somewhere else, and give it to --expect later.

--rebuild derives the table of runs again from the records.

Exit code: 0 the journal is whole, 2 it is whole and the table of runs says
something else, 4 it is broken, 1 error.`,
		RunE: func(c *cobra.Command, _ []string) error { return o.check(c.Context(), s) },
	}
	o.formats(c)
	c.Flags().BoolVar(&o.rebuild, "rebuild", false, "derive the table of runs again from the records")
	c.Flags().StringVar(&o.expect, "expect", "", "RECORD:HASH, as check printed it before: this record must still be there")
	return c
}

func (o *journalOptions) formats(c *cobra.Command) {
	c.Flags().StringVar(&o.format, "format", "human", "human or json")
}

func (o *journalOptions) filters(c *cobra.Command) {
	o.format = "human"
	c.Flags().StringVar(&o.run, "run", "", "only this run")
	c.Flags().StringVar(&o.since, "since", "", "only what was recorded since: 7d, 36h, 2026-01-31 or Unix seconds")
	c.Flags().StringVar(&o.object, "object", "", "only what wrote to this object: cus_..., a row's id, a cache key")
	c.Flags().StringVar(&o.company, "company", "", "only what was repaired for this company")
	c.Flags().StringVar(&o.actor, "actor", "", "only what this person began or continued")
}

// opened calls f with the journal and what the flags choose of it.
func (o *journalOptions) opened(ctx context.Context, s Streams, write bool, f func(journal.Log, journal.Filter) error) error {
	chosen := journal.Filter{Object: o.object, Company: o.company, Actor: o.actor}
	var err error
	if chosen.Since, err = since(o.since, s.Now().Unix()); err != nil {
		return err
	}
	log, c, err := wire.Journal(ctx, wire.StateAt{Address: o.state, Config: o.config}, write, whoami(s), s.Env, s.Now)
	if err != nil {
		return located(c, err)
	}
	defer log.Close()
	if o.run != "" {
		var sum journal.Summary
		if sum, err = journal.Find(ctx, log, o.run); err != nil {
			return err
		}
		chosen.Run = sum.ID
	}
	return located(c, f(log, chosen))
}

// whoami returns the name of who runs this, as the system knows it.
func whoami(s Streams) string {
	for _, name := range []string{"USER", "USERNAME"} {
		if value, _ := s.Env(name); value != "" {
			return value
		}
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody"
}

func (o *journalOptions) list(ctx context.Context, s Streams) error {
	return o.opened(ctx, s, false, func(log journal.Log, f journal.Filter) error {
		runs, err := log.Runs(ctx, f)
		if err != nil {
			return err
		}
		if o.format == "json" {
			return view.JSON(s.Out, map[string]any{"runs": runs})
		}
		printer(s).Runs(runs)
		return nil
	})
}

func (o *journalOptions) show(ctx context.Context, s Streams, text string) error {
	return o.opened(ctx, s, false, func(log journal.Log, _ journal.Filter) error {
		run, err := journal.Find(ctx, log, text)
		if err != nil {
			return err
		}
		entries := []journal.Entry{}
		for e, err := range log.Entries(ctx, journal.Filter{Run: run.ID}) {
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		if o.format == "json" {
			return view.JSON(s.Out, map[string]any{"run": run, "entries": entries})
		}
		return printer(s).Run(run, entries)
	})
}

func (o *journalOptions) export(ctx context.Context, s Streams) error {
	return o.opened(ctx, s, false, func(log journal.Log, f journal.Filter) error {
		for e, err := range log.Entries(ctx, f) {
			if err == nil {
				err = view.Line(s.Out, e)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *journalOptions) check(ctx context.Context, s Streams) error {
	seq, hash, err := expectation(o.expect)
	if err != nil {
		return err
	}
	return o.opened(ctx, s, o.rebuild, func(log journal.Log, _ journal.Filter) error {
		if o.rebuild {
			if err := log.Rebuild(ctx); err != nil && !errors.Is(err, journal.ErrBroken) {
				return err // what is broken is shown below
			}
		}
		check, err := log.Verify(ctx)
		if err == nil && seq > 0 && check.Broken == nil {
			check.Broken, err = journal.Expect(log.Entries(ctx, journal.Filter{}), seq, hash)
		}
		if err != nil {
			return err
		}
		if o.format == "json" {
			if err := view.JSON(s.Out, check); err != nil {
				return err
			}
		} else {
			printer(s).Check(check)
		}
		switch {
		case !check.Whole():
			return exit(ExitRefused)
		case len(check.Stale) > 0:
			return exit(ExitFindings)
		}
		return nil
	})
}

// expectation reads RECORD:HASH.
func expectation(text string) (seq int64, hash string, err error) {
	if text == "" {
		return 0, "", nil
	}
	number, hash, _ := strings.Cut(text, ":")
	seq, err = strconv.ParseInt(number, 10, 64)
	if err != nil || seq < 1 || len(hash) != journal.HashLength {
		return 0, "", usage(fmt.Sprintf("--expect %q is no RECORD:HASH", text), "give what rightful journal check printed")
	}
	return seq, hash, nil
}
