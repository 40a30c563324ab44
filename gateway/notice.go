package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"rightful"
)

// Notice tells the app of one event about one of its live companies. It is told at
// least once: whoever gets it keeps its ID, and does nothing the second time. It says
// which object changed and not what is paid: ask the gateway or Stripe for that.
type Notice struct {
	ID        string       `json:"id"`      // of Stripe's event
	Type      string       `json:"type"`    // e.g. customer.subscription.updated
	Created   int64        `json:"created"` // Unix seconds
	CompanyID string       `json:"company_id"`
	Family    string       `json:"family"` // the customer, or the payment of a guest
	Object    NoticeObject `json:"object"`
	// Superseded: something newer is known of the object than this event says. Those
	// of one object come in their order, as far as Stripe delivered them in time.
	Superseded bool     `json:"superseded"`
	Findings   []string `json:"findings"` // codes of what disagrees in the family, sorted
	Account    string   `json:"account"`
	Livemode   bool     `json:"livemode"`
}

// NoticeObject is the object as the event said it is. Fields that do not say whose it
// is, or how it stands, are not in it.
type NoticeObject struct {
	Type              string            `json:"type"`
	ID                string            `json:"id"`
	Status            string            `json:"status,omitzero"`
	PaymentStatus     string            `json:"payment_status,omitzero"`
	Deleted           bool              `json:"deleted,omitzero"`
	StripeCustomerID  string            `json:"stripe_customer_id,omitzero"`
	SubscriptionID    string            `json:"subscription_id,omitzero"`
	PaymentIntentID   string            `json:"payment_intent_id,omitzero"`
	ClientReferenceID string            `json:"client_reference_id,omitzero"`
	Metadata          map[string]string `json:"metadata,omitempty"` // identity keys only
	Ending            bool              `json:"ending,omitzero"`    // a subscription that will not renew
	Created           int64             `json:"created,omitzero"`
}

// NoticeWithin is how long telling the app of one event may take.
const NoticeWithin = 10 * time.Second

const (
	tellTogether = 100 // notices that are written down together
	tellAtOnce   = 8   // families that are told at the same time
	// tellFor is how long the app is asked to take one notice, before it is given up
	// and those that follow go on.
	tellFor = 24 * time.Hour
)

// tellAgain is how long after a failure the app is asked again; the last one repeats.
var tellAgain = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// TellShard tells the app of the events of a shard that are its own. It returns false
// when another worker is at it. It works for half a minute at most; whatever is left
// gets a job. A notice that the app does not take is no error.
func (w *Webhooks) TellShard(ctx context.Context, shard int) (bool, error) {
	if w.o.OnNotice == nil {
		return true, nil
	}
	return w.work(ctx, rightful.LaneTell, shard, w.tellSome)
}

func (w *Webhooks) tellSome(ctx context.Context, shard int, worker string, end time.Time) (bool, error) {
	events, err := w.o.Inbox.WaitingNotices(ctx, shard, tellTogether)
	if err != nil || len(events) == 0 {
		return false, err
	}
	var told []rightful.InboxEvent
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, tellAtOnce)
	for family := range byFamily(events) {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			done := w.tellFamily(ctx, family, end)
			mu.Lock()
			defer mu.Unlock()
			told = append(told, done...)
		})
	}
	all.Wait()
	// What was told is written down also when the work is called off: else it is told
	// twice for nothing.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), NoticeWithin)
	defer cancel()
	if err := w.o.Inbox.SettleNotices(settle, shard, worker, w.until(), told); err != nil {
		return false, err
	}
	for _, e := range told {
		w.o.Watch.told(e.Notice)
		if e.Notice == rightful.NoticeDead {
			e.Status = statusUntold
			w.decided(ctx, e, rightful.KindUnavailable, nil)
		}
	}
	return ctx.Err() == nil && (len(told) > 0 || !time.Now().Before(end)), nil
}

// tellFamily tells of the events of one family, one after the other, and stops at the
// first that the app does not take. It returns those of which something is to be
// written down.
func (w *Webhooks) tellFamily(ctx context.Context, events []rightful.InboxEvent, end time.Time) []rightful.InboxEvent {
	var done []rightful.InboxEvent
	for _, e := range events {
		if ctx.Err() != nil || !time.Now().Before(end) {
			break
		}
		err := w.tell(ctx, e)
		if err != nil && ctx.Err() != nil {
			break // it was called off, and that is not the app's fault
		}
		now := w.g.now()
		e.NoticeAttempts++
		if e.NoticeSince == 0 {
			e.NoticeSince = now
		}
		switch {
		case err == nil:
			e.Notice, e.ToldAt, e.Payload = rightful.NoticeTold, now, ""
		case now-e.NoticeSince >= int64(tellFor/time.Second):
			e.Notice = rightful.NoticeDead
		default:
			e.NoticeNextAt = now + int64(tellAgain[min(e.NoticeAttempts, len(tellAgain))-1]/time.Second)
		}
		done = append(done, e)
		if e.Notice == rightful.NoticeWaiting {
			w.g.opt.Logger.WarnContext(ctx, "notice not taken", "event_id", e.ID, "company_id", e.CompanyID, "attempts", e.NoticeAttempts, "error", err.Error())
			break
		}
	}
	return done
}

// tell calls the app once.
func (w *Webhooks) tell(ctx context.Context, e rightful.InboxEvent) (err error) {
	ctx, cancel := context.WithTimeout(ctx, NoticeWithin)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gateway: OnNotice failed: %v", r)
		}
	}()
	return w.o.OnNotice(ctx, noticeOf(e))
}

func noticeOf(e rightful.InboxEvent) Notice {
	n := Notice{
		ID: e.ID, Type: e.Type, Created: e.Created, CompanyID: e.CompanyID, Family: e.Family, Superseded: e.Superseded,
		Findings: append([]string{}, e.Codes...), Account: e.Account, Livemode: e.Livemode,
		Object: NoticeObject{Type: string(e.ObjectType), ID: e.ObjectID},
	}
	var p eventPayload
	if json.Unmarshal([]byte(e.Payload), &p) == nil && p.Object != nil {
		f := p.Object
		n.Object = NoticeObject{
			Type: f.Type, ID: f.ID, Status: f.Status, PaymentStatus: f.PaymentStatus, Deleted: f.Deleted, StripeCustomerID: f.Customer,
			SubscriptionID: f.Subscription, PaymentIntentID: f.PaymentIntent, ClientReferenceID: f.ClientReferenceID, Metadata: f.Metadata,
			Ending: f.Ending, Created: f.Created,
		}
	}
	return n
}
