package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"

	"rightful"
)

// listWalk goes through the pages of one list.
type listWalk[T any] struct {
	reader   *Reader
	endpoint endpoint
	query    url.Values
	decode   func(body []byte) (page []T, more bool, err error)
	id       func(T) string

	pages int
	last  []string        // ids of the page before, in order
	mark  map[string]bool // ids of one earlier page
	until int             // the page at which mark is renewed
}

// all yields every element of every page, and an error last.
func (w *listWalk[T]) all(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for more := true; more; {
			var page []T
			var err error
			if page, more, err = w.next(ctx); err != nil {
				yield(zero, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// next returns the next page and whether more follow.
func (w *listWalk[T]) next(ctx context.Context) (page []T, more bool, err error) {
	for cursor := len(w.last) - 1; ; cursor-- {
		if cursor >= 0 {
			w.query.Set("starting_after", w.last[cursor])
		}
		err = w.reader.request(ctx, w.endpoint, "", w.query, func(body []byte) error {
			var err error
			page, more, err = w.decode(body)
			return err
		})
		var f *failure
		if err == nil || !errors.As(err, &f) || !f.missing() {
			break
		}
		if f.param != "starting_after" {
			// It is the filter that names nothing, so nothing matches it.
			return nil, false, w.unlessFilter(f, err)
		}
		if cursor <= 0 {
			break
		}
		// The object at the cursor was deleted meanwhile. The one before it
		// was read too, and stands at the same place.
	}
	if err != nil {
		return nil, false, err
	}
	return page, more, w.moved(page, more)
}

// unlessFilter forgives an object that is missing when it is one of the
// filters on the first page. Later it would cut the list.
func (w *listWalk[T]) unlessFilter(f *failure, err error) error {
	if w.pages == 0 && f.param != "" && w.query.Has(f.param) {
		return nil
	}
	return err
}

// moved checks that the page is a new one. It remembers one earlier page only,
// first the first one, and renews it at longer and longer distances: that finds
// a circle of any length, the same page again and again included.
func (w *listWalk[T]) moved(page []T, more bool) error {
	stuck := func(how string) error {
		return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe",
			Message: fmt.Sprintf("%s: page %d %s, so the list cannot be read to its end", w.endpoint, w.pages+1, how),
			Hint:    "check that " + w.reader.host + " is Stripe's API"}
	}
	if len(page) == 0 {
		if more {
			return stuck("is empty although more follows")
		}
		return nil
	}
	ids := make(map[string]bool, len(page))
	w.last = w.last[:0]
	for _, v := range page {
		id := w.id(v)
		if w.mark[id] || ids[id] {
			return stuck("holds an object that was read before")
		}
		ids[id] = true
		w.last = append(w.last, id)
	}
	if w.pages == w.until {
		w.mark, w.until = ids, 2*w.pages+1
	}
	w.pages++
	return nil
}
