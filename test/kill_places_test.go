package test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rightful/internal/cli"
	"rightful/internal/journal"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// program builds the command once for all tests, with moments to be killed at or
// as it is released, and returns its path.
var program = func() func(t testing.TB, killable bool) string {
	build := func(tags string) func() (string, error) {
		return sync.OnceValues(func() (string, error) {
			dir, err := os.MkdirTemp("", "rightful-program-")
			if err != nil {
				return "", err
			}
			built.Store(dir, true)
			path := filepath.Join(dir, "rightful")
			out, err := exec.Command("go", "build", "-tags", tags, "-o", path, "../cmd/rightful").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("go build: %w\n%s", err, out)
			}
			return path, err
		})
	}
	killable, released := build("failpoints"), build("")
	return func(t testing.TB, kill bool) string {
		t.Helper()
		from := released
		if kill {
			from = killable
		}
		path, err := from()
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
}()

// built are the folders of the programs.
var built sync.Map

// tidying removes them when all tests have ended.
type tidying struct{ *testing.M }

// Run implements testscript.TestingM.
func (m tidying) Run() int {
	defer built.Range(func(dir, _ any) bool { _ = os.RemoveAll(dir.(string)); return true })
	return m.M.Run()
}

// killPlaces are fresh places with a world in them: a database, a Stripe that
// outlives whoever writes to it, a cache, and a state. The real program works on
// them, in a process of its own.
type killPlaces struct {
	*rig
	database int
	dsn      string
	program  string
	config   string
	cache    *redis.Client
	stripe   *recordingStripe
}

// placesOptions choose the parts.
type placesOptions struct {
	database  int  // of engines; it holds the state too
	realRedis bool // instead of one in this process
	refuses   bool // the database, PostgreSQL, takes the link of one company until the commit, and then refuses
	program   string
}

func newKillPlaces(t *testing.T, world string, o placesOptions) *killPlaces {
	t.Helper()
	p := &killPlaces{database: o.database, program: o.program, dsn: engines[o.database].dsn(t)}
	fillFrom(t, world, engines[o.database].open(t, p.dsn))
	p.logChanges(t)
	if o.refuses {
		p.exec(t, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$",
			fmt.Sprintf("CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON companies DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.id = %d) EXECUTE FUNCTION refuse()", killCompany(2)))
	}
	p.rig = assemble(t, world, p.dsn, time.Now().Unix())
	p.mapWrites(t, world, engines[o.database].name)

	p.stripe = &recordingStripe{sim: p.sim}
	server := httptest.NewServer(p.stripe)
	t.Cleanup(server.Close)
	account := p.rig.config["stripe"].(map[string]any)
	account["api_base"], account["rate"] = server.URL, map[string]any{"account": 1000, "endpoint": 1000}

	cache := p.rig.config["cache"].(map[string]any)
	if o.realRedis {
		cache["url"] = testserver.Redis(t)
	}
	location, err := redis.ParseURL(cache["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	p.cache = redis.NewClient(location)
	t.Cleanup(func() { _ = p.cache.Close() })
	for k, v := range takeApart(t, world).Cache {
		if err := p.cache.Set(t.Context(), k, v, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p.rig.config["state"] = "sqlite:" + filepath.Join(t.TempDir(), "state.db")
	if engines[o.database].name == "postgres" {
		p.rig.config["state"] = "${DSN}"
	}
	p.config = p.write(t)
	return p
}

// logChanges lets the database write down each change that is committed.
func (p *killPlaces) logChanges(t *testing.T) {
	t.Helper()
	statements := []string{"CREATE TABLE changes (n integer PRIMARY KEY AUTOINCREMENT, what text)"}
	said := map[string]string{
		"companies": "old.id || ' links ' || coalesce(old.stripe_customer_id, '-') || ' -> ' || coalesce(new.stripe_customer_id, '-')",
		"subscriptions": "old.id || ' is of ' || coalesce(old.company_id, 0) || ' ' || coalesce(old.stripe_customer_id, '-') || ' -> ' || " +
			"coalesce(new.company_id, 0) || ' ' || coalesce(new.stripe_customer_id, '-')",
	}
	for _, table := range []string{"companies", "subscriptions"} {
		insert := "INSERT INTO changes (what) VALUES (" + said[table] + ");"
		if engines[p.database].name == "postgres" {
			statements[0] = "CREATE TABLE changes (n bigserial PRIMARY KEY, what text)"
			statements = append(statements,
				"CREATE FUNCTION log_"+table+"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+insert+" RETURN NULL; END $$",
				"CREATE TRIGGER log AFTER UPDATE ON "+table+" FOR EACH ROW EXECUTE FUNCTION log_"+table+"()")
			continue
		}
		statements = append(statements, "CREATE TRIGGER log_"+table+" AFTER UPDATE ON "+table+" BEGIN "+insert+" END")
	}
	p.exec(t, statements...)
}

func (p *killPlaces) exec(t *testing.T, statements ...string) {
	t.Helper()
	db := engines[p.database].open(t, p.dsn)
	defer func() { _ = db.Close() }()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// recordingStripe serves a simulator, and writes down each write that took effect.
type recordingStripe struct {
	sim *stripesim.Server

	mu    sync.Mutex
	wrote []string
	posts int
	met   func(sent)
}

// sent is a write that has come to Stripe, and is not executed yet.
type sent struct {
	number  int // from 1
	key     string
	answer  func() // executes it and answers
	execute func() // executes it; nobody hears the answer
}

// meet lets f decide what becomes of each write from now on.
func (s *recordingStripe) meet(f func(sent)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.met = f
}

// ServeHTTP implements http.Handler.
func (s *recordingStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		s.sim.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its sender died in the middle of it
	}
	received := r.Clone(context.WithoutCancel(r.Context())) // it is executed whatever becomes of its sender
	execute := func() *httptest.ResponseRecorder {
		received.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		s.sim.ServeHTTP(answer, received)
		if answer.Code == http.StatusOK && answer.Header().Get("Idempotent-Replayed") == "" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.wrote = append(s.wrote, r.URL.Path+" "+string(body))
		}
		return answer
	}
	answer := func() {
		from := execute()
		maps.Copy(w.Header(), from.Header())
		w.WriteHeader(from.Code)
		_, _ = w.Write(from.Body.Bytes())
	}
	s.mu.Lock()
	s.posts++
	number, met := s.posts, s.met
	s.mu.Unlock()
	if met == nil {
		answer()
		return
	}
	met(sent{number, r.Header.Get("Idempotency-Key"), answer, func() { execute() }})
}

// stampByHand writes a stamp as somebody else does.
func (p *killPlaces) stampByHand(t *testing.T, path, company string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"metadata[company_id]": {company}}.Encode()))
	r.Header.Set("Authorization", "Bearer "+p.env["KEY"])
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := httptest.NewRecorder()
	p.sim.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		t.Fatal(answer.Body)
	}
}

// ended is how a process ended.
type ended struct {
	killed bool
	code   int
	out    string
	hits   []string // the moments that it came to
}

// command returns the program with the places' environment. at is the moment at
// which it is killed; 0: at none.
func (p *killPlaces) command(t *testing.T, at int, log string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	c := exec.CommandContext(t.Context(), p.program, append(args, "--config", p.config)...)
	for k, v := range p.env {
		c.Env = append(c.Env, k+"="+v)
	}
	c.Env = append(c.Env, "USER=ana", "HOME="+t.TempDir())
	if log != "" {
		c.Env = append(c.Env, "RIGHTFUL_FAILPOINT_LOG="+log)
	}
	if at > 0 {
		c.Env = append(c.Env, "RIGHTFUL_FAILPOINT="+strconv.Itoa(at))
	}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	return c, &out
}

// run runs the program until it ends or is killed.
func (p *killPlaces) run(t *testing.T, at int, args ...string) ended {
	t.Helper()
	log := filepath.Join(t.TempDir(), "hits")
	c, out := p.command(t, at, log, args...)
	e := how(t, c, c.Run(), out)
	raw, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	e.hits = strings.Fields(string(raw))
	return e
}

func how(t *testing.T, c *exec.Cmd, err error, out *bytes.Buffer) ended {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	status, _ := c.ProcessState.Sys().(syscall.WaitStatus)
	return ended{killed: status.Signaled() && status.Signal() == syscall.SIGKILL, code: c.ProcessState.ExitCode(), out: out.String()}
}

// ask runs a reading command in this process, and decodes its JSON.
func (p *killPlaces) ask(t *testing.T, into any, args ...string) (code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(append(args, "--config", p.config, "--format", "json"), cli.Streams{
		In: strings.NewReader(""), Out: &out, Err: &errs, Env: p.lookup, Now: time.Now,
	})
	if out.Len() == 0 {
		if strings.Contains(errs.String(), "nothing was recorded") {
			return code // killed before it had a state
		}
		t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return code
}

// runs returns what the journal says of its runs.
func (p *killPlaces) runs(t *testing.T) []journal.Summary {
	t.Helper()
	var list struct{ Runs []journal.Summary }
	p.ask(t, &list, "journal", "list")
	return list.Runs
}

// aftermath is everything that a run leaves in the places.
type aftermath struct {
	Rows    []string          // the tables
	Changes []string          // each change of a row that was committed, in order
	Stripe  map[string]string // Stripe's objects
	Wrote   []string          // each write to Stripe that took effect, in order
	Events  []string          // what Stripe says that happened, in order
	Cache   map[string]string
}

// world is the aftermath without how it came about.
func (a aftermath) world() aftermath {
	return aftermath{Rows: a.Rows, Stripe: a.Stripe, Cache: a.Cache}
}

func (p *killPlaces) look(t *testing.T) aftermath {
	t.Helper()
	a := aftermath{Stripe: p.objects(t), Cache: map[string]string{}}
	db := engines[p.database].open(t, p.dsn)
	defer func() { _ = db.Close() }()
	a.Rows = append(texts(t, db, "SELECT 'company ' || id || ' ' || coalesce(stripe_customer_id, '-') FROM companies ORDER BY id"),
		texts(t, db, "SELECT 'row ' || id || ' ' || company_id || ' ' || coalesce(stripe_customer_id, '-') || ' ' || status FROM subscriptions ORDER BY id")...)
	a.Changes = texts(t, db, "SELECT what FROM changes ORDER BY n")
	p.stripe.mu.Lock()
	a.Wrote = slices.Clone(p.stripe.wrote)
	p.stripe.mu.Unlock()

	var section struct {
		Events []struct {
			Type string
			Data struct {
				Object   struct{ ID string }
				Previous map[string]any `json:"previous_attributes"`
			}
		}
	}
	if err := json.Unmarshal(must(p.sim.Dump(""))(t), &section); err != nil {
		t.Fatal(err)
	}
	for _, e := range section.Events {
		a.Events = append(a.Events, fmt.Sprint(e.Type, " ", e.Data.Object.ID, " ", e.Data.Previous))
	}
	for _, k := range must(p.cache.Keys(t.Context(), "*").Result())(t) {
		a.Cache[k] = must(p.cache.Get(t.Context(), k).Result())(t)
	}
	return a
}

// texts returns the one column that a query selects.
func texts(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	out := []string{}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
