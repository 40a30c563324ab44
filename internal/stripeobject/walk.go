package stripeobject

import (
	"bytes"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// walker reads one JSON text from front to back, once. Strings are allocated
// only for what is kept.
type walker struct {
	dec     *jsontext.Decoder
	raw     []byte
	keys    *rightful.KeySet
	kept    map[string]bool // whether a metadata key is kept: the same few stand in every object of a page
	scratch []byte          // an unescaped field name
}

func newWalker(raw []byte, keys rightful.KeySet) *walker {
	// Over a bytes.Buffer the decoder works in place, without a copy. It also
	// refuses a name that stands twice in one object: two metadata values for
	// one key would make the answer depend on the reader.
	return &walker{dec: jsontext.NewDecoder(bytes.NewBuffer(raw)), raw: raw, keys: &keys}
}

// keeps reports whether a metadata key is kept.
func (w *walker) keeps(key []byte) bool {
	kept, known := w.kept[string(key)]
	if !known {
		if w.kept == nil {
			w.kept = map[string]bool{}
		}
		kept = w.keys.Keeps(string(key))
		w.kept[string(key)] = kept
	}
	return kept
}

// end checks that nothing follows.
func (w *walker) end() error {
	if _, err := w.dec.ReadToken(); err != io.EOF {
		if err == nil {
			err = &fieldError{"(end)", "something follows the object"}
		}
		return err
	}
	return nil
}

// open enters an object; want names it in the error.
func (w *walker) open(field string) error {
	if w.dec.PeekKind() != '{' {
		return w.wrong(field, "want an object")
	}
	_, err := w.dec.ReadToken()
	return err
}

// next returns the next field name of the open object, or nil after the last
// one. The bytes are good until the next read.
func (w *walker) next() ([]byte, error) {
	if w.dec.PeekKind() == '}' {
		_, err := w.dec.ReadToken()
		return nil, err
	}
	v, err := w.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	w.scratch, err = jsontext.AppendUnquote(w.scratch[:0], v)
	if w.scratch == nil {
		w.scratch = []byte{} // the empty name is a name
	}
	return w.scratch, err
}

// wrong is the error for a value of the wrong kind, unless the text itself is
// broken there.
func (w *walker) wrong(field, want string) error {
	if w.dec.PeekKind() == 0 {
		if _, err := w.dec.ReadToken(); err != nil {
			return err
		}
	}
	return &fieldError{field, want}
}

// text reads a string; null is the empty string.
func (w *walker) text(field string) (string, error) {
	switch w.dec.PeekKind() {
	case '"':
		v, err := w.dec.ReadValue()
		if err != nil {
			return "", err
		}
		return unquote(v)
	case 'n':
		return "", w.dec.SkipValue()
	}
	return "", w.wrong(field, "want a string")
}

// unquote returns a JSON string's value. Words that stand in almost every
// object are not allocated again.
func unquote(v jsontext.Value) (string, error) {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		if word, ok := words[string(inner)]; ok {
			return word, nil
		}
		return string(inner), nil
	}
	b, err := jsontext.AppendUnquote(nil, v)
	return string(b), err
}

// reference reads an id that may stand as a string, as the expanded object or
// its deleted stub, or as null.
func (w *walker) reference(field string) (string, error) {
	if w.dec.PeekKind() != '{' {
		return w.text(field)
	}
	if err := w.open(field); err != nil {
		return "", err
	}
	var id string
	for {
		name, err := w.next()
		if err != nil {
			return "", err
		}
		if name == nil {
			break
		}
		if string(name) != "id" {
			if err := w.dec.SkipValue(); err != nil {
				return "", err
			}
			continue
		}
		if id, err = w.text("id"); err != nil {
			return "", within(field, err)
		}
	}
	if id == "" {
		return "", &fieldError{field, "the expanded object has no id"}
	}
	return id, nil
}

// present skips a value and reports whether it was anything but null or "".
func (w *walker) present() (bool, error) {
	switch w.dec.PeekKind() {
	case 'n':
		return false, w.dec.SkipValue()
	case '"':
		v, err := w.dec.ReadValue()
		return len(v) > len(`""`), err
	}
	return true, w.dec.SkipValue()
}

// flag reads true or false; null is false.
func (w *walker) flag(field string) (value, told bool, err error) {
	switch w.dec.PeekKind() {
	case 't':
		return true, true, w.dec.SkipValue()
	case 'f':
		return false, true, w.dec.SkipValue()
	case 'n':
		return false, false, w.dec.SkipValue()
	}
	return false, false, w.wrong(field, "want true or false")
}

// whole reads a whole number; told is false for null.
func (w *walker) whole(field string) (n int64, told bool, err error) {
	switch w.dec.PeekKind() {
	case '0':
		v, err := w.dec.ReadValue()
		if err != nil {
			return 0, false, err
		}
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, true, nil
		}
		// 1.7e9 and 1700000000.0 are whole too; JSON has one kind of number.
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, false, &fieldError{field, "want a whole number"}
		}
		return int64(f), true, nil
	case 'n':
		return 0, false, w.dec.SkipValue()
	}
	return 0, false, w.wrong(field, "want a whole number")
}

// words are the values that repeat in every page.
var words = func() map[string]string {
	m := map[string]string{}
	for _, word := range []string{
		"customer", "checkout.session", "subscription", "payment_intent", "list", "search_result",
		"subscription_schedule", "invoice", "charge", "payment_method", "not_started", "released", "completed", "draft", "void", "failed",
		"active", "trialing", "past_due", "unpaid", "paused", "canceled", "incomplete", "incomplete_expired",
		"open", "complete", "expired", "paid", "no_payment_required", "payment", "setup",
		"succeeded", "processing", "requires_payment_method", "requires_action", "requires_capture",
		"day", "week", "month", "year", "usd", "eur", "gbp",
	} {
		m[word] = word
	}
	return m
}()
