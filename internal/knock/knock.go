// Package knock sends events to the webhook endpoint of an app, to see what it
// does with them.
package knock

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"rightful"
)

// APIVersion is what events say when nothing else is asked for: Stripe's version
// that this program speaks.
const APIVersion = "2026-06-24.dahlia"

// longestAnswer is how much of an answer is read, in bytes: only its status counts.
const longestAnswer = 64 << 10

// Door is one endpoint.
type Door struct {
	url    *url.URL
	client *http.Client
	within time.Duration
}

// New returns the endpoint of an address. One answer may take as long as within.
// Errors are of kind invalid, and hold nothing of the address but its scheme.
func New(address string, within time.Duration) (*Door, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, invalid("is not an address", "write https://app.example.com/webhooks/stripe")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, invalid(fmt.Sprintf("%.20q is neither http nor https", u.Scheme), "write https://app.example.com/webhooks/stripe")
	}
	u.Fragment = ""
	return &Door{url: u, within: within, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func invalid(message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "--webhook-url", Message: message, Hint: hint}
}

// Shown returns scheme and host: path and query may hold a token.
func (d *Door) Shown() string { return d.url.Scheme + "://" + d.url.Host }

// Post sends one event and returns the status of the answer. signature is left out
// when it is empty. Redirects are not followed. Errors are of kind unreachable when
// nobody could be spoken to, and unavailable when there was no answer in time, or
// none that could be read.
func (d *Door) Post(ctx context.Context, body []byte, signature string) (status int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, d.within, errSlow)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url.String(), bytes.NewReader(body))
	if err != nil {
		return 0, d.failed(ctx, err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "rightful-postdeploy")
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return 0, d.failed(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }() // its status was read
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, longestAnswer)); err != nil && ctx.Err() != nil {
		return 0, d.failed(ctx, err)
	}
	return resp.StatusCode, nil
}

// errSlow ends an answer that takes too long.
var errSlow = errors.New("no answer in time")

// failed says why there is no answer, without the address.
func (d *Door) failed(ctx context.Context, err error) error {
	var (
		dial    *net.OpError
		timeout net.Error
		unknown *net.DNSError
		alien   x509.UnknownAuthorityError
		name    x509.HostnameError
		record  tls.RecordHeaderError
	)
	own := &rightful.Error{Kind: rightful.KindUnavailable, Place: "--webhook-url", Err: errors.Unwrap(err)}
	dialling := errors.As(err, &dial) && dial.Op == "dial"
	switch {
	case errors.As(err, &unknown):
		own.Kind, own.Message = rightful.KindUnreachable, "there is no host "+d.url.Hostname()
	case dialling:
		own.Kind, own.Message = rightful.KindUnreachable, d.url.Host+" does not take connections"
	case errors.As(err, &alien), errors.As(err, &name):
		own.Kind, own.Message = rightful.KindUnreachable, "the certificate of "+d.url.Host+" is not to be trusted"
	case errors.As(err, &record):
		own.Kind, own.Message = rightful.KindUnreachable, d.url.Host+" does not speak TLS"
	case errors.Is(context.Cause(ctx), errSlow), errors.As(err, &timeout) && timeout.Timeout():
		own.Message = fmt.Sprintf("%s did not answer within %v", d.url.Host, d.within)
	default:
		own.Message = d.url.Host + " broke off before it answered"
	}
	return own
}
