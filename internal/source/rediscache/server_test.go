package rediscache_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rightful"
	"rightful/internal/source/rediscache"
	"rightful/internal/testserver"
)

// authority signs certificates for the servers of a test.
type authority struct {
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	ca   string // its own certificate, in a file
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.ca, _ = a.sign(t, "ca", a.cert)
	return a
}

// sign writes a certificate and its key, PEM both. The first one that an
// authority signs is its own.
func (a *authority) sign(t *testing.T, name string, cert *x509.Certificate) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// redis starts a Redis that speaks TLS only and proves the addresses.
func (a *authority) redis(t *testing.T, until time.Time, addresses []string, config ...string) string {
	t.Helper()
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, address := range addresses {
		if ip := net.ParseIP(address); ip != nil {
			cert.IPAddresses = append(cert.IPAddresses, ip)
			continue
		}
		cert.DNSNames = append(cert.DNSNames, address)
	}
	certFile, keyFile := a.sign(t, "server", cert)
	return testserver.RedisServer(t, append([]string{
		"port 0", "tls-port {port}", "tls-cert-file " + certFile, "tls-key-file " + keyFile, "tls-ca-cert-file " + a.ca, "tls-auth-clients no",
	}, config...)...).Addr
}

func openWith(t *testing.T, o rediscache.Options) *rediscache.Reader {
	t.Helper()
	r, err := rediscache.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func client(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return c
}

func do(t *testing.T, c *redis.Client, command ...any) {
	t.Helper()
	if err := c.Do(t.Context(), command...).Err(); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	a, soon := newAuthority(t), time.Now().Add(time.Hour)
	addr := a.redis(t, soon, []string{"127.0.0.1"}, "requirepass s3cret")
	for _, scheme := range []string{"rediss", "valkeys"} {
		r := openWith(t, rediscache.Options{URL: scheme + "://:s3cret@" + addr, CA: a.ca})
		if err := r.Ping(t.Context()); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		entries := []rightful.CacheEntry{{Key: "gone", Found: true}}
		if err := r.Read(t.Context(), entries); err != nil || entries[0].Found {
			t.Errorf("%s: got %+v, %v", scheme, entries[0], err)
		}
	}
	wrong := openWith(t, rediscache.Options{URL: "rediss://:wrong-s3cret@" + addr, CA: a.ca})
	wantError(t, wrong.Ping(t.Context()), rightful.KindUnauthorized, "refuses the user or the password")
}

// TestTLSRefuses: nothing is sent to a server that does not prove who it is.
func TestTLSRefuses(t *testing.T) {
	t.Parallel()
	ours, others, soon := newAuthority(t), newAuthority(t), time.Now().Add(time.Hour)
	local := []string{"127.0.0.1"}
	good := ours.redis(t, soon, local)
	for name, tt := range map[string]struct{ scheme, addr, ca, says string }{
		"nobody's authority":    {"rediss", good, "", "an unknown authority signed it"},
		"another authority":     {"rediss", good, others.ca, "an unknown authority signed it"},
		"another address":       {"rediss", newAuthority(t).redis(t, soon, []string{"127.0.0.9"}), "", "has a certificate that cannot be trusted"},
		"expired":               {"rediss", ours.redis(t, time.Now().Add(-time.Minute), local), ours.ca, "it has expired"},
		"no TLS":                {"rediss", testserver.RedisServer(t).Addr, ours.ca, "that this port speaks TLS"},
		"something else":        {"rediss", babbler(t), ours.ca, "does not speak TLS"},
		"TLS unasked":           {"redis", good, "", "whether it wants TLS"},
		"wants our certificate": {"rediss", ours.redis(t, soon, local, "tls-auth-clients yes"), ours.ca, "tls-auth-clients optional"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := openWith(t, rediscache.Options{URL: tt.scheme + "://:s3cret@" + tt.addr, CA: tt.ca})
			for _, err := range []error{r.Ping(t.Context()), r.Read(t.Context(), []rightful.CacheEntry{{Key: "k"}})} {
				wantError(t, err, rightful.KindUnreachable, tt.addr)
				if !strings.Contains(err.Error(), tt.says) {
					t.Errorf("%v does not say %q", err, tt.says)
				}
			}
		})
	}
}

// babbler answers every connection at once, and not in TLS.
func babbler(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close() // at the end: closed at once, what was written can be lost
			_, _ = conn.Write([]byte("-ERR no TLS here\r\n"))
		}
	}()
	return listener.Addr().String()
}

// TestTLSNameOfTheHost: a certificate of a name serves by that name only.
func TestTLSNameOfTheHost(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	addr := a.redis(t, time.Now().Add(time.Hour), []string{"localhost"})
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := openWith(t, rediscache.Options{URL: "rediss://localhost:" + port, CA: a.ca}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	err = openWith(t, rediscache.Options{URL: "rediss://" + addr, CA: a.ca}).Ping(t.Context())
	wantError(t, err, rightful.KindUnreachable, "it is for another host")
}

// TestUserOfTheACL reads as a user who may do no more than the documentation
// asks for.
func TestUserOfTheACL(t *testing.T) {
	t.Parallel()
	addr := testserver.RedisServer(t).Addr
	admin := client(t, addr)
	do(t, admin, "ACL", "SETUSER", "reader", "on", ">p@ss/w#rd", "resetkeys", "~user:*", "-@all", "+get", "+hget", "+ping", "+select")
	do(t, admin, "ACL", "SETUSER", "default", "off", "-@all")
	user := url.UserPassword("reader", "p@ss/w#rd").String()
	r := open(t, "valkey://"+user+"@"+addr+"/2")
	if err := r.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Read(t.Context(), []rightful.CacheEntry{{Key: "user:7"}, {Key: "user:8", Decode: "hash:f"}}); err != nil {
		t.Error(err)
	}
	wantError(t, r.Read(t.Context(), []rightful.CacheEntry{{Key: "user:7"}, {Key: "s3cret:7"}}), rightful.KindUnauthorized, "NOPERM")
	wantError(t, open(t, "redis://reader:s3cret@"+addr).Ping(t.Context()), rightful.KindUnauthorized, "WRONGPASS")
	wantError(t, open(t, "redis://"+addr).Ping(t.Context()), rightful.KindUnauthorized, addr)
}

func TestSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "redis") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	addr := testserver.RedisServer(t, "unixsocket "+socket, "requirepass pass").Addr
	admin := redis.NewClient(&redis.Options{Addr: addr, Password: "pass", DB: 3})
	t.Cleanup(func() { admin.Close() })
	do(t, admin, "SET", "k", "11")
	for location, found := range map[string]bool{"unix://:pass@" + socket + "?db=3": true, "unix://:pass@" + socket: false} {
		entries := []rightful.CacheEntry{{Key: "k"}}
		if err := open(t, location).Read(t.Context(), entries); err != nil || entries[0].Found != found {
			t.Errorf("%s: got %+v, %v", location, entries[0], err)
		}
	}
	wantError(t, open(t, "unix://:s3cret@"+socket+"x").Ping(t.Context()), rightful.KindUnreachable, socket)
}

// TestValuesOfOtherFrameworks keeps the bytes whole on their way from a server.
func TestValuesOfOtherFrameworks(t *testing.T) {
	t.Parallel()
	location := testserver.Redis(t)
	options, err := redis.ParseURL(location)
	if err != nil {
		t.Fatal("the test server's URL cannot be read")
	}
	c := redis.NewClient(options)
	defer c.Close()
	const uuid = "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11"
	do(t, c, "MSET", ":1:user_company_7", "\x80\x05\x95(\x00\x00\x00\x00\x00\x00\x00\x8c$"+uuid+"\x94.", ":1:user_company_8", 11,
		"laravel_cache_:user.7", `s:36:"`+uuid+`";`, "laravel_cache_:user.8", 11, "rails:user/7", "\x04\bI\"\a11\x06:\x06ET", "node:7", `"11"`)
	entries := []rightful.CacheEntry{
		{Key: ":1:user_company_7", Decode: "pickle"}, {Key: ":1:user_company_8", Decode: "pickle"}, {Key: "laravel_cache_:user.7", Decode: "php"},
		{Key: "laravel_cache_:user.8", Decode: "php"}, {Key: "node:7", Decode: "json:$"},
		{Key: ":1:user_company_7"}, {Key: "laravel_cache_:user.7"}, {Key: "rails:user/7"}, {Key: "node:7"},
	}
	if err := open(t, location).Read(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{uuid, "11", uuid, "11", "11", "", "", "", ""} {
		if e := entries[i]; !e.Found || e.Value != want || (e.Undecodable == "") != (want != "") {
			t.Errorf("%s as %q: got %+v, want %q", e.Key, e.Decode, e, want)
		}
	}
}
