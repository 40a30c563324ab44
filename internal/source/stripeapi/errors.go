package stripeapi

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/stripe/stripe-go/v86"

	"rightful"
)

// keyHint leads to Stripe's form for a restricted key with the permissions that
// reading needs already chosen (slugs as in Stripe's own 403 messages).
const keyHint = "make a restricted key with read access: https://dashboard.stripe.com/apikeys/create?name=rightful" +
	"&permissions[]=rak_customer_read&permissions[]=rak_checkout_session_read" +
	"&permissions[]=rak_subscription_read&permissions[]=rak_payment_intent_read" +
	"&permissions[]=rak_invoice_read&permissions[]=rak_charge_read&permissions[]=rak_payment_method_read" +
	"&permissions[]=rak_event_read&permissions[]=rak_webhook_read"

// failure is one attempt that brought no object. Its texts hold no key.
type failure struct {
	status      int // 0 when no answer came
	kind        string
	code        string
	param       string
	message     string
	requestID   string
	reason      string // Stripe-Rate-Limited-Reason
	shouldRetry string // Stripe-Should-Retry
	transport   bool   // the connection failed, before or while the answer came
	permanent   bool   // and will fail again
	sent        bool   // there was a connection: the request may have arrived
	cut         bool   // the answer is no complete JSON
	cause       error
}

// Error returns what Stripe or the connection said.
func (f *failure) Error() string {
	if f.message == "" && f.cause != nil {
		return f.cause.Error()
	}
	return f.message
}

// Param returns the parameter that Stripe blames, as it spells it: line_items[0][price].
func (f *failure) Param() string { return f.param }

// failure reads what stripe-go returned beside what the transport saw.
func (r *Reader) failure(err error, seen *observed) *failure {
	f := &failure{status: seen.status, sent: seen.connected.Load()}
	if seen.header != nil {
		f.requestID = seen.header.Get("Request-Id")
		f.reason = seen.header.Get("Stripe-Rate-Limited-Reason")
		f.shouldRetry = strings.ToLower(seen.header.Get("Stripe-Should-Retry"))
	}
	var said *stripe.Error
	switch {
	case errors.As(err, &said):
		f.kind, f.code, f.param = string(said.Type), string(said.Code), said.Param
		f.message = r.scrub(said.Msg)
	case err != nil && (seen.status == 0 || seen.status < http.StatusBadRequest):
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // its own text repeats the URL
		}
		f.transport, f.permanent = true, hopeless(err)
		f.message = r.scrub(err.Error())
	default:
		f.message = "the answer is not one of Stripe's"
	}
	return f
}

// hopeless reports errors of the connection that waiting does not cure.
func hopeless(err error) bool {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.IsNotFound
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return true
	}
	_, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok
}

// missing reports Stripe's word for "there is no such object", which is also
// its answer for an object of the other mode.
func (f *failure) missing() bool {
	return f.code == string(stripe.ErrorCodeResourceMissing) &&
		(f.status == http.StatusNotFound || f.status == http.StatusBadRequest)
}

// secret matches everything that looks like a key of Stripe's, masked or not.
var secret = regexp.MustCompile(`\b(?:sk|rk|pk|ek|rkcs|whsec)_[A-Za-z0-9_*.…-]+`)

// scrub removes keys from a text: Stripe quotes them, masked, in its messages.
func (r *Reader) scrub(text string) string {
	if len(r.key) >= shortestKey {
		text = strings.ReplaceAll(text, r.key, "(key)")
	}
	return secret.ReplaceAllString(text, "(key)")
}

// shortestKey is the length under which a key is a simulator's and would be
// found inside ordinary words.
const shortestKey = 12

var (
	permission  = regexp.MustCompile(`rak_[a-z0-9_]+`)
	namedByText = regexp.MustCompile(`account\s+\W?(acct_[A-Za-z0-9]+)`)
)

// explain turns a failure into an error that a person can act on.
func (r *Reader) explain(e endpoint, f *failure) error {
	out := &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Err: f}
	switch {
	case f.transport:
		out.Kind = rightful.KindUnreachable
		out.Message = fmt.Sprintf("%s does not answer: %s", r.host, f.message)
		out.Hint = "check the network from here, and stripe.api_base when it is set"
	case f.status == http.StatusUnauthorized:
		out.Kind, out.Place = rightful.KindUnauthorized, placeKey
		out.Message = "Stripe refuses the key: " + details(f)
		out.Hint = keyHint
	case f.status == http.StatusForbidden:
		out.Kind, out.Place = rightful.KindForbidden, placeKey
		if needs := permission.FindString(f.message); needs != "" {
			out.Message = fmt.Sprintf("the key lacks the permission %s, which %s needs", needs, e)
			out.Hint = "add the permission to the key in Stripe's dashboard, or " + keyHint
		} else {
			out.Message = fmt.Sprintf("the key may not do %s: %s", e, details(f))
			out.Hint = keyHint
		}
	case f.rateLimited():
		out.Message = fmt.Sprintf("%s: Stripe keeps limiting the rate (%s)", e, f.reason)
		out.Hint = "lower stripe.rate, or run when the app is quieter"
	case f.cut:
		out.Message = fmt.Sprintf("%s: the answers are cut: %v", e, f.cause)
	default:
		out.Message = fmt.Sprintf("%s: %s", e, details(f))
	}
	return out
}

// details puts what Stripe's support asks for into one line.
func details(f *failure) string {
	parts := []string{fmt.Sprintf("status %d", f.status)}
	if f.kind != "" {
		parts = append(parts, "type "+f.kind)
	}
	if f.code != "" {
		parts = append(parts, "code "+f.code)
	}
	if f.requestID != "" {
		parts = append(parts, "request "+f.requestID)
	}
	return strings.Join(parts, ", ") + ": " + cmp.Or(f.message, "no message")
}

// unreadable explains an answer that is JSON but not what was asked for.
func (r *Reader) unreadable(e endpoint, err error) error {
	if err == nil || rightful.KindOf(err) != "" {
		return err
	}
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe",
		Message: fmt.Sprintf("%s: the answer cannot be read: %s", e, r.scrub(err.Error())),
		Hint:    "check that " + r.host + " is Stripe's API", Err: err}
}

// gaveUp is the caller's own decision, not a fault of Stripe's.
func gaveUp(ctx context.Context, e endpoint, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("%s: %w", e, context.Cause(ctx))
}
