package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/alert/send"
)

// Alert is one channel that is told of alerts.
type Alert struct {
	Name     string   `yaml:"name"`
	To       string   `yaml:"to"`       // slack, teams, pagerduty, webhook or email
	On       []string `yaml:"on"`       // finding, validation, delivery, audit; default all
	Severity string   `yaml:"severity"` // least: error, warning (default) or info
	Every    string   `yaml:"every"`    // between two messages; default 5m
	Show     string   `yaml:"show"`     // ids (default) or all
	// Threshold is how many payments must be refused before the channel is told;
	// default 1.
	Threshold int `yaml:"threshold"`

	URL        string   `yaml:"url"`         // of slack, teams and webhook; of pagerduty where the API is, if elsewhere
	RoutingKey string   `yaml:"routing_key"` // of pagerduty
	Secret     string   `yaml:"secret"`      // of webhook: whsec_...
	SMTP       string   `yaml:"smtp"`        // of email: smtps:// or smtp://
	From       string   `yaml:"from"`        // of email
	Recipients []string `yaml:"recipients"`  // of email
}

// Audits says what is expected of periodic audits.
type Audits struct {
	OverdueAfter string `yaml:"overdue_after"` // with its unit: 26h; empty: an audit is never overdue
}

// Overdue returns how old the last audit may be, 0 for any age.
func (a Audits) Overdue() time.Duration {
	d, _ := time.ParseDuration(a.OverdueAfter) // validated; 0 when empty
	return d
}

// What a channel may say.
var (
	alertKinds    = []string{string(rightful.AlertFinding), string(rightful.AlertValidation), string(rightful.AlertDelivery), string(rightful.AlertAudit)}
	alertChannels = []string{"slack", "teams", "pagerduty", "webhook", "email"}
	severities    = []string{string(rightful.SeverityError), string(rightful.SeverityWarning), string(rightful.SeverityInfo)}
)

// How often a channel may be told, and after how long again what is still open.
const (
	defaultEvery  = 5 * time.Minute
	shortestEvery = 10 * time.Second
	longestEvery  = 24 * time.Hour
	remindAfter   = 24 * time.Hour

	shortestOverdue = time.Minute
)

// Rule returns what the channel is told of. The config is valid.
func (a Alert) Rule() rightful.AlertRule {
	r := rightful.AlertRule{
		Channel: a.Name, Severity: rightful.SeverityWarning, Threshold: max(a.Threshold, 1),
		Every: int64(defaultEvery / time.Second), Remind: int64(remindAfter / time.Second),
	}
	on := a.On
	if len(on) == 0 {
		on = alertKinds
	}
	for _, kind := range on {
		r.Kinds = append(r.Kinds, rightful.AlertKind(kind))
	}
	if a.Severity != "" {
		r.Severity = rightful.Severity(a.Severity)
	}
	if d, err := time.ParseDuration(a.Every); err == nil {
		r.Every = int64(d / time.Second)
	}
	return r
}

// Sender returns what sends to the channel. The config is valid.
func (a Alert) Sender(now func() time.Time) (send.Sender, error) {
	switch a.To {
	case "slack":
		return send.NewSlack(a.URL), nil
	case "teams":
		return send.NewTeams(a.URL), nil
	case "pagerduty":
		return send.NewPagerDuty(a.URL, a.RoutingKey), nil
	case "webhook":
		return send.NewWebhook(a.URL, a.Secret, now)
	}
	return send.NewEmail(send.Mailer{Server: a.SMTP, From: a.From, Recipients: a.Recipients, Now: now})
}

// ShowsAll reports whether the channel sees more than ids.
func (a Alert) ShowsAll() bool { return a.Show == "all" }

// alertName is the form of a channel's name: it stands in messages and keys.
var alertName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)

// validateAlerts checks alerts, and what is expected of audits.
func (c *Config) validateAlerts() error {
	if o := c.Audits.OverdueAfter; o != "" && c.Audits.Overdue() < shortestOverdue {
		return c.invalid("audits.overdue_after", fmt.Sprintf("%q is no time of at least %v", o, shortestOverdue), "write it with its unit: overdue_after: 26h")
	}
	seen := map[string]bool{}
	for i, a := range c.Alerts {
		path := fmt.Sprintf("alerts[%d]", i)
		switch {
		case a.Name == "":
			return c.invalid(path+".name", "is missing", "name the channel, as rightful alerts will show it: {name: billing, to: slack, ...}")
		case !alertName.MatchString(a.Name):
			return c.invalid(path+".name", fmt.Sprintf("%q is no name", a.Name), "up to 40 small letters, digits, - and _")
		case seen[a.Name]:
			return c.invalid(path+".name", fmt.Sprintf("%q stands twice", a.Name), "what a channel was told is remembered by its name: give each its own")
		}
		seen[a.Name] = true
		if err := c.validateAlert(path, a); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) validateAlert(path string, a Alert) error {
	for j, kind := range a.On {
		if !slices.Contains(alertKinds, kind) {
			return c.unknown(fmt.Sprintf("%s.on[%d]", path, j), kind, "nothing that alerts are about", alertKinds)
		}
	}
	every, err := time.ParseDuration(a.Every)
	switch {
	case a.To == "":
		return c.invalid(path+".to", "is missing", "write "+orList(alertChannels))
	case !slices.Contains(alertChannels, a.To):
		return c.unknown(path+".to", a.To, "no kind of channel", alertChannels)
	case a.Severity != "" && !slices.Contains(severities, a.Severity):
		return c.unknown(path+".severity", a.Severity, "no severity", severities)
	case a.Show != "" && a.Show != "ids" && a.Show != "all":
		return c.unknown(path+".show", a.Show, "nothing that can be shown", []string{"ids", "all"})
	case a.Every != "" && (err != nil || every < shortestEvery || every > longestEvery):
		return c.invalid(path+".every", fmt.Sprintf("%q is no time between %v and %v", a.Every, shortestEvery, longestEvery), "write it with its unit: every: 15m")
	case a.Threshold < 0:
		return c.invalid(path+".threshold", fmt.Sprintf("%d is no number of refused payments", a.Threshold), "threshold: 3 tells from the third on")
	}
	return c.validateChannel(path, a)
}

// validateChannel checks that a channel has what its kind needs, and nothing of
// another kind. Values are not repeated: most of them are secrets.
func (c *Config) validateChannel(path string, a Alert) error {
	for _, key := range []struct {
		name    string
		set     bool
		belongs []string
		needed  string // how it is written, when it must be there
	}{
		{"url", a.URL != "", []string{"slack", "teams", "webhook", "pagerduty"}, "url: '${" + strings.ToUpper(a.To) + "_URL}'"},
		{"routing_key", a.RoutingKey != "", []string{"pagerduty"}, "routing_key: '${PD_KEY}', the integration key of an Events API v2 integration"},
		{"secret", a.Secret != "", []string{"webhook"}, `secret: '${ALERT_SECRET}'; make one: echo "whsec_$(openssl rand -base64 32)"`},
		{"smtp", a.SMTP != "", []string{"email"}, "smtp: 'smtps://user:${SMTP_PASSWORD}@mail.example.com:465'"},
		{"from", a.From != "", []string{"email"}, "from: rightful@example.com"},
		{"recipients", len(a.Recipients) > 0, []string{"email"}, "recipients: [ops@example.com]"},
	} {
		here := slices.Contains(key.belongs, a.To)
		switch {
		case key.set && !here:
			return c.invalid(path+"."+key.name, fmt.Sprintf("belongs to %s, and this channel is to: %s", orList(key.belongs), a.To), "take it out, or write another to")
		case !key.set && here && !(key.name == "url" && a.To == "pagerduty"):
			return c.invalid(path+"."+key.name, "is missing", key.needed)
		}
	}
	if a.URL != "" {
		if err := c.validateURL(path+".url", a.URL); err != nil {
			return err
		}
	}
	_, err := a.Sender(time.Now)
	var own *rightful.Error
	if errors.As(err, &own) {
		place := path
		if own.Place != "" {
			place += "." + own.Place
		} else if a.To == "webhook" {
			place += ".secret"
		}
		return c.invalid(place, own.Message, own.Hint)
	}
	return err
}

func (c *Config) validateURL(path, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http":
		return c.invalid(path, "is no URL", "write https://...")
	case u.Scheme == "http" && !send.Loopback(u.Hostname()):
		return c.invalid(path, "is not encrypted: http is for this machine only", "write https://...")
	case u.User != nil:
		return c.invalid(path, "has a user in it", "a channel is opened by its URL, routing_key or secret alone")
	}
	return nil
}

// unknown returns an error about a word that is none of those that may stand there.
func (c *Config) unknown(path, word, what string, words []string) error {
	hint := "write " + orList(words)
	best := slices.MinFunc(words, func(a, b string) int { return distance(word, a) - distance(word, b) })
	if distance(word, best) <= 1+len(word)/3 {
		hint = fmt.Sprintf("did you mean %s? %s", best, hint)
	}
	return c.invalid(path, fmt.Sprintf("%q is %s", word, what), hint)
}

// orList writes words as people read a choice.
func orList(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
