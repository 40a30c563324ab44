package truth

import (
	"fmt"
	"slices"

	"rightful"
)

// Mutations returns every way in which a world can be damaged. To add one, write
// a function that returns the places where it can strike, and what then has to be
// found, and name it in one of these lists.
func Mutations() []Mutation {
	return slices.Concat(stampMutations, purchaseMutations, linkMutations, customerMutations, rowMutations, lifeMutations,
		peopleMutations, companyMutations, cacheMutations)
}

var stampMutations = []Mutation{
	{"a stamp names nobody", rightful.CodeStampMissing, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			d := w.erases(Damage{Where: o.ID, do: func() { w.restamp(o, w.nobody()) }}, o)
			out = append(out, w.expectStamp(d, o, rightful.CodeStampMissing))
		}
		return out
	}},
	{"a stamp is another spelling of the id", rightful.CodeStampMissing, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			if c := w.Company(w.Owner(o.ID)); c != nil && stampOf(o) != "" {
				d := w.erases(Damage{Where: o.ID, do: func() { w.restamp(o, "0"+stampFor(c)) }}, o)
				out = append(out, w.expectStamp(d, o, rightful.CodeStampMissing))
			}
		}
		return out
	}},
	{"a stamp names another company", rightful.CodeStampOther, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			for _, c := range w.othersThan(w.Owner(o.ID)) {
				d := w.lies(Damage{Where: o.ID + " for " + c.ID, do: func() { w.restamp(o, stampFor(c)) }}, c.ID, o)
				out = append(out, w.expectOther(d, o, c))
			}
		}
		return out
	}},
	{"a stamp was removed", rightful.CodeUnstamped, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			if stampOf(o) != "" {
				d := w.erases(Damage{Where: o.ID, do: func() { w.restamp(o, "") }}, o)
				out = append(out, w.expectStamp(d, o, rightful.CodeUnstamped))
			}
		}
		return out
	}},
	{"a stamp was written under another key", rightful.CodeStampOtherKey, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			value := stampOf(o)
			if value == "" {
				continue
			}
			d := w.erases(Damage{Where: o.ID, do: func() {
				w.restamp(o, "")
				o.Metadata["companyId"] = value
			}}, o)
			out = append(out, w.expectStamp(d, o, rightful.CodeStampOtherKey))
		}
		return out
	}},
	{"a sync wiped a stamp", rightful.CodeStampRemoved, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			value := stampOf(o)
			if value == "" || o.Type != rightful.TypeCustomer && o.Type != rightful.TypeSubscription {
				continue
			}
			kind := string(o.Type) + ".updated"
			if o.Type == rightful.TypeSubscription {
				kind = "customer.subscription.updated"
			}
			d := w.erases(Damage{Where: o.ID, do: func() {
				w.restamp(o, "")
				w.Events = append(w.Events, rightful.Event{
					ID: fmt.Sprintf("evt_wiped_%s_%d", o.ID, len(w.Events)), Type: kind, Created: w.Now - 3600, ObjectType: o.Type, ObjectID: o.ID, Previous: map[string]string{companyKey: value},
				})
			}}, o)
			out = append(out, w.expectStamp(d, o, rightful.CodeStampRemoved))
		}
		return out
	}},
	{"a stamped user is somebody else", "", func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			for _, u := range w.Users {
				if o.Metadata[userKey] != u.ID {
					out = append(out, w.liesByUser(Damage{Where: o.ID + " of " + u.ID, do: func() { o.Metadata[userKey] = u.ID }}, u.ID, o))
				}
			}
		}
		return out
	}},
}

var purchaseMutations = []Mutation{
	{"a checkout was stamped with nobody", rightful.CodeStampMissing, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			whole := w.erases(Damage{Where: p.id(), do: func() { w.stampPurchase(p, w.nobody()) }}, w.written(p)...)
			out = append(out, w.expectPurchase(whole, p, rightful.CodeStampMissing),
				w.erases(Damage{Where: p.id() + ", and its webhook found nobody", do: func() {
					w.stampPurchase(p, w.nobody())
					w.dropRow(p)
					if p.Born {
						w.unlinkCustomer(p.Payer)
					}
				}}, w.written(p)...))
		}
		return out
	}},
	{"a checkout was stamped with another company", rightful.CodeStampOther, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, c := range w.othersThan(p.Company) {
				out = append(out,
					w.lies(Damage{Where: p.id() + " for " + c.ID, do: func() { w.stampPurchase(p, stampFor(c)) }}, c.ID, w.written(p)...),
					w.lies(Damage{Where: p.id() + " for " + c.ID + ", and its webhook believed it", do: func() {
						w.stampPurchase(p, stampFor(c))
						if p.Row != nil {
							p.Row.CompanyID = c.ID
						}
						if p.Born && w.App.Customers != PerUser {
							w.unlinkCustomer(p.Payer)
							w.link(c, p.Payer)
						}
					}}, c.ID, w.written(p)...))
			}
		}
		return out
	}},
	{"half a checkout was stamped with another company", rightful.CodeStampOther, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, c := range w.othersThan(p.Company) {
				for _, o := range p.Objects() {
					out = append(out, w.lies(Damage{Where: o.ID + " for " + c.ID + ", and its webhook believed it", do: func() {
						w.restamp(o, stampFor(c))
						if p.Row != nil {
							p.Row.CompanyID = c.ID
						}
					}}, c.ID, o))
				}
			}
		}
		return out
	}},
	{"a checkout was not stamped", rightful.CodeUnstamped, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			whole := w.erases(Damage{Where: p.id(), do: func() { w.stampPurchase(p, "") }}, w.written(p)...)
			out = append(out, w.expectPurchase(whole, p, rightful.CodeUnstamped))
		}
		return out
	}},
	{"a purchase was charged to another company's customer", rightful.CodeStampOther, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, o := range w.customers() {
				if p.Payer == "" || p.Born || o.ID == p.Payer || w.Owner(o.ID) == p.Company || w.App.Customers == PerUser {
					continue
				}
				// It says that the customer is the buyer's, and that the purchase is the
				// customer's.
				d := w.lies(Damage{Where: p.id() + " to " + o.ID, do: func() { w.chargeTo(p, o.ID) }}, p.Company, o)
				d = w.lies(d, w.Owner(o.ID), p.Objects()...)
				out = append(out, d)
			}
		}
		return out
	}},
	{"a reference names another company", "", func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, c := range w.othersThan(p.Company) {
				if p.Session != nil {
					out = append(out, w.lies(Damage{Where: p.Session.ID + " for " + c.ID, do: func() { p.Session.ClientReferenceID = stampFor(c) }}, c.ID, p.Session))
				}
			}
		}
		return out
	}},
	{"a reference was typed", rightful.CodeTypedReference, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, c := range w.othersThan(p.Company) {
				if p.Session == nil || p.Session.PaymentLink == "" || p.Payer == "" {
					continue
				}
				d := w.lies(Damage{Where: p.Session.ID + " for " + c.ID, do: func() { p.Session.ClientReferenceID = stampFor(c) }}, c.ID, p.Session)
				if w.witnessed(p.Session) {
					d = d.finds()
					if len(w.linksOf(c)) > 0 {
						d = d.finds(found(rightful.CodeTypedReference, p.Session))
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a guest's payment says nothing", rightful.CodePaidByNobody, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Payer != "" || p.Session == nil {
				continue
			}
			d := w.erases(Damage{Where: p.id(), do: func() {
				for _, o := range p.Objects() {
					clear(o.Metadata)
				}
				p.Session.ClientReferenceID = ""
			}}, p.Objects()...)
			if w.plain() {
				d = d.finds()
				code := rightful.CodePaidByNobody
				if p.Session.PaymentLink != "" {
					code = rightful.CodePaymentLink
				}
				if w.App.Tagged == "" {
					d = d.finds(found(code, p.Session))
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"support staff bought for a customer", "", func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, u := range w.Users {
				out = append(out, w.liesByUser(Damage{Where: p.id() + " by " + u.ID, do: func() {
					for _, o := range p.Objects() {
						o.Metadata[userKey] = u.ID
					}
				}}, u.ID, p.Objects()...))
			}
		}
		return out
	}},
}

// id names the purchase.
func (p *Purchase) id() string { return p.Objects()[0].ID }

// chargeTo makes another customer the payer.
func (w *World) chargeTo(p *Purchase, customer string) {
	p.Payer, p.Born = customer, false
	for _, o := range p.Objects() {
		o.StripeCustomerID = customer
	}
	if p.Made != nil {
		for _, prefix := range []string{"sub_sched_", "in_", "ch_", "pm_"} {
			if o := w.Object(prefix + p.Made.ID); o != nil {
				o.StripeCustomerID = customer
			}
		}
	}
	if p.Row != nil {
		p.Row.StripeCustomerID = customer
	}
}

// written are the objects that one request stamped: what it made, and the
// customer that was born with it.
func (w *World) written(p *Purchase) []*rightful.Object {
	out := p.Objects()
	if o := w.Object(p.Payer); p.Born && o != nil {
		out = append(out, o)
	}
	return out
}

// stampPurchase overwrites the stamps of one request, where there are any.
func (w *World) stampPurchase(p *Purchase, value string) {
	for _, o := range w.written(p) {
		if stampOf(o) != "" {
			w.restamp(o, value)
		}
	}
}

func (w *World) dropRow(p *Purchase) {
	w.Rows = slices.DeleteFunc(w.Rows, func(r *rightful.SubscriptionRow) bool { return r == p.Row })
	p.Row = nil
}

func (w *World) unlinkCustomer(customer string) {
	for _, c := range w.Companies {
		if c.StripeCustomerID == customer {
			c.StripeCustomerID = ""
		}
	}
	w.Links = slices.DeleteFunc(w.Links, func(l *rightful.Link) bool { return l.StripeCustomerID == customer })
}
