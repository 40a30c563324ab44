// Package truth grows random apps with their Stripe accounts, and remembers
// whose everything is.
//
// A world is grown the way that apps grow: people join, buy, leave, cancel, and
// every place is written as a healthy app writes it. Then a mutation damages one
// place as an incident would, and says what has to be found. The truth never
// changes by that. So a test can hold the judge against it: a healthy world is
// silent, a damage is found where it is, and no repair moves anything away from
// its true company.
//
// What nobody could decide from the data is left out, with a comment at the
// place that would have grown it: a world is fair only if no other truth would
// have left the same data.
package truth

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"rightful"
)

// Several is the truth about a customer that several companies buy with.
const Several = "several"

// World is one app, its Stripe account, its cache and what it answers.
type World struct {
	App App
	Now int64 // Unix seconds

	Companies   []*rightful.Company
	Users       []*rightful.User
	Memberships []*rightful.Membership
	Links       []*rightful.Link // of the table; those of the column stand in the companies
	Rows        []*rightful.SubscriptionRow
	Objects     []*rightful.Object
	Missing     []string // ids of which Stripe says that they do not exist
	Events      []rightful.Event
	Endpoints   []rightful.WebhookEndpoint
	Purchases   []*Purchase
	Cache       map[string]string
	Probe       map[string]string // user id -> the company that the running app answers
	Revision    string            // of the running app

	Log []string // what happened, for people

	t          *rapid.T
	owner      map[string]string      // Stripe object id -> its true company, or Several
	belongs    map[string][]string    // user id -> true companies of today
	uses       map[string]string      // who buys (see holder) -> the customer that the app uses
	boughtWith map[string][]*Purchase // customer id -> what was bought with it in truth
	told       map[string]bool        // what was put into the world wrongly, see Mutation.Places
	struck     map[string]bool        // ids of what damages were about, and of what is in their families
	lie        string                 // what the last unfair lie claimed, see StrikeUnfairly
	serial     int
}

// Purchase is what was bought in one go.
type Purchase struct {
	Kind    string
	Session *rightful.Object // nil when the server made the purchase without one
	Made    *rightful.Object // the subscription or payment intent; nil for none
	Payer   string           // customer id, "" for a guest
	Buyer   string           // user id
	Company string           // whose it is
	Row     *rightful.SubscriptionRow
	Born    bool // its customer was made for it
}

// Objects returns the Stripe objects of the purchase.
func (p *Purchase) Objects() []*rightful.Object {
	return slices.DeleteFunc([]*rightful.Object{p.Session, p.Made}, func(o *rightful.Object) bool { return o == nil })
}

// Done reports whether the purchase was gone through with.
func (p *Purchase) Done() bool { return p.Kind != "abandoned" }

// Live reports whether the purchase is a subscription that is live now.
func (p *Purchase) Live() bool { return p.Made != nil && p.Made.LiveSubscription() }

func (w *World) say(format string, args ...any) {
	w.Log = append(w.Log, fmt.Sprintf("%d ", w.Now)+fmt.Sprintf(format, args...))
}

func (w *World) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(w.t, label) }

// chance is true once in n.
func (w *World) chance(label string, n int) bool { return w.pick(label, n) == n-1 }

func of[T any](w *World, label string, from ...T) T { return from[w.pick(label, len(from))] }

func (w *World) id(prefix string) string {
	w.serial++
	return fmt.Sprintf("%s_%d", prefix, w.serial)
}

// Company returns the company with this id, or nil.
func (w *World) Company(id string) *rightful.Company {
	i := slices.IndexFunc(w.Companies, func(c *rightful.Company) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return w.Companies[i]
}

// Object returns the Stripe object with this id, or nil.
func (w *World) Object(id string) *rightful.Object {
	i := slices.IndexFunc(w.Objects, func(o *rightful.Object) bool { return o.ID == id })
	if i < 0 {
		return nil
	}
	return w.Objects[i]
}

func (w *World) user(id string) *rightful.User {
	i := slices.IndexFunc(w.Users, func(u *rightful.User) bool { return u.ID == id })
	if i < 0 {
		return nil
	}
	return w.Users[i]
}

// live returns the companies that are there today.
func (w *World) live() []*rightful.Company {
	return slices.DeleteFunc(slices.Clone(w.Companies), func(c *rightful.Company) bool { return !c.Live() })
}

// Owner returns the true company of a Stripe object: "" for nobody's, Several
// for a customer that more than one company bought with. What a merged company
// owned is its survivor's.
func (w *World) Owner(id string) string {
	if owners := w.owners(id); len(owners) != 1 {
		return w.owner[id]
	}
	return w.owners(id)[0]
}

// owners are the companies that an object may be stamped with in truth: its own,
// and of a customer for all companies of a user any that bought with it.
func (w *World) owners(id string) []string {
	if w.owner[id] != Several {
		return []string{w.final(w.owner[id])}
	}
	var all []string
	for _, p := range w.boughtWith[id] {
		all = append(all, w.final(p.Company))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (w *World) final(company string) string {
	for range len(w.Companies) {
		c := w.Company(company)
		if c == nil || c.MergedInto == "" {
			break
		}
		company = c.MergedInto
	}
	return company
}

// linksOf returns the customers that a company links.
func (w *World) linksOf(c *rightful.Company) []string {
	var out []string
	if c.StripeCustomerID != "" && !w.placeholder(c.StripeCustomerID) {
		out = append(out, c.StripeCustomerID)
	}
	for _, l := range w.Links {
		if l.CompanyID == c.ID && !slices.Contains(out, l.StripeCustomerID) {
			out = append(out, l.StripeCustomerID)
		}
	}
	return out
}

// linkedBy returns the companies that link a customer.
func (w *World) linkedBy(customer string) []*rightful.Company {
	var out []*rightful.Company
	for _, c := range w.Companies {
		if slices.Contains(w.linksOf(c), customer) {
			out = append(out, c)
		}
	}
	return out
}

func (w *World) placeholder(customer string) bool { return strings.HasPrefix(customer, "pending_") }

// link writes down that a company uses a customer.
func (w *World) link(c *rightful.Company, customer string) {
	if w.App.inColumn() {
		c.StripeCustomerID = customer
	}
	if w.App.inTable() && !slices.ContainsFunc(w.Links, func(l *rightful.Link) bool { return l.CompanyID == c.ID && l.StripeCustomerID == customer }) {
		w.Links = append(w.Links, &rightful.Link{CompanyID: c.ID, StripeCustomerID: customer})
	}
}

// unlink clears what a company links.
func (w *World) unlink(c *rightful.Company) {
	c.StripeCustomerID = ""
	w.Links = slices.DeleteFunc(w.Links, func(l *rightful.Link) bool { return l.CompanyID == c.ID })
}

// purchasesWith returns what was bought with a customer, oldest first.
func (w *World) purchasesWith(customer string) []*Purchase {
	var out []*Purchase
	for _, p := range w.Purchases {
		if p.Payer == customer && customer != "" {
			out = append(out, p)
		}
	}
	return out
}
