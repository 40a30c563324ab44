package sqldirectory_test

import (
	"slices"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/sqldirectory"
)

func TestDirectoryConformance(t *testing.T) {
	t.Parallel()
	numbers, uuids, anything := []sourcetest.IDs{sourcetest.IDsNumbers}, []sourcetest.IDs{sourcetest.IDsUUIDs},
		[]sourcetest.IDs{sourcetest.IDsNumbers, sourcetest.IDsUUIDs, sourcetest.IDsText}
	byName := map[string]engine{}
	for _, e := range engines {
		byName[e.name] = e
	}
	for _, column := range []struct {
		engine, idType string
		holds          []sourcetest.IDs
	}{
		{"sqlite", "integer", numbers},
		{"sqlite", "text", anything},
		{"sqlite", "", anything}, // no declared type: what a column of an expression is like
		{"postgres", "bigint", numbers},
		{"postgres", "integer", numbers},
		{"postgres", "numeric(20, 2)", numbers},
		{"postgres", "uuid", uuids},
		{"postgres", "text", anything},
		{"postgres", "char(36)", uuids},
		{"mariadb", "int", numbers},
		{"mariadb", "bigint unsigned", numbers},
		{"mariadb", "varchar(400)", anything},
		{"mariadb", "char(36)", uuids},
		{"mariadb", "binary(16)", uuids},
		{"mariadb", "uuid", uuids},
	} {
		t.Run(column.engine+" "+column.idType, func(t *testing.T) {
			t.Parallel()
			sourcetest.TestDirectory(t, func(t *testing.T, rows sourcetest.DirectoryRows) rightful.DirectoryReader {
				if !slices.Contains(column.holds, rows.IDs) {
					t.Skipf("a column of type %s holds no %s", column.idType, rows.IDs)
				}
				dsn, mapping := byName[column.engine].seed(t, rows, column.idType)
				return open(t, dsn, mapping, sqldirectory.WithPageSize(500))
			})
		})
	}
}
