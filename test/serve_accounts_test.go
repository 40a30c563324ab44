package test

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// twoAccounts is an app with two Stripe accounts: company 1 pays in one, 2 in the other,
// 3 says nothing, 4 links what it has in the second and says nothing, and 5 names one that
// nobody has configured.
type twoAccounts struct {
	*wire.Opened
	sim  *stripesim.Server
	db   *sql.DB
	told chan gateway.Notice
}

func openTwoAccounts(t *testing.T) *twoAccounts {
	t.Helper()
	a := &twoAccounts{sim: stripesim.New(stripesim.Options{Account: "acct_eu"}), told: make(chan gateway.Notice, 10)}
	if err := a.sim.AddAccount("acct_us"); err != nil {
		t.Fatal(err)
	}
	if err := a.sim.AddKey(stripesim.Key{Secret: "sk_test_us", Account: "acct_us"}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a.sim)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	var err error
	if a.db, err = sql.Open("sqlite", filepath.Join(dir, "app.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.db.Close() })
	if _, err := a.db.ExecContext(t.Context(), `CREATE TABLE companies (id INTEGER PRIMARY KEY, customer TEXT, account TEXT);
		CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, company_id INTEGER);
		INSERT INTO companies VALUES (1, NULL, 'acct_eu'), (2, NULL, 'acct_us'), (3, NULL, NULL), (4, NULL, 'acct_us'), (5, NULL, 'acct_jp'), (6, NULL, 'acct_us');
		INSERT INTO users VALUES (11, 'ann@one.example.com', 1), (12, 'bo@two.example.com', 2), (13, 'cy@three.example.com', 3), (14, 'di@four.example.com', 4), (15, 'ed@five.example.com', 5);`); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rightful.yaml")
	text := fmt.Sprintf(`directory:
  dsn: 'sqlite:%s'
  companies: SELECT id, customer AS stripe_customer_id, account AS stripe_account FROM companies
  users: SELECT id, email, company_id FROM users
  resolve: direct
  write: {company_customer: UPDATE companies SET customer = :new WHERE id = :id AND customer IS :old}
stripe:
  - {account: acct_eu, key: sk_test_eu, api_base: '%[2]s', webhook_secrets: [whsec_eu], rate: {account: 1000, endpoint: 1000}}
  - {account: acct_us, key: sk_test_us, api_base: '%[2]s', webhook_secrets: [whsec_us], rate: {account: 1000, endpoint: 1000}}
gateway: {mode: enforce}
`, filepath.Join(dir, "app.db"), server.URL)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a.Opened, _, err = wire.Gateway(t.Context(), path, wire.GatewayOptions{
		Env: os.LookupEnv, Now: time.Now, Actor: "a test",
		OnNotice: func(_ context.Context, n gateway.Notice) error { a.told <- n; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// account returns whose the customer is that a company got.
func (a *twoAccounts) account(t *testing.T, company string) (customer, account string) {
	t.Helper()
	c, err := a.EnsureCustomer(t.Context(), company, gateway.CustomerDetails{})
	if err != nil {
		t.Fatalf("company %s: %v", company, err)
	}
	for i, id := range []string{"acct_eu", "acct_us"} {
		stripe := a.Each()[i]
		if _, exists, err := stripe.Get(t.Context(), rightful.TypeCustomer, c.StripeCustomerID); err != nil {
			t.Fatal(err)
		} else if exists == rightful.ExistsPresent {
			account = id
		}
	}
	return c.StripeCustomerID, account
}

// TestEachCompanyPaysInItsAccount: what is made for a company is made in its account, and
// what is asked about an object is answered by the account that has it.
func TestEachCompanyPaysInItsAccount(t *testing.T) {
	t.Parallel()
	a := openTwoAccounts(t)
	customers := map[string]string{}
	for company, want := range map[string]string{"1": "acct_eu", "2": "acct_us", "3": "acct_eu", "4": "acct_us"} {
		customer, account := a.account(t, company)
		if customers[company] = customer; account != want {
			t.Errorf("company %s pays in %s, want %s", company, account, want)
		}
	}
	// Where the row says nothing, the link does.
	if _, err := a.db.ExecContext(t.Context(), "UPDATE companies SET account = NULL WHERE id = 4"); err != nil {
		t.Fatal(err)
	}
	if customer, account := a.account(t, "4"); account != "acct_us" || customer != customers["4"] {
		t.Errorf("company 4 got %s in %s, and had %s in acct_us", customer, account, customers["4"])
	}
	if _, err := a.EnsureCustomer(t.Context(), "5", gateway.CustomerDetails{}); rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(err.Error(), "acct_jp, which is not configured") {
		t.Errorf("a company in an account that nobody has configured: %v", err)
	}
	// What a row names in another account than it says is used by nobody.
	if _, err := a.db.ExecContext(t.Context(), "UPDATE companies SET customer = ? WHERE id = 6", customers["1"]); err != nil {
		t.Fatal(err)
	}
	if _, err := a.db.ExecContext(t.Context(), "UPDATE companies SET customer = NULL WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.EnsureCustomer(t.Context(), "6", gateway.CustomerDetails{}); err == nil || !strings.Contains(err.Error(), "which is in account acct_eu") {
		t.Errorf("a link into another account: %v", err)
	}
	if _, err := a.db.ExecContext(t.Context(), "UPDATE companies SET customer = CASE id WHEN 1 THEN ? END WHERE id IN (1, 6)", customers["1"]); err != nil {
		t.Fatal(err)
	}

	session, err := a.CreateCheckoutSession(t.Context(), gateway.CheckoutRequest{UserID: "12", Mode: "subscription", Price: "price_1", SuccessURL: "https://app.example.com/", CancelURL: "https://app.example.com/"})
	if err != nil || session.StripeCustomerID != customers["2"] {
		t.Fatalf("%+v, %v", session, err)
	}
	if err := a.sim.CompleteCheckout("acct_us", session.ID, stripesim.CompleteOptions{Email: "bo@two.example.com"}); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]gateway.Status{"12": gateway.Valid, "11": gateway.OtherCompany} {
		v, err := a.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session.ID, UserID: user})
		if err != nil || v.Status != want {
			t.Errorf("validated for user %s: %+v, %v", user, v, err)
		}
		g, err := a.GuardCustomer(t.Context(), gateway.GuardRequest{UserID: user, ID: customers["2"]})
		if err != nil || g.Status != want {
			t.Errorf("guarded for user %s: %+v, %v", user, g, err)
		}
	}
	if v, err := a.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: "cs_test_nowhere", UserID: "12"}); err != nil || v.Status != gateway.UnknownSession {
		t.Errorf("a session of no account: %+v, %v", v, err)
	}
	if p, err := a.CreatePortalSession(t.Context(), gateway.PortalRequest{UserID: "12", ReturnURL: "https://app.example.com/"}); err != nil || p.StripeCustomerID != customers["2"] {
		t.Errorf("portal: %+v, %v", p, err)
	}
}

// TestEventsTellTheirAccount: by its secret it is known whose an event is, and one of a
// connected account that is configured is that account's.
func TestEventsTellTheirAccount(t *testing.T) {
	t.Parallel()
	a := openTwoAccounts(t)
	customer, _ := a.account(t, "2")
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for i, sent := range []struct{ secret, account string }{{"whsec_us", ""}, {"whsec_eu", `"account": "acct_us", `}} {
		id := fmt.Sprintf("evt_%d", i)
		body := fmt.Sprintf(`{"id": "%s", "object": "event", "type": "customer.updated", %s"created": %d, "livemode": false, "data": {"object": {"id": "%s", "object": "customer", "created": 1760000000, "metadata": {"company_id": "2"}}}}`,
			id, sent.account, time.Now().Unix()+int64(i), customer)
		if err := a.Webhooks.Accept(t.Context(), []byte(body), signature(body, sent.secret, time.Now())); err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-a.told:
			if n.ID != id || n.CompanyID != "2" || n.Account != "acct_us" {
				t.Errorf("told of %+v", n)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody is told of %s", id)
		}
	}
	foreign := fmt.Sprintf(`{"id": "evt_9", "object": "event", "type": "customer.updated", "account": "acct_other", "created": 1760000000, "livemode": false, "data": {"object": {"id": "%s", "object": "customer"}}}`, customer)
	if err := a.Webhooks.Accept(t.Context(), []byte(foreign), signature(foreign, "whsec_eu", time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := a.Webhooks.Accept(t.Context(), []byte(foreign), signature(foreign, "whsec_other", time.Now())); rightful.KindOf(err) != rightful.KindUnauthorized {
		t.Errorf("signed by nobody that is known: %v", err)
	}
	if n, err := a.Webhooks.CatchUp(t.Context()); err != nil || n != 0 {
		t.Errorf("caught up: %d, %v", n, err)
	}
}

// TestAnAccountThatCannotBeReadHoldsNobodyBack: however many of its events wait, those of
// another account in the same shard are judged.
func TestAnAccountThatCannotBeReadHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	a := openTwoAccounts(t)
	customer, _ := a.account(t, "2")
	shard := func(family string) uint32 {
		h := fnv.New32a()
		h.Write([]byte(family))
		return h.Sum32() % rightful.InboxShards
	}
	a.sim.RevokeKey("sk_test_eu")
	sent := 0
	accept := func(secret, customer string) {
		t.Helper()
		sent++
		body := fmt.Sprintf(`{"id": "evt_%d", "object": "event", "type": "customer.subscription.updated", "created": %d, "livemode": false, "data": {"object": {"id": "sub_%d", "object": "subscription", "customer": "%s", "status": "active", "created": 1760000000, "metadata": {}}}}`,
			sent, time.Now().Unix(), sent, customer)
		if err := a.Webhooks.Accept(t.Context(), []byte(body), signature(body, secret, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	const together = 500
	for n := 0; sent <= together; n++ {
		if family := fmt.Sprintf("cus_0000%d", n); shard(family) == shard(customer) {
			accept("whsec_eu", family)
		}
	}
	accept("whsec_us", customer)
	if _, err := a.Webhooks.JudgeShard(t.Context(), int(shard(customer))); rightful.KindOf(err) != rightful.KindUnauthorized {
		t.Errorf("nobody hears that an account cannot be read: %v", err)
	}
	if _, err := a.Webhooks.TellShard(t.Context(), int(shard(customer))); err != nil {
		t.Error(err)
	}
	select {
	case n := <-a.told:
		if n.ID != fmt.Sprint("evt_", sent) || n.CompanyID != "2" {
			t.Errorf("told of %+v", n)
		}
	default:
		t.Error("the other account's event waits")
	}
}
