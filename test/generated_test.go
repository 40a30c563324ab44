package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// plantedCodes is what each planted fault is called here.
var plantedCodes = map[stripesim.PlantedKind]rightful.Code{
	stripesim.PlantedMissingCompany: "RF101",
	stripesim.PlantedOtherCompany:   "RF103",
	stripesim.PlantedSplitLink:      "RF104",
	stripesim.PlantedUnstamped:      "RF105",
	stripesim.PlantedNotReflected:   "RF401",
	stripesim.PlantedIdleDuplicate:  "RF201",
}

// TestGeneratedWorld audits generated worlds and expects exactly what was
// planted: each fault, on its object, with its rightful company, and nothing
// else.
func TestGeneratedWorld(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]stripesim.GenerateOptions{
		"some":  {Companies: 300, Seed: 7, Planted: 20},
		"none":  {Companies: 300, Seed: 8},
		"every": {Companies: 300, Seed: 9, Planted: 100, Livemode: true},
		"few":   {Companies: 2, Planted: 100},
		"one":   {Companies: 1, Planted: 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "world.json")
			planted := generate(t, file, opts)
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			report := audit(t, e, engine.AuditInput{})
			if !report.Complete || report.Refused != nil {
				t.Fatalf("complete %v, refused %v, because %v", report.Complete, report.Refused, report.IncompleteBecause)
			}
			type fault struct {
				Code            rightful.Code
				Object, Company string
			}
			var want, got []fault
			for _, p := range planted {
				want = append(want, fault{plantedCodes[p.Kind], p.Object, p.Company})
			}
			for _, f := range report.Findings {
				company := ""
				if f.RightfulCompanyID != nil {
					company = *f.RightfulCompanyID
				}
				got = append(got, fault{f.Code, f.Object.ID, company})
			}
			byObject := cmpopts.SortSlices(func(a, b fault) bool { return a.Object+string(a.Code) < b.Object+string(b.Code) })
			if diff := cmp.Diff(want, got, byObject, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("findings (-planted +found):\n%s", diff)
			}
		})
	}
}

// TestGeneratedWorldOnRealParts audits a generated world in a database and a
// Stripe over HTTP that fails, hangs up, sends half a page and locks an object:
// nothing is found beside what was planted.
func TestGeneratedWorldOnRealParts(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "world.json")
	planted := generate(t, file, stripesim.GenerateOptions{Companies: 30, Seed: 7, Planted: 20, Livemode: true})
	dsn := engines[0].dsn(t)
	fillFrom(t, file, engines[0].open(t, dsn))
	r := assemble(t, file, dsn, takeApart(t, file).Now)
	for nth, rule := range map[int]stripesim.FaultRule{
		2: {Status: 500}, 4: {Then: stripesim.FaultDrop}, 6: {Then: stripesim.FaultTruncate, Bytes: 100}, 8: {Status: 429},
	} {
		rule.Nth, rule.Method = nth, "GET"
		if err := r.sim.Fault(rule); err != nil {
			t.Fatal(err)
		}
	}
	report := audit(t, r.open(t), engine.AuditInput{})
	if !report.Complete {
		t.Fatalf("incomplete because %v", report.IncompleteBecause)
	}
	if got := len(report.Findings); got != len(planted) {
		t.Errorf("%d findings, %d planted", got, len(planted))
	}
	for _, f := range r.sim.Faults() {
		if f.Met != 1 {
			t.Errorf("the fault %+v met %d requests", f.Rule, f.Met)
		}
	}
}

// generate writes a world and returns what it says was planted.
func generate(t *testing.T, file string, opts stripesim.GenerateOptions) []stripesim.Planted {
	t.Helper()
	f := must(os.Create(file))(t)
	if err := stripesim.Generate(f, opts); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var world struct {
		Planted struct {
			Counts map[stripesim.PlantedKind]int
			List   []stripesim.Planted
		}
	}
	if err := json.Unmarshal(must(os.ReadFile(file))(t), &world); err != nil {
		t.Fatal(err)
	}
	counted := map[stripesim.PlantedKind]int{}
	for kind := range plantedCodes {
		counted[kind] = 0
	}
	for _, p := range world.Planted.List {
		counted[p.Kind]++
	}
	if diff := cmp.Diff(counted, world.Planted.Counts); diff != "" {
		t.Errorf("the list and the counts differ (-list +counts):\n%s", diff)
	}
	if want := int(opts.Planted / 100 * float64(opts.Companies)); opts.Companies > 1 && len(world.Planted.List) != want {
		t.Errorf("%d planted, want %d", len(world.Planted.List), want)
	}
	return world.Planted.List
}
