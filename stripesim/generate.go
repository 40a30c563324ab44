package stripesim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
)

// GenerateOptions describe a made-up world.
type GenerateOptions struct {
	// Companies is how many companies there are, at least 1. Each has a user, a
	// customer, a paid checkout session and an active subscription.
	Companies int
	// Seed changes every id and name, and which companies have faults.
	Seed uint64
	// Planted is the share of companies with one fault, in percent, from 0 to
	// 100. The number is rounded up, so that any share above 0 plants at least
	// one. With one company, none can name another.
	Planted float64
	// Account is the id of the Stripe account; empty means DefaultAccount.
	Account string
	// Livemode is the mode of the account.
	Livemode bool
}

// PlantedKind is a way in which the places disagree.
type PlantedKind string

// The kinds of planted faults. Each is one object of one company; everything
// else of that company is right.
const (
	// PlantedMissingCompany is a stamp with the id of a company that never was.
	PlantedMissingCompany PlantedKind = "missing_company"
	// PlantedOtherCompany is a stamp with the id of another company that is
	// there: on a session or subscription.
	PlantedOtherCompany PlantedKind = "other_company"
	// PlantedSplitLink is the same on the customer: the company's row links the
	// customer, and the customer's stamp names another company.
	PlantedSplitLink PlantedKind = "split_link"
	// PlantedUnstamped is an object without a stamp.
	PlantedUnstamped PlantedKind = "unstamped"
	// PlantedNotReflected is a paid subscription without a row in the database.
	PlantedNotReflected PlantedKind = "paid_not_reflected"
	// PlantedIdleDuplicate is a second customer of a company, without money.
	PlantedIdleDuplicate PlantedKind = "idle_duplicate"
)

var plantedKinds = []PlantedKind{PlantedMissingCompany, PlantedOtherCompany, PlantedSplitLink, PlantedUnstamped, PlantedNotReflected, PlantedIdleDuplicate}

// Planted is one planted fault.
type Planted struct {
	Kind PlantedKind `json:"kind"`
	// Object is the Stripe object to report.
	Object string `json:"object"`
	// Company is the id of the company that it rightfully belongs to.
	Company string `json:"company"`
}

// generatedFrom is when the first company of a generated world was made, in
// Unix seconds: 2024-01-01T00:00:00Z. The others follow, several a second.
const generatedFrom = 1_704_067_200

// Generate writes a complete world file: the database's rows in "db", Stripe's
// objects in "stripe", and in "planted" what was planted: how many of each
// kind, and a list. The same options write the same bytes. It works in
// constant memory, so the number of companies is limited by the disk alone.
func Generate(w io.Writer, opts GenerateOptions) error {
	g, err := newGenerator(opts)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	g.write(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("stripesim: generate: %w", err)
	}
	return nil
}

// PlantedFaults returns the list that Generate writes for the same options.
func PlantedFaults(opts GenerateOptions) ([]Planted, error) {
	g, err := newGenerator(opts)
	if err != nil {
		return nil, err
	}
	var all []Planted
	for i := range g.n {
		if c := g.company(i); c.planted != "" {
			all = append(all, c.fault())
		}
	}
	return all, nil
}

// write writes the file, list by list. Every company is made anew for each
// list: that costs some hashing and saves holding them all.
func (g *generator) write(out *bufio.Writer) {
	fmt.Fprintf(out, "{\"now\":%d,\n\"db\":{\n", g.created(g.n)+30*86400)
	g.list(out, "companies", ",", func(c *company, emit func(json.RawMessage)) { emit(c.row()) })
	g.list(out, "users", ",", func(c *company, emit func(json.RawMessage)) { emit(c.user()) })
	g.list(out, "memberships", ",", func(c *company, emit func(json.RawMessage)) { emit(c.membership()) })
	g.list(out, "subscriptions", "", func(c *company, emit func(json.RawMessage)) {
		if c.planted != PlantedNotReflected {
			emit(c.subscriptionRow())
		}
	})
	fmt.Fprintf(out, "},\n\"stripe\":{\n\"account\":%s,\n", encode(newObject("id", g.opts.Account, "livemode", g.opts.Livemode)))
	g.list(out, "customers", ",", func(c *company, emit func(json.RawMessage)) {
		emit(c.customer())
		if c.planted == PlantedIdleDuplicate {
			emit(c.duplicate())
		}
	})
	g.list(out, "checkout_sessions", ",", func(c *company, emit func(json.RawMessage)) { emit(c.session()) })
	g.list(out, "subscriptions", ",", func(c *company, emit func(json.RawMessage)) { emit(c.subscription()) })
	out.WriteString("\"payment_intents\":[]\n},\n\"planted\":{\n\"counts\":")
	counts := newObject()
	for kind := range plantedKinds {
		counts.set(string(plantedKinds[kind]), g.planted(kind))
	}
	fmt.Fprintf(out, "%s,\n", counts.raw())
	g.list(out, "list", "", func(c *company, emit func(json.RawMessage)) {
		if c.planted != "" {
			emit(encode(c.fault()))
		}
	})
	out.WriteString("}}\n")
}

// list writes one list, one object on a line.
func (g *generator) list(out *bufio.Writer, name, after string, each func(*company, func(json.RawMessage))) {
	out.WriteString(strconv.Quote(name) + ":[")
	separator := "\n"
	for i := range g.n {
		each(g.company(i), func(raw json.RawMessage) {
			out.WriteString(separator)
			_, _ = out.Write(raw) // Flush reports errors
			separator = ",\n"
		})
	}
	out.WriteString("\n]" + after + "\n")
}

// generator makes the companies of one world.
type generator struct {
	opts   GenerateOptions
	n      int
	faults int // companies with a fault
	// Companies are shuffled by i -> (i*stride + shift) mod n; the first ones
	// of that order have the faults.
	stride, shift int
}

func newGenerator(opts GenerateOptions) (*generator, error) {
	switch {
	case opts.Companies < 1:
		return nil, fmt.Errorf("stripesim: generate: %d companies; at least 1 is needed", opts.Companies)
	case !(opts.Planted >= 0 && opts.Planted <= 100): // NaN too
		return nil, fmt.Errorf("stripesim: generate: %v %% planted; write a share from 0 to 100", opts.Planted)
	}
	if opts.Account == "" {
		opts.Account = DefaultAccount
	}
	g := &generator{opts: opts, n: opts.Companies}
	g.faults = min(g.n, int(math.Ceil(float64(g.n)*opts.Planted/100)))
	if g.n == 1 {
		g.faults = 0
	}
	g.shift = int(mix(opts.Seed) % uint64(g.n))
	g.stride = 1 + int(mix(opts.Seed+1)%uint64(g.n))
	for gcd(g.stride, g.n) != 1 {
		g.stride++
	}
	return g, nil
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// place is where a company stands in the shuffled order.
func (g *generator) place(i int) int { return (i*g.stride + g.shift) % g.n }

// planted is how many companies have the fault plantedKinds[kind]: they take
// turns.
func (g *generator) planted(kind int) int {
	return (g.faults + len(plantedKinds) - 1 - kind) / len(plantedKinds)
}

// created is when a company was made. Seven companies share each second, so
// that pages of lists break within a second.
func (g *generator) created(i int) int64 { return generatedFrom + int64(i/7)*11 }
