package rightful

import "context"

// InboxEntry is an accepted event, with what is known of its object by now.
type InboxEntry struct {
	InboxEvent
	// Snapshot holds identity fields of the object as JSON, by the newest event of it;
	// empty when nothing is known.
	Snapshot string
}

// InboxLog shows what becomes of accepted events. It writes nothing, and works beside
// whoever accepts and judges. Errors are of kind unreachable or unavailable.
type InboxLog interface {
	// InboxBefore returns a number below which, it included, no event stands that was
	// received at a time (Unix seconds) or later.
	InboxBefore(ctx context.Context, at int64) (int64, error)
	// InboxEntriesAfter returns events with a higher number than the given one, in order:
	// at most limit. One with a lower number may be seen later: it was accepted in a
	// transaction that took longer.
	InboxEntriesAfter(ctx context.Context, after int64, limit int) ([]InboxEntry, error)
	// InboxEntries returns those of the numbers that are kept, in order.
	InboxEntries(ctx context.Context, numbers []int64) ([]InboxEntry, error)
}
