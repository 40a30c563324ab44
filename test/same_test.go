package test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/engine"
	"rightful/internal/source/worldfile"
	"rightful/internal/testserver"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// parts is a world taken apart, to be put into real systems.
type parts struct {
	Now    int64                       `json:"now"`
	Config map[string]any              `json:"config"`
	DB     map[string][]map[string]any `json:"db"`
	Cache  map[string]string           `json:"cache"`
	Probe  *struct {
		Users    map[string]any `json:"users"`
		Revision string         `json:"revision"`
	} `json:"probe"`
}

// engines are the databases that the same world must read alike from.
var engines = []struct {
	name string
	dsn  func(t *testing.T) string
	open func(t *testing.T, dsn string) *sql.DB
}{
	{
		"sqlite",
		func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "app.db") },
		func(t *testing.T, dsn string) *sql.DB {
			return must(sql.Open("sqlite", strings.TrimPrefix(dsn, "sqlite:")))(t)
		},
	},
	{
		"postgres",
		func(t *testing.T) string { return testserver.Postgres(t) },
		func(t *testing.T, dsn string) *sql.DB { return must(sql.Open("pgx", dsn))(t) },
	},
	{
		"mariadb",
		func(t *testing.T) string { return testserver.MariaDB(t) },
		func(t *testing.T, dsn string) *sql.DB { return testserver.OpenMariaDB(t, dsn) },
	},
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestSameFindingsFromRealParts puts each world into a real database, a Stripe
// over HTTP, a cache and an app, and expects the audit of those to find exactly
// what the audit of the file finds, to the last piece of evidence.
func TestSameFindingsFromRealParts(t *testing.T) {
	t.Parallel()
	files := append(worldFiles(t), "../internal/demo/founding-incident.json")
	for _, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			for _, file := range files {
				t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
					t.Parallel()
					e, _, err := wire.World(file)
					if err != nil {
						t.Fatal(err)
					}
					want := audit(t, e, engine.AuditInput{})
					dsn := on.dsn(t)
					fillFrom(t, file, on.open(t, dsn))
					got := audit(t, assemble(t, file, dsn, want.Now).open(t), engine.AuditInput{})
					ignoreRequests(want, got)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("the file and the real parts differ (-file +real):\n%s", diff)
					}
				})
			}
		})
	}
}

func audit(t *testing.T, e *engine.Engine, in engine.AuditInput) *engine.AuditReport {
	t.Helper()
	r, err := e.Audit(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// ignoreRequests leaves out what only real parts have: requests.
func ignoreRequests(reports ...*engine.AuditReport) {
	for _, r := range reports {
		r.Counts.StripeGETs = 0
	}
}

// rig is a world in real parts, before they are opened.
type rig struct {
	sim    *stripesim.Server
	stripe *httptest.Server
	redis  *miniredis.Miniredis // nil when the world has no cache
	app    *httptest.Server     // nil when the world has no probe
	config map[string]any       // rightful.yaml
	env    map[string]string
	now    int64
}

// assemble puts a world into real parts. Its database was filled before.
func assemble(t *testing.T, file, dsn string, now int64) *rig {
	t.Helper()
	p := takeApart(t, file)
	r := &rig{sim: stripesim.New(stripesim.Options{Now: func() time.Time { return time.Unix(now, 0) }}), config: map[string]any{}, now: now}
	world := must(os.Open(file))(t)
	defer func() { _ = world.Close() }()
	if err := r.sim.LoadWorld(world); err != nil {
		t.Fatal(err)
	}
	r.stripe = httptest.NewServer(r.sim)
	t.Cleanup(r.stripe.Close)

	for k, v := range p.Config {
		r.config[k] = v
	}
	mapping := map[string]any{"dsn": "${DSN}"}
	for table := range p.DB {
		mapping[table] = "SELECT * FROM " + table
	}
	if own, ok := p.Config["directory"].(map[string]any); ok {
		for k, v := range own {
			mapping[k] = v
		}
	}
	r.config["directory"] = mapping
	account := map[string]any{"key": "${KEY}", "api_base": r.stripe.URL}
	if own, ok := p.Config["stripe"].(map[string]any); ok {
		for k, v := range own {
			account[k] = v
		}
	}
	r.config["stripe"] = account
	if p.Cache != nil {
		r.config["cache"] = r.cacheConfig(t, p)
	}
	if p.Probe != nil {
		r.config["resolver_probe"] = r.probeConfig(t, p)
	}
	if made := must(worldfile.Read(file))(t).Intents(); len(made) > 0 {
		r.config["state"] = keepMade(t, made)
	}
	r.env = map[string]string{"DSN": dsn, "KEY": "sk_live_same"}
	return r
}

// open writes the config and opens everything that it names.
func (r *rig) open(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := r.tryOpen(t)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (r *rig) tryOpen(t *testing.T) (*engine.Engine, error) {
	t.Helper()
	e, _, err := wire.Config(t.Context(), r.write(t), r.lookup, time.Unix(r.now, 0))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = e.Close() })
	e.Options.ProbeAll = true
	return e, nil
}

// write writes the rig's config file and returns its path.
func (r *rig) write(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rightful.yaml")
	if err := os.WriteFile(path, must(json.Marshal(r.config))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lookup is the rig's environment.
func (r *rig) lookup(name string) (string, bool) { v, ok := r.env[name]; return v, ok }

func takeApart(t *testing.T, file string) parts {
	t.Helper()
	var p parts
	if err := json.Unmarshal(must(os.ReadFile(file))(t), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// fillFrom puts a world's tables into a database and closes it.
func fillFrom(t *testing.T, file string, db *sql.DB) {
	t.Helper()
	fill(t, db, takeApart(t, file).DB)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) cacheConfig(t *testing.T, p parts) map[string]any {
	t.Helper()
	r.redis = miniredis.RunT(t)
	for k, v := range p.Cache {
		if err := r.redis.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	var keys []map[string]any // a config file has no default keys, a world has
	for _, k := range collect.DefaultCacheKeys() {
		keys = append(keys, map[string]any{"pattern": k.Pattern, "holds": k.Holds})
	}
	c := map[string]any{"url": "redis://" + r.redis.Addr(), "keys": keys}
	if own, ok := p.Config["cache"].(map[string]any); ok {
		c["keys"] = own["keys"]
	}
	return c
}

func (r *rig) probeConfig(t *testing.T, p parts) map[string]any {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, q *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"company": p.Probe.Users[q.PathValue("id")]})
	})
	mux.HandleFunc("GET /revision", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.Probe.Revision) })
	r.app = httptest.NewServer(mux)
	t.Cleanup(r.app.Close)
	c := map[string]any{"url": r.app.URL + "/users/{user_id}", "json": "company"}
	if p.Probe.Revision != "" {
		c["revision_url"] = r.app.URL + "/revision"
	}
	if own, ok := p.Config["resolver_probe"].(map[string]any); ok {
		for k, v := range own {
			c[k] = v
		}
	}
	return c
}

// appears reports whether some row of a table has the column. An empty table
// has them all, and every table has its keys.
func appears(rows []map[string]any, column string) bool {
	name, _, _ := strings.Cut(column, " ")
	return len(rows) == 0 || name == "id" || slices.ContainsFunc(rows, func(r map[string]any) bool { _, ok := r[name]; return ok })
}

// idType returns the column type for the ids of a table: whole numbers where they
// all are.
func idType(tables map[string][]map[string]any, table string) string {
	for _, r := range tables[table] {
		if id, isText := r["id"].(string); isText && !rightful.IsNumericID(id) {
			return "varchar(64)"
		}
	}
	return "bigint"
}

// fill makes the tables of a world with whole numbers as ids, where they are, and
// only the columns that the world has.
func fill(t *testing.T, db *sql.DB, tables map[string][]map[string]any) {
	t.Helper()
	ctx := context.Background()
	_, numbered := db.Driver().(*stdlib.Driver) // PostgreSQL wants $1 where others take ?
	company, user, row := idType(tables, "companies"), idType(tables, "users"), idType(tables, "subscriptions")
	schema := map[string][]string{
		"companies": {"id " + company, "name text", "owner_user_id " + user, "stripe_customer_id text", "deleted_at bigint",
			"merged_into " + company, "billing_parent_id " + company, "stamp_value text"},
		"users":         {"id " + user, "email text", "email_verified boolean", "is_active boolean", "company_id " + company},
		"memberships":   {"user_id " + user, "company_id " + company, "role text", "joined_at bigint", "left_at bigint"},
		"subscriptions": {"id " + row, "company_id " + company, "stripe_customer_id text", "stripe_subscription_id text", "status text"},
		"links":         {"company_id " + company, "stripe_customer_id text"},
	}
	for table, columns := range schema {
		columns = slices.DeleteFunc(columns, func(c string) bool { return !appears(tables[table], c) })
		if _, err := db.ExecContext(ctx, "CREATE TABLE "+table+" ("+strings.Join(columns, ", ")+")"); err != nil {
			t.Fatal(err)
		}
		for _, row := range tables[table] {
			var names, places []string
			var values []any
			for _, c := range columns {
				name, _, _ := strings.Cut(c, " ")
				if v, ok := row[name]; ok {
					names = append(names, name)
					place := "?"
					if numbered {
						place = fmt.Sprintf("$%d", len(places)+1)
					}
					places = append(places, place)
					if f, isNumber := v.(float64); isNumber {
						v = int64(f)
					}
					values = append(values, v)
				}
			}
			insert := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(places, ", "))
			if _, err := db.ExecContext(ctx, insert, values...); err != nil {
				t.Fatalf("%s: %v", insert, err)
			}
		}
	}
}
