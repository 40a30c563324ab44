package wire

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rightful"
	"rightful/internal/config"
	"rightful/internal/journal"
	"rightful/internal/state"
)

// stateExaminer examines, for the doctor, where runs are recorded. It opens it for
// reading only, so it makes nothing.
type stateExaminer struct {
	address string
	alerts  []config.Alert
	now     func() time.Time
}

// Diagnose implements rightful.Diagnoser.
func (x stateExaminer) Diagnose(ctx context.Context) []rightful.Diagnosis {
	const place = "state"
	s, err := state.OpenToRead(ctx, x.address, stateOptions("", x.now))
	if rightful.KindOf(err) == rightful.KindNotFound {
		return []rightful.Diagnosis{rightful.OK(place, "nothing was recorded yet: rightful serve, audit --record and the first repair make it")}
	}
	if rightful.KindOf(err) == rightful.KindUnsupported {
		own, _ := errors.AsType[*rightful.Error](err)
		return []rightful.Diagnosis{rightful.Warn(place, own.Message, "the next command that writes, such as rightful serve, brings it up to date")}
	}
	if err != nil {
		return []rightful.Diagnosis{failedState(place, err)}
	}
	defer func() { _ = s.Close() }() // it was only read
	runs, err := s.Runs(ctx, journal.Filter{})
	if err != nil {
		return []rightful.Diagnosis{failedState(place, err)}
	}
	lines := []rightful.Diagnosis{rightful.OK(place, fmt.Sprintf("can be read (schema %d); %d runs are recorded", s.Schema(), len(runs)))}
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
	return append(lines, x.watched(ctx, s)...)
}

// watched says what waits for somebody.
func (x stateExaminer) watched(ctx context.Context, s *state.Store) (lines []rightful.Diagnosis) {
	n, err := s.CountEvents(ctx, x.now().Add(-givenUpFor).Unix())
	if err != nil {
		return []rightful.Diagnosis{failedState("state", err)}
	}
	if n.Pending > 0 && n.OldestPending < x.now().Add(-eventsWithin).Unix() {
		lines = append(lines, rightful.Warn("state", fmt.Sprintf("%d events wait to be judged, the oldest for %v", n.Pending, x.now().Sub(time.Unix(n.OldestPending, 0)).Round(time.Second)), "is rightful serve running, and what does its log say?"))
	}
	if n.Dead > 0 {
		lines = append(lines, rightful.Warn("state", fmt.Sprintf("%d events of the last week were given up: nobody can say whose they are", n.Dead), "rightful investigate "+n.DeadIDs[1].ID))
	}
	if n.Untold > 0 {
		lines = append(lines, rightful.Warn("state", fmt.Sprintf("%d events of the last week were not taken by the app, and are not told any more", n.Untold), "look at the app's log, and at webhooks.notify"))
	}
	channels, err := s.AlertChannels(ctx)
	if err != nil {
		return append(lines, failedState("state", err))
	}
	for _, c := range channels {
		if c.Failures > 0 && slices.ContainsFunc(x.alerts, func(a config.Alert) bool { return a.Name == c.Name }) {
			lines = append(lines, rightful.Warn("alerts", "channel "+c.Name+" fails: "+c.Error, "rightful alerts test "+c.Name))
		}
	}
	return lines
}

// eventsWithin is in what time events are judged.
const eventsWithin = time.Minute

func failedState(place string, err error) rightful.Diagnosis {
	var own *rightful.Error
	if errors.As(err, &own) {
		return rightful.Fail(place, own.Message, own.Hint)
	}
	return rightful.Fail(place, err.Error(), "look whether it can be reached")
}
