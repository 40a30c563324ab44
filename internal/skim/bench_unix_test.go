//go:build unix

package skim_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/skim"
	"rightful/internal/source/mirror"
	"rightful/internal/wire"
)

var (
	benchCompanies = flag.Int("skim.companies", 20_000, "companies of the benchmark, each with a customer, a subscription and a session")
	benchPlanted   = flag.Int("skim.planted", 2, "percent of them that are wrong")
	benchHub       = flag.Int("skim.hub", 0, "sessions of one more customer")
	benchFolder    = flag.String("skim.folder", "", "where the world is made, and kept for the next time")
	benchProfile   = flag.String("skim.profile", "", "file for a processor profile of the audit")
)

// BenchmarkAudit audits a whole app from the mirror, in a process of its own, and prints
// its time beside the floor, and the most memory that it had.
//
// The floor is what one thread needs to SELECT the identity columns of the same eight
// tables (companies, users, memberships, subscription rows and links in the app's SQLite
// file; customers, sessions and subscriptions in the mirror's) through the same driver,
// into values of which nothing is made. It runs in a process of its own too, after one
// that has read the files once.
func BenchmarkAudit(b *testing.B) {
	folder := *benchFolder
	if folder == "" {
		folder = b.TempDir()
	}
	if _, err := os.Stat(filepath.Join(folder, "rightful.yaml")); err != nil {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			b.Fatal(err)
		}
		makeWorld(b, folder, *benchCompanies)
	}
	alone(b, folder, "floor")
	floor := alone(b, folder, "floor")
	for range b.N {
		audit := alone(b, folder, "audit")
		want := *benchCompanies * *benchPlanted / 100
		if !audit.Complete || audit.Findings != 2*want || audit.Families != *benchCompanies+min(*benchHub, 1) {
			b.Errorf("got %+v, want %d findings", audit, 2*want)
		}
		b.ReportMetric(audit.Seconds, "s")
		b.ReportMetric(floor.Seconds, "floor-s")
		b.ReportMetric(audit.Seconds/floor.Seconds, "x-floor")
		b.ReportMetric(audit.Peak, "MiB")
		b.ReportMetric(audit.Computed, "cpu-s")
	}
}

// outcome is what a process of its own tells.
type outcome struct {
	Seconds, Computed float64
	Peak              float64 // MiB
	Complete          bool
	Because           []string
	Findings          int
	Families          int
}

func alone(b *testing.B, folder, what string) (o outcome) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "RIGHTFUL_SKIM="+what, "RIGHTFUL_SKIM_FOLDER="+folder, "RIGHTFUL_SKIM_PROFILE="+*benchProfile)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(out, &o); err != nil {
		b.Fatalf("%s: %v", out, err)
	}
	b.Logf("%s: %+v", what, o)
	return o
}

// another is the process of its own.
func another(what, folder string) error {
	ctx := context.Background()
	began := time.Now()
	var o outcome
	switch what {
	case "floor":
		if err := floor(ctx, folder); err != nil {
			return err
		}
	case "audit":
		stop, err := profiling(os.Getenv("RIGHTFUL_SKIM_PROFILE"))
		if err != nil {
			return err
		}
		skim.Frugal() // as the command does
		none := func(string) (string, bool) { return "", false }
		e, c, err := wire.Config(ctx, filepath.Join(folder, "rightful.yaml"), none, time.Unix(2_000_000_100, 0))
		if err != nil {
			return err
		}
		if err := wire.Mirrored(ctx, e, c); err != nil {
			return err
		}
		r, err := e.Audit(ctx, engine.AuditInput{Mirror: &engine.FromMirror{Offline: true}})
		if err != nil {
			return err
		}
		o = outcome{Complete: r.Complete, Because: r.IncompleteBecause, Findings: len(r.Findings), Families: r.Counts.Families}
		if err := e.Close(); err != nil {
			return err
		}
		stop()
	}
	o.Seconds, o.Computed = time.Since(began).Seconds(), cpu().Seconds()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		if kb, is := strings.CutPrefix(line, "VmHWM:"); is {
			n, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 64)
			o.Peak = n / 1024
		}
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

// floor selects the identity columns of all tables.
func floor(ctx context.Context, folder string) error {
	for _, q := range []struct {
		file, statement string
		columns         int
	}{
		{"app.db", `SELECT id, owner_user_id, deleted_at FROM companies`, 3},
		{"app.db", `SELECT id, email, company_id FROM users`, 3},
		{"app.db", `SELECT user_id, company_id, joined_at, left_at FROM memberships`, 4},
		{"app.db", `SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM subscriptions`, 5},
		{"app.db", `SELECT company_id, stripe_customer_id FROM links`, 2},
		{"mirror.db", `SELECT family, type, id, state, created, keyset, email, subscription, payment_intent, company_stamp, user_stamp, status, payment_status, rest FROM object NOT INDEXED`, 14},
	} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, q.file)+"?mode=ro")
		if err != nil {
			return err
		}
		rows, err := db.QueryContext(ctx, q.statement)
		if err != nil {
			return err
		}
		cells, into := make([]any, q.columns), make([]any, q.columns)
		for i := range cells {
			into[i] = &cells[i]
		}
		for rows.Next() {
			if err := rows.Scan(into...); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	return nil
}

const benchConfig = `directory:
  dsn: sqlite:%s
  companies: SELECT id, owner_user_id, deleted_at FROM companies
  users: SELECT id, email, company_id FROM users
  memberships: SELECT user_id, company_id, joined_at, left_at FROM memberships
  subscriptions: SELECT id, company_id, stripe_customer_id, stripe_subscription_id, status FROM subscriptions
  links: SELECT company_id, stripe_customer_id FROM links
company: {metadata_key: company_id, user_key: user_id}
stripe: {key: sk_live_1, account: acct_1, livemode: true}
mirror: sqlite:mirror.db
`

// makeWorld makes an app and its mirror. Ids of Stripe say nothing about when an object
// was made.
func makeWorld(b *testing.B, folder string, companies int) {
	b.Helper()
	ctx := b.Context()
	began := time.Now()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "app.db")+"?_pragma=synchronous(off)&_pragma=journal_mode(off)")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	// x stands for an id of Stripe's.
	x := `printf('%08x%08d', (n * 2654435761) % 4294967296, n)`
	numbers := `WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < ` + strconv.Itoa(companies) + `)`
	for _, statement := range []string{
		`CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT, owner_user_id INTEGER, deleted_at TEXT)`,
		`CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, company_id INTEGER)`,
		`CREATE TABLE memberships (user_id INTEGER, company_id INTEGER, joined_at INTEGER, left_at INTEGER)`,
		`CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, company_id INTEGER, stripe_customer_id TEXT, stripe_subscription_id TEXT, status TEXT)`,
		`CREATE TABLE links (company_id INTEGER, stripe_customer_id TEXT)`,
		numbers + `INSERT INTO companies SELECT n, 'Company ' || n, n + 7, NULL FROM t`,
		numbers + `INSERT INTO users SELECT n + 7, 'owner' || n || '@company' || n || '.example.com', n FROM t`,
		numbers + `INSERT INTO memberships SELECT n + 7, n, 1600000000 + n, NULL FROM t`,
		numbers + `INSERT INTO subscriptions SELECT n, n, 'cus_' || ` + x + `, 'sub_' || ` + x + `, 'active' FROM t`,
		numbers + `INSERT INTO links SELECT n, 'cus_' || ` + x + ` FROM t`,
		`CREATE INDEX memberships_user ON memberships (user_id)`,
		`CREATE INDEX memberships_company ON memberships (company_id)`,
		`CREATE INDEX users_company ON users (company_id)`,
		`CREATE INDEX links_company ON links (company_id)`,
		`CREATE INDEX links_customer ON links (stripe_customer_id)`,
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			b.Fatal(err, statement)
		}
	}
	b.Logf("the app's database: %v", time.Since(began).Round(time.Second))
	ids, err := db.QueryContext(ctx, `SELECT company_id, stripe_customer_id FROM links`)
	if err != nil {
		b.Fatal(err)
	}
	m, err := mirror.Open(ctx, "sqlite:"+filepath.Join(folder, "mirror.db"), mirror.Options{})
	if err != nil {
		b.Fatal(err)
	}
	of := m.Of("acct_1", true, rightful.KeySet{Company: "company_id", User: "user_id"})
	pages, passes := map[rightful.ObjectType]*rightful.MirrorPage{}, map[rightful.ObjectType]int64{}
	for _, t := range rightful.ListedTypes() {
		p, err := of.Begin(ctx, t, 2_000_000_000, nil)
		if err != nil {
			b.Fatal(err)
		}
		passes[t], pages[t] = p.ID, &rightful.MirrorPage{Pass: p.ID}
	}
	keep := func() {
		var all []rightful.MirrorPage
		for _, t := range rightful.ListedTypes() {
			all = append(all, *pages[t])
			pages[t].Objects = nil
		}
		if err := of.Keep(ctx, all); err != nil {
			b.Fatal(err)
		}
	}
	add := func(o rightful.Object) {
		o.Account, o.Livemode = "acct_1", true
		pages[o.Type].Objects = append(pages[o.Type].Objects, rightful.MirrorObject{Object: o, AsOf: 1_999_999_999, Exists: rightful.ExistsPresent})
	}
	n := 0
	for ids.Next() {
		var customer string
		if err := ids.Scan(&n, &customer); err != nil {
			b.Fatal(err)
		}
		for _, o := range bought(n, customer, (n*37)%100 < *benchPlanted) {
			add(o)
		}
		if n%2000 == 0 {
			keep()
		}
	}
	if err := ids.Err(); err != nil {
		b.Fatal(err)
	}
	if *benchHub > 0 { // one more customer, of nobody's
		add(rightful.Object{Type: rightful.TypeCustomer, ID: "cus_hub", Created: 1_700_000_000})
	}
	for i := range *benchHub {
		add(rightful.Object{Type: rightful.TypeSession, ID: fmt.Sprintf("cs_live_hub%d", i), StripeCustomerID: "cus_hub", Created: 1_700_000_000, Status: "expired", PaymentStatus: "unpaid", Mode: "payment"})
		if i%2000 == 0 {
			keep()
		}
	}
	keep()
	for _, t := range rightful.ListedTypes() {
		if err := of.End(ctx, passes[t], 2_000_000_001); err != nil {
			b.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	config := fmt.Sprintf(benchConfig, filepath.Join(folder, "app.db"))
	if err := os.WriteFile(filepath.Join(folder, "rightful.yaml"), []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Logf("with its mirror: %v", time.Since(began).Round(time.Second))
}

// bought is what a company has at Stripe. A wrong one is stamped with a company that
// there is not.
func bought(n int, customer string, wrong bool) []rightful.Object {
	stamps := func(company int) map[string]string {
		return map[string]string{"company_id": strconv.Itoa(company), "user_id": strconv.Itoa(n + 7)}
	}
	company := n
	if wrong {
		company = n + 500_000_000
	}
	tail, created := strings.TrimPrefix(customer, "cus_"), int64(1_700_000_000+n)
	email := fmt.Sprintf("owner%d@company%d.example.com", n, n)
	return []rightful.Object{
		{Type: rightful.TypeCustomer, ID: customer, Created: created, Email: email, Metadata: stamps(n)},
		{
			Type: rightful.TypeSession, ID: "cs_live_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0" + tail, StripeCustomerID: customer, SubscriptionID: "sub_" + tail, Created: created + 3600,
			Email: email, Mode: "subscription", Status: "complete", PaymentStatus: "paid", ExpiresAt: created + 86400, ReturnsTo: "app.example.com/billing/return", Metadata: stamps(company),
		},
		{
			Type: rightful.TypeSubscription, ID: "sub_" + tail, StripeCustomerID: customer, Created: created + 3600, Status: "active", Metadata: stamps(company),
			Items: []rightful.Item{{PriceID: "price_1NqLZaBcDeFgHiJkLmNoPqRs", ProductID: "prod_OaBcDeFgHiJkLm", UnitAmount: 4900, Currency: "eur", Interval: "month", IntervalCount: 1, Quantity: 2}},
		},
	}
}
