package gateway

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"

	"rightful"
)

// Bounds of watching Stripe's list of events.
const (
	// listOverlap is how much of the list, in seconds before the newest event, is read
	// again: an event may appear in it after younger ones.
	listOverlap = 120
	// askAgain is when an event of which nobody can be named is judged again, and
	// askFor how long, in seconds. It costs a read of the database, and no request.
	askAgain = 60
	askFor   = 60 * 60
	// objectsKept is how many objects are remembered, membersKept how many of one family
	// are judged, and keptEvents how many events are remembered that are not settled.
	objectsKept = 20_000
	membersKept = 100
	keptEvents  = 10_000
)

// listSource reads Stripe's list of events and judges them as accepted ones are judged.
type listSource struct {
	g     *Gateway
	w     *Webhooks
	known *recent
	since int64

	begun  bool
	newest int64            // creation of the newest event that was seen
	seen   map[string]int64 // creation, by id, of those that the list may bring again
	seq    int64
	failed error        // why some events cannot be judged
	open   []*listEvent // not settled or not shown yet, in the order in which they came
}

// listEvent is an event of the list.
type listEvent struct {
	rightful.InboxEvent
	object     watchedObject
	superseded bool
	shown      bool  // as unknown
	from       int64 // when it was seen
}

func newListSource(o WatchOptions) (*listSource, error) {
	g, err := New(Options{
		Directory: o.Directory, Stripe: readOnly{o.Stripe}, Intents: NewMemory(), Keys: o.Keys, OwnershipValue: o.OwnershipValue, Placeholders: o.Placeholders,
		Account: o.Account, Livemode: o.Livemode, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	known := &recent{}
	known.forget()
	return &listSource{g: g, w: &Webhooks{g: g, o: WebhookOptions{Inbox: known}}, known: known, since: o.Since, seen: map[string]int64{}}, nil
}

func (s *listSource) account(ctx context.Context) (rightful.Account, error) { return s.g.opens(ctx) }

func (s *listSource) stuck() error { return s.failed }

func (s *listSource) look(ctx context.Context, show showing) error {
	account, err := s.g.opens(ctx)
	if err != nil {
		return err
	}
	if err := s.list(ctx, account); err != nil {
		return err
	}
	for range 2 { // an event may turn out to be of another family
		if err := s.judge(ctx); err != nil {
			return err
		}
	}
	return s.show(account.ID, show)
}

// list reads what is new in Stripe's list. Without a bound, the first look shows nothing
// and goes no further back than the newest event tells: Stripe's clock may be another
// than ours.
func (s *listSource) list(ctx context.Context, account rightful.Account) error {
	silent := !s.begun && s.since == 0
	from := s.since
	if s.newest > 0 {
		from = max(from, s.newest-listOverlap)
	}
	newest, seen := s.newest, map[string]int64{}
	var fresh []*listEvent
	for e, err := range s.g.opt.Stripe.Events(ctx, rightful.EventQuery{CreatedFrom: from, Whole: true}) {
		if err != nil {
			return err
		}
		if silent && e.Created < newest-listOverlap {
			break
		}
		newest = max(newest, e.Created)
		if _, known := s.seen[e.ID]; !known && !silent {
			fresh = append(fresh, s.reduce(e, account))
		}
		seen[e.ID] = e.Created
	}
	// Only now: what was read of a list that broke off is read again.
	s.begun, s.newest = true, newest
	maps.Copy(s.seen, seen)
	maps.DeleteFunc(s.seen, func(_ string, created int64) bool { return created < newest-listOverlap })
	slices.Reverse(fresh)
	slices.SortStableFunc(fresh, func(x, y *listEvent) int { return cmp.Compare(x.Created, y.Created) })
	for _, e := range fresh {
		s.seq++
		e.Seq = s.seq
	}
	s.open = append(s.open, fresh...)
	s.open = s.open[max(len(s.open)-max(keptEvents, len(fresh)), 0):]
	return nil
}

// reduce keeps of an event what a webhook keeps of it. One that says nothing of its
// object is looked up.
func (s *listSource) reduce(e rightful.Event, account rightful.Account) *listEvent {
	in, err := decodeEvent(e.Body, s.g.opt.Keys)
	if err != nil {
		in = rightful.InboxEvent{ID: e.ID, Type: e.Type, Created: e.Created, Account: e.Account, Livemode: account.Livemode, Origin: rightful.OriginCaughtUp, Status: rightful.InboxPending}
		aboutObject(&in, string(e.ObjectType), e.ObjectID)
	}
	s.w.place(&in)
	now := in.ReceivedAt
	in.ReceivedAt = in.Created // when it was read tells nothing
	return &listEvent{InboxEvent: in, object: watchedObject{amount: amountIn(e.Body)}, from: now}
}

// judge judges what is due, as a webhook's worker does.
func (s *listSource) judge(ctx context.Context) error {
	now := s.g.now()
	byNumber, due := map[int64]*listEvent{}, []rightful.InboxEvent{}
	families := map[string]bool{}
	for _, e := range s.open {
		if e.Status == rightful.InboxPending && e.NextAt <= now {
			families[e.Family] = true
		}
	}
	for _, e := range s.open {
		switch {
		case e.Status == rightful.InboxPending && e.NextAt <= now:
		case e.Status == rightful.InboxUnknown && (e.NextAt <= now || families[e.Family]):
			e.NextAt = now // with a new event of the family, also before its time
		default:
			continue
		}
		byNumber[e.Seq] = e
		due = append(due, e.InboxEvent)
	}
	for some := range slices.Chunk(due, judgeTogether) {
		slices.SortStableFunc(some, func(x, y rightful.InboxEvent) int {
			return cmp.Or(cmp.Compare(x.Family, y.Family), cmp.Compare(x.Created, y.Created), cmp.Compare(x.Seq, y.Seq))
		})
		b, err := s.w.judgeSafely(ctx, some)
		if s.failed = err; err != nil && ofOneEvent(err) {
			b, err = s.w.judge(ctx, some) // each family by itself
		}
		if err != nil {
			return err
		}
		for _, e := range b.events {
			byNumber[e.Seq].judged(b, e, now)
		}
		s.known.keep(b.learned())
	}
	return nil
}

// judged takes up what was found about an event.
func (l *listEvent) judged(b *batch, e rightful.InboxEvent, now int64) {
	newest := b.newest[objectKey{e.ObjectType, e.ObjectID}]
	if l.object.fields == nil {
		var p eventPayload
		if json.Unmarshal([]byte(cmp.Or(l.Payload, e.Payload)), &p) == nil && p.Object != nil {
			l.object.fields = p.Object
		} else if newest != nil {
			l.object.fields = fieldsOf(newest.object)
		}
	}
	l.superseded = l.superseded || e.Superseded
	l.InboxEvent = e
	l.Superseded = l.superseded
	if e.Status != rightful.InboxUnknown {
		return
	}
	// It is asked about again by what is known of the object now: what it said itself
	// was heard. And never often enough to be looked at with requests.
	l.Attempts, l.NextAt = 0, now+askAgain
	if newest != nil {
		if raw, err := json.Marshal(eventPayload{Object: fieldsOf(newest.object)}, json.Deterministic(true)); err == nil {
			l.Payload = string(raw)
		}
	}
}

// show shows what is judged, in the order in which it came. Events of the account itself
// do not name it.
func (s *listSource) show(account string, show showing) error {
	now := s.g.now()
	for len(s.open) > 0 {
		i := slices.IndexFunc(s.open, func(e *listEvent) bool {
			return e.Status != rightful.InboxPending && (e.Status != rightful.InboxUnknown || !e.shown)
		})
		if i < 0 {
			break
		}
		e, again := s.open[i], s.open[i].shown
		shown := e.InboxEvent
		shown.Account = cmp.Or(shown.Account, account)
		if e.shown = true; e.Status != rightful.InboxUnknown {
			s.open = slices.Delete(s.open, i, i+1)
		}
		if err := show(shown, e.object, again); err != nil {
			return err
		}
	}
	s.open = slices.DeleteFunc(s.open, func(e *listEvent) bool { return e.shown && now-e.from >= askFor })
	return nil
}

// recent remembers objects for the judging of one process.
type recent struct {
	rightful.InboxWork // nil: nothing else is asked for while events are judged
	objects            map[string]rightful.InboxObject
	families           map[string]map[string]bool // ids of their objects
}

// InboxObjects implements rightful.InboxWork.
func (r *recent) InboxObjects(_ context.Context, _ bool, families, ids []string) ([]rightful.InboxObject, error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
	}
	for _, family := range families {
		members := slices.SortedFunc(maps.Keys(r.families[family]), func(x, y string) int { return cmp.Compare(r.objects[y].Created, r.objects[x].Created) })
		for _, id := range members[:min(len(members), membersKept)] {
			wanted[id] = true
		}
	}
	var out []rightful.InboxObject
	for id := range wanted {
		if o, known := r.objects[id]; known {
			out = append(out, o)
		}
	}
	return out, nil
}

// keep remembers what was learned. When it is too much, all is forgotten: what comes
// next is judged by itself and by the database.
func (r *recent) keep(objects []rightful.InboxObject) {
	if len(r.objects) > objectsKept {
		r.forget()
	}
	for _, o := range objects {
		have, known := r.objects[o.ID]
		if known && have.Created > o.Created {
			continue
		}
		delete(r.families[have.Family], o.ID)
		if r.families[o.Family] == nil {
			r.families[o.Family] = map[string]bool{}
		}
		r.families[o.Family][o.ID], r.objects[o.ID] = true, o
	}
}

func (r *recent) forget() {
	r.objects, r.families = map[string]rightful.InboxObject{}, map[string]map[string]bool{}
}

// amountIn reads what the object of an event costs; nil when that cannot be told.
func amountIn(body []byte) *WatchedAmount {
	type recurring struct {
		Interval string `json:"interval"`
		Count    int64  `json:"interval_count"`
	}
	var in struct {
		Data struct {
			Object struct {
				Object   string `json:"object"`
				Currency string `json:"currency"`
				Total    *int64 `json:"amount_total"`
				Amount   *int64 `json:"amount"`
				Paid     int64  `json:"amount_paid"`
				Due      *int64 `json:"amount_due"`
				Items    struct {
					Data []struct {
						Quantity *int64 `json:"quantity"`
						Price    struct {
							Each      *int64    `json:"unit_amount"`
							Recurring recurring `json:"recurring"`
						} `json:"price"`
					} `json:"data"`
				} `json:"items"`
			} `json:"object"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &in) != nil {
		return nil
	}
	o := in.Data.Object
	out := &WatchedAmount{Currency: o.Currency}
	minor := o.Amount
	switch rightful.ObjectType(o.Object) {
	case rightful.TypeSession:
		minor = o.Total
	case rightful.TypeInvoice:
		if minor = o.Due; o.Paid > 0 {
			minor = &o.Paid
		}
	case rightful.TypeSubscription:
		minor = new(int64)
		for _, it := range o.Items.Data {
			r := it.Price.Recurring
			if it.Price.Each == nil || it.Quantity == nil || r.Count != 1 || out.Per != "" && out.Per != r.Interval {
				return nil // it depends on the use, or on several intervals
			}
			out.Per = r.Interval
			*minor += *it.Price.Each * *it.Quantity
		}
		if out.Per == "" {
			return nil
		}
	case rightful.TypePaymentIntent, rightful.TypeCharge:
	default:
		return nil
	}
	if minor == nil || len(o.Currency) != 3 {
		return nil
	}
	out.Minor = *minor
	return out
}
