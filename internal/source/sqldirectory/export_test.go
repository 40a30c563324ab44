package sqldirectory

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// PostgresAsksFirst reports whether a connection that has rested for so long is
// tried before it is used.
func PostgresAsksFirst(ctx context.Context, rested time.Duration) bool {
	return asksFirst(ctx, stdlib.ShouldPingParams{IdleDuration: rested})
}

// WithoutAsking and WithAsking are the contexts in which many things are asked at
// once: at first, and when the connection was dead.
func WithoutAsking(ctx context.Context) context.Context {
	return context.WithValue(ctx, asksKey{}, asksNever)
}

// WithAsking: see WithoutAsking.
func WithAsking(ctx context.Context) context.Context {
	return context.WithValue(ctx, asksKey{}, asksAlways)
}

// OnConnection asks one thing on a connection that the directory reads on.
func (d *Directory) OnConnection(ctx context.Context, query string, into any) error {
	return d.db.QueryRowContext(ctx, query).Scan(into)
}

// UserLookup returns the statement that looks users up by a number of values of
// a column, for tests of how a database runs it.
func (d *Directory) UserLookup(column string, values int) string {
	c, ok := d.users.column(column)
	if !ok {
		panic("users have no column " + column)
	}
	return d.users.in(c, values).sent
}

// BindMySQL binds :user_id in MySQL's SQL, for a server whose texts have
// backslashes as escapes or have not.
func BindMySQL(noEscapes bool, sql string) string {
	m := &mysqlServer{noEscapes: noEscapes}
	bound, _ := m.lexing().bind(sql, "user_id", m.placeholder)
	return bound
}

// Fruitless is how many blocks were sent in vain.
func (d *Directory) Fruitless() int { return int(d.dialect.(*mysqlServer).fruitless.Load()) }
