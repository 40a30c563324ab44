package sqldirectory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"rightful"
)

// ConstraintWriter makes the database of a Directory keep rules, on connections of
// its own. It is not for concurrent use: one rule at a time.
type ConstraintWriter struct {
	d            *Directory
	cat          catalog
	db           *sql.DB
	wait         time.Duration
	waitMeantime time.Duration
}

var _ rightful.ConstraintWriter = (*ConstraintWriter)(nil)

// DefaultLockTimeout is how long a statement that holds others up waits for its
// lock: as long as it waits, those who come after it wait too.
const DefaultLockTimeout = 5 * time.Second

// waitMeantime is how long one waits that holds nobody up, neither while it waits
// nor while it works.
const waitMeantime = 10 * time.Minute

// OpenConstraintWriter connects once more to the database that d reads. wait is how
// long a statement may wait for a lock, 0 for DefaultLockTimeout. Errors are as
// those of Open.
func OpenConstraintWriter(ctx context.Context, d *Directory, dsn string, wait time.Duration) (*ConstraintWriter, error) {
	w := &ConstraintWriter{d: d, wait: wait, waitMeantime: waitMeantime}
	if w.wait <= 0 {
		w.wait = DefaultLockTimeout
	}
	db, dialect, err := dial(dsn, d.connectTimeout, forWriting)
	if err != nil {
		return nil, err
	}
	w.db = db
	w.db.SetMaxOpenConns(2) // one to work, and one to take back when that one is lost
	conn, err := w.connect(ctx)
	if err == nil {
		_, err = dialect.version(ctx, conn) // it learns what SQL the server speaks
		err = errors.Join(err, conn.Close())
	}
	cat, ok := dialect.(catalog)
	if err == nil && !ok {
		err = &rightful.Error{Kind: rightful.KindUnsupported, Place: placeDSN, Message: "this database is not known to keep rules"}
	}
	if err != nil {
		_ = db.Close() // the first error is the one to tell
		return nil, d.explain(ctx, statement{place: placeDSN}, err)
	}
	w.cat = cat
	return w, nil
}

func (w *ConstraintWriter) connect(ctx context.Context) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, w.d.connectTimeout)
	defer cancel()
	return w.db.Conn(ctx)
}

// Close closes the connections.
func (w *ConstraintWriter) Close() error { return w.db.Close() }

// AddConstraint implements rightful.ConstraintWriter.
func (w *ConstraintWriter) AddConstraint(ctx context.Context, c rightful.Constraint, done func(rightful.ConstraintStatement)) error {
	if c.State != rightful.ConstraintMissing {
		return &rightful.Error{Kind: rightful.KindRefused, Place: c.Name, Message: "the rule is not one that is missing and that no row breaks", Hint: "rightful constraints check"}
	}
	conn, err := w.connect(ctx)
	if err != nil {
		return w.d.explain(ctx, statement{place: placeDSN}, err)
	}
	// The settings are this connection's: nobody else must get it.
	defer func() { _ = conn.Close() }()
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	for _, set := range w.cat.session(w.wait.Milliseconds()) {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			return w.d.explain(ctx, statement{place: placeDSN}, err)
		}
	}
	abandon, err := w.cat.abandoner(ctx, conn)
	if err != nil {
		return w.d.explain(ctx, statement{place: placeDSN}, err)
	}
	for _, s := range c.Statements {
		if err := w.run(ctx, conn, abandon, c, s); err != nil {
			return err
		}
		done(s)
	}
	return nil
}

// run runs one statement, and takes back what it leaves when it fails.
func (w *ConstraintWriter) run(ctx context.Context, conn *sql.Conn, abandon func(context.Context), c rightful.Constraint, s rightful.ConstraintStatement) error {
	wait := w.wait
	if s.Long {
		wait = w.waitMeantime
	}
	for _, set := range w.cat.limits(wait.Milliseconds()) {
		if _, err := conn.ExecContext(ctx, set); err != nil {
			return w.d.explain(ctx, statement{place: placeDSN}, err)
		}
	}
	rows := 0
	var err error
	if s.Counts {
		err = conn.QueryRowContext(ctx, s.SQL).Scan(&rows)
	} else {
		_, err = conn.ExecContext(ctx, s.SQL)
	}
	if err == nil && rows == 0 {
		return nil
	}
	if err != nil && ctx.Err() != nil && abandon != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanup)
		defer cancel()
		abandon(ctx)
	}
	left := w.undo(ctx, conn, s)
	if err == nil {
		return &rightful.Error{
			Kind: rightful.KindConflict, Place: c.Name,
			Message: "it was taken back: meanwhile there came " + sized(rows) + " that break it" + left, Hint: "rightful constraints check shows them",
		}
	}
	return w.explain(ctx, c, s, err, wait, left)
}

// undo runs what takes a failed statement back, also when the caller has gone. It
// returns what is to be said when that did not work.
func (w *ConstraintWriter) undo(ctx context.Context, conn *sql.Conn, s rightful.ConstraintStatement) string {
	if s.Undo == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(cleanup, 2*w.wait))
	defer cancel()
	back := conn
	if conn.PingContext(ctx) != nil {
		// The connection went with the statement.
		fresh, err := w.db.Conn(ctx)
		if err == nil {
			defer func() { _ = fresh.Close() }()
			back = fresh
			for _, set := range w.cat.limits(w.wait.Milliseconds()) {
				_, _ = back.ExecContext(ctx, set) // without it the context bounds the wait
			}
		}
	}
	if _, err := back.ExecContext(ctx, s.Undo); err != nil {
		return "; what it left could not be taken back yet: the next run does that first, or " + s.Undo
	}
	return ""
}

// explain says what became of a rule whose statement failed.
func (w *ConstraintWriter) explain(ctx context.Context, c rightful.Constraint, s rightful.ConstraintStatement, err error, wait time.Duration, left string) error {
	const again = "nothing is half done that running it again does not finish: rightful constraints apply --only "
	switch {
	case ctx.Err() != nil:
		return &rightful.Error{Kind: rightful.KindUncertain, Place: c.Name, Err: ctx.Err(), Message: "interrupted during: " + s.SQL + left, Hint: again + c.Name}
	case w.cat.locked(err):
		return &rightful.Error{
			Kind: rightful.KindUnavailable, Place: c.Name, Err: err,
			Message: fmt.Sprintf("somebody else holds a lock on %s for longer than %s; it was not waited for any longer, so as not to hold others up%s", c.Table, wait, left),
			Hint:    again + c.Name + ", when there is less going on, or with a longer --lock-timeout",
		}
	}
	out := w.d.explain(ctx, statement{place: c.Name, sent: s.SQL}, err)
	if own, ok := errors.AsType[*rightful.Error](out); ok {
		at := *own
		at.Place = c.Name
		at.Message += left
		switch {
		case own.Kind == rightful.KindForbidden || strings.Contains(own.Message, "must be owner"):
			at.Kind, at.Hint = rightful.KindForbidden, "set RIGHTFUL_DDL_DSN to the address of the same database, with the user who owns the tables"
		default:
			at.Hint = "rightful constraints check; then run it again"
		}
		return &at
	}
	return out
}
