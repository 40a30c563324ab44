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

// Record gives an engine its journal: at an address, or, when that is empty, where
// the config of the engine says. Without write it is only read, and must be there.
func Record(ctx context.Context, e *engine.Engine, c *config.Config, address string, write bool, actor string, now func() time.Time) error {
	if address == "" {
		address = c.StateAddress()
	}
	open := state.OpenToRead
	if write {
		open = state.Open
	}
	s, err := open(ctx, address, stateOptions(actor, now))
	if err != nil {
		return err
	}
	shut := e.Close
	e.Journal, e.Close = s, func() error { return errors.Join(shut(), s.Close()) }
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
