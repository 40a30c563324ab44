package rightful

import (
	"errors"
	"strings"
)

// ErrorKind says what went wrong in a word that callers can act on.
type ErrorKind string

// The kinds of error. KindRefused means that going on would be unsafe: it has
// its own exit code.
const (
	KindInvalid      ErrorKind = "invalid"      // the input is wrong: a file, a flag, a query
	KindNotFound     ErrorKind = "not_found"    // there is no such user, company or object
	KindAmbiguous    ErrorKind = "ambiguous"    // the input names several things
	KindUnreachable  ErrorKind = "unreachable"  // a place does not answer
	KindUnauthorized ErrorKind = "unauthorized" // a place refuses the credentials
	KindForbidden    ErrorKind = "forbidden"    // the credentials lack a permission
	KindUnavailable  ErrorKind = "unavailable"  // a place answers, but cannot do this
	KindUnsupported  ErrorKind = "unsupported"  // a place does not offer this at all
	KindConflict     ErrorKind = "conflict"     // what stands there is not what a write expected
	KindUncertain    ErrorKind = "uncertain"    // a write was sent, and whether it took effect is not known: read what stands there
	KindRefused      ErrorKind = "refused"      // rightful refuses: going on would be unsafe
)

// Error is an error that a person can act on: what happened, where, and what to
// do next. It never holds a secret.
type Error struct {
	Kind    ErrorKind
	Code    Code   // the RF code when a refusal has one
	Place   string // where: a config path, a file with line and column, a table, an endpoint
	Message string // what happened
	Hint    string // what to do next, as a sentence or a command
	Err     error  // the cause, for errors.Is and errors.As; its text is not shown
}

// Error returns place and message, then the hint.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Place != "" {
		b.WriteString(e.Place)
		b.WriteString(": ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("\n  next: ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain, or "" when there
// is none.
func KindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
