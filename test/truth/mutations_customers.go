package truth

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// customerMutations are the ways in which a company comes to have several
// customers, or a customer that is not its own.
var customerMutations = []Mutation{
	{"a second customer is charged", rightful.CodePayerUnlinked, func(w *World) []Damage { return w.secondPayer(true) }},
	{"a second customer is charged, and the database does not know", rightful.CodeAlsoCharged, func(w *World) []Damage { return w.secondPayer(false) }},
	{"a card was saved on a second customer", rightful.CodeCardElsewhere, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			d := Damage{Where: o.ID + " again", copied: []string{o.ID}, do: func() { w.twin(o).HasSavedMethod = true }}
			if w.witnessed(o) {
				code := rightful.CodeCardElsewhere
				if w.hasCard(o) || w.paysWell(o) {
					code = rightful.CodeLostCustomer
				}
				d = d.finds(Want{code, rightful.Ref{Type: string(rightful.TypeCustomer), ID: w.nextID("cus", 0)}})
			}
			out = append(out, d)
		}
		return out
	}},
	{"a link was overwritten by a new customer", rightful.CodeLostCustomer, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			if by := w.linkedBy(o.ID); len(by) == 1 {
				d := Damage{Where: o.ID, copied: []string{o.ID}, do: func() {
					w.unlinkCustomer(o.ID)
					w.link(by[0], w.twin(o).ID)
				}}
				if w.witnessed(o) {
					d = w.expectUnlinked(d, o)
					if key := "company:" + by[0].ID + ":cus"; w.Cache[key] == o.ID {
						d.Finds = append(d.Finds, Want{rightful.CodeCacheStale, rightful.Ref{Type: rightful.RefCacheKey, ID: key}})
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"the same product was bought again", rightful.CodePaysTwice, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if !p.Live() || p.Payer == "" || w.Company(p.Company) == nil {
				continue
			}
			d := Damage{Where: p.id(), do: func() { w.subscribe(p.Payer, p.Company, p.Made.Created+60, p.Made.Items, true) }}
			if w.witnessed(w.Object(p.Payer)) {
				d = d.finds()
				if !p.Made.Ending {
					d = d.finds(Want{rightful.CodePaysTwice, rightful.Ref{Type: string(rightful.TypeSubscription), ID: w.nextID("sub", 0)}})
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a card of another company was attached", rightful.CodeMethodOther, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			for _, c := range w.othersThan(w.Owner(o.ID)) {
				d := Damage{Where: o.ID + " of " + c.ID, do: func() {
					m := w.add(rightful.Object{Type: rightful.TypePaymentMethod, ID: w.id("pm_strange"), StripeCustomerID: o.ID}, c, "", c.ID)
					w.restamp(m, stampFor(c))
				}}
				if w.witnessed(o) {
					d = d.finds(Want{rightful.CodeMethodOther, rightful.Ref{Type: string(rightful.TypePaymentMethod), ID: w.nextID("pm_strange", 0)}})
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a user is gone, and somebody else has the email", rightful.CodeUserReturned, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			u := w.user(o.Metadata[userKey])
			if u == nil || !strings.EqualFold(u.Email, o.Email) {
				continue
			}
			for _, heir := range w.Users {
				if heir.Email == u.Email || w.member(heir.ID, w.Owner(o.ID)) {
					continue
				}
				d := Damage{Where: u.ID + "'s by " + heir.ID, do: func() { u.Inactive, heir.Email = true, u.Email }}
				alone := !slices.ContainsFunc(w.customers(), func(c *rightful.Object) bool { return c != o && strings.EqualFold(c.Email, o.Email) })
				if w.witnessed(o) && alone {
					d = d.finds(found(rightful.CodeUserReturned, o))
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"whoever came first bound the link", rightful.CodeLinkAdopted, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			for _, u := range w.Users {
				if len(w.linksOf(c)) > 0 || len(w.belongs[u.ID]) != 1 || w.everIn(u.ID, c.ID) || w.App.Link == LinkNone {
					continue
				}
				id := w.nextID("cus", 0)
				d := Damage{Where: c.ID + " by " + u.ID, do: func() {
					o := w.add(rightful.Object{Type: rightful.TypeCustomer, ID: w.id("cus")}, nil, u.ID, w.belongs[u.ID][0])
					o.Created, o.Metadata[userKey] = w.Now-86400*3, u.ID
					w.link(c, o.ID)
				}}
				d.claims = append(d.claims, id+" is "+c.ID+"'s")
				d = sends(d, u.ID, c.ID)
				if w.plain() && w.App.Memberships {
					customer := rightful.Ref{Type: string(rightful.TypeCustomer), ID: id}
					d = d.finds(Want{rightful.CodeLinkAdopted, customer}, Want{rightful.CodeUnstamped, customer})
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a link names another application's customer", rightful.CodeForeignObject, func(w *World) (out []Damage) {
		for _, o := range w.foreign() {
			for _, c := range w.live() {
				if len(w.linksOf(c)) == 0 && w.App.Link != LinkNone {
					d := Damage{Where: o.ID + " by " + c.ID, do: func() { w.link(c, o.ID) }}
					if w.plain() {
						d = d.finds(Want{rightful.CodeForeignObject, rightful.Ref{Type: rightful.RefLink, ID: c.ID}})
					}
					out = append(out, d)
				}
			}
		}
		return out
	}},
	{"column and table of links were written apart", rightful.CodeLinksDisagree, func(w *World) (out []Damage) {
		for _, l := range w.Links {
			o := w.Object(l.StripeCustomerID)
			if w.App.Link != LinkBoth || o == nil || o.Deleted || w.Company(l.CompanyID) == nil || !w.Company(l.CompanyID).Live() {
				continue
			}
			d := Damage{Where: l.CompanyID, copied: []string{o.ID}, do: func() { l.StripeCustomerID = w.twin(o).ID }}
			if w.witnessed(o) {
				d = d.finds(Want{rightful.CodeLinksDisagree, rightful.Ref{Type: rightful.RefLink, ID: l.CompanyID}})
			}
			out = append(out, d)
		}
		return out
	}},
}

// secondPayer are the places where a subscription was charged to another customer
// of the same company.
func (w *World) secondPayer(row bool) (out []Damage) {
	for _, o := range w.customers() {
		c := w.Company(w.Owner(o.ID))
		if c == nil {
			continue
		}
		d := Damage{Where: o.ID + " again", copied: []string{o.ID}, do: func() { w.subscribe(w.twin(o).ID, c.ID, o.Created+3600, nil, row) }}
		if w.witnessed(o) {
			sub := rightful.Ref{Type: string(rightful.TypeSubscription), ID: w.nextID("sub", 1)}
			d = d.finds(Want{rightful.CodePayerUnlinked, sub})
			if !row {
				d = d.finds(
					Want{rightful.CodeAlsoCharged, rightful.Ref{Type: string(rightful.TypeCustomer), ID: w.nextID("cus", 0)}},
					Want{rightful.CodePaidUnreflected, sub})
			}
		}
		out = append(out, d)
	}
	return out
}

// subscribe adds a subscription of the company, with items of its own where none
// are given.
func (w *World) subscribe(customer, company string, at int64, items []rightful.Item, row bool) *rightful.Object {
	c := w.Company(company)
	o := w.add(rightful.Object{Type: rightful.TypeSubscription, ID: w.id("sub"), StripeCustomerID: customer, Status: "active", Items: items}, c, "", company)
	o.Created = at
	w.restamp(o, stampFor(c))
	if items == nil {
		o.Items = []rightful.Item{{PriceID: "price_" + o.ID, ProductID: "prod_" + o.ID, UnitAmount: 900, Currency: "eur", Interval: "month", IntervalCount: 1, Quantity: 1}}
	}
	p := &Purchase{Kind: "bare", Made: o, Payer: customer, Company: company, Buyer: w.Object(customer).Metadata[userKey]}
	if row && w.App.Rows {
		p.Row = &rightful.SubscriptionRow{ID: w.id("row"), CompanyID: company, StripeCustomerID: customer, StripeSubscriptionID: o.ID, Status: o.Status}
		w.Rows = append(w.Rows, p.Row)
	}
	w.Purchases = append(w.Purchases, p)
	w.share(p)
	return o
}

// expectUnlinked says what follows for a witnessed customer that its company links
// no more, while it links another one.
func (w *World) expectUnlinked(d Damage, o *rightful.Object) Damage {
	d = d.finds()
	for _, p := range w.purchasesWith(o.ID) {
		if p.Live() {
			d.Finds = append(d.Finds, found(rightful.CodePayerUnlinked, p.Made))
		}
	}
	switch {
	case len(d.Finds) > 0:
		return d
	case !w.rich(o.ID):
		return d.finds(found(rightful.CodeIdleDuplicate, o))
	case w.hasCard(o):
		return d.finds(found(rightful.CodeCardElsewhere, o))
	}
	return d.finds(found(rightful.CodeLostCustomer, o))
}

// hasCard reports whether a payment method is saved on the customer.
func (w *World) hasCard(o *rightful.Object) bool {
	return o.HasSavedMethod || slices.ContainsFunc(w.Objects, func(m *rightful.Object) bool {
		return m.Type == rightful.TypePaymentMethod && m.StripeCustomerID == o.ID
	})
}

// paysWell reports whether a subscription of the customer is paid without trouble.
func (w *World) paysWell(o *rightful.Object) bool {
	return slices.ContainsFunc(w.purchasesWith(o.ID), func(p *Purchase) bool {
		return p.Live() && (p.Made.Status == "active" || p.Made.Status == "trialing")
	})
}

// foreign are the customers that are tagged as another application's.
func (w *World) foreign() []*rightful.Object {
	return slices.DeleteFunc(slices.Clone(w.Objects), func(o *rightful.Object) bool {
		return o.Type != rightful.TypeCustomer || o.Metadata[tagKey] != "other"
	})
}

// nextID is what id will return after it was called so many times more.
func (w *World) nextID(prefix string, after int) string {
	return fmt.Sprintf("%s_%d", prefix, w.serial+1+after)
}
