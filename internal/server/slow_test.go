package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rightful/internal/server"
)

// TestSlowClientsAreCutOff: headers and bodies that never end take no place for long,
// and somebody else is served meanwhile.
func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, nil)
	s.SetPatience(300 * time.Millisecond)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, server.Ending{StopWithin: 10 * time.Second}) }()
	begin := func(text string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		fmt.Fprint(c, text)
		return c
	}
	headers := begin("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow:")
	body := begin("POST /v1/payments/validate HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t-app\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if got, err := http.Get("http://" + l.Addr().String() + "/healthz"); err != nil || got.StatusCode != 200 {
		t.Errorf("meanwhile: %v, %v", got, err)
	}
	if raw, err := io.ReadAll(headers); err != nil {
		t.Errorf("slow headers: %q, %v", raw, err)
	}
	got, err := http.ReadResponse(bufio.NewReader(body), nil)
	if err != nil || got.StatusCode != 400 || !got.Close {
		t.Errorf("slow body: %+v, %v", got, err)
	}
	big := begin("GET /healthz HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
	if got, err := http.ReadResponse(bufio.NewReader(big), nil); err != nil || got.StatusCode != 431 {
		t.Errorf("big headers: %+v, %v", got, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("at the end: %v", err)
	}
}

// TestSlowEventsShutNobodyOut: bodies that never end keep nobody else's event out,
// however large they say they are.
func TestSlowEventsShutNobodyOut(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t, func(o *server.Options) {
		o.Concurrency = 2
		o.Webhooks = events(func(r *http.Request) error {
			raw, err := io.ReadAll(r.Body)
			if err == nil && string(raw) != "{}" {
				err = errors.New("cut off")
			}
			return err
		})
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l, server.Ending{StopWithin: 10 * time.Second}) }()
	var slow []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
		fmt.Fprint(c, "POST /v1/webhooks/stripe HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
		// The server asks for the body when it has begun to read it.
		if got, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(got, "100 Continue") {
			t.Fatalf("%q, %v", got, err)
		}
		fmt.Fprint(c, "{")
	}
	got, err := http.Post("http://"+l.Addr().String()+"/v1/webhooks/stripe", "application/json", strings.NewReader("{}"))
	if err != nil || got.StatusCode != 200 {
		t.Errorf("an event meanwhile: %+v, %v", got, err)
	}
	for _, c := range slow {
		c.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("at the end: %v", err)
	}
}
