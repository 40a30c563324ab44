package cli

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// fill fills the mirror from copies, or only looks at it.
func (o *syncOptions) fill(ctx context.Context, s Streams) error {
	from := make([]string, len(o.from))
	for i, text := range o.from {
		var err error
		if from[i], err = variable(text, s.Env); err != nil {
			return err
		}
	}
	asOf, err := moment(o.asOf, s.Now())
	if err != nil {
		return err
	}
	e, c, err := wire.Import(ctx, o.config, s.Env, s.Now(), wire.From{Addresses: from, AsOf: asOf, Stdin: s.In}, wire.Account{ID: o.account})
	if err != nil && ctx.Err() != nil {
		return &rightful.Error{Kind: rightful.KindRefused, Message: "interrupted before anything was read; the mirror is as it was", Hint: "run it again, or rightful sync to read from Stripe", Err: err}
	}
	if err != nil {
		return located(c, err)
	}
	var progress *view.SyncProgress
	if s.ErrIsTerm && o.format == "human" {
		progress = view.NewSyncProgress(s.Err, s.Now)
		e.Importing.Progress = func(p pull.Progress) { progress.Update(e.Expect.Account, p) }
	}
	work := e.Import
	if o.show {
		work = e.Kept
	}
	report, err := work(ctx, s.Now())
	if progress != nil {
		progress.Done()
	}
	if shut := e.Close(); err == nil {
		err = shut // what is not on the disk was not kept
	}
	if err != nil {
		return located(c, err)
	}
	if o.format == "json" {
		err = view.JSON(s.Out, report)
	} else {
		printer(s).Sync(report)
	}
	if err == nil && !report.Complete {
		err = exit(ExitRefused)
	}
	return err
}

var isVariable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

// variable fills in a source that is named by the environment, as a config does: an
// address with a password is for no list of processes.
func variable(text string, env func(string) (string, bool)) (string, error) {
	m := isVariable.FindStringSubmatch(text)
	if m == nil {
		if text == "" {
			return "", usage("--from names nothing", "name a file, or postgres://; in quotation marks when it is a variable: --from '${STRIPE_DATABASE_URL}'")
		}
		return text, nil
	}
	value, is := env(m[1])
	if !is || value == "" {
		return "", usage(fmt.Sprintf("--from: the environment has no %s", m[1]), "set it, or name the copy itself")
	}
	return value, nil
}

// moment reads when a copy was made; empty is 0.
func moment(text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	at, err := since(text, now.Unix())
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateTime} {
		if t, wrong := time.Parse(layout, text); wrong == nil {
			at, err = t.Unix(), nil
		}
	}
	switch {
	case err != nil:
		return 0, usage(fmt.Sprintf("--as-of %q is no point in time", text), "write 2026-01-31T14:00:00Z, 2026-01-31 for its beginning in UTC, 2h for two hours ago, or Unix seconds")
	case at <= 0:
		return 0, usage(fmt.Sprintf("--as-of %q was before Stripe", text), "write when the copy was made")
	case at > now.Unix():
		return 0, usage(fmt.Sprintf("--as-of %q is yet to come", text), "write when the copy was begun: what changed since is taken in from Stripe's events")
	}
	return at, nil
}
