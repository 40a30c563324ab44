package server

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of a body.
const (
	maxBody  = 256 << 10 // bytes
	maxDepth = 12
)

// appID is an id of the app: a text, or the number that the app's database has.
type appID string

// wanted is an error that says what a field holds.
type wanted string

func (w wanted) Error() string { return string(w) }

const wantedID wanted = "an id is a text or a whole number, without sign, point or exponent"

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (id *appID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		*id = ""
		return d.SkipValue()
	case '"':
		token, err := d.ReadToken()
		if err == nil {
			*id = appID(token.String())
		}
		return err
	case '0':
		raw, err := d.ReadValue()
		if err == nil {
			if bytes.ContainsAny(raw, ".eE-") {
				return wantedID
			}
			*id = appID(raw)
		}
		return err
	}
	return wantedID
}

// params are parameters of Stripe's, whose numbers stay as they were written.
type params map[string]any

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *params) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if kind := raw.Kind(); kind != '{' && kind != 'n' {
		return wanted("parameters are an object")
	}
	std := stdjson.NewDecoder(bytes.NewReader(raw))
	std.UseNumber()
	return std.Decode((*map[string]any)(p))
}

func badBody(field, format string, args ...any) *problem {
	return &problem{Status: http.StatusBadRequest, Code: "malformed", Field: field, Detail: fmt.Sprintf(format, args...)}
}

// decode reads a body into a struct. Nothing that is not known passes, nothing
// twice, and nothing after the one value. An empty body is only taken where nothing
// is demanded.
func decode(w http.ResponseWriter, r *http.Request, into any, mayBeEmpty bool) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &problem{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Detail: fmt.Sprintf("a body has at most %d bytes", maxBody), close: true}
	case err != nil:
		p := badBody("", "the body ended early, or came too slowly")
		p.close = true
		return p
	case len(raw) == 0 && mayBeEmpty:
		return nil
	}
	if err := isJSON(r); err != nil {
		return err
	}
	if len(raw) == 0 {
		return badBody("", "a body is needed")
	}
	if !utf8.Valid(raw) {
		return badBody("", "the body is no UTF-8")
	}
	if err := shallow(raw); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true), halfCharacters); err != nil {
		return misread(err)
	}
	return nil
}

// isJSON looks at what the body is said to be.
func isJSON(r *http.Request) error {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := parameters["charset"]
	coded := r.Header.Get("Content-Encoding")
	if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") || coded != "" && !strings.EqualFold(coded, "identity") {
		return &problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "send Content-Type: application/json, in UTF-8 and not compressed", close: true}
	}
	return nil
}

// halfCharacters lets an escaped half of a surrogate pair pass, which becomes U+FFFD.
// JavaScript writes such escapes for a text that was cut in the middle of a character;
// an id with one is an id that nothing has, and no broken request.
var halfCharacters = jsontext.AllowInvalidUTF8(true)

// shallow checks that a text is one value of JSON, an object, and not nested without
// end.
func shallow(raw []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(raw), halfCharacters)
	if d.PeekKind() != '{' {
		if _, err := d.ReadValue(); err != nil {
			return misread(err)
		}
		return badBody("", "the body is no object")
	}
	for {
		_, err := d.ReadToken()
		switch {
		case err != nil:
			return misread(err)
		case d.StackDepth() > maxDepth:
			return badBody("", "the body is nested more than %d deep", maxDepth)
		case d.StackDepth() == 0:
			if _, err := d.ReadToken(); err != io.EOF {
				return badBody("", "something follows the object")
			}
			return nil
		}
	}
}

// misread says what is wrong with a body. It repeats names of fields, and no values.
func misread(err error) error {
	field := func(pointer jsontext.Pointer) string {
		name := strings.ReplaceAll(strings.TrimPrefix(string(pointer), "/"), "/", ".")
		if len(name) > 100 {
			name = name[:100]
		}
		return strings.ToValidUTF8(name, "")
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return badBody(field(syntax.JSONPointer), "the field comes twice")
		}
		return badBody("", "the body is no JSON: wrong at byte %d", syntax.ByteOffset)
	}
	var meaning *json.SemanticError
	if errors.As(err, &meaning) {
		name := field(meaning.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return badBody(name, "there is no field %q", name)
		}
		return &problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Field: name, Detail: wants(meaning)}
	}
	return badBody("", "the body is no JSON")
}

// wants says what a field should hold.
func wants(wrong *json.SemanticError) string {
	if own, ok := errors.AsType[wanted](wrong); ok {
		return string(own)
	}
	if wrong.GoType != nil {
		switch wrong.GoType.Kind() {
		case reflect.String:
			return "the field holds a text"
		case reflect.Int64:
			return "the field holds a whole number, without point or exponent"
		case reflect.Map:
			return "the field holds an object"
		}
	}
	return "the field does not hold what it should"
}
