package rightful

// Event is what one Stripe event says about identity: which object it was
// about, and which identity metadata it replaced.
type Event struct {
	ID      string
	Type    string // e.g. customer.updated
	Created int64  // Unix seconds
	Account string // on events of connected accounts: which one; else empty

	ObjectType ObjectType // of the object that the event is about
	ObjectID   string

	// Previous holds the identity keys of data.previous_attributes.metadata:
	// the values that stood there before. A key that was absent before is
	// absent here.
	Previous map[string]string

	// IdempotencyKey is that of the request that caused it; empty when there was
	// none, or no request.
	IdempotencyKey string

	// PendingWebhooks is how many endpoints have not acknowledged it yet.
	PendingWebhooks int

	// Body is the event as Stripe sends it, JSON, when it was asked for. It may hold
	// anything: it is to be reduced at once, and kept nowhere.
	Body []byte
}

// EventQuery picks events. Stripe keeps them for 30 days.
type EventQuery struct {
	Types       []string // empty: all types
	Undelivered bool     // only those that some endpoint did not acknowledge
	CreatedFrom int64    // Unix seconds, inclusive; 0 for no bound
	CreatedTo   int64    // Unix seconds, exclusive; 0 for no bound
	Whole       bool     // with Body, where the place has it
}

// WebhookEndpoint is one address that Stripe delivers events to.
type WebhookEndpoint struct {
	ID            string
	URL           string // without query and credentials
	Status        string // enabled or disabled
	EnabledEvents []string
	Created       int64 // Unix seconds
}
