package stripesim

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"
	"sync"
	"time"
)

// What becomes of a delivery.
const (
	deliveryWaiting   = "waiting"
	deliveryHeld      = "held"
	deliveryLost      = "lost"
	deliveryDone      = "delivered"
	deliveryAbandoned = "abandoned"
)

// maxPastDeliveries is how many ended deliveries an account and mode remembers.
const maxPastDeliveries = 1000

// WebhookDelivery is one event on its way to one endpoint, and what became of
// it.
type WebhookDelivery struct {
	// Event and Type are the id and the type of the event, Account the account
	// that it happened in.
	Event   string `json:"event"`
	Type    string `json:"type"`
	Account string `json:"account"`
	// Endpoint is the id of the webhook endpoint, Livemode its mode.
	Endpoint string `json:"endpoint"`
	Livemode bool   `json:"livemode"`
	// State is waiting, held, lost (by a rule: it is never tried), delivered, or
	// abandoned (after the last retry, or because the endpoint was disabled or
	// deleted).
	State string `json:"state"`
	// Duplicate marks the second copy that a rule asked for.
	Duplicate bool `json:"duplicate"`
	// Attempts counts the requests that were sent. Status is the HTTP status of
	// the last answer, 0 when there was none; Error says why it did not count.
	Attempts int    `json:"attempts"`
	Status   int    `json:"status"`
	Error    string `json:"error,omitempty"`
	// Next is when it is tried next, in Unix seconds of the server's clock; 0
	// when it does not wait.
	Next int64 `json:"next"`
}

// delivery is a WebhookDelivery and what it needs to go on. It is guarded by
// the lock of the account that the event happened in.
type delivery struct {
	WebhookDelivery
	seq   uint64
	owner *account // of the endpoint: the platform, when Account is connected to it
	first time.Time
	due   time.Time
	acked *bool // shared by the copies of one event for one endpoint
	// source is the event of API v1 that it is about; thin deliveries show
	// another view of it.
	source string
	thin   bool
}

// outbox are the deliveries of one account and mode.
type outbox struct {
	waiting map[uint64]*delivery // held ones included
	past    []*delivery          // the latest ones
}

func newOutbox() *outbox { return &outbox{waiting: map[uint64]*delivery{}} }

// snapshot is a copy to go back to. A write only adds deliveries.
func (b *outbox) snapshot() *outbox {
	return &outbox{waiting: maps.Clone(b.waiting), past: slices.Clone(b.past)}
}

func (b *outbox) end(d *delivery, state string) {
	delete(b.waiting, d.seq)
	d.State = state
	if b.past = append(b.past, d); len(b.past) > maxPastDeliveries {
		b.past = slices.Delete(b.past, 0, len(b.past)-maxPastDeliveries)
	}
}

// hooks is what all accounts share about webhooks. Its lock is the innermost.
type hooks struct {
	turn  chan struct{} // holds one value while somebody delivers
	added chan struct{} // tells the background that there may be something to do
	idle  time.Duration // how often the background looks at the clock unasked, in real time

	mu    sync.Mutex
	seq   uint64
	rules []*WebhookRuleState
	// connect are the endpoints of each account and mode that ask for the events
	// of connected accounts. They are kept here because an event of a connected
	// account must not take the platform's lock.
	connect map[connectKey][]hookTarget
}

type connectKey struct {
	account  *account
	livemode bool
}

// hookTarget is an enabled endpoint that events can go to.
type hookTarget struct {
	id    string
	kinds []string
	thin  bool
	owner *account
}

func (h *hooks) init() {
	h.turn, h.added = make(chan struct{}, 1), make(chan struct{}, 1)
	h.connect = map[connectKey][]hookTarget{}
	h.idle = webhookIdle
}

// nudge wakes the background delivery.
func (h *hooks) nudge() {
	select {
	case h.added <- struct{}{}:
	default:
	}
}

// targets are the enabled endpoints of a mode, in the order they were made;
// connect chooses between those for the account's own events and those for the
// events of connected accounts.
func (a *account) targets(livemode, connect bool) []hookTarget {
	var out []hookTarget
	for _, e := range a.store(livemode).tables["webhook_endpoint"].smallest([]string{tagAll}).entries {
		o := e.object()
		if o.str("status") == "disabled" || parseObject(e.hidden).bool("connect") != connect {
			continue
		}
		out = append(out, hookTarget{id: e.id, owner: a, kinds: texts(o.get("enabled_events"))})
	}
	from := fromSelf
	if connect {
		from = fromAccounts
	}
	for _, e := range a.store(livemode).tables["v2.core.event_destination"].smallest([]string{tagAll}).entries {
		o := e.object()
		if o.str("status") == "disabled" || !slices.Contains(texts(o.get("events_from")), from) {
			continue
		}
		out = append(out, hookTarget{id: e.id, owner: a, thin: o.str("event_payload") == thinPayload, kinds: texts(o.get("enabled_events"))})
	}
	return out
}

// texts are the strings of a JSON array.
func texts(raw json.RawMessage) []string {
	var out []string
	for _, item := range elements(raw) {
		out = append(out, text(item))
	}
	return out
}

// shareEndpoints tells the other accounts which endpoints of this one want
// their events. It needs the lock of the account.
func (s *Server) shareEndpoints(a *account) {
	for _, livemode := range []bool{false, true} {
		targets := a.targets(livemode, true)
		s.hooks.mu.Lock()
		s.hooks.connect[connectKey{a, livemode}] = targets
		s.hooks.mu.Unlock()
	}
}

// post puts an event into the outbox, once for every endpoint that asks for its
// type, and returns how many of those are to acknowledge it: a thin delivery is
// of another event.
func (t *tx) post(event, kind string) int {
	targets := t.account.targets(t.livemode, false)
	h := &t.server.hooks
	h.mu.Lock()
	defer h.mu.Unlock()
	if platform := t.server.platform.Load(); platform != nil && platform != t.account {
		targets = append(targets, h.connect[connectKey{platform, t.livemode}]...)
	}
	n, posted := 0, 0
	for _, target := range targets {
		shown, id := kind, event
		if target.thin {
			shown, id = thinPrefix+kind, thinID(event, t.livemode)
		}
		if !slices.Contains(target.kinds, shown) && !slices.Contains(target.kinds, "*") {
			continue
		}
		if posted++; !target.thin {
			n++
		}
		d := &delivery{owner: target.owner, due: unixUTC(t.now), acked: new(bool), source: event, thin: target.thin, WebhookDelivery: WebhookDelivery{
			Event: id, Type: shown, Account: t.account.id, Endpoint: target.id, Livemode: t.livemode, State: deliveryWaiting}}
		h.dispatch(t.store().outbox, d, h.rule(d), t.server.seed)
	}
	if posted > 0 {
		h.nudge()
	}
	return n
}

// dispatch queues a delivery as the rule says that met it; nil is no rule.
func (h *hooks) dispatch(box *outbox, d *delivery, rule *WebhookRule, seed uint64) {
	add := func(d *delivery) {
		h.seq++
		d.seq = h.seq
		box.waiting[d.seq] = d
	}
	add(d)
	if rule == nil {
		return
	}
	switch rule.Then {
	case WebhookHold:
		d.State = deliveryHeld
	case WebhookLose:
		box.end(d, deliveryLost)
	case WebhookDelay:
		d.due = d.due.Add(rule.Delay)
	case WebhookShuffle:
		d.due = d.due.Add(time.Duration(fraction(seed, d.seq, 3) * float64(rule.Delay)))
	case WebhookDuplicate:
		again := *d
		again.Duplicate = true
		again.due = again.due.Add(rule.Delay)
		add(&again)
	}
}

// outboxes calls f with every outbox, under the lock of its account.
func (s *Server) outboxes(f func(a *account, box *outbox)) {
	for _, a := range s.allAccounts() {
		a.mu.Lock()
		for _, st := range a.modes {
			f(a, st.outbox)
		}
		a.mu.Unlock()
	}
}

func (s *Server) allAccounts() []*account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.accounts))
}

// WebhookDeliveries returns every delivery that waits, and the latest 1000 ended
// ones of each account and mode, in the order in which their events happened.
func (s *Server) WebhookDeliveries() []WebhookDelivery {
	var all []delivery
	s.outboxes(func(_ *account, box *outbox) {
		for _, d := range box.past {
			all = append(all, *d)
		}
		for _, d := range box.waiting {
			all = append(all, *d)
		}
	})
	sort.Slice(all, func(i, j int) bool { return all[i].seq < all[j].seq })
	out := make([]WebhookDelivery, len(all))
	for i, d := range all {
		out[i] = d.WebhookDelivery
		if d.State == deliveryWaiting {
			out[i].Next = d.due.Unix()
		}
	}
	return out
}

// ReleaseWebhooks lets the deliveries go that a rule holds, and returns how
// many they were. They are due at once, in the order of their events.
func (s *Server) ReleaseWebhooks() int {
	n := 0
	s.outboxes(func(_ *account, box *outbox) {
		for _, d := range box.waiting {
			if d.State == deliveryHeld {
				d.State = deliveryWaiting
				n++
			}
		}
	})
	s.hooks.nudge()
	return n
}
