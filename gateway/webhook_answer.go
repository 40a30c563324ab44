package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"rightful"
)

// Codes of an EventRefusal.
const (
	EventBadSignature = "bad_signature" // missing, wrong, or of another secret
	EventOutOfTime    = "out_of_time"   // signed too long ago, or in the future
	EventTooLarge     = "too_large"
	EventBadBody      = "bad_body"           // signed, and no event
	EventNotStored    = "not_stored"         // it could not be kept: Stripe sends it again
	EventMethod       = "method_not_allowed" // anything but POST
)

// EventRefusal is why an event was not taken. Its texts may be shown to anybody, and
// repeat nothing of the request.
type EventRefusal struct {
	Status int    // of HTTP
	Code   string // one of the above
	Title  string
	Detail string

	kind  rightful.ErrorKind
	cause error
}

// Error implements error.
func (r *EventRefusal) Error() string { return r.Title + ": " + r.Detail }

// Unwrap returns what kept an event from being stored.
func (r *EventRefusal) Unwrap() error { return r.cause }

// Unread reports whether what was not read of the body is not worth reading for the
// sake of the connection.
func (r *EventRefusal) Unread() bool { return r.Code != EventMethod && r.Code != EventNotStored }

func badSignature(detail string) *EventRefusal {
	return &EventRefusal{Status: http.StatusBadRequest, Code: EventBadSignature, Title: "the signature is not good", Detail: detail, kind: rightful.KindUnauthorized}
}

func noEvent(detail string) *EventRefusal {
	return &EventRefusal{Status: http.StatusBadRequest, Code: EventBadBody, Title: "this is no event", Detail: detail, kind: rightful.KindInvalid}
}

func tooLarge() *EventRefusal {
	return &EventRefusal{
		Status: http.StatusRequestEntityTooLarge, Code: EventTooLarge, Title: "the body is too large", Detail: "an event of Stripe is smaller", kind: rightful.KindInvalid,
	}
}

// refused tells of a request that was not accepted. There is no line in the log for
// it: anybody can send any number.
func (w *Webhooks) refused(ctx context.Context, no *EventRefusal) {
	if no.Code == EventMethod {
		return // nobody tried to send an event
	}
	w.o.Tally.refused(no.Code)
	if w.g.opt.OnDecision != nil {
		w.g.opt.OnDecision(ctx, Decision{Kind: DecidedWebhook, At: w.g.now(), Error: string(no.kind)})
	}
}

// Take reads the event of a request and keeps it, durably; an event that was kept
// before is no error. It answers nothing: nil is 200, and every error is an
// *EventRefusal, which says what to answer.
func (w *Webhooks) Take(res http.ResponseWriter, req *http.Request) error {
	err := w.take(res, req)
	if err == nil {
		return nil
	}
	var no *EventRefusal
	if !errors.As(err, &no) {
		no = &EventRefusal{
			Status: http.StatusServiceUnavailable, Code: EventNotStored, Title: "the event could not be stored", Detail: "send it again later", kind: rightful.KindUnavailable, cause: err,
		}
		w.g.opt.Logger.ErrorContext(req.Context(), "webhook not stored", "kind", string(rightful.KindOf(err)), "error", err.Error())
	}
	w.refused(req.Context(), no)
	return no
}

func (w *Webhooks) take(res http.ResponseWriter, req *http.Request) error {
	if req.Method != http.MethodPost {
		return &EventRefusal{
			Status: http.StatusMethodNotAllowed, Code: EventMethod, Title: "only POST is answered", Detail: "Stripe sends events with POST", kind: rightful.KindInvalid,
		}
	}
	if req.ContentLength > w.o.MaxBody {
		return tooLarge()
	}
	s, err := w.early(req.Header.Get("Stripe-Signature"))
	if err != nil {
		return err
	}
	// Servers that cannot do this have their own deadline, or none.
	_ = http.NewResponseController(res).SetReadDeadline(time.Now().Add(readBodyWithin))
	body, err := io.ReadAll(http.MaxBytesReader(res, req.Body, w.o.MaxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge()
	case err != nil:
		return noEvent("the body ends early")
	}
	return w.accept(req.Context(), body, s)
}

// ServeHTTP answers 200 when the event is kept, durably, also when it was before. It
// answers 400 to a signature that is not good or a body that is no event, 405 to
// anything but POST, 413 to a body that is too large, and 503 when the event could
// not be kept: Stripe sends it again. Errors are application/problem+json and repeat
// nothing of the request; their instance is the X-Request-Id that the answer has
// already.
func (w *Webhooks) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	err := w.Take(res, req)
	var no *EventRefusal
	if !errors.As(err, &no) {
		res.WriteHeader(http.StatusOK)
		return
	}
	h := res.Header()
	raw, err := json.Marshal(struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Status   int    `json:"status"`
		Detail   string `json:"detail"`
		Instance string `json:"instance,omitempty"`
		Code     string `json:"code"`
	}{"about:blank", no.Title, no.Status, no.Detail, h.Get("X-Request-Id"), no.Code})
	if err != nil {
		panic("gateway: texts that are no JSON: " + err.Error())
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if no.Code == EventMethod {
		h.Set("Allow", http.MethodPost)
	}
	if no.Unread() {
		h.Set("Connection", "close")
	}
	res.WriteHeader(no.Status)
	_, _ = res.Write(append(raw, '\n')) // whoever went away does not read it
}
