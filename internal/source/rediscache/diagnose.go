package rediscache

import (
	"context"
	"errors"

	"rightful"
)

// Diagnose implements rightful.Diagnoser with one PING.
func (r *Reader) Diagnose(ctx context.Context) []rightful.Diagnosis {
	err := r.Ping(ctx)
	var own *rightful.Error
	switch {
	case errors.As(err, &own):
		return []rightful.Diagnosis{rightful.Fail(own.Place, own.Message, own.Hint)}
	case err != nil:
		return []rightful.Diagnosis{rightful.Fail(place, err.Error(), "")}
	}
	return []rightful.Diagnosis{rightful.OK(place, "the cache answers")}
}
