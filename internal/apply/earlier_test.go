package apply_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// continued is a run whose earlier part left something. It notes the units whose
// end is recorded.
type continued struct {
	journal.Run
	before map[string]journal.StepState
	ended  []string
}

func (c *continued) Before() map[string]journal.StepState { return c.before }

func (c *continued) FinishUnit(_ context.Context, end journal.UnitEnd) error {
	c.ended = append(c.ended, end.Unit)
	return nil
}

// goOn continues a run of which an earlier part left states, by object.
func goOn(t *testing.T, f *fake, made *plan.Plan, left map[string]journal.StepState) (*apply.Result, *continued) {
	t.Helper()
	c := &continued{Run: journal.Unrecorded("run"), before: map[string]journal.StepState{}}
	for _, u := range made.Units {
		for _, s := range u.Steps {
			if state, known := left[s.Object.ID]; known {
				c.before[s.ID] = state
			}
		}
	}
	r, err := apply.Apply(t.Context(), made, f.places(), apply.Options{Run: c})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

// TestKeyFromBefore: what a continuation does about a key that an earlier part
// deleted, or was about to.
func TestKeyFromBefore(t *testing.T) {
	t.Parallel()
	done, open := journal.StepState{State: journal.StateDone, Attempt: 1}, journal.StepState{Open: true, Attempt: 1}
	for name, tt := range map[string]struct {
		left    journal.StepState
		cached  string
		deletes int
		after   string
	}{
		"deleted":                              {done, "", 0, ""},
		"deleted, and filled with the wrong":   {done, "4", 1, ""},
		"deleted, and filled with the right":   {done, "11", 0, "11"},
		"about to be":                          {open, "4", 1, ""},
		"about to be, and gone":                {open, "", 0, ""},
		"about to be, and filled by the right": {open, "11", 0, "11"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			if f.cached["c"] = tt.cached; tt.cached == "" {
				delete(f.cached, "c")
			}
			r, _ := goOn(t, f, planned(t, write("cach:c", "4", "")), map[string]journal.StepState{"c": tt.left})
			if !r.Whole() || r.Count(apply.StateDone) != 1 || len(f.log) != tt.deletes || f.cached["c"] != tt.after {
				t.Errorf("%+v, %v, the key holds %q", r.Outcomes, f.log, f.cached["c"])
			}
		})
	}
}

// TestKeyComesBackToTheDead: a key that an earlier part deleted is looked at again,
// because that part may not have come to it.
func TestKeyComesBackToTheDead(t *testing.T) {
	t.Parallel()
	f := newFake()
	delete(f.cached, "c")
	f.after = func(id string) {
		if id == "cus_B" {
			f.cached["c"] = "4"
		}
	}
	made := planned(t, write("cach:c", "4", ""), rightful.Proposal{}, write("cus_B", "4", "11"))
	r, _ := goOn(t, f, made, map[string]journal.StepState{"c": {State: journal.StateDone, Attempt: 1}})
	if _, stands := f.cached["c"]; !r.Whole() || stands {
		t.Errorf("the key stands: %v; %+v", stands, r.Outcomes)
	}
}

// TestFilledAtOnce: the app fills a key with what is right before it is looked at
// again.
func TestFilledAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.after = func(id string) { f.cached[id] = "11" }
	if r := run(t, f, planned(t, write("cach:c", "4", ""))); !r.Whole() || f.cached["c"] != "11" {
		t.Errorf("%+v", r.Outcomes)
	}
}

// TestEndsAreRecordedOnce: a continuation records the end of a unit unless it is
// sure that it stands there, and nothing is new.
func TestEndsAreRecordedOnce(t *testing.T) {
	t.Parallel()
	made := planned(t, write("cus_A", "4", "11"), rightful.Proposal{}, write("cus_B", "4", "11"))
	done := journal.StepState{State: journal.StateDone, Attempt: 1}
	for name, tt := range map[string]struct {
		left  map[string]journal.StepState
		stamp string // of cus_A
		ended []string
	}{
		"nothing was done":             {nil, "4", []string{"cus_A", "cus_B"}},
		"the end may be missing":       {map[string]journal.StepState{"cus_A": done}, "11", []string{"cus_A", "cus_B"}},
		"the next unit was begun":      {map[string]journal.StepState{"cus_A": done, "cus_B": {Open: true, Attempt: 1}}, "11", []string{"cus_B"}},
		"somebody else wrote there":    {map[string]journal.StepState{"cus_A": done, "cus_B": done}, "12", []string{"cus_A", "cus_B"}},
		"only the second was finished": {map[string]journal.StepState{"cus_B": done}, "4", []string{"cus_A", "cus_B"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.stamps["cus_A"] = tt.stamp
			if tt.left["cus_B"].State == journal.StateDone {
				f.stamps["cus_B"] = "11"
			}
			_, c := goOn(t, f, made, tt.left)
			if diff := cmp.Diff(tt.ended, c.ended); diff != "" {
				t.Errorf("ends (-want +got):\n%s", diff)
			}
		})
	}
}
