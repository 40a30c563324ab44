package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"rightful"
	"rightful/internal/engine"
)

// rulebook is a database that keeps rules.
type rulebook struct {
	rules []rightful.Constraint
	fails string // the rule whose statement fails
	ran   []string
}

func (b *rulebook) Constraints(ctx context.Context, _ func(string) bool) (*rightful.Constraints, error) {
	return &rightful.Constraints{List: slices.Clone(b.rules)}, ctx.Err()
}

func (b *rulebook) AddConstraint(_ context.Context, c rightful.Constraint, done func(rightful.ConstraintStatement)) error {
	if c.Name == b.fails {
		return errors.New("the lock was not given")
	}
	for i := range b.rules {
		if b.rules[i].Name == c.Name {
			b.rules[i].State = rightful.ConstraintHolds
		}
	}
	b.ran = append(b.ran, c.Name)
	done(rightful.ConstraintStatement{SQL: "ALTER TABLE"})
	return nil
}

func newRulebook() *rulebook {
	return &rulebook{rules: []rightful.Constraint{
		{Name: "held", State: rightful.ConstraintHolds},
		{Name: "first", State: rightful.ConstraintMissing},
		{Name: "broken", State: rightful.ConstraintBroken, Rows: 2, Statements: []rightful.ConstraintStatement{{SQL: "x"}}},
		{Name: "broken and not for us", State: rightful.ConstraintBroken, Rows: 2},
		{Name: "second", State: rightful.ConstraintMissing},
	}}
}

func apply(t *testing.T, ctx context.Context, b *rulebook, in engine.ConstraintInput, owner rightful.ConstraintReader) (*engine.ConstraintsApplied, error) {
	t.Helper()
	e := &engine.Engine{Constraining: engine.Constraining{Reader: b, Writer: b, Owner: owner}}
	if in.Confirm == nil {
		in.Confirm = func(*engine.ConstraintReport) (bool, error) { return true, nil }
	}
	return e.ApplyConstraints(ctx, in)
}

func TestApplyConstraintsAddsWhatNoRowBreaks(t *testing.T) {
	t.Parallel()
	b := newRulebook()
	told := 0
	r, err := apply(t, t.Context(), b, engine.ConstraintInput{Done: func(rightful.Constraint, rightful.ConstraintStatement) { told++ }}, nil)
	if err != nil || !slices.Equal(b.ran, []string{"first", "second"}) || !slices.Equal(r.Added, b.ran) || !slices.Equal(r.Refused, []string{"broken"}) || told != 2 {
		t.Errorf("%+v, %v, ran %v, told %d", r, err, b.ran, told)
	}
	if r.Counts[rightful.ConstraintHolds] != 3 || r.AllHold() {
		t.Errorf("afterwards: %v", r.Counts)
	}
}

// TestApplyConstraintsRefusesWhatWasNamed, also where this database could not keep it.
func TestApplyConstraintsRefusesWhatWasNamed(t *testing.T) {
	t.Parallel()
	b := newRulebook()
	r, err := apply(t, t.Context(), b, engine.ConstraintInput{Only: []string{"broken and not for us"}}, nil)
	if err != nil || len(r.Refused) != 1 || len(b.ran) > 0 {
		t.Errorf("%+v, %v, ran %v", r, err, b.ran)
	}
}

func TestApplyConstraintsStopsAtAFailure(t *testing.T) {
	t.Parallel()
	b := newRulebook()
	b.fails = "first"
	r, err := apply(t, t.Context(), b, engine.ConstraintInput{}, nil)
	if err != nil || len(b.ran) > 0 || r.Failed == nil || r.Failed.Name != "first" || len(r.Added) > 0 {
		t.Errorf("%+v, %v, ran %v", r, err, b.ran)
	}
	b = newRulebook()
	b.fails = "second"
	r, err = apply(t, t.Context(), b, engine.ConstraintInput{}, nil)
	if err != nil || r.Failed == nil || !slices.Equal(r.Added, []string{"first"}) {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestApplyConstraintsAsks(t *testing.T) {
	t.Parallel()
	b := newRulebook()
	r, err := apply(t, t.Context(), b, engine.ConstraintInput{Confirm: func(r *engine.ConstraintReport) (bool, error) {
		if r.Counts[rightful.ConstraintMissing] != 2 {
			t.Errorf("asked about %v", r.Counts)
		}
		return false, nil
	}}, nil)
	if err != nil || !r.Declined || len(b.ran) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err = apply(t, t.Context(), b, engine.ConstraintInput{Only: []string{"held"}, Confirm: func(*engine.ConstraintReport) (bool, error) {
		t.Error("asked about nothing")
		return true, nil
	}}, nil); err != nil {
		t.Error(err)
	}
	if _, err := apply(t, t.Context(), b, engine.ConstraintInput{Only: []string{"first", "frist"}}, nil); rightful.KindOf(err) != rightful.KindNotFound || len(b.ran) > 0 {
		t.Errorf("a rule that is not there: %v", err)
	}
}

func TestApplyConstraintsOnOneDatabaseOnly(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*rulebook){
		"another state": func(b *rulebook) { b.rules[1].State = rightful.ConstraintHolds },
		"another table": func(b *rulebook) { b.rules[1].Table = "other" },
		"other rows":    func(b *rulebook) { b.rules[2].Rows = 3 },
		"another rule":  func(b *rulebook) { b.rules[1].Name = "other" },
		"fewer rules":   func(b *rulebook) { b.rules = b.rules[:4] },
	} {
		b, other := newRulebook(), newRulebook()
		change(other)
		if _, err := apply(t, t.Context(), b, engine.ConstraintInput{}, other); rightful.KindOf(err) != rightful.KindRefused || len(b.ran) > 0 {
			t.Errorf("%s: %v, ran %v", name, err, b.ran)
		}
	}
	b := newRulebook()
	if r, err := apply(t, t.Context(), b, engine.ConstraintInput{}, newRulebook()); err != nil || len(r.Added) != 2 {
		t.Errorf("the same: %+v, %v", r, err)
	}
}

func TestConstraintsThatCouldNotBeCounted(t *testing.T) {
	t.Parallel()
	b := newRulebook()
	b.rules = b.rules[:1]
	e := &engine.Engine{Constraining: engine.Constraining{Reader: b}}
	if r, err := e.Constraints(t.Context(), nil); err != nil || !r.AllHold() {
		t.Errorf("%+v, %v", r, err)
	}
	b.rules[0] = rightful.Constraint{Name: "held", State: rightful.ConstraintUnknown, Failed: true, Why: "no answer within 5m"}
	if r, err := e.Constraints(t.Context(), nil); err != nil || r.Complete || r.AllHold() || len(r.IncompleteBecause) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := e.ApplyConstraints(t.Context(), engine.ConstraintInput{}); rightful.KindOf(err) != rightful.KindUnsupported {
		t.Errorf("without a writer: %v", err)
	}
	if _, err := new(engine.Engine).Constraints(t.Context(), nil); rightful.KindOf(err) != rightful.KindUnsupported {
		t.Errorf("without a database: %v", err)
	}
}
