package view

import (
	"fmt"
	"strings"

	"rightful"
)

// AlertsReport is what rightful alerts shows.
type AlertsReport struct {
	Open     int                   `json:"open"` // how many alerts are open; Alerts may be fewer
	Alerts   []rightful.AlertState `json:"alerts"`
	Channels []AlertChannelReport  `json:"channels"`
}

// AlertChannelReport is how one channel fares, and what it is told of.
type AlertChannelReport struct {
	rightful.AlertChannel
	To       string               `json:"to"` // slack, teams, pagerduty, webhook or email; empty: the config has it no more
	On       []rightful.AlertKind `json:"on"`
	Severity rightful.Severity    `json:"severity"`
}

// AlertTest is what became of a test message to one channel.
type AlertTest struct {
	Channel string  `json:"channel"`
	To      string  `json:"to"`
	Sent    bool    `json:"sent"`
	Answer  string  `json:"answer"` // what the other side said, or why nothing arrived
	Seconds float64 `json:"seconds"`
}

// Alerts prints what is open, since when, and who was told.
func (p *Printer) Alerts(r AlertsReport) {
	if r.Open == 0 {
		p.line("no alert is open")
	} else {
		p.line("%s open", count(r.Open, "alert is", "alerts are"))
	}
	if len(r.Alerts) > 0 {
		more := r.Open
		var rows [][]string
		for _, a := range r.Alerts {
			if a.Resolved == 0 {
				more--
			}
			rows = append(rows, []string{p.severity(a.Severity), clean(a.Key), alertState(a.Alert), often(a.Alert), alertIDs(a.IDs), clean(a.Title), toldTo(a.Told)})
		}
		p.table([]string{"SEVERITY", "ALERT", "SINCE (UTC)", "TIMES", "ABOUT", "WHAT", "TOLD"}, rows)
		if more > 0 {
			p.line("  and %d more: --limit shows them", more)
		}
	}
	p.heading("channels")
	var rows [][]string
	told := false
	for _, c := range r.Channels {
		told = told || c.To != ""
		rows = append(rows, []string{clean(c.Name), or(c.To), p.fares(c)})
	}
	if len(rows) > 0 {
		p.table([]string{"CHANNEL", "TO", "STATE"}, rows)
	}
	if !told {
		p.line("  the config has none, so nobody is told: docs/alerts.md shows how alerts: is written")
	}
}

func alertState(a rightful.Alert) string {
	if a.Resolved > 0 {
		return moment(a.At) + ", until " + moment(a.Resolved)
	}
	return moment(a.At)
}

// often says how often something that can happen again did.
func often(a rightful.Alert) string {
	if a.Quiet == 0 {
		return "-"
	}
	return fmt.Sprint(a.Count)
}

// mostAbout is how many ids stand in a line.
const mostAbout = 3

func alertIDs(ids []rightful.Ref) string {
	var names []string
	for i, id := range ids {
		if i == mostAbout {
			names = append(names, fmt.Sprintf("and %d more", len(ids)-i))
			break
		}
		names = append(names, strings.ReplaceAll(clean(id.Type), "_", " ")+" "+clean(id.ID))
	}
	return or(strings.Join(names, ", "))
}

func toldTo(told []rightful.AlertTold) string {
	if len(told) == 0 {
		return "nobody"
	}
	var all []string
	for _, t := range told {
		text := clean(t.Channel) + " " + moment(t.At)
		if !t.Sent {
			text = clean(t.Channel) + " not yet"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// fares says how a channel does.
func (p *Printer) fares(c AlertChannelReport) string {
	var state string
	switch {
	case c.To == "":
		state = "not in the config any more"
	case c.Failures > 0:
		state = p.paint(red, "failed "+count(c.Failures, "time", "times")+" in a row") + fmt.Sprintf(": %s; again from %s", clean(c.Error), moment(c.NotBefore))
	case c.SentAt > 0:
		state = p.paint(green, "works")
	default:
		state = "nothing was sent yet"
	}
	if c.SentAt > 0 {
		state += ", last message " + moment(c.SentAt)
	}
	return state
}

// AlertTests prints what became of test messages.
func (p *Printer) AlertTests(tests []AlertTest) {
	var rows [][]string
	for _, t := range tests {
		state := p.paint(green, "sent")
		if !t.Sent {
			state = p.paint(red, "FAILED")
		}
		rows = append(rows, []string{clean(t.Channel), t.To, state, or(t.Answer), fmt.Sprintf("%.1f s", t.Seconds)})
	}
	p.table([]string{"CHANNEL", "TO", "TEST", "ANSWER", "TOOK"}, rows)
}
