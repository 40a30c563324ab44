package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"rightful"
	"rightful/internal/failpoint"
	"rightful/internal/stripeobject"
)

// posting is one write: what is sent, and what its answers mean.
type posting struct {
	endpoint       endpoint
	id             string // of the object; empty for one that is to be made
	form           string
	idempotencyKey string
	// stubborn repeats a write also after an error of Stripe's own (5xx). Where that
	// is stored with the key it only comes again, but a gateway's is not.
	stubborn bool

	what    string                  // what was to happen, for messages: "customer cus_1 was written"
	hint    string                  // what to do when nobody knows whether it did
	read    func(body []byte) error // takes the answer; may be called again
	refused func(f *failure) error  // explains a failure where there is more to say than of any other; else nil
	settled func(f *failure) bool   // reports further failures after which nothing has happened; may be nil
}

// post sends a write until Stripe has answered it, or there is no use in trying.
func (r *Reader) post(ctx context.Context, p posting) error {
	e := p.endpoint
	what := sending{method: http.MethodPost, form: p.form, idempotencyKey: &p.idempotencyKey}
	var f *failure
	unsure := false // an attempt may have taken effect
	for n, started := 1, r.retry.now(); ; n++ {
		if err := r.pacer.wait(ctx, e); err != nil {
			if unsure {
				break
			}
			return gaveUp(ctx, e, err)
		}
		failpoint.Here("stripe/send")
		body, failed := r.attempt(ctx, e, e.path(url.PathEscape(p.id)), what)
		failpoint.Here("stripe/received")
		if failed == nil {
			err := p.read(body)
			if err == nil {
				return nil
			}
			failed = &failure{status: http.StatusOK, sent: true, cut: errors.Is(err, stripeobject.ErrNotJSON), cause: err,
				message: "the answer cannot be read: " + r.scrub(err.Error())}
		}
		f = failed
		settles := f.settles() || p.settled != nil && p.settled(f)
		if unsure = f.unsure() || unsure && !settles; !p.repeats(f) || !r.retry.pause(ctx, f, n, started) {
			break
		}
		r.log.Debug("stripe write is sent again", "endpoint", e.String(), "attempt", n, "status", f.status, "reason", f.reason, "request_id", f.requestID)
	}
	switch {
	case unsure:
		return r.uncertain(ctx, p, f)
	case ctx.Err() != nil:
		return gaveUp(ctx, e, context.Cause(ctx))
	}
	if err := p.refused(f); err != nil {
		return err
	}
	err := r.explain(e, f)
	if own, ok := errors.AsType[*rightful.Error](err); ok && own.Kind == rightful.KindForbidden {
		own.Hint = writeKeyHint
	}
	return err
}

// repeats reports whether the write is worth another attempt with the same
// idempotency key, which never executes it twice.
func (p posting) repeats(f *failure) bool {
	return f.repeatable() || p.stubborn && f.status >= http.StatusInternalServerError && f.shouldRetry != "false"
}

// unsure reports whether a write that failed like this may have taken effect.
func (f *failure) unsure() bool {
	switch {
	case f.status == http.StatusRequestTimeout, f.code == "idempotency_key_in_use": // it is being executed right now
		return true
	case f.status >= http.StatusBadRequest && f.status < http.StatusInternalServerError:
		return false
	}
	return f.sent
}

// settles reports whether an answer says that no earlier attempt with the same
// idempotency key took effect: Stripe has executed the request, now or then, and
// refused it. Who may not ask, or has to wait, learns nothing of it.
func (f *failure) settles() bool {
	switch f.status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		return f.kind != "" && f.kind != "idempotency_error"
	}
	return false
}

// repeatable reports whether a write is worth another attempt with the same
// idempotency key, which never executes it twice.
func (f *failure) repeatable() bool {
	switch {
	case f.rateLimited(), f.shouldRetry == "true":
		return true
	case f.shouldRetry == "false":
		return false
	case f.transport:
		return !f.permanent
	case f.cut:
		return true
	}
	return f.status == http.StatusTooManyRequests || f.status == http.StatusConflict
}

// uncertain explains a write of which nobody knows whether it took effect.
func (r *Reader) uncertain(ctx context.Context, p posting, f *failure) error {
	why := details(f)
	if f.transport || f.cut || f.status < http.StatusBadRequest {
		why = f.Error()
	}
	cause := error(f)
	if ctx.Err() != nil {
		cause = errors.Join(context.Cause(ctx), f)
	}
	return &rightful.Error{
		Kind: rightful.KindUncertain, Place: "stripe", Err: cause,
		Message: fmt.Sprintf("%s: whether %s is not known: %s", p.endpoint, p.what, why), Hint: p.hint,
	}
}

// writeKeyHint is keyHint for a key that may also stamp, and make what a
// purchase needs. Write access includes read access.
var writeKeyHint = strings.NewReplacer("read access", "write access to what is stamped and made",
	"rak_customer_read", "rak_customer_write&permissions[]=rak_customer_portal_write", "rak_checkout_session_read", "rak_checkout_session_write",
	"rak_subscription_read", "rak_subscription_write", "rak_payment_intent_read", "rak_payment_intent_write").Replace(keyHint)
