package rediscache_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

func store(t *testing.T, c redis.UniversalClient, holds sourcetest.CacheContents) {
	t.Helper()
	for k, v := range holds.Values {
		if err := c.Set(t.Context(), k, v, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for k, v := range holds.Hashes {
		if err := c.HSet(t.Context(), k, v).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriterConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestCacheWriter(t, func(t *testing.T, holds sourcetest.CacheContents) (rightful.CacheReader, rightful.CacheWriter) {
		addr := miniredis.RunT(t).Addr()
		store(t, client(t, addr), holds)
		r := open(t, "redis://"+addr)
		return r, r.Writer()
	})
}

func TestWriterConformanceRealRedis(t *testing.T) {
	t.Parallel()
	sourcetest.TestCacheWriter(t, func(t *testing.T, holds sourcetest.CacheContents) (rightful.CacheReader, rightful.CacheWriter) {
		location := testserver.Redis(t)
		options, err := redis.ParseURL(location)
		if err != nil {
			t.Fatal("the test server's URL cannot be read")
		}
		c := redis.NewClient(options)
		defer c.Close()
		store(t, c, holds)
		r := open(t, location)
		return r, r.Writer()
	})
}

func TestWriterConformanceCluster(t *testing.T) {
	t.Parallel()
	nodes := testserver.RedisCluster(t, 3)
	sourcetest.TestCacheWriter(t, func(t *testing.T, holds sourcetest.CacheContents) (rightful.CacheReader, rightful.CacheWriter) {
		c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr}})
		defer c.Close()
		if err := c.ForEachMaster(t.Context(), func(ctx context.Context, n *redis.Client) error { return n.FlushAll(ctx).Err() }); err != nil {
			t.Fatal(err)
		}
		store(t, c, holds)
		r := openCluster(t, nodes...)
		return r, r.Writer()
	})
}

// between returns the address of a proxy that runs f once, before it passes the
// first command of a name on.
func between(t *testing.T, to, command string, f func()) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var once sync.Once
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				conn.Close()
				return
			}
			go func() { defer conn.Close(); copyAll(conn, server) }()
			go func() {
				defer server.Close()
				buffer := make([]byte, 4096)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					if strings.Contains(strings.ToLower(string(buffer[:n])), command) {
						once.Do(f)
					}
					if _, err := server.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func copyAll(to, from net.Conn) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestDeleteWhileItIsWritten: a value that comes between reading and deleting
// stays, unless it is the wrong one again.
func TestDeleteWhileItIsWritten(t *testing.T) {
	t.Parallel()
	for written, kind := range map[string]rightful.ErrorKind{"11": rightful.KindConflict, "4": ""} {
		addr := testserver.RedisServer(t).Addr
		c := client(t, addr)
		do(t, c, "SET", "k", "4")
		w := open(t, "redis://"+between(t, addr, "multi", func() { do(t, c, "SET", "k", written) })).Writer()
		err := w.Delete(t.Context(), rightful.CacheEntry{Key: "k", Value: "4"})
		if rightful.KindOf(err) != kind || kind == "" && err != nil {
			t.Errorf("%s: got %v, want kind %q", written, err, kind)
		}
		if left := c.Exists(t.Context(), "k").Val(); (left == 1) != (kind != "") {
			t.Errorf("%s: %d keys left", written, left)
		}
	}
}

// TestDeleteWithoutAnAnswer may have deleted.
func TestDeleteWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	addr := server.Addr()
	server.Set("k", "4")
	w := open(t, "redis://"+between(t, addr, "multi", server.Close)).Writer()
	err := w.Delete(t.Context(), rightful.CacheEntry{Key: "k", Value: "4"})
	wantError(t, err, rightful.KindUncertain, "not known")
	err = open(t, "redis://"+addr).Writer().Delete(t.Context(), rightful.CacheEntry{Key: "k", Value: "4"})
	wantError(t, err, rightful.KindUnreachable, "does not answer")
}

// TestDeletingUser deletes with no more rights than the documentation asks for,
// and is told what a reader lacks.
func TestDeletingUser(t *testing.T) {
	t.Parallel()
	addr := testserver.RedisServer(t).Addr
	admin := client(t, addr)
	do(t, admin, "SET", "user:7", "4")
	do(t, admin, "HSET", "user:8", "f", "4")
	for name, rights := range map[string][]any{
		"reader": {"+get", "+hget", "+ping", "+select"},
		"almost": {"+get", "+hget", "+ping", "+select", "+watch", "+unwatch", "+multi", "+exec"},
		"writer": {"+get", "+hget", "+ping", "+select", "+watch", "+unwatch", "+multi", "+exec", "+del", "+hdel"},
	} {
		do(t, admin, append([]any{"ACL", "SETUSER", name, "on", ">s3cret", "resetkeys", "~user:*", "-@all"}, rights...)...)
	}
	entries := []rightful.CacheEntry{{Key: "user:7", Value: "4"}, {Key: "user:8", Decode: "hash:f", Value: "4"}}
	for _, e := range entries {
		for _, name := range []string{"reader", "almost"} {
			wantError(t, open(t, "redis://"+name+":s3cret@"+addr).Writer().Delete(t.Context(), e), rightful.KindUnauthorized, "does not let this user delete")
		}
		if err := open(t, "redis://writer:s3cret@"+addr).Writer().Delete(t.Context(), e); err != nil {
			t.Error(err)
		}
	}
}

func TestReplicaDeletesNothing(t *testing.T) {
	t.Parallel()
	addr := testserver.RedisServer(t).Addr
	c := client(t, addr)
	do(t, c, "SET", "k", "4")
	do(t, c, "REPLICAOF", "127.0.0.1", "1")
	err := open(t, "redis://"+addr).Writer().Delete(t.Context(), rightful.CacheEntry{Key: "k", Value: "4"})
	wantError(t, err, rightful.KindUnavailable, "is a replica")
}
