package apply_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

func run(t *testing.T, f *fake, made *plan.Plan) *apply.Result {
	t.Helper()
	r, err := apply.Apply(t.Context(), made, f.places(), apply.Options{Run: journal.Unrecorded("run")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestApplies writes everything, in order, each write once.
func TestApplies(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"), write("link:11", "", "cus_A"), write("rows:r1", "12", "11"), write("cach:c", "4", ""),
		rightful.Proposal{}, write("cus_B", "4", "11"))
	r := run(t, f, made)
	if !r.Whole() || r.Count(apply.StateDone) != 6 {
		t.Errorf("outcomes: %+v", r.Outcomes)
	}
	want := []string{
		"try 11.stripe_customer_id r1.company_id", "try 11.stripe_customer_id r1.company_id",
		"cus_A=11", "sub_A=11",
		"commit 11.stripe_customer_id r1.company_id", "commit 11.stripe_customer_id r1.company_id",
		"delete c if 4",
		"cus_B=11",
	}
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	slices.Sort(f.keys)
	if len(slices.Compact(f.keys)) != 3 || !strings.HasPrefix(f.keys[0], "run/step-") {
		t.Errorf("idempotency keys: %v", f.keys)
	}

	f.log = nil
	if again := run(t, f, made); again.Count(apply.StateAlready) != 6 || !again.Whole() || len(f.log) != 0 {
		t.Errorf("applied twice: %+v\n%v", again.Outcomes, f.log)
	}
}

// TestOneStepDoesNotHold: what each surprise does to its own step, to its unit and
// to the other unit.
func TestOneStepDoesNotHold(t *testing.T) {
	t.Parallel()
	const (
		done, already, conflict = apply.StateDone, apply.StateAlready, apply.StateConflict
		failed, back, skipped   = apply.StateFailed, apply.StatePutBack, apply.StateSkipped
	)
	tests := []struct {
		name    string
		prepare func(*fake)
		// states of the customer, the subscription, the link and the cache key
		cus, sub, link, key apply.State
		stamps              string // of cus_A and sub_A afterwards
		says                string // in the reason of some step
	}{
		{"nothing", func(*fake) {}, done, done, done, done, "11 11", ""},
		{"a stamp is right already", func(f *fake) { f.stamps["cus_A"] = "11" }, already, done, done, done, "11 11", "stood there before"},
		{"a stamp was changed", func(f *fake) { f.stamps["sub_A"] = "12" }, done, conflict, skipped, skipped, "11 12", `expected "4" stands there; now "12" stands there`},
		{"a stamp was removed", func(f *fake) { f.stamps["cus_A"] = "" }, conflict, skipped, skipped, skipped, " 4", "now nothing stands there"},
		{"an object was deleted", func(f *fake) { f.gone["cus_A"] = rightful.ExistsDeleted }, conflict, skipped, skipped, skipped, "4 4", "deleted"},
		{"an object is not there", func(f *fake) { f.gone["cus_A"] = rightful.ExistsMissing }, conflict, skipped, skipped, skipped, "4 4", "does not have it any more"},
		{"Stripe refuses", func(f *fake) { f.refuses["sub_A"] = 0 }, done, failed, skipped, skipped, "11 4", "it refuses"},
		{"the link was filled", func(f *fake) { f.links["11"] = "cus_Z" }, skipped, skipped, conflict, skipped, "4 4", `now "cus_Z"`},
		{"the company is gone", func(f *fake) { delete(f.links, "11") }, skipped, skipped, conflict, skipped, "4 4", "has no company 11"},
		{"the database refuses when it is asked", func(f *fake) { f.refuses["db:11"] = 0 }, skipped, skipped, failed, skipped, "4 4", "it refuses"},
		{"the database refuses in the end", func(f *fake) { f.refuses["db:11"] = 1 }, back, back, failed, skipped, "4 4", "the database refused the rest"},
		{"the link is filled in the end", func(f *fake) {
			f.after = func(id string) {
				if id == "sub_A" {
					f.links["11"] = "cus_Z"
				}
			}
		}, back, back, conflict, skipped, "4 4", `now "cus_Z"`},
		{"it refuses, and a stamp is somebody else's by then", func(f *fake) {
			f.refuses["db:11"] = 1
			f.after = func(id string) {
				if id == "sub_A" {
					f.stamps["cus_A"] = "12"
				}
			}
		}, conflict, back, failed, skipped, "12 4", "was not put back"},
		{"it refuses, and Stripe does not take the stamp back", func(f *fake) { f.refuses["db:11"], f.refuses["cus_A"] = 1, 1 },
			done, back, failed, skipped, "11 4", "could not be put back"},
		{"somebody writes at once", func(f *fake) {
			f.after = func(id string) {
				if id == "cus_A" {
					f.stamps["cus_A"] = "4"
				}
			}
		}, conflict, skipped, skipped, skipped, "4 4", "something else writes there"},
		{"somebody writes the link at once", func(f *fake) {
			f.after = func(id string) {
				if id == "db:11" {
					f.links["11"] = "cus_Z"
				}
			}
		}, done, done, conflict, skipped, "11 11", "something else writes there"},
		{"the cache holds something else", func(f *fake) { f.cached["c"] = "12" }, done, done, done, already, "11 11", "another one is cached"},
		{"the key is gone", func(f *fake) { delete(f.cached, "c") }, done, done, done, already, "11 11", ""},
		{"the key cannot be decoded", func(f *fake) { f.spoilt = "two values" }, done, done, done, conflict, "11 11", "two values"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake()
			tt.prepare(f)
			made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"), write("link:11", "", "cus_A"), write("cach:c", "4", ""),
				rightful.Proposal{}, write("cus_B", "4", "11"))
			r := run(t, f, made)
			want := map[string]apply.State{"cus_A": tt.cus, "sub_A": tt.sub, "11": tt.link, "c": tt.key, "cus_B": done}
			if diff := cmp.Diff(want, states(made, r)); diff != "" {
				t.Errorf("(-want +got):\n%s\n%+v", diff, r.Outcomes)
			}
			if got := f.stamps["cus_A"] + " " + f.stamps["sub_A"]; got != tt.stamps {
				t.Errorf("the stamps are %q, want %q", got, tt.stamps)
			}
			if !slices.ContainsFunc(r.Outcomes, func(o apply.Outcome) bool { return strings.Contains(o.Why, tt.says) }) {
				t.Errorf("nobody says %q: %+v", tt.says, r.Outcomes)
			}
			for _, o := range r.Outcomes {
				if (o.State == done) != (o.Why == "") && !strings.Contains(o.Why, "could not be put back") {
					t.Errorf("%s ended %s because %q", o.Step, o.State, o.Why)
				}
			}
		})
	}
}

// TestAddedStampIsUnset when it is put back.
func TestAddedStampIsUnset(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.stamps["cus_A"], f.refuses["db:11"] = "", 1
	r := run(t, f, planned(t, write("cus_A", "", "11"), write("link:11", "", "cus_A")))
	if r.Count(apply.StatePutBack) != 1 || f.stamps["cus_A"] != "" {
		t.Errorf("stamp %q, outcomes %+v", f.stamps["cus_A"], r.Outcomes)
	}
}

// TestRelinkIsOneTransaction: the holder is released and the link taken at once,
// before the stamps.
func TestRelinkIsOneTransaction(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.stamps["cus_A"] = "12"
	made, err := plan.Make(plan.Input{
		Findings: []rightful.Finding{{ID: "F1", Family: "cus_A", Choices: []rightful.Choice{{Name: "company:11", Writes: []rightful.Proposal{
			write("link:12", "cus_A", ""), write("link:11", "", "cus_A"), write("cus_A", "12", "11"),
		}}}}},
		Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, f, made); !r.Whole() {
		t.Fatalf("outcomes: %+v", r.Outcomes)
	}
	both := "commit 12.stripe_customer_id 11.stripe_customer_id"
	if i, j := slices.Index(f.log, both), slices.Index(f.log, "cus_A=11"); i < 0 || j < i {
		t.Errorf("writes: %v", f.log)
	}
	if f.links["11"] != "cus_A" || f.links["12"] != "" {
		t.Errorf("links: %v", f.links)
	}
}

// TestTableOfLinks: an entry is told from the other links of its company.
func TestTableOfLinks(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.table = []rightful.Link{{CompanyID: "11", StripeCustomerID: "cus_old"}, {CompanyID: "11", StripeCustomerID: "cus_B"}}
	made := planned(t, write("tabl:11", "cus_old", ""), write("tabl:11", "", "cus_A"))
	if r := run(t, f, made); !r.Whole() || r.Count(apply.StateDone) != 2 {
		t.Errorf("outcomes: %+v", r.Outcomes)
	}
	want := []rightful.Link{{CompanyID: "11", StripeCustomerID: "cus_B"}, {CompanyID: "11", StripeCustomerID: "cus_A"}}
	slices.SortFunc(f.table, func(a, b rightful.Link) int { return -strings.Compare(a.StripeCustomerID, b.StripeCustomerID) })
	if diff := cmp.Diff(want, f.table); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := run(t, f, made); r.Count(apply.StateAlready) != 2 {
		t.Errorf("applied twice: %+v", r.Outcomes)
	}
}

// TestInterrupted: the step in hand is finished and read back, nothing else is
// begun.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	f := newFake()
	ctx, cancel := context.WithCancel(t.Context())
	f.after = func(string) { cancel() }
	made := planned(t, write("cus_A", "4", "11"), write("sub_A", "4", "11"), rightful.Proposal{}, write("cus_B", "4", "11"))
	r, err := apply.Apply(ctx, made, f.places(), apply.Options{Run: journal.Unrecorded("run")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]apply.State{"cus_A": apply.StateDone, "sub_A": apply.StateSkipped, "cus_B": apply.StateSkipped}
	if diff := cmp.Diff(want, states(made, r)); diff != "" || !r.Interrupted || r.Whole() {
		t.Errorf("interrupted %v, (-want +got):\n%s", r.Interrupted, diff)
	}
	for _, o := range r.Outcomes[1:] {
		if o.Why != "the run was interrupted" {
			t.Errorf("%s: %q", o.Step, o.Why)
		}
	}
}

// TestNoWriter: a plan that writes where nothing can be written is not begun.
func TestNoWriter(t *testing.T) {
	t.Parallel()
	f := newFake()
	places := f.places()
	places.Writers.Cache = nil
	_, err := apply.Apply(t.Context(), planned(t, write("cus_A", "4", "11"), write("cach:c", "4", "")), places, apply.Options{Run: journal.Unrecorded("run")})
	if rightful.KindOf(err) != rightful.KindUnsupported || len(f.log) != 0 {
		t.Errorf("err %v, writes %v", err, f.log)
	}
}
