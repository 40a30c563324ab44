package sqldirectory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/failpoint"
)

// Writer is a rightful.DirectoryWriter on the database of a Directory, with
// connections of its own that may write. It is safe for concurrent use.
type Writer struct {
	d          *Directory // what stands there is read through its queries
	db         *sql.DB
	statements map[string]*writeStatement // by the name of their rule

	// broken holds, by place, what is wrong with the statements that ExamineWriter
	// kept going after.
	broken map[string]error
}

var _ rightful.DirectoryWriter = (*Writer)(nil)

// writeConnections is how many transactions can be open at once.
const writeConnections = 2

// OpenWriter connects once more to the database that d reads, for writing, and
// checks the statements against it, in transactions that are rolled back. Errors
// are as those of Open, with a place below directory.write.
func OpenWriter(ctx context.Context, d *Directory, dsn string, m WriteMapping) (*Writer, error) {
	w, problems, err := openWriter(ctx, d, dsn, m)
	if err == nil && len(problems) > 0 {
		err = errors.Join(problems[0], w.Close())
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

// openWriter opens a writer with those of the statements that are right, and
// returns what is wrong with the others.
func openWriter(ctx context.Context, d *Directory, dsn string, m WriteMapping) (w *Writer, problems []error, err error) {
	w = &Writer{d: d, statements: map[string]*writeStatement{}}
	if w.db, _, err = dial(dsn, d.connectTimeout, forWriting); err != nil {
		return nil, nil, err
	}
	w.db.SetMaxOpenConns(writeConnections)
	for _, r := range writeRules {
		text := r.text(m)
		if strings.TrimSpace(text) == "" {
			continue
		}
		if d.broken[r.reads] != nil {
			problems = append(problems, invalid(r.place(), "it is not examined, because it rests on "+r.reads, "correct "+r.reads+" first, and run it again"))
			continue
		}
		s, err := w.compileWrite(ctx, r, text)
		switch own, ok := errors.AsType[*rightful.Error](err); {
		case err == nil:
			w.statements[r.name] = s
		case ok && own.Place == r.place():
			problems = append(problems, err)
		default: // each further statement would run into it
			_ = w.db.Close() // the first error is the one to tell
			return nil, nil, err
		}
	}
	return w, problems, nil
}

// Close closes the connections.
func (w *Writer) Close() error { return w.db.Close() }

// CompareAndSet implements rightful.DirectoryWriter. What stands there is read
// through the mapped queries before and after each statement, within the
// transaction: a statement that changes another row, or another column than the
// mapping reads, is rolled back.
func (w *Writer) CompareAndSet(ctx context.Context, changes []rightful.FieldChange, commit bool) error {
	if len(changes) == 0 {
		return ctx.Err()
	}
	at := statement{place: placeWrite}
	var missed *unchanged
	err := w.transact(ctx, at, commit, func(ctx context.Context, conn *sql.Conn) error {
		for _, c := range changes {
			if err := w.change(ctx, conn, c); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.As(err, &missed) {
		return w.explainUnchanged(ctx, missed)
	}
	return err
}

// transact runs f inside a transaction that may write, under the deadline of one
// statement, and commits it or rolls it back. Errors of f are explained as those
// of s.
func (w *Writer) transact(ctx context.Context, s statement, commit bool, f func(context.Context, *sql.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return w.d.explain(ctx, s, err)
	}
	within, cancel := context.WithTimeout(ctx, w.d.connectTimeout+w.d.timeout)
	defer cancel()
	conn, err := w.db.Conn(within)
	if err != nil {
		return w.d.explain(ctx, statement{place: placeDSN}, err)
	}
	defer conn.Close()

	within, cancel = context.WithTimeout(ctx, w.d.timeout)
	defer cancel()
	abandon, err := w.d.dialect.beginWrite(within, conn, w.d.timeout)
	if err == nil {
		err = f(within, conn)
	}
	lost := false
	if err == nil && commit {
		failpoint.Here("database/commit")
		_, err = conn.ExecContext(within, "COMMIT")
		failpoint.Here("database/committed")
		if err == nil {
			return nil
		}
		lost = !w.d.dialect.notCommitted(err)
	}
	w.d.end(ctx, conn)
	if err != nil && within.Err() != nil {
		if _, told := errors.AsType[*rightful.Error](err); !told {
			err = within.Err()
		}
		// A server that still waits for a lock would go on holding the others.
		if abandon != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
			defer cancel()
			abandon(ctx)
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
	}
	err = w.explain(ctx, s, err)
	if lost {
		return &rightful.Error{
			Kind: rightful.KindUncertain, Place: placeDSN, Err: err,
			Message: "whether the transaction was committed is not known: " + firstLine(err),
			Hint:    "read what stands there before anything is written again",
		}
	}
	return err
}

// firstLine is an error without its hint.
func firstLine(err error) string {
	if own, ok := errors.AsType[*rightful.Error](err); ok {
		return own.Message
	}
	return err.Error()
}

// explain is Directory.explain with what to do where it differs for writing.
func (w *Writer) explain(ctx context.Context, s statement, err error) error {
	var missed *unchanged
	var at *placed
	switch {
	case errors.As(err, &missed):
		return err
	case errors.As(err, &at):
		s, err = at.statement, at.err
	}
	out := w.d.explain(ctx, s, err)
	own, ok := errors.AsType[*rightful.Error](out)
	if !ok {
		return out
	}
	switch {
	case own.Kind == rightful.KindForbidden:
		own.Hint = "GRANT the user of directory.dsn what the statement does, and SELECT"
	case own.Hint == readOnlyHint:
		own.Kind, own.Hint = rightful.KindForbidden, "directory.dsn must lead to where writing is allowed: not to a replica, nor to a file that is read-only"
	case own.Kind == rightful.KindUnreachable && own.Place != placeDSN:
		own.Hint = "somebody may hold a lock on the row, or no index serves the statement: run it again, or by hand with EXPLAIN"
	}
	return out
}

// placed is an error of one of several statements of a transaction.
type placed struct {
	statement statement
	err       error
}

// Error is the error's own.
func (p *placed) Error() string { return p.err.Error() }

// Unwrap returns the error.
func (p *placed) Unwrap() error { return p.err }

// conflict returns an error about what stands in the database.
func conflict(format string, args ...any) error {
	return &rightful.Error{Kind: rightful.KindConflict, Place: "directory", Message: fmt.Sprintf(format, args...)}
}
