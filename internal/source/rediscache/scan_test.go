package rediscache_test

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/source/rediscache"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

func TestScannerConformanceRealRedis(t *testing.T) {
	t.Parallel()
	sourcetest.TestCacheScanner(t, func(t *testing.T, holds sourcetest.CacheContents) rightful.CacheScanner {
		location := testserver.Redis(t)
		options, err := redis.ParseURL(location)
		if err != nil {
			t.Fatal("the test server's URL cannot be read")
		}
		c := redis.NewClient(options)
		defer c.Close()
		store(t, c, holds)
		return open(t, location)
	})
}

func TestScannerConformanceCluster(t *testing.T) {
	t.Parallel()
	nodes := testserver.RedisCluster(t, 3)
	sourcetest.TestCacheScanner(t, func(t *testing.T, holds sourcetest.CacheContents) rightful.CacheScanner {
		c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr}})
		defer c.Close()
		store(t, c, holds)
		return openCluster(t, nodes[2])
	})
}

// scanned returns the keys that a scan yields, without doubles, and its error.
func scanned(ctx context.Context, r *rediscache.Reader, pattern string) (keys []string, failed error) {
	for key, err := range r.Scan(ctx, pattern) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return slices.Compact(keys), nil
}

// TestScanSendsScanOnly: it looks for keys with SCAN, and with nothing that holds
// the server up.
func TestScanSendsScanOnly(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	for _, key := range []string{"user:7", "user:8", "org:7"} {
		if err := server.Set(key, "11"); err != nil {
			t.Fatal(err)
		}
	}
	wire := record(t, server.Addr())
	keys, err := scanned(t.Context(), open(t, "redis://"+wire.addr), "user:*")
	if err != nil || !slices.Equal(keys, []string{"user:7", "user:8"}) {
		t.Errorf("got %q, %v", keys, err)
	}
	for _, command := range wire.commands() {
		if !slices.Contains([]string{"HELLO", "SCAN"}, command) {
			t.Errorf("sent %s", command)
		}
	}
}

// TestScanFails: where keys may be missed, that is an error.
func TestScanFails(t *testing.T) {
	t.Parallel()
	gone := open(t, "redis://"+testserver.Nobody)
	_, err := scanned(t.Context(), gone, "*")
	wantError(t, err, rightful.KindUnreachable, "does not answer")

	addr := testserver.RedisServer(t).Addr
	admin := client(t, addr)
	do(t, admin, "ACL", "SETUSER", "reader", "on", ">pass", "~user:*", "-@all", "+get", "+hget", "+ping", "+select")
	r := open(t, "redis://"+url.UserPassword("reader", "pass").String()+"@"+addr)
	_, err = scanned(t.Context(), r, "user:*")
	wantError(t, err, rightful.KindUnauthorized, "ACL SETUSER <user> +scan")
	do(t, admin, "ACL", "SETUSER", "reader", "+scan")
	if _, err := scanned(t.Context(), r, "user:*"); err != nil {
		t.Errorf("with the permission that the hint names: %v", err)
	}
}

// TestScanOfAClusterThatMoves: while slots are on their way, a key may pass a scan
// by; when they have arrived, it finds all.
func TestScanOfAClusterThatMoves(t *testing.T) {
	t.Parallel()
	nodes := filled(t)
	r := openCluster(t, nodes[0])
	if keys, err := scanned(t.Context(), r, "user:*"); err != nil || len(keys) != 300 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	from, to := client(t, nodes[0].Addr), client(t, nodes[1].Addr)
	fromID, toID := from.ClusterMyID(t.Context()).Val(), to.ClusterMyID(t.Context()).Val()
	keys := from.Keys(t.Context(), "user:*").Val()
	if len(keys) == 0 {
		t.Fatal("the node has no key")
	}
	slot := from.ClusterKeySlot(t.Context(), keys[0]).Val()
	do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	_, err := scanned(t.Context(), r, "user:*")
	wantError(t, err, rightful.KindUnavailable, "moves slots")

	// Between two answers: what was there at the beginning is elsewhere at the end.
	do(t, to, "CLUSTER", "SETSLOT", slot, "STABLE")
	do(t, from, "CLUSTER", "SETSLOT", slot, "STABLE")
	moved := false
	for _, err = range r.Scan(t.Context(), "user:*") {
		if !moved {
			moved = true
			do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
		}
	}
	wantError(t, err, rightful.KindUnavailable, "keys may have been missed")
}

// TestScanOfHalfACluster: a cluster of which a part is gone is not scanned.
func TestScanOfHalfACluster(t *testing.T) {
	t.Parallel()
	nodes := filled(t, "cluster-require-full-coverage no", "cluster-node-timeout 60000")
	r := openCluster(t, nodes[2])
	nodes[0].Stop()
	_, err := scanned(t.Context(), r, "user:*")
	wantError(t, err, rightful.KindUnreachable, nodes[0].Addr+" does not answer")
}

// TestScanWithoutSomeSlots: nobody holds a slot, and nobody is down.
func TestScanWithoutSomeSlots(t *testing.T) {
	t.Parallel()
	nodes := filled(t, "cluster-require-full-coverage no")
	slot := client(t, nodes[0].Addr).ClusterKeySlot(t.Context(), "user:0").Val()
	for _, n := range nodes {
		do(t, client(t, n.Addr), "CLUSTER", "DELSLOTS", slot)
	}
	_, err := scanned(t.Context(), openCluster(t, nodes[0]), "user:*")
	wantError(t, err, rightful.KindUnreachable, "is a cluster that is down, wholly or in part")
}
