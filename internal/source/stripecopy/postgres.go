package stripecopy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rightful"
	"rightful/internal/pull"
)

// database is a PostgreSQL database in which something keeps Stripe's objects. All of it is
// read in one transaction, which sees one moment and cannot write.
type database struct {
	where  string
	conn   *pgx.Conn
	tx     pgx.Tx
	tables []table
	own    int64 // objects of our account, as far as the tables tell accounts apart
	others int64
	said   []pull.Claim
}

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// postgresPlace names a database without its password.
func postgresPlace(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "postgres"
	}
	return "postgres://" + u.Host + u.Path
}

// connectWithin bounds how long a database is waited for.
const connectWithin = 15 * time.Second

// schemaParameter of an address names the schema in which the tables are.
const schemaParameter = "schema"

// openPostgres connects, and finds out what is there.
func openPostgres(ctx context.Context, address string, o Options) (source, error) {
	d := &database{where: postgresPlace(address)}
	u, err := url.Parse(address)
	if err != nil {
		return nil, invalid("postgres", "this is no address of a database", "write postgres://user:password@host:5432/database")
	}
	q := u.Query()
	schema := q.Get(schemaParameter)
	q.Del(schemaParameter)
	u.RawQuery = q.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, invalid(d.where, "this is no address of a database", "write postgres://user:password@host:5432/database")
	}
	config.ConnectTimeout = connectWithin
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rightful"
	}
	if d.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
		return nil, d.fault(ctx, err)
	}
	if err := d.look(ctx, schema, o); err != nil {
		return nil, errors.Join(d.fault(ctx, err), d.close())
	}
	return d, nil
}

// look finds the tables and what they say of themselves.
func (d *database) look(ctx context.Context, schema string, o Options) (err error) {
	if d.tx, err = d.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err != nil {
		return err
	}
	if d.tables, err = d.find(ctx, schema); err != nil {
		return err
	}
	if err := d.count(ctx, o.Account); err != nil {
		return err
	}
	d.said, err = d.complete(ctx, o.Account)
	return err
}

func (d *database) claims() []pull.Claim { return d.said }

func (d *database) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	return d.conn.Close(ctx) // which ends the transaction
}

// count counts whose objects there are, where the tables tell.
func (d *database) count(ctx context.Context, account string) error {
	for i := range d.tables {
		t := &d.tables[i]
		if t.account == "" {
			continue
		}
		var own, others int64
		if err := d.tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE `+t.account+` = $1), count(*) FILTER (WHERE `+t.account+` IS DISTINCT FROM $1) FROM `+t.name, account).
			Scan(&own, &others); err != nil {
			return err
		}
		t.own, d.own, d.others = own, d.own+own, d.others+others
	}
	return nil
}

// lateWebhooks is how long Stripe goes on delivering an event (docs.stripe.com/webhooks):
// what was written at a time may be as old as that. otherClock is how far the clock of a
// server may be ahead of Stripe's.
const (
	lateWebhooks = 3 * 24 * time.Hour
	otherClock   = time.Minute
)

// objects reads the tables.
func (d *database) objects(ctx context.Context, c *Copy, yield func(rightful.MirrorObject) bool) error {
	c.left.OtherAccount += d.others
	for _, t := range d.tables {
		more, err := d.table(ctx, c, t, yield)
		if err != nil || !more {
			return d.fault(ctx, err)
		}
	}
	return nil
}

func (d *database) table(ctx context.Context, c *Copy, t table, yield func(rightful.MirrorObject) bool) (more bool, err error) {
	query := `SELECT CASE WHEN pg_column_size(` + t.size() + `) <= $1 THEN (` + t.object() + `)::text END, left(` + t.id + `::text, 300), ` + seconds(t.synced) + `, ` + seconds(t.updated) + ` FROM ` + t.name + ` t`
	args := []any{objectLimit}
	if t.account != "" {
		query += ` WHERE ` + t.account + ` = $2`
		args = append(args, c.o.Account)
	}
	rows, err := d.tx.Query(ctx, query, args...)
	if err != nil {
		return true, err
	}
	defer rows.Close()
	var raw []byte // of the driver's own: good until the next row
	for rows.Next() {
		values := rows.RawValues()
		raw = values[0]
		id := string(values[1])
		var asOf int64
		synced, updated, err := times(rows)
		switch {
		case err != nil:
			return true, err
		case raw == nil:
			c.bad(t.name, fmt.Sprintf("%s: an object of more than %d bytes: none of Stripe's is so big", id, objectLimit))
			continue
		case synced > 0:
			asOf = synced - int64(otherClock.Seconds())
		case updated > 0:
			asOf = updated - int64((lateWebhooks + otherClock).Seconds())
		}
		if id == "" {
			c.bad(t.name, "a row has no id")
			continue
		}
		more, err := c.decode(raw, t.typ, asOf, yield)
		if err != nil {
			c.bad(t.name, err.Error())
			continue
		}
		if !more {
			return false, nil
		}
	}
	return true, rows.Err()
}

// seconds is an expression of a time in Unix seconds.
func seconds(column string) string {
	if column == "" {
		return "NULL::bigint"
	}
	return "floor(extract(epoch FROM " + column + "))::bigint"
}

// times reads the last two columns of a row.
func times(rows pgx.Rows) (synced, updated int64, err error) {
	var s, u *int64
	if err := rows.Scan(nil, nil, &s, &u); err != nil {
		return 0, 0, err
	}
	if s != nil {
		synced = *s
	}
	if u != nil {
		updated = *u
	}
	return synced, updated, nil
}

// fault says in words for people what a database's error means.
func (d *database) fault(ctx context.Context, err error) error {
	var own *rightful.Error
	if err == nil || errors.As(err, &own) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &rightful.Error{Kind: rightful.KindUnavailable, Place: d.where, Message: "the database cannot be read", Err: err}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		e.Kind, e.Message, e.Hint = rightful.KindUnreachable, "the database does not answer, or the connection broke", "check host and port, and that the database lets this machine in"
		return e
	}
	switch {
	case strings.HasPrefix(pg.Code, "28"):
		e.Kind, e.Message = rightful.KindUnauthorized, "the database refuses the user or the password"
	case pg.Code == "3D000":
		e.Kind, e.Message = rightful.KindNotFound, "there is no such database on the server"
	case pg.Code == "42501":
		e.Kind, e.Message, e.Hint = rightful.KindForbidden, "the user may not read the tables", "GRANT USAGE ON SCHEMA and SELECT ON ALL TABLES IN SCHEMA to it"
	default:
		e.Message = fmt.Sprintf("the database cannot be read (SQLSTATE %s)", pg.Code)
	}
	return e
}
