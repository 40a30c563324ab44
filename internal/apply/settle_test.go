package apply_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/apply"
)

// TestLostAnswers: a write of which no answer came is looked for. One that took
// effect is done, one that did not is tried again as a new attempt, and a
// transaction that was surely not committed puts the stamps back.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const (
		done, failed, back, skipped = apply.StateDone, apply.StateFailed, apply.StatePutBack, apply.StateSkipped
		conflict, uncertain         = apply.StateConflict, apply.StateUncertain
	)
	for name, tt := range map[string]struct {
		lost, unsent map[string]int
		after        func(*fake, string)
		cus, link    apply.State
		tries        int // of the stamp
		stamp        string
	}{
		"the answer about a stamp":    {map[string]int{"cus_A": 1}, nil, nil, done, done, 1, "11"},
		"the stamp itself":            {nil, map[string]int{"cus_A": 1}, nil, done, done, 2, "11"},
		"twice":                       {nil, map[string]int{"cus_A": 2}, nil, done, done, 3, "11"},
		"every time":                  {nil, map[string]int{"cus_A": 9}, nil, uncertain, skipped, 3, "4"},
		"and something else is there": {map[string]int{"cus_A": 1}, nil, func(f *fake, id string) { f.stamps["cus_A"] = "12" }, conflict, skipped, 1, "12"},
		"the answer to a commit":      {map[string]int{"db:11": 1}, nil, nil, done, done, 1, "11"},
		"and another link is there": {map[string]int{"db:11": 1}, nil, func(f *fake, id string) {
			if id == "db:11" {
				f.links["11"] = "cus_Z"
			}
		}, done, conflict, 1, "11"},
		"the commit itself":            {nil, map[string]int{"db:11": 1}, nil, back, failed, 1, "4"},
		"the commit, and putting back": {map[string]int{"cus_A": 2}, map[string]int{"db:11": 1}, nil, back, failed, 1, "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.lost, f.unsent = tt.lost, tt.unsent
			if tt.after != nil {
				f.after = func(id string) { tt.after(f, id) }
			}
			made := planned(t, write("cus_A", "4", "11"), write("link:11", "", "cus_A"))
			r := run(t, f, made)
			if diff := cmp.Diff(map[string]apply.State{"cus_A": tt.cus, "11": tt.link}, states(made, r)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%+v", diff, r.Outcomes)
			}
			if got := r.Outcomes[0].Tries; got != tt.tries || f.stamps["cus_A"] != tt.stamp {
				t.Errorf("%d tries, stamp %q; want %d, %q", got, f.stamps["cus_A"], tt.tries, tt.stamp)
			}
			keys := slices.Clone(f.keys)
			slices.Sort(keys)
			if len(slices.Compact(keys)) != len(f.keys) {
				t.Errorf("an attempt has the key of another: %v", f.keys)
			}
			for _, o := range r.Outcomes {
				if (o.State == failed || o.State == uncertain || o.State == conflict) && !strings.Contains(o.Why, "no answer") {
					t.Errorf("%s: %s", o.Step, o.Why)
				}
			}
		})
	}
}
