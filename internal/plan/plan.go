// Package plan turns findings and decisions into a plan: the document that says
// exactly what will be written, in which order, what must stand there before,
// and what would take it back. It is pure: the same findings and decisions give
// the same plan, byte for byte, in whatever order they come.
//
// make.go makes a plan, decide.go applies decisions, order.go puts units and
// steps in order, and document.go reads and checks a plan, and compares it with
// what is found now.
package plan

import "rightful"

// Plan is what will be written, and what is left for a person to decide.
type Plan struct {
	Hash      string     `json:"hash"`    // over everything but itself and MadeAt
	MadeAt    int64      `json:"made_at"` // Unix seconds
	Account   string     `json:"account"`
	Livemode  bool       `json:"livemode"`
	Reason    string     `json:"reason"`    // why it was decided as it was; security findings demand it
	Decisions []Decision `json:"decisions"` // sorted by finding
	Wishes    []Wish     `json:"wishes,omitempty"`
	Units     []Unit     `json:"units"`
	Questions []Question `json:"questions"` // sorted by severity, then company
}

// Decision is a person's answer to one finding.
type Decision struct {
	Finding string `json:"finding"`
	Choice  string `json:"choice"` // one of the offered ones
}

// Leave is the choice to write nothing. It is always offered.
const Leave = "leave"

// companyChoice begins the choices that name a company.
const companyChoice = "company:"

// Wish is what a person asks for that no finding asks about: that a subscription
// moves, or that the database learns of a payment. What it writes is worked out
// anew from what stands there, when it is planned and when it is applied.
type Wish struct {
	Object  rightful.Ref `json:"object"`
	Decided string       `json:"decided"` // WishMove or WishReflect with a company's id
}

// What wishes ask for; the id of a company follows.
const (
	WishMove    = "move:"    // a subscription becomes the company's
	WishReflect = "reflect:" // what a checkout session bought becomes known as the company's
)

// Unit is the repair of one family. It is applied or fails by itself.
type Unit struct {
	Family    string           `json:"family"`     // a family's key, company:ID, user:ID or cache:KEY
	CompanyID *string          `json:"company_id"` // whose it is after the repair; nil when not one company's
	Amount    *rightful.Amount `json:"amount"`     // the money that hangs on it
	Steps     []Step           `json:"steps"`
}

// Step is one write.
type Step struct {
	ID           string       `json:"id"` // of what is written where: the same in every plan that has this step
	Place        string       `json:"place"`
	Object       rightful.Ref `json:"object"`
	Field        string       `json:"field"`
	From         *string      `json:"from"`    // nil: nothing stands there
	To           *string      `json:"to"`      // nil: remove
	Because      []string     `json:"because"` // findings; a wish may have none
	Precondition Precondition `json:"precondition"`
	Reverse      *Reverse     `json:"reverse"` // nil: cannot be taken back, and need not be
	Decided      string       `json:"decided"` // the choice or wish of a person; empty when automatic
	Message      string       `json:"message"` // what is wrong
	Why          string       `json:"why"`     // why this may be written
	Evidence     []Evidence   `json:"evidence"`
}

// Precondition is what must stand there right before the write.
type Precondition struct {
	Value *string `json:"value"` // nil: nothing
}

// Reverse is what undo writes, if the step's own value still stands there.
type Reverse struct {
	To *string `json:"to"` // nil: unset what the step added
}

// Evidence is one statement that decided, without the time at which it was read:
// reading again does not change a plan.
type Evidence struct {
	Place string `json:"place"`
	Says  string `json:"says"`
	Voice string `json:"voice"`
}

// Question is a finding that is not automatic.
type Question struct {
	Finding   string            `json:"finding"`
	Choices   []string          `json:"choices"` // the last one is always Leave
	Code      rightful.Code     `json:"code"`
	Severity  rightful.Severity `json:"severity"`
	Security  bool              `json:"security"` // deciding it demands a reason
	CompanyID *string           `json:"company_id"`
	Family    string            `json:"family"`
	Object    rightful.Ref      `json:"object"`
	Amount    *rightful.Amount  `json:"amount"`
	Message   string            `json:"message"`
	Why       string            `json:"why"` // why nobody else decides it
	Evidence  []Evidence        `json:"evidence"`
}

// Steps returns how many steps the plan has.
func (p *Plan) Steps() int {
	n := 0
	for _, u := range p.Units {
		n += len(u.Steps)
	}
	return n
}

// AsksUrgently reports whether some question is about an error or a warning.
func (p *Plan) AsksUrgently() bool {
	for _, q := range p.Questions {
		if q.Severity != rightful.SeverityInfo {
			return true
		}
	}
	return false
}
