// Package schedule says when something runs again, and what that costs in a month. It is
// pure: it calls no clock.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"rightful"
)

// Rule says when something runs: every so often, or at times of the clock in UTC.
type Rule struct {
	every time.Duration
	cron  cron.Schedule
	text  string
}

// Every runs again and again, so long after it was due before.
func Every(d time.Duration) Rule { return Rule{every: d, text: everyWord + d.String()} }

const (
	everyWord = "every "
	cronWord  = "cron "
)

// fields are those of crontab.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// Cron runs at the times that five fields name, as crontab has them, in UTC. Times that
// never come are an error of kind invalid.
func Cron(text string) (Rule, error) {
	text = strings.Join(strings.Fields(text), " ")
	if strings.Contains(text, "TZ=") {
		return Rule{}, invalid("times are in UTC, and other zones cannot be named")
	}
	times, err := fields.Parse(text)
	if err != nil {
		return Rule{}, invalid(fmt.Sprintf("%q is not what crontab has: %v", text, err))
	}
	if times.Next(time.Unix(0, 0).UTC()).IsZero() {
		return Rule{}, invalid(fmt.Sprintf("%q names a time that never comes", text))
	}
	return Rule{cron: times, text: cronWord + text}, nil
}

func invalid(message string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Message: message, Hint: "write five fields, minute hour day month weekday: '0 4 * * *' is every day at four"}
}

// Parse reads what String wrote.
func Parse(text string) (Rule, error) {
	if word, is := strings.CutPrefix(text, cronWord); is {
		return Cron(word)
	}
	d, err := time.ParseDuration(strings.TrimPrefix(text, everyWord))
	if err != nil || d <= 0 {
		return Rule{}, invalid(fmt.Sprintf("%q is no rule", text))
	}
	return Every(d), nil
}

// String is the rule as it is kept.
func (r Rule) String() string { return r.text }

// First returns when something runs that never did.
func (r Rule) First(now time.Time) time.Time {
	if r.cron != nil {
		return r.cron.Next(now.UTC())
	}
	return now
}

// Next returns when something is due again that was due before: the first time after now,
// so that what was missed is not made up for again and again.
func (r Rule) Next(due, now time.Time) time.Time {
	if r.cron != nil {
		return r.cron.Next(later(due, now).UTC())
	}
	missed := max(now.Sub(due), 0) / r.every
	return due.Add((missed + 1) * r.every)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Month is how long a month is, for what runs in it.
const Month = 30 * 24 * time.Hour

// mostRuns bounds counting: who runs more often than each minute is counted by division.
const mostRuns = int64(Month / time.Minute)

// InMonth returns how often it runs in the 30 days from a time on.
func (r Rule) InMonth(from time.Time) int64 {
	if r.cron == nil {
		return int64((Month + r.every - 1) / r.every)
	}
	end, n := from.Add(Month), int64(0)
	for at := r.cron.Next(from.UTC().Add(-time.Second)); !at.IsZero() && at.Before(end) && n < mostRuns; at = r.cron.Next(at) {
		n++
	}
	return n
}

// Cost is what a task costs in a month.
type Cost struct {
	Task rightful.Task
	Rule Rule
	GETs int64 // of one run
	// Measured tells that a run took so many; else no run takes fewer.
	Measured bool
}

// Least is how many GETs a run takes at least: a sync reads three lists of events, an audit
// five lists of objects.
func Least(t rightful.Task) int64 {
	if t == rightful.TaskAudit {
		return 5
	}
	return 3
}

// Exceeds reports, with the arithmetic, that tasks would take more GETs in a month from a
// time on than are allowed; empty when they do not.
func Exceeds(costs []Cost, allowed int64, from time.Time) string {
	total, sum := int64(0), []string{}
	for _, c := range costs {
		runs := c.Rule.InMonth(from)
		total += runs * c.GETs
		of := "at least "
		if c.Measured {
			of = ""
		}
		sum = append(sum, fmt.Sprintf("%s %s is %d runs in 30 days of %s%d GETs = %d", c.Task, c.Rule, runs, of, c.GETs, runs*c.GETs))
	}
	if total <= allowed {
		return ""
	}
	return fmt.Sprintf("%s; together %d GETs, and Stripe allows %d a month", strings.Join(sum, "; "), total, allowed)
}
