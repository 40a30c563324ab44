package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rightful"
	"rightful/gateway"
)

// Watched prints one event, in one line and one write. Events of one watch are printed by
// one Printer, so that their columns stand under each other.
func (p *Printer) Watched(w gateway.Watched) error {
	company := "-"
	if w.CompanyID != nil {
		company = "company " + clean(*w.CompanyID)
	} else if w.Stamp != nil {
		company = "stamped " + clean(*w.Stamp)
	}
	user := "-"
	if w.UserID != nil {
		user = "user " + clean(*w.UserID)
	}
	parts := []string{p.paint(faint, moment(w.At))}
	for i, text := range []string{clean(w.Type), company, user, watchedAmount(w.Amount)} {
		parts = append(parts, p.column(i, text))
	}
	parts = append(parts, p.disposition(w), or(w.Object.ID))
	for _, f := range w.Findings {
		parts = append(parts, p.severity(f.Severity)+" "+p.paint(strong, clean(string(f.Code)))+" "+clean(f.Title))
	}
	_, err := fmt.Fprintln(p.Out, strings.Join(parts, "  "))
	return err
}

// watchedColumns are how wide the columns of a watch are at first: type, company, user,
// amount, and whose it is. Lines come one by one, so that a longer text makes its column
// wider for those that follow, up to widestColumn: a stamp may hold anything. The id of
// the object stands behind them, because those of sessions have 66 characters.
var watchedColumns = [...]int{34, 12, 8, 12, 10}

const widestColumn = 50

// whose is the column of watchedColumns that disposition fills.
const whose = len(watchedColumns) - 1

// column fills a text up to the width of its column.
func (p *Printer) column(i int, text string) string {
	if p.watched == nil {
		p.watched = slices.Clone(watchedColumns[:])
	}
	if n := utf8.RuneCountInString(text); n <= widestColumn {
		p.watched[i] = max(p.watched[i], n)
	}
	return fmt.Sprintf("%-*s", p.watched[i], text)
}

func watchedAmount(a *gateway.WatchedAmount) string {
	if a == nil {
		return "-"
	}
	text := amount(rightful.Amount{MonthlyMinor: a.Minor, Currency: a.Currency})
	if a.Per != "" {
		text += " a " + clean(a.Per)
	}
	return text
}

// disposition says whose the event is, and what is special about it.
func (p *Printer) disposition(w gateway.Watched) string {
	text := string(w.Status)
	if w.Again {
		text += ", was unknown"
	}
	if w.Superseded {
		text += ", superseded"
	}
	if w.Paid {
		text += ", paid"
	}
	text = p.column(whose, text)
	switch w.Status {
	case rightful.InboxMine:
		return p.paint(green, text)
	case rightful.InboxUnknown:
		return p.paint(yellow, text)
	case rightful.InboxDead:
		return p.paint(red, text)
	}
	return p.paint(faint, text)
}

// WatchingInbox says that an inbox is watched, and since when nothing came.
func WatchingInbox(w io.Writer, place string, newest int64) {
	came := "it holds no event yet"
	if newest > 0 {
		came = "its newest event came at " + moment(newest) + " UTC"
	}
	fmt.Fprintf(w, "watching the inbox in %s: nothing is asked of Stripe; %s\n", clean(place), came)
}

// WatchingStripe says that Stripe's list of events is watched, what that costs, and, if
// there could be one, why no inbox is.
func WatchingStripe(w io.Writer, id string, live bool, every time.Duration, noInbox string) {
	hourly := float64(time.Hour) / float64(every)
	fmt.Fprintf(w, "watching Stripe's events of %s every %s: %.0f GETs an hour and some for payments, %.2f %% of the least read allocation of a month\n",
		account(id, live), every, hourly, 100*hourly/monthlyAllocation)
	if noInbox != "" {
		fmt.Fprintf(w, "there is no inbox to watch: %s\n", clean(noInbox))
	}
}

// WatchedGETs says what watching Stripe has cost.
func WatchedGETs(w io.Writer, n int) {
	fmt.Fprintf(w, "Stripe was asked %d times with GET: %.2f %% of the least read allocation of a month\n", n, 100*float64(n)/monthlyAllocation)
}

// WatchTrouble says that nothing is seen for a while, or, of nil, that it is over.
func WatchTrouble(w io.Writer, err error) {
	if err == nil {
		fmt.Fprintln(w, "watching again: nothing was missed")
		return
	}
	Error(w, err)
	fmt.Fprintln(w, "watching goes on, and says when it sees something again")
}
