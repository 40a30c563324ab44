// Package queue runs jobs by River on the state's own database. The same code runs on
// SQLite and PostgreSQL. What it knows is what a job is for: a queue that is lost is
// built again from the state's tables.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"rightful"
)

// Slice is how long a job may run. One that has more to do ends, and another one goes
// on.
const Slice = 30 * time.Second

// A job whose worker was killed is taken up again within two minutes: River looks
// every 30 seconds.
const (
	cancelAfter = 45 * time.Second // a job that does not keep to its slice
	rescueAfter = 90 * time.Second
)

// Schema is where the queue's tables are on PostgreSQL: an app that has a River of its
// own in the same database keeps it elsewhere.
const Schema = "rightful_queue"

// Connections are where the queue is kept: one of the two. SQLite must have one
// connection only; River asks for no more.
type Connections struct {
	SQLite   *sql.DB
	Postgres *pgxpool.Pool
}

// Tx is a transaction that jobs are put into: the one of the engine at hand.
type Tx struct {
	SQLite   *sql.Tx
	Postgres pgx.Tx
}

// Options say what a queue does. Without Workers it only takes jobs.
type Options struct {
	Workers     *river.Workers
	Periodic    []*river.PeriodicJob
	Concurrency int // how many jobs run at once; default 8
	Logger      *slog.Logger
}

// Queue takes jobs, and runs them once it was started.
type Queue struct{ engine engine }

// engine is a client of River for one kind of database.
type engine interface {
	join(name string) error
	ui(ctx context.Context, prefix string, logger *slog.Logger) (http.Handler, error)
	add(ctx context.Context, jobs []river.InsertManyParams) error
	insert(ctx context.Context, tx Tx, jobs []river.InsertManyParams) error
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
}

// Open opens a queue, and makes or migrates its tables. The connections stay the
// caller's own, and must outlive the queue.
func Open(ctx context.Context, c Connections, o Options) (*Queue, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Concurrency == 0 {
		o.Concurrency = 8
	}
	var e engine
	var err error
	switch {
	case c.Postgres != nil:
		e, err = openPostgres(ctx, c.Postgres, o)
	case c.SQLite != nil:
		e, err = openSQLite(ctx, c.SQLite, o)
	default:
		return nil, errors.New("queue: no database")
	}
	if err != nil {
		return nil, failed(err)
	}
	return &Queue{e}, nil
}

// failed names the place of an error of River's.
func failed(err error) error {
	var own *rightful.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) {
		return err
	}
	hint := "let the user of the state's database create schemas and tables there once"
	var said *pgconn.PgError
	switch {
	case !errors.As(err, &said):
	case strings.HasPrefix(said.Code, "53"): // no more connections, memory or room
		hint = "make room there, or let it take more connections: a process that serves takes about 20, and 16 more where its mirror is; then go on"
	case said.Code != "42501":
		hint = "run it again; if it stays, look at the database's log"
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "state", Message: "the queue of jobs: " + err.Error(), Hint: hint, Err: err,
	}
}

func openPostgres(ctx context.Context, pool *pgxpool.Pool, o Options) (engine, error) {
	driver := riverpgxv5.New(pool)
	if err := migratePostgres(ctx, pool, driver, o.Logger); err != nil {
		return nil, err
	}
	return open(driver, Schema, o, func(tx Tx) pgx.Tx { return tx.Postgres })
}

func openSQLite(ctx context.Context, db *sql.DB, o Options) (engine, error) {
	driver := riversqlite.New(db)
	if err := migrateSQLite(ctx, driver, o.Logger); err != nil {
		return nil, err
	}
	return open(driver, "", o, func(tx Tx) *sql.Tx { return tx.SQLite })
}

// client is the one way on both engines.
type client[T any] struct {
	*river.Client[T]
	of func(Tx) T
}

func open[T any](driver riverdriver.Driver[T], schema string, o Options, of func(Tx) T) (engine, error) {
	config := &river.Config{
		Schema: schema, Logger: o.Logger, JobTimeout: cancelAfter, RescueStuckJobsAfter: rescueAfter,
		CompletedJobRetentionPeriod: time.Hour, CancelledJobRetentionPeriod: time.Hour,
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 500 * time.Millisecond,
	}
	if o.Workers != nil {
		config.Workers, config.PeriodicJobs = o.Workers, o.Periodic
		config.Queues = map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.Concurrency}}
	}
	c, err := river.NewClient(driver, config)
	if err != nil {
		return nil, err
	}
	return client[T]{c, of}, nil
}

func (c client[T]) insert(ctx context.Context, tx Tx, jobs []river.InsertManyParams) error {
	_, err := c.InsertManyTx(ctx, c.of(tx), jobs)
	return err
}

// joinedPoll is how often a queue that was joined is looked at, where nobody tells of new
// jobs.
const joinedPoll = 2 * time.Second

func (c client[T]) join(name string) error {
	return c.Queues().Add(name, river.QueueConfig{MaxWorkers: 1, FetchPollInterval: joinedPoll})
}

// Join works on another queue too, one job after the other. It may be called when the
// queue was started, and with a name that was joined before.
func (q *Queue) Join(name string) error {
	err := q.engine.join(name)
	if twice := (&river.QueueAlreadyAddedError{}); errors.As(err, &twice) {
		return nil
	}
	return failed(err)
}

func (c client[T]) add(ctx context.Context, jobs []river.InsertManyParams) error {
	_, err := c.InsertMany(ctx, jobs)
	return err
}

// Add puts jobs into the queue that can be put there again without harm: there is no
// transaction that they belong to.
func (q *Queue) Add(ctx context.Context, jobs []river.InsertManyParams) error {
	if len(jobs) == 0 {
		return nil
	}
	return failed(q.engine.add(ctx, jobs))
}

// Insert puts jobs into a transaction that is under way.
func (q *Queue) Insert(ctx context.Context, tx Tx, jobs ...river.JobArgs) error {
	if len(jobs) == 0 {
		return nil
	}
	many := make([]river.InsertManyParams, len(jobs))
	for i, args := range jobs {
		many[i].Args = args
	}
	return q.engine.insert(ctx, tx, many)
}

// Start begins to run jobs. It goes on until Stop, also when the context ends.
func (q *Queue) Start(ctx context.Context) error {
	return failed(q.engine.Start(context.WithoutCancel(ctx)))
}

// Stop lets the jobs that run come to their end, until the context ends: then they are
// called off, and run again later.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.engine.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return failed(err)
	}
	off, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return failed(q.engine.StopAndCancel(off))
}

// migrationLock is the number of the advisory lock of the queue's migrations.
const migrationLock = 0x7269676875

// migratePostgres makes the schema and its tables, one process at a time.
func migratePostgres(ctx context.Context, pool *pgxpool.Pool, driver *riverpgxv5.Driver, logger *slog.Logger) (err error) {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: Schema, Logger: logger})
	if err != nil {
		return err
	}
	if v, err := m.Validate(ctx, nil); err == nil && v.OK {
		return nil // most often there is nothing to do
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
		return err
	}
	defer func() {
		_, unlocked := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
		err = errors.Join(err, unlocked)
	}()
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+Schema); err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// migrateSQLite makes the tables. When another process does at the same time, one of
// the two finds that a table is there by now, and looks again.
func migrateSQLite(ctx context.Context, driver *riversqlite.Driver, logger *slog.Logger) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: logger})
	if err != nil {
		return err
	}
	const tries = 10
	for range tries {
		var v *rivermigrate.ValidateResult
		if v, err = m.Validate(ctx, nil); err == nil && v.OK {
			return nil
		}
		if _, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil); err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return fmt.Errorf("its tables cannot be made: %w", err)
}
