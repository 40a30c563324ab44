package wire

import (
	"context"
	"sync"
	"time"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/look"
	"rightful/internal/state"
)

// ownRecord tells what the gateway made, and for whom, from the state that the config
// names. It is opened when something is to be told, and most runs never ask. Where there
// is no state, nothing is kept; one that cannot be read is an error to whoever asks.
type ownRecord struct {
	address string

	mu     sync.Mutex
	opened bool
	store  *state.Store // nil: there is none
}

// of returns the record of one account, which is asked for when something is to be told.
func (m *ownRecord) of(account func(context.Context) (rightful.Account, error)) collect.Record {
	return recordOfAccount{m, asOnce(account)}
}

type recordOfAccount struct {
	record  *ownRecord
	account func(context.Context) (rightful.Account, error)
}

// CheckoutsOf implements collect.Record.
func (r recordOfAccount) CheckoutsOf(ctx context.Context, sessionIDs []string) (map[string]rightful.Intent, error) {
	s, err := r.record.open(ctx)
	if err != nil || s == nil {
		return nil, err
	}
	return look.RecordOf(s, r.account).CheckoutsOf(ctx, sessionIDs)
}

// Promised implements collect.Record.
func (r recordOfAccount) Promised(ctx context.Context, companyIDs []string) ([]string, error) {
	s, err := r.record.open(ctx)
	if err != nil || s == nil {
		return nil, err
	}
	return look.RecordOf(s, r.account).Promised(ctx, companyIDs)
}

func (m *ownRecord) open(ctx context.Context) (*state.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.opened {
		s, err := state.OpenToRead(ctx, m.address, stateOptions("", time.Now))
		switch {
		case rightful.KindOf(err) == rightful.KindNotFound:
		case err != nil:
			return nil, err
		default:
			m.store = s
		}
		m.opened = true
	}
	return m.store, nil
}

func (m *ownRecord) close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.store == nil {
		return nil
	}
	return m.store.Close()
}

// asOnce asks which account a key opens until it is answered, and no more after that.
func asOnce(ask func(context.Context) (rightful.Account, error)) func(context.Context) (rightful.Account, error) {
	var mu sync.Mutex
	var known *rightful.Account
	return func(ctx context.Context) (rightful.Account, error) {
		mu.Lock()
		defer mu.Unlock()
		if known == nil {
			account, err := ask(ctx)
			if err != nil {
				return account, err
			}
			known = &account
		}
		return *known, nil
	}
}
