package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// Constraining is the app's database as what keeps rules by itself.
type Constraining struct {
	Reader rightful.ConstraintReader
	// Writer adds rules. Nil: this engine cannot.
	Writer rightful.ConstraintWriter
	// Owner reads by the writer's address, where that is another than the
	// reader's: both must lead to the same database. Nil otherwise.
	Owner rightful.ConstraintReader
}

// ConstraintReport is how things stand with the rules that the database could
// keep.
type ConstraintReport struct {
	Complete              bool                             `json:"complete"`
	IncompleteBecause     []string                         `json:"incomplete_because"`
	Counts                map[rightful.ConstraintState]int `json:"counts"`
	*rightful.Constraints                                  // List: those that were asked for
	byName                map[string]*rightful.Constraint
}

// AllHold reports whether the database keeps every rule.
func (r *ConstraintReport) AllHold() bool {
	return r.Complete && r.Counts[rightful.ConstraintHolds] == len(r.List)
}

// Constraints says how things stand with the rules: those of the names in only,
// or all when there are none. A name that no rule has is an error.
func (e *Engine) Constraints(ctx context.Context, only []string) (*ConstraintReport, error) {
	return e.constraints(ctx, e.Constraining.Reader, only)
}

func (e *Engine) constraints(ctx context.Context, reader rightful.ConstraintReader, only []string) (*ConstraintReport, error) {
	if reader == nil {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Message: "there is no database whose rules could be looked at"}
	}
	found, err := reader.Constraints(ctx, e.placeholder)
	if err != nil {
		return nil, err
	}
	r := &ConstraintReport{
		Complete: true, IncompleteBecause: []string{}, Constraints: found,
		Counts: map[rightful.ConstraintState]int{
			rightful.ConstraintHolds: 0, rightful.ConstraintMissing: 0, rightful.ConstraintBroken: 0, rightful.ConstraintUnable: 0, rightful.ConstraintUnknown: 0,
		}, byName: map[string]*rightful.Constraint{},
	}
	var names []string
	all := found.List
	found.List = []rightful.Constraint{}
	for _, c := range all {
		names = append(names, c.Name)
		if len(only) > 0 && !slices.Contains(only, c.Name) {
			continue
		}
		r.List = append(r.List, c)
		r.Counts[c.State]++
		if c.Failed {
			r.Complete = false
			r.IncompleteBecause = append(r.IncompleteBecause, c.Name+": "+c.Why)
		}
	}
	for i := range r.List {
		r.byName[r.List[i].Name] = &r.List[i]
	}
	for _, name := range only {
		if r.byName[name] == nil {
			return nil, &rightful.Error{Kind: rightful.KindNotFound, Message: fmt.Sprintf("there is no rule %q", name), Hint: "the rules here are " + strings.Join(names, ", ")}
		}
	}
	return r, nil
}

// ConstraintInput says which rules are to be added.
type ConstraintInput struct {
	Only []string // their names; empty for all that are missing
	// Confirm is shown what would be run, and says whether to. It is not asked
	// when there is nothing to run.
	Confirm func(*ConstraintReport) (bool, error)
	// Done, if set, is told of each statement that was run.
	Done func(rightful.Constraint, rightful.ConstraintStatement)
}

// ConstraintsApplied is what came of adding rules.
type ConstraintsApplied struct {
	*ConstraintReport          // how things stand afterwards
	Declined          bool     `json:"declined"`
	Added             []string `json:"added"`   // rules that were added
	Refused           []string `json:"refused"` // rules that rows break: nothing was done for them
	// Failed is the rule whose statement failed, with what is to be done; the
	// rules after it were not tried. Nil when none did.
	Failed *ConstraintFailure `json:"failed"`
}

// ConstraintFailure is a rule that could not be added.
type ConstraintFailure struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Err     error  `json:"-"`
}

// ApplyConstraints makes the database keep the rules that are missing and that
// no row breaks, and reads afterwards how things stand. A rule that is broken is
// refused, and the others are added. An error of adding a rule is in the result.
func (e *Engine) ApplyConstraints(ctx context.Context, in ConstraintInput) (*ConstraintsApplied, error) {
	if e.Constraining.Writer == nil {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Message: "there is no database that rules could be added to"}
	}
	reader := e.Constraining.Reader
	before, err := e.constraints(ctx, reader, in.Only)
	if err != nil {
		return nil, err
	}
	if e.Constraining.Owner != nil {
		reader = e.Constraining.Owner
		owned, err := e.constraints(ctx, reader, in.Only)
		if err != nil {
			return nil, err
		}
		if err := sameDatabase(before, owned); err != nil {
			return nil, err
		}
		before = owned
	}
	out := &ConstraintsApplied{ConstraintReport: before, Added: []string{}, Refused: []string{}}
	for _, c := range before.List {
		named := c.State == rightful.ConstraintBroken && slices.Contains(in.Only, c.Name)
		if c.Refused() || named {
			out.Refused = append(out.Refused, c.Name)
		}
	}
	if before.Counts[rightful.ConstraintMissing] == 0 {
		return out, nil
	}
	if agreed, err := in.Confirm(before); err != nil || !agreed {
		out.Declined = true
		return out, err
	}
	for _, c := range before.List {
		if c.State != rightful.ConstraintMissing {
			continue
		}
		err := e.Constraining.Writer.AddConstraint(ctx, c, func(s rightful.ConstraintStatement) {
			if in.Done != nil {
				in.Done(c, s)
			}
		})
		if err != nil {
			out.Failed = &ConstraintFailure{Name: c.Name, Message: err.Error(), Err: err}
			break
		}
		out.Added = append(out.Added, c.Name)
	}
	// Somebody who interrupts is told how things stand all the same.
	after, err := e.constraints(context.WithoutCancel(ctx), reader, in.Only)
	if err != nil {
		return out, err
	}
	out.ConstraintReport = after
	return out, nil
}

// sameDatabase refuses two addresses that do not show the same rules.
func sameDatabase(one, other *ConstraintReport) error {
	same := len(one.List) == len(other.List)
	for _, c := range one.List {
		twin := other.byName[c.Name]
		same = same && twin != nil && twin.Table == c.Table && twin.State == c.State && twin.Rows == c.Rows
	}
	if same {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindRefused, Message: "RIGHTFUL_DDL_DSN does not show the same tables as directory.dsn: " + other.Database + ", and " + one.Database,
		Hint: "both must lead to one database, and find the same tables there (search_path)",
	}
}
