package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"rightful"
	"rightful/internal/stripeobject"
)

// Bulk reads whole lists, page by page. It shares the reader's pace, and comes after
// everybody who waits for a single object.
type Bulk struct{ r *Reader }

// Bulk returns the reader as who fills a mirror uses it.
func (r *Reader) Bulk() *Bulk { return &Bulk{r} }

type bulkKey struct{}

// inBulk marks what is asked with the context as bulk reading.
func inBulk(ctx context.Context) context.Context { return context.WithValue(ctx, bulkKey{}, true) }

func isBulk(ctx context.Context) bool { return ctx.Value(bulkKey{}) != nil }

// asOfMargin is how much earlier than it was sent a page is said to be: Stripe's Date
// has whole seconds, so that our idea of its clock may be up to one ahead. What happens
// in the second of the answer must count as later.
const asOfMargin = 2 * time.Second

// Page returns the page of a list that begins behind the object with the id after; the
// first one when that is empty. Deleted objects are in it as Stripe sends them.
//
// When there is no such object to begin behind, because it was deleted, the error is of
// kind not_found. A page that cannot be right (the same object twice, none although more
// follow) is one of kind unavailable. Other errors are those of List.
func (b *Bulk) Page(ctx context.Context, q rightful.ListQuery, after string) (rightful.ListPage, error) {
	e, query, err := listQuery(q)
	if err != nil {
		return rightful.ListPage{}, err
	}
	if nothing(q) {
		return rightful.ListPage{AsOf: b.Now().Unix()}, nil
	}
	if after != "" {
		query.Set("starting_after", after)
	}
	var sent time.Time
	var page rightful.ListPage
	err = b.r.request(context.WithValue(inBulk(ctx), sentKey{}, &sent), e, "", query, func(body []byte) error {
		var err error
		page.Objects, page.More, err = stripeobject.DecodePage(body, q.Type, b.r.keys, b.r.known())
		return err
	})
	var f *failure
	switch {
	case err == nil:
	case after != "" && errors.As(err, &f) && f.missing() && f.param == "starting_after":
		return rightful.ListPage{}, &rightful.Error{Kind: rightful.KindNotFound, Place: "stripe", Message: fmt.Sprintf("%s: the object to go on behind is gone", e), Err: f}
	default:
		return rightful.ListPage{}, err
	}
	page.AsOf = b.r.atStripe(sent).Add(-asOfMargin).Unix()
	return page, b.sound(e, page, after)
}

// sound reports a page that no list has.
func (b *Bulk) sound(e endpoint, page rightful.ListPage, after string) error {
	wrong := ""
	if len(page.Objects) == 0 && page.More {
		wrong = "is empty although more follows"
	}
	seen := map[string]bool{after: true}
	for _, o := range page.Objects {
		if seen[o.ID] {
			wrong = "holds an object twice, or one that was read before"
		}
		seen[o.ID] = true
	}
	if wrong == "" {
		return nil
	}
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe",
		Message: fmt.Sprintf("%s: a page %s, so the list cannot be read to its end", e, wrong),
		Hint:    "check that " + b.r.host + " is Stripe's API"}
}

// Get is Reader.Get as part of bulk reading.
func (b *Bulk) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	return b.r.Get(inBulk(ctx), t, id)
}

// Events is Reader.Events as part of bulk reading.
func (b *Bulk) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return b.r.Events(inBulk(ctx), q)
}

// Now returns the time by Stripe's clock, as far as its answers told; it may be ahead by
// less than a second.
func (b *Bulk) Now() time.Time { return b.r.atStripe(b.r.retry.now()) }

// Pace returns how many requests a second may go to the list of the type now, how many to
// the whole account, and how long answers take; 0 before the first one came.
func (b *Bulk) Pace(t rightful.ObjectType) (list, account float64, latency time.Duration) {
	list, latency = b.r.pacer.lane(endpoints[t]).pace()
	account, _ = b.r.pacer.account.pace()
	return list, account, latency
}

// Spent returns how many GETs were sent, by this reader as a whole, and how many were
// answered that they were too many.
func (b *Bulk) Spent() (gets, limited int) {
	q := b.r.Requests()
	return q.GETs, q.Limited
}

// atStripe turns a time of our clock into one of Stripe's.
func (r *Reader) atStripe(t time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.Add(-r.skew)
}
