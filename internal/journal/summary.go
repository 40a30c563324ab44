package journal

import (
	"slices"

	"rightful"
)

// Status is what became of a run.
type Status string

// The statuses.
const (
	StatusRunning     Status = "running"     // at work
	StatusInterrupted Status = "interrupted" // it ended before its end: it may be continued
	StatusPartly      Status = "partly"      // it came to its end, and not every step holds
	StatusFinished    Status = "finished"    // every step holds
	StatusUndone      Status = "undone"      // everything was taken back
)

// Summary is what the records say of one run.
type Summary struct {
	ID          string   `json:"id"`
	Seq         int64    `json:"seq"` // of its first record
	Status      Status   `json:"status"`
	Plan        string   `json:"plan"` // empty for an undo
	PlanMadeAt  int64    `json:"plan_made_at"`
	Undoes      string   `json:"undoes"`    // the run that this one takes back
	UndoneBy    string   `json:"undone_by"` // the last run that takes this one back
	Account     string   `json:"account"`
	Livemode    bool     `json:"livemode"`
	Actor       string   `json:"actor"`
	ContinuedBy []string `json:"continued_by"`
	Approver    string   `json:"approver"`
	Reason      string   `json:"reason"`
	StartedAt   int64    `json:"started_at"`
	LastAt      int64    `json:"last_at"`  // of its last record
	EndedAt     int64    `json:"ended_at"` // 0 while it has no end
	Steps       int      `json:"steps"`
	Counts      Counts   `json:"counts"`
	Holder      string   `json:"holder"` // who has the lease; empty when nobody
}

// Counts are steps by what became of them.
type Counts struct {
	Done      int `json:"done"`
	Already   int `json:"already"`
	Conflict  int `json:"conflict"`
	Failed    int `json:"failed"`
	Uncertain int `json:"uncertain"`
	PutBack   int `json:"put_back"`
	Open      int `json:"open"` // about to be written, and nothing more is known
}

func (c *Counts) of(s State) *int {
	switch s {
	case StateDone:
		return &c.Done
	case StateAlready:
		return &c.Already
	case StateConflict:
		return &c.Conflict
	case StateFailed:
		return &c.Failed
	case StateUncertain:
		return &c.Uncertain
	case StatePutBack:
		return &c.PutBack
	}
	return &c.Open
}

// By reports whether somebody began or continued the run.
func (s Summary) By(actor string) bool {
	return s.Actor == actor || slices.Contains(s.ContinuedBy, actor)
}

// StepState is what the records say of one step.
type StepState struct {
	Step    Step
	State   State  // "" while nothing is known
	Open    bool   // an intent has no outcome: it may have been written or not
	Back    bool   // the open intent takes the step back
	Attempt int    // of the last intent; 0 when there was none
	Key     string // its idempotency key
}

func (s StepState) counted() State {
	if s.Open {
		return ""
	}
	return s.State
}

// Tally follows the records of one run.
type Tally struct {
	Summary Summary
	Steps   map[string]StepState
}

// NewTally returns the tally of a run without records.
func NewTally(run string) *Tally {
	return &Tally{Summary: Summary{ID: run, Status: StatusRunning, ContinuedBy: []string{}}, Steps: map[string]StepState{}}
}

// Add follows one more record of the run.
func (t *Tally) Add(e Entry) error {
	s := &t.Summary
	s.LastAt = e.At
	switch e.Kind {
	case KindRunStarted, KindUndoStarted:
		b, err := e.Start()
		s.Plan, s.PlanMadeAt, s.Undoes, s.Account, s.Livemode = b.Plan, b.PlanMadeAt, b.Undoes, b.Account, b.Livemode
		s.Actor, s.Approver, s.Reason, s.Steps, s.StartedAt, s.Seq = b.Actor, b.Approver, b.Reason, b.Steps, e.At, e.Seq
		return err
	case KindRunContinued:
		b, err := e.Continuation()
		s.Status, s.EndedAt = StatusRunning, 0
		if !s.By(b.Actor) {
			s.ContinuedBy = append(s.ContinuedBy, b.Actor)
		}
		return err
	case KindStepIntended:
		b, err := e.Intent()
		t.set(b.Step.ID, func(st *StepState) {
			st.Step, st.Open, st.Back, st.Attempt, st.Key = b.Step, true, b.Back, b.Attempt, b.IdempotencyKey
		})
		return err
	case KindRunFinished, KindUndoFinished:
		b, err := e.RunEnd()
		s.EndedAt = e.At
		switch {
		case b.Interrupted:
			s.Status = StatusInterrupted
		case s.Counts.Done+s.Counts.Already == s.Steps && s.Counts.Open == 0:
			s.Status = StatusFinished
		default:
			s.Status = StatusPartly
		}
		return err
	}
	if outcomeOf(e.Kind) != "" {
		b, err := e.Outcome()
		t.set(b.Step.ID, func(st *StepState) {
			st.Step, st.State, st.Open, st.Back = b.Step, b.State, false, false
		})
		return err
	}
	return nil
}

// set changes the state of a step and keeps the counts.
func (t *Tally) set(id string, change func(*StepState)) {
	st, known := t.Steps[id]
	if known {
		*t.Summary.Counts.of(st.counted())--
	}
	change(&st)
	t.Steps[id] = st
	*t.Summary.Counts.of(st.counted())++
}

// TakenBack tells a run about the undo of it.
func (s *Summary) TakenBack(undo Summary) {
	s.UndoneBy = undo.ID
	if undo.Status == StatusFinished {
		s.Status = StatusUndone
	}
}

// Tallies follow the records of every run.
type Tallies map[string]*Tally

// Add follows one more record.
func (all Tallies) Add(e Entry) error {
	if e.Run == "" {
		return nil
	}
	t, known := all[e.Run]
	if !known {
		t = NewTally(e.Run)
		all[e.Run] = t
	}
	if err := t.Add(e); err != nil {
		return err
	}
	if undone := all[t.Summary.Undoes]; undone != nil {
		undone.Summary.TakenBack(t.Summary)
	}
	return nil
}

// Same reports whether a run may be continued with this start: the same plan, or
// the same undo, of the same account and mode.
func (s Summary) Same(start Start) bool {
	return s.Plan == start.Plan && s.PlanMadeAt == start.PlanMadeAt && s.Undoes == start.Undoes &&
		s.Account == start.Account && s.Livemode == start.Livemode
}

// Refuse returns an error of kind refused about what stands in the way of a run.
func Refuse(message, hint string, cause error) error {
	return &rightful.Error{Kind: rightful.KindRefused, Place: "journal", Message: message, Hint: hint, Err: cause}
}
