package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// handler answers one call: with a value that becomes JSON, or an error.
type handler func(w http.ResponseWriter, r *http.Request, c *caller) (any, error)

// document is JSON already.
type document []byte

// about is what is known of a request while it is answered.
type about struct {
	id     string
	caller string // name of the token
	code   string // of the problem
	cause  error  // what is not told
}

type aboutKey struct{}

func aboutOf(ctx context.Context) *about {
	a, _ := ctx.Value(aboutKey{}).(*about)
	return a
}

func noteCaller(ctx context.Context, name string) {
	if a := aboutOf(ctx); a != nil {
		a.caller = name
	}
}

// RequestIDs adds the id of the request to log lines that are written while it is
// answered.
func RequestIDs(next slog.Handler) slog.Handler { return withID{next} }

type withID struct{ slog.Handler }

// Handle implements slog.Handler.
func (h withID) Handle(ctx context.Context, r slog.Record) error {
	if a := aboutOf(ctx); a != nil {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", a.id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h withID) WithAttrs(attrs []slog.Attr) slog.Handler { return withID{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h withID) WithGroup(name string) slog.Handler { return withID{h.Handler.WithGroup(name)} }

// requestID takes the caller's id of a request, if nothing can be broken with it, or
// makes one.
func requestID(sent string) string {
	if len(sent) >= 1 && len(sent) <= 64 && !strings.ContainsFunc(sent, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
	}) {
		return sent
	}
	return "req-" + strings.ToLower(rand.Text())
}

// answered watches what is answered. Whoever is slow to take it is cut off.
type answered struct {
	http.ResponseWriter
	status int
	within time.Duration
}

// began notes the status, and begins the time in which the answer is to be taken.
// Before a connection is closed, net/http reads what is left of the body: that is not
// waited for as long as for one that is wanted.
func (w *answered) began(status int) {
	w.status = status
	// Servers that cannot do this have their own deadlines, or none.
	c := http.NewResponseController(w.ResponseWriter)
	_ = c.SetWriteDeadline(time.Now().Add(w.within))
	if w.Header().Get("Connection") == "close" {
		_ = c.SetReadDeadline(time.Now().Add(min(unwantedWithin, w.within)))
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *answered) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.began(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *answered) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.began(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what is behind.
func (w *answered) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// received is what every request goes through: it gets its id, its time, a line in
// the log, and an answer even when we are wrong.
func (s *Server) received(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		a := &about{id: requestID(r.Header.Get("X-Request-Id"))}
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), aboutKey{}, a), s.o.Within)
		defer cancel()
		r = r.WithContext(ctx)
		seen := &answered{ResponseWriter: w, within: min(answerWithin, s.patience)}
		h := w.Header()
		h.Set("X-Request-Id", a.id)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		if r.ContentLength != 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			h.Set("Connection", "close") // nobody reads the body, and nobody waits for it
		}
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.o.Logger.ErrorContext(ctx, "panic", "panic", p, "stack", string(debug.Stack()))
				if seen.status != 0 {
					panic(http.ErrAbortHandler) // half an answer must not look whole
				}
				(&problem{Status: http.StatusInternalServerError, Code: "internal", Detail: "the log says more under the id of this request", close: true}).write(seen, a.id)
			}
			s.log(ctx, a, r, seen.status, time.Since(began))
		}()
		next.ServeHTTP(seen, r)
	})
}

// routed gives requests to their routes. The mux would redirect a path that is not
// clean, and who follows loses what was sent.
func (s *Server) routed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if escaped := r.URL.EscapedPath(); r.RequestURI == "*" || escaped != "/" && path.Clean(escaped) != strings.TrimSuffix(escaped, "/") {
			s.unmatched(w, r)
			return
		}
		s.mux.ServeHTTP(w, r)
	})
}

// log writes the one line of a request, unless there are too many of its kind. What was asked is named by its route: a path
// holds ids, and may hold anything.
func (s *Server) log(ctx context.Context, a *about, r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" || route == "/" {
		route = "unmatched"
	}
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("route", route), slog.String("method", method(r)), slog.Int("status", status), slog.Float64("seconds", took.Seconds())}
	if a.caller != "" {
		attrs = append(attrs, slog.String("caller", a.caller))
	}
	if a.cause != nil {
		attrs = append(attrs, slog.String("error", a.cause.Error()))
	}
	switch {
	case status == statusGone:
	case status >= http.StatusInternalServerError:
		level = slog.LevelError
	case status >= http.StatusBadRequest:
		level = slog.LevelWarn
	case route == "GET /healthz" || route == "GET /readyz" || route == "GET /metrics":
		level = slog.LevelDebug
	}
	s.sampler.tell(false)
	c := cause{route, status, a.code, a.caller}
	if c.sampled(level) && !s.sampler.take(c) {
		return
	}
	s.o.Logger.LogAttrs(ctx, level, "request", attrs...)
}

// method is what may be logged of it: a client may send any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// call is a handler behind a token.
func (s *Server) call(scope Scope, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, p := s.authorize(r, scope)
		if p != nil {
			p.close = p.Status != http.StatusTooManyRequests && r.ContentLength != 0
			s.fail(w, r, p, nil)
			return
		}
		if !s.calls.enter() {
			s.fail(w, r, busy(), c)
			return
		}
		defer s.calls.leave()
		s.answer(w, r, c, h)
	})
}

func busy() *problem {
	return &problem{Status: http.StatusServiceUnavailable, Code: codeBusy, Detail: "too many requests at a time; ask again", retryAfter: 1}
}

// public is a handler for everybody.
func (s *Server) public(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, nil, h) })
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, c *caller, h handler) {
	value, err := h(w, r, c)
	if err != nil {
		s.fail(w, r, err, c)
		return
	}
	raw, ready := value.(document)
	if !ready {
		var b bytes.Buffer
		if err := json.MarshalWrite(&b, value, json.Deterministic(true), json.FormatNilSliceAsNull(false), jsontext.AllowInvalidUTF8(true)); err != nil {
			panic("server: an answer that is no JSON: " + err.Error())
		}
		raw = append(b.Bytes(), '\n')
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(raw) // whoever went away does not read it
}

// statusGone stands in log and metrics for a request whose client did not wait for the
// answer. No standard has one; proxies use the same.
const statusGone = 499

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error, c *caller) {
	a := aboutOf(r.Context())
	p := problemOf(err, c.operator())
	if errors.Is(r.Context().Err(), context.Canceled) && errors.Is(err, context.Canceled) && !s.cutOff.Load() {
		p.Status = statusGone // nobody reads it
	}
	a.code, a.cause = p.Code, p.cause
	p.write(w, a.id)
}

// unmatched answers what no route takes.
func (s *Server) unmatched(w http.ResponseWriter, r *http.Request) {
	p := &problem{Status: http.StatusNotFound, Code: "not_found", Detail: "no call has this path; GET /openapi.json lists them"}
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := s.mux.Handler(other); pattern != "/" && pattern != "" && m != r.Method && !(m == http.MethodGet && r.Method == http.MethodHead) {
			p.allow = append(p.allow, m)
		}
	}
	if escaped := r.URL.EscapedPath(); escaped != "/" && path.Clean(escaped) != escaped {
		p.Hint = "a path has no slash at its end, and no empty parts, . or .. in it"
	}
	if len(p.allow) > 0 {
		p.Status, p.Code, p.Detail = http.StatusMethodNotAllowed, "method_not_allowed", "ask with "+strings.Join(p.allow, " or ")
		if p.allow[0] == http.MethodGet {
			p.allow = slices.Insert(p.allow, 1, http.MethodHead)
		}
	}
	p.close = r.ContentLength != 0
	s.fail(w, r, p, nil)
}
