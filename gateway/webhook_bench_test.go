package gateway_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"rightful"
	"rightful/gateway"
	"rightful/internal/jobs"
	"rightful/internal/queue"
	"rightful/internal/state"
	"rightful/internal/testserver"
)

// eventOf is an event of a size that is usual: about 1.7 KB.
func eventOf(n int) string {
	customer := fmt.Sprintf("cus_bench%06d", n%2000)
	filler := strings.Repeat(`{"id":"si_1","object":"subscription_item","quantity":1,"price":{"id":"price_1","object":"price"}},`, 12)
	return fmt.Sprintf(`{"id":"evt_%09d","object":"event","api_version":"2026-06-24.dahlia","created":%d,"type":"customer.subscription.updated","livemode":true,"pending_webhooks":1,
		"request":{"id":"req_%d","idempotency_key":"key_%d"},"data":{"object":{"id":"sub_bench%06d","object":"subscription","created":1759990000,"customer":"%s","status":"active","livemode":true,
		"metadata":{"company_id":"%d","user_id":"7"},"items":{"object":"list","data":[%s{"id":"si_2"}]}},"previous_attributes":{"metadata":{"company_id":"4"}}}}`,
		n, hookAt+n/2000, n, n, n%2000, customer, 1+n%2000, filler)
}

// senders post events to a handler over HTTP until b.N were answered.
func senders(b *testing.B, handler http.Handler, from *atomic.Int64) float64 {
	b.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	began := time.Now()
	for range 32 {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				body := eventOf(int(from.Add(1)))
				req, _ := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL, strings.NewReader(body))
				req.Header.Set("Stripe-Signature", signed(hookSecret, body, hookAt))
				res, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				if res.Body.Close(); res.StatusCode != http.StatusOK {
					b.Errorf("got %d", res.StatusCode)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(b.N) / time.Since(began).Seconds()
}

// bare verifies a signature and inserts one row, in one statement for each request,
// unless it is there: the least that anybody does.
func bare(db *sql.DB, statement string, check func(body []byte, header string) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !check(body, r.Header.Get("Stripe-Signature")) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		id := string(body[len(`{"id":"`):len(`{"id":"evt_000000000`)])
		if _, err := db.ExecContext(r.Context(), statement, id, string(body), hookAt); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// BenchmarkAccept compares accepting an event durably, with the job that looks at it,
// to the bare insert of a row per request with the same settings. It prints the ratio.
func BenchmarkAccept(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			address := "sqlite:" + filepath.Join(b.TempDir(), "rightful.db")
			if engine == "postgres" {
				address = testserver.Postgres(b)
			}
			hooks := benchHooks(b, address)
			db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_txlock=immediate&_busy_timeout=10000&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
			statement := `INSERT INTO events VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
			if engine == "postgres" {
				db, err = sql.Open("pgx", address)
				statement = `INSERT INTO events VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
			}
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			if engine == "sqlite" {
				db.SetMaxOpenConns(1) // else its writers wait for each other asleep, which is slower still
			} else {
				db.SetMaxOpenConns(32)
				db.SetMaxIdleConns(32)
			}
			if _, err := db.ExecContext(b.Context(), `CREATE TABLE events (id text PRIMARY KEY, body text, at bigint)`); err != nil {
				b.Fatal(err)
			}
			var plain, ours atomic.Int64
			floor := senders(b, bare(db, statement, func(body []byte, header string) bool { return header == signed(hookSecret, string(body), hookAt) }), &plain)
			got := senders(b, hooks, &ours)
			b.ReportMetric(floor, "bare/s")
			b.ReportMetric(got, "accepted/s")
			b.ReportMetric(got/floor, "ratio")
		})
	}
}

// benchHooks is a gateway that accepts events into a store with a queue's job in each
// transaction.
func benchHooks(b *testing.B, address string) *gateway.Webhooks {
	b.Helper()
	now := func() time.Time { return time.Unix(hookAt, 0) }
	store, err := state.Open(b.Context(), address, state.Options{Now: now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	withQueue(b, store)
	live := true
	g, err := gateway.New(gateway.Options{
		Directory: struct{ rightful.DirectoryReader }{}, Stripe: struct{ gateway.Stripe }{}, Intents: gateway.NewMemory(),
		Keys: rightful.KeySet{Company: "company_id", User: "user_id"}, Account: "acct_1", Livemode: &live, Now: now,
	})
	if err != nil {
		b.Fatal(err)
	}
	h, err := g.Webhooks(gateway.WebhookOptions{Inbox: store, Secrets: []string{hookSecret}})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

// withQueue gives a store a queue that takes jobs, and runs none.
func withQueue(t testing.TB, store *state.Store) {
	t.Helper()
	at, err := store.OpenQueue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { at.Close() })
	q, err := queue.Open(t.Context(), queue.Connections{SQLite: at.SQLite, Postgres: at.Postgres}, queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	store.SetWaker(func(ctx context.Context, tx state.Tx, wakes []state.Wake) error {
		for _, w := range wakes {
			if err := jobs.Wake(ctx, q, queue.Tx{SQLite: tx.SQL, Postgres: tx.Postgres}, w.Lane, w.Shard, w.Generation); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkJudge judges events of 2,000 companies, all of them accepted before.
func BenchmarkJudge(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			var rows []string
			for company := 1; company <= 2000; company++ {
				rows = append(rows, fmt.Sprintf("INSERT INTO companies (id, name, stripe_customer_id) VALUES (%d, 'C', 'cus_bench%06d')", company, company-1))
			}
			rows = append(rows, "INSERT INTO users (id, email, company_id) VALUES (7, 'ana@example.com', 11)")
			o := openOffice(b, setup{engine: engine, options: func(o *gateway.Options) { o.Keys.Ownership, o.OwnershipValue = "", "" }}, rows, "")
			var all sync.WaitGroup
			var next atomic.Int64
			for range 64 {
				all.Go(func() {
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						body := eventOf(int(n))
						if err := o.Accept(b.Context(), []byte(body), signed(officeSecret, body, o.clock().Unix())); err != nil {
							b.Error(err)
						}
					}
				})
			}
			all.Wait()
			b.ResetTimer()
			for shard := range rightful.InboxShards {
				for {
					events, err := o.store.OpenEvents(b.Context(), shard, 1, nil)
					if err != nil {
						b.Fatal(err)
					}
					if len(events) == 0 {
						break
					}
					if _, err := o.JudgeShard(b.Context(), shard); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "judged/s")
			if got := o.statuses(); got["mine"] != b.N {
				b.Fatalf("got %v", got)
			}
		})
	}
}
