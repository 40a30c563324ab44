package sqldirectory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"rightful"
)

// Places of errors: paths in the configuration.
const (
	placeDSN           = "directory.dsn"
	placeCompanies     = "directory.companies"
	placeUsers         = "directory.users"
	placeMemberships   = "directory.memberships"
	placeSubscriptions = "directory.subscriptions"
	placeLinks         = "directory.links"
	placeResolve       = "directory.resolve"
	placeWrite         = "directory.write"
)

func invalid(place, message, hint string) *rightful.Error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: hint}
}

// quoted returns a value for a message: short, and on one line.
func quoted(value string) string {
	const most = 40
	if utf8.RuneCountInString(value) > most {
		value = string([]rune(value)[:most]) + "..."
	}
	return strconv.Quote(value)
}

// statement is what was being run when an error came: which text the person
// wrote, and where it stands inside what was sent.
type statement struct {
	place string // a config path
	sql   string // as configured
	skip  int    // characters that were put before sql
	sent  string // the whole text
}

// fault is what a dialect can say about an error of its database.
type fault struct {
	kind     rightful.ErrorKind
	message  string
	hint     string
	position int    // in characters from 1 in what was sent; 0 when unknown
	near     string // the text that was sent from the mistake on, cut off, where the database says that instead of a position
	line     int    // and the line of it
	whole    bool   // it is about the connection, not about the query
}

// explain turns an error of a database into one that a person can act on. ctx
// is the caller's, not the one with the statement's deadline: only the caller's
// own cancellation is passed on as such.
func (d *Directory) explain(ctx context.Context, s statement, err error) error {
	if err == nil {
		return nil
	}
	var known *rightful.Error
	if errors.As(err, &known) {
		return err
	}
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s: %w", s.place, cause)
	}
	f, ok := d.dialect.fault(err)
	if !ok {
		if s.place == placeDSN {
			f = connectFault(err, d.connectTimeout)
		} else {
			f = statementFault(err, d.timeout)
		}
	}
	place := s.place
	if f.whole {
		place = placeDSN
		f.message = d.dialect.target() + ": " + f.message
	}
	if f.near != "" {
		f.position = s.find(f.near, f.line)
		f.message = "syntax error near " + quoted(s.own(f.near, f.position))
	}
	if at := s.within(f.position); at != "" {
		f.message += " (" + at + ")"
	}
	if f.hint == "" {
		f.hint = f.next()
	}
	return &rightful.Error{Kind: f.kind, Place: place, Message: d.dialect.redact(f.message), Hint: f.hint, Err: err}
}

// next says what to do about a fault that nobody knows more of.
func (f fault) next() string {
	if f.kind == rightful.KindInvalid && !f.whole {
		return byHand
	}
	return "run it again; if it stays, look at the database's log"
}

// What to do about the usual mistakes in a query, in the words of no database.
const (
	byHand       = "run the query by hand on this database, as the user of directory.dsn, and write it here once it works"
	missingTable = "check the table's name, and that directory.dsn names the database that has it"
	lockedHint   = "somebody else is writing there: run it again"
	readOnlyHint = "rightful reads in read-only transactions: the query must not write"
	missingName  = `check the name; texts stand in 'single' quotes, "double" ones are for names`
)

// within says where a position of the sent text is in the configured one, or
// "" when it is in what we put around it.
func (s statement) within(position int) string {
	position -= s.skip
	text := []rune(s.sql)
	if position < 1 || position > len(text) {
		return ""
	}
	before := string(text[:position-1])
	line := 1 + strings.Count(before, "\n")
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	if line == 1 {
		return fmt.Sprintf("at character %d of the query", column)
	}
	return fmt.Sprintf("at line %d, character %d of the query", line, column)
}

// find returns the position of the text that begins on the line of what was
// sent, and 0 when there is none or it is not clear which.
func (s statement) find(near string, line int) int {
	found := 0
	for from := 0; ; {
		at := strings.Index(s.sent[from:], near)
		if at < 0 {
			return found
		}
		at += from
		if 1+strings.Count(s.sent[:at], "\n") == line {
			if found > 0 {
				return 0
			}
			found = 1 + utf8.RuneCountInString(s.sent[:at])
		}
		from = at + 1
	}
}

// own returns the part of a text from the position on that is the person's, and
// not what we put behind it.
func (s statement) own(text string, position int) string {
	left := s.skip + utf8.RuneCountInString(s.sql) - (position - 1)
	runes := []rune(text)
	if position == 0 || left <= 0 || left >= len(runes) {
		return strings.TrimSpace(text)
	}
	return string(runes[:left])
}

// statementFault explains why a statement got no answer from a database that
// was reached.
func statementFault(err error, timeout time.Duration) fault {
	if errors.Is(err, context.DeadlineExceeded) {
		return fault{
			kind:    rightful.KindUnreachable,
			message: fmt.Sprintf("no answer within %s", timeout),
			hint:    "the query may lack an index: run it by hand with EXPLAIN",
		}
	}
	return connectFault(err, timeout)
}

// connectFault explains why a database could not be reached.
func connectFault(err error, timeout time.Duration) fault {
	f := fault{kind: rightful.KindUnreachable, whole: true}
	var dns *net.DNSError
	var network net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.message, f.hint = "connection refused", "is it running, and is this its port?"
	case errors.As(err, &dns):
		f.message, f.hint = "no such host", "check the host name"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &network) && network.Timeout():
		f.message, f.hint = fmt.Sprintf("no answer within %s", timeout), "is a firewall in between?"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		f.message, f.hint = "the connection was closed", "is it running, and does it ask for TLS?"
	default:
		f.message = "it cannot be read: " + innermost(err).Error()
	}
	return f
}

// innermost returns the error at the bottom: those around it repeat address and
// user.
func innermost(err error) error {
	for {
		switch wrapped := err.(type) {
		case interface{ Unwrap() error }:
			if wrapped.Unwrap() == nil {
				return err
			}
			err = wrapped.Unwrap()
		case interface{ Unwrap() []error }:
			several := wrapped.Unwrap()
			if len(several) == 0 {
				return err
			}
			err = several[len(several)-1]
		default:
			return err
		}
	}
}
