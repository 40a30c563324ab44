// Package telemetry is what rightful says about itself while it runs: log lines
// without secrets, and metrics for Prometheus. It learns what the gateway decided
// from its decisions, and changes none of them.
package telemetry

import (
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// What one attribute may hold. What is beyond is counted, not shown.
const (
	mostKept = 256      // values in one attribute, nested ones included
	mostText = 16 << 10 // bytes of text in one attribute
)

// Redact returns a handler that passes every record on to next without keys,
// bearer tokens, passwords and emails: in the message, in names, and in values of
// any kind, however nested. What an attribute named password or token holds is
// not passed on at all. The cost of one record is bounded: long texts and large
// values are cut.
func Redact(next slog.Handler) slog.Handler { return redactor{next: next} }

type redactor struct {
	next slog.Handler
	// secret: the group that is open is named as a secret.
	secret bool
}

func (h redactor) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h redactor) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, RedactText(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, clean)
}

func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.attr(a)
	}
	return redactor{h.next.WithAttrs(clean), h.secret}
}

func (h redactor) WithGroup(name string) slog.Handler {
	return redactor{h.next.WithGroup(RedactText(name)), h.secret || secretName(name)}
}

func (h redactor) attr(a slog.Attr) slog.Attr {
	if h.secret {
		return slog.String(RedactText(a.Key), Redacted)
	}
	w := &walk{left: mostKept, room: mostText}
	return w.attr(a)
}

// walk goes through one attribute.
type walk struct {
	left int // values
	room int // bytes of text
}

// enter counts a value, and reports whether it may still be shown.
func (w *walk) enter() bool {
	w.left--
	return w.left >= 0
}

const tooMuch = "(more, not shown)"

// text is RedactText while there is room.
func (w *walk) text(s string) string {
	if w.room <= 0 {
		return tooMuch
	}
	w.room -= min(len(s), longestText)
	return RedactText(s)
}

func (w *walk) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve() // a LogValuer that panics becomes an error
	a.Key = RedactText(a.Key)
	if !w.enter() {
		return slog.String(a.Key, tooMuch)
	}
	switch v.Kind() {
	case slog.KindGroup:
		group := v.Group()
		if secretName(a.Key) {
			return slog.String(a.Key, Redacted)
		}
		clean := make([]slog.Attr, 0, min(len(group), w.left+1))
		for _, member := range group {
			if w.left < 0 {
				break
			}
			clean = append(clean, w.attr(member))
		}
		a.Value = slog.GroupValue(clean...)
	case slog.KindBool, slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration, slog.KindTime:
		a.Value = v
	case slog.KindString:
		text := w.text(v.String())
		if text != "" && secretName(a.Key) {
			text = Redacted
		}
		a.Value = slog.StringValue(text)
	default:
		a.Value = slog.AnyValue(w.named(a.Key, v.Any()))
	}
	return a
}

// named is value for what stands under a name.
func (w *walk) named(name string, v any) any {
	clean := w.value(v)
	switch clean.(type) {
	case nil, bool, float64, int64, uint64, json.Number:
		return clean
	}
	if secretName(name) {
		return Redacted
	}
	return clean
}

// value returns a copy that holds texts, numbers, booleans, and maps and lists of
// them. A method of the value that panics makes it "(panicked)".
func (w *walk) value(v any) (clean any) {
	defer func() {
		if p := recover(); p != nil {
			clean = fmt.Sprintf("(%T panicked)", v)
		}
	}()
	if !w.enter() {
		return tooMuch
	}
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return w.text(v)
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return w.text(string(v))
		}
		return v
	case json.RawMessage:
		return w.json(v)
	case []byte:
		return w.json(v)
	case slog.LogValuer:
		return w.resolved(v.LogValue().Resolve())
	case slog.Value:
		return w.resolved(v.Resolve())
	case slog.Attr:
		return map[string]any{w.text(v.Key): w.named(v.Key, v.Value.Resolve().Any())}
	case []slog.Attr:
		return w.resolved(slog.GroupValue(v...))
	case *url.Userinfo, *http.Cookie, http.Cookie:
		return Redacted
	case url.URL:
		return w.text(v.String())
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case error:
		return w.text(v.Error())
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		if err != nil {
			return fmt.Sprintf("(%T is no text)", v)
		}
		return w.text(string(text))
	case fmt.Stringer:
		return w.text(v.String())
	case json.Marshaler:
		raw, err := v.MarshalJSON()
		if err != nil {
			return fmt.Sprintf("(%T is no JSON)", v)
		}
		return w.json(raw)
	}
	return w.reflected(reflect.ValueOf(v))
}

// resolved is value for one of slog's values.
func (w *walk) resolved(v slog.Value) any {
	if v.Kind() != slog.KindGroup {
		return w.value(v.Any())
	}
	group := map[string]any{}
	for _, a := range v.Group() {
		if w.left < 0 {
			break
		}
		group[w.text(a.Key)] = w.named(a.Key, a.Value.Resolve().Any())
	}
	return group
}

// json redacts a document as what it says, because it may spell a secret with
// escapes; what is no document is a text.
func (w *walk) json(raw []byte) any {
	if len(raw) > longestText {
		text, left := shorten(string(raw))
		return w.text(text) + left
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var document any
	if err := dec.Decode(&document); err != nil || dec.More() {
		return w.text(string(raw))
	}
	return w.value(document)
}

func (w *walk) reflected(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint()
	case reflect.Float32, reflect.Float64:
		return finite(v.Float())
	case reflect.String:
		return w.text(v.String())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return w.value(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		list := []any{}
		for i := 0; i < v.Len() && w.left >= 0; i++ {
			list = append(list, w.value(v.Index(i).Interface()))
		}
		return list
	case reflect.Map:
		fields := map[string]any{}
		for it := v.MapRange(); it.Next() && w.left >= 0; {
			name := fmt.Sprint(w.value(it.Key().Interface()))
			fields[name] = w.named(name, it.Value().Interface())
		}
		return fields
	case reflect.Struct:
		return w.fields(v)
	}
	return "(" + v.Type().String() + ")" // a function, a channel: nothing to read
}

// fields returns the exported fields of a struct by their JSON names.
func (w *walk) fields(v reflect.Value) any {
	fields := map[string]any{}
	for i := 0; i < v.NumField() && w.left >= 0; i++ {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Tag.Get("json") == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[w.text(name)] = w.named(name, v.Field(i).Interface())
	}
	return fields
}

// finite returns a number that JSON can hold, or its text.
func finite(f float64) any {
	if f-f != 0 { // infinite, or not a number
		return fmt.Sprint(f)
	}
	return f
}
