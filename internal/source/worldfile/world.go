// Package worldfile reads a world: one JSON file that holds a whole small
// situation (config, database rows, Stripe objects, cache, the app's answers).
// It implements all four reading ports over that file, so that a world is
// judged by exactly the code that judges real systems, and the three writing
// ports, so that it is repaired by exactly the code that repairs them.
package worldfile

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// World is a parsed world file. Reading it is safe for concurrent use; writing
// into it (writer.go) is not, and must not run beside a reader.
type World struct {
	// Now is the time at which the world is judged, in Unix seconds: the
	// file's own, else one day after the latest time in it, and no earlier than
	// any deletion.
	Now int64
	// Config is the world's config section as JSON, empty when there is none,
	// and ConfigLine the line of the file on which it starts.
	Config     []byte
	ConfigLine int
	// Examined tells that the world is a snapshot, made after a sample of the
	// database's links was found in Stripe. The few links of a snapshot are none.
	Examined bool

	name   string
	raw    []byte
	db     database
	stripe stripeSection
	cache  map[string]jsontext.Value
	probe  *probeSection
	record record

	tables  map[string]list // the rows of the db section as they stand in the file
	readers []*stripeReader // that must see what is written
	changes changes
}

// file is the shape of a world file. Unknown sections are left alone.
type file struct {
	Now    *int64                    `json:"now"`
	Config located                   `json:"config"`
	DB     map[string]list           `json:"db"`
	Stripe map[string]jsontext.Value `json:"stripe"`
	Cache  map[string]jsontext.Value `json:"cache"`
	Probe  *probeSection             `json:"probe"`

	Made          []madeSession    `json:"made_sessions"`
	MadeCompanies []jsontext.Value `json:"made_companies"`

	// What a snapshot has to say besides.
	Mapping  mappingSection            `json:"mapping"`
	Resolved map[string]jsontext.Value `json:"resolved"`
	Snapshot struct {
		Examined bool `json:"examined"`
	} `json:"snapshot"`
}

type probeSection struct {
	Users    map[string]jsontext.Value `json:"users"`
	Revision string                    `json:"revision"`
}

// located is a JSON value with its place in the file.
type located struct {
	value  jsontext.Value
	offset int64
}

// UnmarshalJSONFrom keeps the raw value and where it ends.
func (l *located) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil {
		return err
	}
	l.value = v.Clone()
	l.offset = dec.InputOffset() - int64(len(v))
	return nil
}

// list is a JSON array whose elements know their place.
type list []located

// Read reads and parses the world file at path. Errors are of kind invalid and
// name the file with line and column, or the JSON path.
func Read(path string) (*World, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, &rightful.Error{
			Kind:    rightful.KindInvalid,
			Place:   path,
			Message: "the world file cannot be read: " + reason(err),
			Hint:    "check the path given with --world",
			Err:     err,
		}
	}
	return Parse(path, raw)
}

func reason(err error) string {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// Parse parses a world; name is used in errors.
func Parse(name string, raw []byte) (*World, error) {
	w := &World{name: name, raw: raw}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, w.syntaxError(err)
	}
	if f.DB == nil && f.Stripe == nil && f.Cache == nil && f.Probe == nil && len(f.Config.value) == 0 && f.Now == nil {
		return nil, &rightful.Error{
			Kind: rightful.KindInvalid, Place: name, Message: "the file has none of the sections config, db, stripe, cache and probe",
			Hint: "a world file is one JSON object with these sections, each of them optional",
		}
	}
	w.cache, w.probe, w.tables, w.Examined = f.Cache, f.Probe, f.DB, f.Snapshot.Examined
	if len(f.Config.value) > 0 && f.Config.value.Kind() != 'n' {
		if f.Config.value.Kind() != '{' {
			return nil, w.errorAt(f.Config.offset, "config", "must be an object, as in rightful.yaml")
		}
		w.Config = f.Config.value
		w.ConfigLine, _ = position(raw, f.Config.offset)
	}
	if err := w.readDatabase(f.DB); err != nil {
		return nil, err
	}
	w.db.mapped(f.Mapping)
	if err := w.readResolved(f.Resolved); err != nil {
		return nil, err
	}
	if err := w.readStripe(f.Stripe); err != nil {
		return nil, err
	}
	if err := w.readRecord(f.Made, f.MadeCompanies); err != nil {
		return nil, err
	}
	w.Now = w.latest() + 24*60*60
	for _, c := range w.db.companies {
		w.Now = max(w.Now, c.DeletedAt) // a world that tells of a deletion comes after it
	}
	if f.Now != nil {
		w.Now = *f.Now
	}
	return w, nil
}

// syntaxError turns a JSON error into one with line, column and path.
func (w *World) syntaxError(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	out := &rightful.Error{Kind: rightful.KindInvalid, Place: w.name, Err: err}
	switch {
	case errors.As(err, &syntax):
		line, column := position(w.raw, syntax.ByteOffset)
		out.Place = fmt.Sprintf("%s:%d:%d", w.name, line, column)
		out.Message = "not valid JSON: " + plain(syntax.Err)
		if syntax.JSONPointer != "" {
			out.Message += " (in " + dotted(string(syntax.JSONPointer)) + ")"
		}
		out.Hint = "a world file is one JSON object with the sections config, db, stripe, cache and probe"
	case errors.As(err, &semantic):
		line, column := position(w.raw, semantic.ByteOffset)
		out.Place = fmt.Sprintf("%s:%d:%d", w.name, line, column)
		where := "the file"
		if semantic.JSONPointer != "" {
			where = dotted(string(semantic.JSONPointer))
		}
		out.Message = fmt.Sprintf("%s has the wrong type: a JSON %s stands there", where, kindName(semantic.JSONKind))
		out.Hint = "a world file is one JSON object with the sections config, db, stripe, cache and probe"
	default:
		out.Message = "cannot be parsed: " + err.Error()
	}
	return out
}

// errorAt returns an error about the value at offset, with line, column and the
// dotted path.
func (w *World) errorAt(offset int64, path, message string) error {
	line, column := position(w.raw, offset)
	return &rightful.Error{
		Kind:    rightful.KindInvalid,
		Place:   fmt.Sprintf("%s:%d:%d", w.name, line, column),
		Message: path + ": " + message,
	}
}

// position returns the line and column (in bytes) of an offset, from 1.
func position(raw []byte, offset int64) (line, column int) {
	offset = min(max(offset, 0), int64(len(raw)))
	before := raw[:offset]
	line = bytes.Count(before, []byte{'\n'}) + 1
	column = len(before) - bytes.LastIndexByte(before, '\n')
	return line, column
}

func plain(err error) string {
	if err == nil {
		return "unexpected input"
	}
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}

// dotted writes a JSON pointer as people write paths: /db/users/3 -> db.users[3].
func dotted(pointer string) string {
	var b strings.Builder
	for i, token := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		switch {
		case rightful.IsNumericID(token):
			fmt.Fprintf(&b, "[%s]", token)
		case i > 0:
			b.WriteString("." + token)
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}

func kindName(k jsontext.Kind) string {
	switch k {
	case 'n':
		return "null"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	case '{':
		return "object"
	case '[':
		return "array"
	}
	return "value"
}

// latest returns the latest time that the world speaks of.
func (w *World) latest() int64 {
	var t int64
	for _, m := range w.db.memberships {
		t = max(t, m.JoinedAt, m.LeftAt)
	}
	return max(t, w.stripe.latest)
}
