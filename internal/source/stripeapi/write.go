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

// Writer is a rightful.StripeWriter on the account of a Reader, whose pace and
// connections it shares. It is safe for use by several goroutines.
type Writer struct{ reader *Reader }

var _ rightful.StripeWriter = (*Writer)(nil)

// Writer returns the writing half of the account.
func (r *Reader) Writer() *Writer { return &Writer{reader: r} }

// stampable are the types of which rightful writes metadata.
var stampable = map[rightful.ObjectType]bool{
	rightful.TypeCustomer: true, rightful.TypeSession: true, rightful.TypeSubscription: true, rightful.TypePaymentIntent: true,
}

// longestKey is Stripe's limit on a metadata key, in characters
// (docs.stripe.com/metadata).
const longestKey = 40

// SetMetadata implements rightful.StripeWriter with one POST that names the one
// key and nothing else: a canceled subscription takes metadata only, and keys
// that are not named stay as they are.
//
// The POST is repeated, with the same idempotency key, after what Stripe has not
// processed (its limits, locks) and after answers that were lost on the way. An
// error of Stripe's own (5xx) is not repeated unless Stripe asks for it: it is
// stored with the key, and would only come again.
func (w *Writer) SetMetadata(ctx context.Context, m rightful.MetadataWrite) error {
	if err := checkWrite(m); err != nil {
		return err
	}
	value := "" // which unsets
	if m.To != nil {
		value = *m.To
	}
	form := url.Values{"metadata[" + m.Key + "]": {value}}
	return w.reader.post(ctx, m, form.Encode())
}

func checkWrite(m rightful.MetadataWrite) error {
	invalid := func(message string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: message}
	}
	switch {
	case !stampable[m.Type]:
		return &rightful.Error{Kind: rightful.KindUnsupported, Place: "stripe", Message: fmt.Sprintf("metadata of a %s is not written", m.Type)}
	case m.Key == "" || len([]rune(m.Key)) > longestKey || strings.ContainsAny(m.Key, "[]"):
		return invalid(fmt.Sprintf("%q cannot be a metadata key", m.Key))
	case m.To != nil && *m.To == "":
		return invalid("an empty value cannot be written: Stripe would unset the key")
	case m.IdempotencyKey == "":
		return invalid("the write has no idempotency key")
	case impossible(m.ID):
		return noSuch(m)
	}
	return nil
}

func noSuch(m rightful.MetadataWrite) error {
	return &rightful.Error{Kind: rightful.KindNotFound, Place: "stripe", Message: fmt.Sprintf("Stripe has no %s %s, or has deleted it", m.Type, m.ID)}
}

// post sends a write until Stripe has answered it, or there is no use in trying.
func (r *Reader) post(ctx context.Context, m rightful.MetadataWrite, form string) error {
	e := endpoints[m.Type]
	e.write = true
	target := e.collection + "/" + url.PathEscape(m.ID)
	what := sending{method: http.MethodPost, form: form, idempotencyKey: &m.IdempotencyKey}
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
		body, failed := r.attempt(ctx, e, target, what)
		failpoint.Here("stripe/received")
		if failed == nil {
			err := r.answered(m, body)
			if err == nil {
				return nil
			}
			failed = &failure{status: http.StatusOK, sent: true, cut: errors.Is(err, stripeobject.ErrNotJSON), cause: err,
				message: "the answer cannot be read: " + r.scrub(err.Error())}
		}
		f = failed
		if unsure = f.unsure() || unsure && !f.settles(); !f.repeatable() || !r.retry.pause(ctx, f, n, started) {
			break
		}
		r.log.Debug("stripe write is sent again", "endpoint", e.String(), "attempt", n, "status", f.status, "reason", f.reason, "request_id", f.requestID)
	}
	switch {
	case unsure:
		return r.uncertain(ctx, e, m, f)
	case ctx.Err() != nil:
		return gaveUp(ctx, e, context.Cause(ctx))
	}
	return r.refused(e, m, f)
}

// answered checks that an answer is about the object that was written. What it
// says of the value proves nothing: the answer to a repeated request is that of
// the first one, however long ago.
func (r *Reader) answered(m rightful.MetadataWrite, body []byte) error {
	o, err := stripeobject.Decode(body, m.Type, r.keys, r.known())
	if err == nil && o.ID != m.ID {
		err = errors.New("it is about another object than the one written")
	}
	return err
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
func (r *Reader) uncertain(ctx context.Context, e endpoint, m rightful.MetadataWrite, f *failure) error {
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
		Message: fmt.Sprintf("%s: whether %s %s was written is not known: %s", e, m.Type, m.ID, why),
		Hint:    "read what stands there, and write again only if it is still what stood there before",
	}
}

// refused explains a write that did not take effect.
func (r *Reader) refused(e endpoint, m rightful.MetadataWrite, f *failure) error {
	switch {
	case f.missing():
		return noSuch(m)
	case m.Type == rightful.TypeSubscription && f.status == http.StatusBadRequest && strings.Contains(strings.ToLower(f.message), "canceled subscription"):
		return &rightful.Error{
			Kind: rightful.KindUnavailable, Place: "stripe", Err: f,
			Message: fmt.Sprintf("Stripe takes no metadata for subscription %s, because it is canceled: %s", m.ID, details(f)),
			Hint:    "decide its findings as leave: what is over grants nothing",
		}
	}
	err := r.explain(e, f)
	if own, ok := errors.AsType[*rightful.Error](err); ok && own.Kind == rightful.KindForbidden {
		own.Hint = writeKeyHint
	}
	return err
}

// writeKeyHint is keyHint for a key that may also stamp. Write access includes
// read access.
var writeKeyHint = strings.NewReplacer("read access", "write access to what is stamped",
	"rak_customer_read", "rak_customer_write", "rak_checkout_session_read", "rak_checkout_session_write",
	"rak_subscription_read", "rak_subscription_write", "rak_payment_intent_read", "rak_payment_intent_write").Replace(keyHint)
