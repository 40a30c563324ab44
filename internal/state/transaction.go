package state

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"rightful"
	"rightful/internal/database"
)

// Tx is a transaction under way, for a queue that puts its jobs into it.
type Tx struct {
	SQL      *sql.Tx
	Postgres pgx.Tx // the same transaction, by the driver's own name; nil on SQLite
}

// Wake is a job that is to be queued.
type Wake struct {
	Lane       rightful.InboxLane
	Shard      int
	Generation int64
}

// Waker queues jobs in a transaction of the store.
type Waker func(ctx context.Context, tx Tx, jobs []Wake) error

// SetWaker gives the store its queue. Call it before the store is used. Without one,
// what is accepted waits until somebody with a queue wakes it.
func (s *Store) SetWaker(w Waker) { s.waker = w }

// Queue is where a queue of jobs keeps them: in this store's database, as durably as
// the store keeps its own.
type Queue struct {
	SQLite   *sql.DB       // one connection: River's driver wants no more
	Postgres *pgxpool.Pool // nil on SQLite

	file *database.Database
}

// Close closes it.
func (q Queue) Close() error {
	if q.Postgres != nil {
		q.Postgres.Close()
		return nil
	}
	return q.file.Close()
}

// OpenQueue opens connections for a queue. They must be closed.
func (s *Store) OpenQueue(ctx context.Context) (Queue, error) {
	how := s.db.Postgres()
	if how == nil {
		db, err := database.Open(ctx, s.address, options(false))
		if err != nil {
			return Queue{}, err
		}
		return Queue{SQLite: db.Write, file: db}, nil
	}
	config, err := pgxpool.ParseConfig(how.ConnString())
	if err != nil {
		return Queue{}, invalid("this is no PostgreSQL address", "")
	}
	config.ConnConfig.ConnectTimeout = how.ConnectTimeout
	config.ConnConfig.RuntimeParams = how.RuntimeParams
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return Queue{Postgres: pool}, s.explain(ctx, err)
}

// writing is write, with the transaction as a queue needs it.
func (s *Store) writing(ctx context.Context, f func(context.Context, Tx) error) error {
	if _, is := s.d.(postgres); !is || s.readOnly {
		return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error { return f(ctx, Tx{SQL: tx}) })
	}
	bounded, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return s.explain(ctx, s.onConnection(bounded, f))
}

func (s *Store) onConnection(ctx context.Context, f func(context.Context, Tx) error) (err error) {
	conn, err := s.db.Write.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	level, _ := s.db.Isolation()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	var raw *pgx.Conn
	err = conn.Raw(func(driver any) error {
		raw = driver.(*stdlib.Conn).Conn()
		return nil
	})
	if err == nil {
		err = s.d.durable(ctx, tx)
	}
	if err == nil {
		err = f(ctx, Tx{SQL: tx, Postgres: connTx{raw}})
	}
	if err != nil {
		_ = tx.Rollback() // what it would still say is less than what went wrong
		return err
	}
	return tx.Commit()
}

// connTx is a transaction that somebody else began on a connection and will end. It
// is there to insert jobs.
type connTx struct{ conn *pgx.Conn }

var _ pgx.Tx = connTx{}

var errNotOurs = errors.New("state: a transaction is ended, and has parts, by who began it only")

// byDescription has the server tell the types of parameters: the connections of the
// store guess them, which does for what the store itself sends.
func byDescription(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

// Exec, Query and QueryRow implement pgx.Tx, and the rest of it too.
func (c connTx) Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error) {
	return c.conn.Exec(ctx, statement, byDescription(args)...)
}

func (c connTx) Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error) {
	return c.conn.Query(ctx, statement, byDescription(args)...)
}

func (c connTx) QueryRow(ctx context.Context, statement string, args ...any) pgx.Row {
	return c.conn.QueryRow(ctx, statement, byDescription(args)...)
}

func (c connTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return c.conn.CopyFrom(ctx, table, columns, rows)
}

func (c connTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return c.conn.SendBatch(ctx, b)
}

func (c connTx) Prepare(ctx context.Context, name, statement string) (*pgconn.StatementDescription, error) {
	return c.conn.Prepare(ctx, name, statement)
}

func (c connTx) Conn() *pgx.Conn                       { return c.conn }
func (c connTx) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (c connTx) Begin(context.Context) (pgx.Tx, error) { return nil, errNotOurs }
func (c connTx) Commit(context.Context) error          { return errNotOurs }
func (c connTx) Rollback(context.Context) error        { return errNotOurs }
