package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/stripeobject"
)

// nobody is an id that no object has. Stripe checks the permission before it
// looks for the object, so asking for it costs one GET and tells whether the
// key may read objects of that type.
const nobody = "rightful_doctor"

// tolerated is how far a clock may be off before signatures and windows of
// creation times suffer. Stripe's webhook signatures allow 300 s.
const tolerated = 5 * time.Second

// coverageSample is how many of the newest customers are looked at to say how
// many carry the ownership tag.
const coverageSample = 100

// wantedEvents are the events by which an app learns of payments. An endpoint
// that gets none of them learns of no payment.
var wantedEvents = []string{"checkout.session.completed", "customer.subscription.created", "customer.subscription.updated", "invoice.paid"}

// Diagnose implements rightful.Diagnoser with about fifteen GETs.
func (r *Reader) Diagnose(ctx context.Context) []rightful.Diagnosis {
	account, err := r.Account(ctx)
	if err != nil {
		return []rightful.Diagnosis{failed(placeKey, err)}
	}
	d := []rightful.Diagnosis{r.diagnoseAccount(account)}
	if r.writes {
		d = append(d, rightful.OK(placeKey, "whether it may write is not tried; the gateway needs rak_customer_write and rak_checkout_session_write, and rak_customer_portal_write to open the customer portal"))
	}
	readable := true
	for _, t := range rightful.StripeTypes() {
		_, _, err := r.Get(ctx, t, nobody)
		if err != nil {
			line := failed(placeKey, err)
			line.Todo = strings.Replace(line.Todo, keyHint, r.keyHint(), 1)
			d = append(d, line)
			readable = readable && t != rightful.TypeCustomer
			continue
		}
		d = append(d, rightful.OK(placeKey, fmt.Sprintf("may read objects of type %s", t)))
	}
	d = append(d, r.diagnoseEvents(ctx))
	if readable && r.keys.Ownership != "" {
		d = append(d, r.diagnoseOwnership(ctx))
	}
	d = append(d, r.diagnoseWebhooks(ctx)...)
	return append(d, r.diagnoseClock())
}

// keyHint leads to a key that may do what it is for.
func (r *Reader) keyHint() string {
	if r.writes {
		return writeKeyHint
	}
	return keyHint
}

func failed(place string, err error) rightful.Diagnosis {
	var own *rightful.Error
	if errors.As(err, &own) {
		return rightful.Fail(place, own.Message, own.Hint)
	}
	return rightful.Fail(place, err.Error(), "")
}

func (r *Reader) diagnoseAccount(a rightful.Account) rightful.Diagnosis {
	mode := "in a mode that neither the key nor any object tells"
	switch {
	case a.LivemodeKnown && a.Livemode:
		mode = "in live mode"
	case a.LivemodeKnown:
		mode = "in test mode"
	}
	if a.ID == "" {
		return rightful.Warn(placeKey, "opens an account that it may not name, "+mode, "let the key read the account, so that another account can be refused")
	}
	kind := "secret"
	if strings.HasPrefix(r.key, "rk_") {
		kind = "restricted"
	}
	says := fmt.Sprintf("a %s key that opens %s %s", kind, a.ID, mode)
	switch {
	case kind == "secret" && r.writes:
		return rightful.Warn(placeKey, says, "the gateway needs no secret key, and more than reading: "+r.keyHint())
	case kind == "secret":
		return rightful.Warn(placeKey, says, "reading needs no secret key: "+keyHint)
	}
	return rightful.OK(placeKey, says)
}

// diagnoseOwnership says how many of the newest customers carry the ownership
// tag: what is untagged is ours only where our rows or stamps reach it.
func (r *Reader) diagnoseOwnership(ctx context.Context) rightful.Diagnosis {
	const place = "ownership.key"
	var customers []rightful.Object
	query := url.Values{"limit": {fmt.Sprint(coverageSample)}}
	err := r.request(ctx, endpoints[rightful.TypeCustomer], "", query, func(body []byte) error {
		var err error
		customers, _, err = stripeobject.DecodePage(body, rightful.TypeCustomer, r.keys, r.known())
		return err
	})
	if err != nil {
		return failed(place, err)
	}
	tagged := 0
	for _, c := range customers {
		if c.Metadata[r.keys.Ownership] != "" {
			tagged++
		}
	}
	says := fmt.Sprintf("%d of the newest %d customers carry metadata.%s", tagged, len(customers), r.keys.Ownership)
	if tagged < len(customers) {
		return rightful.Warn(place, says, "tag customers when they are created; untagged ones are judged only where a link, a row or a non-numeric stamp reaches them")
	}
	return rightful.OK(place, says)
}

// diagnoseEvents says whether the key may read events: what was not delivered,
// and what metadata stood before. It asks for one that does not exist.
func (r *Reader) diagnoseEvents(ctx context.Context) rightful.Diagnosis {
	const place = "stripe.events"
	e := eventList
	e.byID = true
	err := r.request(ctx, e, nobody, nil, func([]byte) error { return nil })
	var f *failure
	switch {
	case err == nil || errors.As(err, &f) && f.missing():
		return rightful.OK(place, "may read events")
	case rightful.KindOf(err) == rightful.KindForbidden:
		return rightful.Warn(place, "the key may not read events, so webhooks that did not arrive go unseen", "add the permission rak_event_read to the key")
	case errors.As(err, &f) && f.status == http.StatusNotFound:
		return rightful.Warn(place, r.host+" has no events to read", "this is no full Stripe: nothing to do on a simulator")
	}
	return failed(place, err)
}

// diagnoseWebhooks says which endpoints are dead or deaf.
func (r *Reader) diagnoseWebhooks(ctx context.Context) []rightful.Diagnosis {
	const place = "stripe.webhooks"
	endpoints, err := r.Endpoints(ctx)
	switch {
	case rightful.KindOf(err) == rightful.KindForbidden:
		return []rightful.Diagnosis{rightful.Warn(place, "the key may not list webhook endpoints, so dead ones go unseen", "add the permission rak_webhook_read to the key")}
	case rightful.KindOf(err) == rightful.KindUnsupported:
		return []rightful.Diagnosis{rightful.Warn(place, r.host+" has no webhook endpoints to list", "this is no full Stripe: nothing to do on a simulator")}
	case err != nil:
		return []rightful.Diagnosis{failed(place, err)}
	case len(endpoints) == 0:
		return []rightful.Diagnosis{rightful.Warn(place, "no webhook endpoint exists", "without webhooks the app learns of payments only from the buyer's browser")}
	}
	var d []rightful.Diagnosis
	for _, e := range endpoints {
		host := hostOf(e.URL)
		switch deaf := !hears(e.EnabledEvents); {
		case e.Status != "enabled":
			d = append(d, rightful.Fail(place, fmt.Sprintf("the endpoint at %s is %s", host, e.Status), "enable it again in Stripe's dashboard, and deliver what it missed"))
		case deaf:
			d = append(d, rightful.Warn(place, fmt.Sprintf("the endpoint at %s gets none of %s", host, strings.Join(wantedEvents, ", ")), "add them if this endpoint is to learn of payments"))
		default:
			d = append(d, rightful.OK(place, fmt.Sprintf("the endpoint at %s is enabled", host)))
		}
	}
	return d
}

// hears reports whether an endpoint gets any event that tells of payments.
func hears(events []string) bool {
	return slices.ContainsFunc(events, func(e string) bool { return e == "*" || slices.Contains(wantedEvents, e) })
}

// hostOf returns the host of an address: its path and query may hold secrets.
func hostOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		return u.Host
	}
	return "an address that is no URL"
}

// diagnoseClock compares our clock with the Date of Stripe's last answer.
func (r *Reader) diagnoseClock() rightful.Diagnosis {
	const place = "clock"
	r.mu.Lock()
	skew, known := r.skew, r.skewKnown
	r.mu.Unlock()
	switch {
	case !known:
		return rightful.Warn(place, r.host+" does not tell the time", "")
	case skew.Abs() > tolerated:
		return rightful.Warn(place, fmt.Sprintf("this machine's clock is %s off Stripe's", skew.Abs().Round(time.Second)), "set the clock by NTP: signatures and the age of payments depend on it")
	}
	return rightful.OK(place, "this machine's clock agrees with Stripe's")
}

// noteDate remembers how far our clock is from the Date of an answer, which has
// whole seconds.
func (r *Reader) noteDate(header http.Header) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skew, r.skewKnown = r.retry.now().Sub(date).Truncate(time.Second), true
}
