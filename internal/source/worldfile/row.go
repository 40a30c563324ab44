package worldfile

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// row is one database row of a world, by column name. Columns that rightful
// does not know are ignored.
type row struct {
	columns map[string]jsontext.Value
	err     error // the first value that could not be read
}

func parseRow(v jsontext.Value) (*row, error) {
	r := &row{}
	if v.Kind() != '{' {
		return nil, fmt.Errorf("a row must be an object, not a %s", kindName(v.Kind()))
	}
	if err := json.Unmarshal(v, &r.columns); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *row) fail(column, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: want %s, not a %s", column, want, kindName(r.columns[column].Kind()))
	}
}

// text returns an id or another text: a JSON string as it is, a number as it is
// written, "" for null or a column that is not there.
func (r *row) text(column string) string {
	s, ok := scalarText(r.columns[column])
	if !ok {
		r.fail(column, "a string, a number or null")
	}
	return s
}

// scalarText returns a string, number or null as text, and false for anything
// else.
func scalarText(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case 0, 'n':
		return "", true
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return "", false
		}
		return s, true
	case '0':
		return string(v), true
	}
	return "", false
}

// truth returns a boolean; absent and null are def.
func (r *row) truth(column string, def bool) bool {
	switch v := r.columns[column]; v.Kind() {
	case 0, 'n':
		return def
	case 't':
		return true
	case 'f':
		return false
	case '0':
		return string(v) != "0"
	}
	r.fail(column, "true, false or null")
	return def
}

// time returns Unix seconds from a number or an ISO 8601 text; 0 for null.
func (r *row) time(column string) int64 {
	v := r.columns[column]
	switch v.Kind() {
	case 0, 'n':
		return 0
	case '0':
		if f, err := strconv.ParseFloat(string(v), 64); err == nil {
			return int64(f)
		}
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			break
		}
		if s == "" {
			return 0
		}
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n
		}
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, s); err == nil {
				return t.Unix()
			}
		}
	}
	r.fail(column, "Unix seconds, an ISO 8601 time or null")
	return 0
}

// deleted reads deleted_at: a time, or a plain yes or no.
func (r *row) deleted(column string) (at int64, is bool) {
	switch v := r.columns[column]; v.Kind() {
	case 't':
		return 0, true
	case 'f':
		return 0, false
	}
	at = r.time(column)
	return at, at != 0
}
