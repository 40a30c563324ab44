package state

import (
	"context"
	"database/sql"
)

// DB lets tests reach behind the store.
func (s *Store) DB() *sql.DB { return s.db }

// SetPage sets how many records are read at once.
func (s *Store) SetPage(n int) { s.page = n }

// Write runs f as the store's own writes are run.
func (s *Store) Write(ctx context.Context, f func(context.Context, *sql.Tx) error) error {
	return s.write(ctx, f)
}
