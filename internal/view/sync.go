package view

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/pull"
)

// Sync prints what became of a mirror.
func (p *Printer) Sync(r *engine.SyncReport) {
	if p.refused(r.Refused) {
		return
	}
	p.line("%s", p.paint(strong, "mirror of "+account(r.Account, r.Livemode)+", in "+clean(r.Mirror)))
	switch {
	case r.Shown:
		p.kept(r)
		return
	case len(r.From) > 0:
		p.imported(r)
		return
	}
	for _, why := range r.Because {
		p.line("  read whole: %s", clean(why))
	}
	var rows [][]string
	for _, l := range r.Lists {
		rows = append(rows, []string{
			clean(string(l.Type)), strconv.FormatInt(l.Objects, 10), some(l.New), some(l.Changed), some(l.Gone),
			ago(r.Now, l.Full), p.followed(r.Now, l), requests(l),
		})
	}
	if len(rows) > 0 {
		p.table([]string{"LIST", "OBJECTS", "NEW", "CHANGED", "GONE", "READ WHOLE", "UP TO DATE", "REQUESTS"}, rows)
	}
	for _, l := range r.Lists {
		if l.Unlisted > 0 {
			p.line("  %s: %s in the list and there all the same, as those of test clocks are", clean(string(l.Type)), count(int(l.Unlisted), "object was not", "objects were not"))
		}
	}
	p.line("")
	p.line("%s events in %s; Stripe was asked %d times with GET: %.2f %% of the least read allocation of a month%s",
		strconv.FormatInt(r.Events, 10), time.Duration(r.Seconds*float64(time.Second)).Round(100*time.Millisecond), r.StripeGETs, 100*float64(r.StripeGETs)/monthlyAllocation, limited(r.RateLimited))
	for _, why := range r.IncompleteBecause {
		p.line("%s: %s", p.paint(red, "INCOMPLETE"), clean(why))
	}
}

// SyncedAccounts prints what became of the mirrors of several accounts.
func (p *Printer) SyncedAccounts(r *engine.SyncedAccounts) {
	for i, one := range r.Accounts {
		if i > 0 {
			p.line("")
		}
		p.Sync(one)
	}
	p.line("")
	p.line("%s; Stripe was asked %d times with GET in all", count(len(r.Accounts), "account", "accounts"), r.StripeGETs)
	for _, why := range r.IncompleteBecause {
		p.line("%s: %s", p.paint(red, "INCOMPLETE"), clean(why))
	}
}

// some writes a number that is mostly none.
func some(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// followed says how old what is known of a list is.
func (p *Printer) followed(now int64, l engine.SyncList) string {
	if l.Problem != "" {
		return p.paint(red, "no") + " " + ago(now, l.Followed)
	}
	return ago(now, l.Followed)
}

// requests says how many requests a list took, and, where it was read whole, how many it
// takes at least.
func requests(l engine.SyncList) string {
	text := strconv.Itoa(l.Pages + l.Lookups)
	if l.How != pull.HowEvents && l.Ideal > 0 {
		text += fmt.Sprintf(" (%d at best)", l.Ideal)
	}
	return text
}

func limited(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; %s that there were too many", count(n, "answer said", "answers said"))
}

// ago says how long ago a time was, in one unit.
func ago(now, then int64) string {
	d := max(now-then, 0)
	switch {
	case then == 0:
		return "never"
	case d < 120:
		return fmt.Sprintf("%ds ago", d)
	case d < 2*60*60:
		return fmt.Sprintf("%dm ago", d/60)
	case d < 2*24*60*60:
		return fmt.Sprintf("%dh ago", d/3600)
	}
	return fmt.Sprintf("%dd ago", d/86400)
}

// SyncProgress shows on one line of a terminal how far the lists are read. Make one with
// NewSyncProgress; it is safe for concurrent use.
type SyncProgress struct {
	out io.Writer
	now func() time.Time

	mu    sync.Mutex
	start time.Time
	last  time.Time
	lists []accountProgress
	shown bool
}

// accountProgress is how far one list of one account is.
type accountProgress struct {
	account string
	pull.Progress
}

// NewSyncProgress returns a progress line on a terminal.
func NewSyncProgress(out io.Writer, now func() time.Time) *SyncProgress {
	return &SyncProgress{out: out, now: now, start: now()}
}

// Update notes how far a list of an account is, and redraws the line now and then. Of
// several accounts the line has the sums.
func (p *SyncProgress) Update(account string, one pull.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.lists, func(l accountProgress) bool { return l.account == account && l.Type == one.Type })
	if at < 0 {
		p.lists = append(p.lists, accountProgress{account, one})
	} else {
		p.lists[at].Progress = one
	}
	if now := p.now(); now.Sub(p.last) >= 100*time.Millisecond {
		p.last = now
		fmt.Fprintf(p.out, "\r\x1b[K%s", p.text(now))
		p.shown = true
	}
}

// text is the line: what was read of each list, of about how many, the rate of all, and how
// long the slowest one still takes.
func (p *SyncProgress) text(now time.Time) string {
	seconds := now.Sub(p.start).Seconds()
	var parts []string
	total, left, known := int64(0), 0.0, true
	for _, l := range p.sums() {
		total += l.Objects
		part := fmt.Sprintf("%s %d", shortName(l.Type), l.Objects)
		switch {
		case l.Done:
		case l.Left < 0:
			known = false
		default:
			part += fmt.Sprintf(" of ~%d", l.Objects+l.Left)
			if l.Objects > 0 {
				left = max(left, seconds*float64(l.Left)/float64(l.Objects))
			}
		}
		parts = append(parts, part)
	}
	line := "reading: " + strings.Join(parts, ", ")
	if seconds >= 1 {
		line += fmt.Sprintf(" · %.0f/s", float64(total)/seconds)
		if known {
			line += fmt.Sprintf(" · %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
		}
	}
	return line
}

// sums are the lists of all accounts, by type. What is left is not known of a sum of which
// one part is not.
func (p *SyncProgress) sums() []pull.Progress {
	var out []pull.Progress
	for _, t := range rightful.ListedTypes() {
		sum, seen := pull.Progress{Type: t, Done: true}, false
		for _, l := range p.lists {
			if l.Type != t {
				continue
			}
			seen = true
			sum.Objects, sum.Done = sum.Objects+l.Objects, sum.Done && l.Done
			if l.Left < 0 && !l.Done || sum.Left < 0 {
				sum.Left = -1
			} else if !l.Done {
				sum.Left += l.Left
			}
		}
		if seen {
			out = append(out, sum)
		}
	}
	return out
}

// shortName is the last word of a type.
func shortName(t rightful.ObjectType) string {
	words := strings.FieldsFunc(string(t), func(c rune) bool { return c == '.' || c == '_' })
	return words[len(words)-1]
}

// Done removes the line.
func (p *SyncProgress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}
