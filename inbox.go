package rightful

import "context"

// InboxStatus says what became of an event that was accepted.
type InboxStatus string

// The statuses. A pending event is looked at as soon as possible; of an unknown one
// no live company can be named, which is tried again until it is dead.
const (
	InboxPending InboxStatus = "pending"
	InboxMine    InboxStatus = "mine"    // about a live company of the app
	InboxForeign InboxStatus = "foreign" // of another app, account or mode
	InboxUnknown InboxStatus = "unknown" // ours or perhaps ours, and nobody can be named
	InboxIgnored InboxStatus = "ignored" // about nothing that belongs to a family
	InboxDead    InboxStatus = "dead"    // unknown to the end
)

// InboxOrigin says how an event came.
type InboxOrigin string

// OriginDelivered events carry their object. Of a thin one, and of one that was
// never delivered and was found in Stripe's list, the object is read when the event
// is looked at.
const (
	OriginDelivered InboxOrigin = "delivered"
	OriginThin      InboxOrigin = "thin"
	OriginCaughtUp  InboxOrigin = "caught_up"
)

// NoticeState says whether the app was told of an event.
type NoticeState string

// The states. NoticeNone: it is not told of this one.
const (
	NoticeNone    NoticeState = ""
	NoticeWaiting NoticeState = "waiting"
	NoticeTold    NoticeState = "told"
	NoticeDead    NoticeState = "dead" // it did not take it, and later ones go on
)

// InboxShards is how many shards there are. A family is always in the same one, and
// a shard is worked on by one worker at a time.
const InboxShards = 16

// InboxLane names one of the two things that are done with accepted events.
type InboxLane string

// The lanes.
const (
	LaneJudge InboxLane = "judge" // whose is it?
	LaneTell  InboxLane = "tell"  // the app is told
)

// InboxEvent is one event of Stripe, reduced to what says whose it is. It never
// holds the body that was received.
type InboxEvent struct {
	Account  string // acct_... that it is of, empty until that is known
	Livemode bool
	ID       string
	Type     string // e.g. customer.updated
	Created  int64  // Unix seconds, by Stripe's clock
	Origin   InboxOrigin

	ObjectType ObjectType // of the object that it is about
	ObjectID   string
	Family     string // the key of the object's family
	Shard      int    // from 0 to InboxShards-1
	Payload    string // identity fields of the object as JSON; empty when it has to be read, or when it is no longer needed

	Seq        int64 // the order of acceptance; given by the store
	ReceivedAt int64 // Unix seconds

	Status     InboxStatus
	Attempts   int   // how often it was looked at in vain
	NextAt     int64 // Unix seconds: when it is looked at next; of pending and unknown ones
	CompanyID  string
	Codes      []string // of findings on the family, sorted
	Superseded bool     // a newer event of the same object was known when it was looked at
	JudgedAt   int64    // Unix seconds

	Notice         NoticeState
	NoticeAttempts int
	NoticeSince    int64 // Unix seconds: when the app was first asked
	NoticeNextAt   int64 // Unix seconds: when it is asked next
	ToldAt         int64 // Unix seconds
}

// InboxObject is the newest that events told of one Stripe object.
type InboxObject struct {
	Livemode bool
	Type     ObjectType
	ID       string
	Family   string
	Created  int64  // of the newest event, Unix seconds
	EventID  string // which one that is; the last one accepted of several of one second
	Snapshot string // identity fields as JSON
	SeenAt   int64  // when it was heard of last, Unix seconds
}

// Inbox accepts events. It is safe for use by several goroutines and processes.
// Errors are of kind unreachable or unavailable.
type Inbox interface {
	// AcceptEvents keeps the events that are not kept yet, and the job that looks at
	// them, in one transaction. An event is known by its mode and id alone: whether its
	// account is known does not matter. It returns after the commit, and tells which of
	// them are new.
	AcceptEvents(ctx context.Context, events []InboxEvent) (fresh []bool, err error)
}

// InboxWork is what is done with accepted events. One worker at a time holds a
// shard of a lane: what it writes without holding it any more is an error of kind
// conflict. Errors are as those of Inbox.
type InboxWork interface {
	Inbox

	// TakeShard takes a shard for a worker until a time (Unix seconds, by the clock of the
	// caller), unless
	// another one holds it.
	TakeShard(ctx context.Context, lane InboxLane, shard int, worker string, until int64) (bool, error)
	// ReleaseShard gives it back. With more, somebody is to go on with it at once.
	ReleaseShard(ctx context.Context, lane InboxLane, shard int, worker string, more bool) error

	// OpenEvents returns events of a shard that are to be judged: those of families
	// that have one that is due, dead ones too, in order of family, creation and
	// acceptance. Of a family that has more than limit, those that are due are among them.
	// Events of the accounts in without are left out.
	OpenEvents(ctx context.Context, shard int, limit int, without []string) ([]InboxEvent, error)
	// InboxObjects returns what is known of the youngest objects of families, at least
	// a hundred of each, and of those of the ids.
	InboxObjects(ctx context.Context, livemode bool, families, ids []string) ([]InboxObject, error)
	// SettleEvents writes down what was judged, and the objects that were learned. An
	// object that another event made newer meanwhile is left alone. Events whose
	// family turned out to be another one move to its shard. Those with a notice that
	// waits wake the lane that tells.
	SettleEvents(ctx context.Context, shard int, worker string, until int64, events []InboxEvent, objects []InboxObject) error

	// WaitingNotices returns notices of a shard that are due, in order of family,
	// creation and acceptance. Families whose first notice is not due are left out.
	WaitingNotices(ctx context.Context, shard int, limit int) ([]InboxEvent, error)
	// SettleNotices writes down what became of notices.
	SettleNotices(ctx context.Context, shard int, worker string, until int64, events []InboxEvent) error

	// MissingEvents returns those of the ids that are not kept.
	MissingEvents(ctx context.Context, livemode bool, ids []string) ([]string, error)
	// WakeShards makes jobs for what is due and has none, and returns how many. With
	// again, what has a job gets another one: its worker may have been killed.
	WakeShards(ctx context.Context, again bool) (int, error)
	// PruneEvents forgets what came to its end before a time (Unix seconds): at most
	// limit events. It returns how many.
	PruneEvents(ctx context.Context, before int64, limit int) (int, error)
	// PruneObjects forgets objects that were heard of last before a time (Unix seconds):
	// at most limit. It returns how many.
	PruneObjects(ctx context.Context, before int64, limit int) (int, error)

	// InboxMark returns a time (Unix seconds) that was kept under a name, 0 for none,
	// and KeepInboxMark keeps one.
	InboxMark(ctx context.Context, name string) (int64, error)
	KeepInboxMark(ctx context.Context, name string, at int64) error
}

// InboxCounts is how much waits, and how much was given up.
type InboxCounts struct {
	Pending       int   // events that were not looked at yet
	OldestPending int64 // Unix seconds when the oldest of them was accepted; 0: there is none
	Unknown       int   // events of which nobody can be named, and that are tried again
	Waiting       int   // notices that the app has not taken yet

	Dead    int   // events that were given up
	DeadIDs []Ref // the last of them, and what they are about; at most AlertIDs
	// Untold are notices that were given up: the app is not told of them any more.
	Untold    int
	UntoldIDs []Ref
}

// InboxCounter counts accepted events.
type InboxCounter interface {
	// CountEvents counts what waits, and what was given up since a time (Unix seconds).
	// Errors are as those of Inbox.
	CountEvents(ctx context.Context, since int64) (InboxCounts, error)
}
