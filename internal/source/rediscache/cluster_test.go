package rediscache_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/source/rediscache"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

// filled starts a cluster whose 300 keys user:i hold i.
func filled(t *testing.T, config ...string) []*testserver.RedisProcess {
	t.Helper()
	nodes := testserver.RedisCluster(t, 3, config...)
	values := map[string]string{}
	for i := range 300 {
		values["user:"+strconv.Itoa(i)] = strconv.Itoa(i)
	}
	fill(t, nodes, values)
	return nodes
}

func fill(t *testing.T, nodes []*testserver.RedisProcess, values map[string]string) {
	t.Helper()
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr}})
	defer c.Close()
	pipe := c.Pipeline()
	for key, value := range values {
		pipe.Set(t.Context(), key, value, 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// users returns the entries of the keys that filled made, and one that none has.
func users() []rightful.CacheEntry {
	entries := make([]rightful.CacheEntry, 301)
	for i := range entries {
		entries[i].Key = fmt.Sprintf("user:%d", i)
	}
	return entries
}

func openCluster(t *testing.T, nodes ...*testserver.RedisProcess) *rediscache.Reader {
	t.Helper()
	var hosts []string
	for _, n := range nodes {
		hosts = append(hosts, n.Addr)
	}
	return openWith(t, rediscache.Options{URL: "redis://" + strings.Join(hosts, ","), Cluster: true})
}

func wantUsers(t *testing.T, r *rediscache.Reader) {
	t.Helper()
	entries := users()
	if err := r.Read(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if i == 300 && e.Found || i < 300 && e.Value != strconv.Itoa(i) {
			t.Fatalf("got %+v", e)
		}
	}
}

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	nodes := testserver.RedisCluster(t, 3)
	sourcetest.TestCache(t, func(t *testing.T, values map[string]string) rightful.CacheReader {
		for _, n := range nodes {
			do(t, client(t, n.Addr), "FLUSHALL")
		}
		fill(t, nodes, values)
		return openCluster(t, nodes[1])
	})
}

// TestClusterThatMoves has slots on their way from one node to another, which
// the nodes answer with ASK and MOVED.
func TestClusterThatMoves(t *testing.T) {
	t.Parallel()
	nodes := filled(t)
	r := openCluster(t, nodes[0])
	wantUsers(t, r) // it has seen who holds which slot

	from, to := client(t, nodes[0].Addr), client(t, nodes[1].Addr)
	fromID, toID := from.ClusterMyID(t.Context()).Val(), to.ClusterMyID(t.Context()).Val()
	keys := from.Keys(t.Context(), "user:*").Val()
	if fromID == "" || toID == "" || len(keys) < 2 {
		t.Fatalf("node %q, node %q and %d keys", fromID, toID, len(keys))
	}
	host, port, _ := strings.Cut(nodes[1].Addr, ":")
	for i, key := range keys[:2] {
		slot := from.ClusterKeySlot(t.Context(), key).Val()
		do(t, to, "CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
		do(t, from, "CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
		do(t, from, "MIGRATE", host, port, key, 0, 5000)
		if i == 0 {
			continue // stays in between: ASK
		}
		do(t, to, "CLUSTER", "SETSLOT", slot, "NODE", toID)
		do(t, from, "CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	for i, want := range []string{"ASK", "MOVED"} {
		if err := from.Get(t.Context(), keys[i]).Err(); !redis.HasErrorPrefix(err, want) {
			t.Fatalf("the node answers %v, want %s", err, want)
		}
	}
	wantUsers(t, r)
	wantUsers(t, openCluster(t, nodes[2]))
}

// TestClusterPartlyDown: a cluster that serves a part of its slots is not read
// at all, and other nodes of the URL stand in for one that is gone.
func TestClusterPartlyDown(t *testing.T) {
	t.Parallel()
	nodes := filled(t, "cluster-require-full-coverage no", "cluster-node-timeout 60000")
	known, late := openCluster(t, nodes[2]), openCluster(t, nodes[0], nodes[2])
	wantUsers(t, known)
	if err := known.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	nodes[0].Stop()
	for name, r := range map[string]*rediscache.Reader{"that knew it whole": known, "that comes later": late} {
		t.Run("a reader "+name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{r.Read(t.Context(), users()), r.Ping(t.Context())} {
				wantError(t, err, rightful.KindUnreachable, nodes[0].Addr+" does not answer, so none of it is read")
			}
		})
	}
}

// TestClusterWithoutSomeSlots: nobody holds a slot, and nobody is down.
func TestClusterWithoutSomeSlots(t *testing.T) {
	t.Parallel()
	nodes := filled(t, "cluster-require-full-coverage no")
	admin := client(t, nodes[0].Addr)
	slot := admin.ClusterKeySlot(t.Context(), "user:0").Val()
	for _, n := range nodes {
		do(t, client(t, n.Addr), "CLUSTER", "DELSLOTS", slot)
	}
	r := openCluster(t, nodes[0])
	for _, err := range []error{r.Read(t.Context(), users()), r.Ping(t.Context())} {
		wantError(t, err, rightful.KindUnreachable, "down, wholly or in part")
	}
}

// TestClusterOfWhichOneRefuses: the answers of the others are no half truth.
func TestClusterOfWhichOneRefuses(t *testing.T) {
	t.Parallel()
	nodes := filled(t)
	do(t, client(t, nodes[2].Addr), "CONFIG", "SET", "requirepass", "another")
	r := openCluster(t, nodes[0])
	for _, err := range []error{r.Read(t.Context(), users()), r.Ping(t.Context())} {
		wantError(t, err, rightful.KindUnauthorized, "NOAUTH")
	}
}

// TestClusterIsOnlyRead looks at what the nodes counted, as a user who may do
// no more than the documentation asks for.
func TestClusterIsOnlyRead(t *testing.T) {
	t.Parallel()
	nodes := filled(t)
	for _, n := range nodes {
		admin := client(t, n.Addr)
		do(t, admin, "ACL", "SETUSER", "reader", "on", ">pass", "resetkeys", "~user:*", "-@all", "+get", "+hget", "+ping", "+cluster|slots", "+asking")
		do(t, admin, "CONFIG", "RESETSTAT")
	}
	r := openWith(t, rediscache.Options{URL: "redis://reader:pass@" + nodes[0].Addr, Cluster: true})
	wantUsers(t, r)
	if err := r.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := false
	for _, n := range nodes {
		stats := client(t, n.Addr).Info(t.Context(), "commandstats").Val()
		for _, found := range regexp.MustCompile(`cmdstat_([^:]+):`).FindAllStringSubmatch(stats, -1) {
			command := found[1]
			got = got || command == "get"
			// The first three are ours, of this test.
			if !slices.Contains([]string{"config|resetstat", "info", "client|setinfo", "hello", "auth", "ping", "get", "cluster|slots"}, command) {
				t.Errorf("sent %s", command)
			}
		}
	}
	if !got {
		t.Error("the nodes counted no GET")
	}
}

func TestClusterOrNot(t *testing.T) {
	t.Parallel()
	one, nodes := testserver.RedisServer(t), filled(t)
	wantError(t, openCluster(t, one).Ping(t.Context()), rightful.KindUnreachable, "is no cluster")
	wantError(t, openCluster(t, one).Read(t.Context(), users()), rightful.KindUnreachable, "is no cluster")
	err := open(t, "redis://"+nodes[0].Addr).Read(t.Context(), users())
	wantError(t, err, rightful.KindUnreachable, "set cache.cluster: true")
}
