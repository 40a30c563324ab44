package stripesim

import (
	"net/http"
	"sync"
)

const (
	// idempotencySeconds is how long an answer is kept, by the server's clock.
	// Stripe may prune keys once they are 24 h old; the simulator always does.
	idempotencySeconds = 24 * 60 * 60
	maxIdempotencyKey  = 255
)

// idempotency remembers the answers to POSTs of one account and mode by their
// Idempotency-Key (Stripe docs: api/idempotent_requests).
type idempotency struct {
	mu      sync.Mutex
	answers map[string]*answer
	oldest  []string // keys in the order of first use, for pruning
}

// answer is the first execution under a key.
type answer struct {
	fingerprint string
	at          int64
	running     bool
	status      int
	body        []byte
	requestID   string
}

func (m *idempotency) init() { m.answers = map[string]*answer{} }

// reset forgets every key. A request that is running now is not remembered.
func (m *idempotency) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers, m.oldest = map[string]*answer{}, nil
}

// begin claims a key. It returns a finished answer to replay, or an error, or
// neither: then the caller executes and must call finish.
func (m *idempotency) begin(key, fingerprint, requestID string, now int64) (*answer, *apiError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prune(now)
	a := m.answers[key]
	if a != nil && a.stale(now) {
		a = nil // behind a younger key in the queue, so not pruned yet
	}
	switch {
	case a == nil:
		m.answers[key] = &answer{fingerprint: fingerprint, at: now, running: true, requestID: requestID}
		m.oldest = append(m.oldest, key)
		return nil, nil
	case a.fingerprint != fingerprint:
		return nil, &apiError{status: http.StatusBadRequest, kind: "idempotency_error", unexecuted: true,
			message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + shorten(key) + "' if you meant to execute a different request."}
	case a.running:
		return nil, &apiError{status: http.StatusConflict, kind: "idempotency_error", code: "idempotency_key_in_use", unexecuted: true,
			message: "There is currently another in-progress request using this Idempotency-Key (" + shorten(key) + "). Please try again later."}
	}
	return a, nil
}

// finish keeps the answer of an execution, server errors included, or forgets
// the key when nothing was executed.
func (m *idempotency) finish(key string, status int, body []byte, executed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.answers[key]
	if a == nil || !a.running {
		return
	}
	if !executed {
		delete(m.answers, key)
		return
	}
	a.running, a.status, a.body = false, status, body
}

func (m *idempotency) prune(now int64) {
	for len(m.oldest) > 0 {
		a := m.answers[m.oldest[0]]
		if a != nil && !a.stale(now) {
			return
		}
		delete(m.answers, m.oldest[0])
		m.oldest = m.oldest[1:]
	}
}

func (a *answer) stale(now int64) bool { return !a.running && now-a.at >= idempotencySeconds }
