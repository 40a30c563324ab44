package state

import (
	"context"
	"database/sql"
	"errors"

	"rightful"
)

var _ rightful.CheckoutRecords = (*Store)(nil)

// CheckoutOf implements rightful.CheckoutRecords.
func (s *Store) CheckoutOf(ctx context.Context, account string, livemode bool, sessionID string) (rightful.CheckoutIntent, bool, error) {
	if sessionID == "" || checkText(account, sessionID) != nil {
		return rightful.CheckoutIntent{}, false, nil // what cannot be kept was not kept
	}
	found := rightful.CheckoutIntent{Account: account, Livemode: livemode, SessionID: sessionID}
	err := s.db.QueryRowContext(ctx, s.d.query(`SELECT company_id, user_id, wish, generation, at FROM rightful_checkout_intents
		WHERE session_id = $1 AND account = $2 AND livemode = $3 ORDER BY at LIMIT 1`), sessionID, account, livemode).
		Scan(&found.CompanyID, &found.UserID, &found.Wish, &found.Generation, &found.At)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return rightful.CheckoutIntent{}, false, nil
	case err != nil:
		return rightful.CheckoutIntent{}, false, s.explain(ctx, err)
	}
	return found, true, nil
}
