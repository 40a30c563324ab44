package sqldirectory

import (
	"context"
	"database/sql"
	"strconv"
)

// pages calls emit with all rows, page by page, until it returns false. Rows
// without a key are left out.
//
// A page is a range of keys, not a number of rows: its upper end is the key of
// the row that a full page ends with, so all rows of one key are on one page,
// however many they are. Which keys are equal or smaller is decided by the
// database alone, whose collation we do not know.
func (d *Directory) pages(ctx context.Context, q *query, emit func([][]any) (bool, error)) error {
	key, _ := q.column(q.key)
	limit := "ORDER BY " + key.ref + " LIMIT 1 OFFSET " + strconv.Itoa(d.pageSize-1)
	var after []any // the last key of the page before
	for {
		from := "WHERE " + key.ref + " IS NOT NULL "
		if after != nil {
			from = "WHERE " + key.ref + " > " + key.typ.marked(d.dialect.placeholder(1)) + " "
		}
		boundary := q.wrap(key.ref, from+limit)
		var rows [][]any
		var last []any
		err := d.read(ctx, boundary, func(ctx context.Context, conn *sql.Conn) error {
			end, err := d.fetch(ctx, conn, boundary.sent, after)
			if err != nil {
				return err
			}
			args, to := after, ""
			if len(end) > 0 {
				last = end[0]
				to = "AND " + key.ref + " <= " + key.typ.marked(d.dialect.placeholder(len(after)+1))
				args = append(args[:len(args):len(args)], last...)
			}
			rows, err = d.fetch(ctx, conn, q.wrap(q.list(), from+to).sent, args)
			return err
		})
		if err != nil {
			return err
		}
		if more, err := emit(rows); err != nil || !more {
			return err
		}
		if last == nil {
			return nil
		}
		after = last
	}
}
