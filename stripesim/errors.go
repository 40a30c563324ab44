package stripesim

import (
	"fmt"
	"net/http"
	"strings"
)

// apiError is what a client reads under "error". Its type, code and message
// mirror Stripe's, because clients match on them (Stripe docs: api/errors,
// error-codes).
type apiError struct {
	status  int
	kind    string // "type" on the wire
	code    string
	message string
	param   string
	// unexecuted marks failures that come before the operation ran. Stripe
	// keeps no idempotent result for those (Stripe docs: error-low-level).
	unexecuted bool
	extra      *object // further fields, for example decline_code
	reason     string  // Stripe-Rate-Limited-Reason
	// nameless answers have no Request-Id: they never became a request.
	nameless bool
}

// Error gives the status and the message.
func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.kind, e.message) }

// notFound is the error of a method of Server that was given an id that names
// nothing, so that the control API can answer 404.
type notFound struct{ message string }

// Error gives the message.
func (e *notFound) Error() string { return e.message }

func nothingNamed(format string, args ...any) error {
	return &notFound{message: fmt.Sprintf(format, args...)}
}

const invalidRequest = "invalid_request_error"

// invalid is a 400 for parameters that were refused before execution.
func invalid(code, param, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, kind: invalidRequest, code: code, param: param,
		message: fmt.Sprintf(format, args...), unexecuted: true}
}

// refused is a 400 for a request that was well formed but does not fit the
// state of the object. It is a result of execution, so replays repeat it.
func refused(code, param, format string, args ...any) *apiError {
	e := invalid(code, param, format, args...)
	e.unexecuted = false
	return e
}

func unauthorized(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusUnauthorized, kind: invalidRequest, code: code,
		message: fmt.Sprintf(format, args...), unexecuted: true}
}

func forbidden(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusForbidden, kind: invalidRequest, code: code,
		message: fmt.Sprintf(format, args...), unexecuted: true}
}

func unrecognizedURL(method, path string) *apiError {
	return &apiError{status: http.StatusNotFound, kind: invalidRequest, unexecuted: true,
		message: fmt.Sprintf("Unrecognized request URL (%s: %s). The simulator models no such endpoint; docs/stripesim.md lists those it does.", method, shorten(path))}
}

// missing is the answer for an id that names nothing. Stripe answers 404 when
// the id stands in the path and 400 when it is a parameter.
func missing(status int, noun, id, param, elsewhere string) *apiError {
	return &apiError{status: status, kind: invalidRequest, code: "resource_missing", param: param,
		message: fmt.Sprintf("No such %s: '%s'%s", noun, shorten(id), elsewhere)}
}

func docURL(code string) string {
	return "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
}

// body writes the error as Stripe does. The log URL leads nowhere; it is there
// because clients decode and print it.
func (e *apiError) body(requestID string, livemode bool) []byte {
	o := newObject()
	if e.code != "" {
		o.set("code", e.code)
		o.set("doc_url", docURL(e.code))
	}
	o.set("message", e.message)
	if e.param != "" {
		o.set("param", e.param)
	}
	mode := "test/"
	if livemode {
		mode = ""
	}
	if !e.nameless {
		o.set("request_log_url", "https://dashboard.stripe.com/"+mode+"logs/"+requestID)
	}
	o.set("type", e.kind)
	if e.extra != nil {
		for _, f := range e.extra.fields {
			o.set(f.name, f.value)
		}
	}
	return newObject("error", o).raw()
}
