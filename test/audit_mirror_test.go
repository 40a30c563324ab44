package test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"rightful/internal/engine"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// TestAuditFromTheMirrorOfRealParts syncs a Stripe over HTTP, and audits from the mirror
// what an audit of Stripe finds. What changes afterwards is not seen, until it is synced.
func TestAuditFromTheMirrorOfRealParts(t *testing.T) {
	t.Parallel()
	for _, database := range engines {
		t.Run(database.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "world.json")
			planted := generate(t, file, stripesim.GenerateOptions{Companies: 150, Seed: 11, Planted: 20, Livemode: true})
			dsn := database.dsn(t)
			fillFrom(t, file, database.open(t, dsn))
			r := assemble(t, file, dsn, takeApart(t, file).Now)
			r.config["mirror"] = "sqlite:" + filepath.Join(t.TempDir(), "mirror.db")
			path := r.write(t)
			syncs, _, shut, err := wire.Sync(t.Context(), path, r.lookup, time.Unix(r.now, 0))
			if err != nil {
				t.Fatal(err)
			}
			if report, err := syncs[0].Sync(t.Context(), engine.SyncInput{}); err != nil || !report.Complete {
				t.Fatalf("%+v, %v", report, err)
			}
			if err := shut(); err != nil {
				t.Fatal(err)
			}
			e, c, err := wire.Config(t.Context(), path, r.lookup, time.Unix(r.now, 0))
			if err != nil {
				t.Fatal(err)
			}
			if err := wire.Mirrored(t.Context(), e, c); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = e.Close() })
			got := audit(t, e, engine.AuditInput{Mirror: &engine.FromMirror{}})
			asked := got.Counts.StripeGETs
			want := audit(t, e, engine.AuditInput{})
			t.Logf("%d findings; Stripe was asked %d times from the mirror, %d times without", len(got.Findings), asked, want.Counts.StripeGETs-asked)
			if len(got.Findings) != len(planted) || asked > 8+4*len(planted) {
				t.Errorf("%d findings, %d planted, %d requests", len(got.Findings), len(planted), asked)
			}
			ignoreRequests(got, want)
			got.Mirror = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-Stripe +mirror):\n%s", diff)
			}
		})
	}
}

// mirrored makes a Stripe over HTTP and an app's database, both of a generated world, and
// rightful.yaml for them.
func mirrored(ts *testscript.TestScript, _ bool, _ []string) {
	file := ts.MkAbs("generated.json")
	f, err := os.Create(file)
	ts.Check(err)
	ts.Check(stripesim.Generate(f, stripesim.GenerateOptions{Companies: 150, Seed: 11, Planted: 10}))
	ts.Check(f.Close())
	raw, err := os.ReadFile(file)
	ts.Check(err)
	var world struct {
		DB map[string][]map[string]any
	}
	ts.Check(json.Unmarshal(raw, &world))
	db, err := sql.Open("sqlite", ts.MkAbs("app.db"))
	ts.Check(err)
	mapping := map[string]any{"dsn": "sqlite:app.db"}
	for table, rows := range world.DB {
		ts.Check(insert(db, table, rows))
		mapping[table] = "SELECT * FROM " + table
	}
	ts.Check(db.Close())
	f, err = os.Open(file)
	ts.Check(err)
	sim := stripesim.New(stripesim.Options{})
	ts.Check(sim.LoadWorld(f))
	ts.Check(f.Close())
	server := httptest.NewServer(sim)
	ts.Defer(server.Close)
	for name, more := range map[string]map[string]any{"rightful.yaml": {}, "other.yaml": {"account": "acct_other"}} {
		account := map[string]any{"key": "sk_test_1", "api_base": server.URL}
		for k, v := range more {
			account[k] = v
		}
		config, err := json.Marshal(map[string]any{"directory": mapping, "stripe": account, "mirror": "sqlite:mirror.db"})
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), config, 0o600))
	}
}

// insert makes a table of rows; a column is as its values are.
func insert(db *sql.DB, table string, rows []map[string]any) error {
	var names, columns []string
	seen := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			if !seen[name] {
				seen[name] = true
				names, columns = append(names, name), append(columns, name+" BLOB")
			}
		}
	}
	if _, err := db.Exec(fmt.Sprintf("CREATE TABLE %s (%s)", table, strings.Join(columns, ", "))); err != nil {
		return err
	}
	for _, row := range rows {
		var values []any
		var marks []string
		for _, name := range names {
			values, marks = append(values, row[name]), append(marks, "?")
		}
		if _, err := db.Exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(marks, ", ")), values...); err != nil {
			return err
		}
	}
	return nil
}
