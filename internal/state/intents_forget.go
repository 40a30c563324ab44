package state

import (
	"context"
	"database/sql"
)

// A session can be paid for 24 hours (docs.stripe.com/api/checkout/sessions/create,
// expires_at), and its money may take weeks to arrive. What is kept longer only answers
// who belonged where then, for somebody who comes back to an old page.
const (
	sessionKept = 90 * 24 * 60 * 60 // seconds that a session's intent is kept
	forgetEvery = 60 * 60           // seconds between two times of forgetting
	forgetMost  = 1000              // intents at once, so that no buyer waits for it
)

// forget deletes intents of sessions that are long past. Those of customers stay: they
// may be the only memory of a company's customer. What cannot be deleted now is
// deleted another time: no purchase fails by it.
func (s *Store) forget(ctx context.Context) {
	now, last := s.unix(), s.forgot.Load()
	if now-last < forgetEvery || !s.forgot.CompareAndSwap(last, now) {
		return
	}
	var n int64
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		n, err = s.exec(ctx, tx, `DELETE FROM rightful_intents WHERE kind = 'checkout' AND at < $1
			AND at <= (SELECT max(at) FROM (SELECT at FROM rightful_intents WHERE kind = 'checkout' ORDER BY at LIMIT $2) AS oldest)`, now-sessionKept, forgetMost)
		return err
	})
	if err == nil && n >= forgetMost {
		s.forgot.Store(last) // there may be more
	}
}
