package demo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/demo"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// TestEveryCombinationOfCauses plants each of the fifteen combinations and none,
// and expects exactly the planted explanations to be ruled in, and all others
// ruled out: everything is configured, so nothing may be left untold.
func TestEveryCombinationOfCauses(t *testing.T) {
	t.Parallel()
	explains := map[demo.Cause]rightful.ExplanationName{
		demo.CauseMetadata: rightful.StaleMetadata,
		demo.CauseDatabase: rightful.DatabaseInconsistency,
		demo.CauseCache:    rightful.StaleCache,
		demo.CauseDeploy:   rightful.DeployNotApplied,
	}
	all := demo.Causes()
	for mask := range 1 << len(all) {
		var causes []demo.Cause
		var names []string
		for i, c := range all {
			if mask&(1<<i) != 0 {
				causes = append(causes, c)
				names = append(names, string(c))
			}
		}
		t.Run(fmt.Sprintf("%02d_%s", mask, strings.Join(names, "+")), func(t *testing.T) {
			t.Parallel()
			inv := investigate(t, causes, demo.Who)
			for cause, name := range explains {
				want := rightful.RuledOut
				if slices.Contains(causes, cause) {
					want = rightful.RuledIn
				}
				for _, x := range inv.Explanations {
					if x.Name == name && x.Ruling != want {
						t.Errorf("%s is %s because %s; want %s", name, x.Ruling, x.Because, want)
					}
				}
			}
			if len(inv.Explanations) != len(explains) {
				t.Errorf("%d explanations, want %d", len(inv.Explanations), len(explains))
			}
		})
	}
}

// TestInnocentUser expects the other company of the founding incident to have
// nothing ruled in, whatever is planted on the first.
func TestInnocentUser(t *testing.T) {
	t.Parallel()
	inv := investigate(t, []demo.Cause{demo.CauseMetadata, demo.CauseCache}, "dora@example.com")
	for _, x := range inv.Explanations {
		if x.Ruling != rightful.RuledOut {
			t.Errorf("%s is %s because %s", x.Name, x.Ruling, x.Because)
		}
	}
	if len(inv.Findings) > 0 {
		t.Errorf("findings: %+v", inv.Findings)
	}
}

func investigate(t *testing.T, causes []demo.Cause, who string) *engine.Investigation {
	t.Helper()
	d, err := demo.Start(t.Context(), t.TempDir(), causes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	none := func(string) (string, bool) { return "", false }
	e, _, err := wire.Config(t.Context(), d.ConfigPath, none, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	inv, err := e.Investigate(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if !inv.Complete {
		t.Fatalf("incomplete: %v", inv.IncompleteBecause)
	}
	return inv
}

func TestParseCauses(t *testing.T) {
	t.Parallel()
	got, err := demo.ParseCauses([]string{"cache", "cache", "deploy"})
	if err != nil || !slices.Equal(got, []demo.Cause{demo.CauseCache, demo.CauseDeploy}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := demo.ParseCauses([]string{"weather"}); rightful.KindOf(err) != rightful.KindInvalid {
		t.Errorf("an unknown cause gives %v", err)
	}
}
