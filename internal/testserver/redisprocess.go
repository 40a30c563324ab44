package testserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisProcess is a Redis server that belongs to one test.
type RedisProcess struct {
	Addr string // host and port, on the loopback
	stop func()
}

// Stop ends the server before the test does.
func (p *RedisProcess) Stop() { p.stop() }

// RedisServer starts a Redis or Valkey server for the test alone, where the
// shared one of Redis will not do: with TLS, with users, as a part of a
// cluster. config is lines of redis.conf, in which {port} stands for the port
// of Addr. The server listens when RedisServer returns and ends with the test,
// also when the test is killed.
func RedisServer(t testing.TB, config ...string) *RedisProcess {
	t.Helper()
	program := redisProgram(t)
	dir, port := t.TempDir(), freePort(t)
	lines := append([]string{
		"bind 127.0.0.1", "port {port}", "dir " + dir, `save ""`, "appendonly no", "daemonize no", "logfile " + filepath.Join(dir, "log"),
	}, config...)
	file := filepath.Join(dir, "redis.conf")
	text := strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "{port}", strconv.Itoa(port))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The shell ends the server when its input ends, which it does with us,
	// whatever becomes of us.
	cmd := exec.Command("sh", "-c", `"$0" "$1" & read ended; kill $!; wait $!`, program, file)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &RedisProcess{
		Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		stop: sync.OnceFunc(func() { end(stdin, cmd) }),
	}
	t.Cleanup(p.Stop)
	eventually(t, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.Addr)
		if err != nil {
			said, _ := os.ReadFile(filepath.Join(dir, "log"))
			return fmt.Errorf("%w; it said:\n%s", err, said)
		}
		return conn.Close()
	})
	return p
}

func end(stdin io.Closer, cmd *exec.Cmd) {
	_ = stdin.Close()
	_ = cmd.Wait() // the server's own exit code says nothing about the test
}

func redisProgram(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no redis-server: run make test")
	}
	t.Skip("there is no redis-server: run make test")
	return ""
}

// slots is how many hash slots a Redis Cluster has.
const slots = 16384

// RedisCluster starts a Redis Cluster of n nodes, which share the slots evenly
// in their order and have no replicas. It serves when RedisCluster returns.
func RedisCluster(t testing.TB, n int, config ...string) []*RedisProcess {
	t.Helper()
	config = append([]string{"cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 5000"}, config...)
	nodes := make([]*RedisProcess, n)
	clients := make([]*redis.Client, n)
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for i := range nodes {
		nodes[i] = RedisServer(t, config...)
		clients[i] = redis.NewClient(&redis.Options{Addr: nodes[i].Addr})
		defer clients[i].Close()
	}
	for i, client := range clients {
		// Without epochs of their own, nodes may quarrel about slots.
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.ClusterAddSlotsRange(ctx, slots*i/n, slots*(i+1)/n-1).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, err := net.SplitHostPort(nodes[i].Addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := clients[0].ClusterMeet(ctx, host, port).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, client := range clients {
		eventually(t, func(ctx context.Context) error {
			info, err := client.ClusterInfo(ctx).Result()
			if err == nil && !(strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:"+strconv.Itoa(slots))) {
				err = fmt.Errorf("the cluster is not whole:\n%s", info)
			}
			return err
		})
	}
	return nodes
}

// eventually waits until probe succeeds.
func eventually(t testing.TB, probe func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := probe(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// freePort returns a loopback port that nobody listens on, and whose neighbour
// ten thousand further, which a cluster node takes too, is free as well.
func freePort(t testing.TB) int {
	t.Helper()
	const bus, tries = 10000, 100
	for range tries {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if port+bus > 65535 {
			continue
		}
		l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+bus)))
		if err != nil {
			continue
		}
		l.Close()
		return port
	}
	t.Fatalf("no free port in %d tries", tries)
	return 0
}
