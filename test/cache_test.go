package test

import (
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/internal/testserver"
	"rightful/internal/wire"
)

// scan looks through an engine's cache.
func scan(t *testing.T, e *engine.Engine) *engine.CacheScan {
	t.Helper()
	r, err := e.ScanCache(t.Context(), engine.CacheScanInput{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wrongKeys returns the findings of the keys that a scan calls wrong, sorted.
func wrongKeys(r *engine.CacheScan) (ids []string) {
	for _, k := range r.Keys {
		if k.State == judge.CacheWrong {
			ids = append(ids, k.Finding)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// TestScanFindsWhatAnAuditFinds: every key that an audit of a world calls wrong is
// wrong for a scan, and no other; and real parts say the same, key by key.
func TestScanFindsWhatAnAuditFinds(t *testing.T) {
	t.Parallel()
	for _, file := range append(worldFiles(t), founding) {
		if takeApart(t, file).Cache == nil {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			world, report := scan(t, e), audit(t, e, engine.AuditInput{})
			var want []string
			for _, f := range report.Findings {
				if f.Code == rightful.CodeCacheStale {
					want = append(want, f.ID)
				}
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, wrongKeys(world)); diff != "" {
				t.Errorf("wrong keys (-audit +scan):\n%s", diff)
			}
			dsn := engines[0].dsn(t)
			fillFrom(t, file, engines[0].open(t, dsn))
			real := scan(t, assemble(t, file, dsn, e.Options.Now).open(t))
			real.Counts.StripeGETs = 0
			if diff := cmp.Diff(world, real); diff != "" {
				t.Errorf("scans (-world +real):\n%s", diff)
			}
		})
	}
}

// TestCacheOnRealServers scans and clears the founding incident's cache on each
// database and a real Redis that holds more than is configured.
func TestCacheOnRealServers(t *testing.T) {
	t.Parallel()
	for database, on := range engines {
		t.Run(on.name, func(t *testing.T) {
			t.Parallel()
			r, _ := foundingOn(t, database)
			location := testserver.Redis(t)
			options, err := redis.ParseURL(location)
			if err != nil {
				t.Fatal("the test server's URL cannot be read")
			}
			c := redis.NewClient(options)
			defer c.Close()
			keys := []any{":1:user_company_7", "4", ":1:user_company_9", "12", ":1:user_company_99", "12", ":1:user_company_1000", "{", "session:1", "4"}
			if err := c.MSet(t.Context(), keys...).Err(); err != nil {
				t.Fatal(err)
			}
			r.config["cache"].(map[string]any)["url"] = location
			code, out, errs := r.rightful(t, "cache", "scan")
			if code != cli.ExitFindings || errs != "" || !strings.Contains(out, "4 values: 1 wrong, 1 right, 1 cannot tell, 1 nobody's") || strings.Contains(out, "session:1") {
				t.Errorf("scan: exit code %d, %s\n%s", code, errs, out)
			}
			code, out, errs = r.rightful(t, "cache", "clear", "--user", "7")
			if code != cli.ExitFindings || errs != "" || !strings.Contains(out, "nothing was deleted: add --yes to delete 1 key") || c.DBSize(t.Context()).Val() != 5 {
				t.Errorf("dry: exit code %d, %s\n%s", code, errs, out)
			}
			before := r.objects(t)
			code, out, errs = r.rightful(t, "cache", "clear", "--yes", "--by", "sam")
			if code != cli.ExitOK || errs != "" || !strings.Contains(out, "1 finding is gone") {
				t.Errorf("clear: exit code %d, %s\n%s", code, errs, out)
			}
			if !strings.Contains(out, "recorded as run-") {
				t.Errorf("nothing says that it was recorded:\n%s", out)
			}
			left := c.Keys(t.Context(), "*").Val()
			slices.Sort(left)
			if diff := cmp.Diff([]string{":1:user_company_1000", ":1:user_company_9", ":1:user_company_99", "session:1"}, left); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, r.objects(t)); diff != "" || r.writes() != 0 {
				t.Errorf("Stripe was written: %s", diff)
			}
			if code, _, _ := r.rightful(t, "cache", "scan"); code != cli.ExitOK {
				t.Errorf("scan again: exit code %d", code)
			}
		})
	}
}

// brokenCache fails to look for keys after some of them.
type brokenCache struct {
	rightful.CacheReader
	after int
	err   error
	stop  context.CancelFunc // called with the error
}

func (b brokenCache) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		n := 0
		for key, err := range b.CacheReader.(rightful.CacheScanner).Scan(ctx, pattern) {
			if n == b.after {
				if b.stop != nil {
					b.stop()
				}
				yield("", b.err)
				return
			}
			n++
			if !yield(key, err) {
				return
			}
		}
	}
}

// TestScanIsHonest: a scan that does not come to its end says so, and concludes
// only from what it saw.
func TestScanIsHonest(t *testing.T) {
	t.Parallel()
	open := func(b brokenCache) (*engine.CacheScan, error) {
		e, _, err := wire.World(founding)
		if err != nil {
			t.Fatal(err)
		}
		b.CacheReader = e.Sources.Cache
		e.Sources.Cache = b
		ctx := t.Context()
		if b.err == context.Canceled {
			ctx, b.stop = context.WithCancel(ctx)
			e.Sources.Cache = b
		}
		return e.ScanCache(ctx, engine.CacheScanInput{})
	}
	down := &rightful.Error{Kind: rightful.KindUnavailable, Place: "cache.url", Message: "slots move"}
	r, err := open(brokenCache{after: 1, err: down})
	if err != nil || r.Complete || len(r.Keys) != 1 || !slices.Equal(r.IncompleteBecause, []string{"the keys of the cache: slots move"}) {
		t.Errorf("after one key: %+v, %v", r, err)
	}
	if _, err := open(brokenCache{err: down}); !errors.Is(err, down) {
		t.Errorf("before any key: %v", err)
	}
	r, err = open(brokenCache{after: 1, err: context.Canceled})
	if err != nil || r.Complete || len(r.Keys) != 0 || !strings.Contains(strings.Join(r.IncompleteBecause, ""), "interrupted") {
		t.Errorf("interrupted: %+v, %v", r, err)
	}

	// What an audit cannot read, a scan cannot judge by.
	rig, _ := foundingOn(t, 0)
	rig.stripe.Close()
	if code, _, errs := rig.rightful(t, "cache", "scan"); code != cli.ExitError || !strings.Contains(errs, "stripe") {
		t.Errorf("without Stripe: exit code %d, %s", code, errs)
	}
}

// TestClearComparesOnceMore: a value that changes after it was judged stays.
func TestClearComparesOnceMore(t *testing.T) {
	t.Parallel()
	r, _ := foundingOn(t, 0)
	e := r.openForWriting(t)
	e.Writers.Cache = changing{e.Writers.Cache, func() { _ = r.redis.Set(":1:user_company_7", "11") }}
	report, err := e.ClearCache(t.Context(), engine.ClearCacheInput{Write: true})
	if err != nil || report.Applied == nil || report.Applied.Result.Count(apply.StateAlready) != 1 {
		t.Fatalf("got %+v, %v", report, err)
	}
	if got, _ := r.redis.Get(":1:user_company_7"); got != "11" {
		t.Errorf("the new value is %q", got)
	}
}

// changing lets somebody else write before each deletion.
type changing struct {
	rightful.CacheWriter
	before func()
}

func (c changing) Delete(ctx context.Context, e rightful.CacheEntry) error {
	c.before()
	return c.CacheWriter.Delete(ctx, e)
}

// TestScanOfAnotherSpelling: an id that the database writes in another way is the
// same id, but no audit makes its key, so it is not called wrong.
func TestScanOfAnotherSpelling(t *testing.T) {
	t.Parallel()
	const world = `{
		"db": {"companies": [{"id": 1}, {"id": 2}], "users": [{"id": "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11", "company_id": 1}]},
		"stripe": {"account": {"id": "acct_1", "livemode": true}},
		"cache": {"user:0C6C1B0E-1B7C-4A53-9F0E-3B2F1C9D7A11:company": "2", "user:0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11:company": "2"}
	}`
	r := scan(t, reopen(t, []byte(world)))
	if r.Counts.Wrong != 1 || r.Counts.CannotTell != 1 || !strings.Contains(r.Keys[1].Because, "in another way") || r.Keys[1].Finding != "" {
		t.Errorf("%+v", r)
	}
}
