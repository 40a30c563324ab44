package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rightful/stripesim"
)

// TestSimServes runs the command with every flag that changes its answers, and
// asks it over HTTP.
func TestSimServes(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	c := newSim(Streams{Out: in})
	world := filepath.Join(t.TempDir(), "world.json")
	c.SetArgs([]string{"--listen", "127.0.0.1:0", "--generate", "40", "--planted", "15%", "--seed", "5", "--world-out", world,
		"--limits", "--latency", "1ms,2ms", "--lock-timeout", "5s", "--search-lag", "1h"})
	done := make(chan error, 1)
	go func() {
		done <- c.ExecuteContext(ctx)
		_ = in.Close() // a reader that waits for a line gets its end
	}()

	lines := bufio.NewScanner(out)
	var said []string
	for len(said) < 3 && lines.Scan() {
		said = append(said, lines.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if len(said) < 3 || said[0] != "generated 40 companies, 6 of them with a planted fault" {
		t.Fatalf("it said %q, then %v", said, <-done)
	}
	url := strings.TrimPrefix(said[1], "stripesim answers at ")

	if n := len(ask(t, url+"/v1/customers?limit=100", 200)["data"].([]any)); n != 41 {
		t.Errorf("%d customers, want one each and a duplicate", n)
	}
	ask(t, url+"/v1/customers/search?query=email:null", 200)
	if ask(t, url+"/_sim/counters", 200)["gets"] != 2.0 {
		t.Error("the control API counts other requests")
	}
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}

// TestSimSendsWebhooks registers an endpoint, waits for the event of a change,
// and stops the command while the receiver keeps it waiting.
func TestSimSendsWebhooks(t *testing.T) {
	t.Parallel()
	for mode, sends := range map[string]bool{"loopback": true, "anywhere": true, "manual": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan string, 10)
			receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // the end of a connection is noticed only behind the body
				arrived <- r.Header.Get("Stripe-Signature")
				<-r.Context().Done()
			}))
			defer receiver.Close()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			out, in := io.Pipe()
			c := newSim(Streams{Out: in})
			c.SetArgs([]string{"--listen", "127.0.0.1:0", "--webhooks", mode})
			done := make(chan error, 1)
			go func() { done <- c.ExecuteContext(ctx) }()
			lines := bufio.NewScanner(out)
			lines.Scan()
			base := strings.TrimPrefix(lines.Text(), "stripesim answers at ")
			go func() { _, _ = io.Copy(io.Discard, out) }()

			post(t, base+"/v1/webhook_endpoints", url.Values{"url": {receiver.URL}, "enabled_events[]": {"*"}})
			post(t, base+"/v1/customers", nil)
			if sends {
				select {
				case signed := <-arrived:
					if !strings.HasPrefix(signed, "t=") {
						t.Errorf("signed %q", signed)
					}
				case <-time.After(time.Minute):
					t.Fatal("nothing is sent")
				}
			}
			stop()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it does not end")
			}
			if len(arrived) > 0 {
				t.Error("something is sent")
			}
		})
	}
}

func post(t *testing.T, to string, form url.Values) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("sk_test_sim", "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d", to, res.StatusCode)
	}
}

func TestSimOptions(t *testing.T) {
	t.Parallel()
	o := &simOptions{control: "off", webhooks: "anywhere"}
	opts, err := o.options()
	if err != nil || opts.Control != stripesim.ControlOff || opts.Limits.Live != 0 || opts.WebhooksLoopback || opts.Latency.String() != "" {
		t.Errorf("by default: %+v, %v", opts, err)
	}
	for _, now := range []string{"1760000000", "2025-10-09T10:53:20+02:00"} {
		o = &simOptions{control: "off", webhooks: "manual", now: now}
		if opts, err = o.options(); err != nil || opts.Now().Sub(time.Unix(1_760_000_000, 0)).Abs() > time.Minute {
			t.Errorf("--now %s: %v, %v", now, opts.Now(), err)
		}
	}
	o = &simOptions{control: "loopback", webhooks: "loopback", limits: true, inFlight: 9, latency: "80ms,200ms", lock: time.Second, searchLag: time.Minute, seed: 4, strictKeys: true}
	opts, err = o.options()
	if err != nil || opts.Limits.Endpoint != 25 || opts.Limits.Concurrency != 9 || opts.Latency.String() != "80ms,200ms" || opts.LockTimeout != time.Second ||
		opts.SearchLag != time.Minute || opts.Seed != 4 || !opts.StrictKeys || !opts.WebhooksLoopback {
		t.Errorf("%+v, %v", opts, err)
	}
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("sk_test_sim", "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func ask(t *testing.T, url string, want int) map[string]any {
	t.Helper()
	res := get(t, url)
	defer func() { _ = res.Body.Close() }()
	var body map[string]any
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil || res.StatusCode != want {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
	return body
}
