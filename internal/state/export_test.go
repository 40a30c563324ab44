package state

import (
	"context"
	"database/sql"
	"strings"

	"rightful"
)

// DB lets tests reach behind the store.
func (s *Store) DB() *sql.DB { return s.db.Write }

// SetPage sets how many records are read at once.
func (s *Store) SetPage(n int) { s.page = n }

// Write runs f as the store's own writes are run.
func (s *Store) Write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return s.write(ctx, f)
}

// ExplainFindings returns how SQLite would look for findings.
func (s *Store) ExplainFindings(ctx context.Context, q rightful.FindingQuery) (string, error) {
	where, args := choose(q)
	rows, err := s.db.Read.QueryContext(ctx, s.d.query(`EXPLAIN QUERY PLAN SELECT body FROM rightful_findings WHERE `+where), args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return "", err
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, "\n"), rows.Err()
}
