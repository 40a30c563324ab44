package gateway

import (
	"context"
	"fmt"
	"time"

	"rightful"
)

// How long the requests of one promise are sent, and how long one of them may be on its
// way. A promise that has no answer by then is given up, and the next one has another
// idempotency key; nothing may come of the old one any more.
const (
	// sendFor is for how long, in seconds, requests are sent after the first. Stripe
	// executes all of them once (docs.stripe.com/api/idempotent_requests).
	sendFor = 60
	// sendWithin bounds one call, with its attempts.
	sendWithin = 60 * time.Second
	// stuck is how long, in seconds, after the last request nobody can tell whether it
	// will take effect.
	stuck = 2 * 60
)

// outlook is what can be done about a promise without an answer.
type outlook int

const (
	maySend outlook = iota
	onItsWay
	isOver
)

// outlookOf says it. The times are kept before a request is sent, so that no process
// takes one for lost that another has just sent.
func (g *Gateway) outlookOf(in rightful.Intent) outlook {
	switch now := g.now(); {
	case in.SentAt == 0, now-in.At < sendFor:
		return maySend
	case now-in.SentAt < stuck:
		return onItsWay
	}
	return isOver
}

// sending writes down that a request of a promise is about to be sent. It is not to be
// sent when the promise, as it is kept now, is another one, or was answered.
func (g *Gateway) sending(ctx context.Context, in rightful.Intent) (kept rightful.Intent, send bool, err error) {
	now := g.now()
	if in.SentAt >= now {
		return in, true, nil
	}
	next := in
	next.SentAt = now
	kept, err = g.opt.Intents.Send(ctx, next)
	return kept, err == nil && kept.Generation == in.Generation && kept.ObjectID == "", err
}

// sendingFor bounds how long a request of a promise is sent: what is sent later than its
// promise says could be taken for lost.
func sendingFor(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, sendWithin, &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "stripe",
		Message: fmt.Sprintf("Stripe could not be asked within %d seconds", int(sendWithin.Seconds())), Hint: "ask again",
	})
}

// unanswered is the error while a request may be on its way.
func (g *Gateway) unanswered(in rightful.Intent) error {
	return &rightful.Error{
		Kind: rightful.KindUncertain, Place: "stripe",
		Message: fmt.Sprintf("whether Stripe made a %s for company %s is not known yet", in.Kind, in.CompanyID),
		Hint:    fmt.Sprintf("ask again in %d seconds", in.SentAt+stuck-g.now()),
	}
}
