package rightful

// Task is what a schedule runs.
type Task string

// The tasks.
const (
	TaskSync  Task = "sync"  // the mirror takes in what changed
	TaskAudit Task = "audit" // everything is judged, and recorded
)

// TaskKey is one task of one account in one mode: it runs at one place at a time.
type TaskKey struct {
	Task     Task   `json:"task"`
	Account  string `json:"account"`
	Livemode bool   `json:"livemode"`
}

// TaskOutcome is how a run of a task ended.
type TaskOutcome string

// The outcomes.
const (
	TaskComplete   TaskOutcome = "complete"
	TaskIncomplete TaskOutcome = "incomplete" // something could not be read
	TaskRefused    TaskOutcome = "refused"    // it would have been unsafe
	TaskFailed     TaskOutcome = "failed"     // it was tried again and again
)

// Scheduled is a task with when it runs.
type Scheduled struct {
	TaskKey
	Rule string `json:"rule"` // every 15m0s, or cron 0 4 * * *
	// DueAt is when the run under way was due, else when the next one is: Unix seconds.
	DueAt   int64        `json:"due_at"`
	Running *TaskRunning `json:"running"` // nil: nobody is at it
	// Refused says why it does not run any more; empty: it does.
	Refused string   `json:"refused"`
	Last    *TaskRun `json:"last"` // nil: it never ran

	Queue   string `json:"-"` // of those who can run it
	After   int64  `json:"-"` // how often it was taken: who takes it next says so
	RetryAt int64  `json:"-"` // Unix seconds: not before, after a failure
	GETs    int64  `json:"usual_gets"`
}

// TaskRunning says who is at a task.
type TaskRunning struct {
	Holder string `json:"holder"`
	Since  int64  `json:"since"` // Unix seconds
	Until  int64  `json:"until"` // Unix seconds: unless it gives a sign of life
}

// TaskRun is one run of a task. There is one for each time at which it was due and
// somebody was up.
type TaskRun struct {
	TaskKey
	DueAt     int64       `json:"due_at"`     // Unix seconds
	StartedAt int64       `json:"started_at"` // Unix seconds
	EndedAt   int64       `json:"ended_at"`   // Unix seconds
	Outcome   TaskOutcome `json:"outcome"`
	Detail    string      `json:"detail"`   // for people
	AuditID   string      `json:"audit_id"` // of an audit that was recorded, else empty
	GETs      int64       `json:"stripe_gets"`
	Slices    int64       `json:"slices"` // how often it was taken up
	Holder    string      `json:"holder"` // who ended it
}

// TaskLease is the right to run a task, and to ask Stripe about its account in the
// background. Nobody else has it for the account until Until.
type TaskLease struct {
	TaskKey
	Token     string
	Rule      string
	DueAt     int64
	StartedAt int64 // Unix seconds: when the run was begun, perhaps by somebody else
	Tries     int64 // how often it was taken up since it last came any further
	GETs      int64 // that the run has taken so far
}

// TaskEnd is the end of a run.
type TaskEnd struct {
	Outcome TaskOutcome
	Detail  string
	GETs    int64 // of the last slice
	Usual   bool  // the next run will take about as many GETs as this one did
	NextAt  int64 // Unix seconds
	Audit   *AuditResult
}

// NodeShare is what a process among others may take of an account's pace.
type NodeShare struct {
	Nodes int  // processes that share the account, this one among them
	Room  bool // all others divide by at least as many: there is room for this one
}
