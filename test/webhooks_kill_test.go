package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful/internal/testserver"
	"rightful/stripesim"
)

const (
	mailSecret   = "whsec_mail"
	notifySecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	mailFamilies = 12
)

// mailroom is a server, as a process of its own, that takes events and tells an app of
// them, and that is killed again and again.
type mailroom struct {
	t      *testing.T
	config string
	server *exec.Cmd
	url    string

	mu       sync.Mutex
	accepted map[string]bool     // events that were answered with 200
	told     map[string][]string // family -> events that the app was told of, in the order in which it was
	notify   chan struct{}
}

// TestKilledWhileEventsCome: whatever was answered with 200 is judged, and told at least
// once and in order, however often the process is killed in between.
func TestKilledWhileEventsCome(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "rightful.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := openMailroom(t, address(t), "")
			rng := rand.New(rand.NewPCG(*killsSeed, 7))
			kills := 4
			if *killsAll {
				kills = 25
			}
			for range kills {
				m.start()
				ctx, stop := context.WithCancel(t.Context())
				var senders sync.WaitGroup
				for family := range mailFamilies {
					senders.Go(func() { m.send(ctx, family) })
				}
				killed := time.NewTimer(time.Duration(300+rng.IntN(900)) * time.Millisecond)
				<-killed.C // the moment is what is tried here
				m.kill()
				stop()
				senders.Wait()
			}
			m.start()
			m.wait()
			m.check()
			m.kill()
		})
	}
}

// openMailroom prepares an app's database, Stripe, the app that is told, and a config
// with further lines.
func openMailroom(t *testing.T, address, more string) *mailroom {
	t.Helper()
	m := &mailroom{t: t, accepted: map[string]bool{}, told: map[string][]string{}, notify: make(chan struct{}, 1)}
	app := httptest.NewServer(http.HandlerFunc(m.notice))
	t.Cleanup(app.Close)
	sim := httptest.NewServer(stripesim.New(stripesim.Options{Account: "acct_1Mail"}))
	t.Cleanup(sim.Close)
	m.fill(sim.URL)
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		`CREATE TABLE companies (id integer PRIMARY KEY, owner_id integer, stripe_customer_id text)`,
		`CREATE TABLE users (id integer PRIMARY KEY, email text, company_id integer)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for family := range mailFamilies {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO companies VALUES (?, NULL, ?)`, family+1, customerOf(family)); err != nil {
			t.Fatal(err)
		}
	}
	m.config = filepath.Join(dir, "rightful.yaml")
	text := fmt.Sprintf(`
directory:
  dsn: 'sqlite:%s'
  companies: SELECT id, owner_id AS owner_user_id, stripe_customer_id FROM companies
  users: SELECT id, email, company_id FROM users
stripe: {key: sk_test_mail, api_base: '%s', webhook_secrets: ['%s']}
state: '%s'
webhooks: {notify: {url: '%s', secret: '%s'}, catch_up: 0}
`, filepath.Join(dir, "app.db"), sim.URL, mailSecret, address, app.URL, notifySecret) + more
	if err := os.WriteFile(m.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// fill gives Stripe the customers; that of family 3 is stamped with a company that is
// not there.
func (m *mailroom) fill(stripe string) {
	m.t.Helper()
	var customers []string
	for family := range mailFamilies {
		customers = append(customers, fmt.Sprintf(`{"id": %q, "created": 1760000000, "metadata": {"company_id": %q}}`, customerOf(family), stampOf(family)))
	}
	world := `{"stripe": {"account": {"id": "acct_1Mail", "livemode": false}, "customers": [` + strings.Join(customers, ", ") + `]}}`
	res, err := http.Post(stripe+"/_sim/world", "application/json", strings.NewReader(world))
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, _ := io.ReadAll(res.Body); res.StatusCode/100 != 2 {
		m.t.Fatalf("%d %s", res.StatusCode, answer)
	}
}

func stampOf(family int) string {
	if family == 3 {
		return "404"
	}
	return fmt.Sprint(family + 1)
}

func customerOf(family int) string { return fmt.Sprintf("cus_mail%02d", family) }

// notice is the app: it takes what it is told.
func (m *mailroom) notice(w http.ResponseWriter, r *http.Request) {
	var n struct {
		ID        string `json:"id"`
		Family    string `json:"family"`
		CompanyID string `json:"company_id"`
	}
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil || customerOf(atoi(n.CompanyID)-1) != n.Family {
		m.t.Errorf("told %+v, %v", n, err)
	}
	m.mu.Lock()
	m.told[n.Family] = append(m.told[n.Family], n.ID)
	m.mu.Unlock()
	select {
	case m.notify <- struct{}{}:
	default:
	}
}

func atoi(text string) (n int) {
	_, _ = fmt.Sscan(text, &n)
	return n
}

// start starts the server and waits until it listens.
func (m *mailroom) start() {
	m.t.Helper()
	n := m.node()
	m.server, m.url = n.process, n.url
}

// node is one of the servers.
type node struct {
	process *exec.Cmd
	url     string        // of webhooks
	log     *bytes.Buffer // to be read when the process has ended
}

func (m *mailroom) node() *node {
	m.t.Helper()
	n := &node{log: &bytes.Buffer{}, process: exec.CommandContext(m.t.Context(), "rightful", "serve", "--config", m.config, "--listen", "127.0.0.1:0")}
	n.process.Env = append(os.Environ(), "RIGHTFUL_TOKEN=0123456789012345678901234567")
	n.process.Stderr = n.log
	out, err := n.process.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := n.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = n.process.Wait()
		m.t.Fatalf("it does not start: %v\n%s", err, n.log.String())
	}
	_, url, _ := strings.Cut(strings.TrimSpace(line), "rightful serves at ")
	n.url = url + "/v1/webhooks/stripe"
	return n
}

// kill ends the server as a power cut does.
func (m *mailroom) kill() {
	_ = m.server.Process.Kill()
	_ = m.server.Wait()
}

// send sends events of one family, one after the other, until the server is gone.
func (m *mailroom) send(ctx context.Context, family int) {
	for ctx.Err() == nil {
		m.mu.Lock()
		n := 0
		for id := range m.accepted {
			if strings.HasPrefix(id, fmt.Sprintf("evt_%02d_", family)) {
				n++
			}
		}
		m.mu.Unlock()
		id := fmt.Sprintf("evt_%02d_%05d", family, n)
		body := fmt.Sprintf(`{"id":"%s","object":"event","type":"customer.updated","created":%d,"livemode":false,"data":{"object":{"id":"%s","object":"customer","created":1760000000}}}`,
			id, 1_760_000_000+n, customerOf(family))
		if !m.post(ctx, body) {
			return
		}
		m.mu.Lock()
		m.accepted[id] = true
		m.mu.Unlock()
	}
}

// post sends one event, and reports whether it was answered with 200.
func (m *mailroom) post(ctx context.Context, body string) bool { return m.postTo(ctx, m.url, body) }

func (m *mailroom) postTo(ctx context.Context, url, body string) bool {
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(mailSecret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		m.t.Error(err)
		return false
	}
	req.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil))))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // it was killed
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		m.t.Errorf("answered %d %s", res.StatusCode, answer)
	}
	return err == nil && res.StatusCode == http.StatusOK
}

// wait waits until the app was told of everything that was accepted.
func (m *mailroom) wait() {
	m.t.Helper()
	deadline := time.NewTimer(3 * time.Minute)
	defer deadline.Stop()
	for {
		if missing := m.missing(); len(missing) == 0 {
			return
		}
		select {
		case <-m.notify:
		case <-deadline.C:
			m.t.Fatalf("the app was never told of %d events: %v", len(m.missing()), m.missing())
		}
	}
}

func (m *mailroom) missing() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := map[string]bool{}
	for _, events := range m.told {
		for _, id := range events {
			told[id] = true
		}
	}
	var out []string
	for id := range m.accepted {
		if !told[id] {
			out = append(out, id)
		}
	}
	return out
}

// check looks whether each family was told in order: what comes for the first time
// comes after what was told before.
func (m *mailroom) check() {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.accepted) < 50 {
		m.t.Errorf("only %d events were accepted: nothing was tried", len(m.accepted))
	}
	again := 0
	for family, events := range m.told {
		seen, last := map[string]bool{}, ""
		for _, id := range events {
			if seen[id] {
				again++
				continue
			}
			if seen[id] = true; id < last {
				m.t.Errorf("%s: %s was told after %s", family, id, last)
			}
			last = id
		}
	}
	m.t.Logf("%d events accepted, %d notices came twice", len(m.accepted), again)
}
