package config

import (
	"errors"
	"fmt"
	"time"

	"rightful"
	"rightful/internal/schedule"
)

// Schedule says what rightful serve runs by itself.
type Schedule struct {
	Sync  When          `yaml:"sync"`
	Audit AuditSchedule `yaml:"audit"`
	// MonthlyReads is how many GETs Stripe allows a month; default 10,000, which is the
	// least that it allows anybody.
	MonthlyReads int64 `yaml:"monthly_reads"`
	// Lease is for how long a process that is not heard of keeps an account; default 30s.
	Lease string `yaml:"lease"`
}

// When is when something runs: one of the two.
type When struct {
	Every string `yaml:"every"` // with its unit: 15m
	Cron  string `yaml:"cron"`  // five fields as crontab has them, in UTC
}

// AuditSchedule is when everything is audited, and what is read for it.
type AuditSchedule struct {
	Every string `yaml:"every"`
	Cron  string `yaml:"cron"`
	// Mirror lets the audits read the mirror instead of Stripe.
	Mirror bool `yaml:"mirror"`
	// MaxAge is how old what the mirror knows may be: 36h, 7d; default 24h.
	MaxAge string `yaml:"max_age"`
}

// When returns when everything is audited.
func (a AuditSchedule) When() When { return When{Every: a.Every, Cron: a.Cron} }

// MaxAgeOf returns MaxAge in seconds, 0 when the config does not say.
func (a AuditSchedule) MaxAgeOf() int64 {
	d, _ := age(a.MaxAge) // validated
	return int64(d / time.Second)
}

// Configured reports whether it runs at all.
func (w When) Configured() bool { return w != When{} }

// Rule returns when it runs. The config is valid.
func (w When) Rule() schedule.Rule {
	if w.Cron != "" {
		r, _ := schedule.Cron(w.Cron)
		return r
	}
	d, _ := age(w.Every)
	return schedule.Every(d)
}

// Configured reports whether anything runs by itself.
func (s Schedule) Configured() bool { return s.Sync.Configured() || s.Audit.When().Configured() }

// Rules returns when each task runs that does.
func (s Schedule) Rules() map[rightful.Task]schedule.Rule {
	rules := map[rightful.Task]schedule.Rule{}
	if s.Sync.Configured() {
		rules[rightful.TaskSync] = s.Sync.Rule()
	}
	if s.Audit.When().Configured() {
		rules[rightful.TaskAudit] = s.Audit.When().Rule()
	}
	return rules
}

// Bounds of what the section may say.
const (
	shortestRun   = 10 * time.Second
	longestRun    = 366 * 24 * time.Hour
	leastReads    = 10_000 // docs.stripe.com/rate-limits: the least that an account has
	defaultLease  = 30 * time.Second
	shortestLease = 5 * time.Second
	longestLease  = 2 * time.Minute
)

// Reads returns how many GETs Stripe allows a month.
func (s Schedule) Reads() int64 {
	if s.MonthlyReads == 0 {
		return leastReads
	}
	return s.MonthlyReads
}

// LeaseFor returns for how long a process that is not heard of keeps an account.
func (s Schedule) LeaseFor() time.Duration { return durationOr(s.Lease, defaultLease) }

// validateSchedule checks the section schedule.
func (c *Config) validateSchedule() error {
	s := c.Schedule
	for _, w := range []struct {
		path string
		when When
	}{{"schedule.sync", s.Sync}, {"schedule.audit", s.Audit.When()}} {
		if err := c.validateWhen(w.path, w.when); err != nil {
			return err
		}
	}
	if err := c.validateMirrored(); err != nil {
		return err
	}
	if s.MonthlyReads != 0 && s.MonthlyReads < leastReads {
		return c.invalid("schedule.monthly_reads", fmt.Sprintf("%d is less than Stripe allows every account", s.MonthlyReads), "leave it out, or write what your account has: 10,000, or 500 for each transaction of the last 30 days")
	}
	if d, err := time.ParseDuration(s.Lease); s.Lease != "" && (err != nil || d < shortestLease || d > longestLease) {
		return c.invalid("schedule.lease", fmt.Sprintf("%q is no time between %v and %v", s.Lease, shortestLease, longestLease), "write it with its unit: lease: 30s")
	}
	return nil
}

// usualMaxAge is how old a mirror may be that is audited, when the config says nothing:
// engine.DefaultMaxAge.
const usualMaxAge = 24 * time.Hour

// validateMirrored checks what scheduled audits read: what nothing fills, or what would always
// be too old, would never be judged.
func (c *Config) validateMirrored() error {
	a, sync := c.Schedule.Audit, c.Schedule.Sync
	oldest := usualMaxAge
	if a.MaxAge != "" {
		d, err := age(a.MaxAge)
		switch {
		case !a.Mirror:
			return c.invalid("schedule.audit.max_age", "is how old the mirror may be, and Stripe is read", "add mirror: true, or leave it out")
		case err != nil || d < time.Minute:
			return c.invalid("schedule.audit.max_age", fmt.Sprintf("%q is no age of at least a minute", a.MaxAge), "write it with its unit: max_age: 36h")
		}
		oldest = d
	}
	switch {
	case !a.Mirror:
		return nil
	case !sync.Configured() && c.Mirror == "":
		return c.invalid("schedule.audit.mirror", "nothing fills the mirror that is to be audited", "add sync: {every: 30m} beside audit, or name the mirror that something else fills: mirror: postgres://...")
	}
	if every, err := age(sync.Every); sync.Every != "" && err == nil && every >= oldest {
		return c.invalid("schedule.audit.mirror", fmt.Sprintf("the mirror is synced every %s, and is too old for an audit after %v", sync.Every, oldest), "sync more often, or let it be older with max_age")
	}
	return nil
}

func (c *Config) validateWhen(path string, w When) error {
	switch {
	case !w.Configured():
		if c.Known(path) {
			return c.invalid(path, "does not say when", "write {every: 6h}, or {cron: '0 4 * * *'} in UTC; leave it out for never")
		}
		return nil
	case w.Every != "" && w.Cron != "":
		return c.invalid(path+".cron", "stands beside every", "write one of them")
	case w.Cron != "":
		_, err := schedule.Cron(w.Cron)
		if own, is := errors.AsType[*rightful.Error](err); is {
			return c.invalid(path+".cron", own.Message, own.Hint)
		}
		return err
	}
	if d, err := age(w.Every); err != nil || d < shortestRun || d > longestRun {
		return c.invalid(path+".every", fmt.Sprintf("%q is no time between %v and 366d", w.Every, shortestRun), "write it with its unit: every: 15m; cron: '0 4 * * *' names a time of the day")
	}
	return nil
}
