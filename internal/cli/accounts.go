package cli

import (
	"context"

	"rightful/internal/config"
	"rightful/internal/engine"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// openedEach is an engine for each account that a command is about. With one account it is
// what opened is.
type openedEach struct {
	*opened
	all  []*engine.Engine
	each []*engine.AuditReport // what an audit of several reported of each
}

// openEach opens the target with what is accepted. The caller closes it.
func (k *knownFindings) openEach(ctx context.Context, t *target, s Streams) (*openedEach, error) {
	f, _, err := k.read(t, false) // before anything that takes long
	if err != nil {
		return nil, err
	}
	o, err := t.openEach(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, e := range o.all {
		e.Accepted = f.List
	}
	return o, nil
}

// openEach opens every account of a config with several, unless one was named. The caller
// closes it.
func (t *target) openEach(ctx context.Context, s Streams) (*openedEach, error) {
	several := false
	if t.world == "" && t.account == "" {
		c, err := config.Read(t.config, s.Env)
		several = err == nil && c.Several() // an error is told by who opens it
	}
	if !several {
		o, err := t.open(ctx, s)
		if err != nil {
			return nil, err
		}
		return &openedEach{opened: o, all: []*engine.Engine{o.Engine}}, nil
	}
	engines, c, shut, err := wire.Accounts(ctx, t.config, s.Env, s.Now())
	if err != nil {
		return nil, located(c, err)
	}
	o := &openedEach{opened: &opened{Engine: engines[0], config: c}, all: engines}
	engines[0].Close = shut
	if s.ErrIsTerm && t.format == "human" {
		o.progress = view.NewProgress(s.Err, s.Now)
		for _, e := range engines {
			e.Options.Progress = func(what string, done int) { o.progress.Update(e.Expect.Account+" "+what, done) }
		}
	}
	return o, nil
}

// record opens the state that audits are kept in.
func (o *openedEach) record(ctx context.Context, s Streams, address string) error {
	first := o.all[0]
	if err := wire.Record(ctx, first, o.config, address, wire.StateMade, whoami(s), s.Now); err != nil {
		return err
	}
	for _, e := range o.all[1:] {
		e.Journal, e.Audits, e.Intents = first.Journal, first.Audits, first.Intents
	}
	return nil
}

// audit audits the one account, or all of them.
func (o *openedEach) audit(ctx context.Context, in engine.AuditInput) (*engine.AuditReport, error) {
	if len(o.all) == 1 {
		return o.Audit(ctx, in)
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	r, each, err := engine.AuditAccounts(ctx, o.all, in)
	o.each = each
	return r, err
}

// investigate investigates in the one account, or in that which has WHO.
func (o *openedEach) investigate(ctx context.Context, who string) (*engine.Investigation, error) {
	if len(o.all) == 1 {
		return o.Investigate(ctx, who)
	}
	return engine.InvestigateAccounts(ctx, o.all, who)
}

// keep records what was found.
func (o *openedEach) keep(ctx context.Context, r *engine.AuditReport) error {
	if len(o.all) > 1 {
		return engine.RecordAccounts(ctx, o.all, r, o.each)
	}
	kept, err := o.RecordAudit(ctx, r)
	if err == nil {
		r.Recorded = &kept
	}
	return err
}
