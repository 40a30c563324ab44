package test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
	"rightful/test/truth"
)

// failer is what a test and a drawn world have in common.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// reopen opens a snapshot as the command line would, from its bytes.
func reopen(t failer, world []byte) *engine.Engine {
	t.Helper()
	e, err := wire.Snapshot("snapshot", world)
	if err != nil {
		t.Fatalf("%v\n%s", err, world)
	}
	return e
}

// take makes a snapshot. It returns nil where none may be made, because what is
// asked for is itself refused or read incompletely.
func take(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) *engine.Snapshot {
	f.Helper()
	in.Open = func(world []byte) (*engine.Engine, error) { return wire.Snapshot("snapshot", world) }
	s, err := e.Snapshot(t.Context(), in)
	if err == nil {
		return s
	}
	if rightful.KindOf(err) != rightful.KindRefused {
		f.Fatalf("%s%s: %v", in.Company, in.Who, err)
	}
	if made := complete(t, f, e, in); made {
		f.Errorf("%s%s, redacted %v: read completely, and refused: %v", in.Company, in.Who, in.Redact, err)
	}
	return nil
}

// complete reports whether a question is answered in full.
func complete(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) bool {
	f.Helper()
	if in.Who != "" {
		inv, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		return inv.Complete
	}
	r, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("%v", err)
	}
	return r.Complete
}

// askable returns what a snapshot can be made of.
func askable(t *testing.T, f failer, e *engine.Engine) (all []engine.SnapshotInput) {
	f.Helper()
	for c, err := range e.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		all = append(all, engine.SnapshotInput{Company: c.ID})
	}
	for u, err := range e.Sources.Directory.Users(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		all = append(all, engine.SnapshotInput{Who: "user:" + u.ID})
	}
	for _, of := range []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession} {
		for o, err := range e.Sources.Stripe.List(t.Context(), rightful.ListQuery{Type: of}) {
			if err != nil {
				f.Fatalf("%v", err)
			}
			if strings.HasPrefix(o.ID, "cus_") || strings.HasPrefix(o.ID, "cs_") {
				all = append(all, engine.SnapshotInput{Who: o.ID})
			}
		}
	}
	return all
}

// sameAnswer puts a question to what a snapshot was made of and to the snapshot.
func sameAnswer(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) {
	f.Helper()
	s := take(t, f, e, in)
	if s == nil {
		return
	}
	made := reopen(f, s.World)
	if in.Who != "" {
		want, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		got, err := made.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%s: %v\n%s", in.Who, err, s.World)
		}
		want.Counts.StripeGETs, want.Next, got.Next = 0, "", ""
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.Investigation{}, "Notes", "Unheard")); diff != "" {
			f.Errorf("%s (-made of +snapshot):\n%s\n%s", in.Who, diff, s.World)
		}
		return
	}
	want, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("%v", err)
	}
	got, err := made.Audit(t.Context(), engine.AuditInput{Company: in.Company})
	if err != nil {
		f.Fatalf("company %s: %v\n%s", in.Company, err, s.World)
	}
	want.Counts.StripeGETs = 0
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(engine.AuditReport{}, "Unheard")); diff != "" {
		f.Errorf("company %s (-made of +snapshot):\n%s\n%s", in.Company, diff, s.World)
	}
}

// TestSnapshotSaysTheSame takes every company, user, customer and session of every
// world, and expects the answer over its snapshot to be the same, to the last piece
// of evidence.
func TestSnapshotSaysTheSame(t *testing.T) {
	t.Parallel()
	for _, file := range repairable(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range askable(t, t, e) {
				sameAnswer(t, t, e, in)
				sameShape(t, t, e, in)
			}
		})
	}
}

// verdict is what of a finding does not depend on texts.
type verdict struct {
	Code      rightful.Code
	Object    rightful.Ref
	Severity  rightful.Severity
	Security  bool
	Automatic bool
	Family    string
	Proposed  string
	Amount    *rightful.Amount
	Evidence  []string
}

func verdicts(findings []rightful.Finding) (all []verdict) {
	for _, f := range findings {
		v := verdict{Code: f.Code, Object: f.Object, Severity: f.Severity, Security: f.Security, Automatic: f.Automatic, Family: f.Family, Amount: f.Amount}
		if !strings.HasPrefix(f.Family, "cus_") && !strings.Contains(f.Family, ":") {
			v.Family = "" // a placeholder, which may hold a text
		}
		if p := f.Proposal; p != nil {
			v.Proposed = fmt.Sprint(p.Place, p.Object, p.Field, p.From != nil, p.To != nil)
		}
		for _, s := range f.Evidence {
			v.Evidence = append(v.Evidence, fmt.Sprint(s.Strength, s.AsOf, s.Forgeable, s.Says == ""))
		}
		slices.Sort(v.Evidence)
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b verdict) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// sameShape does what sameAnswer does with a redacted snapshot, in which texts
// differ, and looks for what should be gone.
func sameShape(t *testing.T, f failer, e *engine.Engine, in engine.SnapshotInput) {
	f.Helper()
	in.Redact = true
	s := take(t, f, e, in)
	if s == nil {
		return
	}
	made := reopen(f, s.World)
	var want, got []rightful.Finding
	if in.Who != "" {
		a, err := e.Investigate(t.Context(), in.Who)
		if err != nil {
			f.Fatalf("%v", err)
		}
		b, err := made.Investigate(t.Context(), strings.TrimPrefix(s.Judge, "rightful investigate "))
		if err != nil {
			f.Fatalf("%v", err)
		}
		for i, x := range a.Explanations {
			if b.Explanations[i].Ruling != x.Ruling {
				f.Errorf("%s: %s is %s, and %s when redacted", in.Who, x.Name, x.Ruling, b.Explanations[i].Ruling)
			}
		}
		want, got = a.Findings, b.Findings
	} else {
		a, err := e.Audit(t.Context(), engine.AuditInput{Company: in.Company})
		if err != nil {
			f.Fatalf("%v", err)
		}
		b, err := made.Audit(t.Context(), engine.AuditInput{Company: in.Company})
		if err != nil {
			f.Fatalf("%v", err)
		}
		want, got = a.Findings, b.Findings
	}
	if diff := cmp.Diff(verdicts(want), verdicts(got)); diff != "" {
		f.Errorf("%s%s (-made of +redacted):\n%s\n%s", in.Company, in.Who, diff, s.World)
	}
	for u, err := range e.Sources.Directory.Users(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		if u.Email != "" && bytes.Contains(bytes.ToLower(s.World), bytes.ToLower([]byte(u.Email))) {
			f.Errorf("%s%s: the redacted snapshot holds %s\n%s", in.Company, in.Who, u.Email, s.World)
		}
	}
	for c, err := range e.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
		if err != nil {
			f.Fatalf("%v", err)
		}
		if len(c.Name) > 3 && bytes.Contains(s.World, []byte(`"name": "`+c.Name+`"`)) {
			f.Errorf("%s%s: the redacted snapshot holds the name %s\n%s", in.Company, in.Who, c.Name, s.World)
		}
	}
}

// TestSnapshotOfGrownWorlds does so with worlds that nobody wrote.
func TestSnapshotOfGrownWorlds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := truth.Grow(rt)
		for range rapid.IntRange(0, 1).Draw(rt, "damages") {
			w.StrikeAny(rt, truth.Mutations())
		}
		e := reopen(rt, w.JSON("grown"))
		all := askable(t, rt, e)
		if len(all) == 0 {
			return
		}
		for range min(4, len(all)) {
			in := rapid.SampledFrom(all).Draw(rt, "of")
			sameAnswer(t, rt, e, in)
			sameShape(t, rt, e, in)
		}
	})
}
