package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rightful/internal/journal"
)

// Line writes v as JSON on one line.
func Line(w io.Writer, v any) error {
	raw, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}

func moment(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05") }

// Runs prints runs, the oldest first.
func (p *Printer) Runs(runs []journal.Summary) {
	if len(runs) == 0 {
		p.line("no run was recorded")
		return
	}
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{r.ID, moment(r.StartedAt), p.status(r.Status), clean(r.Actor), what(r), tally(r), or(r.Reason)})
	}
	p.table([]string{"RUN", "STARTED (UTC)", "STATUS", "BY", "WHAT", "STEPS", "REASON"}, rows)
}

func what(r journal.Summary) string {
	if r.Undoes != "" {
		return "undo of " + clean(r.Undoes)
	}
	return "plan " + clean(r.Plan[:min(len(r.Plan), 12)])
}

// tally says how many steps ended how.
func tally(r journal.Summary) string {
	parts := []string{fmt.Sprintf("%d of %d hold", r.Counts.Done+r.Counts.Already, r.Steps)}
	for _, c := range []struct {
		n    int
		what string
	}{
		{r.Counts.Conflict, "conflict"}, {r.Counts.Failed, "failed"}, {r.Counts.Uncertain, "uncertain"},
		{r.Counts.PutBack, "put back"}, {r.Counts.Open, "open"},
	} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *Printer) status(s journal.Status) string {
	switch s {
	case journal.StatusFinished:
		return p.paint(green, string(s))
	case journal.StatusPartly, journal.StatusInterrupted:
		return p.paint(red, string(s))
	}
	return p.paint(yellow, string(s))
}

// Run prints one run, record by record.
func (p *Printer) Run(r journal.Summary, entries []journal.Entry) error {
	p.line("%s · %s · %s", p.paint(strong, clean(r.ID)), p.status(r.Status), account(r.Account, r.Livemode))
	p.line("%s, by %s%s", what(r), clean(r.Actor), also(r))
	if r.Reason != "" {
		p.line("reason: %s", clean(r.Reason))
	}
	p.line("%s", tally(r))
	if r.Holder != "" {
		p.line("at work: %s", clean(r.Holder))
	}
	if r.UndoneBy != "" {
		p.line("taken back by %s", clean(r.UndoneBy))
	}
	p.heading("records")
	var rows [][]string
	for _, e := range entries {
		text, err := said(e)
		if err != nil {
			return err
		}
		rows = append(rows, []string{fmt.Sprint(e.Seq), moment(e.At), clean(strings.ReplaceAll(string(e.Kind), "_", " ")), text})
	}
	p.table([]string{"RECORD", "TIME (UTC)", "WHAT", ""}, rows)
	return nil
}

func also(r journal.Summary) string {
	text := ""
	if len(r.ContinuedBy) > 0 {
		text += ", continued by " + list(r.ContinuedBy)
	}
	if r.Approver != "" {
		text += ", approved by " + clean(r.Approver)
	}
	return text
}

// said returns what a record says, on one line.
func said(e journal.Entry) (string, error) {
	switch e.Kind {
	case journal.KindRunStarted, journal.KindUndoStarted:
		b, err := e.Start()
		return clean(b.Holder) + over(b.TookOver), err
	case journal.KindRunContinued:
		b, err := e.Continuation()
		return clean(b.Holder) + over(b.TookOver), err
	case journal.KindStepIntended:
		b, err := e.Intent()
		text := written(b.Step)
		if b.Back {
			text += ", taken back"
		}
		if b.Attempt > 1 {
			text += fmt.Sprintf(", attempt %d", b.Attempt)
		}
		return text, err
	case journal.KindUnitFinished:
		b, err := e.UnitEnd()
		text := clean(b.Unit)
		if len(b.Skipped) > 0 {
			text += fmt.Sprintf(", %d skipped", len(b.Skipped))
		}
		return text + because(b.Why), err
	case journal.KindRunFinished, journal.KindUndoFinished:
		b, err := e.RunEnd()
		if b.Interrupted {
			return "interrupted" + because(b.Why), err
		}
		return or(b.Why), err
	}
	if !strings.HasPrefix(string(e.Kind), "step_") {
		return "-", nil // of a later version
	}
	b, err := e.Outcome()
	text := fmt.Sprintf("%s %s", clean(b.Step.Object.Type), clean(b.Step.Object.ID))
	if b.Seen != nil {
		text += ", " + orPtr(b.Seen.Value, "nothing") + " stands there"
	}
	return text + because(b.Why), err
}

func written(s journal.Step) string {
	return fmt.Sprintf("%s %s  %s: %s -> %s", clean(s.Object.Type), clean(s.Object.ID), clean(s.Field), orPtr(s.From, "nothing"), orPtr(s.To, "nothing"))
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + clean(why)
}

func over(l *journal.Lease) string {
	if l == nil {
		return ""
	}
	return fmt.Sprintf(", took over from %s of %s, silent since %s", clean(l.Holder), clean(l.Run), moment(l.Beat))
}

// Check prints what came of walking the chain.
func (p *Printer) Check(c journal.Check) {
	if b := c.Broken; b != nil {
		record := fmt.Sprintf("record %d", b.Seq)
		if b.Kind != "" {
			record += fmt.Sprintf(" (%s of %s)", clean(string(b.Kind)), or(b.Run))
		}
		p.line("%s: %s: %s", p.paint(red, "BROKEN"), record, clean(b.Why))
		p.line("  what stands before it is as it was written; keep a copy of the state before anything else")
		return
	}
	p.line("%s: %s, each as it was written", p.paint(green, "whole"), count(int(c.Records), "record", "records"))
	if len(c.Stale) > 0 {
		p.line("%s: the table of runs says something else about %s", p.paint(yellow, "STALE"), list(c.Stale))
		p.line("  rightful journal check --rebuild derives it again")
	}
	if c.Records > 0 {
		p.line("keep this: --expect %d:%s", c.Records, c.Head)
	}
}
