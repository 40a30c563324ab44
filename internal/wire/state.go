package wire

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/journal"
	"rightful/internal/look"
	"rightful/internal/state"
)

// StateAt says where state is kept: at an address, or, when that is empty, where
// the config file says.
type StateAt struct {
	Address string
	Config  string
}

// Journal opens the journal. Without write it must be there, and is only read.
// It must be closed. The config is nil when an address was given.
func Journal(ctx context.Context, at StateAt, write bool, actor string, env func(string) (string, bool), now func() time.Time) (journal.Log, *config.Config, error) {
	var c *config.Config
	if at.Address == "" {
		var err error
		if c, err = config.Read(at.Config, env); err != nil {
			return nil, nil, err
		}
		at.Address = c.StateAddress()
	}
	open := state.OpenToRead
	if write {
		open = state.Open
	}
	s, err := open(ctx, at.Address, stateOptions(actor, now))
	if err != nil {
		return nil, c, err // not s: a nil store in an interface is not nil
	}
	return s, c, nil
}

// cacheAgain is how long after their deletion cache keys are looked at again: the
// time within which a reader that has read the database fills the cache.
const cacheAgain = time.Second

// StateUse says what a command does with the journal.
type StateUse int

// The uses.
const (
	StateRead    StateUse = iota // it must be there, and is only read
	StateWritten                 // it must be there: the command is about a run in it
	StateMade                    // it is made where there is none
)

// Record gives an engine its journal: at an address, or, when that is empty, where
// the config of the engine says.
func Record(ctx context.Context, e *engine.Engine, c *config.Config, address string, use StateUse, actor string, now func() time.Time) error {
	if address == "" {
		address = c.StateAddress()
	}
	var s *state.Store
	var err error
	if use != StateMade {
		if s, err = state.OpenToRead(ctx, address, stateOptions(actor, now)); err != nil {
			return err
		}
	}
	if use == StateWritten {
		if err = s.Close(); err != nil {
			return err
		}
	}
	if use != StateRead {
		if s, err = state.Open(ctx, address, stateOptions(actor, now)); err != nil {
			return err
		}
	}
	shut := e.Close
	e.Journal, e.Audits, e.Intents = s, s, s
	if e.Sources.Stripe != nil {
		e.Sources.Record = look.RecordOf(s, asOnce(e.Sources.Stripe.Account))
	}
	e.Close = func() error { return errors.Join(shut(), s.Close()) }
	return nil
}

func stateOptions(actor string, now func() time.Time) state.Options {
	return state.Options{Now: now, Holder: holder(actor), Process: thisProcess(), Dead: dead}
}

// holder names this process for whoever finds an account taken.
func holder(actor string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed machine"
	}
	return fmt.Sprintf("%s on %s, process %d", actor, host, os.Getpid())
}
