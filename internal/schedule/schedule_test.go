package schedule_test

import (
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/schedule"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// TestWhatWasMissedIsMadeUpForOnce: the next time is after now, and on the beat.
func TestWhatWasMissedIsMadeUpForOnce(t *testing.T) {
	t.Parallel()
	daily, err := schedule.Cron("0  4 * * *")
	if err != nil {
		t.Fatal(err)
	}
	quarterly := schedule.Every(15 * time.Minute)
	for _, c := range []struct {
		rule           schedule.Rule
		due, now, next string
	}{
		{quarterly, "2026-01-10 10:00:00", "2026-01-10 10:00:05", "2026-01-10 10:15:00"},
		{quarterly, "2026-01-10 10:00:00", "2026-01-10 10:15:00", "2026-01-10 10:30:00"},
		{quarterly, "2026-01-10 10:00:00", "2026-01-12 07:21:00", "2026-01-12 07:30:00"},
		{quarterly, "2026-01-10 10:00:00", "2026-01-10 09:59:00", "2026-01-10 10:15:00"}, // a clock that is behind
		{daily, "2026-01-10 04:00:00", "2026-01-10 04:00:10", "2026-01-11 04:00:00"},
		{daily, "2026-01-10 04:00:00", "2026-01-14 09:00:00", "2026-01-15 04:00:00"},
		{daily, "2026-01-10 04:00:00", "2026-01-10 03:59:59", "2026-01-11 04:00:00"},
	} {
		rule, err := schedule.Parse(c.rule.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := rule.Next(at(t, c.due), at(t, c.now)); !got.Equal(at(t, c.next)) {
			t.Errorf("%s, due %s, now %s: %s and not %s", rule, c.due, c.now, got, c.next)
		}
	}
	if got := daily.First(at(t, "2026-01-10 05:00:00").In(time.FixedZone("", 3600))); !got.Equal(at(t, "2026-01-11 04:00:00")) {
		t.Errorf("first %s", got)
	}
}

func TestWhatAScheduleCosts(t *testing.T) {
	t.Parallel()
	now := at(t, "2026-01-10 10:00:00")
	costs := []schedule.Cost{
		{Task: rightful.TaskSync, Rule: schedule.Every(15 * time.Minute), GETs: 3},
		{Task: rightful.TaskAudit, Rule: schedule.Every(24 * time.Hour), GETs: 45, Measured: true},
	}
	if over := schedule.Exceeds(costs, 9990, now); over != "" {
		t.Error(over)
	}
	over := schedule.Exceeds(costs, 9989, now)
	if !strings.Contains(over, "2880 runs in 30 days of at least 3 GETs = 8640; audit every 24h0m0s is 30 runs in 30 days of 45 GETs = 1350; together 9990 GETs") {
		t.Error(over)
	}
	for text, runs := range map[string]int64{"0 4 * * *": 30, "*/10 * * * *": 4320, "0 0 1 * *": 1} {
		rule, err := schedule.Cron(text)
		if err != nil || rule.InMonth(now) != runs {
			t.Errorf("%s: %d, %v", text, rule.InMonth(now), err)
		}
	}
	for _, text := range []string{"", "@daily", "* * * *", "61 * * * *", "0 0 30 2 *", "TZ=UTC 0 4 * * *"} {
		if _, err := schedule.Cron(text); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
