package send

import (
	"fmt"
	"strings"
	"time"

	"rightful"
)

// text is a message in words, for people.
type text struct {
	subject string // one line
	parts   []textPart
	foot    string
}

type textPart struct {
	heading string
	lines   []string
}

// TestMessage returns a message that is marked as a test, for somebody who tries a
// channel.
func TestMessage(channel, id string, now time.Time) rightful.AlertMessage {
	return rightful.AlertMessage{
		ID: id, Channel: channel, At: now.Unix(), Test: true,
		Parts: []rightful.AlertPart{}, Incidents: []rightful.AlertIncident{{ID: id, Severity: rightful.SeverityInfo, Title: testTitle}}, Ended: []string{},
	}
}

// testTitle is what a test message says.
const testTitle = "a test: this channel gets alerts, and nothing is wrong"

// most bounds the lines of counts of a part, and a subject.
const (
	mostCounts  = 15
	mostSubject = 150
)

var saidWords = map[rightful.AlertSaid]string{
	rightful.SaidNew: "new", rightful.SaidAgain: "again", rightful.SaidOpen: "still open", rightful.SaidResolved: "resolved",
}

// words says a message.
func words(m rightful.AlertMessage) text {
	if m.Test {
		return text{
			subject: "[test] rightful: " + testTitle,
			parts:   []textPart{{heading: "test", lines: []string{"channel " + m.Channel + ", sent " + Moment(m.At)}}},
			foot:    "Somebody ran: rightful alerts test",
		}
	}
	t := text{foot: "What is open: rightful alerts. What a code means, and what to do: rightful explain CODE."}
	var counts []string
	for _, p := range m.Parts {
		counts = append(counts, fmt.Sprintf("%d %s", p.Count, saidWords[p.Said]))
		t.parts = append(t.parts, partWords(p))
	}
	t.subject = "rightful: " + strings.Join(counts, ", ")
	if len(m.Parts) > 0 && len(m.Parts[0].Counts) > 0 {
		t.subject += ": " + Clean(m.Parts[0].Counts[0].Title)
	}
	t.subject = short(t.subject, mostSubject)
	return t
}

func partWords(p rightful.AlertPart) textPart {
	out := textPart{heading: fmt.Sprintf("%s: %d", saidWords[p.Said], p.Count)}
	for i, c := range p.Counts {
		if i == mostCounts {
			out.lines = append(out.lines, fmt.Sprintf("and %s", plural(len(p.Counts)-i, "other kind", "other kinds")))
			break
		}
		out.lines = append(out.lines, fmt.Sprintf("%d x %s (%s): %s", c.Count, Clean(c.Label), c.Severity, Clean(c.Title)))
	}
	if p.Count > len(p.Examples) {
		out.lines = append(out.lines, fmt.Sprintf("%d of these %d:", len(p.Examples), p.Count))
	}
	for _, a := range p.Examples {
		out.lines = append(out.lines, "- "+aboutWords(a))
		if a.Message != "" {
			out.lines = append(out.lines, "  "+Clean(a.Message))
		}
	}
	return out
}

// aboutWords names what an alert is about.
func aboutWords(a rightful.Alert) string {
	parts := []string{Clean(a.Label())}
	for _, id := range a.IDs {
		parts = append(parts, strings.ReplaceAll(Clean(id.Type), "_", " ")+" "+short(Clean(id.ID), 80))
	}
	parts = append(parts, "since "+Moment(a.At))
	if a.Resolved > 0 {
		parts = append(parts, "until "+Moment(a.Resolved))
	}
	return strings.Join(parts, ", ")
}

// whole returns a text as plain lines.
func (t text) whole() string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.heading + "\n")
		for _, l := range p.lines {
			b.WriteString("  " + l + "\n")
		}
		b.WriteString("\n")
	}
	b.WriteString(t.foot + "\n")
	return b.String()
}

// plural counts things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
