package test

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful/internal/testserver"
	"rightful/stripesim"
)

var (
	nodesAccounts = flag.Int("nodes.accounts", 2, "how many accounts three nodes audit")
	nodesRounds   = flag.Int("nodes.rounds", 1, "how often each node is killed, and cut off")
)

// nodesLease is for how long an account is held by a node that is not heard of.
const nodesLease = 5 * time.Second

// askedOnce is one request to Stripe.
type askedOnce struct {
	at   time.Time
	node int
	list bool // a page of a whole list: only audits ask for those
}

// nodesAccount is one Stripe account, with a door for each node.
type nodesAccount struct {
	id      string
	sim     *stripesim.Server
	company string // a customer of the account
	busy    bool   // people ask about it

	mu    sync.Mutex
	asked []askedOnce
	doors []*httptest.Server
}

func (a *nodesAccount) door(node int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.asked = append(a.asked, askedOnce{time.Now(), node, r.URL.Query().Get("limit") == "100" && !r.URL.Query().Has("customer")})
		a.mu.Unlock()
		a.sim.ServeHTTP(w, r)
	})
}

// most returns the largest number of requests that arrived within one second.
func (a *nodesAccount) most() (most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := 0
	for to := range a.asked {
		for a.asked[to].at.Sub(a.asked[from].at) >= time.Second {
			from++
		}
		most = max(most, to-from+1)
	}
	return most
}

// background returns how many requests a node sent since that belong to an audit. Where
// people ask too, nobody can tell.
func (a *nodesAccount) background(node int, since time.Time) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range a.asked {
		if !a.busy && q.node == node && q.at.After(since) {
			n++
		}
	}
	return n
}

// cable is a way to the database that can be cut: what is sent then arrives nowhere, and
// nobody is told.
type cable struct {
	net.Listener
	to string

	mu   sync.Mutex
	cut  bool
	ends []net.Conn
}

func newCable(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{Listener: l, to: to}
	t.Cleanup(func() { _ = l.Close(); c.mend() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go c.carry(in)
		}
	}()
	return c
}

func (c *cable) carry(in net.Conn) {
	c.mu.Lock()
	if c.cut { // the other end hears nothing of who calls now
		c.ends = append(c.ends, in)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	out, err := net.Dial("tcp", c.to)
	if err != nil {
		_ = in.Close()
		return
	}
	c.mu.Lock()
	c.ends = append(c.ends, in, out)
	c.mu.Unlock()
	go c.pump(out, in)
	c.pump(in, out)
}

func (c *cable) pump(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		c.mu.Lock()
		cut := c.cut
		c.mu.Unlock()
		if cut {
			if err != nil {
				return // nobody hears that this end was closed, until it is mended
			}
			continue // it is lost; the connection stays as it is
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
}

func (c *cable) sever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
}

// mend lets new connections through. Those of before have lost bytes, and are closed.
func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
	for _, end := range c.ends {
		_ = end.Close()
	}
	c.ends = nil
}

// cluster is three nodes on one PostgreSQL. Each serves all accounts.
type cluster struct {
	t        *testing.T
	state    string
	db       *sql.DB
	accounts []*nodesAccount
	cables   []*cable
	dir      string
	program  string

	mu        sync.Mutex
	processes map[int]*nodeProcess // by node
}

type nodeProcess struct {
	cmd *exec.Cmd
	url string
	log *bytes.Buffer
}

const nodesRate = 15

func newCluster(t *testing.T, accounts int) *cluster {
	t.Helper()
	c := &cluster{t: t, state: testserver.Postgres(t), dir: t.TempDir(), program: asProgram(t), processes: map[int]*nodeProcess{}}
	c.db = must(sql.Open("pgx", c.state))(t)
	t.Cleanup(func() { _ = c.db.Close() })
	at := must(url.Parse(c.state))(t)
	for range 3 {
		c.cables = append(c.cables, newCable(t, at.Host))
	}
	c.app()
	for i := range accounts {
		c.accounts = append(c.accounts, c.account(i))
	}
	for node := range 3 {
		c.configure(node)
	}
	t.Cleanup(func() {
		for node, p := range c.processes {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait()
			if t.Failed() {
				t.Logf("node %d:\n%s", node, p.log)
			}
		}
	})
	return c
}

// database is the app's.
func (c *cluster) database() *sql.DB {
	return must(sql.Open("sqlite", filepath.Join(c.dir, "app.db")))(c.t)
}

func (c *cluster) app() {
	db := c.database()
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE companies (id text PRIMARY KEY, stripe_customer_id text, stripe_account text);
		CREATE TABLE users (id integer PRIMARY KEY, email text, company_id text);
		INSERT INTO companies VALUES ('0', NULL, NULL); INSERT INTO users VALUES (1, 'ada@example.com', '0')`); err != nil {
		c.t.Fatal(err)
	}
}

// account makes an account of a few dozen objects, and its companies in the app. An audit of
// any but the first takes longer than a lease.
func (c *cluster) account(i int) *nodesAccount {
	a := &nodesAccount{id: fmt.Sprintf("acct_1Node%02d", i)}
	var world bytes.Buffer
	if err := stripesim.Generate(&world, stripesim.GenerateOptions{Companies: 6 + 5*min(i, 1), Seed: uint64(i), Account: a.id, Planted: 5}); err != nil {
		c.t.Fatal(err)
	}
	var rows struct {
		DB struct {
			Companies []struct {
				ID       any    `json:"id"`
				Customer string `json:"stripe_customer_id"`
			} `json:"companies"`
		} `json:"db"`
	}
	if err := json.Unmarshal(world.Bytes(), &rows); err != nil {
		c.t.Fatal(err)
	}
	a.sim = stripesim.New(stripesim.Options{Account: a.id, Limits: stripesim.StripeLimits(), Latency: stripesim.FixedLatency(30 * time.Millisecond)})
	if err := a.sim.LoadWorld(&world); err != nil {
		c.t.Fatal(err)
	}
	for node := range 3 {
		a.doors = append(a.doors, httptest.NewServer(a.door(node)))
		c.t.Cleanup(a.doors[node].Close)
	}
	db := c.database()
	defer db.Close()
	for _, r := range rows.DB.Companies {
		if _, err := db.Exec(`INSERT INTO companies VALUES (?, ?, ?)`, fmt.Sprintf("%d-%v", i, r.ID), r.Customer, a.id); err != nil {
			c.t.Fatal(err)
		}
		a.company = r.Customer
	}
	return a
}

func (c *cluster) config(node int) string {
	return filepath.Join(c.dir, fmt.Sprintf("node%d.yaml", node))
}

// every is how often each account is audited.
func (c *cluster) every() time.Duration {
	return max(10*time.Second, time.Duration(len(c.accounts))*2*time.Second)
}

func (c *cluster) configure(node int) {
	at := must(url.Parse(c.state))(c.t)
	at.Host = c.cables[node].Addr().String()
	var text strings.Builder
	fmt.Fprintf(&text, `directory:
  dsn: 'sqlite:%s'
  companies: SELECT id, stripe_customer_id, stripe_account FROM companies
  users: SELECT id, email, company_id FROM users
  resolve: direct
state: '%s'
serve: {listen: '127.0.0.1:0'}
schedule: {audit: {every: %s}, monthly_reads: 100000000, lease: %s}
stripe:
`, filepath.Join(c.dir, "app.db"), at, c.every(), nodesLease)
	for _, a := range c.accounts {
		fmt.Fprintf(&text, "  - {key: sk_test_%s, api_base: '%s', account: %s, rate: {account: %d, endpoint: %d}}\n", strings.TrimPrefix(a.id, "acct_"), a.doors[node].URL, a.id, nodesRate, nodesRate)
	}
	if err := os.WriteFile(c.config(node), []byte(text.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// start starts a node.
func (c *cluster) start(node int) {
	p := &nodeProcess{log: &bytes.Buffer{}, cmd: exec.Command(c.program, "serve", "--config", c.config(node), "--log", "json")}
	p.cmd.Env = append(os.Environ(), "RIGHTFUL_TOKEN="+envToken)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		c.t.Error(err)
		return
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		c.t.Errorf("node %d does not start: %v\n%s", node, err, p.log)
		return
	}
	p.url = strings.TrimSpace(strings.TrimPrefix(line, "rightful serves at "))
	c.mu.Lock()
	c.processes[node] = p
	c.mu.Unlock()
}

// kill ends a node as a power cut does.
func (c *cluster) kill(node int) {
	c.mu.Lock()
	p := c.processes[node]
	delete(c.processes, node)
	c.mu.Unlock()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// ended counts the runs of each account that came to their end, and were due after a time.
func (c *cluster) ended(since time.Time) map[string]int {
	counts := map[string]int{}
	rows, err := c.db.Query(`SELECT account, count(*) FROM rightful_schedule_runs WHERE outcome = 'complete' AND due_at > $1 GROUP BY account`, since.Unix())
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			c.t.Fatal(err)
		}
		counts[id] = n
	}
	return counts
}

// all waits until every account was audited at least so often at times after since.
func (c *cluster) all(what string, since time.Time, times int) {
	c.t.Helper()
	// What is due has to end, and before that it has to become due.
	untilWithin(c.t, c.every()+90*time.Second, what, func() bool {
		counts := c.ended(since)
		return !slices.ContainsFunc(c.accounts, func(a *nodesAccount) bool { return counts[a.id] < times })
	})
	c.t.Logf("%s after %v", what, time.Since(since).Round(100*time.Millisecond))
}

// holder returns the node that audits an account now, -1 for none.
func (c *cluster) holder(a *nodesAccount) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, q := range slices.Backward(a.asked) {
		if q.list && time.Since(q.at) < 500*time.Millisecond {
			return q.node
		}
	}
	return -1
}

// buy lets people ask all nodes about an account, as long as the test goes on.
func (c *cluster) buy(a int, stop chan struct{}) {
	c.accounts[a].busy = true
	client := &http.Client{Timeout: 5 * time.Second}
	body := fmt.Sprintf(`{"user_id": 1, "id": "%s"}`, c.accounts[a].company)
	for node := range 3 {
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
				c.mu.Lock()
				p := c.processes[node]
				c.mu.Unlock()
				if p == nil {
					continue
				}
				q, _ := http.NewRequest(http.MethodPost, p.url+"/v1/guard/customers", strings.NewReader(body))
				q.Header.Set("Authorization", "Bearer "+envToken)
				q.Header.Set("Content-Type", "application/json")
				if got, err := client.Do(q); err == nil {
					_, _ = io.Copy(io.Discard, got.Body)
					_ = got.Body.Close()
				}
			}
		}()
	}
}

// TestNodes: three nodes share the audits of several accounts. Nodes are killed, cut off
// from the database, and come back, in the middle of audits. Every audit that is due
// comes to its end, is recorded once, and no account is asked for more than its budget in
// any second.
func TestNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, *nodesAccounts)
	began := time.Now().Add(-time.Second)
	for node := range 3 {
		c.start(node)
	}
	stop := make(chan struct{})
	defer close(stop)
	c.buy(0, stop)
	c.all("all were audited", began, 1)
	for round := range *nodesRounds {
		for what, harm := range []func(int){c.kill, func(node int) { c.cables[node].sever() }} {
			a := c.accounts[(round*2+what)%len(c.accounts)]
			node := -1
			until(t, "an audit is under way", func() bool { node = c.holder(a); return node >= 0 })
			harm(node)
			at := time.Now()
			c.all([]string{"a node was killed, and all were audited", "a node was cut off, and all were audited"}[what], at, 1)
			for _, a := range c.accounts {
				// Whoever is cut off asks for nothing more once its lease has ended.
				if n := a.background(node, at.Add(nodesLease)); n > 0 {
					t.Errorf("%s: node %d asked %d times when it had no lease", a.id, node, n)
				}
			}
			c.cables[node].mend()
			if what == 0 {
				c.start(node)
			}
		}
	}
	c.all("all nodes are there again, and all were audited", time.Now(), 1)
	for _, a := range c.accounts {
		counts := a.sim.Counts()
		if most := a.most(); most > nodesRate+nodesRate/5+len(c.cables) { // each node may send one at once
			t.Errorf("%s was asked %d times within a second, and %d are its budget", a.id, most, nodesRate)
		} else {
			t.Logf("%s was asked %d times, at most %d within a second; too many: %v", a.id, counts.Total, most, counts.Limited)
		}
		if len(counts.Limited) > 0 {
			t.Errorf("%s: too many requests: %v", a.id, counts.Limited)
		}
		var runs, audits, longest int
		if err := c.db.QueryRow(`SELECT count(*), max(ended_at - due_at) FROM rightful_schedule_runs WHERE account = $1`, a.id).Scan(&runs, &longest); err != nil {
			t.Fatal(err)
		}
		if err := c.db.QueryRow(`SELECT count(*) FROM rightful_audits WHERE account = $1`, a.id).Scan(&audits); err != nil {
			t.Fatal(err)
		}
		if runs != audits {
			t.Errorf("%s: %d runs, and %d audits were recorded", a.id, runs, audits)
		}
		t.Logf("%s: %d runs; the slowest ended %d s after it was due", a.id, runs, longest)
	}
}
