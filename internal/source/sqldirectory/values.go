package sqldirectory

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// plainText returns the value of a column that is not compared: a name, a role,
// a status.
func plainText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(value)
}

// millisFrom is the number from which on a time counts milliseconds: as seconds
// it would be the year 5138.
const millisFrom = 1e11

// unixTime returns the Unix seconds of a time as databases and apps store it; 0
// for NULL, the empty text and "no limit". It reports false for what is no
// time.
func unixTime(value any) (int64, bool) {
	switch v := value.(type) {
	case nil:
		return 0, true
	case time.Time:
		return v.Unix(), true
	case int64:
		if v >= millisFrom || v <= -millisFrom {
			return v / 1000, true
		}
		return v, true
	case uint64:
		return unixTime(float64(v))
	case float64:
		if math.IsNaN(v) || math.Abs(v) >= math.MaxInt64 {
			return 0, false
		}
		if math.Abs(v) >= millisFrom {
			v /= 1000
		}
		return int64(math.Floor(v)), true
	case []byte:
		return textTime(string(v))
	case string:
		return textTime(v)
	}
	return 0, false
}

// timeLayouts are ISO 8601 and what databases and languages print beside it.
// Go reads a fraction of a second after any of them. Without a zone it is UTC.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05-0700",
	"2006-01-02T15:04:05-07",
	"2006-01-02T15:04:05 -0700 MST",
	"2006-01-02T15:04:05 MST",
	"2006-01-02T15:04:05 -0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02",
}

func textTime(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	switch strings.ToLower(text) {
	// PostgreSQL's infinities and MySQL's zero date set no limit.
	case "", "infinity", "-infinity", "0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000":
		return 0, true
	}
	if number, err := strconv.ParseFloat(text, 64); err == nil {
		return unixTime(number)
	}
	if len(text) > 10 && text[10] == ' ' {
		text = text[:10] + "T" + text[11:]
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), true
		}
	}
	return 0, false
}

// truth returns a yes or no as databases store it. It reports false for what is
// neither.
func truth(value any) (yes, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case int64:
		return v != 0, v == 0 || v == 1
	case uint64:
		return v != 0, v <= 1
	case float64:
		return v != 0, v == 0 || v == 1
	case []byte:
		if len(v) == 1 && v[0] <= 1 { // MySQL's bit(1)
			return v[0] == 1, true
		}
		return truth(string(v))
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "t", "true", "y", "yes", "on":
			return true, true
		case "0", "f", "false", "n", "no", "off", "":
			return false, true
		}
	}
	return false, false
}

// deletion returns whether a deleted_at marks a row as deleted, and when. A
// flag has no time. It reports false for what is neither flag nor time.
func deletion(value any) (at int64, deleted, ok bool) {
	if value == nil {
		return 0, false, true
	}
	if yes, ok := truth(value); ok {
		return 0, yes, true
	}
	at, ok = unixTime(value)
	return at, ok && at != 0, ok
}
