package rediscache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/source/rediscache"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

func open(t *testing.T, location string) *rediscache.Reader {
	t.Helper()
	r, err := rediscache.Open(rediscache.Options{URL: location})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestCache(t, func(t *testing.T, values map[string]string) rightful.CacheReader {
		server := miniredis.RunT(t)
		for key, value := range values {
			if err := server.Set(key, value); err != nil {
				t.Fatal(err)
			}
		}
		return open(t, "redis://"+server.Addr())
	})
}

func TestConformanceRealRedis(t *testing.T) {
	t.Parallel()
	sourcetest.TestCache(t, func(t *testing.T, values map[string]string) rightful.CacheReader {
		location := testserver.Redis(t)
		options, err := redis.ParseURL(location)
		if err != nil {
			t.Fatal("the test server's URL cannot be read")
		}
		client := redis.NewClient(options)
		defer client.Close()
		pairs := make([]any, 0, 2*len(values))
		for key, value := range values {
			pairs = append(pairs, key, value)
		}
		if err := client.MSet(t.Context(), pairs...).Err(); err != nil {
			t.Fatal(err)
		}
		return open(t, location)
	})
}

func TestHashesAndWrongTypes(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.HSet("h", "company_id", "11", "quoted", `"11"`)
	server.Set("s", "11")
	if _, err := server.Push("l", "11"); err != nil {
		t.Fatal(err)
	}
	entries := []rightful.CacheEntry{
		{Key: "h", Decode: "hash:company_id"},
		{Key: "h", Decode: "hash:quoted"},
		{Key: "h", Decode: "hash:absent"},
		{Key: "gone", Decode: "hash:company_id"},
		{Key: "s", Decode: "hash:company_id"},
		{Key: "h", Decode: "text"},
		{Key: "l", Decode: "json:$"},
		{Key: "s", Decode: "msgpack"},
		{Key: "s", Decode: "text"},
	}
	if err := open(t, "redis://"+server.Addr()).Read(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		found bool
		value string
		why   string // a part of Undecodable
	}
	for i, want := range []answer{
		{true, "11", ""}, {true, "", "JSON"}, {false, "", ""}, {false, "", ""},
		{true, "", "another type"}, {true, "", "another type"}, {true, "", "another type"},
		{false, "", "want text"}, {true, "11", ""},
	} {
		e := entries[i]
		if e.Found != want.found || e.Value != want.value || (e.Undecodable == "") != (want.why == "") || !strings.Contains(e.Undecodable, want.why) {
			t.Errorf("%s as %s: got found %v, value %q, undecodable %q", e.Key, e.Decode, e.Found, e.Value, e.Undecodable)
		}
	}
}

func TestPasswordAndDatabaseOfTheURL(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireUserAuth("reader", "p@ss/word")
	server.DB(3).Set("k", "11")
	userinfo := url.UserPassword("reader", "p@ss/word").String()
	entries := []rightful.CacheEntry{{Key: "k"}}
	if err := open(t, "redis://"+userinfo+"@"+server.Addr()+"/3").Read(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if entries[0].Value != "11" {
		t.Errorf("got %+v", entries[0])
	}
}

func TestUnauthorized(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireAuth("right-password")
	for name, location := range map[string]string{
		"none":  "redis://" + server.Addr(),
		"wrong": "redis://:wrong-s3cret@" + server.Addr(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t, location)
			for _, err := range []error{
				r.Read(context.Background(), []rightful.CacheEntry{{Key: "k"}}),
				r.Ping(context.Background()),
			} {
				wantError(t, err, rightful.KindUnauthorized, server.Addr())
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	r := open(t, "redis://:s3cret@"+addr)
	wantError(t, r.Read(t.Context(), []rightful.CacheEntry{{Key: "k"}}), rightful.KindUnreachable, addr)
	wantError(t, r.Ping(t.Context()), rightful.KindUnreachable, addr)
}

func TestServerThatCannotServe(t *testing.T) {
	t.Parallel()
	for reply, kind := range map[string]rightful.ErrorKind{
		"LOADING Redis is loading the dataset in memory":                                              rightful.KindUnreachable,
		"MOVED 3999 127.0.0.1:6381":                                                                   rightful.KindUnreachable,
		"NOPERM User reader has no permissions to access the s3cret key":                              rightful.KindUnauthorized,
		"ERR AUTH <password> called without any password configured for the default user s3cret word": rightful.KindUnauthorized,
	} {
		t.Run(reply[:4], func(t *testing.T) {
			t.Parallel()
			server := miniredis.RunT(t)
			server.SetError(reply)
			wantError(t, open(t, "redis://"+server.Addr()).Read(t.Context(), []rightful.CacheEntry{{Key: "k"}}), kind, server.Addr())
		})
	}
}

// TestEveryErrorSaysWhatToDo has errors of real servers, and of a server that
// says what it likes.
func TestEveryErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	said := func(reply string) *rediscache.Reader {
		server := miniredis.RunT(t)
		server.SetError(reply)
		return open(t, "redis://"+server.Addr())
	}
	gone := open(t, "redis://"+server.Addr())
	server.Close()
	for todo, r := range map[string]*rediscache.Reader{
		"reachable from here":       gone,
		"most servers have 0 to 15": open(t, "redis://"+testserver.RedisServer(t).Addr+"/99"),
		"the cache's log":           said("LOADING Redis is loading the dataset in memory"),
		"cache.cluster: true":       said("ERR SELECT is not allowed in cluster mode"),
	} {
		for _, err := range []error{r.Ping(t.Context()), r.Read(t.Context(), []rightful.CacheEntry{{Key: "k"}})} {
			wantError(t, err, rightful.KindUnreachable, "next: ")
			if err != nil && !strings.Contains(err.Error(), todo) {
				t.Errorf("the hint lacks %q: %v", todo, err)
			}
		}
		lines := r.Diagnose(t.Context())
		if len(lines) != 1 || lines[0].Level != rightful.LevelError || !strings.Contains(lines[0].Todo, todo) {
			t.Errorf("the doctor does not say %q: %+v", todo, lines)
		}
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(t, "redis://"+server.Addr()).Read(ctx, []rightful.CacheEntry{{Key: "k"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, location := range []string{
		"", "localhost:6379", "http://:s3cret@localhost", "redis://:s3cret@localhost:6379/notanumber", "redis://:s3cret@localhost/-1",
		"redis://:s3cret@[::1", "redis://localhost?s3cret=1", "redis://:s3cret@h/0#s3cret", "unix://:s3cret@h/socket", "unix://",
		"rediss://:s3cret@h?skip_verify=true", "redis://:s3cret@h1,h2", "redis://:s3cret@h1,[::1",
	} {
		_, err := rediscache.Open(rediscache.Options{URL: location})
		wantError(t, err, rightful.KindInvalid, "")
	}
	broken := filepath.Join(t.TempDir(), "broken.pem")
	if err := os.WriteFile(broken, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, o := range map[string]rediscache.Options{
		"database":                     {URL: "redis://:s3cret@h/1", Cluster: true},
		"one of the URL's hosts":       {URL: "redis://:s3cret@h1,[::1", Cluster: true},
		"socket":                       {URL: "unix:///s", Cluster: true},
		"cache.ca: is set":             {URL: "redis://:s3cret@h", CA: broken},
		"cache.ca: the file " + broken: {URL: "rediss://:s3cret@h", CA: broken},
		"cache.ca: the file /no/such":  {URL: "rediss://:s3cret@h", CA: "/no/such/file"},
	} {
		_, err := rediscache.Open(o)
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: got %v, want ...%s...", o, err, says)
		}
	}
}

// TestReadsOnly looks at what goes over the wire.
func TestReadsOnly(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireAuth("password")
	server.DB(2).Set("k", "11")
	wire := record(t, server.Addr())
	r := open(t, "redis://:password@"+wire.addr+"/2")
	entries := []rightful.CacheEntry{{Key: "k"}, {Key: "h", Decode: "hash:f"}, {Key: "j", Decode: "json:$"}}
	if err := r.Read(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	commands := wire.commands()
	if !slices.Contains(commands, "GET") || !slices.Contains(commands, "HGET") {
		t.Errorf("the recorder saw %v", commands)
	}
	for _, command := range commands {
		if !slices.Contains([]string{"HELLO", "AUTH", "SELECT", "PING", "GET", "HGET"}, command) {
			t.Errorf("sent %s", command)
		}
	}
}

func wantError(t *testing.T, err error, kind rightful.ErrorKind, says string) {
	t.Helper()
	if rightful.KindOf(err) != kind {
		t.Fatalf("got error %v of kind %q, want %q", err, rightful.KindOf(err), kind)
	}
	if !strings.HasPrefix(err.Error(), "cache.url: ") || !strings.Contains(err.Error(), says) {
		t.Errorf("error %q does not say where", err)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %q holds a secret", err)
	}
}

// recorder passes bytes on to a server and notes the commands.
type recorder struct {
	addr string
	mu   sync.Mutex
	seen []string
}

func (r *recorder) commands() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func record(t *testing.T, server string) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	r := &recorder{addr: listener.Addr().String()}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(client, server)
		}
	}()
	return r
}

func (r *recorder) serve(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	go io.Copy(client, upstream)
	in := bufio.NewReader(io.TeeReader(client, upstream))
	for {
		var words, length int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &words); err != nil {
			return
		}
		for i := range words {
			if _, err := fmt.Fscanf(in, "$%d\r\n", &length); err != nil {
				return
			}
			word := make([]byte, length+len("\r\n"))
			if _, err := io.ReadFull(in, word); err != nil {
				return
			}
			if i == 0 {
				r.mu.Lock()
				r.seen = append(r.seen, strings.ToUpper(string(word[:length])))
				r.mu.Unlock()
			}
		}
	}
}
