package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"rightful/internal/cli"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// TestSyncFromASyncEngine fills a mirror from a database as Stripe's sync engine leaves it,
// without a request, and then follows Stripe with events: the mirror is what Stripe has, and
// no list was read.
func TestSyncFromASyncEngine(t *testing.T) {
	t.Parallel()
	s := newSyncing(t, "sqlite:"+filepath.Join(t.TempDir(), "mirror.db"))
	engine := testserver.Postgres(t)
	db, err := pgx.Connect(t.Context(), engine)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE SCHEMA stripe`)
	exec(`CREATE TABLE stripe._sync_obj_runs (_account_id text, run_started_at timestamptz, object text, status text)`)
	for table, path := range map[string]string{
		"customers": "/v1/customers", "checkout_sessions": "/v1/checkout/sessions", "subscriptions": "/v1/subscriptions?status=all",
		"payment_intents": "/v1/payment_intents", "subscription_schedules": "/v1/subscription_schedules",
	} {
		exec(`CREATE TABLE stripe.` + table + ` (_raw_data jsonb NOT NULL, _last_synced_at timestamptz, _updated_at timestamptz NOT NULL DEFAULT now(), _account_id text NOT NULL,
			id text GENERATED ALWAYS AS ((_raw_data->>'id')::text) STORED PRIMARY KEY)`)
		for _, page := range s.pages(t, path) {
			exec(`INSERT INTO stripe.`+table+` (_raw_data, _last_synced_at, _account_id) SELECT o, now() - interval '5 minutes', $2 FROM jsonb_array_elements($1::jsonb) o`, page, stripesim.DefaultAccount)
		}
		exec(`INSERT INTO stripe._sync_obj_runs VALUES ($1, now() - interval '10 minutes', $2, 'complete')`, stripesim.DefaultAccount, strings.TrimSuffix(table, "s"))
	}
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "stripe: {", "stripe: {account: "+stripesim.DefaultAccount+", ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.sim.Counts().Total
	code, out := s.with(t, "STRIPE_DATABASE_URL="+engine, "sync", "--config", s.config, "--from", "${STRIPE_DATABASE_URL}")
	if code != cli.ExitOK || !strings.Contains(out, "Stripe was not asked") || s.sim.Counts().Total != before {
		t.Fatalf("exit code %d, %d requests\n%s", code, s.sim.Counts().Total-before, out)
	}
	if code, out := s.with(t, "", "sync", "--config", s.config, "--show"); code != cli.ExitOK || s.sim.Counts().Total != before {
		t.Errorf("exit code %d, %d requests\n%s", code, s.sim.Counts().Total-before, out)
	}
	s.same(t)

	var first, second string
	if err := db.QueryRow(t.Context(), `SELECT min(id), max(id) FROM stripe.customers`).Scan(&first, &second); err != nil {
		t.Fatal(err)
	}
	s.send(t, http.MethodPost, "/v1/customers/"+first, url.Values{"metadata[company_id]": {"77"}})
	s.send(t, http.MethodDelete, "/v1/customers/"+second, nil)
	s.lists = 0
	if code, out := s.run(t); code != cli.ExitOK || s.lists > 3 {
		t.Fatalf("exit code %d, %d list pages\n%s", code, s.lists, out)
	}
	s.same(t)
}

// with runs the program with a variable of the environment.
func (s *syncing) with(t *testing.T, variable string, args ...string) (code int, out string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), s.program, args...)
	c.Env = append(os.Environ(), variable)
	raw, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(raw)
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, string(raw)
}

// pages are a list's pages as Stripe sends them: their data.
func (s *syncing) pages(t *testing.T, path string) (pages []string) {
	t.Helper()
	after, join := "", "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	for {
		var page struct {
			HasMore bool              `json:"has_more"`
			Data    []json.RawMessage `json:"data"`
		}
		raw := s.send(t, http.MethodGet, path+join+"limit=100"+after, nil)
		if err := json.Unmarshal(raw, &page); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(page.Data)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Data) > 0 {
			pages = append(pages, string(data))
		}
		if !page.HasMore {
			return pages
		}
		var last struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(page.Data[len(page.Data)-1], &last); err != nil {
			t.Fatal(err)
		}
		after = "&starting_after=" + last.ID
	}
}

func (s *syncing) send(t *testing.T, method, path string, form url.Values) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_syncing")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(fmt.Errorf("%s %s: %d %s %w", method, path, answer.StatusCode, raw, err))
	}
	return raw
}
