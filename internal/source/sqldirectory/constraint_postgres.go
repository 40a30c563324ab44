package sqldirectory

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"rightful"
)

// origins asks the server, which tells of each result column the table and the
// number of the column in it.
func (p postgres) origins(ctx context.Context, conn *sql.Conn, q *query, _ shape) (map[string]origin, error) {
	var fields []pgconn.FieldDescription
	err := conn.Raw(func(driver any) error {
		pg, ok := driver.(*stdlib.Conn)
		if !ok {
			return errors.New("this is not a PostgreSQL connection")
		}
		described, err := pg.Conn().Prepare(ctx, "", q.sql)
		if err == nil {
			fields = described.Fields
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	found := map[string]origin{}
	for _, f := range fields {
		if f.TableOID == 0 || f.TableAttributeNumber <= 0 {
			continue
		}
		var o origin
		err := conn.QueryRowContext(ctx, `
			SELECT n.nspname, c.relname, a.attname FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE c.oid = $1 AND a.attnum = $2`, int64(f.TableOID), int64(f.TableAttributeNumber)).Scan(&o.table.schema, &o.table.name, &o.column)
		if err != nil {
			return nil, err
		}
		found[strings.ToLower(f.Name)] = o
	}
	return found, nil
}

// notPlain says why a relation is no plain table.
var notPlain = map[string]string{
	"v": "it reads a view, and not a table", "m": "it reads a materialized view, and not a table",
	"f": "its table lies on another server (a foreign table)",
	"p": "its table is partitioned: an index cannot be built there without holding writes up",
}

func (p postgres) base(ctx context.Context, conn *sql.Conn, ref tableRef) (*baseTable, error) {
	t := &baseTable{ref: ref}
	var oid int64
	var kind string
	var partition bool
	err := conn.QueryRowContext(ctx, `SELECT c.oid::bigint, c.relkind::text, c.relispartition FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`, ref.schema, ref.name).Scan(&oid, &kind, &partition)
	if err != nil {
		return nil, err
	}
	if t.why = notPlain[kind]; partition {
		t.why = "its table is a partition of another one"
	}
	err = eachRow(ctx, conn, `SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, NULL), t.typcategory::text, a.attnotnull, t.typname = 'citext'
		FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
		[]any{oid}, func(scan func(...any) error) error {
			c, category := &baseColumn{}, ""
			if err := scan(&c.name, &c.typ, &c.same, &category, &c.notNull, &c.folds); err != nil {
				return err
			}
			if c.same == "character varying" {
				c.same = "text" // compared alike, by the same operators
			}
			c.family = map[string]columnFamily{"S": familyText, "N": familyNumber, "B": familyFlag}[category]
			t.columns = append(t.columns, c)
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT i.relname, x.indisvalid AND x.indisready, COALESCE(pg_get_expr(x.indpred, x.indrelid), ''),
			to_json(ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
				WHERE k.n <= x.indnkeyatts ORDER BY k.n))::text
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = $1 AND x.indisunique AND x.indexprs IS NULL ORDER BY i.relname`,
		[]any{oid}, func(scan func(...any) error) error {
			var k key
			var columns string
			if err := scan(&k.name, &k.valid, &k.where, &columns); err != nil {
				return err
			}
			t.keys = append(t.keys, k)
			return json.Unmarshal([]byte(columns), &t.keys[len(t.keys)-1].columns)
		})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT a.attname FROM pg_index x JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
		WHERE x.indrelid = $1 AND x.indisvalid AND x.indpred IS NULL`, []any{oid}, t.scanLead)
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT c.conname, a.attname, n.nspname, r.relname, f.attname, c.confdeltype::text, c.convalidated
		FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
		JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace n ON n.oid = r.relnamespace
		JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1]
		WHERE c.conrelid = $1 AND c.contype = 'f' AND cardinality(c.conkey) = 1 ORDER BY c.conname`,
		[]any{oid}, func(scan func(...any) error) error {
			var f reference
			var action string
			if err := scan(&f.name, &f.column, &f.to.schema, &f.to.name, &f.toColumn, &action, &f.valid); err != nil {
				return err
			}
			f.onDelete = map[string]string{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}[action]
			t.references = append(t.references, f)
			return nil
		})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT conname, pg_get_expr(conbin, conrelid), convalidated FROM pg_constraint WHERE conrelid = $1 AND contype = 'c' ORDER BY conname`,
		[]any{oid}, func(scan func(...any) error) error {
			var c check
			err := scan(&c.name, &c.text, &c.valid)
			t.checks = append(t.checks, c)
			return err
		})
	return t, err
}

// scanLead reads the first column of an index.
func (t *baseTable) scanLead(scan func(...any) error) error {
	var column string
	err := scan(&column)
	t.leads = append(t.leads, column)
	return err
}

// eachRow runs a query of a catalog.
func eachRow(ctx context.Context, conn *sql.Conn, ask string, args []any, row func(scan func(...any) error) error) error {
	rows, err := conn.QueryContext(ctx, ask, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (postgres) partial() bool { return true }

func (postgres) enforces() bool { return true }

func (p postgres) emptiness(c *baseColumn) (term, bool) {
	switch c.family {
	case familyFlag:
		return term{p.quote(c.name), "IS NOT TRUE"}, true
	case familyNumber:
		return term{p.quote(c.name), "COALESCE(%s, 0) = 0"}, true
	case familyText:
		return term{p.quote(c.name), "COALESCE(%s, '') = ''"}, true
	}
	return term{p.quote(c.name), "IS NULL"}, true
}

func (postgres) session(wait int64) []string {
	return []string{fmt.Sprintf("SET lock_timeout = '%dms'", wait), "SET statement_timeout = 0"}
}

func (p postgres) limits(wait int64) []string { return p.session(wait) }

func (postgres) abandoner(context.Context, *sql.Conn) (func(context.Context), error) {
	return nil, nil
}

func (postgres) locked(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// What PostgreSQL's statements lock.
const (
	moment = "a moment: no row is read"
	goesOn = "SHARE UPDATE EXCLUSIVE on %s: reads and writes go on, other changes of the table wait"
	allOut = "ACCESS EXCLUSIVE on %s: reads and writes wait"
)

// build writes a rule so that nobody waits for a scan: what is added counts for
// new rows at once, and the old ones are looked at afterwards.
func (p postgres) build(r *rule) {
	table, name := r.on(p), p.quote(r.Name)
	add := func(sql, lock, held string, long bool, undo string) {
		r.Statements = append(r.Statements, rightful.ConstraintStatement{SQL: sql, Lock: strings.ReplaceAll(lock, "%s", table), Held: held, Long: long, Undo: undo})
	}
	validate := func(constraint, lock, held string) {
		add(fmt.Sprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s", table, p.quote(constraint)), lock, held, true, "")
	}
	const scan = "one reading of the table"
	switch r.Kind {
	case rightful.ConstraintUnique:
		index := p.quote(r.table.ref.schema) + "." + name
		drop := "DROP INDEX CONCURRENTLY IF EXISTS " + index
		if k, there := r.table.keyNamed(r.Name); there {
			if k.valid {
				r.Why = "there is an index " + r.Name + " that says something else: drop or rename it"
				return
			}
			r.note("an index %s was left unfinished by an earlier run: it is dropped first", r.Name)
			add(drop, goesOn, "until transactions that use the table have ended", true, "")
		}
		where := ""
		if about := r.about(""); about != "" {
			where = " WHERE " + strings.TrimPrefix(about, " AND ")
		}
		add(fmt.Sprintf("CREATE UNIQUE INDEX CONCURRENTLY %s ON %s (%s)%s", name, table, r.names(p, ""), where), goesOn,
			"two readings of the table, and until transactions that began before have ended", true, drop)
	case rightful.ConstraintForeignKey:
		i := slices.IndexFunc(r.table.references, r.refers)
		constraint := r.Name
		if i >= 0 {
			constraint = r.table.references[i].name
		} else {
			parent := r.parent.ref.as(p.quote)
			add(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE RESTRICT NOT VALID", table, name, r.names(p, ""), parent, p.quote(r.parentOf.name)),
				"SHARE ROW EXCLUSIVE on %s and "+parent+": reads go on, writes wait", moment, false, "")
		}
		validate(constraint, goesOn+"; ROW SHARE on "+r.parent.ref.as(p.quote)+": nobody waits", scan+", with a look-up for each row")
		if !r.table.indexed(r.columns[0].name) {
			r.note("deleting a row of %s looks for rows of %s that name it: without an index on %s that reads all of %s", r.parent.ref.name, r.table.ref.name, r.Columns[0], r.table.ref.name)
		}
	case rightful.ConstraintNotEmpty:
		if _, there := r.table.checkNamed(r.Name); !there {
			add(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID", table, name, r.condition(p)), allOut, moment, false, "")
		}
		validate(r.Name, goesOn, scan)
	case rightful.ConstraintNotNull:
		left, there := r.table.checkNamed(r.Name)
		drop := fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", table, name)
		if r.columns[0].notNull {
			add(drop, allOut, moment, false, "") // what an interrupted run left
			return
		}
		if !there {
			add(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s) NOT VALID", table, name, r.condition(p)), allOut, moment, false, "")
		}
		if !left.valid {
			validate(r.Name, goesOn, scan)
		}
		add(fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", table, r.names(p, "")), allOut, moment+", because the check proves it (before version 12: one reading of the table)", false, "")
		add(drop, allOut, moment, false, "")
	}
}
