package stripesim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sort"
	"syscall"
	"time"
)

const (
	// webhookTimeout is how long a receiver may take, in real time.
	webhookTimeout = 10 * time.Second
	// maxWebhookAnswer is how much of an answer is read. Nothing looks at it.
	maxWebhookAnswer = 64 << 10

	// Live events are tried for three days, those of a sandbox three times over
	// a few hours (Stripe docs: webhooks). The steps are the simulator's own:
	// each wait is twice the last one.
	liveRetryFor   = 72 * time.Hour
	liveFirstWait  = 5 * time.Minute
	liveMaxWait    = 12 * time.Hour
	testAttempts   = 3
	testFirstWait  = time.Hour
	webhookIdle    = time.Second
	webhookSpread  = 0.1
	webhookAgent   = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
	webhookContent = "application/json; charset=utf-8"
)

// DeliveryReport counts what one call of Deliver did.
type DeliveryReport struct {
	// Attempts is how many requests were sent. Delivered of them were
	// acknowledged and Failed were not; a failed one is tried again later.
	Attempts  int `json:"attempts"`
	Delivered int `json:"delivered"`
	Failed    int `json:"failed"`
	// Abandoned is how many deliveries ended without success.
	Abandoned int `json:"abandoned"`
	// Due is how many deliveries are due now: those of events that the receivers
	// caused in the meantime. Deliver again for them.
	Due int `json:"due"`
	// Waiting is how many deliveries are left in all, later and held ones
	// included.
	Waiting int `json:"waiting"`
}

// Deliver sends what is due at the server's clock, one after the other, oldest
// first, and returns when all has been tried once. A receiver may use the
// server in the meantime, but not Deliver, which waits for its turn. Nothing
// else delivers, unless RunWebhooks runs.
//
// It returns the error of the context when that ends early; the request that
// was under way then does not count.
func (s *Server) Deliver(ctx context.Context) (DeliveryReport, error) {
	var report DeliveryReport
	select {
	case s.hooks.turn <- struct{}{}:
		defer func() { <-s.hooks.turn }()
	case <-ctx.Done():
		return report, ctx.Err()
	}
	due, _, _ := s.dueDeliveries()
	stuck := map[queueKey]bool{}
	for _, next := range due {
		if s.hookInOrder && stuck[next.queue] {
			continue
		}
		failed := report.Failed
		if err := s.attempt(ctx, next, &report); err != nil {
			return report, err
		}
		stuck[next.queue] = report.Failed > failed
	}
	due, _, report.Waiting = s.dueDeliveries()
	report.Due = len(due)
	return report, nil
}

// dueDelivery is a delivery and where it lies.
type dueDelivery struct {
	d       *delivery
	account *account
	queue   queueKey
	seq     uint64
	at      time.Time
	held    bool
}

// queueKey is one endpoint.
type queueKey struct {
	owner    *account
	livemode bool
	endpoint string
}

// dueDeliveries are those that are due, in their order. It also tells when the
// next one is (zero: none), and how many there are in all.
func (s *Server) dueDeliveries() (due []dueDelivery, next time.Time, waiting int) {
	now := s.now()
	for _, a := range s.allAccounts() {
		s.passTime(a, now.Unix())
	}
	var all []dueDelivery
	s.outboxes(func(a *account, box *outbox) {
		for _, d := range box.waiting {
			all = append(all, dueDelivery{d, a, queueKey{d.owner, d.Livemode, d.Endpoint}, d.seq, d.due, d.State == deliveryHeld})
		}
	})
	sort.Slice(all, func(i, j int) bool {
		if !s.hookInOrder && !all[i].at.Equal(all[j].at) {
			return all[i].at.Before(all[j].at)
		}
		return all[i].seq < all[j].seq
	})
	behind := map[queueKey]bool{} // endpoints that wait for an earlier event
	for _, d := range all {
		switch {
		case s.hookInOrder && behind[d.queue]:
			continue
		case d.held:
		case !d.at.After(now):
			due = append(due, d)
			continue
		case next.IsZero() || d.at.Before(next):
			next = d.at
		}
		behind[d.queue] = true
	}
	return due, next, len(all)
}

// attempt sends one event once. It returns an error when the context ended.
func (s *Server) attempt(ctx context.Context, next dueDelivery, report *DeliveryReport) error {
	d, now := next.d, s.now()
	target, version, secrets, open := s.endpointOf(d, now.Unix())
	body := s.eventBody(next.account, d, version)
	if body == nil { // a reset took it away
		return nil
	}
	if !open {
		next.account.settleDelivery(d, func(box *outbox) { box.end(d, deliveryAbandoned) })
		report.Abandoned++
		return nil
	}
	status, err := s.sendWebhook(ctx, target, secrets, body, now)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	report.Attempts++
	next.account.settleDelivery(d, func(box *outbox) {
		if d.Attempts++; d.Attempts == 1 {
			d.first = now
		}
		d.Status, d.Error = status, ""
		if err == nil {
			report.Delivered++
			box.end(d, deliveryDone)
			next.account.acknowledged(d)
			return
		}
		report.Failed++
		d.Error = err.Error()
		d.due = s.now().Add(retryWait(s.seed, d))
		if d.Livemode && d.due.After(d.first.Add(liveRetryFor)) || !d.Livemode && d.Attempts >= testAttempts {
			report.Abandoned++
			box.end(d, deliveryAbandoned)
		}
	})
	return nil
}

// retryWait is how long after a failure the next attempt comes. A tenth is up
// to the seed, so that retries do not come all at once.
func retryWait(seed uint64, d *delivery) time.Duration {
	wait, most := testFirstWait, liveMaxWait
	if d.Livemode {
		wait = liveFirstWait
	}
	for range d.Attempts - 1 {
		wait = min(2*wait, most)
	}
	return wait + time.Duration(fraction(seed, d.seq, uint64(d.Attempts)+10)*webhookSpread*float64(wait))
}

// endpointOf is where a delivery goes now; open is false when the endpoint is
// disabled or gone.
func (s *Server) endpointOf(d *delivery, now int64) (target, version string, secrets []string, open bool) {
	d.owner.mu.RLock()
	defer d.owner.mu.RUnlock()
	e := d.owner.store(d.Livemode).endpoint(d.Endpoint)
	if e == nil {
		return "", "", nil, false
	}
	o := e.object()
	target, version = o.str("url"), o.str("api_version")
	if endpoint := o.child("webhook_endpoint"); endpoint != nil {
		target, version = endpoint.str("url"), o.str("snapshot_api_version")
	}
	return target, version, s.secretsOf(d.owner, e, now), o.str("status") != "disabled"
}

// eventBody is the event as the endpoint gets it, nil when the delivery is not
// waiting any more.
func (s *Server) eventBody(a *account, d *delivery, version string) []byte {
	a.mu.RLock()
	defer a.mu.RUnlock()
	st := a.store(d.Livemode)
	e := st.tables["event"].byID[d.source]
	if e == nil || st.outbox.waiting[d.seq] != d {
		return nil
	}
	o := e.object()
	if d.thin {
		o = (&tx{server: s, account: a, livemode: d.Livemode}).notification(o)
		if d.owner != a {
			o.set("context", a.id)
		}
		return o.raw()
	}
	if version != "" {
		o.set("api_version", version)
	}
	if d.owner != a {
		o.set("account", a.id)
	}
	return o.raw()
}

// settleDelivery changes a delivery under the lock of its account, if it is
// still waiting.
func (a *account) settleDelivery(d *delivery, change func(box *outbox)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if box := a.store(d.Livemode).outbox; box.waiting[d.seq] == d {
		change(box)
	}
}

// acknowledged takes one endpoint off the event's pending ones; a second copy
// takes nothing off. It needs the lock.
func (a *account) acknowledged(d *delivery) {
	table := a.store(d.Livemode).tables["event"]
	if e := table.byID[d.source]; e != nil && !d.thin && !*d.acked {
		*d.acked = true
		o := e.object()
		o.set("pending_webhooks", max(o.int("pending_webhooks")-1, 0))
		table.replace(e, o.raw())
	}
}

// sendWebhook posts an event. The error says why it is not acknowledged.
func (s *Server) sendWebhook(ctx context.Context, target string, secrets []string, body []byte, now time.Time) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, s.hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("the url of the endpoint cannot be used")
	}
	req.Header.Set("Content-Type", webhookContent)
	req.Header.Set("User-Agent", webhookAgent)
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Stripe-Signature", signature(secrets, body, now.Unix()))
	res, err := s.hookClient.Do(req)
	if err != nil {
		var wrapped *url.Error // its text repeats the URL
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no answer within %s", s.hookTimeout)
		}
		return 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, maxWebhookAnswer) // an answer cut short has said its status
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return res.StatusCode, fmt.Errorf("the receiver answered %d", res.StatusCode)
	}
	return res.StatusCode, nil
}

// signature is the Stripe-Signature header of a body: one v1 for each secret
// that counts, the newest first (Stripe docs: webhooks/signature).
func signature(secrets []string, body []byte, at int64) string {
	header := fmt.Sprintf("t=%d", at)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", at, body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header
}

// webhookClient follows no redirects, uses no proxy, and leaves no connection
// open behind it.
func webhookClient(loopbackOnly bool) *http.Client {
	dialer := &net.Dialer{}
	if loopbackOnly {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			host, _, err := net.SplitHostPort(address)
			if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
				return errors.New("the endpoint is not on this machine, and nothing is sent to others")
			}
			return nil
		}
	}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true, MaxResponseHeaderBytes: maxWebhookAnswer},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RunWebhooks delivers in the background of the API: it sends what is due as
// soon as it is due, and returns when the context ends. No API call waits for
// it. It looks at the clock every second, for one that was moved.
func (s *Server) RunWebhooks(ctx context.Context) {
	for ctx.Err() == nil {
		report, err := s.Deliver(ctx)
		if err != nil {
			return
		}
		if report.Due > 0 {
			continue
		}
		_, next, _ := s.dueDeliveries()
		idle := s.hooks.idle
		if !next.IsZero() {
			idle = min(idle, max(next.Sub(s.now()), time.Millisecond))
		}
		timer := time.NewTimer(idle)
		select {
		case <-timer.C:
		case <-s.hooks.added:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}
