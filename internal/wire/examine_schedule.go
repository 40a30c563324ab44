package wire

import (
	"context"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/state"
)

// scheduled says what runs by itself, and when. Of a state that nobody has made yet only
// the config tells.
func (x serveExaminer) scheduled(ctx context.Context) []rightful.Diagnosis {
	const place = "schedule"
	c := x.config
	if !c.Schedule.Configured() {
		return []rightful.Diagnosis{rightful.OK(place, "is not set: nothing is synced or audited by itself")}
	}
	if err := refusedSchedule(c, time.Now()); err != nil {
		return []rightful.Diagnosis{failedState(place, err)}
	}
	lines := []rightful.Diagnosis{}
	for _, cost := range costs(c, nil) {
		lines = append(lines, rightful.OK(place+"."+string(cost.Task), fmt.Sprintf("%s; at least %d of %d GETs a month", cost.Rule, cost.Rule.InMonth(time.Now())*cost.GETs, c.Schedule.Reads())))
	}
	s, err := state.OpenToRead(ctx, c.StateAddress(), stateOptions("", time.Now))
	if err != nil {
		return lines // the line about the state says so
	}
	defer func() { _ = s.Close() }() // it was only read
	all, err := s.Schedules(ctx)
	if err != nil {
		return append(lines, failedState("state", err))
	}
	own := map[string]bool{}
	for _, a := range c.Stripe {
		own[a.Account] = true
	}
	for _, k := range all {
		if own[k.Account] || own[""] {
			lines = append(lines, x.ran(k))
		}
	}
	return lines
}

// missedFor is how long after it was due a task that nobody runs is worth a warning.
const missedFor = 10 * time.Minute

func (x serveExaminer) ran(k rightful.Scheduled) rightful.Diagnosis {
	place := fmt.Sprintf("schedule.%s", k.Task)
	clock := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC") }
	last := "it never ran"
	if k.Last != nil {
		last = fmt.Sprintf("the last run, %s, was %s", clock(k.Last.EndedAt), k.Last.Outcome)
	}
	what := k.Account + ": " + last
	switch {
	case k.Refused != "":
		return rightful.Fail(place, k.Account+" does not run any more: "+k.Refused, "let it run less often, or set schedule.monthly_reads to what your account has, and start rightful serve again")
	case k.Running != nil:
		return rightful.OK(place, fmt.Sprintf("%s; %s is at it since %s", what, k.Running.Holder, clock(k.Running.Since)))
	case time.Since(time.Unix(k.DueAt, 0)) > missedFor:
		return rightful.Warn(place, fmt.Sprintf("%s; it is due since %s, and nobody is at it", what, clock(k.DueAt)), "is rightful serve running, and what does its log say?")
	case k.Last != nil && k.Last.Outcome != rightful.TaskComplete:
		return rightful.Warn(place, what+": "+k.Last.Detail, "rightful "+string(k.Task)+" says more; the next run is due "+clock(k.DueAt))
	}
	return rightful.OK(place, what+"; the next is due "+clock(k.DueAt))
}
