package testserver_test

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"rightful/internal/testserver"
)

func TestPostgresIsEmptyAndDroppedAfter(t *testing.T) {
	t.Parallel()
	var dsn string
	t.Run("use", func(t *testing.T) {
		dsn = testserver.Postgres(t)
		if other := testserver.Postgres(t); other == dsn {
			t.Error("two calls got the same database")
		}
		db := open(t, dsn)
		if _, err := db.ExecContext(t.Context(), "CREATE TABLE companies (id bigint)"); err != nil {
			t.Fatal(err)
		}
	})
	if dsn == "" {
		t.Skip("no server")
	}
	if err := open(t, dsn).PingContext(t.Context()); err == nil {
		t.Error("the database is still there after the test")
	}
}

func TestMariaDBIsEmptyAndDroppedAfter(t *testing.T) {
	t.Parallel()
	var dsn string
	var held *sql.DB
	t.Run("use", func(t *testing.T) {
		dsn = testserver.MariaDB(t)
		if other := testserver.MariaDB(t); other == dsn {
			t.Error("two calls got the same database")
		}
		if _, err := testserver.OpenMariaDB(t, dsn).ExecContext(t.Context(), "CREATE TABLE companies (id bigint)"); err != nil {
			t.Fatal(err)
		}
		// A transaction that nobody ends must not make the drop wait.
		held = testserver.OpenMariaDB(notEnding{t}, dsn)
		tx, err := held.BeginTx(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "INSERT INTO companies VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	})
	if dsn == "" {
		t.Skip("no server")
	}
	held.Close()
	if err := testserver.OpenMariaDB(t, dsn).PingContext(t.Context()); err == nil {
		t.Error("the database is still there after the test")
	}
}

// notEnding is a test that cleans nothing up.
type notEnding struct{ testing.TB }

func (notEnding) Cleanup(func()) {}

func TestRedisIsEmptyAndFlushedAfter(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("use", func(t *testing.T) {
		address = testserver.Redis(t)
		if other := testserver.Redis(t); other == address {
			t.Error("two calls got the same database")
		}
		client := connect(t, address)
		if size := client.DBSize(t.Context()).Val(); size != 0 {
			t.Errorf("a fresh database holds %d keys", size)
		}
		if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	})
	if address == "" {
		t.Skip("no server")
	}
	if size := connect(t, address).Exists(t.Context(), "k").Val(); size != 0 {
		t.Error("the key is still there after the test")
	}
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func connect(t *testing.T, address string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestRedisServerIsPrivateAndEndsWithTheTest(t *testing.T) {
	t.Parallel()
	var address string
	t.Run("use", func(t *testing.T) {
		address = "redis://:pass@" + testserver.RedisServer(t, "requirepass pass", "maxclients 77").Addr
		got, err := connect(t, address).ConfigGet(t.Context(), "maxclients").Result()
		if err != nil || got["maxclients"] != "77" {
			t.Errorf("got %v, %v", got, err)
		}
	})
	if address == "" {
		t.Skip("no server")
	}
	if err := connect(t, address).Ping(t.Context()).Err(); err == nil {
		t.Error("the server is still there after the test")
	}
}

func TestRedisClusterIsOneCluster(t *testing.T) {
	t.Parallel()
	nodes := testserver.RedisCluster(t, 3)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[2].Addr}})
	t.Cleanup(func() { client.Close() })
	used := map[string]bool{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		if err := client.Set(t.Context(), key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		node, err := client.MasterForKey(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		used[node.Options().Addr] = true
	}
	if len(used) != len(nodes) {
		t.Errorf("the keys are on %d of %d nodes", len(used), len(nodes))
	}
}

// TestOnCIAMissingServerFails: a test that did not run must not look like one that passed.
func TestOnCIAMissingServerFails(t *testing.T) {
	t.Parallel()
	for ci, fails := range map[string]bool{"true": true, "": false} {
		for _, test := range []string{"TestPostgresIsEmptyAndDroppedAfter", "TestMariaDBIsEmptyAndDroppedAfter", "TestRedisIsEmptyAndFlushedAfter", "TestRedisServerIsPrivateAndEndsWithTheTest", "TestRedisClusterIsOneCluster"} {
			c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$", "-test.v")
			c.Env = []string{"CI=" + ci, "PATH=", "TMPDIR=" + t.TempDir()} // and no server
			said, err := c.CombinedOutput()
			if (err != nil) != fails || strings.Contains(string(said), "--- FAIL: "+test) != fails || !strings.Contains(string(said), "run make test") {
				t.Errorf("CI=%q, %s: %v\n%s", ci, test, err, said)
			}
		}
	}
}
