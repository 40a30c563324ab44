package stripesim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// maxBody is far above any request Stripe accepts.
const maxBody = 1 << 20

var versionForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[a-z]+)?(;.*)?$`)

// ServeHTTP answers one request. The order of the checks is Stripe's: URL,
// key, account, permission, parameters, idempotency, and only then the object.
// Rate limits come as soon as the account is known. Below /_sim/ it serves the
// control API, and at the addresses that sessions name it serves pages to
// browsers (docs/stripesim.md).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isControl(r.URL.Path) {
		w.Header().Set("Date", s.date())
		s.serveControl(w, r)
		return
	}
	if isPage(r.URL.Path) {
		w.Header().Set("Date", s.date())
		s.servePage(w, r)
		return
	}
	number := s.requests.Add(1)
	x := &exchange{server: s, request: r, header: w.Header(), number: number, leave: func() {},
		requestID: "req_" + token(s.seed, "request", number, 14)}
	defer func() { x.leave() }()
	status, body := x.answer()
	x.wait()
	x.header.Set("Date", s.date())
	s.counters.answered(status, x.header.Get(reasonHeader))
	x.send(w, status, body)
}

// date is the Date header of an answer. Clients measure their own clock's skew
// by it, and the only clock that objects and deadlines here go by is this one.
func (s *Server) date() string { return s.now().UTC().Format(http.TimeFormat) }

// exchange is one request and the headers of its answer.
type exchange struct {
	server    *Server
	request   *http.Request
	header    http.Header
	requestID string
	livemode  bool
	number    uint64 // of the request, from 1
	waited    bool
	leave     func()     // ends the request for the concurrency limit
	fault     *FaultRule // nil in most requests
}

func (x *exchange) answer() (int, []byte) {
	s, r := x.server, x.request
	x.header.Set("Content-Type", "application/json")
	x.header.Set("Cache-Control", "no-cache, no-store")
	x.header.Set("Request-Id", x.requestID)
	version := r.Header.Get("Stripe-Version")
	if version == "" {
		version = DefaultVersion
	}
	x.header.Set("Stripe-Version", version)

	path := r.URL.EscapedPath()
	op, id := s.route(r.Method, path)
	s.counters.add(r.Method, op)
	key, acct, err := x.identify()
	if err == nil {
		if limited := x.enter(op, acct, s.modeOf(acct, key)); limited != nil {
			return x.fail(limited)
		}
	}
	x.fault = s.faults.take(r.Method, path, op)
	if status, body, failed := x.failBefore(); failed {
		return status, body
	}
	if op == nil {
		return x.fail(unrecognizedURL(r.Method, path))
	}
	if !versionForm.MatchString(version) {
		return x.fail(invalid("", "", "Invalid Stripe API version: %s", shorten(version)))
	}
	if err != nil {
		return x.fail(err)
	}
	for _, name := range []string{"Stripe-Account", "Stripe-Context"} {
		if r.Header.Get(name) != "" {
			x.header.Set(name, acct.id)
		}
	}
	if err := key.allows(op.permission, acct.id); err != nil {
		return x.fail(err)
	}
	form, err := x.form()
	if err != nil {
		return x.fail(err)
	}
	c := &call{tx: tx{server: s, account: acct, livemode: s.modeOf(acct, key), now: s.now().Unix(),
		cause: cause{requestID: x.requestID, idempotencyKey: r.Header.Get("Idempotency-Key")}}, key: key, op: op, id: id, base: s.base(r)}
	status, body := x.idempotent(c, form)
	return x.failAfter(status, body)
}

// identify finds the key of a request and the account it works on.
func (x *exchange) identify() (credential, *account, *apiError) {
	key, err := x.server.authenticate(x.request)
	if err != nil {
		x.header.Set("WWW-Authenticate", `Bearer realm="Stripe"`)
		return key, nil, err
	}
	x.livemode = key.livemode
	acct, err := x.server.accountOf(key, x.request)
	return key, acct, err
}

// form reads the parameters from the query and the body; curl sends either.
func (x *exchange) form() (*node, *apiError) {
	form := newHash()
	if err := parseForm(form, x.request.URL.RawQuery); err != nil {
		return nil, err
	}
	if x.request.Method == http.MethodGet || x.request.Body == nil {
		return form, nil
	}
	body, readErr := io.ReadAll(io.LimitReader(x.request.Body, maxBody+1))
	if readErr != nil {
		return nil, invalid("", "", "The request body could not be read: %v", readErr)
	}
	if len(body) > maxBody {
		return nil, invalid("", "", "The request body is larger than %d bytes.", maxBody)
	}
	kind := x.request.Header.Get("Content-Type")
	if isV2(x.request.URL.Path) {
		if len(body) > 0 && !strings.HasPrefix(kind, "application/json") {
			return nil, invalid("", "", "The v2 API reads JSON bodies: send Content-Type: application/json, not %s.", shorten(kind))
		}
		return form, parseJSON(form, body)
	}
	if len(body) > 0 && kind != "" && !strings.HasPrefix(kind, "application/x-www-form-urlencoded") {
		return nil, invalid("", "", "The v1 API reads form-encoded bodies: send Content-Type: application/x-www-form-urlencoded, not %s.", shorten(kind))
	}
	return form, parseForm(form, string(body))
}

// idempotent executes a POST once per Idempotency-Key and repeats its answer
// afterwards. Keys have no effect on GET and DELETE, which are idempotent by
// themselves (Stripe docs: api/idempotent_requests).
func (x *exchange) idempotent(c *call, form *node) (int, []byte) {
	key := x.request.Header.Get("Idempotency-Key")
	if key != "" {
		x.header.Set("Idempotency-Key", key)
	}
	if key == "" || x.request.Method != http.MethodPost {
		status, body, _ := x.execute(c, form)
		return status, body
	}
	if len(key) > maxIdempotencyKey {
		return x.fail(invalid("", "", "Idempotency keys must be at most %d characters long.", maxIdempotencyKey))
	}
	var fingerprint strings.Builder
	fingerprint.WriteString(x.request.Method + " " + x.request.URL.EscapedPath() + " ")
	form.fingerprint(&fingerprint)

	memory := &c.store().idem
	first, err := memory.begin(key, fingerprint.String(), x.requestID, c.now)
	if err != nil {
		return x.fail(err)
	}
	if first != nil {
		x.header.Set("Original-Request", first.requestID)
		x.header.Set("Idempotent-Replayed", "true")
		return first.status, first.body
	}
	status, body, executed := x.execute(c, form)
	memory.finish(key, status, body, executed)
	// Stripe names the original request on the first answer too: only
	// Idempotent-Replayed tells a replay.
	x.header.Set("Original-Request", x.requestID)
	return status, body
}

// execute checks the parameters and runs the operation under the lock of its
// account. executed is false when nothing was begun.
func (x *exchange) execute(c *call, form *node) (status int, body []byte, executed bool) {
	body, err := x.run(c, form)
	if fault := x.fault.kept(); fault != nil && (err == nil || !err.unexecuted) {
		err = fault
	}
	if err != nil {
		status, body = x.fail(err)
		return status, body, !err.unexecuted
	}
	return http.StatusOK, body, true
}

func (x *exchange) run(c *call, form *node) (body json.RawMessage, err *apiError) {
	if c.params, err = c.op.params.check(form, ""); err != nil {
		return nil, err
	}
	paths, _ := c.params.of["expand"].([]any)
	if c.expand, err = c.server.compileExpand(c.op, c.key, c.account.id, paths); err != nil {
		return nil, err
	}
	defer func() {
		if fault := recover(); fault != nil {
			body, err = nil, &apiError{status: http.StatusInternalServerError, kind: "api_error",
				message: fmt.Sprintf("The simulator failed inside %s: %v", c.op.name, fault)}
		}
	}()
	unlock, err := x.lockObject(c)
	if err != nil {
		return nil, err
	}
	defer unlock()
	x.wait()
	if c.server.beforeRun != nil {
		c.server.beforeRun(c.op.name)
	}
	c.server.passTime(c.account, c.now)
	if c.op.unlocked {
		return x.fault.run(c)
	}
	if c.op.writes {
		c.account.mu.Lock()
		defer c.account.mu.Unlock()
	} else {
		c.account.mu.RLock()
		defer c.account.mu.RUnlock()
	}
	return x.fault.run(c)
}

func (x *exchange) fail(err *apiError) (int, []byte) {
	if err.reason != "" {
		x.header.Set(reasonHeader, err.reason)
	}
	if err.nameless {
		x.header.Del("Request-Id")
	}
	if isV2(x.request.URL.Path) {
		return err.status, err.bodyV2()
	}
	return err.status, err.body(x.requestID, x.livemode)
}
