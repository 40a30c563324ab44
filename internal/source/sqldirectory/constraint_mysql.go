package sqldirectory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"rightful"
)

// origins asks the server how it understands the query: EXPLAIN leaves a note
// with every name written out, `schema`.`alias`.`column` AS `output`. The driver
// does not hand on what the protocol says of each result column.
func (m *mysqlServer) origins(ctx context.Context, conn *sql.Conn, q *query, _ shape) (map[string]origin, error) {
	explain := "EXPLAIN "
	if m.mariaDB {
		explain = "EXPLAIN EXTENDED "
	}
	rows, err := conn.QueryContext(ctx, explain+q.sql)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	found := map[string]origin{}
	err = eachRow(ctx, conn, "SHOW WARNINGS", nil, func(scan func(...any) error) error {
		var level, note string
		var code int
		if err := scan(&level, &code, &note); err != nil || code != 1003 {
			return err
		}
		m.readNote(note, found)
		return nil
	})
	return found, err
}

// readNote reads the query as the server prints it, if it is of one table.
func (m *mysqlServer) readNote(note string, found map[string]origin) {
	lexing := m.lexing()
	var items [][]token
	tokens := lexing.tokens(note)
	from := -1
	depth, item := 0, 1
	for i, t := range tokens {
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case depth == 0 && from < 0 && (t.text == "," || t.is("from")):
			items = append(items, tokens[item:i])
			item = i + 1
			if t.is("from") {
				from = i + 1
			}
		}
	}
	if from < 0 || from+3 > len(tokens) || tokens[from+1].text != "." || !tokens[from].name || !tokens[from+2].name {
		return
	}
	table := tableRef{meant(tokens[from].text), meant(tokens[from+2].text)}
	alias, rest := tokens[from+2].text, tokens[from+3:]
	ends := func(t token) bool { return t.is("where") || t.is("order") }
	if len(rest) > 0 && rest[0].name && !ends(rest[0]) {
		alias, rest = rest[0].text, rest[1:]
	}
	if len(rest) > 0 && !ends(rest[0]) {
		return
	}
	for _, item := range items {
		// `schema` . `alias` . `column` AS `output`
		if len(item) == 7 && item[1].text == "." && item[3].text == "." && item[5].is("as") && item[2].text == alias {
			found[strings.ToLower(meant(item[6].text))] = origin{table, meant(item[4].text)}
		}
	}
}

func (m *mysqlServer) base(ctx context.Context, conn *sql.Conn, ref tableRef) (*baseTable, error) {
	t := &baseTable{ref: ref}
	var kind, engine, options string
	err := conn.QueryRowContext(ctx, `SELECT table_type, COALESCE(engine, ''), COALESCE(create_options, '') FROM information_schema.tables WHERE table_schema = ? AND table_name = ?`,
		ref.schema, ref.name).Scan(&kind, &engine, &options)
	switch {
	case err != nil:
		return nil, err
	case kind == "VIEW":
		t.why = "it reads a view, and not a table"
		return t, nil
	case !strings.EqualFold(engine, "InnoDB"):
		t.why = "its table is kept by " + engine + ", which changes a table by copying it"
	case strings.Contains(strings.ToLower(options), "partitioned"):
		t.why = "its table is partitioned: a rule has to hold the columns of the partitions"
	}
	of := []any{ref.schema, ref.name}
	err = eachRow(ctx, conn, `SELECT column_name, column_type, data_type, COALESCE(collation_name, ''), is_nullable
		FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`, of, func(scan func(...any) error) error {
		c := &baseColumn{}
		var data, collation, nullable string
		if err := scan(&c.name, &c.typ, &data, &collation, &nullable); err != nil {
			return err
		}
		c.notNull = nullable == "NO"
		c.same = strings.ToLower(data) + " " + collation
		switch kind := mysqlTypes[strings.ToUpper(data)].kind; {
		case kind == kindInteger:
			c.family = familyNumber
			if strings.Contains(c.typ, "unsigned") {
				c.same += " unsigned"
			}
		case collation != "":
			c.family = familyText
		default:
			c.same += " " + c.typ // a number of other digits or bytes is another type
		}
		c.folds = strings.HasSuffix(collation, "_ci")
		if strings.Contains(data, "text") || strings.Contains(data, "blob") {
			c.noKey = fmt.Sprintf("%s is of type %s, of which an index holds the beginning only; make it a VARCHAR first", c.name, data)
		}
		t.columns = append(t.columns, c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := m.definitions(ctx, conn, t); err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT index_name, non_unique, COALESCE(column_name, ''), sub_part IS NOT NULL OR column_name IS NULL, seq_in_index
		FROM information_schema.statistics WHERE table_schema = ? AND table_name = ? ORDER BY index_name, seq_in_index`, of, func(scan func(...any) error) error {
		var name, column string
		var several, partly bool
		var n int
		if err := scan(&name, &several, &column, &partly, &n); err != nil {
			return err
		}
		if n == 1 && !partly {
			t.leads = append(t.leads, column)
		}
		if several {
			return nil
		}
		if n == 1 {
			t.keys = append(t.keys, key{name: name, valid: true})
		}
		last := &t.keys[len(t.keys)-1]
		last.columns = append(last.columns, column)
		last.valid = last.valid && !partly // the beginning of a value is not the value
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, conn, `SELECT k.constraint_name, k.column_name, k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name, r.delete_rule
		FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
			ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
		WHERE k.table_schema = ? AND k.table_name = ? AND k.referenced_table_name IS NOT NULL ORDER BY k.constraint_name, k.ordinal_position`, of, func(scan func(...any) error) error {
		f := reference{valid: true}
		if err := scan(&f.name, &f.column, &f.to.schema, &f.to.name, &f.toColumn, &f.onDelete); err != nil {
			return err
		}
		// A key of several columns is another rule.
		if i := slices.IndexFunc(t.references, func(o reference) bool { return o.name == f.name }); i >= 0 {
			t.references[i].column = ""
			return nil
		}
		t.references = append(t.references, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, m.checks(ctx, conn, t)
}

// checks reads the table's checks, of which old servers have none.
func (m *mysqlServer) checks(ctx context.Context, conn *sql.Conn, t *baseTable) error {
	ask := `SELECT c.constraint_name, c.check_clause FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
		ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
		WHERE t.table_schema = ? AND t.table_name = ? AND t.enforced = 'YES'`
	if m.mariaDB {
		ask = `SELECT constraint_name, check_clause FROM information_schema.check_constraints WHERE constraint_schema = ? AND table_name = ?`
	}
	err := eachRow(ctx, conn, ask, []any{t.ref.schema, t.ref.name}, func(scan func(...any) error) error {
		c := check{valid: true}
		err := scan(&c.name, &c.text)
		// MySQL writes _utf8mb4\'\' for ''.
		c.text = strings.ReplaceAll(strings.ReplaceAll(c.text, `\'`, `'`), "_utf8mb4", "")
		t.checks = append(t.checks, c)
		return err
	})
	var answer *mysql.MySQLError
	if errors.As(err, &answer) && (answer.Number == 1109 || answer.Number == 1054) { // no such table, no such column
		return nil
	}
	return err
}

// definitions reads how each column is written down, which changing it has to
// repeat to the letter.
func (m *mysqlServer) definitions(ctx context.Context, conn *sql.Conn, t *baseTable) error {
	var name, text string
	err := conn.QueryRowContext(ctx, "SHOW CREATE TABLE "+t.ref.as(m.quote)).Scan(&name, &text)
	if err != nil {
		return err
	}
	// The settings of a read make the server quote names in another way.
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		for _, c := range t.columns {
			for _, quoted := range []string{m.quote(c.name), `"` + strings.ReplaceAll(c.name, `"`, `""`) + `"`} {
				if rest, ok := strings.CutPrefix(line, quoted+" "); ok {
					c.definition = rest
				}
			}
		}
	}
	return nil
}

// notNull returns a column's definition with NOT NULL in it; "" when it is not
// clear how.
func (m *mysqlServer) notNull(definition string) string {
	lexing := m.lexing()
	cut, end := -1, -1
	for _, s := range lexing.spans(definition) {
		if s.kind != spanCode {
			continue
		}
		code := strings.ToUpper(definition[s.start:s.end])
		if strings.Contains(code, " AS (") || strings.Contains(code, "GENERATED") || strings.Contains(code, "AUTO_INCREMENT") {
			return ""
		}
		for _, none := range []string{" NULL DEFAULT NULL", " DEFAULT NULL"} {
			if at := strings.Index(code, none); at >= 0 && cut < 0 {
				cut, end = s.start+at, s.start+at+len(none)
			}
		}
		if cut < 0 && strings.Contains(code, " DEFAULT") {
			at := s.start + strings.Index(code, " DEFAULT")
			cut, end = at, at
		}
	}
	if cut < 0 {
		return ""
	}
	return definition[:cut] + " NOT NULL" + definition[end:]
}

func (*mysqlServer) partial() bool { return false }

// enforces: with foreign_key_checks = 0 anything can be written.
func (*mysqlServer) enforces() bool { return false }

func (*mysqlServer) emptiness(*baseColumn) (term, bool) { return term{}, false }

func (m *mysqlServer) session(wait int64) []string {
	all := []string{
		fmt.Sprintf("SET SESSION lock_wait_timeout = %d", max(1, (wait+999)/1000)),
		fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d", max(1, (wait+999)/1000)),
		"SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'ANSI_QUOTES', 'STRICT_ALL_TABLES')",
	}
	if m.mariaDB {
		return append(all, "SET SESSION max_statement_time = 0")
	}
	return append(all, "SET SESSION max_execution_time = 0")
}

func (m *mysqlServer) limits(wait int64) []string { return m.session(wait)[:2] }

func (m *mysqlServer) abandoner(ctx context.Context, conn *sql.Conn) (func(context.Context), error) {
	var id uint64
	var host string
	err := conn.QueryRowContext(ctx, whoami).Scan(&id, &host)
	return func(ctx context.Context) { m.kill(ctx, id, host) }, err
}

func (*mysqlServer) locked(err error) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && answer.Number == 1205
}

// build writes a rule as a change in place during which others write, or says
// that there is none: LOCK=NONE makes the server refuse what would hold them up.
func (m *mysqlServer) build(r *rule) {
	table, name := r.on(m), m.quote(r.Name)
	const (
		online = ", ALGORITHM=INPLACE, LOCK=NONE"
		lock   = "metadata lock on %s, for itself alone at the beginning and the end: in between reads and writes go on"
	)
	add := func(sql, lock, held, undo string) {
		r.Statements = append(r.Statements, rightful.ConstraintStatement{SQL: sql, Lock: strings.ReplaceAll(lock, "%s", table), Held: held, Undo: undo})
	}
	if r.columns[0].folds && r.Kind == rightful.ConstraintUnique {
		r.note("the column's collation ignores case: values that differ in case only count as the same")
	}
	switch r.Kind {
	case rightful.ConstraintUnique:
		if slices.ContainsFunc(r.table.keys, func(k key) bool { return k.name == r.Name }) {
			r.Why = "there is an index " + r.Name + " that says something else: drop or rename it"
			return
		}
		add(fmt.Sprintf("ALTER TABLE %s ADD UNIQUE INDEX %s (%s)%s", table, name, r.names(m, ""), online), lock, "two moments; one reading of the table between them", "")
	case rightful.ConstraintNotNull:
		definition := m.notNull(r.columns[0].definition)
		if definition == "" {
			r.Why = "the column's definition (" + r.columns[0].definition + ") is not one that rightful writes again with NOT NULL in it"
			return
		}
		add(fmt.Sprintf("ALTER TABLE %s MODIFY %s %s%s", table, r.names(m, ""), definition, online), lock, "two moments; the table is written once more between them, which takes its size on disk", "")
	case rightful.ConstraintForeignKey:
		parent := r.parent.ref.as(m.quote)
		drop := fmt.Sprintf("ALTER TABLE %s DROP FOREIGN KEY %s", table, name)
		add("SET SESSION foreign_key_checks = 0", "none: without it the server only adds a foreign key by copying the table while writes wait", "this session", "SET SESSION foreign_key_checks = 1")
		add(fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) ON DELETE RESTRICT%s", table, name, r.names(m, ""), parent, m.quote(r.parentOf.name), online),
			lock+"; the same on "+parent, "two moments; if no index begins with the column, one is made between them", "SET SESSION foreign_key_checks = 1")
		add("SET SESSION foreign_key_checks = 1", "none", "this session", "")
		r.Statements = append(r.Statements, rightful.ConstraintStatement{
			SQL: r.counting(m), Lock: "none: reads and writes go on", Held: "one reading of the table: rows that came before the rule are counted", Counts: true, Undo: drop,
		})
	case rightful.ConstraintNotEmpty:
		r.Why = fmt.Sprintf("a CHECK is only added by copying the table, while writes wait; where the table is small, run it yourself: ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)", table, name, r.condition(m))
	}
}
