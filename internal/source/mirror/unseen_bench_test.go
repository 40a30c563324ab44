//go:build unix

package mirror_test

import (
	"path/filepath"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

// BenchmarkUnseen ends a second pass over a whole account in which nothing vanished: each
// list is asked what it did not see.
func BenchmarkUnseen(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			address := "sqlite:" + filepath.Join(b.TempDir(), "mirror.db")
			if engine == "postgres" {
				address = testserver.Postgres(b)
			}
			m := open(b, address).Of("acct_1", true, sourcetest.StripeKeys())
			a := account{seed: 1, total: benchObjects(b) / 3}
			n := a.fill(b, m, 50, 1)
			began := time.Now()
			a.fillPasses(b, m, 50, 2, func(passes map[rightful.ObjectType]int64) {
				b.Logf("%d objects kept again in %v", n, time.Since(began).Round(time.Millisecond))
				for b.Loop() {
					for _, pass := range passes {
						for id, err := range m.Unseen(b.Context(), pass) {
							b.Fatal(id, err)
						}
					}
				}
			})
			b.ReportMetric(float64(n), "objects")
		})
	}
}
