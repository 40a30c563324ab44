package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/alert"
	"rightful/internal/alert/send"
	"rightful/internal/config"
	"rightful/internal/view"
	"rightful/internal/wire"
)

// alertsOptions are the flags of the alerts' commands.
type alertsOptions struct {
	config, state, format, since string

	limit int
}

func newAlerts(s Streams) *cobra.Command {
	o := &alertsOptions{}
	c := &cobra.Command{
		Use:   "alerts",
		Short: "Show what alerts are open, since when, and who was told; test the channels",
		Long: `alerts shows which alerts are open, since when, and which channel was told of them,
and how each channel of the config fares. rightful serve raises and sends them.

It reads the state that the config names, and writes nothing.

Exit code: 2 when an error or a warning is open or a channel fails, 0 otherwise, 1
error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.show(c.Context(), s) },
	}
	c.PersistentFlags().StringVar(&o.config, "config", defaultConfig, "read the alerts: of this file")
	c.PersistentFlags().StringVar(&o.format, "format", "human", "human or json")
	c.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		if o.format != "human" && o.format != "json" {
			return usage(fmt.Sprintf("--format %q is not known to alerts", o.format), "write --format human or json")
		}
		return nil
	}
	c.Flags().StringVar(&o.state, "state", "", "read this state instead of the config's: sqlite:FILE or postgres://...")
	c.Flags().StringVar(&o.since, "since", "", "show also what was resolved since: 7d, 36h, 2026-01-31 or Unix seconds")
	c.Flags().IntVar(&o.limit, "limit", 50, "show so many alerts at most")
	c.AddCommand(o.newTest(s))
	return c
}

func (o *alertsOptions) newTest(s Streams) *cobra.Command {
	return &cobra.Command{
		Use: "test [NAME]", Short: "Send a test message to each channel, or to one, and say what it answered",
		Long: `test sends a message that is marked as a test to each channel of the config, or to
the one that is named, and says what each answered. On PagerDuty it opens an
incident of severity info and ends it at once. Nothing is recorded.

Exit code: 0 when every message was taken, 1 when one was not.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(fmt.Sprintf("test takes one channel, and %d were given", len(args)), "leave the name out to test them all")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			return o.test(c.Context(), s, name)
		},
	}
}

func (o *alertsOptions) show(ctx context.Context, s Streams) error {
	if o.limit < 1 {
		return usage(fmt.Sprintf("--limit %d shows nothing", o.limit), "write a number from 1 on")
	}
	from, err := since(o.since, s.Now().Unix())
	if err != nil {
		return err
	}
	c, err := config.Read(o.config, s.Env)
	if err != nil {
		return err
	}
	reader, shut, err := wire.Alerts(ctx, c, o.state, whoami(s), s.Now)
	if err != nil {
		return located(c, err)
	}
	defer func() { _ = shut() }() // it was only read
	var r view.AlertsReport
	if r.Alerts, r.Open, err = reader.Alerts(ctx, from, o.limit); err != nil {
		return err
	}
	used, err := reader.AlertChannels(ctx)
	if err != nil {
		return err
	}
	r.Channels = fared(c, used)
	if o.format == "json" {
		if err := view.JSON(s.Out, r); err != nil {
			return err
		}
	} else {
		printer(s).Alerts(r)
	}
	if slices.ContainsFunc(r.Alerts, func(a rightful.AlertState) bool { return a.Resolved == 0 && a.Severity != rightful.SeverityInfo }) ||
		slices.ContainsFunc(r.Channels, func(c view.AlertChannelReport) bool { return c.To != "" && c.Failures > 0 }) {
		return exit(ExitFindings)
	}
	return nil
}

// fared puts the channels of the config beside how they fared.
func fared(c *config.Config, used []rightful.AlertChannel) []view.AlertChannelReport {
	all := []view.AlertChannelReport{}
	for _, a := range c.Alerts {
		report := view.AlertChannelReport{AlertChannel: rightful.AlertChannel{Name: a.Name}, To: a.To, On: a.Rule().Kinds, Severity: a.Rule().Severity}
		if i := slices.IndexFunc(used, func(u rightful.AlertChannel) bool { return u.Name == a.Name }); i >= 0 {
			report.AlertChannel = used[i]
		}
		all = append(all, report)
	}
	for _, u := range used {
		if !slices.ContainsFunc(c.Alerts, func(a config.Alert) bool { return a.Name == u.Name }) {
			all = append(all, view.AlertChannelReport{AlertChannel: u, On: []rightful.AlertKind{}})
		}
	}
	return all
}

func (o *alertsOptions) test(ctx context.Context, s Streams, name string) error {
	c, err := config.Read(o.config, s.Env)
	if err != nil {
		return err
	}
	channels, err := wire.Channels(c, s.Now)
	if err != nil {
		return err
	}
	if len(channels) == 0 {
		return usage("the config has no alerts:", "docs/alerts.md shows how it is written")
	}
	var tests []view.AlertTest
	var chosen []alert.Channel
	var names []string
	for i, channel := range channels {
		names = append(names, channel.Rule.Channel)
		if name == "" || name == channel.Rule.Channel {
			chosen = append(chosen, channel)
			tests = append(tests, view.AlertTest{Channel: channel.Rule.Channel, To: c.Alerts[i].To})
		}
	}
	if len(chosen) == 0 {
		return &rightful.Error{
			Kind: rightful.KindNotFound, Message: fmt.Sprintf("no channel of the config is called %q", name), Hint: "there are: " + strings.Join(names, ", "),
		}
	}
	var all sync.WaitGroup
	for i, channel := range chosen {
		all.Go(func() { tried(ctx, s, channel, &tests[i]) })
	}
	all.Wait()
	if o.format == "json" {
		if err := view.JSON(s.Out, map[string]any{"tests": tests}); err != nil {
			return err
		}
	} else {
		printer(s).AlertTests(tests)
	}
	if slices.ContainsFunc(tests, func(t view.AlertTest) bool { return !t.Sent }) {
		return exit(ExitError)
	}
	return nil
}

// tried sends a test message to one channel.
func tried(ctx context.Context, s Streams, c alert.Channel, t *view.AlertTest) {
	ctx, cancel := context.WithTimeout(ctx, send.Within)
	defer cancel()
	began := s.Now()
	answer, err := c.Sender.Send(ctx, send.TestMessage(c.Rule.Channel, "msg_"+rand.Text(), began))
	t.Seconds = s.Now().Sub(began).Seconds()
	t.Sent, t.Answer = err == nil, answer
	if err != nil {
		t.Answer = err.Error()
	}
}
