// Package stripeobject reduces Stripe's JSON to the identity fields of a
// rightful.Object. It is the one decoder of the project: lists of the API,
// event bodies and world files all pass through it, so an object says the same
// wherever it was read.
//
// It is tolerant where Stripe varies between API versions and strict where a
// wrong guess would name a wrong company. A reference may be an id, an expanded
// object, the stub of a deleted object, or null. Unknown fields and unknown
// enum values are no errors. An id that is not a string is.
//
// Names, addresses, cards and all metadata that carries no identity are skipped
// without being kept.
package stripeobject

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// Defaults are what the JSON of an object does not always tell.
type Defaults struct {
	// Account is the account that the object was read from (acct_...). Stripe
	// never writes it into the object.
	Account string
	// Livemode holds where the object has no livemode field: stubs of deleted
	// objects, and objects that a world file shortens.
	Livemode bool
}

// Decode reduces the JSON of one Stripe object.
//
// t is the type that the caller expects; an object that says to be of another
// type is an error. An empty t takes the type from the "object" field, which
// then must be one of rightful.StripeTypes.
//
// Of the metadata only keys that keys.Keeps are kept; with none of them the
// map is nil. StripeCustomerID stays empty on a customer, which is nobody's
// payer. Errors name the object's id and the field, and never hold a value.
func Decode(raw []byte, t rightful.ObjectType, keys rightful.KeySet, d Defaults) (rightful.Object, error) {
	if t == "" {
		found, err := typeOf(raw)
		if err != nil {
			return rightful.Object{}, err
		}
		t = found
	}
	w := newWalker(raw, keys)
	o, err := w.object(t, d)
	if err != nil {
		return rightful.Object{}, name(err, string(t), raw)
	}
	if err := w.end(); err != nil {
		return rightful.Object{}, name(err, string(t), raw)
	}
	return o, nil
}

// typeOf finds the "object" field, which need not be the first one.
func typeOf(raw []byte) (rightful.ObjectType, error) {
	said := textField(raw, "object")
	t := known(said)
	switch {
	case t != "":
		return t, nil
	case said != "":
		return "", fmt.Errorf("%s: objects of this type are not read", idOf(raw))
	}
	return "", fmt.Errorf("%s: field object: the type of the object is missing", idOf(raw))
}

// known returns the type that rightful reads under this name, or "".
func known(said string) rightful.ObjectType {
	for _, t := range rightful.StripeTypes() {
		if string(t) == said {
			return t
		}
	}
	return ""
}

// fieldError is a value that is not what Stripe sends there.
type fieldError struct {
	field string
	want  string
}

func (e *fieldError) Error() string { return "field " + e.field + ": " + e.want }

// within puts the field that holds the wrong value's own field before it. Paths
// are built for errors only: they would cost more than the values.
func within(field string, err error) error {
	if e, ok := err.(*fieldError); ok {
		return &fieldError{field + "." + e.field, e.want}
	}
	return err
}

// ErrNotJSON is in the chain of every error that means that the text is no
// complete JSON: it was cut on the way, or it is something else altogether.
var ErrNotJSON = errors.New("not complete JSON")

// syntax turns an error of the JSON reader into one of ours. The reader's own
// text may quote the input, so it is replaced by the place alone.
func syntax(err error) error {
	var field *fieldError
	if errors.As(err, &field) {
		return err
	}
	var s *jsontext.SyntacticError
	if errors.As(err, &s) {
		return fmt.Errorf("%w at byte %d", ErrNotJSON, s.ByteOffset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends early", ErrNotJSON)
	}
	return err
}

// name puts the type and id of the object before the error.
func name(err error, what string, raw []byte) error {
	return fmt.Errorf("%s %s: %w", what, idOf(raw), syntax(err))
}

// idOf returns the object's id for an error message, as far as it can be read.
func idOf(raw []byte) string {
	id := textField(raw, "id")
	switch {
	case id == "":
		return "(no id)"
	case len(id) > 255: // Stripe's limit
		return id[:255] + "..."
	}
	return id
}

// Name returns the type and the id that an object says of itself, "" for what it does
// not say as a string. It reads no further than both stand.
func Name(raw []byte) (objectType, id string) {
	fields := textFields(raw, "object", "id")
	return fields[0], fields[1]
}

// textField returns a field of the outermost object when it is a string.
func textField(raw []byte, field string) string { return textFields(raw, field)[0] }

// textFields returns fields of the outermost object as far as they are strings.
func textFields(raw []byte, fields ...string) []string {
	found := make([]string, len(fields))
	left := len(fields)
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return found
	}
	for left > 0 && dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return found
		}
		at := slices.Index(fields, tok.String())
		if at < 0 {
			if dec.SkipValue() != nil {
				return found
			}
			continue
		}
		left--
		if dec.PeekKind() != '"' {
			if dec.SkipValue() != nil {
				return found
			}
			continue
		}
		if tok, err = dec.ReadToken(); err != nil {
			return found
		}
		found[at] = tok.String()
	}
	return found
}
