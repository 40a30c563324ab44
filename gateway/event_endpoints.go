package gateway

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"rightful"
)

// servedAt is where rightful serve takes events.
const servedAt = "/v1/webhooks/stripe"

// asksFor returns what tells whether an event of a type should have been delivered here:
// our endpoint asks for it, be it disabled by now. Where no endpoint can be seen, any
// should.
func (w *Webhooks) asksFor(ctx context.Context) (func(t string) bool, error) {
	endpoints, err := w.g.opt.Stripe.Endpoints(ctx)
	switch rightful.KindOf(err) {
	case "":
		if err != nil {
			return nil, err
		}
	case rightful.KindForbidden, rightful.KindUnsupported:
		endpoints = nil
	default:
		return nil, err
	}
	if len(endpoints) == 0 {
		return func(string) bool { return true }, nil
	}
	return w.asked(endpoints)
}

// asked returns what tells whether our endpoint asks for events of a type. It is the one
// that the options name; else those at the path of rightful serve; else nobody can say
// which is ours, and it is for sure asked for what all ask for.
func (w *Webhooks) asked(endpoints []rightful.WebhookEndpoint) (func(t string) bool, error) {
	ours := func(is func(rightful.WebhookEndpoint) bool) []rightful.WebhookEndpoint {
		return slices.DeleteFunc(slices.Clone(endpoints), func(e rightful.WebhookEndpoint) bool { return !is(e) })
	}
	asksFor := func(t string) func(rightful.WebhookEndpoint) bool {
		return func(e rightful.WebhookEndpoint) bool {
			return slices.Contains(e.EnabledEvents, "*") || slices.Contains(e.EnabledEvents, t)
		}
	}
	own := ours(func(e rightful.WebhookEndpoint) bool { return servedBelow(e.URL, servedAt) })
	if named := w.o.Endpoint; named != "" {
		own = ours(func(e rightful.WebhookEndpoint) bool { return e.ID == named || e.URL == named })
		if len(own) == 0 {
			return nil, &rightful.Error{
				Kind: rightful.KindInvalid, Place: "webhooks.endpoint", Message: "the account has no webhook endpoint " + quoted(named),
				Hint: "write the id (we_...) or the address of one that Stripe's dashboard lists, in the mode of the key",
			}
		}
	}
	if len(own) > 0 {
		return func(t string) bool { return slices.ContainsFunc(own, asksFor(t)) }, nil
	}
	return func(t string) bool {
		return !slices.ContainsFunc(endpoints, func(e rightful.WebhookEndpoint) bool { return !asksFor(t)(e) })
	}, nil
}

// servedBelow reports whether an address ends in a path.
func servedBelow(address, path string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), path)
}
