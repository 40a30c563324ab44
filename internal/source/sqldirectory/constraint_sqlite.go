package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"rightful"
)

// origins asks SQLite, which keeps for each result column the table and the
// column that it comes from.
func (sqliteFile) origins(_ context.Context, conn *sql.Conn, q *query, _ shape) (map[string]origin, error) {
	found := map[string]origin{}
	err := conn.Raw(func(driver any) error {
		lite, ok := driver.(interface {
			ColumnInfo(query string) ([]sqlite.ColumnInfo, error)
		})
		if !ok {
			return errors.New("this is not a SQLite connection")
		}
		columns, err := lite.ColumnInfo(q.sql)
		for _, c := range columns {
			if c.TableName != "" && c.DatabaseName == "main" {
				found[strings.ToLower(asWritten(c.Name))] = origin{tableRef{"", c.TableName}, c.OriginName}
			}
		}
		return err
	})
	return found, err
}

func (s sqliteFile) base(ctx context.Context, conn *sql.Conn, ref tableRef) (*baseTable, error) {
	t := &baseTable{ref: ref, triggers: map[string]string{}}
	var kind, text string
	err := conn.QueryRowContext(ctx, "SELECT type, sql FROM main.sqlite_master WHERE name = ? AND type IN ('table', 'view')", ref.name).Scan(&kind, &text)
	if err != nil {
		return nil, err
	}
	lexing := s.lexing()
	tokens := lexing.tokens(text)
	switch {
	case kind == "view":
		t.why = "it reads a view, and not a table"
	case len(tokens) > 1 && tokens[1].is("virtual"):
		t.why = "its table is a virtual one, which keeps no rules"
	}
	primary := key{name: "the primary key", valid: true}
	err = eachRow(ctx, conn, `SELECT name, type, "notnull", pk FROM pragma_table_xinfo(?)`, []any{ref.name}, func(scan func(...any) error) error {
		c := &baseColumn{}
		var pk int
		if err := scan(&c.name, &c.typ, &c.notNull, &pk); err != nil {
			return err
		}
		if pk > 0 {
			primary.columns = append(primary.columns, c.name)
		}
		t.columns = append(t.columns, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(primary.columns) == 1 {
		// An INTEGER PRIMARY KEY is the row's own number, and never NULL.
		c := t.column(primary.columns[0])
		c.notNull = c.notNull || strings.EqualFold(c.typ, "integer")
	}
	if len(primary.columns) > 0 {
		t.keys = append(t.keys, primary)
	}
	var indexes []key
	err = eachRow(ctx, conn, `SELECT name FROM pragma_index_list(?) WHERE "unique" AND origin <> 'pk' ORDER BY name`, []any{ref.name}, func(scan func(...any) error) error {
		k := key{valid: true}
		err := scan(&k.name)
		indexes = append(indexes, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, k := range indexes {
		err := eachRow(ctx, conn, "SELECT COALESCE(name, '') FROM pragma_index_info(?) ORDER BY seqno", []any{k.name}, func(scan func(...any) error) error {
			var column string
			err := scan(&column)
			k.columns = append(k.columns, column)
			k.valid = k.valid && column != "" // an index of an expression
			return err
		})
		if err != nil {
			return nil, err
		}
		var text sql.NullString
		if err := conn.QueryRowContext(ctx, "SELECT sql FROM main.sqlite_master WHERE type = 'index' AND name = ?", k.name).Scan(&text); err != nil {
			return nil, err
		}
		k.where = afterWhere(lexing, text.String)
		t.keys = append(t.keys, k)
	}
	// Names are told as somebody wrote them, whatever their case.
	err = eachRow(ctx, conn, `SELECT id, COALESCE((SELECT c.name FROM pragma_table_info(?1) c WHERE c.name = f."from" COLLATE NOCASE), f."from"),
			COALESCE((SELECT m.name FROM main.sqlite_master m WHERE m.type = 'table' AND m.name = f."table" COLLATE NOCASE), f."table"),
			COALESCE((SELECT c.name FROM pragma_table_info(f."table") c WHERE c.name = f."to" COLLATE NOCASE OR f."to" IS NULL AND c.pk = 1), ''),
			on_delete, (SELECT count(*) FROM pragma_foreign_key_list(?1) o WHERE o.id = f.id)
		FROM pragma_foreign_key_list(?1) f ORDER BY id`,
		[]any{ref.name}, func(scan func(...any) error) error {
			f := reference{valid: true}
			var id, columns int
			if err := scan(&id, &f.column, &f.to.name, &f.toColumn, &f.onDelete, &columns); err != nil {
				return err
			}
			f.name = "on " + f.column
			if columns == 1 {
				t.references = append(t.references, f)
			}
			return nil
		})
	if err != nil {
		return nil, err
	}
	t.checks = checksIn(tokens)
	err = eachRow(ctx, conn, "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ?", []any{ref.name}, func(scan func(...any) error) error {
		var name, text string
		err := scan(&name, &text)
		t.triggers[name] = text
		return err
	})
	return t, err
}

// afterWhere returns the condition of an index.
func afterWhere(lexing lexRules, text string) string {
	tokens := lexing.tokens(text)
	for i, t := range tokens {
		if t.is("where") {
			var all []string
			for _, t := range tokens[i+1:] {
				all = append(all, t.text)
			}
			return strings.Join(all, " ")
		}
	}
	return ""
}

// checksIn returns the checks in a table's text.
func checksIn(tokens []token) (all []check) {
	for i, t := range tokens {
		if !t.is("check") || i+1 == len(tokens) || tokens[i+1].text != "(" {
			continue
		}
		depth := 0
		var text []string
		for _, inner := range tokens[i+1:] {
			switch inner.text {
			case "(":
				depth++
			case ")":
				depth--
			}
			text = append(text, inner.text)
			if depth == 0 {
				break
			}
		}
		all = append(all, check{name: "in the table", text: strings.Join(text, " "), valid: true})
	}
	return all
}

func (sqliteFile) partial() bool { return true }

// enforces: foreign keys are kept on connections that ask for it, and on no
// others.
func (sqliteFile) enforces() bool { return false }

// emptiness: any row may hold a number or a text, so both are asked for.
func (s sqliteFile) emptiness(c *baseColumn) (term, bool) {
	return term{s.quote(c.name), "COALESCE(%s, 0) IN (0, '')"}, true
}

func (sqliteFile) session(wait int64) []string {
	return []string{fmt.Sprintf("PRAGMA busy_timeout = %d", wait)}
}

func (s sqliteFile) limits(wait int64) []string { return s.session(wait) }

func (sqliteFile) abandoner(context.Context, *sql.Conn) (func(context.Context), error) {
	return nil, nil
}

func (sqliteFile) locked(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && (lite.Code()&0xff == sqlite3.SQLITE_BUSY || lite.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// build writes a rule as a unique index, or as a pair of triggers where SQLite
// cannot add what it would be to a table: NOT NULL and CHECK. Each trigger looks
// at the row that was just written and at nothing else, so nothing gets past
// both. A foreign key is another matter: triggers do not see the rows that
// INSERT OR REPLACE takes away.
func (s sqliteFile) build(r *rule) {
	const lock = "the whole file: writes wait, reads go on (in WAL mode; otherwise they wait for the commit)"
	switch r.Kind {
	case rightful.ConstraintUnique:
		if _, there := r.table.keyNamed(r.Name); there {
			r.Why = "there is an index " + r.Name + " that says something else: drop or rename it"
			return
		}
		where := ""
		if about := r.about(""); about != "" {
			where = " WHERE " + strings.TrimPrefix(about, " AND ")
		}
		r.Statements = append(r.Statements, rightful.ConstraintStatement{
			SQL:  fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s (%s)%s", s.quote(r.Name), r.on(s), r.names(s, ""), where),
			Lock: lock, Held: "one reading of the table",
		})
	case rightful.ConstraintForeignKey:
		r.Why = "SQLite adds no foreign key to a table: it needs a rebuild of the table, which rightful does not do; and it only counts on connections with PRAGMA foreign_keys = ON"
	default:
		r.triggers(s, lock)
	}
}

// triggers writes the pair that keeps a rule about one column.
func (r *rule) triggers(s sqliteFile, lock string) {
	bad, column := "NEW."+s.quote(r.Columns[0]), s.quote(r.Columns[0])
	if r.Kind == rightful.ConstraintNotNull {
		bad += " IS NULL"
	} else {
		bad += " = ''"
	}
	kept, undo := 0, ""
	for _, event := range []string{"INSERT", "UPDATE OF " + column} {
		name := r.Name + "_" + strings.ToLower(event[:6])
		body := fmt.Sprintf("AFTER %s ON %s WHEN %s BEGIN SELECT RAISE(ABORT, '%s'); END", event, r.on(s), bad, strings.ReplaceAll(r.Name, "'", "''"))
		undo += "DROP TRIGGER IF EXISTS " + s.quote(name) + "; "
		text, there := r.table.triggers[name]
		switch {
		case there && strings.HasSuffix(text, body):
			kept++
		case there:
			r.Why = "there is a trigger " + name + " that says something else: drop or rename it"
			return
		default:
			r.Statements = append(r.Statements, rightful.ConstraintStatement{SQL: "CREATE TRIGGER " + s.quote(name) + " " + body, Lock: lock, Held: "a moment: no row is read"})
		}
	}
	if kept == 2 {
		r.By = "triggers " + r.Name + "_insert and " + r.Name + "_update"
		return
	}
	r.Statements = append(r.Statements, rightful.ConstraintStatement{
		SQL: r.counting(s), Lock: "none in WAL mode; otherwise writes wait", Held: "one reading of the table: rows that came before the rule are counted", Counts: true, Undo: strings.TrimSuffix(undo, "; "),
	})
}
