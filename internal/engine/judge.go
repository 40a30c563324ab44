package engine

import (
	"context"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/look"
)

// around reads the surroundings of a subject.
func (e *Engine) around(ctx context.Context, src collect.Sources, about rightful.Subject) (*rightful.Situation, rightful.Subject, error) {
	return look.Around(ctx, src, e.Options, e.Rules, about)
}

// judged judges a situation, with a second look at what the first verdict turned on.
func (e *Engine) judged(ctx context.Context, src collect.Sources, sit *rightful.Situation) (judge.Verdict, error) {
	return look.Judged(ctx, src, e.Options, e.Rules, sit)
}
