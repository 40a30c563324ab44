// Package journal says what a repair writes down about itself: who began it and
// why, what it was about to write before it wrote it, and what came of it. The
// records stand in one chain, each with the hash of the one before, so that a
// record that is changed, removed or put in afterwards is found.
//
// The package holds the nouns, the chain and what can be told from records
// alone; it stores nothing. entry.go has the records, chain.go their hashes,
// summary.go what became of a run, filter.go how records are chosen, and
// secret.go what never gets in. Where they are kept is internal/state.
package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"rightful"
)

// Log is a journal that can be written and read.
type Log interface {
	Reader

	// Begin takes the lease of the account and records the start, or the
	// continuation, of a run. Errors of kind refused: *HeldError when another run
	// is at work on the account; *UsedError when the plan, or the undo, had its
	// run already; a plan that waits for approval; a journal whose end is broken.
	Begin(ctx context.Context, start Start) (Run, error)

	// Rebuild derives the table of runs again from the records. It does nothing,
	// and says so with kind refused, while the chain is broken.
	Rebuild(ctx context.Context) error

	Close() error
}

// Reader reads a journal.
type Reader interface {
	// Runs returns what became of the runs that the filter chooses, the oldest
	// first.
	Runs(ctx context.Context, f Filter) ([]Summary, error)

	// Entries yields the records that the filter chooses, in their order. It
	// ends with the first error.
	Entries(ctx context.Context, f Filter) iter.Seq2[Entry, error]

	// Verify walks the chain to its first broken record.
	Verify(ctx context.Context) (Check, error)
}

// Run is one application of a plan, or one undo, under way. What it records is
// durable when the method returns; an error means that it may not be, and has
// ErrNotRecorded in its chain. But for ErrSecret, nothing can be recorded in the
// run after that: whoever applies stops before the next write, and the run is
// continued later.
type Run interface {
	// ID names the run; it belongs into idempotency keys.
	ID() string

	// Before returns what earlier parts of this run left, by step: empty unless
	// the run is continued. A step that is Open was about to be written.
	Before() map[string]StepState

	// Intend records, before they are written, writes that are about to be made.
	// Those of one call are recorded together or not at all.
	Intend(ctx context.Context, intents ...Intent) error

	// Settle records what came of steps.
	Settle(ctx context.Context, outcomes ...Outcome) error

	// FinishUnit records the end of a unit.
	FinishUnit(ctx context.Context, end UnitEnd) error

	// Finish records the end of the run, or of this part of it when it was
	// interrupted, and gives the lease back.
	Finish(ctx context.Context, end RunEnd) error

	// Beat says that the run is alive, where nothing is recorded for long. Every
	// record says so too.
	Beat(ctx context.Context) error
}

// StaleAfter is how many seconds after its last sign of life a run's lease may be
// taken over.
const StaleAfter = 120

// ErrNotRecorded is in the chain of every error of a record that may not be
// durable. What it was about must not be written.
var ErrNotRecorded = errors.New("not recorded in the journal")

// ErrLeaseLost is in the chain, beside ErrNotRecorded, when somebody else has
// taken over because this run seemed dead.
var ErrLeaseLost = errors.New("another run has taken over")

// ErrSecret is in the chain, beside ErrNotRecorded, when a value of a step looks
// like a secret. It is about that step: the run can go on without it.
var ErrSecret = errors.New("looks like a secret")

// ErrBroken is in the chain of a refusal to write on, or to derive from, a journal
// that is damaged.
var ErrBroken = errors.New("the journal is damaged")

// HeldError tells who is at work on the account. It is the cause of an error of
// kind refused.
type HeldError struct{ Lease }

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is at work there, by %s", e.Run, e.Holder)
}

// UsedError tells which run has used up a plan, or undone a run. It is the cause
// of an error of kind refused.
type UsedError struct {
	Run    string
	Status Status
}

func (e *UsedError) Error() string {
	return fmt.Sprintf("%s did it already and is %s", e.Run, e.Status)
}

// Lease is the right to write to an account: one run has it.
type Lease struct {
	Run    string `json:"run"`
	Holder string `json:"holder"` // who, on which machine, in which process
	Since  int64  `json:"since"`  // Unix seconds
	Beat   int64  `json:"beat"`   // its last sign of life
}

// Stale reports whether the lease may be taken over.
func (l Lease) Stale(now int64) bool { return now-l.Beat >= StaleAfter }

// Last names the run that began last.
const Last = "last"

// Find returns the one run whose id begins so, or the Last one. None is an error of
// kind not_found, several one of kind ambiguous.
func Find(ctx context.Context, r Reader, text string) (Summary, error) {
	runs, err := r.Runs(ctx, Filter{})
	if err != nil {
		return Summary{}, err
	}
	if text == Last && len(runs) > 0 {
		return runs[len(runs)-1], nil
	}
	runs = slices.DeleteFunc(runs, func(r Summary) bool { return text == "" || !strings.HasPrefix(r.ID, text) })
	switch {
	case len(runs) == 0 && text == Last:
		return Summary{}, &rightful.Error{Kind: rightful.KindNotFound, Message: "no run was recorded here", Hint: "name another state with --state"}
	case len(runs) == 0:
		return Summary{}, &rightful.Error{Kind: rightful.KindNotFound, Message: fmt.Sprintf("there is no run %q", text), Hint: "rightful journal list names them"}
	case len(runs) == 1:
		return runs[0], nil
	}
	return Summary{}, &rightful.Error{
		Kind: rightful.KindAmbiguous, Message: fmt.Sprintf("%d runs begin with %q", len(runs), text), Hint: "write more of the id: " + runs[0].ID,
	}
}
