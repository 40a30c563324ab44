package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rightful"
)

// aSecret signs webhooks in tests.
const aSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

const leastWithAlerts = "directory: {dsn: 'sqlite:a.db', companies: SELECT id FROM c}\nstripe: {key: sk_test_1}\n"

func TestAlertChannels(t *testing.T) {
	t.Parallel()
	c, err := read(t, leastWithAlerts+`alerts:
  - {name: oncall, to: pagerduty, routing_key: '${PD_KEY}', on: [finding, delivery, audit], severity: error}
  - {name: billing, to: slack, url: '${SLACK_URL}', on: [finding, validation], every: 15m, show: all, threshold: 3}
  - {name: ops, to: email, smtp: 'smtps://user:${SMTP_PASSWORD}@mail.example.com:465', from: rightful@example.com, recipients: [ops@example.com]}
  - {name: hook, to: webhook, url: 'http://127.0.0.1:9/hook', secret: '${HOOK_SECRET}'}
  - {name: chat, to: teams, url: 'https://teams.example.com/workflows/x'}
audits: {overdue_after: 26h}
`, map[string]string{"PD_KEY": "R0", "SLACK_URL": "https://hooks.example.com/T/B/x", "SMTP_PASSWORD": "p%40ss", "HOOK_SECRET": aSecret})
	if err != nil {
		t.Fatal(err)
	}
	all := []rightful.AlertKind{rightful.AlertFinding, rightful.AlertValidation, rightful.AlertDelivery, rightful.AlertAudit}
	want := []rightful.AlertRule{
		{Channel: "oncall", Kinds: []rightful.AlertKind{all[0], all[2], all[3]}, Severity: rightful.SeverityError, Threshold: 1, Every: 300, Remind: 86400},
		{Channel: "billing", Kinds: all[:2], Severity: rightful.SeverityWarning, Threshold: 3, Every: 900, Remind: 86400},
		{Channel: "ops", Kinds: all, Severity: rightful.SeverityWarning, Threshold: 1, Every: 300, Remind: 86400},
		{Channel: "hook", Kinds: all, Severity: rightful.SeverityWarning, Threshold: 1, Every: 300, Remind: 86400},
		{Channel: "chat", Kinds: all, Severity: rightful.SeverityWarning, Threshold: 1, Every: 300, Remind: 86400},
	}
	for i, a := range c.Alerts {
		sender, err := a.Sender(time.Now)
		if err != nil || sender == nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		if diff := cmp.Diff(want[i], a.Rule()); diff != "" {
			t.Errorf("%s: %s", a.Name, diff)
		}
		if a.ShowsAll() != (a.Name == "billing") {
			t.Errorf("%s shows all: %v", a.Name, a.ShowsAll())
		}
	}
	if c.Audits.Overdue() != 26*time.Hour {
		t.Errorf("overdue after %v", c.Audits.Overdue())
	}
}

// TestAlertMistakes expects the place, the reason and the hint of each mistake.
func TestAlertMistakes(t *testing.T) {
	t.Parallel()
	const slack = "name: a, to: slack, url: 'https://hooks.example.com/SECRETPART'"
	tests := map[string]struct{ alert, place, says, hint string }{
		"no name":          {"to: slack", ":3:10: alerts[0].name", "is missing", "name the channel"},
		"a wrong name":     {"name: On Call, to: slack", ":3:11: alerts[0].name", `"On Call" is no name`, "small letters"},
		"no channel":       {"name: a", ":3:10: alerts[0].to", "is missing", "slack, teams, pagerduty, webhook or email"},
		"unknown channel":  {"name: a, to: slak", ":3:20: alerts[0].to", `"slak" is no kind of channel`, "did you mean slack?"},
		"another channel":  {"name: a, to: discord", "alerts[0].to", "no kind of channel", "write slack, teams"},
		"unknown kind":     {slack + ", on: [finding, validatoin]", "alerts[0].on[1]", `"validatoin" is nothing`, "did you mean validation?"},
		"unknown severity": {slack + ", severity: critical", "alerts[0].severity", `"critical" is no severity`, "error, warning or info"},
		"unknown show":     {slack + ", show: everything", "alerts[0].show", `"everything"`, "ids or all"},
		"no unit":          {slack + ", every: '15'", "alerts[0].every", `"15" is no time between 10s and 24h`, "every: 15m"},
		"too often":        {slack + ", every: 1s", "alerts[0].every", "between", "every: 15m"},
		"threshold":        {slack + ", threshold: -1", "alerts[0].threshold", "-1", "threshold: 3"},
		"no url":           {"name: a, to: slack", "alerts[0].url", "is missing", "url: '${SLACK_URL}'"},
		"no key":           {"name: a, to: pagerduty", "alerts[0].routing_key", "is missing", "integration key"},
		"key of another":   {slack + ", routing_key: abc", "alerts[0].routing_key", "belongs to pagerduty, and this channel is to: slack", "take it out"},
		"unencrypted":      {"name: a, to: teams, url: 'http://teams.example.com/SECRETPART'", "alerts[0].url", "is not encrypted", "https"},
		"no url at all":    {"name: a, to: teams, url: SECRETPART", "alerts[0].url", "is no URL", "https"},
		"another scheme":   {"name: a, to: teams, url: 'ftp://SECRETPART/x'", "alerts[0].url", "is no URL", "https"},
		"a user":           {"name: a, to: teams, url: 'https://u:SECRETPART@h.example.com/'", "alerts[0].url", "has a user in it", ""},
		"no secret":        {"name: a, to: webhook, url: 'https://h.example.com/'", "alerts[0].secret", "is missing", "openssl rand"},
		"a short secret":   {"name: a, to: webhook, url: 'https://h.example.com/', secret: whsec_U0VDUkVUUEFSVA==", "alerts[0].secret", "is no secret of a webhook", "openssl rand"},
		"a bare secret":    {"name: a, to: webhook, url: 'https://h.example.com/', secret: SECRETPART", "alerts[0].secret", "is no secret of a webhook", "openssl rand"},
		"no mail server":   {"name: a, to: email, smtp: 'mail.example.com', from: a@example.com, recipients: [b@example.com]", "alerts[0].smtp", "is no address of a mail server", "smtps://"},
		"a wrong password": {"name: a, to: email, smtp: 'smtps://u:SECRET%ZZPART@mail.example.com', from: a@example.com, recipients: [b@example.com]", "alerts[0].smtp", "is no address", "%XX"},
		"a wrong from":     {"name: a, to: email, smtp: 'smtps://mail.example.com', from: nobody, recipients: [b@example.com]", "alerts[0].from", `"nobody" is no email address`, "from:"},
		"a header":         {`name: a, to: email, smtp: 'smtps://mail.example.com', from: "a@example.com\r\nBcc: x@example.com", recipients: [b@example.com]`, "alerts[0].from", "is no email address", "from:"},
		"no recipients":    {"name: a, to: email, smtp: 'smtps://mail.example.com', from: a@example.com", "alerts[0].recipients", "is missing", "recipients:"},
		"a recipient":      {"name: a, to: email, smtp: 'smtps://mail.example.com', from: a@example.com, recipients: [b@example.com, c]", "alerts[0].recipients[1]", "is no email address", "recipients:"},
		"unknown key":      {"name: a, to: slack, urls: x", ":3:", `there is no key "urls" here`, "did you mean url"},
		"a name twice":     {slack + "}, {" + slack, "alerts[1].name", `"a" stands twice`, "each its own"},
	}
	for name, test := range tests {
		_, err := read(t, leastWithAlerts+"alerts: [{"+test.alert+"}]\n", nil)
		if rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		for _, want := range []string{test.place, test.says, test.hint} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
		if strings.Contains(err.Error(), "SECRETPART") || strings.Contains(err.Error(), "U0VDU") || strings.Contains(err.Error(), "SECRET%ZZ") {
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
	for name, text := range map[string]string{"no unit": "26", "too soon": "1s", "no time": "soon"} {
		_, err := read(t, leastWithAlerts+"audits: {overdue_after: '"+text+"'}\n", nil)
		if err == nil || !strings.Contains(err.Error(), ":3:10: audits.overdue_after") || !strings.Contains(err.Error(), "26h") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
