package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rightful/gateway"
	"rightful/internal/server"
)

// running serves on a port of its own. stop ends it, and returns what Run did.
func running(t *testing.T, s *server.Server, within time.Duration) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, server.Ending{StopWithin: within}) }()
	return l.Addr().String(), func() error { cancel(); return <-ended }
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// status sends the text of a request, and returns the status of its answer.
func status(t *testing.T, c net.Conn, text string) int {
	t.Helper()
	fmt.Fprint(c, text)
	got, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, got.Body)
	return got.StatusCode
}

func event(from string, length int) string {
	return fmt.Sprintf("POST /v1/webhooks/stripe HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\nContent-Length: %d\r\n\r\n", from, length)
}

// clock is set by hand.
type clock struct{ seconds atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_760_000_000+c.seconds.Load(), 0) }

// TestSlowEventsMakePlace: when there is no place for a body, the one that has been on
// its way the longest goes, and nobody does who has only begun.
func TestSlowEventsMakePlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		from   func(i int) string
		length int
		fit    int
	}{
		{"of one address", func(int) string { return "203.0.113.7" }, 2, 128},
		{"that are large", func(i int) string { return fmt.Sprintf("203.0.113.%d", i) }, 1 << 20, 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var hand clock
			arrived := make(chan struct{}, 1)
			s, _, _ := open(t, func(o *server.Options) {
				o.Now, o.Proxies = hand.now, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				o.Webhooks = events(func(r *http.Request) error {
					_, err := io.CopyN(io.Discard, r.Body, r.ContentLength-1)
					if err == nil {
						arrived <- struct{}{}
						_, err = io.ReadAll(r.Body)
					}
					if err != nil {
						return &gateway.EventRefusal{Status: 400, Code: gateway.EventBadBody}
					}
					return nil
				})
			})
			address, stop := running(t, s, 10*time.Second)
			came := func() {
				select {
				case <-arrived:
				case <-time.After(20 * time.Second):
					t.Fatal("no body arrives")
				}
			}
			most := bytes.Repeat([]byte("x"), c.length-1)
			var slow []net.Conn
			for i := range c.fit {
				conn := dial(t, address)
				fmt.Fprint(conn, event(c.from(i), c.length))
				_, _ = conn.Write(most)
				came()
				slow = append(slow, conn)
			}
			conn := dial(t, address)
			if got := status(t, conn, event(c.from(0), c.length)+string(most)+"x"); got != 503 {
				t.Errorf("beside many that have only begun: %d", got)
			}
			hand.seconds.Add(1)
			conn = dial(t, address)
			fmt.Fprint(conn, event(c.from(0), c.length))
			_, _ = conn.Write(most)
			came()
			if got := status(t, conn, "x"); got != 200 {
				t.Errorf("beside many slow ones: %d", got)
			}
			if got := status(t, slow[0], ""); got != 503 {
				t.Errorf("the slowest: %d", got)
			}
			if got := status(t, slow[1], "x"); got != 200 {
				t.Errorf("the next one: %d", got)
			}
			for _, conn := range slow {
				conn.Close()
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestQuietConnectionsMakePlace: many connections that ask nothing, or never end their
// headers, keep nobody out.
func TestQuietConnectionsMakePlace(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	s.SetPatience(200 * time.Millisecond) // and for as long none is closed
	s.SetConnections(4)
	address, stop := running(t, s, 10*time.Second)
	var quiet []net.Conn
	for range 20 {
		c := dial(t, address)
		if got := status(t, c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); got != 200 {
			t.Fatalf("%d", got)
		}
		quiet = append(quiet, c) // it stays open for a minute, if nobody closes it
	}
	if _, err := quiet[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the one that was quiet the longest: %v", err)
	}
	if got := status(t, quiet[19], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"); got != 200 {
		t.Errorf("the last one: %d", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestWhoDoesNotTakeItsAnswer is cut off, and does not hold up a stop.
func TestWhoDoesNotTakeItsAnswer(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	s.SetPatience(200 * time.Millisecond)
	address, stop := running(t, s, 10*time.Second)
	c := dial(t, address)
	_ = c.(*net.TCPConn).SetReadBuffer(1 << 10)
	asks := []byte(strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n", 100))
	for { // until nothing is read any more, because nothing can be written, and then cut off
		if _, err := c.Write(asks); err != nil {
			break
		}
	}
	began := time.Now()
	if err := stop(); err != nil {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// TestWhatAnybodyCanSendIsLoggedInPart: a flood of what is refused is a few lines and
// a number, each minute anew. Who is known, and what was taken, has its line.
func TestWhatAnybodyCanSendIsLoggedInPart(t *testing.T) {
	t.Parallel()
	var hand clock
	s, g, log := open(t, func(o *server.Options) {
		o.Now, o.Rate = hand.now, 1e6
		o.Webhooks = events(func(r *http.Request) error {
			switch r.Header.Get("Stripe-Signature") {
			case "good":
				return nil
			case "unlucky":
				return &gateway.EventRefusal{Status: 503, Code: gateway.EventNotStored}
			case "large":
				return &gateway.EventRefusal{Status: 413, Code: gateway.EventTooLarge}
			}
			return &gateway.EventRefusal{Status: 400, Code: gateway.EventBadSignature}
		})
	})
	send := func(n int, method, path string, headers ...string) {
		for range n {
			r := httptest.NewRequest(method, path, nil)
			r.RemoteAddr = "127.0.0.1:1" // where nobody is turned away by address
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			do(s, r)
		}
	}
	const hook = "/v1/webhooks/stripe"
	// lines counts what the log says since the last time: of requests, and in numbers.
	lines := func() (full, told map[string]int) {
		full, told = map[string]int{}, map[string]int{}
		for line := range strings.Lines(log.String()) {
			var l struct {
				Msg, Route, Code   string
				Status, Suppressed int
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			if what := fmt.Sprintf("%s %d", l.Route, l.Status); l.Msg == "request" {
				full[what]++
			} else if l.Suppressed > 0 {
				told[what+" "+l.Code] += l.Suppressed
			}
		}
		log.Reset()
		return full, told
	}
	same := func(when string, got, want map[string]int) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	send(1000, "POST", hook, "Stripe-Signature", "forged")
	send(100, "POST", hook, "Stripe-Signature", "large")
	send(20, "POST", hook, "Stripe-Signature", "good")
	send(20, "POST", hook, "Stripe-Signature", "unlucky")
	send(300, "GET", "/wp-login.php")
	send(200, "GET", "/v1/findings//x")
	send(50, "GET", "/v1/users/7/company", "Authorization", "Bearer wrong")
	send(30, "GET", "/openapi.json")
	send(7, "GET", "/v1/users/7/company", "Authorization", "Bearer t-app")
	send(7, "GET", "/v1/nothing", "Authorization", "Bearer t-app")
	full, told := lines()
	same("in the first minute", full, map[string]int{
		"POST " + hook + " 400": 5, "POST " + hook + " 413": 5, "POST " + hook + " 200": 20, "POST " + hook + " 503": 20,
		"unmatched 404": 5, "GET /v1/users/{user_id}/company 401": 5, "GET /openapi.json 200": 5, "GET /v1/users/{user_id}/company 200": 7,
	})
	same("and numbers", told, map[string]int{})
	hand.seconds.Add(60)
	send(1, "POST", hook, "Stripe-Signature", "forged")
	full, told = lines()
	same("in the next minute", full, map[string]int{"POST " + hook + " 400": 1})
	same("and numbers of the first", told, map[string]int{
		"POST " + hook + " 400 bad_signature": 995, "POST " + hook + " 413 too_large": 95, "unmatched 404 not_found": 502,
		"GET /v1/users/{user_id}/company 401 unauthorized": 45, "GET /openapi.json 200 ": 25,
	})
	g.fail = func() error { panic("a fault") }
	send(7, "GET", "/v1/users/7/company", "Authorization", "Bearer t-app")
	if full, _ = lines(); full["GET /v1/users/{user_id}/company 500"] != 7 {
		t.Errorf("faults of ours: %v", full)
	}
	send(9, "POST", hook, "Stripe-Signature", "forged")
	_, stop := running(t, s, 10*time.Second)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	_, told = lines()
	same("at the end", told, map[string]int{"POST " + hook + " 400 bad_signature": 5})
}

// TestAFloodOfOneToken: who has a token and asks too often fills no disk either.
func TestAFloodOfOneToken(t *testing.T) {
	t.Parallel()
	s, _, log := open(t, func(o *server.Options) { o.Rate = 0.001 })
	for range 100 {
		company(s, "t-app")
	}
	company(s, "t-ops")
	if n := strings.Count(log.String(), "\n"); n != 1+5+1 {
		t.Errorf("%d lines: %s", n, log)
	}
}
