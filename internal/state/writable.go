package state

import "context"

// Writable tells whether the state could be written now, without writing: a file that
// another process keeps to itself, and a database that became a replica, can still be
// read; a file that was moved or deleted can even be written. Errors are of kind unreachable, unavailable or forbidden.
func (s *Store) Writable(ctx context.Context) error {
	if f, is := s.d.(sqliteFile); is {
		if err := f.stillThere(); err != nil {
			return err
		}
	}
	return s.writing(ctx, func(ctx context.Context, tx Tx) error {
		_, err := s.exec(ctx, tx.SQL, `UPDATE rightful_marks SET at = at WHERE name IS NULL`)
		return err
	})
}
