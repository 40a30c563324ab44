package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serving is a process of rightful serve.
type serving struct{ url string }

// serve starts rightful serve with a config of the stand; it ends with the stand.
func (s *stand) serve(ctx context.Context, config string) (*serving, error) {
	c, err := child(ctx, "rightful", "serve", "--config", config, "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c.Dir, c.Cancel = s.folder, func() error { return c.Process.Signal(os.Interrupt) }
	c.Stderr = nil // a log line for each request
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	s.ends = append(s.ends, func() { _ = c.Process.Signal(os.Interrupt); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	_, url, found := strings.Cut(strings.TrimSpace(line), " serves at ")
	if err != nil || !found {
		return nil, fmt.Errorf("rightful serve does not start: %q", line)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &serving{url: url}, nil
}

func (v *serving) do(ctx context.Context, method, path, body string, header map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s: %.300s", method, path, res.Status, answer)
	}
	return answer, err
}

const (
	eventsASecond = 100
	eventSeconds  = 10
)

// lag sends events to rightful serve at an even rate, and reads from its metrics how long
// they waited until they were judged.
func (o *settings) lag(ctx context.Context) ([]row, error) {
	s, err := newStand(ctx, wish{companies: 1000, latency: o.latency, limited: true, database: o.database})
	if err != nil {
		return nil, err
	}
	defer s.close()
	v, err := s.serve(ctx, "rightful.yaml")
	if err != nil {
		return nil, err
	}
	const events = eventsASecond * eventSeconds
	tick := time.NewTicker(time.Second / eventsASecond)
	defer tick.Stop()
	for n := range events {
		<-tick.C
		now := time.Now().Unix()
		at := n % len(s.subscribed)
		body := event(fmt.Sprintf("evt_bench%d", n), now, s.subscribed[at], s.customers[at], at+1)
		if _, err := v.do(ctx, http.MethodPost, "/v1/webhooks/stripe", body, map[string]string{"Stripe-Signature": signed(body, now)}); err != nil {
			return nil, err
		}
	}
	until := time.Now().Add(time.Minute)
	for {
		answer, err := v.do(ctx, http.MethodGet, "/metrics", "", nil)
		if err != nil {
			return nil, err
		}
		p99, judged := percentile(answer, "rightful_webhook_lag_seconds", 0.99)
		if judged == events {
			return []row{below(fmt.Sprintf("lag of 99 of 100, at %d events a second", eventsASecond), p99, 5, "s")}, nil
		}
		if time.Now().After(until) {
			return nil, fmt.Errorf("of %d events %d were judged after a minute", events, judged)
		}
		<-tick.C
	}
}

// event is one that tells of a subscription.
func event(id string, created int64, subscription, customer string, company int) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2026-06-24.dahlia","created":%d,"type":"customer.subscription.updated","livemode":true,"data":{"object":{"id":%q,"object":"subscription","created":1703980800,"customer":%q,"status":"active","livemode":true,"metadata":{"company_id":"%d"}}}}`,
		id, created, subscription, customer, company)
}

// signed is the header that Stripe sends with an event.
func signed(body string, at int64) string {
	mac := hmac.New(sha256.New, []byte(hookSecret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	return fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil)))
}

// percentile reads a histogram of Prometheus: the bound of the bucket below which so large a
// share lies, and how many there are.
func percentile(metrics []byte, name string, share float64) (bound float64, all int) {
	type bucket struct {
		most  float64
		count int
	}
	var buckets []bucket
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	for lines.Scan() {
		rest, is := strings.CutPrefix(lines.Text(), name)
		f := strings.Fields(rest)
		if !is || len(f) == 0 {
			continue
		}
		n, _ := strconv.ParseFloat(f[len(f)-1], 64)
		if _, le, found := strings.Cut(f[0], `le="`); found {
			most, _ := strconv.ParseFloat(strings.TrimSuffix(le, `"}`), 64)
			buckets = append(buckets, bucket{most, int(n)})
		} else if strings.HasPrefix(rest, "_count") {
			all = int(n)
		}
	}
	for _, b := range buckets {
		if float64(b.count) >= share*float64(all) {
			return b.most, all
		}
	}
	return 0, all
}

// validated is what one validation costs.
type validated struct {
	stripe  int     // requests to Stripe
	trips   int     // ways to the database and back; -1: it is a file
	seconds float64 // the middle of those that were asked
}

// validate asks a serving rightful about paid sessions of several users, one after the other,
// and returns the most that one took. The first is not counted: connections are made for it.
func (s *stand) validate(ctx context.Context) (most validated, err error) {
	sessions, err := s.sessions(ctx)
	if err != nil {
		return most, err
	}
	config, trips := "rightful.yaml", func() int { return 0 }
	if s.database != "" {
		behind, count, err := s.between()
		if err != nil {
			return most, err
		}
		if err := s.configure("counted.yaml", behind); err != nil {
			return most, err
		}
		config, trips = "counted.yaml", count
	}
	v, err := s.serve(ctx, config)
	if err != nil {
		return most, err
	}
	var took []float64
	for i, one := range sessions {
		before, err := s.counters(ctx)
		if err != nil {
			return most, err
		}
		way, began := trips(), time.Now()
		body, _ := json.Marshal(map[string]string{"session_id": one.ID, "user_id": one.Metadata["user_id"]})
		answer, err := v.do(ctx, http.MethodPost, "/v1/payments/validate", string(body), map[string]string{"Authorization": "Bearer bench-" + token})
		if err != nil {
			return most, err
		}
		if !bytes.Contains(answer, []byte(`"status":"valid"`)) {
			return most, fmt.Errorf("session %s of user %s is not valid: %s", one.ID, one.Metadata["user_id"], answer)
		}
		seconds := time.Since(began).Seconds()
		after, err := s.counters(ctx)
		if err != nil {
			return most, err
		}
		if i > 0 {
			took = append(took, seconds)
			most.stripe, most.trips = max(most.stripe, after.GETs-before.GETs), max(most.trips, trips()-way)
		}
	}
	if s.database == "" {
		most.trips = -1
	}
	slices.Sort(took)
	most.seconds = took[len(took)/2]
	return most, nil
}

type session struct {
	ID       string            `json:"id"`
	Metadata map[string]string `json:"metadata"`
}

// sessions are some of the simulated Stripe's.
func (s *stand) sessions(ctx context.Context) ([]session, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/v1/checkout/sessions?limit=20", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer sk_live_bench")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var list struct {
		Data []session `json:"data"`
	}
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return nil, err
	}
	if len(list.Data) < 2 {
		return nil, errors.New("the simulated Stripe has no sessions")
	}
	return list.Data, nil
}

// validation measures what one validation costs.
func validation(ctx context.Context, o *settings) ([]row, error) {
	s, err := newStand(ctx, wish{companies: 1000, latency: o.latency, limited: true, database: o.database})
	if err != nil {
		return nil, err
	}
	defer s.close()
	most, err := s.validate(ctx)
	if err != nil {
		return nil, err
	}
	rows := []row{atMost("requests to Stripe", float64(most.stripe), 1, 1, ""), {what: "answered, of which Stripe took " + o.latency, measured: figure(1000*most.seconds, "ms")}}
	if most.trips < 0 {
		return append(rows, row{what: "round trips to the database", measured: "a file: give --database"}), nil
	}
	return append(rows, below("round trips to the database", float64(most.trips), 2, "")), nil
}
