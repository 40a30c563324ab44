package gateway_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
	"rightful/internal/state"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// noon is when the tests take place.
const noon = 1_790_000_000

const (
	simKey     = "sk_live_premises"
	simAccount = "acct_1Premises"
)

// premises are the real parts of a test: Stripe over HTTP, the app's database and the
// store of intents.
type premises struct {
	t      testing.TB
	sim    *stripesim.Server
	url    string
	dsn    string // of the app's database
	states string // the store of intents
	db     *sql.DB
	writer *sqldirectory.Writer
	opt    gateway.Options

	mu        sync.Mutex
	now       int64
	decisions []gateway.Decision
}

// schema is the app's database. Ids are numbers.
const schema = `
CREATE TABLE companies (id bigint PRIMARY KEY, name varchar(100), owner_id bigint, stripe_customer_id varchar(100), deleted_at bigint, merged_into bigint, billing_parent_id bigint, slug varchar(100));
CREATE TABLE users (id bigint PRIMARY KEY, email varchar(200), company_id bigint);
CREATE TABLE memberships (user_id bigint, company_id bigint, joined_at bigint, left_at bigint);
CREATE TABLE subscriptions (id bigint PRIMARY KEY, company_id bigint, stripe_customer_id varchar(100), stripe_subscription_id varchar(100), status varchar(40));
CREATE TABLE billing_links (company_id bigint, stripe_customer_id varchar(100));
`

func appMapping() sqldirectory.Mapping {
	return sqldirectory.Mapping{
		Companies:     "SELECT id, name, owner_id AS owner_user_id, stripe_customer_id, deleted_at, merged_into, billing_parent_id, slug AS stamp_value FROM companies",
		Users:         "SELECT id, email, company_id FROM users",
		Memberships:   "SELECT user_id, company_id, joined_at, left_at FROM memberships",
		Subscriptions: "SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM subscriptions",
	}
}

func keySet() rightful.KeySet {
	return rightful.KeySet{Company: "company_id", AlsoRead: []string{"org_id"}, User: "user_id", Ownership: "app"}
}

// stripeParts is a gateway.Stripe over HTTP.
type stripeParts struct {
	rightful.StripeReader
	rightful.CheckoutReader
	rightful.StripeCreator
	rightful.StripeWriter
}

func openStripe(t testing.TB, base string, rest func(context.Context, time.Duration) error) gateway.Stripe {
	t.Helper()
	r, err := stripeapi.New(stripeapi.Options{Key: simKey, APIBase: base, Keys: keySet(), AccountRate: 1e6, EndpointRate: 1e6, Sleep: rest})
	if err != nil {
		t.Fatal(err)
	}
	w := r.Writer()
	return stripeParts{r, r, w, w}
}

// noRest does not wait between attempts.
func noRest(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// setup says how premises differ from the usual.
type setup struct {
	engine  string // sqlite when empty
	mapping func(*sqldirectory.Mapping, *sqldirectory.WriteMapping)
	options func(*gateway.Options)
}

// rent opens premises with rows in the database and objects in Stripe: the lists of a
// world's section of Stripe, as JSON.
func rent(t testing.TB, how setup, rows []string, lists string) *premises {
	t.Helper()
	p := &premises{t: t, now: noon}
	p.sim = stripesim.New(stripesim.Options{Now: p.clock, Account: simAccount})
	world := `{"stripe": {"account": {"id": "` + simAccount + `", "livemode": true}` + strings.TrimRight(", "+lists, ", ") + `}}`
	if err := p.sim.LoadWorld(strings.NewReader(world)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p.sim)
	t.Cleanup(server.Close)
	p.url = server.URL

	driver, source := "sqlite", ""
	if how.engine == "postgres" {
		driver, p.dsn, p.states = "pgx", testserver.Postgres(t), testserver.Postgres(t)
		source = p.dsn
	} else {
		source = filepath.Join(t.TempDir(), "app.db")
		p.dsn, p.states = "sqlite:"+source, "sqlite:"+filepath.Join(t.TempDir(), "state.db")
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p.db = db
	for statement := range strings.SplitSeq(schema+strings.Join(rows, ";"), ";") {
		if strings.TrimSpace(statement) != "" {
			p.exec(statement)
		}
	}

	m, w := appMapping(), sqldirectory.WriteMapping{
		CompanyCustomer: "UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old",
	}
	if how.mapping != nil {
		how.mapping(&m, &w)
	}
	d, err := sqldirectory.Open(t.Context(), p.dsn, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if p.writer, err = sqldirectory.OpenWriter(t.Context(), d, p.dsn, w); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.writer.Close() })
	store, err := state.Open(t.Context(), p.states, state.Options{Now: p.clock, Shared: p.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	p.opt = gateway.Options{
		Directory: d, Writer: p.writer, Stripe: openStripe(t, p.url, noRest), Intents: store,
		Keys: keySet(), OwnershipValue: "ledgerly", Now: p.clock,
		OnDecision: func(_ context.Context, d gateway.Decision) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.decisions = append(p.decisions, d)
		},
	}
	if how.options != nil {
		how.options(&p.opt)
	}
	return p
}

func (p *premises) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Unix(p.now, 0)
}

// later moves the clock.
func (p *premises) later(seconds int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += seconds
}

// gateway returns a new gateway, as another process would have it.
func (p *premises) gateway() *gateway.Gateway {
	p.t.Helper()
	g, err := gateway.New(p.opt)
	if err != nil {
		p.t.Fatal(err)
	}
	return g
}

func (p *premises) exec(statement string, args ...any) {
	p.t.Helper()
	if _, err := p.db.ExecContext(p.t.Context(), statement, args...); err != nil {
		p.t.Fatalf("%s: %v", statement, err)
	}
}

// link returns what a company's column holds, "-" for null.
func (p *premises) link(company int) string {
	p.t.Helper()
	var out string
	if err := p.db.QueryRowContext(p.t.Context(), fmt.Sprintf("SELECT COALESCE(stripe_customer_id, '-') FROM companies WHERE id = %d", company)).Scan(&out); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// call sends a request to Stripe past the gateway.
func (p *premises) call(method, path string, form url.Values) map[string]any {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+simKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil || answer.StatusCode >= 400 {
		p.t.Fatalf("%s %s: %s", method, path, raw)
	}
	return out
}

// all returns the ids of a list of Stripe.
func (p *premises) all(path string) []string {
	p.t.Helper()
	var ids []string
	data, _ := p.call(http.MethodGet, path+"?limit=100", nil)["data"].([]any)
	for _, o := range data {
		ids = append(ids, o.(map[string]any)["id"].(string))
	}
	return ids
}

// metadata returns the metadata of an object, as key=value, sorted.
func (p *premises) metadata(path string) string {
	p.t.Helper()
	return flat(p.call(http.MethodGet, path, nil)["metadata"])
}

func flat(metadata any) string {
	var out []string
	m, _ := metadata.(map[string]any)
	for key, value := range m {
		out = append(out, fmt.Sprintf("%s=%v", key, value))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// told returns the decisions of a kind, and forgets all.
func (p *premises) told(kind string) []gateway.Decision {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []gateway.Decision
	for _, d := range p.decisions {
		if d.Kind == kind {
			out = append(out, d)
		}
	}
	p.decisions = nil
	return out
}

// fault adds a rule to the simulator.
func (p *premises) fault(rule stripesim.FaultRule) {
	p.t.Helper()
	if err := p.sim.Fault(rule); err != nil {
		p.t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, kind rightful.ErrorKind, part string) {
	t.Helper()
	if rightful.KindOf(err) != kind || !strings.Contains(fmt.Sprint(err), part) {
		t.Errorf("error %v (kind %q), want kind %q with %q", err, rightful.KindOf(err), kind, part)
	}
}
