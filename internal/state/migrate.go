package state

import (
	"embed"

	"rightful/internal/database"
)

// Migrations are run in the order of their names, which begin with the number of
// the schema that they lead to. They are never changed once released.
//
//go:embed migrations/*/*.sql
var migrations embed.FS

// schemaLock is the number of the advisory lock of migrations: "rightful".
const schemaLock = 0x7269676874

func (s *Store) migrations() database.Migrations {
	return database.Migrations{
		Files: migrations, Table: "rightful_schema", Lock: schemaLock, At: s.unix(),
		Make: `CREATE TABLE IF NOT EXISTS rightful_schema (version bigint PRIMARY KEY, at bigint NOT NULL)`,
	}
}

// Schema returns the number of the schema that an opened store has.
func (s *Store) Schema() int {
	at, err := s.migrations().Latest(s.db.Name())
	if err != nil {
		return 0 // it would not have been opened
	}
	return at
}
