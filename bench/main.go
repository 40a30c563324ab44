// Command bench measures rightful on this machine, each figure beside its floor: what the
// same thing cannot be had for less.
//
//	go run ./bench
//	go run ./bench --companies 100000 --only audit
//	go run ./bench --database postgres://postgres@127.0.0.1/postgres --only webhook,validation
//
// It runs the real program as processes of their own against a simulated Stripe that has
// latency and Stripe's rate limits, and the benchmarks of the rooms whose floor is measured
// beside them. docs/scale.md says what the figures mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"rightful/internal/cli"
)

// as has a child process of this one be rightful, or the simulated Stripe.
const as = "RIGHTFUL_BENCH_AS"

// part measures one thing.
type part struct {
	name, title string
	run         func(context.Context, *settings) ([]row, error)
}

var parts = []part{
	{"audit", "A full audit at Stripe's limits, and an incremental one", audits},
	{"mirror", "Again, from a warm mirror", again},
	{"webhook", "Webhooks", webhooks},
	{"validation", "One payment validated", validation},
}

// settings are what the command line asks for.
type settings struct {
	companies int
	latency   string
	database  string // empty: SQLite files
	log       io.Writer
}

// row is one figure. Ratio is measured/floor; target is what the ratio is held against, or
// the figure where there is no floor.
type row struct {
	what, measured, floor, ratio, target string
	missed                               bool
}

func main() {
	switch os.Getenv(as) {
	case "rightful":
		os.Exit(cli.Main(os.Args[1:], cli.System()))
	case "stripe":
		if err := beStripe(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	s := &settings{log: log}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.IntVar(&s.companies, "companies", 20_000, "companies, each with a customer, a paid session and a subscription")
	flags.StringVar(&s.latency, "latency", "80ms-250ms", "how long the simulated Stripe takes to answer")
	flags.StringVar(&s.database, "database", "", "postgres:// of a server on which databases may be created; they are dropped again. Without it, SQLite files")
	only := flags.String("only", strings.Join(names, ","), "what to measure")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not understood: there are only flags; --help lists them", flags.Arg(0))
	case s.companies < 1000:
		return errors.New("--companies is less than 1000: nothing can be told from so few")
	case s.database != "" && !strings.HasPrefix(s.database, "postgres://") && !strings.HasPrefix(s.database, "postgresql://"):
		return errors.New("--database is no address of PostgreSQL: write postgres://user:password@host:port/name")
	}
	wanted := strings.Split(*only, ",")
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("--only %q is not known: it takes %s", name, strings.Join(names, ", "))
		}
	}
	fmt.Fprintf(out, "%d companies; %s/%s, %d processors. Targets are those of 100,000 companies: with fewer, what costs the same for any number\nweighs more. Whoever else uses this machine is in the times and not in the counts.\n", s.companies, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, p := range parts {
		if !slices.Contains(wanted, p.name) {
			continue
		}
		fmt.Fprintf(log, "measuring: %s\n", p.title)
		rows, err := p.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		show(out, p.title, rows)
	}
	return nil
}

// show prints a table. A target that was missed is marked.
func show(out io.Writer, title string, rows []row) {
	fmt.Fprintf(out, "\n%s\n", title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  WHAT\tMEASURED\tFLOOR\tRATIO\tTARGET")
	for _, r := range rows {
		mark := ""
		if r.missed {
			mark = "  missed"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s%s\n", r.what, dash(r.measured), dash(r.floor), dash(r.ratio), dash(r.target), mark)
	}
	_ = w.Flush()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// atMost and atLeast make a row of a figure and its floor.
func atMost(what string, measured, floor, most float64, unit string) row {
	return against(what, measured, floor, unit, fmt.Sprintf("<= %.4g", most), measured/floor > most)
}

func atLeast(what string, measured, floor, least float64, unit string) row {
	return against(what, measured, floor, unit, fmt.Sprintf(">= %.4g", least), measured/floor < least)
}

func against(what string, measured, floor float64, unit, target string, missed bool) row {
	return row{what: what, measured: figure(measured, unit), floor: figure(floor, unit), ratio: fmt.Sprintf("%.3f", measured/floor), target: target, missed: missed}
}

func figure(v float64, unit string) string {
	text := fmt.Sprintf("%.1f", v)
	if v == float64(int64(v)) {
		text = fmt.Sprint(int64(v))
	}
	return strings.TrimSpace(text + " " + unit)
}

// below and above make a row of a figure that has no floor.
func below(what string, measured, most float64, unit string) row {
	return row{what: what, measured: figure(measured, unit), target: "<= " + figure(most, unit), missed: measured > most}
}

func above(what string, measured, least float64, unit string) row {
	return row{what: what, measured: figure(measured, unit), target: ">= " + figure(least, unit), missed: measured < least}
}
