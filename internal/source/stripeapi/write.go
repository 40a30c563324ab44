package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rightful"
	"rightful/internal/stripeobject"
)

// Writer is a rightful.StripeWriter and a rightful.StripeCreator on the account of a Reader, whose pace and
// connections it shares. It is safe for use by several goroutines.
type Writer struct{ reader *Reader }

var _ rightful.StripeWriter = (*Writer)(nil)

// Writer returns the writing half of the account.
func (r *Reader) Writer() *Writer { return &Writer{reader: r} }

// stampable are the types of which rightful writes metadata.
var stampable = map[rightful.ObjectType]bool{
	rightful.TypeCustomer: true, rightful.TypeSession: true, rightful.TypeSubscription: true, rightful.TypePaymentIntent: true,
}

// longestKey is Stripe's limit on a metadata key, in characters
// (docs.stripe.com/metadata).
const longestKey = 40

// SetMetadata implements rightful.StripeWriter with one POST that names the one
// key and nothing else: a canceled subscription takes metadata only, and keys
// that are not named stay as they are.
//
// The POST is repeated, with the same idempotency key, after what Stripe has not
// processed (its limits, locks) and after answers that were lost on the way. An
// error of Stripe's own (5xx) is not repeated unless Stripe asks for it: it is
// stored with the key, and would only come again.
func (w *Writer) SetMetadata(ctx context.Context, m rightful.MetadataWrite) error {
	if err := checkWrite(m); err != nil {
		return err
	}
	value := "" // which unsets
	if m.To != nil {
		value = *m.To
	}
	e := endpoints[m.Type]
	e.write, e.byID = true, true
	return w.reader.post(ctx, posting{
		endpoint: e, id: m.ID, idempotencyKey: m.IdempotencyKey,
		form:    url.Values{"metadata[" + m.Key + "]": {value}}.Encode(),
		what:    fmt.Sprintf("%s %s was written", m.Type, m.ID),
		hint:    "read what stands there, and write again only if it is still what stood there before",
		read:    func(body []byte) error { return w.reader.answered(m, body) },
		refused: func(f *failure) error { return w.reader.refused(m, f) },
	})
}

func checkWrite(m rightful.MetadataWrite) error {
	invalid := func(message string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: message}
	}
	switch {
	case !stampable[m.Type]:
		return &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe", Message: fmt.Sprintf("metadata of a %s is not written", m.Type)}
	case m.Key == "" || len([]rune(m.Key)) > longestKey || strings.ContainsAny(m.Key, "[]"):
		return invalid(fmt.Sprintf("%q cannot be a metadata key", m.Key))
	case m.To != nil && *m.To == "":
		return invalid("an empty value cannot be written: Stripe would unset the key")
	case m.IdempotencyKey == "":
		return invalid("the write has no idempotency key")
	case impossible(m.ID):
		return noSuch(m)
	}
	return nil
}

func noSuch(m rightful.MetadataWrite) error {
	return &rightful.Error{Kind: rightful.KindNotFound, Place: "stripe", Message: fmt.Sprintf("Stripe has no %s %s, or has deleted it", m.Type, m.ID)}
}

// answered checks that an answer is about the object that was written. What it
// says of the value proves nothing: the answer to a repeated request is that of
// the first one, however long ago.
func (r *Reader) answered(m rightful.MetadataWrite, body []byte) error {
	o, err := stripeobject.Decode(body, m.Type, r.keys, r.known())
	if err == nil && o.ID != m.ID {
		err = errors.New("it is about another object than the one written")
	}
	return err
}

// refused explains a write that did not take effect, where there is more to say
// than of any other. Else it returns nil.
func (r *Reader) refused(m rightful.MetadataWrite, f *failure) error {
	switch {
	case f.missing():
		return noSuch(m)
	case m.Type == rightful.TypeSubscription && f.status == http.StatusBadRequest && strings.Contains(strings.ToLower(f.message), "canceled subscription"):
		return &rightful.Error{
			Kind: rightful.KindUnavailable, Place: "stripe", Err: f,
			Message: fmt.Sprintf("Stripe takes no metadata for subscription %s, because it is canceled: %s", m.ID, details(f)),
			Hint:    "decide its findings as leave: what is over grants nothing",
		}
	}
	return nil
}
