package mirror

import (
	"context"
	"database/sql"
	"strings"

	"rightful"
)

// Columns are those of which an object is made.
const Columns = objectColumns

// SlotOf is the slot of a family.
var SlotOf = slotOf

// DB returns the connections that write, for a test that looks behind the mirror.
func (m *Mirror) DB() *sql.DB { return m.db.Write }

// Unpack reads packed fields.
func Unpack(raw []byte) (o rightful.Object, err error) {
	err = unpack(raw, &o, &shared{})
	return o, err
}

// Plan tells how SQLite reads the first page of a list, or a next one.
func (m *Mirror) Plan(ctx context.Context, q rightful.ListQuery, next bool) (string, error) {
	var after *row
	if next {
		after = &row{place: 4096, family: "cus_1", typ: typeNumbers[q.Type], tail: 3, created: 7}
	}
	index, c := asked(1, q, after)
	var plan []string
	err := m.each(ctx, m.db.Read, func(rows *sql.Rows) error {
		var id, parent, unused any
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	}, "EXPLAIN QUERY PLAN "+selecting(m.d, index, c, 10), c.args...)
	return strings.Join(plan, "; "), err
}

// StageFrom sets how many objects of a first pass are not staged.
func (m *Mirror) StageFrom(n int64) { m.stageFrom = n }
