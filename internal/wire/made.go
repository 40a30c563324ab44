package wire

import (
	"context"
	"sync"
	"time"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/look"
	"rightful/internal/source/worldfile"
	"rightful/internal/state"
)

// madeSessions tells for whom the gateway made sessions, from the state that the config
// names. It is opened when something is to be told, and most runs never ask. Where there
// is no state, nothing is kept; one that cannot be read is an error to whoever asks.
type madeSessions struct {
	address string

	mu     sync.Mutex
	opened bool
	store  *state.Store // nil: there is none
}

// of returns what tells of the sessions of one account, which is asked for when something
// is to be told.
func (m *madeSessions) of(account func(context.Context) (rightful.Account, error)) collect.Made {
	account = asOnce(account)
	return func(ctx context.Context, sessions []string) (map[string]rightful.Intent, error) {
		s, err := m.open(ctx)
		if err != nil || s == nil {
			return nil, err
		}
		return look.RecordsOf(s, account)(ctx, sessions)
	}
}

func (m *madeSessions) open(ctx context.Context) (*state.Store, error) {
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

func (m *madeSessions) close() error {
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

// madeIn tells what a world says of how its sessions were made.
func madeIn(w *worldfile.World) collect.Made {
	kept := w.Made()
	if len(kept) == 0 {
		return nil
	}
	return func(ctx context.Context, sessions []string) (map[string]rightful.Intent, error) {
		made := map[string]rightful.Intent{}
		for _, id := range sessions {
			if in, known := kept[id]; known {
				made[id] = in
			}
		}
		return made, ctx.Err()
	}
}
