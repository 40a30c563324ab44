package gateway

import (
	"context"
	"slices"
	"sync"

	"rightful"
)

// Memory is an IntentStore that forgets: for tests, and to try things out in one
// process. A service keeps its intents where other processes, and the next start,
// find them.
type Memory struct {
	mu   sync.Mutex
	kept map[rightful.Intent]rightful.Intent // by what identifies them alone
}

var (
	_ rightful.IntentStore   = (*Memory)(nil)
	_ rightful.IntentRecords = (*Memory)(nil)
)

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{kept: map[rightful.Intent]rightful.Intent{}} }

// change applies a change to what is kept under an intent's key, and returns what is
// kept then.
func (m *Memory) change(ctx context.Context, in rightful.Intent, change func(have rightful.Intent, known bool) (next rightful.Intent, changed bool)) (rightful.Intent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := rightful.Intent{
		Kind: in.Kind, Account: in.Account, Livemode: in.Livemode,
		CompanyID: rightful.CanonicalID(in.CompanyID), UserID: rightful.CanonicalID(in.UserID), Wish: in.Wish,
	}
	have, known := m.kept[key]
	if err := ctx.Err(); err != nil {
		return have, err
	}
	if next, changed := change(have, known); changed {
		m.kept[key], have, known = next, next, true
	}
	if !known {
		return have, &rightful.Error{Kind: rightful.KindNotFound, Place: "intents", Message: "nothing was promised"}
	}
	return have, nil
}

// Kept implements rightful.IntentStore.
func (m *Memory) Kept(ctx context.Context, in rightful.Intent) (rightful.Intent, bool, error) {
	kept, err := m.change(ctx, in, func(have rightful.Intent, _ bool) (rightful.Intent, bool) { return have, false })
	if rightful.KindOf(err) == rightful.KindNotFound {
		return rightful.Intent{}, false, nil
	}
	return kept, err == nil, err
}

// Promise implements rightful.IntentStore.
func (m *Memory) Promise(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return m.change(ctx, in, func(_ rightful.Intent, known bool) (rightful.Intent, bool) { return in, !known })
}

// Send implements rightful.IntentStore.
func (m *Memory) Send(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return m.change(ctx, in, func(have rightful.Intent, known bool) (rightful.Intent, bool) {
		fits := known && have.Generation == in.Generation && have.ObjectID == ""
		if have.SentAt == 0 {
			have.At = in.SentAt
		}
		have.SentAt = max(have.SentAt, in.SentAt)
		return have, fits
	})
}

// Keep implements rightful.IntentStore.
func (m *Memory) Keep(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return m.change(ctx, in, func(have rightful.Intent, known bool) (rightful.Intent, bool) {
		fits := known && have.Generation == in.Generation && have.ObjectID == ""
		have.ObjectID = in.ObjectID
		return have, fits
	})
}

// Renew implements rightful.IntentStore.
func (m *Memory) Renew(ctx context.Context, in rightful.Intent) (rightful.Intent, error) {
	return m.change(ctx, in, func(have rightful.Intent, known bool) (rightful.Intent, bool) {
		return in, known && have.Generation == in.Generation-1
	})
}

// CheckoutsOf implements rightful.IntentRecords.
func (m *Memory) CheckoutsOf(ctx context.Context, account string, livemode bool, sessionIDs []string) (map[string]rightful.Intent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	made := map[string]rightful.Intent{}
	for _, in := range m.kept {
		if in.Kind == rightful.IntentCheckout && in.Account == account && in.Livemode == livemode && in.ObjectID != "" && slices.Contains(sessionIDs, in.ObjectID) {
			made[in.ObjectID] = in
		}
	}
	return made, ctx.Err()
}

// Promised implements rightful.IntentRecords.
func (m *Memory) Promised(ctx context.Context, account string, livemode bool, companyIDs []string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var promised []string
	for _, in := range m.kept {
		if in.Account == account && in.Livemode == livemode && slices.Contains(companyIDs, in.CompanyID) {
			promised = append(promised, in.CompanyID)
		}
	}
	slices.Sort(promised)
	return slices.Compact(promised), ctx.Err()
}
