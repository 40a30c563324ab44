package stripesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Control says who may use the control API below /_sim/.
type Control string

// Who may use the control API.
const (
	// ControlLoopback lets this machine use it; the zero value means the same.
	ControlLoopback Control = "loopback"
	// ControlAnywhere lets everybody use it who can reach the server: for a
	// simulator in a container of its own.
	ControlAnywhere Control = "anywhere"
	// ControlOff answers 404.
	ControlOff Control = "off"
)

const (
	controlPrefix = "/_sim/"
	// maxControlBody is for everything but worlds, which have no limit.
	maxControlBody = 1 << 20
)

func isControl(path string) bool {
	return path == strings.TrimSuffix(controlPrefix, "/") || strings.HasPrefix(path, controlPrefix)
}

// controlError is the answer of the control API to what it cannot do. It is
// not of Stripe's form, so that nobody takes one for the other.
type controlError struct {
	status  int
	message string
	hint    string
}

func (e *controlError) Error() string { return e.message }

func badControl(hint, format string, args ...any) *controlError {
	return &controlError{status: http.StatusBadRequest, message: fmt.Sprintf(format, args...), hint: hint}
}

// controlRoute is one endpoint of the control API.
type controlRoute struct {
	method, path string // {id} stands for one segment
	run          func(s *Server, r *http.Request, id string) (any, error)
}

func controlRoutes() []controlRoute {
	return []controlRoute{
		{http.MethodGet, "/_sim/counters", controlCounters},
		{http.MethodPost, "/_sim/reset", controlReset},
		{http.MethodGet, "/_sim/faults", controlFaults},
		{http.MethodPost, "/_sim/faults", controlAddFaults},
		{http.MethodDelete, "/_sim/faults", controlClearFaults},
		{http.MethodGet, "/_sim/clock", controlClock},
		{http.MethodPost, "/_sim/clock", controlSetClock},
		{http.MethodPost, "/_sim/keys", controlAddKey},
		{http.MethodDelete, "/_sim/keys/{id}", controlRevokeKey},
		{http.MethodGet, "/_sim/world", controlWorld},
		{http.MethodPost, "/_sim/world", controlLoadWorld},
		{http.MethodPost, "/_sim/checkout/{id}/complete", controlComplete},
		{http.MethodPost, "/_sim/payment_intents/{id}/settle", controlSettlePayment},
		{http.MethodPost, "/_sim/setup_intents/{id}/settle", controlSettleSetup},
		{http.MethodPost, "/_sim/deliver", controlDeliver},
		{http.MethodGet, "/_sim/deliveries", controlDeliveries},
		{http.MethodPost, "/_sim/deliveries/release", controlRelease},
		{http.MethodGet, "/_sim/webhooks", controlWebhookRules},
		{http.MethodPost, "/_sim/webhooks", controlAddWebhookRule},
		{http.MethodDelete, "/_sim/webhooks", controlClearWebhookRules},
		{http.MethodGet, "/_sim/webhooks/{id}/secret", controlWebhookSecret},
		{http.MethodPost, "/_sim/webhooks/{id}/roll", controlRollSecret},
	}
}

// serveControl answers the control API. Its requests are not counted, limited,
// delayed or met by faults.
func (s *Server) serveControl(w http.ResponseWriter, r *http.Request) {
	status := http.StatusOK
	answer, err := s.controlled(r)
	if err != nil {
		failed, ok := err.(*controlError)
		if !ok {
			failed = badControl("", "%v", err)
		}
		status = failed.status
		body := newObject("message", failed.message)
		if failed.hint != "" {
			body.set("hint", failed.hint)
		}
		answer = newObject("error", body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(encode(answer), '\n'))
}

func (s *Server) controlled(r *http.Request) (any, error) {
	if err := s.mayControl(r); err != nil {
		return nil, err
	}
	segments := strings.Split(r.URL.EscapedPath(), "/")
	var methods []string
	for _, route := range controlRoutes() {
		id, ok := matchPath(route.path, segments)
		if ok && route.method == r.Method {
			return route.run(s, r, id)
		}
		if ok {
			methods = append(methods, route.method)
		}
	}
	if methods != nil {
		return nil, &controlError{status: http.StatusMethodNotAllowed, message: fmt.Sprintf("%s does not take %s", r.URL.Path, r.Method),
			hint: "use " + strings.Join(methods, " or ")}
	}
	var all []string
	for _, route := range controlRoutes() {
		all = append(all, route.method+" "+route.path)
	}
	return nil, &controlError{status: http.StatusNotFound, message: "the control API has no " + shorten(r.URL.Path), hint: "there is " + strings.Join(all, ", ")}
}

// mayControl keeps out other machines, and web pages that a browser on this
// machine shows.
func (s *Server) mayControl(r *http.Request) error {
	switch s.control {
	case ControlOff:
		return &controlError{status: http.StatusNotFound, message: "the control API is off"}
	case ControlAnywhere:
		return nil
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return &controlError{status: http.StatusForbidden, message: "the control API answers on this machine only, and the request came from " + shorten(r.RemoteAddr),
			hint: "set Options.Control to ControlAnywhere, or start rightful sim with --control anywhere"}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
			return &controlError{status: http.StatusForbidden, message: "the control API does not answer web pages", hint: "use a client that is no browser"}
		}
	}
	return nil
}

// decodeStrict reads one JSON value and refuses fields it does not know.
func decodeStrict(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("there is more than one JSON value")
	}
	return nil
}

// readControl reads the JSON body of a control request; none is like {}.
func readControl(r *http.Request, into any, hint string) error {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxControlBody+1))
	switch {
	case err != nil:
		return badControl("", "the body cannot be read: %v", err)
	case len(raw) > maxControlBody:
		return badControl("", "the body is larger than %d bytes", maxControlBody)
	case len(bytes.TrimSpace(raw)) == 0:
		return nil
	}
	if err := decodeStrict(raw, into); err != nil {
		return badControl(hint, "the body cannot be used: %v", err)
	}
	return nil
}

func controlFaults(s *Server, _ *http.Request, _ string) (any, error) {
	return map[string]any{"faults": s.Faults()}, nil
}

func controlAddFaults(s *Server, r *http.Request, _ string) (any, error) {
	const hint = `send one rule, for example {"operation": "customers.create", "status": 500, "times": 2}`
	var rule FaultRule
	if err := readControl(r, &rule, hint); err != nil {
		return nil, err
	}
	if err := s.Fault(rule); err != nil {
		return nil, badControl(hint, "%v", err)
	}
	return controlFaults(s, r, "")
}

func controlClearFaults(s *Server, _ *http.Request, _ string) (any, error) {
	s.ClearFaults()
	return map[string]any{"faults": []FaultState{}}, nil
}

func controlClock(s *Server, _ *http.Request, _ string) (any, error) {
	now := s.now()
	return map[string]any{"now": now.Unix(), "time": now.UTC().Format(time.RFC3339Nano), "advanced": time.Duration(s.offset.Load()).String()}, nil
}

func controlSetClock(s *Server, r *http.Request, _ string) (any, error) {
	const hint = `send {"advance": "24h"} or {"set": 1760000000}`
	in := struct {
		Advance string `json:"advance"`
		Set     *int64 `json:"set"`
	}{}
	if err := readControl(r, &in, hint); err != nil {
		return nil, err
	}
	switch {
	case (in.Advance == "") == (in.Set == nil):
		return nil, badControl(hint, "the clock needs advance or set, and not both")
	case in.Set != nil:
		s.Advance(time.Unix(*in.Set, 0).Sub(s.now()))
	default:
		d, err := time.ParseDuration(in.Advance)
		if err != nil {
			return nil, badControl(hint, "%q is no duration", in.Advance)
		}
		s.Advance(d)
	}
	return controlClock(s, r, "")
}
