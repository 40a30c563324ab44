package journal

import "context"

// Unrecorded returns a run that records nothing, so that whoever applies a plan
// to a world without a journal goes the same way. Its id must be new.
func Unrecorded(id string) Run { return unrecorded(id) }

type unrecorded string

func (u unrecorded) ID() string                              { return string(u) }
func (unrecorded) Before() map[string]StepState              { return nil }
func (unrecorded) Intend(context.Context, ...Intent) error   { return nil }
func (unrecorded) Settle(context.Context, ...Outcome) error  { return nil }
func (unrecorded) FinishUnit(context.Context, UnitEnd) error { return nil }
func (unrecorded) Finish(context.Context, RunEnd) error      { return nil }
func (unrecorded) Beat(context.Context) error                { return nil }
