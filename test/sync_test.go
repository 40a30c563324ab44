package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/cli"
	"rightful/internal/source/mirror"
	"rightful/internal/source/stripeapi"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// syncing is a Stripe that is synced by processes which die.
type syncing struct {
	sim     *stripesim.Server
	url     string
	program string
	config  string
	folder  string
	mirror  string

	mu       sync.Mutex
	lists    int           // list pages that were asked for
	inFlight int           // of them now
	stopAt   int           // of those: it and all later ones are held
	stopped  chan struct{} // closed when it is reached
	goOn     chan struct{} // closed when they may go on
}

const syncCompanies = 8000

// TestKilledWhileSyncing kills sync with SIGKILL in the middle, twice, and lets it go on: the
// mirror is then what the server has, and what was kept was not asked for again. While
// one process is at it, another is refused.
func TestKilledWhileSyncing(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "mirror.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSyncing(t, address(t))
			lost := 0
			for _, pages := range []int{60, 80} {
				lost += s.killed(t, pages)
			}
			code, out := s.run(t)
			if code != cli.ExitOK {
				t.Fatalf("exit code %d\n%s", code, out)
			}
			// Each window that is begun ends in a page that is not full; two lists are empty,
			// and each is looked at once more.
			const ideal, windows, looks = 3 * syncCompanies / 100, 3 * 16, 2 + 5
			if s.lists > ideal+windows+looks+lost {
				t.Errorf("%d list requests; %d is the least, and %d were lost", s.lists, ideal, lost)
			}
			t.Logf("%d list requests; %d is the least, and %d were lost", s.lists, ideal, lost)
			s.same(t)
		})
	}
}

func newSyncing(t *testing.T, address string) *syncing {
	t.Helper()
	var world bytes.Buffer
	if err := stripesim.Generate(&world, stripesim.GenerateOptions{Companies: syncCompanies}); err != nil {
		t.Fatal(err)
	}
	s := &syncing{sim: stripesim.New(stripesim.Options{}), program: asProgram(t), folder: t.TempDir(), mirror: address, stopAt: 1 << 30}
	if err := s.sim.LoadWorld(&world); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	s.config = filepath.Join(s.folder, "rightful.yaml")
	text := fmt.Sprintf(`directory: {dsn: 'sqlite:nowhere.db', companies: SELECT id FROM companies}
stripe: {key: sk_test_syncing, api_base: '%s', rate: {account: 300, endpoint: 150}}
mirror: '%s'
`, s.url, address)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// ServeHTTP counts list pages, and holds those that come after the last one.
func (s *syncing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("limit") != "100" || r.URL.Path == "/v1/events" {
		s.sim.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	s.lists++
	s.inFlight++
	goOn, hold := s.goOn, s.lists > s.stopAt
	if s.lists == s.stopAt+1 {
		close(s.stopped)
	}
	s.mu.Unlock()
	if hold {
		select {
		case <-goOn:
		case <-r.Context().Done():
		}
	}
	s.sim.ServeHTTP(w, r)
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
}

// killed starts a sync, kills it after some pages, and returns how many of them cannot have
// been kept. The next one finds everything as it is in the middle of a transaction, or
// between two.
func (s *syncing) killed(t *testing.T, pages int) (lost int) {
	t.Helper()
	s.mu.Lock()
	s.stopAt, s.stopped, s.goOn = s.lists+pages, make(chan struct{}), make(chan struct{})
	s.mu.Unlock()
	c := exec.Command(s.program, "sync", "--config", s.config)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.stopped:
	case <-time.After(2 * time.Minute):
		t.Errorf("it did not come so far: %s", out.String())
	}
	if code, out := s.run(t); code != cli.ExitRefused || !strings.Contains(out, "another process is filling the mirror") {
		t.Errorf("beside another: exit code %d\n%s", code, out)
	}
	if err := c.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = c.Wait() // it was killed
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.goOn)
	s.stopAt = 1 << 30
	const waiting = 32 // pages that may have been answered, and not kept yet
	return s.inFlight + waiting
}

func (s *syncing) run(t *testing.T) (code int, out string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	raw, err := exec.CommandContext(ctx, s.program, "sync", "--config", s.config).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return code, string(raw)
}

// same compares the mirror with Stripe, object by object.
func (s *syncing) same(t *testing.T) {
	t.Helper()
	keys := rightful.KeySet{Company: "company_id", User: "user_id"}
	reader, err := stripeapi.New(stripeapi.Options{Key: "sk_test_syncing", APIBase: s.url, Keys: keys, AccountRate: 1e6, EndpointRate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	account, err := reader.Account(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := mirror.Open(t.Context(), s.mirror, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	kept := m.Of(account.ID, account.Livemode, keys)
	for _, typ := range rightful.ListedTypes() {
		read := func(r rightful.StripeReader) map[string]rightful.Object {
			all := map[string]rightful.Object{}
			for o, err := range r.List(t.Context(), rightful.ListQuery{Type: typ}) {
				if err != nil {
					t.Fatal(err)
				}
				all[o.ID] = o
			}
			return all
		}
		if diff := cmp.Diff(read(reader), read(kept)); diff != "" {
			t.Errorf("%s differ (-Stripe +mirror):\n%.2000s", typ, diff)
		}
	}
}
