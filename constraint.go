package rightful

import "context"

// ConstraintKind says what a rule of the app's database demands.
type ConstraintKind string

// The kinds of rules.
const (
	ConstraintUnique     ConstraintKind = "unique"      // no two rows have the same values
	ConstraintForeignKey ConstraintKind = "foreign_key" // the row that is named exists
	ConstraintNotNull    ConstraintKind = "not_null"    // there is a value
	ConstraintNotEmpty   ConstraintKind = "not_empty"   // a value is not the empty text
)

// ConstraintState says how things stand with a rule.
type ConstraintState string

// ConstraintHolds: the database keeps the rule. ConstraintMissing: it does not,
// and no row breaks it. ConstraintBroken: rows break it. ConstraintUnable: the
// database does not keep it, and rightful does not make it do so; why says more.
// ConstraintUnknown: which table and columns it would be about, or how many rows
// break it, could not be told.
const (
	ConstraintHolds   ConstraintState = "holds"
	ConstraintMissing ConstraintState = "missing"
	ConstraintBroken  ConstraintState = "broken"
	ConstraintUnable  ConstraintState = "not_done"
	ConstraintUnknown ConstraintState = "cannot_tell"
)

// Constraint is one rule that would have kept a disagreement out of the app's
// database. Lists are never nil.
type Constraint struct {
	Name    string          `json:"name"` // the same in each run, and what the database calls it
	Kind    ConstraintKind  `json:"kind"`
	Says    string          `json:"says"`  // the rule in words
	Place   string          `json:"place"` // the query that it is about: directory.companies
	Table   string          `json:"table"` // as SQL; empty when it cannot be told
	Columns []string        `json:"columns"`
	Code    Code            `json:"code"` // what an audit reports of rows that break it; empty for none
	State   ConstraintState `json:"state"`
	By      string          `json:"by"`  // the constraint, index or column property that keeps it
	Why     string          `json:"why"` // of not_done and cannot_tell
	Notes   []string        `json:"notes"`

	Rows     int      `json:"rows"`     // that break it
	Examples []string `json:"examples"` // up to five of them
	Todo     string   `json:"todo"`     // what to do first, empty for nothing

	// Statements make the database keep it, in this order, each by itself. They
	// are what is left to do: after an interruption, not all.
	Statements []ConstraintStatement `json:"statements"`
	// Failed: counting was tried and failed, so the look is a partial one.
	Failed bool `json:"failed"`
}

// Refused reports whether the rule could be added if no row broke it.
func (c Constraint) Refused() bool { return c.State == ConstraintBroken && len(c.Statements) > 0 }

// ConstraintStatement is one statement of a rule.
type ConstraintStatement struct {
	SQL  string `json:"sql"`
	Lock string `json:"lock"` // what it locks, and who waits
	Held string `json:"held"` // for how long
	// Counts: it is a query for the number of rows that break the rule, and
	// unless that is 0 the rule is taken back.
	Counts bool `json:"counts"`
	// Long: it takes as long as the table is large, and holds nobody up
	// meanwhile, so that it may wait for others.
	Long bool `json:"long"`
	// Undo takes back what a failure of this statement leaves behind; empty
	// when that is nothing, or is better kept.
	Undo string `json:"undo"`
}

// Constraints are the rules of one database.
type Constraints struct {
	Database string   `json:"database"` // server and version, and its address without secrets
	Session  []string `json:"session"`  // statements to begin a session with that adds rules
	// Patient are those for a statement that is Long; Session follows it again.
	Patient []string `json:"patient"`
	// List has NOT NULL before what builds on it, in an order that is always
	// the same.
	List []Constraint `json:"constraints"`
}

// ConstraintReader is a directory whose database can keep rules by itself.
type ConstraintReader interface {
	// Constraints returns the rules and how things stand with them. It reads.
	// placeholder reports a customer id that means "not made yet". What cannot be
	// told of one rule is in that rule; errors are about the database as a whole.
	Constraints(ctx context.Context, placeholder func(customerID string) bool) (*Constraints, error)
}

// ConstraintWriter makes a database keep a rule.
type ConstraintWriter interface {
	// AddConstraint runs the statements of a rule that is missing, one by one, and
	// calls done after each. An error says what is left behind and what to do
	// next. Running it again after any error is safe.
	AddConstraint(ctx context.Context, c Constraint, done func(ConstraintStatement)) error
}
