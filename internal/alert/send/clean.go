package send

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	"rightful/internal/journal"
)

// email matches what looks like an email: nobody's leaves the house.
var email = regexp.MustCompile(`[^\s@<>"'(),;:]+@[^\s@<>"'(),;:]+`)

// longest bounds a text from outside.
const longest = 500

// Clean makes a text from outside fit to be kept and sent: one line, of a bounded
// length, without emails and secrets.
func Clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if journal.HoldsSecret(text) {
		return "(it holds what looks like a secret)"
	}
	text = email.ReplaceAllString(text, "(email)")
	return short(strings.TrimSpace(text), longest)
}

// short cuts a text to so many characters.
func short(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-3]) + "..."
}

// Moment says a time, in Unix seconds.
func Moment(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
