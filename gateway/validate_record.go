package gateway

import (
	"context"

	"rightful"
)

var _ rightful.CheckoutRecords = (*Memory)(nil)

// CheckoutOf implements rightful.CheckoutRecords.
func (m *Memory) CheckoutOf(ctx context.Context, account string, livemode bool, sessionID string) (rightful.CheckoutIntent, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range m.checkouts {
		if sessionID != "" && in.SessionID == sessionID && in.Account == account && in.Livemode == livemode {
			return in, true, ctx.Err()
		}
	}
	return rightful.CheckoutIntent{}, false, ctx.Err()
}
