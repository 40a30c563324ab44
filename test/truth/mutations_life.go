package truth

import (
	"slices"

	"rightful"
)

// lifeMutations are the ways in which Stripe, the database and what was bought
// drift apart, and what the account says of itself.
var lifeMutations = []Mutation{
	{"a row still says that an ended subscription is paid", rightful.CodeReflectedUnpaid, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Row == nil || !p.Live() {
				continue
			}
			d := Damage{Where: p.Row.ID, do: func() { w.end(p) }}
			if w.witnessed(p.Made) {
				d = d.finds(Want{rightful.CodeReflectedUnpaid, rowRef(p)})
				if w.otherLive(p) {
					d = d.finds() // RF406, and another row gives the access that is paid for
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a row stayed with an ended subscription", rightful.CodeSuperseded, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Row == nil || !p.Live() || p.Payer == "" {
				continue
			}
			d := Damage{Where: p.Row.ID, do: func() {
				w.end(p)
				w.subscribe(p.Payer, p.Company, p.Made.Created+60, p.Made.Items, false)
			}}
			if w.witnessed(p.Made) && !w.otherLive(p) {
				d = d.finds(Want{rightful.CodeSuperseded, rowRef(p)},
					Want{rightful.CodePaidUnreflected, rightful.Ref{Type: string(rightful.TypeSubscription), ID: w.nextID("sub", 0)}})
			}
			out = append(out, d)
		}
		return out
	}},
	{"a row names another payer", rightful.CodeRowPayer, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, payer := range append(w.customers(), &rightful.Object{ID: "cus_old"}) {
				if p.Row == nil || payer.ID == p.Payer {
					continue
				}
				d := Damage{Where: p.Row.ID + " says " + payer.ID, do: func() { p.Row.StripeCustomerID = payer.ID }}
				if w.witnessed(p.Made) {
					d = d.finds()
					if p.Live() {
						d = d.finds(Want{rightful.CodeRowPayer, rowRef(p)})
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a row names another application's subscription", rightful.CodeForeignObject, func(w *World) (out []Damage) {
		for _, o := range w.foreign() {
			for _, c := range w.live() {
				if !w.App.Rows {
					continue
				}
				d := Damage{Where: o.ID + " of " + c.ID, do: func() {
					w.Rows = append(w.Rows, &rightful.SubscriptionRow{ID: w.id("row_strange"), CompanyID: c.ID, StripeSubscriptionID: "sub_other" + o.ID[len(o.ID)-1:], Status: "active"})
				}}
				if w.plain() {
					d = d.finds(Want{rightful.CodeForeignObject, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: w.nextID("row_strange", 0)}})
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a company was unlinked, and its row stayed active", rightful.CodeUnlinkedActive, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			if len(w.linksOf(c)) > 0 || c.StripeCustomerID != "" || !w.App.Rows || w.App.Link == LinkNone {
				continue
			}
			d := Damage{Where: c.ID, do: func() {
				w.Rows = append(w.Rows, &rightful.SubscriptionRow{ID: "row_left", CompanyID: c.ID, StripeCustomerID: "cus_left", Status: "active"})
				w.Missing = append(w.Missing, "cus_left")
			}}
			if w.plain() {
				d = d.finds(Want{rightful.CodeUnlinkedActive, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: "row_left"}})
			}
			out = append(out, d)
		}
		return out
	}},
	{"a company that is gone took the link", rightful.CodeHolderGone, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			by := w.linkedBy(o.ID)
			if len(by) != 1 {
				continue
			}
			d := w.untraced(Damage{Where: o.ID, do: func() {
				w.unlinkCustomer(o.ID)
				w.link(w.grave(), o.ID)
			}}, by[0].ID)
			if w.witnessed(o) {
				d = d.finds(Want{rightful.CodeHolderGone, rightful.Ref{Type: rightful.RefLink, ID: w.graveID()}})
				if w.rich(o.ID) {
					d.Finds = append(d.Finds, Want{rightful.CodeLinkEmpty, rightful.Ref{Type: rightful.RefLink, ID: by[0].ID}})
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a stamp names a company that was deleted before", rightful.CodeStampDead, func(w *World) (out []Damage) {
		for _, o := range w.ours() {
			d := w.erases(Damage{Where: o.ID, do: func() { w.restamp(o, stampFor(w.grave())) }}, o)
			out = append(out, w.expectStamp(d, o, rightful.CodeStampDead))
		}
		return out
	}},
	{"a schedule will write another company", rightful.CodeScheduleStamp, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			s := w.scheduleOf(p)
			if s == nil || !p.Live() {
				continue
			}
			values := []string{w.nobody()}
			for _, c := range w.othersThan(p.Company) {
				values = append(values, stampFor(c))
			}
			for _, v := range values {
				d := Damage{Where: s.ID + " " + v, do: func() {
					s.Phases[len(s.Phases)-1] = rightful.Phase{Start: w.Now + 86400, Metadata: map[string]string{companyKey: v}}
				}}
				if w.witnessed(p.Made) {
					d = d.finds(found(rightful.CodeScheduleStamp, s))
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"an open checkout names another company", rightful.CodeOpenSession, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Session == nil || p.Session.Status != "open" {
				continue
			}
			for _, c := range w.othersThan(p.Company) {
				d := Damage{Where: p.id() + " for " + c.ID, do: func() { w.restamp(p.Session, stampFor(c)) }}
				o := w.Object(p.Payer)
				if o != nil && w.witnessed(o) && w.stranger(o, c.ID) && !w.everIn(p.Buyer, c.ID) && w.Now-p.Session.Created < 80000 {
					d = d.finds(found(rightful.CodeOpenSession, p.Session))
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"events of an unknown account arrive", rightful.CodeUnknownAccount, func(w *World) []Damage {
		d := Damage{Where: "acct_2", do: func() {
			w.Events = append(w.Events, rightful.Event{ID: w.id("evt_strange"), Type: "invoice.paid", Created: w.Now - 60, Account: "acct_2", ObjectType: rightful.TypeInvoice, ObjectID: "in_strange"})
		}}
		return []Damage{d.finds(Want{rightful.CodeUnknownAccount, rightful.Ref{Type: "account", ID: "acct_2"}})}
	}},
	{"an endpoint was disabled", rightful.CodeDeliveryDead, func(w *World) []Damage {
		if !w.App.Endpoints {
			return nil
		}
		d := Damage{Where: "we_1", do: func() { w.Endpoints[0].Status = "disabled" }}
		// The old endpoint, which took what this one took, is missed now as well.
		d = d.finds(Want{rightful.CodeDeliveryDead, rightful.Ref{Type: "webhook_endpoint", ID: "we_1"}})
		for _, e := range w.Endpoints[1:] {
			d.Finds = append(d.Finds, Want{rightful.CodeDeliveryDead, rightful.Ref{Type: "webhook_endpoint", ID: e.ID}})
		}
		return []Damage{d}
	}},
	{"an event was not acknowledged", rightful.CodeDeliveryDead, func(w *World) []Damage {
		if slices.ContainsFunc(w.Events, func(e rightful.Event) bool { return e.ID == "evt_lost" }) {
			return nil
		}
		d := Damage{Where: "evt_lost", do: func() {
			w.Events = append(w.Events, rightful.Event{ID: "evt_lost", Type: "invoice.paid", Created: w.Now - 7200, PendingWebhooks: 1, ObjectType: rightful.TypeInvoice, ObjectID: "in_lost"})
		}}
		return []Damage{d.finds(Want{rightful.CodeDeliveryDead, rightful.Ref{Type: "event", ID: "evt_lost"}})}
	}},
}

func rowRef(p *Purchase) rightful.Ref {
	return rightful.Ref{Type: rightful.RefSubscriptionRow, ID: p.Row.ID}
}

// end ends what was bought in Stripe alone.
func (w *World) end(p *Purchase) {
	p.Made.Status, p.Made.EndedAt, p.Made.HasSchedule = "canceled", w.Now-7200, false
	if s := w.scheduleOf(p); s != nil {
		s.Status = "canceled"
	}
}

// otherLive reports whether the company has another live subscription.
func (w *World) otherLive(p *Purchase) bool {
	for _, o := range w.Purchases {
		if o != p && o.Live() && w.final(o.Company) == w.final(p.Company) {
			return true
		}
	}
	return false
}

// graveID is the id of a company that was gone before anything else happened.
func (w *World) graveID() string {
	if w.App.UUIDs {
		return uuid(1, 90)
	}
	return "90"
}

// grave is that company.
func (w *World) grave() *rightful.Company {
	if c := w.Company(w.graveID()); c != nil {
		return c
	}
	c := &rightful.Company{ID: w.graveID(), Deleted: true, DeletedAt: 1_500_000_000}
	w.Companies = append(w.Companies, c)
	return c
}
