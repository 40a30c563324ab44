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
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rightful/internal/engine"
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
					real := assemble(t, file, dsn, on.open(t, dsn), want.Now)
					got := audit(t, real, engine.AuditInput{})
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

// assemble puts a world into real parts and opens them through a config file.
func assemble(t *testing.T, file, dsn string, db *sql.DB, now int64) *engine.Engine {
	t.Helper()
	raw := must(os.ReadFile(file))(t)
	var p parts
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	fill(t, db, p.DB)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	sim := stripesim.New(stripesim.Options{})
	if err := sim.LoadWorld(strings.NewReader(string(raw))); err != nil {
		t.Fatal(err)
	}
	stripe := httptest.NewServer(sim)
	t.Cleanup(stripe.Close)

	c := map[string]any{}
	for k, v := range p.Config {
		c[k] = v
	}
	mapping := map[string]any{
		"dsn":       "${DSN}",
		"companies": "SELECT * FROM companies", "users": "SELECT * FROM users", "memberships": "SELECT * FROM memberships",
	}
	if _, ok := p.DB["subscriptions"]; ok {
		mapping["subscriptions"] = "SELECT * FROM subscriptions"
	}
	c["directory"] = mapping
	account := map[string]any{"key": "${KEY}", "api_base": stripe.URL}
	if own, ok := p.Config["stripe"].(map[string]any); ok {
		for k, v := range own {
			account[k] = v
		}
	}
	c["stripe"] = account
	if p.Cache != nil {
		c["cache"] = cacheConfig(t, p)
	}
	if p.Probe != nil {
		c["resolver_probe"] = probeConfig(t, p)
	}
	path := filepath.Join(t.TempDir(), "rightful.yaml")
	if err := os.WriteFile(path, must(json.Marshal(c))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"DSN": dsn, "KEY": "sk_live_same"}
	e, _, err := wire.Config(t.Context(), path, func(k string) (string, bool) { v, ok := env[k]; return v, ok }, time.Unix(now, 0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	e.Options.ProbeAll = true
	return e
}

func cacheConfig(t *testing.T, p parts) map[string]any {
	t.Helper()
	redis := miniredis.RunT(t)
	for k, v := range p.Cache {
		if err := redis.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	c := map[string]any{"url": "redis://" + redis.Addr()}
	if own, ok := p.Config["cache"].(map[string]any); ok {
		c["keys"] = own["keys"]
	}
	return c
}

func probeConfig(t *testing.T, p parts) map[string]any {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"company": p.Probe.Users[r.PathValue("id")]})
	})
	mux.HandleFunc("GET /revision", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.Probe.Revision) })
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	c := map[string]any{"url": app.URL + "/users/{user_id}", "json": "company"}
	if p.Probe.Revision != "" {
		c["revision_url"] = app.URL + "/revision"
	}
	if own, ok := p.Config["resolver_probe"].(map[string]any); ok {
		for k, v := range own {
			c[k] = v
		}
	}
	return c
}

// fill makes the tables of a world with whole numbers as ids.
func fill(t *testing.T, db *sql.DB, tables map[string][]map[string]any) {
	t.Helper()
	ctx := context.Background()
	schema := map[string][]string{
		"companies":     {"id bigint", "name text", "owner_user_id bigint", "stripe_customer_id text", "deleted_at bigint", "merged_into bigint", "billing_parent_id bigint"},
		"users":         {"id bigint", "email text", "email_verified boolean", "is_active boolean", "company_id bigint"},
		"memberships":   {"user_id bigint", "company_id bigint", "role text", "joined_at bigint", "left_at bigint"},
		"subscriptions": {"id bigint", "company_id bigint", "stripe_customer_id text", "stripe_subscription_id text", "status text"},
	}
	for table, columns := range schema {
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
					places = append(places, fmt.Sprintf("$%d", len(places)+1))
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
