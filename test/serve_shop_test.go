package test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"rightful/stripesim"
)

// shop is an app with its database, a Stripe, and the real program serving it as a
// process of its own.
type shop struct {
	dir    string
	db     *sql.DB
	stripe *httptest.Server
	url    string
	api    *apiDocument
	client *http.Client
	log    *bytes.Buffer

	process *exec.Cmd
	exited  chan error

	mu   sync.Mutex
	door func(*http.Request) // meets each request to Stripe
}

// Tokens of the shop.
const (
	appToken  = "app-token-of-the-shop"
	readToken = "read-token-of-the-shop"
	opsToken  = "operator-token-of-the-shop"
	envToken  = "token-of-the-environment"
	secret    = "whsec_of_the_shop"
)

const shopSchema = `
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT, owner_id INTEGER, stripe_customer_id TEXT, deleted_at INTEGER);
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, email_verified INTEGER, is_active INTEGER, company_id INTEGER);
CREATE TABLE memberships (user_id INTEGER, company_id INTEGER, role TEXT, joined_at INTEGER, left_at INTEGER);
INSERT INTO companies VALUES (11, 'Bela', 7, NULL, NULL), (12, 'Norte', 9, NULL, NULL), (13, 'Gone', 8, NULL, 1760000000);
INSERT INTO users VALUES (7, 'bela@example.com', 1, 1, 11), (9, 'dora@example.com', 1, 1, 12), (8, 'ezra@example.com', 1, 1, 13), (10, 'fay@example.com', 1, 1, NULL);
INSERT INTO memberships VALUES (7, 11, 'owner', 1700000000, NULL), (9, 12, 'owner', 1700000000, NULL);`

// openShop makes a shop that is not served yet. more are lines of the config.
func openShop(t *testing.T, more string) *shop {
	t.Helper()
	s := &shop{dir: t.TempDir(), api: readAPI(t), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(s.client.CloseIdleConnections)
	sim := stripesim.New(stripesim.Options{})
	s.stripe = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		door := s.door
		s.mu.Unlock()
		if door != nil {
			door(r)
		}
		sim.ServeHTTP(w, r)
	}))
	t.Cleanup(s.stripe.Close)
	file := filepath.Join(s.dir, "app.db")
	s.db = must(sql.Open("sqlite", file+"?_pragma=busy_timeout(10000)"))(t)
	t.Cleanup(func() { _ = s.db.Close() })
	s.exec(t, shopSchema)
	s.configure(t, more)
	return s
}

func (s *shop) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func (s *shop) configure(t *testing.T, more string) {
	t.Helper()
	config := `directory:
  dsn: 'sqlite:` + filepath.Join(s.dir, "app.db") + `'
  companies: SELECT id, name, owner_id AS owner_user_id, stripe_customer_id, deleted_at FROM companies
  users: SELECT id, email, email_verified, is_active, company_id FROM users
  memberships: SELECT user_id, company_id, role, joined_at, left_at FROM memberships
  resolve: direct
  write:
    company_customer: UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS :old
stripe: {key: sk_test_shop, api_base: '` + s.stripe.URL + `', webhook_secrets: [` + secret + `]}
serve:
  listen: 127.0.0.1:0
  tokens:
    - {name: shop, token: ` + appToken + `, scopes: [app]}
    - {name: dashboard, token: ` + readToken + `, scopes: [read]}
    - {name: ops, token: ` + opsToken + `, scopes: [operator]}
` + more
	if err := os.WriteFile(filepath.Join(s.dir, "rightful.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asProgram returns the real command line, as a program that can be started.
func asProgram(t *testing.T) string {
	t.Helper()
	self := must(os.Executable())(t)
	path := filepath.Join(t.TempDir(), "rightful") // TestMain goes by this name
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// rightful runs one command in the shop's folder.
func (s *shop) rightful(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), asProgram(t), args...)
	var stdout, stderr strings.Builder
	c.Dir, c.Stdout, c.Stderr, c.Env = s.dir, &stdout, &stderr, append(os.Environ(), "RIGHTFUL_TOKEN=")
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// serve starts the program, and waits until it is ready.
func (s *shop) serve(t *testing.T, args ...string) {
	t.Helper()
	s.log, s.exited = &bytes.Buffer{}, make(chan error, 1)
	s.process = exec.Command(asProgram(t), append([]string{"serve"}, args...)...)
	s.process.Dir, s.process.Stderr, s.process.Env = s.dir, s.log, append(os.Environ(), "RIGHTFUL_TOKEN="+envToken)
	out := must(s.process.StdoutPipe())(t)
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.process.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	process, exited := s.process, s.exited // another one may be started beside it
	go func() { exited <- process.Wait() }()
	if err != nil {
		t.Fatalf("not ready: %v, %v\n%s", err, <-s.exited, s.log)
	}
	s.url = strings.TrimSpace(strings.TrimPrefix(line, "rightful serves at "))
	if _, err := url.Parse(s.url); err != nil || !strings.HasPrefix(s.url, "http") {
		t.Fatalf("it printed %q", line)
	}
}

// stop ends the program as a service manager does, and returns its exit code.
func (s *shop) stop(t *testing.T) int {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return s.ended(t)
}

func (s *shop) ended(t *testing.T) int {
	t.Helper()
	select {
	case err := <-s.exited:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatalf("it does not end\n%s", s.log)
	}
	return s.process.ProcessState.ExitCode()
}

// meet lets a function see each request to Stripe.
func (s *shop) meet(door func(*http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.door = door
}

// reply is an answer.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (r reply) text(name string) string { v, _ := r.body[name].(string); return v }

// ask sends a request and holds the answer against the description; so is the
// request, if it was answered with 200.
func (s *shop) ask(t *testing.T, method, path, token, body string, headers ...string) reply {
	t.Helper()
	q, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	got, err := s.client.Do(q)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = got.Body.Close() }()
	r := reply{status: got.StatusCode, header: got.Header}
	if r.raw, err = io.ReadAll(got.Body); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(r.raw, &r.body) // metrics are no JSON
	if err := s.api.holdsAnswer(method, path, r.status, got.Header.Get("Content-Type"), r.raw); err != nil {
		t.Error(err)
	}
	if r.status == http.StatusOK && method == http.MethodPost {
		if err := s.api.holdsRequest(method, path, []byte(body)); err != nil {
			t.Error(err)
		}
	}
	return r
}

// must200 asks for something that must work.
func (s *shop) must200(t *testing.T, method, path, token, body string, headers ...string) reply {
	t.Helper()
	r := s.ask(t, method, path, token, body, headers...)
	if r.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s\n%s", method, path, r.status, r.raw, s.log)
	}
	return r
}

// buys makes a checkout session for a user.
func (s *shop) buys(t *testing.T, user int) reply {
	t.Helper()
	return s.must200(t, "POST", "/v1/checkout/sessions", appToken, fmt.Sprintf(
		`{"user_id": %d, "mode": "subscription", "price": "price_1", "quantity": 1, "success_url": "https://app.example.com/paid", "cancel_url": "https://app.example.com/"}`, user))
}

// pays completes a session, as the buyer does on Stripe's page.
func (s *shop) pays(t *testing.T, session, email string) {
	t.Helper()
	got, err := http.Post(s.stripe.URL+"/_sim/checkout/"+session+"/complete", "application/json", strings.NewReader(`{"email": "`+email+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(got.Body)
		t.Fatalf("paying: %s", raw)
	}
}

func (s *shop) validates(t *testing.T, token, session, user string) reply {
	t.Helper()
	return s.must200(t, "POST", "/v1/payments/validate", token, `{"session_id": "`+session+`", "user_id": `+user+`}`)
}
