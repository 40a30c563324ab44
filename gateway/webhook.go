package gateway

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"rightful"
)

// Defaults of WebhookOptions.
const (
	DefaultTolerance = 5 * time.Minute // Stripe's own libraries have the same
	DefaultMaxBody   = 1 << 20         // bytes
	readBodyWithin   = 10 * time.Second
)

// WebhookOptions say how events are accepted, and who is told of them. Inbox and at
// least one secret are required.
type WebhookOptions struct {
	// Inbox keeps the events, durably.
	Inbox rightful.InboxWork
	// Secrets are those of the endpoints (whsec_...), the old and the new one while a
	// secret is rolled.
	Secrets []string
	// SecretsOf are those of the endpoints of the accounts that were joined (see Join), by
	// account. By its secret it is known whose an event is.
	SecretsOf map[string][]string
	// Endpoint is which of the account's webhook endpoints leads here: its id (we_...) or
	// its address. CatchUp looks for the events of types that it asks for. Empty: those
	// whose address ends in /v1/webhooks/stripe; where there is none, only what all of
	// the endpoints ask for is looked for.
	Endpoint string
	// Tolerance is how far the time of a signature may be from now, both ways;
	// default DefaultTolerance.
	Tolerance time.Duration
	// MaxBody bounds the body of a request, in bytes; default DefaultMaxBody.
	MaxBody int64
	// OnNotice is told of each event about a live company of the app: at least once,
	// and those of one family one after the other, in the order of their creation as
	// far as they had come. An error, or more than NoticeWithin, means that it is told
	// again later; until then those that follow in the family wait. Nil: nobody is told.
	OnNotice func(context.Context, Notice) error
	// OnAccepted is told of each new event that was kept and carries its object, with the
	// mode that it is of. It must neither block nor keep the body: the request waits, and
	// what is done with the event must not depend on it. Nil: nobody is told.
	OnAccepted func(e rightful.Event, livemode bool)
	// Tally counts what happens to events.
	Tally Tally
}

// Webhooks accepts Stripe's events: it checks who sent them, keeps what says whose
// they are about, and answers when that is durable. Looking at them, and telling the
// app, is done afterwards, by whoever calls JudgeShard and TellShard.
type Webhooks struct {
	g        *Gateway
	o        WebhookOptions
	acceptor acceptor
	readFor  time.Duration // 0: readWithin
	lookFor  time.Duration // 0: lookWidelyFor
	looked   atomic.Bool   // our endpoint was looked for once
	joined   []*Webhooks   // those of the accounts that were joined, this one among them; nil: there is one
}

// Webhooks returns what accepts events of the gateway's account, and of those that were
// joined. An error is of kind invalid.
func (g *Gateway) Webhooks(o WebhookOptions) (*Webhooks, error) {
	if o.Inbox == nil {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "webhooks", Message: "there is no inbox to keep events in", Hint: "name a state: sqlite:rightful.db or postgres://"}
	}
	if len(o.Secrets)+len(o.SecretsOf) == 0 {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe.webhook_secrets", Message: "is missing: without it anybody could send events", Hint: "webhook_secrets: ['${STRIPE_WEBHOOK_SECRET}'], the signing secret of the endpoint (whsec_...)"}
	}
	if slices.Contains(slices.Concat(slices.Collect(maps.Values(o.SecretsOf))...), "") || slices.Contains(o.Secrets, "") {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe.webhook_secrets", Message: "one of the secrets is empty: anybody could sign with it", Hint: "set the variable that it comes from"}
	}
	o.Tolerance, o.MaxBody = cmp.Or(o.Tolerance, DefaultTolerance), cmp.Or(o.MaxBody, DefaultMaxBody)
	w := &Webhooks{g: g, o: o, acceptor: acceptor{inbox: o.Inbox}}
	w.join()
	return w, nil
}

// Accept checks an event's signature (the Stripe-Signature header) and keeps the
// event. It returns after the commit. An event that is kept already is no error.
// Errors are of kind unauthorized for a signature that is not good, invalid for a
// body that is no event, else as those of the inbox: send it again.
func (w *Webhooks) Accept(ctx context.Context, body []byte, header string) error {
	s, err := w.early(header)
	if err == nil {
		err = w.accept(ctx, body, s)
	}
	var no *EventRefusal
	if !errors.As(err, &no) {
		return err
	}
	w.refused(ctx, no)
	return &rightful.Error{Kind: no.kind, Place: "webhooks", Message: no.Error(), Err: no}
}

// early refuses what can be refused without the body.
func (w *Webhooks) early(header string) (signature, error) {
	s, refused := parseSignature(header)
	switch {
	case refused != "":
		return s, badSignature(refused)
	case !s.timely(w.g.opt.Now(), w.o.Tolerance):
		no := badSignature("it is of another time: either it is sent again by somebody else, or one of the clocks is wrong")
		no.Code = EventOutOfTime
		return s, no
	}
	return s, nil
}

func (w *Webhooks) accept(ctx context.Context, body []byte, s signature) error {
	own := w.signer(body, s)
	if own == nil {
		return badSignature("none of the secrets made it: the body was changed, or the endpoint has another secret")
	}
	e, err := decodeEvent(body, w.g.opt.Keys)
	if err != nil {
		return noEvent(err.Error())
	}
	own.place(&e)
	fresh, err := w.acceptor.accept(ctx, e)
	if err != nil {
		return err
	}
	w.o.Tally.received(fresh)
	if fresh && w.o.OnAccepted != nil && e.Origin == rightful.OriginDelivered && e.Status == rightful.InboxPending {
		w.o.OnAccepted(rightful.Event{ID: e.ID, Type: e.Type, Created: e.Created, Account: e.Account, ObjectType: e.ObjectType, ObjectID: e.ObjectID, Body: body}, e.Livemode)
	}
	if fresh && e.Status != rightful.InboxPending {
		w.judged(ctx, e, nil)
	}
	return nil
}

// place says what is known about an event before anybody looks at it.
func (w *Webhooks) place(e *rightful.InboxEvent) {
	now := w.g.opt.Now().Unix()
	e.ReceivedAt, e.NextAt = now, now
	switch own := w.g.opt.Account; {
	case e.Account == "":
		e.Account = own // Stripe names the accounts only that are connected to the one at hand
	case own != "" && e.Account != own && (len(w.joined) == 0 || w.g.named(e.Account) == nil):
		e.Status, e.Codes = rightful.InboxForeign, []string{string(rightful.CodeUnknownAccount)}
	}
	if w.g.opt.Livemode != nil && e.Livemode != *w.g.opt.Livemode {
		e.Status, e.Codes = rightful.InboxForeign, nil
	}
	if e.Status != rightful.InboxPending {
		e.Payload, e.JudgedAt = "", now
	}
}
