package apply_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// notes is a run that writes what is recorded into a list, beside what the fake
// logs.
type notes struct {
	journal.Run
	f      *fake
	before map[string]journal.StepState
	fails  map[string]error // by the first word of a record
}

func (n *notes) ID() string                           { return "run" }
func (n *notes) Before() map[string]journal.StepState { return n.before }
func (n *notes) note(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	if err := n.fails[line]; err != nil {
		return err
	}
	n.f.log = append(n.f.log, line)
	return nil
}

func (n *notes) Intend(_ context.Context, all ...journal.Intent) error {
	var ids []string
	for _, i := range all {
		back := ""
		if i.Back {
			back = " back"
		}
		ids = append(ids, fmt.Sprintf("%s#%d%s", i.Step.Object.ID, i.Attempt, back))
	}
	return n.note("intend %s", strings.Join(ids, " "))
}

func (n *notes) Settle(_ context.Context, all ...journal.Outcome) error {
	var ids []string
	for _, o := range all {
		ids = append(ids, fmt.Sprintf("%s %s", o.Step.Object.ID, o.State))
	}
	return n.note("settle %s", strings.Join(ids, " "))
}

func (n *notes) FinishUnit(_ context.Context, end journal.UnitEnd) error {
	return n.note("unit %s %v", end.Unit, end.Whole)
}

func (n *notes) Finish(_ context.Context, end journal.RunEnd) error {
	return n.note("finish %v", end.Interrupted)
}

// unitOfEach is a plan of one unit with a write of each kind.
func unitOfEach(t *testing.T) *plan.Plan {
	return planned(t, write("cus_A", "4", "11"), write("link:11", "", "cus_A"), write("cach:c", "4", ""))
}

// TestIntentBeforeOutcomeAfter: nothing is written that was not recorded first.
func TestIntentBeforeOutcomeAfter(t *testing.T) {
	t.Parallel()
	f := newFake()
	r, err := apply.Apply(t.Context(), unitOfEach(t), f.places(), apply.Options{Run: &notes{f: f}})
	if err != nil || !r.Whole() {
		t.Fatalf("%v, %+v", err, r)
	}
	want := []string{
		"try 11.stripe_customer_id",
		"intend cus_A#1", "cus_A=11", "settle cus_A done",
		"intend 11#1", "commit 11.stripe_customer_id", "settle 11 done",
		"intend c#1", "delete c if 4", "settle c done",
		"unit cus_A true", "finish false",
	}
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNothingIsWrittenThatCannotBeRecorded, and nothing after what was not.
func TestNothingIsWrittenThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	gone := errors.New("the disk is full")
	for fails, want := range map[string][]string{
		"intend cus_A#1":    {"try 11.stripe_customer_id"},
		"settle cus_A done": {"try 11.stripe_customer_id", "intend cus_A#1", "cus_A=11"},
		"intend 11#1":       {"try 11.stripe_customer_id", "intend cus_A#1", "cus_A=11", "settle cus_A done"},
		"settle 11 done":    {"try 11.stripe_customer_id", "intend cus_A#1", "cus_A=11", "settle cus_A done", "intend 11#1", "commit 11.stripe_customer_id"},
	} {
		t.Run(fails, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			n := &notes{f: f, fails: map[string]error{fails: gone}}
			r, err := apply.Apply(t.Context(), unitOfEach(t), f.places(), apply.Options{Run: n})
			if err != nil || r.Whole() || r.Stopped != gone.Error() {
				t.Fatalf("%v, %+v", err, r)
			}
			if diff := cmp.Diff(want, f.log); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestASecretEndsItsUnit and no other: the journal keeps it out of its books.
func TestASecretEndsItsUnit(t *testing.T) {
	t.Parallel()
	f := newFake()
	n := &notes{f: f, fails: map[string]error{"intend cus_A#1": journal.ErrSecret}}
	made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"), rightful.Proposal{}, write("cus_B", "4", "11"))
	r, err := apply.Apply(t.Context(), made, f.places(), apply.Options{Run: n})
	if err != nil || r.Stopped != "" {
		t.Fatalf("%v, %+v", err, r)
	}
	want := map[string]apply.State{"cus_A": apply.StateFailed, "sub_A": apply.StateSkipped, "cus_B": apply.StateDone}
	if diff := cmp.Diff(want, states(made, r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestContinues: what an earlier part of the run has done is not done again, and
// what it was about to do is looked for.
func TestContinues(t *testing.T) {
	t.Parallel()
	const done, conflict, skipped = apply.StateDone, apply.StateConflict, apply.StateSkipped
	open := journal.StepState{Open: true, Attempt: 1}
	for name, tt := range map[string]struct {
		earlier  journal.StepState
		stamp    string
		replays  bool // Stripe answers the first key from memory, and does nothing
		cus, sub apply.State
		keys     []string // of cus_A, without the step
	}{
		"done, and stands":              {journal.StepState{State: done, Attempt: 1}, "11", false, done, done, nil},
		"done, and was changed":         {journal.StepState{State: done, Attempt: 1}, "12", false, conflict, skipped, nil},
		"done, and was taken back":      {journal.StepState{State: done, Attempt: 1}, "4", false, conflict, skipped, nil},
		"about to be, and was":          {open, "11", false, done, done, nil},
		"about to be, and was not":      {open, "4", false, done, done, []string{"1"}},
		"about to be, and was undone":   {open, "4", true, done, done, []string{"1", "2"}},
		"about to be, and was changed":  {open, "12", false, conflict, skipped, nil},
		"nobody knew, and it is there":  {journal.StepState{State: apply.StateUncertain, Attempt: 3}, "11", false, done, done, nil},
		"nobody knew, and it is not":    {journal.StepState{State: apply.StateUncertain, Attempt: 3}, "4", false, done, done, []string{"4"}},
		"refused then":                  {journal.StepState{State: apply.StateFailed, Attempt: 1}, "4", false, done, done, []string{"2"}},
		"put back then":                 {journal.StepState{State: apply.StatePutBack, Attempt: 2}, "4", false, done, done, []string{"3"}},
		"being put back, and was":       {journal.StepState{Open: true, Back: true, State: done, Attempt: 2}, "4", false, done, done, []string{"3"}},
		"being put back, and was not":   {journal.StepState{Open: true, Back: true, State: done, Attempt: 2}, "11", false, done, done, nil},
		"in conflict then, and not now": {journal.StepState{State: conflict}, "4", false, done, done, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			f.stamps["cus_A"] = tt.stamp
			made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"))
			step := made.Units[0].Steps[0].ID
			if tt.replays {
				f.after = func(id string) {
					if id == "cus_A" && len(f.keys) == 1 {
						f.stamps["cus_A"] = "4"
					}
				}
			}
			n := &notes{f: f, before: map[string]journal.StepState{step: tt.earlier}}
			r, err := apply.Apply(t.Context(), made, f.places(), apply.Options{Run: n})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]apply.State{"cus_A": tt.cus, "sub_A": tt.sub}, states(made, r)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%+v", diff, r.Outcomes)
			}
			var keys []string
			for _, k := range f.keys {
				if rest, is := strings.CutPrefix(k, "run/"+step+"/"); is {
					keys = append(keys, rest)
				}
			}
			if diff := cmp.Diff(tt.keys, keys); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeletedKeyComesBack: the wrong value is deleted once more, another value stays,
// and one that always comes back is named.
func TestDeletedKeyComesBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		value  string
		always bool
		state  apply.State
		left   string
	}{
		"as it was":         {"4", false, apply.StateDone, ""},
		"as it should be":   {"11", false, apply.StateDone, "11"},
		"as it was, always": {"4", true, apply.StateConflict, "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, deletions := newFake(), 0
			f.after = func(string) {
				deletions++
				switch {
				case deletions == 1: // a reader fills the key when the step has looked at it
					f.later = func() { f.cached["c"] = tt.value }
				case tt.always:
					f.cached["c"] = tt.value
				}
			}
			made := planned(t, write("cach:c", "4", ""))
			r, err := apply.Apply(t.Context(), made, f.places(), apply.Options{Run: &notes{f: f}})
			if err != nil {
				t.Fatal(err)
			}
			if got := states(made, r)["c"]; got != tt.state || f.cached["c"] != tt.left {
				t.Errorf("%s, %q is left; want %s, %q: %+v\n%v", got, f.cached["c"], tt.state, tt.left, r.Outcomes, f.log)
			}
		})
	}
}

// TestUndo takes back in reverse what stands as it was left, and names the rest.
func TestUndo(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"), write("link:11", "", "cus_A"), write("cach:c", "4", ""),
		rightful.Proposal{}, write("cus_B", "", "11"))
	f.stamps["cus_B"] = ""
	if r := run(t, f, made); !r.Whole() {
		t.Fatalf("%+v", r)
	}
	var steps []journal.StepState
	for _, u := range made.Units {
		for _, s := range u.Steps {
			kept := journal.Step{ID: s.ID, Unit: u.Family, Place: s.Place, Object: s.Object, Field: s.Field, From: s.From, To: s.To}
			if s.Reverse != nil {
				kept.Reverse = &journal.Reverse{To: s.Reverse.To}
			}
			steps = append(steps, journal.StepState{Step: kept, State: apply.StateDone, Attempt: 1})
		}
	}
	f.log, f.stamps["sub_A"] = nil, "12"
	units, stay := apply.Backwards(steps)
	r, err := apply.Undo(t.Context(), units, f.places(), apply.Options{Run: &notes{f: f}})
	if err != nil || r.Whole() || r.Count(apply.StateConflict) != 1 || r.Count(apply.StateDone) != 3 {
		t.Fatalf("%v, %+v", err, r)
	}
	want := []string{
		"intend cus_B#1", "cus_B=", "settle cus_B done", "unit cus_B true",
		"try 11.stripe_customer_id", "intend 11#1", "commit 11.stripe_customer_id", "settle 11 done",
		"settle sub_A conflict",
		"intend cus_A#1", "cus_A=4", "settle cus_A done", "unit cus_A false", "finish false",
	}
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(stay) != 1 || stay[0].Object.ID != "c" || f.cached["c"] != "" {
		t.Errorf("stay: %+v", stay)
	}
	if _, left := f.stamps["cus_B"]; !left || f.stamps["cus_B"] != "" || f.links["11"] != "" || slices.Contains(f.log, "sub_A=4") {
		t.Errorf("stamps %v, links %v", f.stamps, f.links)
	}
}
