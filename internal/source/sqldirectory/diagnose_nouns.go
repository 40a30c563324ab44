package sqldirectory

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"rightful"
)

// noun is what is examined of one mapped query.
type noun struct {
	query   *query
	place   string
	columns []column
	// without says what is lost without an optional column. Those that are not
	// here are nothing to worry about.
	without map[string]string
	lookups []string // columns by which an investigation looks rows up
}

func (d *Directory) nouns() []noun {
	return []noun{
		{d.companies, placeCompanies, companyColumns, nil, []string{"id", "stripe_customer_id", "owner_user_id", "stamp_value"}},
		{d.users, placeUsers, userColumns, map[string]string{
			"email": "a buyer who is known by email only is not found among the users",
		}, []string{"id", "email", "company_id"}},
		{d.memberships, placeMemberships, membershipColumns, map[string]string{
			"joined_at": "no history: everybody counts as a member since always",
			"left_at":   "no history: a buyer's past companies are unknown, and a purchase is judged by who is a member today",
		}, []string{"user_id", "company_id"}},
		{d.subscriptions, placeSubscriptions, subscriptionColumns, map[string]string{
			"stripe_customer_id": "a row that names another customer than its subscription is not noticed",
			"status":             "a row that says active for an ended subscription is not noticed",
		}, []string{"company_id", "stripe_customer_id", "stripe_subscription_id"}},
		{d.links, placeLinks, linkColumns, nil, []string{"company_id", "stripe_customer_id"}},
	}
}

// countTo is how far rows are counted.
const countTo = 1_000_000

func (d *Directory) diagnoseNoun(ctx context.Context, n noun) []rightful.Diagnosis {
	q := n.query
	if err := d.broken[n.place]; err != nil {
		return []rightful.Diagnosis{failed(n.place, "", err)}
	}
	if q == nil {
		return nil
	}
	var have, lack []string
	var all []rightful.Diagnosis
	for _, c := range n.columns {
		if found, ok := q.column(c.name); ok {
			described := c.name
			if c.isID && found.typ.name != "" {
				described += " (" + found.typ.name + ")"
			}
			have = append(have, described)
			continue
		}
		lack = append(lack, c.name)
		if loss := n.without[c.name]; loss != "" {
			all = append(all, rightful.Warn(n.place, "there is no column "+c.name+": "+loss, "SELECT ..., ... AS "+c.name+", if the app keeps it"))
		}
	}
	says := "columns " + strings.Join(have, ", ")
	if len(lack) > 0 {
		says += "; without " + strings.Join(lack, ", ")
	}
	rows, err := d.count(ctx, q, countTo)
	if err != nil {
		all = append(all, failed(n.place, "its rows could not be counted", err))
	} else {
		says = sized(rows) + "; " + says
	}
	all = append([]rightful.Diagnosis{rightful.OK(n.place, says)}, all...)
	if err == nil && rows == 0 && (q == d.companies || q == d.users) {
		all[0] = rightful.Warn(n.place, says, "is this the right database, and does the query leave everything out?")
	}
	return append(all, d.diagnoseLookups(ctx, n, rows)...)
}

// count returns how many rows the query has, up to a number.
func (d *Directory) count(ctx context.Context, q *query, most int) (rows int, err error) {
	inner := q.wrap("1 AS one", "LIMIT "+strconv.Itoa(most+1))
	const head = "SELECT count(*) FROM ("
	inner.sent, inner.skip = head+inner.sent+") n", inner.skip+len(head)
	err = d.read(ctx, inner, func(ctx context.Context, conn *sql.Conn) error {
		return conn.QueryRowContext(ctx, inner.sent).Scan(&rows)
	})
	return rows, err
}

func sized(rows int) string {
	switch {
	case rows > countTo:
		return "more than " + thousands(countTo) + " rows"
	case rows == 1:
		return "1 row"
	case rows == 0:
		return "no rows"
	}
	return thousands(rows) + " rows"
}

// thousands writes a number with commas.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// diagnoseFacts says what the mapping as a whole cannot state.
func (d *Directory) diagnoseFacts() []rightful.Diagnosis {
	var all []rightful.Diagnosis
	warn := func(missing bool, place, says, todo string) {
		if missing && d.broken[place] == nil { // one that is wrong has said so
			all = append(all, rightful.Warn(place, says, todo))
		}
	}
	m := d.mapping
	warn(d.users == nil, placeUsers, "users are not mapped: who bought is not known, and emails say nothing", "add directory.users: SELECT id, email, ... FROM ...")
	warn(!m.Link && d.broken[placeLinks] == nil, placeCompanies, "neither companies nor a table of links has stripe_customer_id: what the app links is not judged",
		"add ... AS stripe_customer_id to directory.companies, or directory.links")
	warn(!m.Memberships, placeMemberships, "memberships are not mapped: who belonged where in the past is unknown, so a wrong buyer is not told from one who moved",
		"add directory.memberships: SELECT user_id, company_id, joined_at, left_at FROM ..., if the app has such a table")
	warn(!m.SubscriptionRows, placeSubscriptions, "subscription rows are not mapped: RF401 and RF402 are silent",
		"add directory.subscriptions: SELECT id, company_id, stripe_subscription_id, ... FROM ..., if the app keeps them")
	return all
}
