// Package pull fills the mirror of a Stripe account, and follows what changes there. It
// works over ports: something that pages through Stripe's lists, and a mirror.
//
// A first pass reads the lists side by side, each in windows of creation times that are
// read side by side too (windows.go, list.go), so that Stripe's rate is the only brake.
// What arrives within a moment is kept in one transaction (commit.go). A pass is closed by
// looking at what happened meanwhile (close.go). Later runs take in Stripe's events
// (events.go) and read whole only the lists of which no events tell everything.
package pull

import (
	"context"
	"iter"
	"time"

	"rightful"
)

// Stripe is where the objects come from.
type Stripe interface {
	// Page returns the page of a list that begins behind the object with the id after,
	// the first one when that is empty. When there is no such object to begin behind the
	// error is of kind not_found; a page that cannot be right is one of kind unavailable.
	Page(ctx context.Context, q rightful.ListQuery, after string) (rightful.ListPage, error)
	// Get is that of a rightful.StripeReader.
	Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error)
	// Events is that of a rightful.StripeReader.
	Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error]
	// Now returns the time by Stripe's clock; it may be ahead by less than a second.
	Now() time.Time
	// Pace returns how many requests a second may go to the list of the type now, how
	// many to the whole account, and how long answers take; 0 before the first one came.
	Pace(t rightful.ObjectType) (list, account float64, latency time.Duration)
}

// horizon is how far back changes can be followed. Stripe keeps events for 30 days
// (docs.stripe.com/api/events); a day of it is left for clocks and for the reading itself.
const horizon = 29 * 24 * time.Hour

// overlap is how much of what was followed is read again: events may appear in the list
// a little after others that are younger.
const overlap = 60 * time.Second

// asOfMargin is how much earlier than it is asked for an object is said to stand like its
// answer: our idea of Stripe's clock may be ahead by a second.
const asOfMargin = 2 * time.Second

// Options say what is pulled from where.
type Options struct {
	Stripe Stripe
	Store  rightful.MirrorStore
	// Account and Livemode are whose objects these are, as Stripe told.
	Account  string
	Livemode bool
	Keys     rightful.KeySet
	// Sweep is how old the reading of a list may become of which no events tell every
	// change; then it is read whole again. 0: as old as it may be.
	Sweep time.Duration
	// Renew is how old the reading of any list may become; then it is read whole again. 0: as
	// old as it may be.
	Renew time.Duration
	// Progress is told after each page; nil is allowed. Calls come one at a time.
	Progress func(Progress)
	// Sleep replaces waiting in tests. It returns early with the context's error.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Wish says what a run is to do beyond what is due.
type Wish struct {
	Full  bool // read all lists whole
	Sweep bool // read the lists whole of which no events tell every change
}

// Progress is how far the reading of one list is.
type Progress struct {
	Type    rightful.ObjectType
	Objects int64 // read by this run
	Left    int64 // about so many are still to be read; -1: nobody knows yet
	Done    bool
}

// How says in which way a list was brought up to date.
type How string

// The ways.
const (
	HowFull   How = "full"   // read whole, from its first object to its last
	HowSweep  How = "sweep"  // the same, because no events tell every change
	HowEvents How = "events" // by what changed
	HowImport How = "import" // from a copy that somebody else made; Stripe was not asked
)

// Report is what a run did.
type Report struct {
	// IncompleteBecause says what is missing; empty when everything is as Stripe has it.
	IncompleteBecause []string
	Because           []string // why lists were read whole although they had been before
	Lists             []ListReport
	Events            int64 // events that were taken in
}

// ListReport is what a run did to one list.
type ListReport struct {
	Type     rightful.ObjectType
	How      How
	Resumed  bool  // it was gone on with
	Objects  int64 // that are there now, by what the mirror knows
	New      int64 // so many of them were not there before
	Read     int64 // objects that its pages had
	Changed  int64 // objects that events told of
	Gone     int64 // were deleted, or are missing
	Unlisted int64 // are there all the same, though the list left them out: of test clocks
	Lookups  int   // objects that were asked for one by one
	Pages    int   // list pages that were asked for, each one request when nothing fails
	Ideal    int   // the fewest pages that can hold what was read
	Full     int64 // when the last whole reading began: Unix seconds, 0 for never
	Followed int64 // until when changes were taken in: Unix seconds, 0 for never
	Problem  string

	since int64 // what changed from then on is counted
}

// Puller fills and follows one mirror. Use it for one run at a time.
type Puller struct {
	o     Options
	types []rightful.ObjectType
}

// New returns a puller. It asks for nothing.
func New(o Options) *Puller {
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return &Puller{o: o, types: rightful.ListedTypes()}
}

// swept are the lists of which no events tell every change: a change of the metadata of a
// checkout session or of a payment intent is announced by none
// (docs.stripe.com/api/events/types).
func swept(t rightful.ObjectType) bool {
	return t == rightful.TypeSession || t == rightful.TypePaymentIntent
}

// unannounced are the lists whose new objects no event tells of.
func unannounced(t rightful.ObjectType) bool { return t == rightful.TypeSession }

// sleep waits for d or until the context is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
