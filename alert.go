package rightful

import "context"

// AlertKind says what an alert is about.
type AlertKind string

// The kinds of alerts.
const (
	AlertFinding    AlertKind = "finding"    // a recorded finding is open
	AlertValidation AlertKind = "validation" // payments or ids of clients are refused, or would be
	AlertDelivery   AlertKind = "delivery"   // webhooks, or alerts themselves, do not arrive
	AlertAudit      AlertKind = "audit"      // an audit is incomplete, or overdue
)

// Alert is something that somebody should know of. It is open until it is resolved,
// and what is about the same thing has the same key. It holds no secrets, and no
// emails.
type Alert struct {
	Key      string    `json:"key"` // what it is about: finding:ID, validation:other_company, delivery:dead, audit:overdue
	Kind     AlertKind `json:"kind"`
	Severity Severity  `json:"severity"`
	Title    string    `json:"title"`   // general: it names nothing and nobody
	Message  string    `json:"message"` // may name companies, so it is sent only to channels that ask for it
	IDs      []Ref     `json:"ids"`     // what it is about; at most AlertIDs of them
	Codes    []Code    `json:"codes"`
	At       int64     `json:"at"`       // Unix seconds when it was opened
	Seen     int64     `json:"seen"`     // Unix seconds when it happened last
	Resolved int64     `json:"resolved"` // Unix seconds; 0 while it is open

	// Count is how often it happened since it was opened; when it is raised, how
	// often it happened anew.
	Count int `json:"count"`
	// Quiet is after how many seconds without happening again it resolves by itself.
	// What has it can happen again while it is open, and that is told too. 0: it
	// stands until somebody resolves it.
	Quiet int64 `json:"quiet"`
}

// AlertIDs is how many ids an alert keeps, and AlertExamples how many alerts of a
// kind a message shows.
const (
	AlertIDs      = 10
	AlertExamples = 10
)

// AlertChannelDead begins the key of the alert that a channel fails; its name follows.
// The channel itself is not told of it.
const AlertChannelDead = "channel:dead:"

// RefRightful is the type of a Ref to the company that something rightfully belongs
// to.
const RefRightful = "rightful_company"

// Label is what alerts are counted under: the code of a finding, and else the key.
func (a Alert) Label() string {
	if a.Kind == AlertFinding && len(a.Codes) > 0 {
		return string(a.Codes[0])
	}
	return a.Key
}

// AlertRule is what one channel is told.
type AlertRule struct {
	Channel   string
	Kinds     []AlertKind // what it is told of
	Severity  Severity    // and how severe that is at least
	Threshold int         // how often what can happen again must happen first; at least 1
	Every     int64       // seconds between two messages
	Remind    int64       // after how many seconds what is still open is told again
}

// AlertSaid says why an alert is in a message.
type AlertSaid string

// What is said of an alert, in the order of a message.
const (
	SaidNew      AlertSaid = "new"
	SaidAgain    AlertSaid = "again" // it happened again
	SaidOpen     AlertSaid = "open"  // it is still open
	SaidResolved AlertSaid = "resolved"
)

// AlertMessage is everything that one channel is told at once. It does not change
// after it was made, whenever and by whomever it is sent.
type AlertMessage struct {
	ID      string `json:"id"`
	Channel string `json:"channel"`
	At      int64  `json:"at"`   // Unix seconds when it was made
	Test    bool   `json:"test"` // somebody tries the channel: nothing is wrong

	Parts []AlertPart `json:"parts"`

	// Incidents are the groups in which open alerts were told first, and Ended those
	// of which no alert is open any more: for channels that keep incidents.
	Incidents []AlertIncident `json:"incidents"`
	Ended     []string        `json:"ended"`
}

// AlertPart is what a message says about alerts of which the same is to be said.
type AlertPart struct {
	Said     AlertSaid    `json:"said"`
	Count    int          `json:"count"`  // of alerts
	Counts   []AlertCount `json:"counts"` // by label
	Examples []Alert      `json:"examples"`
}

// AlertCount counts alerts of one label.
type AlertCount struct {
	Label    string   `json:"label"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"` // of the most severe
	Count    int      `json:"count"`    // of alerts; how often it happened anew for what can happen again
}

// AlertIncident is a group of alerts that were told first in one message, whose id
// it has.
type AlertIncident struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"` // of its most severe alert
	Count    int      `json:"count"` // of alerts in this message
}

// AlertClaim is a message that nobody else sends now.
type AlertClaim struct {
	Message  AlertMessage
	Token    string // shows who claimed it
	Failures int    // how often sending on this channel failed since it last succeeded
}

// AlertOutcome is what became of sending a message.
type AlertOutcome struct {
	Claim AlertClaim
	// Failed says in words for people why it was not sent; empty: it was. It holds
	// no secret.
	Failed string
	// NotBefore is when it may be tried again, in Unix seconds, and GiveUp that it
	// was tried long enough: another one is made of what is to be said then.
	NotBefore int64
	GiveUp    bool
}

// AlertTold is what one channel was told of an alert last.
type AlertTold struct {
	Channel string    `json:"channel"`
	Said    AlertSaid `json:"said"`
	At      int64     `json:"at"`      // Unix seconds when the message was made
	Sent    bool      `json:"sent"`    // it arrived; false: it is on its way
	Message string    `json:"message"` // id of the message
}

// AlertState is an alert with whom it was told to.
type AlertState struct {
	Alert
	Told []AlertTold `json:"told"`
}

// AlertChannel is how a channel fares.
type AlertChannel struct {
	Name      string `json:"name"`
	Since     int64  `json:"since"`      // Unix seconds when it was first used
	SentAt    int64  `json:"sent_at"`    // Unix seconds of the last message that arrived; 0: none
	TriedAt   int64  `json:"tried_at"`   // Unix seconds of the last attempt
	Failures  int    `json:"failures"`   // since the last message that arrived
	Error     string `json:"error"`      // of the last attempt; empty when it succeeded
	NotBefore int64  `json:"not_before"` // when it is tried again, in Unix seconds
	Pending   bool   `json:"pending"`    // a message waits to be sent
}

// AlertReader reads alerts. Errors are of kind unreachable or unavailable.
type AlertReader interface {
	// Alerts returns alerts, open ones first, the most severe and then the latest
	// first: at most limit, and how many there are. With resolvedSince, a time in
	// Unix seconds, also those that were resolved since; 0 means open ones only.
	Alerts(ctx context.Context, resolvedSince int64, limit int) (alerts []AlertState, open int, err error)
	// AlertChannels returns every channel that was ever used, by name.
	AlertChannels(ctx context.Context) ([]AlertChannel, error)
}

// AlertStore keeps alerts, and what was told about them. It is safe for use by
// several processes: what one of them says, no other says again. What it returned
// is durable.
type AlertStore interface {
	AlertReader

	// RaiseAlerts opens alerts. One that is open already is refreshed, and one that
	// was resolved is opened again.
	RaiseAlerts(ctx context.Context, alerts []Alert) error
	// ResolveAlerts ends alerts. Those that are not open are left alone.
	ResolveAlerts(ctx context.Context, keys []string) error
	// ReplaceAlerts opens those of the alerts that are not open, and ends every
	// open one of the kind that is not among them.
	ReplaceAlerts(ctx context.Context, kind AlertKind, alerts []Alert) error
	// ResolveQuietAlerts ends what has not happened again for as long as it says.
	ResolveQuietAlerts(ctx context.Context) error

	// MakeAlertMessage makes a message of what the rule's channel is to be told now,
	// if anything is, no message waits, and the last one is long enough ago.
	MakeAlertMessage(ctx context.Context, rule AlertRule) error
	// ClaimAlertMessage returns the message that waits to be sent on a channel; nil
	// when none does, somebody else sends it, or it is too early to try again. The
	// claim is over after some seconds.
	ClaimAlertMessage(ctx context.Context, channel string, seconds int64) (*AlertClaim, error)
	// SettleAlertMessage writes down what became of a claimed message.
	SettleAlertMessage(ctx context.Context, outcome AlertOutcome) error
	// ForgetAlerts removes what was resolved, and messages that were sent, before a
	// time in Unix seconds.
	ForgetAlerts(ctx context.Context, before int64) error
}
