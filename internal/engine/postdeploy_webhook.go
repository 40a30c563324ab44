package engine

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rightful"
)

// WebhookEndpoint is the address of the app that takes Stripe's events.
type WebhookEndpoint interface {
	// Shown names the address without anything that could be a secret.
	Shown() string
	// Post sends one event and returns the status of the answer. Redirects are not
	// followed. Errors are of kind unreachable when nobody could be spoken to, and
	// unavailable when somebody could, and there was no whole answer in time.
	Post(ctx context.Context, body []byte, signature string) (status int, err error)
}

// WebhookInput says how the app's webhook endpoint is tried.
type WebhookInput struct {
	Endpoint   WebhookEndpoint
	Secrets    []string // an event is signed with all of them, as Stripe does while a secret is rolled
	APIVersion string   // of the events
}

// WebhookReport is what the app's webhook endpoint did.
type WebhookReport struct {
	URL       string         `json:"url"` // without path, query and credentials
	Checks    []WebhookCheck `json:"checks"`
	Unreached string         `json:"unreached"` // why nobody could be spoken to; then nothing is known
}

// WebhookCheck is what the endpoint did with one event.
type WebhookCheck struct {
	Name     string            `json:"name"`
	Expects  string            `json:"expects"`
	Status   int               `json:"status"` // of the answer; 0: there was none
	OK       bool              `json:"ok"`
	Severity rightful.Severity `json:"severity"` // of what is wrong; info when nothing is
	Security bool              `json:"security"`
	Message  string            `json:"message"`
	Hint     string            `json:"hint"`
}

func (w *WebhookReport) ok() bool {
	if w == nil {
		return true
	}
	for _, c := range w.Checks {
		if !c.OK {
			return false
		}
	}
	return true
}

// noOpEvent is the type of the event that is sent: no app acts on it.
const noOpEvent = "rightful.postdeploy"

// knock sends an event that the app must take, and two that it must refuse.
func (e *Engine) knock(ctx context.Context, in WebhookInput, account rightful.Account, now func() time.Time) *WebhookReport {
	w := &WebhookReport{URL: in.Endpoint.Shown(), Checks: []WebhookCheck{}}
	at := now().Unix()
	const takes, refuses = "2xx", "4xx"
	for _, try := range []struct {
		name, expects string
		secrets       []string
	}{
		{"a signed event", takes, in.Secrets},
		{"an event without a signature", refuses, nil},
		{"an event that is signed with another secret", refuses, []string{"whsec_" + rand.Text()}},
	} {
		body := noOp(in.APIVersion, account.Livemode, at)
		signature := ""
		if len(try.secrets) > 0 {
			signature = signed(body, try.secrets, at)
		}
		c := WebhookCheck{Name: try.name, Expects: try.expects, Severity: rightful.SeverityInfo}
		var err error
		c.Status, err = in.Endpoint.Post(ctx, body, signature)
		switch {
		case ctx.Err() != nil:
			return w
		case rightful.KindOf(err) == rightful.KindUnreachable:
			w.Unreached = plain(err)
			return w
		case err != nil:
			c.Severity = rightful.SeverityError
			c.Message, c.Hint = plain(err), "Stripe gives up on an endpoint that does not answer, and sends the event again: take the event, answer, and do the work afterwards"
			w.Checks = append(w.Checks, c)
			return w // who does not answer is not made to wait twice more
		case try.expects == takes:
			c.taken()
		default:
			c.refused()
		}
		w.Checks = append(w.Checks, c)
	}
	return w
}

// taken rules on the answer to an event that is Stripe's as far as anybody can tell.
func (c *WebhookCheck) taken() {
	c.OK = c.Status/100 == 2
	switch {
	case c.OK:
		c.Message = fmt.Sprintf("is taken: status %d", c.Status)
		return
	case c.Status/100 == 3:
		c.Message, c.Hint = fmt.Sprintf("is redirected: status %d. Stripe does not follow redirects", c.Status), "register the address that it leads to; look for a missing slash at the end, and for http instead of https"
	case c.Status/100 == 4:
		c.Message, c.Hint = fmt.Sprintf("is refused: status %d. Stripe's events will be too", c.Status),
			"is the secret of this endpoint in stripe.webhook_secrets, and the same in the app? does the app refuse types that it does not know, or the API version (--api-version)? is the path right?"
	default:
		c.Message, c.Hint = fmt.Sprintf("fails: status %d", c.Status), "read the app's log: an event of a type that it does not know must not break it"
	}
	c.Severity = rightful.SeverityError
}

// refused rules on the answer to an event that nobody should believe.
func (c *WebhookCheck) refused() {
	c.OK = c.Status/100 == 4
	switch {
	case c.OK:
		c.Message = fmt.Sprintf("is refused: status %d", c.Status)
	case c.Status/100 == 2:
		c.Severity, c.Security = rightful.SeverityError, true
		c.Message, c.Hint = fmt.Sprintf("is accepted: status %d. Whoever knows the address can tell the app that anybody paid", c.Status),
			"verify Stripe-Signature over the raw body before anything else, and answer 400 when it is wrong"
	case c.Status/100 == 3:
		c.Severity = rightful.SeverityError
		c.Message, c.Hint = fmt.Sprintf("is redirected: status %d", c.Status), "register the address that it leads to"
	default:
		c.Severity = rightful.SeverityWarning
		c.Message, c.Hint = fmt.Sprintf("fails: status %d, instead of being refused", c.Status), "answer 400 to a wrong signature: a failure is sent again, and hides real ones"
	}
}

// noOp returns an event that nobody acts on.
func noOp(version string, livemode bool, at int64) []byte {
	type object = map[string]any
	event := object{
		"id": "evt_rightful_" + strings.ToLower(rand.Text()), "object": "event", "type": noOpEvent, "created": at, "livemode": livemode,
		"data": object{"object": object{"id": "rightful_postdeploy", "object": noOpEvent}}, "pending_webhooks": 0,
		"request": object{"id": nil, "idempotency_key": nil},
	}
	if version != "" {
		event["api_version"] = version
	}
	raw, err := json.Marshal(event)
	if err != nil {
		panic("engine: an event that is no JSON: " + err.Error())
	}
	return raw
}

// signed returns the Stripe-Signature of a body (docs.stripe.com/webhooks#verify-manually):
// an HMAC over the time, a dot and the body, for each secret.
func signed(body []byte, secrets []string, at int64) string {
	header := fmt.Sprintf("t=%d", at)
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.", at)
		mac.Write(body)
		header += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	return header
}
