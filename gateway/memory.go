package gateway

import (
	"context"
	"fmt"
	"sync"

	"rightful"
)

// Memory is an IntentStore that forgets: for tests, and to try things out in one
// process. A service keeps its intents where other processes, and the next start,
// find them.
type Memory struct {
	mu        sync.Mutex
	customers map[string]rightful.CustomerIntent
	checkouts map[string]rightful.CheckoutIntent
}

var _ rightful.IntentStore = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory {
	return &Memory{customers: map[string]rightful.CustomerIntent{}, checkouts: map[string]rightful.CheckoutIntent{}}
}

// kept applies a change to what is kept under a key, and returns what is kept then.
func kept[T any](ctx context.Context, mu *sync.Mutex, all map[string]T, key string, change func(have T, known bool) (T, bool)) (T, error) {
	mu.Lock()
	defer mu.Unlock()
	have, known := all[key]
	if err := ctx.Err(); err != nil {
		return have, err
	}
	if next, changed := change(have, known); changed {
		all[key], have, known = next, next, true
	}
	if !known {
		return have, &rightful.Error{Kind: rightful.KindInvalid, Place: "intents", Message: "nothing was promised that could be kept"}
	}
	return have, nil
}

func (m *Memory) customer(ctx context.Context, in rightful.CustomerIntent, change func(have rightful.CustomerIntent, known bool) (rightful.CustomerIntent, bool)) (rightful.CustomerIntent, error) {
	key := fmt.Sprintf("%q %v %q", in.Account, in.Livemode, rightful.CanonicalID(in.CompanyID))
	return kept(ctx, &m.mu, m.customers, key, change)
}

// PromiseCustomer implements rightful.IntentStore.
func (m *Memory) PromiseCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	return m.customer(ctx, in, func(_ rightful.CustomerIntent, known bool) (rightful.CustomerIntent, bool) { return in, !known })
}

// KeepCustomer implements rightful.IntentStore.
func (m *Memory) KeepCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	return m.customer(ctx, in, func(have rightful.CustomerIntent, known bool) (rightful.CustomerIntent, bool) {
		fits := known && have.Generation == in.Generation && have.CustomerID == ""
		have.CustomerID = in.CustomerID
		return have, fits
	})
}

// RenewCustomer implements rightful.IntentStore.
func (m *Memory) RenewCustomer(ctx context.Context, in rightful.CustomerIntent) (rightful.CustomerIntent, error) {
	return m.customer(ctx, in, func(have rightful.CustomerIntent, known bool) (rightful.CustomerIntent, bool) {
		return in, known && have.Generation == in.Generation-1
	})
}

func (m *Memory) checkout(ctx context.Context, in rightful.CheckoutIntent, change func(have rightful.CheckoutIntent, known bool) (rightful.CheckoutIntent, bool)) (rightful.CheckoutIntent, error) {
	key := fmt.Sprintf("%q %v %q %q %q", in.Account, in.Livemode, rightful.CanonicalID(in.CompanyID), rightful.CanonicalID(in.UserID), in.Wish)
	return kept(ctx, &m.mu, m.checkouts, key, change)
}

// PromiseCheckout implements rightful.IntentStore.
func (m *Memory) PromiseCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	return m.checkout(ctx, in, func(_ rightful.CheckoutIntent, known bool) (rightful.CheckoutIntent, bool) { return in, !known })
}

// KeepCheckout implements rightful.IntentStore.
func (m *Memory) KeepCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	return m.checkout(ctx, in, func(have rightful.CheckoutIntent, known bool) (rightful.CheckoutIntent, bool) {
		fits := known && have.Generation == in.Generation && have.SessionID == ""
		have.SessionID = in.SessionID
		return have, fits
	})
}

// RenewCheckout implements rightful.IntentStore.
func (m *Memory) RenewCheckout(ctx context.Context, in rightful.CheckoutIntent) (rightful.CheckoutIntent, error) {
	return m.checkout(ctx, in, func(have rightful.CheckoutIntent, known bool) (rightful.CheckoutIntent, bool) {
		return in, known && have.Generation == in.Generation-1
	})
}
