package wire

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
	"rightful/internal/jobs"
	"rightful/internal/pull"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sqldirectory"
	"rightful/internal/source/stripeapi"
)

// do does a slice of a task. It is the background of the account: requests that somebody
// waits for come first.
func (s *scheduling) do(ctx context.Context, lease *jobs.Lease, within time.Duration) (jobs.Done, error) {
	a, err := s.of(lease.TaskKey)
	if err != nil {
		return jobs.Done{}, err
	}
	a.holding(1)
	defer a.holding(-1)
	asking, spent := stripeapi.InBackground(ctx, lease.Check)
	var done jobs.Done
	switch lease.Task {
	case rightful.TaskSync:
		done, err = a.sync(asking, within)
	case rightful.TaskAudit:
		done, err = a.audit(asking)
	default:
		err = fmt.Errorf("there is no task %q", lease.Task)
	}
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx) // what was cut off is no run
	}
	done.GETs = spent.GETs()
	return done, err
}

// sync fills the mirror for as long as a slice lasts. What was read is kept.
func (a *scheduledAccount) sync(ctx context.Context, within time.Duration) (jobs.Done, error) {
	m, err := a.openMirror(ctx)
	if err != nil {
		return jobs.Done{}, err
	}
	e := newEngine(a.config, a.now().Unix())
	e.Sources.Stripe = a.reader()
	e.Mirroring = mirroring(a.config, e.Options.Keys, a.stripe, m)
	slice, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := e.Sync(slice, engine.SyncInput{})
	if err != nil {
		return jobs.Done{}, err
	}
	if r.Refused == nil && r.Account != "" {
		a.compared()
	}
	if r.Interrupted {
		return jobs.Done{More: true, Further: readAnything(r)}, nil
	}
	d := jobs.Done{Outcome: outcome(r.Refused != nil, r.Complete), Usual: true, Detail: strings.Join(r.IncompleteBecause, "; ")}
	if r.Refused != nil {
		d.Detail = r.Refused.Message
	}
	changed, objects := int64(0), int64(0)
	for _, l := range r.Lists {
		d.Usual = d.Usual && l.How == pull.HowEvents // a first reading is done once
		changed, objects = changed+l.New+l.Changed, objects+l.Objects
	}
	if d.Detail == "" {
		d.Detail = fmt.Sprintf("%d objects, %d of them new or changed", objects, changed)
	}
	return d, nil
}

func readAnything(r *engine.SyncReport) bool {
	for _, l := range r.Lists {
		if l.Read > 0 || l.Lookups > 0 {
			return true
		}
	}
	return false
}

// knownAccount does not ask again which account a key opens.
type knownAccount struct {
	*stripeapi.Reader
	account rightful.Account
}

// Account implements rightful.StripeReader.
func (k knownAccount) Account(context.Context) (rightful.Account, error) { return k.account, nil }

func (s *scheduling) openMirror(ctx context.Context) (*mirror.Mirror, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mirror == nil {
		m, err := mirror.Open(ctx, s.config.MirrorAddress(), mirror.Options{})
		if err != nil {
			return nil, err
		}
		s.mirror = m
	}
	return s.mirror, nil
}

// audit judges everything, as rightful audit --record does.
func (a *scheduledAccount) audit(ctx context.Context) (d jobs.Done, err error) {
	e, _, problems := open(ctx, a.config, a.now(), sqldirectory.Open)
	defer func() { err = errors.Join(err, e.Close()) }()
	if len(problems) > 0 {
		return d, problems[0]
	}
	known, err := accept.Read(filepath.Join(filepath.Dir(a.path), accept.FileName))
	if err != nil {
		return d, err
	}
	kept := &keptAudit{}
	e.Accepted, e.Intents, e.Audits = known.List, a.state, kept
	e.Sources.Stripe = a.reader() // one pace for all who ask
	in, err := a.fromMirror(ctx, e)
	if err != nil {
		return d, err
	}
	r, err := e.Audit(ctx, in)
	if err != nil {
		return d, err
	}
	if r.Refused == nil && r.Account != "" {
		a.compared()
	}
	if _, err := e.RecordAudit(ctx, r); err != nil {
		return d, err
	}
	d = jobs.Done{Outcome: outcome(r.Refused != nil, r.Complete), Usual: r.Complete, Audit: &kept.result, Detail: strings.Join(r.IncompleteBecause, "; ")}
	switch {
	case r.Refused != nil:
		d.Detail = r.Refused.Message
	case r.Complete:
		d.Detail = fmt.Sprintf("%d errors, %d warnings", r.Counts.Errors, r.Counts.Warnings)
	}
	return d, nil
}

// fromMirror lets an audit read the mirror where the config wants it.
func (a *scheduledAccount) fromMirror(ctx context.Context, e *engine.Engine) (in engine.AuditInput, err error) {
	s := a.config.Schedule.Audit
	if !s.Mirror {
		return in, nil
	}
	m, err := a.openMirror(ctx)
	if err != nil {
		return in, err
	}
	e.Mirrored = mirrored(a.config, e, m)
	in.Mirror = &engine.FromMirror{MaxAge: s.MaxAgeOf()}
	return in, nil
}

func outcome(refused, complete bool) rightful.TaskOutcome {
	switch {
	case refused:
		return rightful.TaskRefused
	case !complete:
		return rightful.TaskIncomplete
	}
	return rightful.TaskComplete
}

// keptAudit takes what is to be recorded: it is kept together with the end of the run.
type keptAudit struct {
	rightful.AuditKeeper
	result rightful.AuditResult
}

// RecordAudit implements rightful.AuditKeeper.
func (k *keptAudit) RecordAudit(_ context.Context, r rightful.AuditResult) (rightful.AuditRecord, error) {
	k.result = r
	return r.AuditRecord, nil
}
