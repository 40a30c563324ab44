package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rightful/gateway"
	"rightful/internal/engine"
)

// Replay prints what the guard would have said in the past. on are the flags with which
// the next command works on the same.
func (p *Printer) Replay(r *engine.ReplayReport, on string) {
	p.line("%s", p.paint(strong, "replay of "+account(r.Account, r.Livemode)+" through the gateway"))
	if p.refused(r.Refused) {
		return
	}
	p.line("created since %s UTC; gateway.mode is %s, and here every rule is enforced", day(r.Since), clean(r.Mode))
	p.heading(replayVerdict(r.Counts))
	p.replayNotes(r.Counts)
	p.replayRules(r, on)
	p.replayUnknown(r)
	p.replaySessions(r)
	p.writers(r.Writers)
	p.replayEvents(r.Events)
	p.line("")
	p.gets(r.StripeGETs)
	p.incomplete(r.Complete, r.IncompleteBecause)
	for _, left := range r.Unheard {
		p.line("  left out: %s", clean(left))
	}
}

// replayVerdict is the answer in one line.
func replayVerdict(c gateway.ReplayCounts) string {
	return fmt.Sprintf("%s: %d would have been allowed, %d refused, %d could not be replayed", count(c.Sessions, "session", "sessions"), c.Allowed, c.Refused, c.Unknown)
}

func (p *Printer) replayNotes(c gateway.ReplayCounts) {
	if c.Unpaid > 0 {
		p.line("  %d of them %s not paid, or not yet: there is nothing to allow in either mode", c.Unpaid, isAre(c.Unpaid))
	}
	if c.Foreign > 0 {
		p.line("  %d of them %s another application's, or nothing of this one reaches them", c.Foreign, isAre(c.Foreign))
	}
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func (p *Printer) replayRules(r *engine.ReplayReport, on string) {
	if len(r.Rules) == 0 {
		return
	}
	p.heading("would have been refused")
	var rows [][]string
	for _, rule := range r.Rules {
		rows = append(rows, []string{clean(string(rule.Status)), fmt.Sprint(rule.Count), or(string(rule.Mode)), list(rule.Examples), replaySays(rule.Status)})
	}
	p.table([]string{"RULE", "SESSIONS", "NOW", "FOR EXAMPLE", ""}, rows)
	p.line("  next: %s", clean("rightful investigate "+r.Rules[0].Examples[0]+on))
	codes := map[string]bool{}
	for _, s := range r.Sessions {
		if s.Outcome == gateway.WouldRefuse {
			for _, c := range s.Codes {
				codes[c] = true
			}
		}
	}
	for _, c := range slices.Sorted(maps.Keys(codes)) {
		p.line("        %s", clean("rightful explain "+c))
	}
}

// replaySays says what a refusal means.
func replaySays(s gateway.Status) string {
	switch s {
	case gateway.OtherCompany:
		return "bought by a user who did not belong to the company that it is"
	case gateway.CompanyGone:
		return "bought for a company that is not there"
	case gateway.NoCompany:
		return "nobody can say for which company it is"
	case gateway.UnknownSession:
		return "not tagged as this application's: refused in either mode"
	}
	return ""
}

func (p *Printer) replayUnknown(r *engine.ReplayReport) {
	if len(r.Unknown) == 0 {
		return
	}
	p.heading("could not be replayed")
	var rows [][]string
	for _, why := range r.Unknown {
		rows = append(rows, []string{reasonSays(why.Reason), fmt.Sprint(why.Count), list(why.Examples)})
	}
	p.table([]string{"BECAUSE", "SESSIONS", "FOR EXAMPLE"}, rows)
}

func reasonSays(reason string) string {
	switch reason {
	case gateway.NoBuyer:
		return "no buyer known: nothing on it names a user"
	case gateway.BuyerGone:
		return "its buyer is no active user any more"
	case gateway.NoHistory:
		return "no history of where its buyer belonged"
	case gateway.NotRead:
		return "not everything around it could be read"
	}
	return clean(reason)
}

// replaySessions lists the sessions that stand in the way, when all are asked for.
func (p *Printer) replaySessions(r *engine.ReplayReport) {
	var rows [][]string
	for _, s := range r.Sessions {
		if s.Outcome != gateway.WouldRefuse && s.Outcome != gateway.CannotSay || !p.All {
			continue
		}
		what := string(s.Status)
		if s.Outcome == gateway.CannotSay {
			what = s.Reason
		}
		rows = append(rows, []string{
			day(s.Created), clean(s.ID), clean(what), clean(string(s.Today)), orPtr(s.UserID, "-"), orPtr(s.Stamp, "-"), or(list(s.Companies)), fmt.Sprintf("%d", s.Writer+1), or(list(s.Codes)),
		})
	}
	if len(rows) == 0 {
		return
	}
	p.heading("one by one, newest first")
	p.table([]string{"CREATED", "SESSION", "RULE", "TODAY", "BUYER", "STAMP", "RIGHTFULLY", "WRITER", "FINDINGS"}, rows)
}

// writers prints who made the sessions.
func (p *Printer) writers(all []gateway.Writer) {
	if len(all) == 0 {
		return
	}
	p.heading(count(len(all), "code path makes sessions", "code paths make sessions"))
	var rows [][]string
	for i, w := range all {
		from := or(w.ReturnsTo)
		if w.PaymentLink != "" {
			from = "payment link " + clean(w.PaymentLink)
		}
		wrong := fmt.Sprint(w.Wrong)
		if w.Wrong > 0 {
			wrong = p.paint(red, wrong)
		}
		rows = append(rows, []string{
			fmt.Sprint(i + 1), from, or(list(w.Keys)), clean(w.Stamps), clean(w.Reference), fmt.Sprint(w.Count), fmt.Sprint(w.Right), wrong, fmt.Sprint(w.Missing),
			day(w.First), day(w.Last), clean(w.Example),
		})
	}
	p.table([]string{"", "RETURNS TO", "METADATA KEYS", "STAMPS", "CLIENT REFERENCE", "SESSIONS", "RIGHT", "WRONG", "MISSING", "FIRST", "LAST", "FOR EXAMPLE"}, rows)
	for i, w := range all {
		for _, why := range slices.Sorted(maps.Keys(w.WrongBecause)) {
			p.line("  %d stamps %s on %s", i+1, wrongSays(why), count(w.WrongBecause[why], "session", "sessions"))
		}
		var bare []string
		for _, m := range []struct {
			made     gateway.Made
			one, all string
		}{{w.Customers, "customer", "customers"}, {w.Subscriptions, "subscription", "subscriptions"}, {w.Intents, "payment intent", "payment intents"}} {
			if m.made.Stamped < m.made.Count {
				bare = append(bare, fmt.Sprintf("%d of %s", m.made.Count-m.made.Stamped, count(m.made.Count, m.one, m.all)))
			}
		}
		if len(bare) > 0 {
			p.line("  %d leaves without a stamp what it makes: %s", i+1, strings.Join(bare, ", "))
		}
	}
}

func wrongSays(why string) string {
	switch why {
	case "user_id":
		return "the id of a user"
	case "company":
		return "another company"
	case "gone":
		return "a company that had been deleted"
	}
	return "an id that no company has"
}

func (p *Printer) replayEvents(e *gateway.ReplayedEvents) {
	if e == nil {
		return
	}
	p.heading(fmt.Sprintf("%s since %s UTC: %d ours, %d foreign, %d unknown, %d ignored", count(e.Events, "event", "events"), day(e.Since), e.Mine, e.Foreign, e.Unknown, e.Ignored))
	var rows [][]string
	for _, t := range e.Types {
		if t.Mine+t.Foreign+t.Unknown == 0 {
			continue
		}
		rows = append(rows, []string{clean(t.Type), fmt.Sprint(t.Mine), fmt.Sprint(t.Foreign), fmt.Sprint(t.Unknown), or(clean(t.Example))})
	}
	if len(rows) > 0 {
		p.table([]string{"TYPE", "OURS", "FOREIGN", "UNKNOWN", "UNKNOWN FOR EXAMPLE"}, rows)
	}
}
