package test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful/internal/cli"
)

// TestKilledWhilePuttingBack kills a repair of which the database refuses a part
// at the last moment, so that stamps are put back.
func TestKilledWhilePuttingBack(t *testing.T) {
	t.Parallel()
	o, there := killings(t)["postgres"]
	if !there {
		t.Skip("RIGHTFUL_TEST_POSTGRES is not set: run make test")
	}
	o.refuses = true
	k := newKilling(t, o, false).counting(t)
	if k.counts.PutBack == 0 || k.counts.Failed == 0 {
		t.Fatalf("nothing was put back: %+v", k.counts)
	}
	for _, at := range k.moments(2) {
		t.Run(k.named(at), func(t *testing.T) { t.Parallel(); killedOnce(t, k, at) })
	}
}

// TestOthersWriteWhileDead: what somebody else writes between a kill and the
// continuation is never written over. The continuation is refused and names it; a
// new plan repairs the rest.
func TestOthersWriteWhileDead(t *testing.T) {
	t.Parallel()
	k := newKilling(t, killings(t)["sqlite"], false).counting(t)
	theirs := fmt.Sprint(killCompany(10))
	for _, at := range k.moments(2) {
		t.Run(k.named(at), func(t *testing.T) {
			t.Parallel()
			p := k.prepare(t)
			if !k.dies(t, p, at) {
				t.Fatal("it did not come that far")
			}
			for _, path := range []string{"/v1/customers/cus_01", "/v1/customers/cus_03"} {
				p.stampByHand(t, path, theirs)
			}
			stands := p.look(t)
			if args, more := k.next(t, p); more {
				e := p.run(t, 0, args...)
				if e.code != cli.ExitRefused || !strings.Contains(e.out, "the plan is stale") || !strings.Contains(e.out, "metadata.company_id of cus_0") {
					t.Errorf("exit code %d\n%s", e.code, e.out)
				}
			}
			if diff := cmp.Diff(stands, p.look(t)); diff != "" {
				t.Errorf("the continuation wrote (-before +after):\n%s", diff)
			}
			if e := p.run(t, 0, "fix", "--yes"); e.code != cli.ExitFindings {
				t.Errorf("fix: exit code %d\n%s", e.code, e.out)
			}
			k.whole(t, p)
		})
	}
}

// TestCacheFilledWhileDead: between a kill and the continuation the app fills the
// keys that were deleted, as readers do: one that had read the database before
// the repair with the wrong value, which is deleted again; one that read it after
// with the right one, which stays.
func TestCacheFilledWhileDead(t *testing.T) {
	t.Parallel()
	k := newKilling(t, killings(t)["sqlite"], false)
	first := slices.Index(k.hits, "cache/deleted") + 1
	for name, value := range map[string]func(key, old string) string{
		"wrong": func(_, old string) string { return old },
		"right": func(key, _ string) string {
			if user, is := strings.CutPrefix(key, "session:2"); is {
				return `{"company": {"id": 1` + user + `}}`
			}
			return "1" + strings.TrimSuffix(strings.TrimPrefix(key, "stripe:customer:cus_"), ":company")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := k.counting(t)
			k.refilled = name == "right"
			for _, at := range k.moments(3) {
				if at < first || at == len(k.hits) { // nothing was deleted, or the run is over
					continue
				}
				t.Run(k.named(at), func(t *testing.T) {
					t.Parallel()
					p := k.prepare(t)
					if !k.dies(t, p, at) {
						t.Fatalf("it did not come to moment %d", at)
					}
					has, mine := p.look(t).Cache, *k
					mine.want.Cache = maps.Clone(k.want.Cache)
					for key, old := range k.before.Cache {
						_, stays := k.want.Cache[key]
						if _, there := has[key]; there || stays {
							continue // it was not deleted yet, or never is
						}
						if err := p.cache.Set(t.Context(), key, value(key, old), 0).Err(); err != nil {
							t.Fatal(err)
						}
						if name == "right" {
							mine.want.Cache[key] = value(key, old)
						}
					}
					mine.goOn(t, p)
				})
			}
		})
	}
}

// TestHalfCommittedWhileDead: the kill came in the middle of SQLite's own commit, so
// that only who may write can open the file. Reading commands say so; the
// continuation recovers the file and goes on.
func TestHalfCommittedWhileDead(t *testing.T) {
	t.Parallel()
	k := newKilling(t, killings(t)["sqlite"], false).counting(t)
	p := k.prepare(t)
	if !k.dies(t, p, slices.Index(k.hits, "database/committed")+1) {
		t.Fatal("it did not come that far")
	}
	p.halfCommit(t)
	if e := p.run(t, 0, "audit"); e.code != cli.ExitError || !strings.Contains(e.out, "killed in the middle of a commit") {
		t.Errorf("audit: exit code %d\n%s", e.code, e.out)
	}
	k.goOn(t, p)
}

// halfCommit leaves the database as a kill in the middle of a commit does: some
// pages hold new values, and a journal beside the file the old.
func (p *killPlaces) halfCommit(t *testing.T) {
	t.Helper()
	path := strings.TrimPrefix(p.dsn, "sqlite:")
	db := engines[p.database].open(t, p.dsn)
	db.SetMaxOpenConns(1)
	// More than SQLite keeps in memory, so that pages are written before the commit.
	for _, statement := range []string{
		"CREATE TABLE filler (id integer PRIMARY KEY, what text)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO filler SELECT i, hex(zeroblob(100)) FROM n",
		"BEGIN IMMEDIATE",
		"UPDATE filler SET what = 'half done' || what",
		"UPDATE companies SET stripe_customer_id = 'cus_half_done'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	half := map[string][]byte{}
	for _, suffix := range []string{"", "-journal"} {
		half[path+suffix] = must(os.ReadFile(path + suffix))(t)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, raw := range half {
		if err := os.WriteFile(name, raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
