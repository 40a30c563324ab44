package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// synced and audited are what is looked at of the reports of rightful.
type synced struct {
	Complete bool     `json:"complete"`
	Because  []string `json:"incomplete_because"`
	Lists    []struct {
		Objects int `json:"objects"`
		Ideal   int `json:"ideal_pages"`
	} `json:"lists"`
	Events int `json:"events"`
}

type audited struct {
	Complete bool     `json:"complete"`
	Because  []string `json:"incomplete_because"`
	Counts   struct {
		Families int `json:"families"`
	} `json:"counts"`
	Findings []struct{} `json:"findings"`
}

// looked is one look at the whole account: what changed is read and stored, and then
// judged.
type looked struct {
	synced        synced
	audited       audited
	sync, audit   ran
	before, after counters // of the look
	stored        counters // when all was stored
	pace          float64  // share of the configured pace of the three lists
	lateLimited   int      // 429s after five seconds
}

// requests is how often Stripe was asked, for storing and for judging.
func (l looked) requests() (store, judge int) {
	return l.stored.GETs - l.before.GETs, l.after.GETs - l.stored.GETs
}

func (s *stand) look(ctx context.Context) (l looked, err error) {
	if l.before, err = s.counters(ctx); err != nil {
		return l, err
	}
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.pace, l.lateLimited = s.watch(watching, l.before)
	}()
	l.sync, err = s.rightful(ctx, &l.synced, "sync", "--format", "json")
	stop()
	<-done
	if err != nil {
		return l, err
	}
	if !l.synced.Complete {
		return l, fmt.Errorf("sync is not complete: %s", strings.Join(l.synced.Because, "; "))
	}
	if l.stored, err = s.counters(ctx); err != nil {
		return l, err
	}
	if l.audit, err = s.rightful(ctx, &l.audited, "audit", "--mirror", "--format", "json"); err != nil {
		return l, err
	}
	if !l.audited.Complete {
		return l, fmt.Errorf("the audit is not complete: %s", strings.Join(l.audited.Because, "; "))
	}
	l.after, err = s.counters(ctx)
	return l, err
}

// watch looks at Stripe's counters until it is stopped. The pace is that of the pages between
// the first look that saw one and the last that saw more.
func (s *stand) watch(ctx context.Context, before counters) (pace float64, late int) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	var first, last time.Time
	var from, pages, early, limited int
	for {
		select {
		case <-ctx.Done():
			if seconds := last.Sub(first).Seconds(); seconds > 0 {
				pace = float64(pages-from) / (3 * endpointRate * seconds)
			}
			return pace, limited - early
		case <-tick.C:
		}
		c, err := s.counters(ctx)
		if err != nil {
			continue
		}
		limited = c.Limited - before.Limited
		if time.Since(began) < 5*time.Second {
			early = limited
		}
		if got := c.pages() - before.pages(); got > pages {
			if pages = got; first.IsZero() {
				first, from = time.Now(), got
			}
			last = time.Now()
		}
	}
}

// change gives one customer and one subscription of every so many companies another value
// that an event tells of, and returns how many objects that were.
func (s *stand) change(ctx context.Context, every int) (int, error) {
	const atOnce = 8 // of one kind: enough for the rate at any latency of Stripe's
	var all sync.WaitGroup
	var changed atomic.Int64
	failed := make(chan error, 2*atOnce)
	write := func(path string, ids []string, form func(id string) url.Values) {
		turns := make(chan string)
		all.Go(func() {
			defer close(turns)
			wait := time.NewTicker(time.Second / (endpointRate - 1))
			defer wait.Stop()
			for i := 0; i < len(ids); i += every {
				if s.limited {
					<-wait.C
				}
				turns <- ids[i]
			}
		})
		for range atOnce {
			all.Go(func() {
				var first error
				for id := range turns {
					if err := s.post(ctx, path+id, form(id)); err != nil && first == nil {
						first = err
					}
					changed.Add(1)
				}
				if first != nil {
					failed <- first
				}
			})
		}
	}
	write("/v1/customers/", s.customers, func(id string) url.Values { return url.Values{"email": {"billing-" + id + "@example.com"}} })
	write("/v1/subscriptions/", s.subscribed, func(string) url.Values { return url.Values{"metadata[note]": {"changed"}} })
	all.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
		return int(changed.Load()), nil
	}
}

func (s *stand) post(ctx context.Context, path string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer sk_live_bench")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: the simulated Stripe answers %s", path, res.Status)
	}
	return nil
}

// perCent is the step at which change changes a hundredth of all objects: sessions change
// without an event, so that customers and subscriptions stand for them.
const perCent = 67

// audits measures a full look at an account, and one after a hundredth of it changed.
func audits(ctx context.Context, o *settings) ([]row, error) {
	s, err := newStand(ctx, wish{companies: o.companies, planted: 1000 / float64(o.companies), latency: o.latency, limited: true, database: o.database})
	if err != nil {
		return nil, err
	}
	defer s.close()
	full, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	stored, judged := full.requests()
	ideal, objects := 0, 0
	for _, l := range full.synced.Lists {
		ideal, objects = ideal+l.Ideal, objects+l.Objects
	}
	floor := float64((o.companies+99)/100) / endpointRate
	rows := []row{
		atMost(fmt.Sprintf("requests to store %d objects", objects), float64(stored), float64(ideal), 1.04, ""),
		{what: fmt.Sprintf("requests to judge them, %d findings", len(full.audited.Findings)), measured: fmt.Sprint(judged)},
		above("pace, share of the configured", 100*full.pace, 96, "%"),
		below("429 after 5 s", float64(full.lateLimited), 0, ""),
		{what: "429 in all", measured: fmt.Sprint(full.after.Limited)},
		{what: "stored", measured: figure(full.sync.seconds, "s"), floor: figure(floor, "s"), ratio: fmt.Sprintf("%.3f", full.sync.seconds/floor)},
		atMost("stored and judged", full.sync.seconds+full.audit.seconds, floor, 1.15, "s"),
		below("most memory, storing", full.sync.peak, 100, "MiB"),
		below("most memory, judging", full.audit.peak, 100, "MiB"),
	}
	changed, err := s.change(ctx, perCent)
	if err != nil {
		return nil, err
	}
	next, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	stored, judged = next.requests()
	whole := float64(full.after.GETs - full.before.GETs)
	return append(rows,
		atMost(fmt.Sprintf("requests after %d objects changed, beside a full audit's", changed), float64(stored+judged), whole, 0.02, ""),
		row{what: "of them to store", measured: fmt.Sprint(stored)},
		row{what: "the same again", measured: figure(next.sync.seconds+next.audit.seconds, "s")},
	), nil
}
