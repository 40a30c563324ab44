package wire

import (
	"context"
	"errors"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/source/sqldirectory"
)

// Constraints returns an engine over the database that a config file names, and
// nothing else: rules need no Stripe. The engine must be closed. writing is for
// the command that adds rules: through the address in RIGHTFUL_DDL_DSN where there
// is one, else through the same. wait is how long a statement waits for a lock.
func Constraints(ctx context.Context, path string, env func(string) (string, bool), now time.Time, writing bool, wait time.Duration) (*engine.Engine, *config.Config, error) {
	c, err := config.Read(path, env)
	if err != nil {
		return nil, nil, err
	}
	e, p := newEngine(c, now.Unix()), &parts{}
	e.Close = p.close
	fail := func(err error) (*engine.Engine, *config.Config, error) {
		return nil, c, errors.Join(err, p.close())
	}
	directory, err := sqldirectory.Open(ctx, c.Directory.DSN, mapping(c))
	if err != nil {
		return fail(err)
	}
	p.closers = append(p.closers, directory.Close)
	e.Constraining.Reader = directory
	if !writing {
		return e, c, nil
	}
	dsn := c.Directory.DSN
	if other, _ := env("RIGHTFUL_DDL_DSN"); other != "" {
		owner, err := sqldirectory.Open(ctx, other, mapping(c))
		if err != nil {
			return fail(ofVariable(err))
		}
		p.closers = append(p.closers, owner.Close)
		e.Constraining.Owner, directory, dsn = owner, owner, other
	}
	writer, err := sqldirectory.OpenConstraintWriter(ctx, directory, dsn, wait)
	if err != nil {
		return fail(err)
	}
	p.closers = append(p.closers, writer.Close)
	e.Constraining.Writer = writer
	return e, c, nil
}

// ofVariable gives an error about the address in RIGHTFUL_DDL_DSN that place.
func ofVariable(err error) error {
	own, ok := errors.AsType[*rightful.Error](err)
	if !ok || own.Place != "directory.dsn" {
		return err
	}
	at := *own
	at.Place = "RIGHTFUL_DDL_DSN"
	return &at
}
