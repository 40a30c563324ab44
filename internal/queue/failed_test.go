package queue

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"rightful"
)

// TestFailedSaysWhatToDo: what helps depends on what the database said.
func TestFailedSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"42501": "create schemas", "53300": "more connections", "XX000": "database's log", "": "create schemas"} {
		err := errors.New("no such schema")
		if code != "" {
			err = fmt.Errorf("opening: %w", &pgconn.PgError{Code: code})
		}
		var own *rightful.Error
		if !errors.As(failed(err), &own) || !strings.Contains(own.Hint, want) {
			t.Errorf("%q: %v", code, failed(err))
		}
	}
}
