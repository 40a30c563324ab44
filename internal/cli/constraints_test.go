package cli_test

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"rightful/internal/cli"
)

// TestConstraintsAsks answers the question on a terminal.
func TestConstraintsAsks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer string
		code   int
		said   string
	}{
		{"n\n", cli.ExitFindings, "nothing was written"},
		{"", cli.ExitFindings, "nothing was written"},
		{"yes\n", cli.ExitOK, "added rightful_companies_stripe_customer_id_key"},
	} {
		dir := t.TempDir()
		db, err := sql.Open("sqlite", filepath.Join(dir, "app.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE companies (id integer PRIMARY KEY, stripe_customer_id text CHECK (stripe_customer_id <> ''))"); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(dir, "rightful.yaml")
		text := "directory: {dsn: 'sqlite:" + filepath.Join(dir, "app.db") + "', companies: 'SELECT * FROM companies'}\nstripe: {key: rk_test_1}\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		code := cli.Main([]string{"constraints", "apply", "--config", config}, cli.Streams{
			In: strings.NewReader(test.answer), InIsTerm: true, Out: &out, Err: &errs,
			Env: func(string) (string, bool) { return "", false }, Now: time.Now,
		})
		if code != test.code || !strings.Contains(out.String(), test.said) || !strings.Contains(errs.String(), "run this? [y/N]") {
			t.Errorf("%q: exit code %d\n%s%s", test.answer, code, &out, &errs)
		}
	}
}
