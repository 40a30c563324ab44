// Package jsonpath picks one id out of a JSON text by a dotted path. Caches and
// the running app are both asked that way.
//
// A path is names and array positions with dots between them: company.id,
// items.0.id. "$" is the whole value and may also begin a path. Names that hold
// a dot cannot be written. Numbers keep their exact text, because an id of
// eighteen digits does not survive a float.
package jsonpath

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Path is a parsed path. Its zero value is "$".
type Path struct{ steps []string }

// Parse reads a path. The empty text and empty steps are errors.
func Parse(text string) (Path, error) {
	if text == "" {
		return Path{}, errors.New("the JSON path is empty; $ is the whole value")
	}
	steps := strings.Split(text, ".")
	if steps[0] == "$" {
		steps = steps[1:]
	}
	for _, step := range steps {
		if step == "" {
			return Path{}, fmt.Errorf("JSON path %q: a name is missing beside a dot", text)
		}
	}
	return Path{steps: steps}, nil
}

// String returns the path as Parse reads it.
func (p Path) String() string {
	if len(p.steps) == 0 {
		return "$"
	}
	return strings.Join(p.steps, ".")
}

// The reasons why a path leads to no id. They are whole phrases, ready to be
// shown after "cannot tell: ".
var (
	ErrNotJSON   = errors.New("the value is not JSON")
	ErrMissing   = errors.New("the JSON has nothing at the path")
	ErrNull      = errors.New("the JSON holds null at the path")
	ErrNotScalar = errors.New("the JSON holds neither a string nor a number at the path")
	ErrNotWhole  = errors.New("the number there is not written as a whole one")
)

// Lookup returns the string or the number that stands at the path. The error is
// one of ErrNotJSON, ErrMissing, ErrNull, ErrNotScalar and ErrNotWhole: true and
// false are nobody's id, and null is null also on the way to where the path leads.
// The whole text must be JSON, also behind the path.
func (p Path) Lookup(raw []byte) (string, error) {
	value := jsontext.Value(bytes.TrimSpace(raw))
	if !value.IsValid() {
		return "", ErrNotJSON
	}
	for _, step := range p.steps {
		var err error
		if value, err = child(value, step); err != nil {
			return "", err
		}
	}
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return "", ErrNotJSON
		}
		return string(text), nil
	case '0':
		if bytes.ContainsAny(value, ".eE") {
			// 11.0 and 11e0 are the number 11 and not the id 11: which of the
			// two was meant, the text does not tell.
			return "", ErrNotWhole
		}
		return string(value), nil
	case 'n':
		return "", ErrNull
	}
	return "", ErrNotScalar
}

// child returns the member or the element that a step names.
func child(value jsontext.Value, step string) (jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	position := -1
	switch value.Kind() {
	case '{':
	case '[':
		n, err := strconv.Atoi(step)
		if err != nil || n < 0 || strconv.Itoa(n) != step {
			return nil, ErrMissing
		}
		position = n
	case 'n':
		return nil, ErrNull // what has no members because there is nothing
	default:
		return nil, ErrMissing
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, ErrNotJSON
	}
	for i := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; i++ {
		found := i == position
		if position < 0 {
			name, err := dec.ReadToken()
			if err != nil {
				return nil, notJSON(err)
			}
			found = name.String() == step
		}
		if found {
			v, err := dec.ReadValue()
			return v, notJSON(err)
		}
		if err := dec.SkipValue(); err != nil {
			return nil, notJSON(err)
		}
	}
	return nil, ErrMissing
}

func notJSON(err error) error {
	if err == nil || err == io.EOF {
		return nil
	}
	return ErrNotJSON
}
