package test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/wire"
)

// FuzzWorld audits, plans and fixes whatever is given as a world, in memory. Nothing
// panics, what goes wrong names its place, and what is fixed is not found again.
func FuzzWorld(f *testing.F) {
	seeds, err := filepath.Glob("worlds/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range append(seeds, "../internal/demo/founding-incident.json") {
		if i%8 > 0 && i < len(seeds) {
			continue // the worlds have a test of their own; a few are enough to start from
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"db":{"companies":[{"id":"11"}]},"stripe":{"customers":[{"id":"cus_1","metadata":{"company_id":"4"}}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		file := filepath.Join(t.TempDir(), "world.json")
		if err := os.WriteFile(file, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		e, _, err := wire.World(file)
		if err != nil {
			placed(t, err)
			return
		}
		if _, err := e.Audit(t.Context(), engine.AuditInput{}); err != nil {
			placed(t, err)
			return
		}
		fixed, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }})
		if err != nil {
			placed(t, err)
			return
		}
		if fixed.Applied == nil {
			return
		}
		again, err := e.Plan(t.Context(), engine.PlanInput{})
		if err != nil {
			placed(t, err)
			return
		}
		if fixed.Applied.Whole() && again.Steps() > 0 {
			t.Errorf("after a whole fix of %d steps another %d are planned", fixed.Plan.Steps(), again.Steps())
		}
	})
}

// placed holds an error to naming its place. A refused run is about no one place: it
// names its reason.
func placed(t *testing.T, err error) {
	t.Helper()
	var own *rightful.Error
	if !errors.As(err, &own) || own.Place == "" && own.Kind != rightful.KindRefused || own.Message == "" {
		t.Errorf("an error without a place: %v", err)
	}
}
