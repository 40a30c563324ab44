package view

import (
	"fmt"
	"io"
	"strings"
	"time"

	"rightful"
	"rightful/internal/engine"
)

// mostDisagreements is how many users are listed for people; JSON has them all.
const mostDisagreements = 50

// Postdeploy prints for people whether what was deployed agrees. on are the flags
// with which the next command works on the same.
func (p *Printer) Postdeploy(r *engine.Postdeploy, on string) {
	p.line("%s · %s", p.paint(strong, "what was deployed"), account(r.Account, r.Livemode))
	if p.refused(r.Refused) {
		return
	}
	var rows [][]string
	if c := r.Revision; c != nil {
		rows = append(rows, []string{p.verdict(c.OK, c.Seen != nil), "revision", revision(c)})
	}
	rows = append(rows, []string{p.verdict(r.Users.Disagree == 0, r.Users.Unanswered == 0 && r.Users.Checked > 0 && !r.Users.NoApp), "users", usersChecked(r.Users)})
	if w := r.Webhook; w != nil {
		for _, c := range w.Checks {
			rows = append(rows, []string{p.verdict(c.OK, true), "webhook", clean(c.Name + " " + c.Message)})
			if c.Hint != "" {
				rows = append(rows, []string{"", "", "-> " + clean(c.Hint)})
			}
		}
		if w.Unreached != "" {
			rows = append(rows, []string{p.verdict(true, false), "webhook", clean(w.Unreached)})
		}
	}
	if c := r.Checkout; c != nil {
		rows = append(rows, []string{p.verdict(len(c.Problems) == 0, c.Failed == ""), "checkout", clean(checkoutTried(c))})
	}
	p.table([]string{"", "WHAT", "WHAT WAS SEEN"}, rows)
	p.disagreements(r.Disagreements)
	if len(r.Findings) > 0 {
		p.heading("findings")
		p.codes(r.Findings)
	}
	p.accepted(r.Known)
	p.heading("summary")
	if r.Agrees {
		p.line("  %s", p.paint(green, "everything that was compared agrees"))
	}
	p.known(r.Known)
	p.incomplete(r.Complete, r.IncompleteBecause)
	if r.Next != "" {
		p.line("  next: %s", clean(r.Next+nextOn(r.Next, on)))
	}
}

// nextOn leaves the flags away from a command that needs none.
func nextOn(next, on string) string {
	if strings.HasPrefix(next, "rightful explain") || strings.HasPrefix(next, "rightful doctor") && strings.Contains(on, "--world") {
		return ""
	}
	return on
}

// verdict is ok, WRONG or unknown.
func (p *Printer) verdict(ok, told bool) string {
	switch {
	case !ok:
		return p.paint(red, "WRONG")
	case !told:
		return p.paint(yellow, "unknown")
	}
	return p.paint(green, "ok")
}

func revision(c *engine.RevisionCheck) string {
	seen := orPtr(c.Seen, "the app does not tell")
	switch {
	case c.Expected == nil:
		return seen + "; none is expected"
	case c.Changed:
		return fmt.Sprintf("%s is still running beside %s, which is expected", seen, or(*c.Expected))
	case c.OK:
		return seen + ", as expected" + waited(c)
	}
	return fmt.Sprintf("%s; %s is expected%s", seen, or(*c.Expected), waited(c))
}

func waited(c *engine.RevisionCheck) string {
	if c.Waited == 0 {
		return ""
	}
	return fmt.Sprintf(", after %v", time.Duration(c.Waited)*time.Second)
}

func usersChecked(u engine.UsersChecked) string {
	out := fmt.Sprintf("%d of %s compared: %d agree, %d do not", u.Checked, count(u.Known, "active user", "active users"), u.Agree, u.Disagree)
	if u.Unanswered > 0 {
		out += fmt.Sprintf(", no answer for %d", u.Unanswered)
	}
	if u.Unasked > 0 {
		out += fmt.Sprintf(", no recorded answer for %d", u.Unasked)
	}
	if u.NoApp {
		out += ", as far as the database tells: no app was asked"
	}
	if !u.All {
		out += fmt.Sprintf(" (--seed %d)", u.Seed)
	}
	return out
}

func checkoutTried(c *engine.CheckoutReport) string {
	switch {
	case c.Failed != "":
		return c.Failed
	case len(c.Problems) > 0:
		return strings.TrimPrefix(c.SessionID+": ", ": ") + strings.Join(c.Problems, "; ")
	}
	return c.SessionID + " was made for company " + c.CompanyID + ", its stamps are right, and it was closed"
}

func (p *Printer) disagreements(all []engine.Disagreement) {
	if len(all) == 0 {
		return
	}
	p.heading("users for whom the places do not agree")
	var rows [][]string
	for i, d := range all {
		if i == mostDisagreements {
			break
		}
		w := d.Ways
		resolver := w.Resolver
		if resolver == "" {
			resolver = "none: " + w.Unresolved
		}
		app := orPtr(d.App, "not asked")
		if d.App != nil && *d.App == "" {
			app = "no company"
		}
		if d.Failed != "" {
			app = "no answer: " + clean(d.Failed)
		}
		rows = append(rows, []string{clean(d.UserID), or(w.Direct), list(w.Owner), list(w.Membership), clean(resolver), app, codeList(d.Codes)})
	}
	p.table([]string{"USER", "DIRECT", "OWNER OF", "MEMBER OF", "RESOLVER", "RUNNING APP", "FINDINGS"}, rows)
	if more := len(all) - mostDisagreements; more > 0 {
		p.line("  and %d more: --format json has them all", more)
	}
}

func codeList(codes []rightful.Code) string {
	var out []string
	for _, c := range codes {
		out = append(out, string(c))
	}
	return strings.Join(out, " ")
}

// PostdeployJUnit writes the same for CI: a case for the reading, one for the
// revision, one for each user that disagrees and one for all that agree, and one for
// each thing that was tried.
func PostdeployJUnit(w io.Writer, r *engine.Postdeploy) error {
	suites := []junitSuite{postdeployRead(r), postdeployRevision(r), postdeployUsers(r), postdeployWebhook(r), postdeployCheckout(r)}
	return writeJUnit(w, "rightful postdeploy", r.Now, suites)
}

func postdeployRead(r *engine.Postdeploy) junitSuite {
	return readSuite(&engine.AuditReport{Complete: r.Complete, IncompleteBecause: r.IncompleteBecause, Refused: r.Refused})
}

func postdeployRevision(r *engine.Postdeploy) junitSuite {
	s := junitSuite{Name: "revision"}
	if c := r.Revision; c != nil && c.Seen != nil {
		one := junitCase{ClassName: "rightful.revision", Name: "the expected revision is running"}
		switch {
		case c.Expected == nil:
			one.Skipped = &junitSkipped{Message: "revision " + clean(*c.Seen) + "; none is expected"}
		case !c.OK:
			one.Failure = &junitProblem{Type: string(rightful.SeverityError), Message: revision(c), Text: "next: rightful explain " + string(rightful.CodeDeployRevision)}
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}

func postdeployUsers(r *engine.Postdeploy) junitSuite {
	s := junitSuite{Name: "users"}
	if r.Users.Agree > 0 && !r.Users.NoApp {
		s.Cases = append(s.Cases, junitCase{ClassName: "rightful.users", Name: fmt.Sprintf("%s compared and agree", count(r.Users.Agree, "user", "users"))})
	}
	for _, d := range r.Disagreements {
		c := junitCase{ClassName: "rightful.users", Name: clean("user " + d.UserID)}
		var lines []string
		for _, f := range r.Findings {
			if rightful.SameID(f.Object.ID, d.UserID) && f.Object.Type == rightful.RefUser && f.Severity != rightful.SeverityInfo {
				lines = append(lines, wording(f))
			}
		}
		c.Failure = &junitProblem{Type: string(rightful.SeverityError), Message: codeList(d.Codes), Text: strings.Join(append(lines, clean("next: rightful investigate user:"+d.UserID)), "\n")}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func postdeployWebhook(r *engine.Postdeploy) junitSuite {
	s := junitSuite{Name: "webhook"}
	if r.Webhook == nil {
		return s
	}
	for _, c := range r.Webhook.Checks {
		one := junitCase{ClassName: "rightful.webhook", Name: c.Name + ": " + c.Expects}
		if !c.OK {
			text := "next: " + clean(c.Hint)
			if c.Security {
				text = "SECURITY\n" + text
			}
			one.Failure = &junitProblem{Type: string(c.Severity), Message: clean(c.Name + " " + c.Message), Text: text}
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}

func postdeployCheckout(r *engine.Postdeploy) junitSuite {
	s := junitSuite{Name: "checkout"}
	if c := r.Checkout; c != nil && c.Failed == "" {
		one := junitCase{ClassName: "rightful.checkout", Name: "a synthetic checkout session"}
		if len(c.Problems) > 0 {
			one.Failure = &junitProblem{Type: string(rightful.SeverityError), Message: clean(checkoutTried(c)), Text: clean(strings.Join(c.Problems, "\n"))}
		}
		s.Cases = append(s.Cases, one)
	}
	return s
}
