package state

import (
	"context"
	"database/sql"
)

// postgres is what is the state's own on PostgreSQL.
type postgres struct{}

func (postgres) query(statement string) string { return statement }

// The number is of an advisory lock: "findings".
func (postgres) lockFindings(alone bool) string {
	if alone {
		return `SELECT pg_advisory_xact_lock(7379550841967896435)`
	}
	return `SELECT pg_advisory_xact_lock_shared(7379550841967896435)`
}

func (postgres) lockHead() string {
	return `SELECT records, hash FROM rightful_journal_head FOR UPDATE`
}

// durable undoes a server's, a database's or a user's synchronous_commit = off,
// with which a commit may be forgotten. Other values are left alone: they all
// wait for the disk.
func (postgres) durable(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}
