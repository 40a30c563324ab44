package view

import (
	"strconv"
	"strings"
	"time"

	"rightful/internal/engine"
)

// imported prints what became of a mirror that was filled from copies.
func (p *Printer) imported(r *engine.SyncReport) {
	for _, from := range r.From {
		p.line("  from %s", clean(from))
	}
	var rows [][]string
	for _, l := range r.Lists {
		rows = append(rows, []string{
			clean(string(l.Type)), some(l.Read), strconv.FormatInt(l.Objects, 10), some(l.New), some(l.Gone), ago(r.Now, l.Full), p.followed(r.Now, l),
		})
	}
	if len(rows) > 0 {
		p.table([]string{"LIST", "IN THE COPY", "IN THE MIRROR", "NEW", "GONE", "READ WHOLE", "UP TO DATE"}, rows)
	}
	if l := r.LeftOut; l != nil {
		p.leftOut(l)
	}
	p.line("")
	p.line("%s; Stripe was not asked", time.Duration(r.Seconds*float64(time.Second)).Round(100*time.Millisecond))
	for _, why := range r.IncompleteBecause {
		p.line("%s: %s", p.paint(red, "INCOMPLETE"), clean(why))
	}
	if r.Complete {
		p.line("%s", "rightful sync takes in what changed since")
	}
}

// kept prints what a mirror has, and how old it is.
func (p *Printer) kept(r *engine.SyncReport) {
	var rows [][]string
	for _, l := range r.Lists {
		rows = append(rows, []string{clean(string(l.Type)), strconv.FormatInt(l.Objects, 10), ago(r.Now, l.Full), ago(r.Now, l.Followed)})
	}
	p.table([]string{"LIST", "OBJECTS", "READ WHOLE", "UP TO DATE"}, rows)
	for _, why := range r.IncompleteBecause {
		p.line("%s: %s", p.paint(red, "INCOMPLETE"), clean(why))
	}
}

// leftOut prints what of the copies is not in the mirror.
func (p *Printer) leftOut(l *engine.SyncLeftOut) {
	var left []string
	for _, one := range []struct {
		n    int64
		what string
	}{{l.OtherMode, "of the other mode"}, {l.OtherAccount, "of other accounts"}, {l.OtherTypes, "of types that a mirror does not keep"}} {
		if one.n > 0 {
			left = append(left, strconv.FormatInt(one.n, 10)+" "+one.what)
		}
	}
	if len(left) > 0 {
		p.line("  left out: %s", strings.Join(left, ", "))
	}
	for _, note := range l.Notes {
		p.line("  %s", clean(note))
	}
	for _, at := range l.BadAt {
		p.line("  %s %s", p.paint(red, "not read"), clean(at))
	}
	if more := l.Bad - int64(len(l.BadAt)); more > 0 {
		p.line("  ... and %d more", more)
	}
}
