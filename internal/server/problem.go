package server

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/gateway"
)

// problem is an error as it is answered (RFC 9457).
type problem struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail"`
	Instance string `json:"instance"` // the id of the request: the log says more under it

	Code         string            `json:"code"`                    // a word for programs: a status of the gateway, or a kind of error
	Finding      rightful.Code     `json:"finding_code,omitzero"`   // what an audit reports for it
	Field        string            `json:"field,omitempty"`         // of the request's body, path or query
	Hint         string            `json:"hint,omitempty"`          // for whoever develops or operates
	BuyerMessage string            `json:"buyer_message,omitempty"` // may be shown to anybody
	Checks       map[string]string `json:"checks,omitempty"`        // of /readyz
	challenge    string            // WWW-Authenticate
	retryAfter   int               // seconds
	close        bool              // the rest of the body is not worth reading
	cause        error             // for the log
	allow        []string
}

func (p *problem) Error() string { return p.Code + ": " + p.Detail }
func (p *problem) Unwrap() error { return p.cause }

// Codes of the server's own.
const (
	codeBusy     = "busy"
	codeNotReady = "not_ready"
)

// titles are what each status says, in our words.
var titles = map[int]string{
	http.StatusBadRequest:                  "the request cannot be read",
	http.StatusUnauthorized:                "who asks is not known",
	http.StatusForbidden:                   "this token may not ask that",
	http.StatusNotFound:                    "there is no such thing",
	http.StatusMethodNotAllowed:            "this is not asked that way",
	http.StatusConflict:                    "the data do not allow it",
	http.StatusRequestEntityTooLarge:       "the body is too large",
	http.StatusUnsupportedMediaType:        "the body is not JSON",
	http.StatusUnprocessableEntity:         "the request cannot be carried out",
	http.StatusTooManyRequests:             "too many requests",
	http.StatusRequestHeaderFieldsTooLarge: "the headers are too large",
	http.StatusNotImplemented:              "this is not done here",
	http.StatusHTTPVersionNotSupported:     "this version of HTTP is not spoken here",
	http.StatusInternalServerError:         "something is wrong here",
	http.StatusServiceUnavailable:          "this cannot be answered now",
	statusGone:                             "nobody waits for the answer",
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter, requestID string) {
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = titles[p.Status]
	}
	p.Instance = requestID
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if len(p.allow) > 0 {
		h.Set("Allow", strings.Join(p.allow, ", "))
	}
	if p.close {
		h.Set("Connection", "close")
	}
	raw, err := json.Marshal(p, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("server: a problem that is no JSON: " + err.Error())
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(raw, '\n')) // whoever went away does not read it
}

// What is said of refusals to those who may not see other companies.
var refusals = map[gateway.Status]string{
	gateway.NoCompany:    "the user has no company that the resolver names",
	gateway.CompanyGone:  "the company is not there any more",
	gateway.NeedsSignIn:  "the user is not active",
	gateway.NoCustomer:   "the company has no Stripe customer of its own",
	gateway.OtherCompany: "the resolver names another company than was expected",
}

// problemOf turns an error into what is answered. Nobody is told of other companies
// or of what the server stands on, but operators; the log has all of it.
func problemOf(err error, operator bool) *problem {
	var own *problem
	if errors.As(err, &own) {
		return own
	}
	if refusal, ok := errors.AsType[*gateway.Refusal](err); ok {
		p := &problem{Status: http.StatusConflict, Code: string(refusal.Status), Finding: refusal.Code, BuyerMessage: refusal.BuyerMessage, cause: err}
		p.Detail = refusals[refusal.Status]
		if p.Detail == "" {
			p.Detail = "somebody has to look at this company's billing first"
		}
		if operator {
			p.Detail = refusal.Message
		}
		return p
	}
	if no, ok := errors.AsType[*gateway.EventRefusal](err); ok {
		p := &problem{Status: no.Status, Code: no.Code, Title: no.Title, Detail: no.Detail, close: no.Unread(), cause: err}
		if no.Status == http.StatusServiceUnavailable {
			p.retryAfter = 2
			p.cause = errors.Unwrap(no)
		}
		return p
	}
	kind := rightful.KindOf(err)
	p := &problem{Code: string(kind), cause: err}
	var said rightful.Error
	if e, ok := errors.AsType[*rightful.Error](err); ok {
		said = *e
		p.Finding = e.Code
	}
	switch {
	case kind == rightful.KindInvalid && !ofConfig(said.Place):
		p.Status, p.Field = http.StatusUnprocessableEntity, said.Place
	case kind == rightful.KindNotFound:
		p.Status = http.StatusNotFound
	case kind == rightful.KindConflict, kind == rightful.KindAmbiguous, kind == rightful.KindRefused, kind == rightful.KindUnsupported:
		p.Status = http.StatusConflict
		if !operator {
			p.Detail = "the data, or how rightful is set up, do not allow it; the log says more under the id of this request"
			return p
		}
	default:
		return unavailable(p, said, operator, err)
	}
	p.Detail, p.Hint = said.Message, said.Hint
	return p
}

// ofConfig reports whether an error is about how rightful is set up, and not about
// the request.
func ofConfig(place string) bool {
	head, _, _ := strings.Cut(place, ".")
	return head == "directory" || head == "stripe" || head == "state" || head == "webhooks"
}

// unavailable says that it may work later.
func unavailable(p *problem, said rightful.Error, operator bool, err error) *problem {
	p.Status, p.retryAfter = http.StatusServiceUnavailable, 2
	p.Detail = "the database, Stripe or the state cannot be asked now; the log says more under the id of this request"
	switch {
	case said.Kind == rightful.KindUncertain:
		p.Detail = "whether it took effect is not known: ask the same again, and it goes on from there"
	case errors.Is(err, context.DeadlineExceeded):
		p.Detail = "it took too long; ask again"
	}
	if p.Code == "" {
		p.Code = string(rightful.KindUnavailable)
	}
	if operator && said.Message != "" {
		p.Detail, p.Hint = said.Message, said.Hint
	}
	return p
}
