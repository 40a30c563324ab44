package wire

import (
	"context"
	"errors"
	"time"

	"rightful"
	"rightful/internal/alert"
	"rightful/internal/config"
	"rightful/internal/state"
)

// Channels returns the channels of a config, ready to be told.
func Channels(c *config.Config, now func() time.Time) ([]alert.Channel, error) {
	channels := make([]alert.Channel, len(c.Alerts))
	var errs []error
	for i, a := range c.Alerts {
		sender, err := a.Sender(now)
		errs = append(errs, err)
		channels[i] = alert.Channel{To: a.To, Rule: a.Rule(), Sender: sender, ShowAll: a.ShowsAll()}
	}
	return channels, errors.Join(errs...)
}

// AlertState is what an evaluator stands on: a state has it all.
type AlertState interface {
	rightful.AlertStore
	rightful.AuditReader
}

// Evaluator returns what raises and sends the alerts of a config. What the options
// say beside is kept: counts of deliveries, the logger, the metrics.
func Evaluator(c *config.Config, s AlertState, o alert.Options, now func() time.Time) (*alert.Evaluator, error) {
	channels, err := Channels(c, now)
	if err != nil {
		return nil, err
	}
	o.Store, o.Audits, o.Channels, o.OverdueAfter, o.Now = s, s, channels, c.Audits.Overdue(), now
	return alert.New(o), nil
}

// Alerts opens what is known of alerts, at an address, or, when that is empty, where
// the config says. It must be there, and is only read.
func Alerts(ctx context.Context, c *config.Config, address string, actor string, now func() time.Time) (rightful.AlertReader, func() error, error) {
	if address == "" {
		address = c.StateAddress()
	}
	s, err := state.OpenToRead(ctx, address, stateOptions(actor, now))
	if err != nil {
		return nil, nil, err
	}
	return s, s.Close, nil
}
