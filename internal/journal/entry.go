package journal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// Kind says what a record is about: a fact, in the past tense.
type Kind string

// The kinds. Readers leave kinds alone that they do not know.
const (
	KindRunStarted    Kind = "run_started"   // Start
	KindUndoStarted   Kind = "undo_started"  // Start
	KindRunContinued  Kind = "run_continued" // Continuation
	KindStepIntended  Kind = "step_intended" // Intent
	KindStepDone      Kind = "step_done"     // Outcome, as the other steps
	KindStepAlready   Kind = "step_already"
	KindStepConflict  Kind = "step_conflict"
	KindStepFailed    Kind = "step_failed"
	KindStepUncertain Kind = "step_uncertain"
	KindStepPutBack   Kind = "step_put_back"
	KindUnitFinished  Kind = "unit_finished" // UnitEnd
	KindRunFinished   Kind = "run_finished"  // RunEnd
	KindUndoFinished  Kind = "undo_finished" // RunEnd
	KindPlanApproved  Kind = "plan_approved" // Approval; of no run
)

// State is how a step ended.
type State string

// The states.
const (
	StateDone      State = "done"      // written, and read back
	StateAlready   State = "already"   // the target stood there before: not ours to undo
	StateConflict  State = "conflict"  // something else than expected stands there: not written
	StateFailed    State = "failed"    // the place refused, and what it was stands there still
	StateUncertain State = "uncertain" // it was sent, and nobody knows what came of it
	StatePutBack   State = "put_back"  // written, and taken back because the rest of its unit failed
)

var states = []State{StateDone, StateAlready, StateConflict, StateFailed, StateUncertain, StatePutBack}

// Kind returns the kind of record that says so.
func (s State) Kind() (Kind, error) {
	if !slices.Contains(states, s) {
		return "", invalid(fmt.Sprintf("%q is no state in which a step ends", s), "")
	}
	return Kind("step_" + string(s)), nil
}

// outcomeOf returns the state that a kind of record tells; "" for other kinds.
func outcomeOf(k Kind) State {
	if s, is := strings.CutPrefix(string(k), "step_"); is && slices.Contains(states, State(s)) {
		return State(s)
	}
	return ""
}

// Entry is one record. Its hash is over all the rest, as canonical JSON (RFC
// 8785), so anybody can compute it from an export.
type Entry struct {
	Seq  int64          `json:"seq"` // from 1, without gaps
	Run  string         `json:"run"`
	At   int64          `json:"at"` // Unix seconds
	Kind Kind           `json:"kind"`
	Body jsontext.Value `json:"body"`
	Prev string         `json:"prev"` // the hash of the record before; empty for the first
	Hash string         `json:"hash"`
}

// Start is the beginning of a run: of a plan's, or of an undo.
type Start struct {
	Plan       string `json:"plan"`         // its hash; empty for an undo
	PlanMadeAt int64  `json:"plan_made_at"` // the same repair planned again later is another plan
	Undoes     string `json:"undoes"`       // the run that is taken back; empty otherwise
	Account    string `json:"account"`
	Livemode   bool   `json:"livemode"`
	Actor      string `json:"actor"`
	Reason     string `json:"reason"`
	Steps      int    `json:"steps"` // how many there are to settle

	// Continue names the run to go on with. It must be the same plan, or the same
	// undo.
	Continue string `json:"-"`

	// The log sets these.
	Approver string `json:"approver"`  // the second person, where the plan demands one
	Holder   string `json:"holder"`    // where it runs
	TookOver *Lease `json:"took_over"` // whose stale lease was taken
}

// Validate reports what makes no start.
func (s Start) Validate() error {
	switch {
	case strings.TrimSpace(s.Actor) == "":
		return invalid("nobody is named who does it", "name the actor")
	case (s.Plan == "") == (s.Undoes == ""):
		return invalid("a run is of one plan, or takes back one run", "")
	case s.Steps < 0:
		return invalid("a run cannot have fewer than no steps", "")
	}
	return nil
}

// Continuation is the beginning of a further part of a run.
type Continuation struct {
	Actor    string `json:"actor"`
	Reason   string `json:"reason"`
	Holder   string `json:"holder"`
	TookOver *Lease `json:"took_over"`
}

// Step is one write, with all that is needed to take it back. Its shape is the
// journal's own: a plan's may change, and old journals are still read.
type Step struct {
	ID           string       `json:"id"`
	Unit         string       `json:"unit"`
	CompanyID    *string      `json:"company_id"`
	Place        string       `json:"place"`
	Object       rightful.Ref `json:"object"`
	Field        string       `json:"field"`
	From         *string      `json:"from"` // nil: nothing stood there
	To           *string      `json:"to"`   // nil: removed
	Precondition Precondition `json:"precondition"`
	Reverse      *Reverse     `json:"reverse"` // nil: cannot be taken back
	Because      []string     `json:"because"` // finding ids
	Decided      string       `json:"decided"` // the choice that a person made; empty when automatic
}

// Precondition is what must stand there right before the write.
type Precondition struct {
	Value *string `json:"value"`
}

// Reverse is what takes the step back.
type Reverse struct {
	To *string `json:"to"`
}

// Intent is a write that is about to be made.
type Intent struct {
	Step           Step   `json:"step"`
	Attempt        int    `json:"attempt"`         // from 1; each has an idempotency key of its own
	IdempotencyKey string `json:"idempotency_key"` // empty where the place has none
	Back           bool   `json:"back"`            // the write takes the step back: it writes Reverse.To
}

// Outcome is what came of a step.
type Outcome struct {
	State   State  `json:"-"` // the record's kind tells it
	Step    Step   `json:"step"`
	Attempt int    `json:"attempt"` // of the last intent; 0 when nothing was sent
	Seen    *Seen  `json:"seen"`    // nil: nobody could look
	Why     string `json:"why"`     // for people; empty when done
}

// Seen is what stood there after the step.
type Seen struct {
	Value *string `json:"value"` // nil: nothing
}

// UnitEnd is the end of a unit.
type UnitEnd struct {
	Unit    string   `json:"unit"`
	Whole   bool     `json:"whole"`   // every step is done or was already
	Skipped []string `json:"skipped"` // ids of steps that were not tried
	Why     string   `json:"why"`
}

// RunEnd is the end of a run.
type RunEnd struct {
	Interrupted bool   `json:"interrupted"` // it may be continued
	Why         string `json:"why"`
}

// Approval is a second person's word for a plan.
type Approval struct {
	Plan       string `json:"plan"`
	PlanMadeAt int64  `json:"plan_made_at"`
	Approver   string `json:"approver"`
	SavedBy    string `json:"saved_by"`
}

// decode reads the body of a record.
func decode[T any](e Entry) (T, error) {
	var body T
	if err := json.Unmarshal(e.Body, &body); err != nil {
		return body, fmt.Errorf("record %d (%s) cannot be read: %w", e.Seq, e.Kind, err)
	}
	return body, nil
}

// Start returns the body of a record that begins a run.
func (e Entry) Start() (Start, error) { return decode[Start](e) }

// Continuation returns the body of a record that continues a run.
func (e Entry) Continuation() (Continuation, error) { return decode[Continuation](e) }

// Intent returns the body of a record of an intent.
func (e Entry) Intent() (Intent, error) { return decode[Intent](e) }

// Outcome returns the body of a record of a step's outcome.
func (e Entry) Outcome() (Outcome, error) {
	o, err := decode[Outcome](e)
	o.State = outcomeOf(e.Kind)
	return o, err
}

// UnitEnd returns the body of a record that ends a unit.
func (e Entry) UnitEnd() (UnitEnd, error) { return decode[UnitEnd](e) }

// RunEnd returns the body of a record that ends a run.
func (e Entry) RunEnd() (RunEnd, error) { return decode[RunEnd](e) }

// Approval returns the body of a record of an approval.
func (e Entry) Approval() (Approval, error) { return decode[Approval](e) }

// step returns the step that a record is about, nil when it is about none.
func (e Entry) step() (*Step, error) {
	if e.Kind != KindStepIntended && outcomeOf(e.Kind) == "" {
		return nil, nil
	}
	body, err := decode[struct {
		Step Step `json:"step"`
	}](e)
	return &body.Step, err
}

func invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "journal", Message: message, Hint: hint}
}
