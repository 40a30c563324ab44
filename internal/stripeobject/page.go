package stripeobject

import (
	"fmt"

	"rightful"
)

// DecodePage reduces one page of a list of Stripe's API: the envelope
// {"object":"list","has_more":...,"data":[...]} and every object in it, in the
// page's order. t, keys and d are as for Decode, but t must not be empty.
//
// A page that is cut, that is no list, or that does not say whether more
// follows is an error: taking it for the last page would be a silent loss.
func DecodePage(raw []byte, t rightful.ObjectType, keys rightful.KeySet, d Defaults) (objects []rightful.Object, hasMore bool, err error) {
	w := newWalker(raw, keys)
	p, err := decodePage(w, "list", string(t), func() (rightful.Object, error) { return w.object(t, d) })
	return p.data, p.hasMore, err
}

// DecodeEvents reduces one page of the list of events, as strictly as
// DecodePage.
func DecodeEvents(raw []byte, keys rightful.KeySet) (events []rightful.Event, hasMore bool, err error) {
	w := newWalker(raw, keys)
	p, err := decodePage(w, "list", eventName, w.event)
	return p.data, p.hasMore, err
}

// DecodeEndpoints reduces one page of the list of webhook endpoints, as
// strictly as DecodePage.
func DecodeEndpoints(raw []byte) (endpoints []rightful.WebhookEndpoint, hasMore bool, err error) {
	w := newWalker(raw, rightful.KeySet{})
	p, err := decodePage(w, "list", endpointName, w.webhookEndpoint)
	return p.data, p.hasMore, err
}

// DecodeSearch reduces one page of a search. The cursor of the next page is
// empty on the last one. Otherwise it is as strict as DecodePage.
func DecodeSearch(raw []byte, t rightful.ObjectType, keys rightful.KeySet, d Defaults) (objects []rightful.Object, nextPage string, err error) {
	w := newWalker(raw, keys)
	p, err := decodePage(w, "search_result", string(t), func() (rightful.Object, error) { return w.object(t, d) })
	if err != nil {
		return nil, "", err
	}
	if p.hasMore && p.nextPage == "" {
		return nil, "", fmt.Errorf("page of %s: field next_page: more follows, but not where", t)
	}
	if !p.hasMore {
		p.nextPage = ""
	}
	return p.data, p.nextPage, nil
}

// page is a list or a search result while it is being read.
type page[T any] struct {
	said     string
	data     []T
	hasData  bool
	hasMore  bool
	toldMore bool
	nextPage string
}

// decodePage reads the whole text as one page of what is called what.
func decodePage[T any](w *walker, envelope, what string, one func() (T, error)) (page[T], error) {
	var p page[T]
	err := readPage(w, &p, what, one)
	if err == nil {
		err = w.end()
	}
	switch {
	case err != nil:
	case p.said != envelope:
		err = &fieldError{"object", "want " + envelope}
	case !p.hasData:
		err = &fieldError{"data", "the objects are missing"}
	case !p.toldMore:
		err = &fieldError{"has_more", "it is not told whether more follows"}
	}
	if err != nil {
		return page[T]{}, fmt.Errorf("page of %s: %w", what, syntax(err))
	}
	return p, nil
}

func readPage[T any](w *walker, p *page[T], what string, one func() (T, error)) error {
	if err := w.open("(page)"); err != nil {
		return err
	}
	for {
		name, err := w.next()
		if err != nil || name == nil {
			return err
		}
		switch string(name) {
		case "object":
			p.said, err = w.text("object")
		case "has_more":
			p.hasMore, p.toldMore, err = w.flag("has_more")
		case "next_page":
			p.nextPage, err = w.text("next_page")
		case "data":
			p.hasData = true
			p.data, err = list(w, "data", pageSize, func() (T, error) {
				start := w.dec.InputOffset()
				v, err := one()
				if err != nil {
					err = w.named(err, what, start)
				}
				return v, err
			})
		default:
			err = w.dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
}

// pageSize is the largest page that Stripe's lists give.
const pageSize = 100

// list reads an array, which is expected to have about size elements.
func list[T any](w *walker, field string, size int, one func() (T, error)) ([]T, error) {
	if w.dec.PeekKind() != '[' {
		return nil, w.wrong(field, "want an array")
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, err
	}
	var values []T
	if size > 0 {
		values = make([]T, 0, size)
	}
	for w.dec.PeekKind() != ']' {
		v, err := one()
		if err != nil {
			return nil, within(field, err)
		}
		values = append(values, v)
	}
	_, err := w.dec.ReadToken()
	return values, err
}

// named puts the type and id of the object that begins after start before the
// error.
func (w *walker) named(err error, what string, start int64) error {
	rest := w.raw[min(int(start), len(w.raw)):]
	for len(rest) > 0 && rest[0] != '{' {
		rest = rest[1:] // the comma and the space between two objects
	}
	return name(err, what, rest)
}
