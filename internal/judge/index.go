package judge

import (
	"strings"

	"rightful"
)

// index makes a situation searchable by canonical id.
type index struct {
	sit *rightful.Situation

	companies   map[string]*rightful.Company
	byStamp     map[string]*rightful.Company // by stamp value, where stamps do not hold the id
	owned       map[string][]string          // canonical user id -> canonical company ids
	users       map[string]*rightful.User
	byEmail     map[string][]*rightful.User // by lower-case email
	memberships map[string][]rightful.Membership
	acted       map[string][]rightful.Membership // canonical user id -> for whom they made purchases, as our own record says
	linkedBy    map[string][]string              // customer id -> canonical ids of companies that link it
	links       map[string][]string              // canonical company id -> customer ids, placeholders left out
	rowsBySub   map[string][]rightful.SubscriptionRow
	rowsOf      map[string][]rightful.SubscriptionRow // canonical company id -> its rows
	rowsPaidBy  map[string][]rightful.SubscriptionRow // customer id -> rows that name it
	mentioned   map[string]bool                       // canonical ids of companies that users, memberships, links or rows name, or our own record
}

func newIndex(sit *rightful.Situation, rules Rules) *index {
	sit = ordered(sit)
	ix := &index{
		sit:         sit,
		companies:   map[string]*rightful.Company{},
		byStamp:     map[string]*rightful.Company{},
		owned:       map[string][]string{},
		users:       map[string]*rightful.User{},
		byEmail:     map[string][]*rightful.User{},
		memberships: map[string][]rightful.Membership{},
		acted:       map[string][]rightful.Membership{},
		linkedBy:    map[string][]string{},
		links:       map[string][]string{},
		rowsBySub:   map[string][]rightful.SubscriptionRow{},
		rowsOf:      map[string][]rightful.SubscriptionRow{},
		rowsPaidBy:  map[string][]rightful.SubscriptionRow{},
		mentioned:   map[string]bool{},
	}
	for i := range sit.Companies {
		c := &sit.Companies[i]
		id := rightful.CanonicalID(c.ID)
		ix.companies[id] = c
		if c.StampValue != "" {
			ix.mentioned[id] = true // its id in a stamp is an old form, not nobody
			ix.byStamp[rightful.CanonicalID(c.StampValue)] = c
		}
		if c.OwnerUserID != "" {
			owner := rightful.CanonicalID(c.OwnerUserID)
			ix.owned[owner] = append(ix.owned[owner], id)
		}
	}
	for i := range sit.Users {
		u := &sit.Users[i]
		ix.users[rightful.CanonicalID(u.ID)] = u
		ix.mentioned[rightful.CanonicalID(u.CompanyID)] = true
		if u.Email != "" {
			email := strings.ToLower(u.Email)
			ix.byEmail[email] = append(ix.byEmail[email], u)
		}
	}
	for _, m := range sit.Memberships {
		user := rightful.CanonicalID(m.UserID)
		ix.mentioned[rightful.CanonicalID(m.CompanyID)] = true
		ix.memberships[user] = append(ix.memberships[user], m)
	}
	for _, l := range sit.Links {
		if isPlaceholder(rules, l.StripeCustomerID) {
			continue
		}
		company := rightful.CanonicalID(l.CompanyID)
		ix.mentioned[company] = true
		ix.linkedBy[l.StripeCustomerID] = append(ix.linkedBy[l.StripeCustomerID], company)
		ix.links[company] = append(ix.links[company], l.StripeCustomerID)
	}
	for _, r := range sit.SubscriptionRows {
		ix.mentioned[rightful.CanonicalID(r.CompanyID)] = true
		if r.StripeSubscriptionID != "" {
			ix.rowsBySub[r.StripeSubscriptionID] = append(ix.rowsBySub[r.StripeSubscriptionID], r)
		}
		company := rightful.CanonicalID(r.CompanyID)
		ix.rowsOf[company] = append(ix.rowsOf[company], r)
		ix.rowsPaidBy[r.StripeCustomerID] = append(ix.rowsPaidBy[r.StripeCustomerID], r)
	}
	for id, existed := range sit.Existed {
		if existed {
			ix.mentioned[id] = true
		}
	}
	return ix
}

func isPlaceholder(rules Rules, customer string) bool {
	for _, p := range rules.Placeholders {
		if p.MatchString(customer) {
			return true
		}
	}
	return false
}

// company returns the company row with this id, or nil.
func (ix *index) company(id string) *rightful.Company {
	if id == "" {
		return nil
	}
	return ix.companies[rightful.CanonicalID(id)]
}

// live reports whether id names a live company.
func (ix *index) live(id string) bool {
	c := ix.company(id)
	return c != nil && c.Live()
}

// stamped returns the company that a stamp names, or nil. A company that has a
// stamp value of its own is named by that and not by its id.
func (ix *index) stamped(value string) *rightful.Company {
	if value == "" {
		return nil
	}
	if c := ix.byStamp[rightful.CanonicalID(value)]; c != nil {
		return c
	}
	if c := ix.company(value); c != nil && c.StampValue == "" {
		return c
	}
	return nil
}

// remembered reports whether some row still names the company, or our own record does,
// which then did exist, whether or not its own row is there.
func (ix *index) remembered(id string) bool {
	return id != "" && ix.mentioned[rightful.CanonicalID(id)]
}

// stampFor returns what a stamp must hold to name the company.
func (ix *index) stampFor(companyID string) string {
	if c := ix.company(companyID); c != nil {
		if c.StampValue != "" {
			return c.StampValue
		}
		return c.ID
	}
	return companyID
}

// survivor follows merge records from a company to the live one that took it
// over, or returns nil: no record, a dead end, or a circle.
func (ix *index) survivor(c *rightful.Company) *rightful.Company {
	for range len(ix.companies) {
		if c == nil || c.MergedInto == "" {
			return nil
		}
		c = ix.company(c.MergedInto)
		if c != nil && c.Live() {
			return c
		}
	}
	return nil
}

// became returns the companies that took a company over (canonical ids): the live one
// at the end of its merge records, or, where these end at one that is gone too, all on
// the way.
func (ix *index) became(id string) []string {
	c := ix.company(id)
	if s := ix.survivor(c); s != nil {
		return []string{rightful.CanonicalID(s.ID)}
	}
	var all []string
	for range len(ix.companies) {
		if c == nil || c.MergedInto == "" {
			break
		}
		if c = ix.company(c.MergedInto); c != nil {
			all = append(all, rightful.CanonicalID(c.ID))
		}
	}
	return all
}
