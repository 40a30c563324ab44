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
	p, err := decodePage(raw, "list", t, keys, d)
	return p.objects, p.hasMore, err
}

// DecodeSearch reduces one page of a search. The cursor of the next page is
// empty on the last one. Otherwise it is as strict as DecodePage.
func DecodeSearch(raw []byte, t rightful.ObjectType, keys rightful.KeySet, d Defaults) (objects []rightful.Object, nextPage string, err error) {
	p, err := decodePage(raw, "search_result", t, keys, d)
	if err != nil {
		return nil, "", err
	}
	if p.hasMore && p.nextPage == "" {
		return nil, "", fmt.Errorf("page of %s: field next_page: more follows, but not where", t)
	}
	if !p.hasMore {
		p.nextPage = ""
	}
	return p.objects, p.nextPage, nil
}

// page is a list or a search result while it is being read.
type page struct {
	said     string
	objects  []rightful.Object
	hasData  bool
	hasMore  bool
	toldMore bool
	nextPage string
}

func decodePage(raw []byte, envelope string, t rightful.ObjectType, keys rightful.KeySet, d Defaults) (page, error) {
	w := newWalker(raw, keys)
	var p page
	err := w.envelope(&p, t, d)
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
		return page{}, fmt.Errorf("page of %s: %w", t, syntax(err))
	}
	return p, nil
}

func (w *walker) envelope(p *page, t rightful.ObjectType, d Defaults) error {
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
			p.objects, err = w.data(t, d)
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

func (w *walker) data(t rightful.ObjectType, d Defaults) ([]rightful.Object, error) {
	if w.dec.PeekKind() != '[' {
		return nil, w.wrong("data", "want an array")
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, err
	}
	objects := make([]rightful.Object, 0, pageSize)
	for w.dec.PeekKind() != ']' {
		start := w.dec.InputOffset()
		o, err := w.object(t, d)
		if err != nil {
			return nil, w.named(err, t, start)
		}
		objects = append(objects, o)
	}
	_, err := w.dec.ReadToken()
	return objects, err
}

// named puts the type and id of the object that begins after start before the
// error.
func (w *walker) named(err error, t rightful.ObjectType, start int64) error {
	rest := w.raw[min(int(start), len(w.raw)):]
	for len(rest) > 0 && rest[0] != '{' {
		rest = rest[1:] // the comma and the space between two objects
	}
	return name(err, t, rest)
}
