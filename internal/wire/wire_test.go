package wire_test

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	_ "modernc.org/sqlite"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// openWith opens an engine on a small database and further lines of config.
func openWith(t *testing.T, lines string) (*engine.Engine, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "app.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE companies (id integer primary key)"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rightful.yaml")
	text := "directory: {dsn: 'sqlite:" + file + "', companies: SELECT id FROM companies}\nstripe: {key: sk_test_1}\n" + lines
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	none := func(string) (string, bool) { return "", false }
	e, _, err := wire.Config(t.Context(), path, none, time.Now())
	if err == nil {
		t.Cleanup(func() { e.Close() })
	}
	return e, err
}

// TestSettingsReachTheirSources: a key that is read and handed to nobody looks
// as if it worked.
func TestSettingsReachTheirSources(t *testing.T) {
	t.Parallel()
	for lines, says := range map[string]string{
		"cache: {url: 'rediss://h', ca: /no/such/file}":                                                     "cache.ca",
		"cache: {url: 'redis://h/1', cluster: true}":                                                        "a cluster has no database",
		"resolver_probe: {command: [sh, no-user]}":                                                          "resolver_probe.command",
		"resolver_probe: {url: 'http://127.0.0.1/{user_id}', revision_command: [no-such-program-anywhere]}": "resolver_probe.revision_command",
		"resolver_probe: {url: 'http://127.0.0.1/{user_id}', concurrency: 65}":                              "resolver_probe.concurrency",
		"resolver_probe: {url: 'http://127.0.0.1/{user_id}', none_status: [200]}":                           "resolver_probe.none_status",
	} {
		_, err := openWith(t, lines)
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want ...%s...", lines, err, says)
		}
	}
}

func TestCacheAndCommand(t *testing.T) {
	t.Parallel()
	cache := miniredis.RunT(t)
	cache.Set("user:7", "V11\np0\n.")
	e, err := openWith(t, "cache: {url: 'redis://"+cache.Addr()+"', keys: [{pattern: 'user:{user_id}', holds: company_id, decode: pickle}]}\n"+
		`resolver_probe: {command: [sh, -c, 'echo "{\"id\":\"$1\"}"', probe, '{user_id}'], json: id, revision_command: [echo, abc]}`)
	if err != nil {
		t.Fatal(err)
	}
	entries := []rightful.CacheEntry{{Key: "user:7", Decode: e.Options.CacheKeys[0].Decode}}
	if err := e.Sources.Cache.Read(t.Context(), entries); err != nil || entries[0].Value != "11" {
		t.Errorf("cache: got %+v, %v", entries[0], err)
	}
	if got, err := e.Sources.Probe.Company(t.Context(), "u7"); err != nil || got.CompanyID != "u7" {
		t.Errorf("company: got %+v, %v", got, err)
	}
	if got, err := e.Sources.Probe.Revision(t.Context()); err != nil || got != "abc" {
		t.Errorf("revision: got %q, %v", got, err)
	}
}

func TestTimeoutReachesTheProbe(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	t.Cleanup(func() { close(end); app.Close() })
	e, err := openWith(t, "resolver_probe: {url: '"+app.URL+"/{user_id}', timeout: 100ms}")
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Sources.Probe.Company(t.Context(), "7")
	if rightful.KindOf(err) != rightful.KindUnreachable || !strings.Contains(err.Error(), "within 100ms") {
		t.Errorf("got %v", err)
	}
}
