package rightful

import (
	"context"
	"iter"
)

// A mirror keeps the identity fields of a Stripe account's objects, so that they can
// be read again without asking Stripe. It is filled list by list: a pass reads one
// list from its newest object to its oldest, in windows of creation times that may be
// read side by side, and what changes afterwards is followed.

// MirrorObject is one object as it stood at a time.
type MirrorObject struct {
	Object
	// AsOf is when it stood like this: Unix seconds, by Stripe's clock. Of two
	// states of an object the later one is kept.
	AsOf int64
	// Exists is ExistsPresent, or ExistsDeleted or ExistsMissing for an object that was
	// there once: then only what names the object and AsOf mean anything, and the
	// mirror answers so when it is asked for the id.
	Exists Existence
}

// MirrorWindow is a range of creation times of one pass. It is read newest first.
type MirrorWindow struct {
	ID   int64 // unique in its pass, from 1
	From int64 // Unix seconds, inclusive
	To   int64 // Unix seconds, exclusive
	// After is the id of the last object that was kept, and AfterCreated its creation
	// time in Unix seconds: where the reading goes on. Empty at the beginning.
	After        string
	AfterCreated int64
	Done         bool
}

// MirrorPass is one reading of a whole list.
type MirrorPass struct {
	ID      int64
	Type    ObjectType
	Started int64 // Unix seconds, by Stripe's clock: what is created later is not part of it
	Ended   int64 // Unix seconds; 0 while it is under way
	Windows []MirrorWindow
	Pages   int64 // pages kept so far
	Objects int64 // objects kept so far
}

// MirrorPart is what a mirror knows of one list.
type MirrorPart struct {
	Type    ObjectType
	Objects int64 // that are there, by what the mirror knows
	// Full is when the last pass that came to its end began: Unix seconds, 0 when
	// none did. Everything that was there then was seen then or later.
	Full int64
	// Followed is until when changes were taken in: Unix seconds, 0 for never. It is
	// never before Full.
	Followed int64
	Pass     *MirrorPass // the one under way, nil for none
}

// MirrorPage is what one answer of Stripe adds to a mirror: the objects, and where
// the windows stand with them. A window that is new or changed is kept as it is here.
type MirrorPage struct {
	Pass    int64 // 0: it is of no pass
	Objects []MirrorObject
	Windows []MirrorWindow
	// Replaced are events that tell which identity metadata was replaced: those with
	// Previous. What else an event has is not kept. One that is there already stays.
	Replaced []Event
}

// MirrorReplaced is what a mirror knows of identity metadata that was replaced.
type MirrorReplaced struct {
	Events []Event // with Previous, newest first; no older than Stripe keeps events
	// Since and Until say of which time it knows all that Stripe told: Unix seconds, Since
	// inclusive, Until exclusive. Both are 0 where there is no such time.
	Since, Until int64
}

// MirrorStore is the mirror of one account in one mode. Reading it as a StripeReader
// gives what it holds, and costs no request: lists come newest first as Stripe's do, Get
// tells deleted and missing objects that it knows of from ids that it never saw
// (ExistsUnknown), Search is exact. Several goroutines may use it at a time.
//
// Errors are of kind unreachable, unavailable, forbidden, refused (its tables are of a newer
// version of rightful) or invalid.
type MirrorStore interface {
	StripeReader

	// Parts tells how much of each listed type is there, and how old it is, in the
	// order of ListedTypes.
	Parts(ctx context.Context) ([]MirrorPart, error)
	// Begin begins a pass over a list. One that is under way is returned as it
	// stands, and the other arguments mean nothing.
	Begin(ctx context.Context, t ObjectType, started int64, windows []MirrorWindow) (MirrorPass, error)
	// Keep keeps pages in one transaction: all of it or nothing. An object that is
	// there with a later AsOf stays as it is, and counts as seen by the pass.
	Keep(ctx context.Context, pages []MirrorPage) error
	// Unseen yields the ids of objects of the pass's list that are there, were
	// created before the pass began, and were neither seen by it nor kept since.
	Unseen(ctx context.Context, pass int64) iter.Seq2[string, error]
	// End ends a pass whose windows are all done, and sets Full and Followed of its
	// part. A pass with a window that is not done is an error of kind invalid.
	End(ctx context.Context, pass int64, ended int64) error
	// Follow keeps objects with what was followed until then, of all types, in one
	// transaction. A part that had no full pass stays so. from is since when events were
	// taken in, and all that they replaced was kept: Unix seconds.
	Follow(ctx context.Context, objects []MirrorObject, from, until int64) error
	// Replaced tells which identity metadata was replaced, by what was kept with these
	// identity keys.
	Replaced(ctx context.Context) (MirrorReplaced, error)
	// Drop forgets everything of this account and mode.
	Drop(ctx context.Context) error
}

// MirrorFamily is a family as a mirror holds it, or a part of one that is too big to be
// held whole.
type MirrorFamily struct {
	// Key is the customer's id, or the object's own id for what has no customer: a
	// guest's session, its payment intent and what else it made are families of their
	// own here.
	Key string
	// Customer tells what is known of the customer: unknown when it was never seen,
	// and for what has no customer. The first part of a family tells it, and so do the
	// others.
	Customer Existence
	// Objects are those that are there, by type, the customer first. They may be kept;
	// the slice is used again for the next part.
	Objects []Object
	// More is set when the next part is of the same family.
	More bool
}

// FamilyReader reads a mirror family by family. Several goroutines may use it at a time.
// The sequences stop at the first error, which they yield with an empty part; its kind
// is one of MirrorStore's.
type FamilyReader interface {
	// Families yields the families of one of so many shards, which are 0 and up. Each
	// family is in one of them, and all are about as big.
	Families(ctx context.Context, shard, of int) iter.Seq2[MirrorFamily, error]
	// FamiliesOf yields the families with these keys, in their order. Those of which
	// nothing is known are left out.
	FamiliesOf(ctx context.Context, keys []string) iter.Seq2[MirrorFamily, error]
}
