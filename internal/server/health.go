package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Readiness is asked for often, and by anybody: it is looked at this often, and each
// look has this long.
const (
	readyFor    = 5 * time.Second
	readyWithin = 3 * time.Second
)

// readiness remembers whether what the server stands on can be used.
type readiness struct {
	checks []Check
	now    func() time.Time

	mu       sync.Mutex
	at       time.Time
	states   map[string]string
	failed   error
	stopping bool
}

// stop makes the server not ready for good.
func (r *readiness) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
}

// look returns the state of each check. Those who come while it is looked wait for
// what is found.
func (r *readiness) look(ctx context.Context) (states map[string]string, stopping bool, failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return map[string]string{"server": "stopping"}, true, nil
	}
	if now := r.now(); r.states == nil || now.Sub(r.at) >= readyFor || now.Before(r.at) {
		r.at = now
		r.states, r.failed = r.ask(context.WithoutCancel(ctx)) // others want it too
	}
	return r.states, false, r.failed
}

func (r *readiness) ask(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	errs := make([]error, len(r.checks))
	var all sync.WaitGroup
	for i, c := range r.checks {
		all.Go(func() { errs[i] = c.Ask(ctx) })
	}
	all.Wait()
	states := map[string]string{}
	for i, c := range r.checks {
		states[c.Name] = "ok"
		if errs[i] != nil {
			states[c.Name] = "failed" // why is for the log: everybody may ask
		}
	}
	return states, errors.Join(errs...)
}

// healthy answers GET /healthz: the process is alive.
func (s *Server) healthy(http.ResponseWriter, *http.Request, *caller) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

// ready answers GET /readyz: requests can be answered.
func (s *Server) ready(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	states, stopping, err := s.readings.look(r.Context())
	if stopping || err != nil {
		p := &problem{Status: http.StatusServiceUnavailable, Code: codeNotReady, Detail: "something that rightful stands on cannot be used", Checks: states, retryAfter: 5, cause: err}
		if stopping {
			p.Detail = "the server is stopping"
		}
		return nil, p
	}
	return map[string]any{"status": "ready", "checks": states}, nil
}
