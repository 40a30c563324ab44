//go:build unix

package mirror_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

// benchObjects is how many objects the benchmarks keep: RIGHTFUL_BENCH_OBJECTS, or
// few, so that they are quick.
func benchObjects(b *testing.B) int {
	n := 60_000
	if text := os.Getenv("RIGHTFUL_BENCH_OBJECTS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// account makes the objects of an account as Stripe lists them: ids say nothing
// about when an object was made, and each list is read newest first.
type account struct {
	seed  uint64
	total int // companies
}

func (a account) id(prefix string, n, length int) string {
	r := rand.New(rand.NewPCG(a.seed<<32|uint64(prefix[0])<<8|uint64(prefix[1]), uint64(n)))
	var s strings.Builder
	s.WriteString(prefix)
	for range length {
		s.WriteByte(letters[r.IntN(len(letters))])
	}
	return s.String()
}

// page returns a page of 100 of one list, from its newest.
func (a account) page(typ rightful.ObjectType, from int, asOf int64) rightful.MirrorPage {
	p := rightful.MirrorPage{Objects: make([]rightful.MirrorObject, 0, 100)}
	for i := from; i < min(from+100, a.total); i++ {
		n := a.total - i
		o := rightful.Object{Account: "acct_1", Livemode: true, Type: typ, Created: 1_700_000_000 + int64(n)*20,
			Metadata: map[string]string{"company_id": strconv.Itoa(n)}}
		email := fmt.Sprintf("owner%d@company%d.example.com", n, n)
		customer := a.id("cus_", n, 14)
		switch typ {
		case rightful.TypeCustomer:
			o.ID, o.Email = customer, email
		case rightful.TypeSession:
			o.ID, o.StripeCustomerID, o.SubscriptionID = a.id("cs_live_", n, 58), customer, a.id("sub_", n, 24)
			o.Email, o.Mode, o.Status, o.PaymentStatus = email, "subscription", "complete", "paid"
			o.ExpiresAt, o.ReturnsTo = o.Created+86400, "app.example.com/billing/return"
			o.Metadata["user_id"] = strconv.Itoa(n + 7)
		case rightful.TypeSubscription:
			o.ID, o.StripeCustomerID, o.Status = a.id("sub_", n, 24), customer, "active"
			o.Items = []rightful.Item{{PriceID: "price_1NqLZaBcDeFgHiJkLmNoPqRs", ProductID: "prod_OaBcDeFgHiJkLm", UnitAmount: 4900, Currency: "eur", Interval: "month", IntervalCount: 1, Quantity: 2}}
		}
		p.Objects = append(p.Objects, rightful.MirrorObject{Object: o, AsOf: asOf, Exists: rightful.ExistsPresent})
	}
	return p
}

// fill keeps a whole account, several pages at a time, and returns how many objects
// it has.
func (a account) fill(b *testing.B, m *mirror.Account, pagesAtOnce int, asOf int64) int {
	b.Helper()
	return a.fillPasses(b, m, pagesAtOnce, asOf, func(map[rightful.ObjectType]int64) {})
}

// fillPasses is fill, and calls closing before the passes are ended.
func (a account) fillPasses(b *testing.B, m *mirror.Account, pagesAtOnce int, asOf int64, closing func(passes map[rightful.ObjectType]int64)) int {
	b.Helper()
	objects := 0
	types := []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession, rightful.TypeSubscription}
	passes := map[rightful.ObjectType]int64{}
	for _, typ := range types {
		p, err := m.Begin(b.Context(), typ, 2_000_000_000+asOf, nil)
		if err != nil {
			b.Fatal(err)
		}
		passes[typ] = p.ID
	}
	var pages []rightful.MirrorPage
	keep := func() {
		if err := m.Keep(b.Context(), pages); err != nil {
			b.Fatal(err)
		}
		pages = pages[:0]
	}
	began, computed, told := time.Now(), cpu(b), 0
	for from := 0; from < a.total; from += 100 {
		for _, typ := range types {
			p := a.page(typ, from, asOf)
			p.Pass = passes[typ]
			objects += len(p.Objects)
			if pages = append(pages, p); len(pages) == pagesAtOnce {
				keep()
			}
		}
		if objects-told >= 500_000 {
			n := float64(objects - told)
			b.Logf("%d objects: the last at %.0f/s, %.0f/cpu-s", objects, n/time.Since(began).Seconds(), n/(cpu(b)-computed).Seconds())
			began, computed, told = time.Now(), cpu(b), objects
		}
	}
	keep()
	closing(passes)
	began, computed = time.Now(), cpu(b)
	for _, typ := range types {
		if err := m.End(b.Context(), passes[typ], 2_000_000_001+asOf); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("%d objects: ended in %v, %v of a processor", objects, time.Since(began).Round(time.Millisecond), (cpu(b) - computed).Round(time.Millisecond))
	return objects
}

// cpu returns how long this process has computed: on a busy machine that says more
// than the clock.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkKeep fills a mirror, and then keeps everything again as it is. Stripe
// delivers no more than 10,000 objects a second.
func BenchmarkKeep(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, pages := range []int{10, 50} {
			b.Run(fmt.Sprintf("%s/%d pages at once", engine, pages), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					address, file := "", ""
					if engine == "sqlite" {
						file = filepath.Join(b.TempDir(), "mirror.db")
						address = "sqlite:" + file
					} else {
						address = testserver.Postgres(b)
					}
					m := open(b, address).Of("acct_1", true, sourcetest.StripeKeys())
					a := account{seed: 1, total: benchObjects(b) / 3}
					b.StartTimer()
					began, computed := time.Now(), cpu(b)
					n := a.fill(b, m, pages, 1)
					b.ReportMetric(float64(n)/(cpu(b)-computed).Seconds(), "objects/cpu-s")
					b.ReportMetric(float64(n)/time.Since(began).Seconds(), "objects/s")
					b.ReportMetric(float64(sizeOf(b, address, file))/float64(n), "bytes/object")
					began, computed = time.Now(), cpu(b)
					a.fill(b, m, pages, 2)
					b.ReportMetric(float64(n)/(cpu(b)-computed).Seconds(), "again/cpu-s")
					b.ReportMetric(float64(n)/time.Since(began).Seconds(), "again/s")
				}
			})
		}
	}
}

// sizeOf returns how big the mirror is, with its indexes.
func sizeOf(b *testing.B, address, file string) (size int64) {
	b.Helper()
	if file != "" {
		db, err := sql.Open("sqlite", file)
		if err != nil {
			b.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(b.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		return info.Size()
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(b.Context(), `SELECT pg_total_relation_size('rightful_mirror.object')`).Scan(&size); err != nil {
		b.Fatal(err)
	}
	return size
}

// BenchmarkFamilies streams all families, beside the floor: a plain SELECT of the same
// columns by one thread, of which nothing is made.
func BenchmarkFamilies(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			address, file := "", ""
			if engine == "sqlite" {
				file = filepath.Join(b.TempDir(), "mirror.db")
				address = "sqlite:" + file
			} else {
				address = testserver.Postgres(b)
			}
			m := open(b, address).Of("acct_1", true, sourcetest.StripeKeys())
			a := account{seed: 1, total: benchObjects(b) / 3}
			n := a.fill(b, m, 50, 1)
			sizeOf(b, address, file)
			var floor, floorCPU time.Duration
			b.Run("floor", func(b *testing.B) {
				for range b.N {
					began, computed := time.Now(), cpu(b)
					plainSelect(b, engine, address, file, n)
					floor, floorCPU = time.Since(began), cpu(b)-computed
					b.ReportMetric(float64(n)/floorCPU.Seconds(), "objects/cpu-s")
					b.ReportMetric(float64(n)/floor.Seconds(), "objects/s")
				}
			})
			for _, shards := range []int{1, 2, 4} {
				b.Run(fmt.Sprintf("%d side by side", shards), func(b *testing.B) {
					for range b.N {
						began, computed := time.Now(), cpu(b)
						var group sync.WaitGroup
						var objects, families atomic.Int64
						for s := range shards {
							group.Go(func() {
								for part, err := range m.Families(b.Context(), s, shards) {
									if err != nil {
										b.Error(err)
									}
									objects.Add(int64(len(part.Objects)))
									families.Add(1)
								}
							})
						}
						group.Wait()
						if objects.Load() != int64(n) || families.Load() != int64(a.total) {
							b.Errorf("%d objects of %d families, want %d of %d", objects.Load(), families.Load(), n, a.total)
						}
						b.ReportMetric(float64(n)/time.Since(began).Seconds(), "objects/s")
						b.ReportMetric(float64(time.Since(began))/float64(floor), "x-floor")
						b.ReportMetric(float64(cpu(b)-computed)/float64(floorCPU), "x-floor-cpu")
					}
				})
			}
		})
	}
}

// plainSelect reads the columns that make an object, and makes nothing of them.
func plainSelect(b *testing.B, engine, address, file string, want int) {
	b.Helper()
	driver, name, table := "pgx", address, "rightful_mirror.object"
	if engine == "sqlite" {
		driver, name, table = "sqlite", file, "object"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(b.Context(), `SELECT `+mirror.Columns+` FROM `+table+` ORDER BY place, family, type, tail`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		b.Fatal(err)
	}
	cells, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	n := 0
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := rows.Err(); err != nil || n != want {
		b.Fatalf("%d rows, %v", n, err)
	}
}
