package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
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

// What the server can do without for a while is looked at less often, as each look may
// be paid for. A good answer stands for goodFor, and a bad one for badFor.
const (
	goodFor = time.Hour
	badFor  = 5 * time.Minute
)

// States of a check, as everybody may see them: why is for the log.
const (
	stateOK      = "ok"
	stateFailed  = "failed"
	stateUnknown = "unknown" // it has not answered yet
)

// readiness remembers whether what the server stands on can be used.
type readiness struct {
	checks []Check
	now    func() time.Time
	log    *slog.Logger

	mu       sync.Mutex
	at       time.Time
	states   map[string]string // of what it cannot do without
	failed   error
	beside   map[string]*standing // what it can do without, by name
	stopping bool
}

// standing is what is known of something that the server can do without.
type standing struct {
	state  string
	asked  time.Time
	lasts  time.Duration // since it was asked
	asking bool
}

// stop makes the server not ready for good.
func (r *readiness) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping = true
}

// look returns the state of each check. Those who come while it is looked wait for
// what is found, but nobody waits for what the server can do without.
func (r *readiness) look(ctx context.Context) (states map[string]string, stopping bool, failed error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopping {
		return map[string]string{"server": "stopping"}, true, nil
	}
	ctx = context.WithoutCancel(ctx) // others want it too
	r.askBeside(ctx)
	if now := r.now(); r.states == nil || now.Sub(r.at) >= readyFor || now.Before(r.at) {
		r.at = now
		r.states, r.failed = r.ask(ctx)
	}
	states = maps.Clone(r.states)
	for name, s := range r.beside {
		states[name] = s.state
	}
	return states, false, r.failed
}

// askBeside begins to ask again what the server can do without, where the last answer
// does not stand any more. The lock is held.
func (r *readiness) askBeside(ctx context.Context) {
	now := r.now()
	for _, c := range r.checks {
		if !c.Beside {
			continue
		}
		s := r.beside[c.Name]
		if s == nil {
			s = &standing{state: stateUnknown}
			if r.beside == nil {
				r.beside = map[string]*standing{}
			}
			r.beside[c.Name] = s
		}
		if s.asking || s.lasts > 0 && now.Sub(s.asked) < s.lasts && !now.Before(s.asked) {
			continue
		}
		s.asking, s.asked = true, now
		go r.answerBeside(ctx, c, s)
	}
}

func (r *readiness) answerBeside(ctx context.Context, c Check, s *standing) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err := c.Ask(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	s.asking, s.state, s.lasts = false, stateOK, goodFor
	if err != nil {
		s.state, s.lasts = stateFailed, badFor
		r.log.LogAttrs(ctx, slog.LevelWarn, "rightful runs without something that it needs", slog.String("check", c.Name), slog.String("error", err.Error()))
	}
}

// ask asks what the server cannot do without.
func (r *readiness) ask(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	errs := make([]error, len(r.checks))
	var all sync.WaitGroup
	for i, c := range r.checks {
		if !c.Beside {
			all.Go(func() { errs[i] = c.Ask(ctx) })
		}
	}
	all.Wait()
	states := map[string]string{}
	for i, c := range r.checks {
		switch {
		case c.Beside:
		case errs[i] != nil:
			states[c.Name] = stateFailed
		default:
			states[c.Name] = stateOK
		}
	}
	return states, errors.Join(errs...)
}

// healthy answers GET /healthz: the process is alive.
func (s *Server) healthy(http.ResponseWriter, *http.Request, *caller) (any, error) {
	return map[string]string{"status": "ok"}, nil
}

// ready answers GET /readyz: requests can be answered, some of them at least. Without
// Stripe its events are still taken, and what needs no Stripe is still told; all
// instances would be without it at the same time.
func (s *Server) ready(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	states, stopping, err := s.readings.look(r.Context())
	if stopping || err != nil {
		p := &problem{Status: http.StatusServiceUnavailable, Code: codeNotReady, Detail: "something that rightful stands on cannot be used", Checks: states, retryAfter: 5, cause: err}
		if stopping {
			p.Detail = "the server is stopping"
		}
		return nil, p
	}
	status := "ready"
	for _, state := range states {
		if state == stateFailed {
			status = "degraded"
		}
	}
	return map[string]any{"status": status, "checks": states}, nil
}
