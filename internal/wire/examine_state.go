package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

// stateExaminer examines, for the doctor, where runs are recorded. It opens it for
// reading only, so it makes nothing.
type stateExaminer struct {
	address string
	now     func() time.Time
}

// Diagnose implements rightful.Diagnoser.
func (x stateExaminer) Diagnose(ctx context.Context) []rightful.Diagnosis {
	const place = "state"
	s, err := state.OpenToRead(ctx, x.address, stateOptions("", x.now))
	if rightful.KindOf(err) == rightful.KindNotFound {
		return []rightful.Diagnosis{rightful.OK(place, "nothing was recorded yet: the first repair makes it")}
	}
	if err != nil {
		return []rightful.Diagnosis{failedState(place, err)}
	}
	defer func() { _ = s.Close() }() // it was only read
	runs, err := s.Runs(ctx, journal.Filter{})
	if err != nil {
		return []rightful.Diagnosis{failedState(place, err)}
	}
	lines := []rightful.Diagnosis{rightful.OK(place, fmt.Sprintf("can be read; %d runs are recorded", len(runs)))}
	for _, r := range runs {
		if r.Status != journal.StatusInterrupted || r.UndoneBy != "" {
			continue
		}
		again := "rightful apply --continue " + r.ID + ", or take it back: rightful undo " + r.ID
		if r.Undoes != "" {
			again = "rightful undo --continue " + r.ID
		}
		lines = append(lines, rightful.Warn(place, r.ID+" was cut short, and is half written", "go on: "+again))
	}
	return lines
}

func failedState(place string, err error) rightful.Diagnosis {
	var own *rightful.Error
	if errors.As(err, &own) {
		return rightful.Fail(place, own.Message, own.Hint)
	}
	return rightful.Fail(place, err.Error(), "look whether it can be reached")
}
