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

// Uncounted returns, for each pass under way that counts what it has not seen, how many
// that are by its count, and by looking at all objects.
func (m *Mirror) Uncounted(ctx context.Context) (counted, looked []int64, err error) {
	err = m.each(ctx, m.db.Read, func(rows *sql.Rows) error {
		var c, l int64
		err := rows.Scan(&c, &l)
		counted, looked = append(counted, c), append(looked, l)
		return err
	}, `SELECT p.unseen, (SELECT count(*) FROM rightful_mirror.object o WHERE o.place >= p.account * 4096 AND o.place < (p.account + 1) * 4096
			AND o.type = p.type AND o.state = 1 AND o.seen < p.id AND o.created < p.started)
		FROM rightful_mirror.pass p WHERE p.ended = 0 AND p.unseen >= 0 ORDER BY p.id`)
	return counted, looked, err
}
