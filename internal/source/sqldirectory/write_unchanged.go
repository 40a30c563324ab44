package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"

	"rightful"
)

// unchanged is a statement that changed no row though what it expects was read.
type unchanged struct{ target *target }

// Error says what happened; explainUnchanged says why.
func (u *unchanged) Error() string { return u.target.statement.rule.place() + " changed no row" }

// explainUnchanged looks again, outside of the transaction that was rolled back:
// either somebody has changed the row since it was read, or the statement does not
// find it.
func (w *Writer) explainUnchanged(ctx context.Context, u *unchanged) error {
	c, rule := u.target.change, u.target.statement.rule
	again := w.transact(ctx, statement{place: rule.reads}, false, func(ctx context.Context, conn *sql.Conn) error {
		_, err := w.find(ctx, conn, c)
		return err
	})
	if again != nil {
		return again // a conflict names what stands there now
	}
	return w.overlooked(u)
}

// overlooked says that a statement does not find what is there.
func (w *Writer) overlooked(u *unchanged) error {
	c, rule := u.target.change, u.target.statement.rule
	hint := "run it by hand for this row: does its WHERE leave the row out?"
	if c.Field == rightful.FieldRow {
		hint = "run it by hand for this row: does it leave the row out?"
	} else if u.target.old == nil {
		hint = fmt.Sprintf("nothing stands there, and NULL = NULL is not true: compare with %s :old", w.d.dialect.nullSafe())
	}
	return invalid(rule.place(), fmt.Sprintf("it changes no row for %s %s, where %s reads %s", c.Object.Type, c.Object.ID, rule.reads, shown(c.From)), hint)
}
