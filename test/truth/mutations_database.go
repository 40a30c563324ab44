package truth

import (
	"maps"
	"slices"
	"strings"

	"rightful"
)

var linkMutations = []Mutation{
	{"a link was cleared", rightful.CodeLinkEmpty, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			if len(w.linksOf(c)) > 0 {
				d := w.untraced(Damage{Where: c.ID, do: func() { w.unlink(c) }}, c.ID)
				if customer := w.linksOf(c)[0]; w.Object(customer) != nil && w.witnessed(w.Object(customer)) {
					d = d.finds()
					if w.rich(customer) {
						d = d.finds(Want{rightful.CodeLinkEmpty, rightful.Ref{Type: rightful.RefLink, ID: c.ID}})
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a link was moved to another company", rightful.CodeLinkStampSplit, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			by := w.linkedBy(o.ID)
			for _, c := range w.othersThan(w.Owner(o.ID)) {
				if len(by) == 1 && by[0].ID == w.Owner(o.ID) {
					d := w.lies(w.untraced(Damage{Where: o.ID + " to " + c.ID, do: func() {
						w.unlinkCustomer(o.ID)
						w.link(c, o.ID)
					}}, by[0].ID), c.ID, o)
					if w.witnessed(o) && len(w.linksOf(c)) == 0 && w.stranger(o, c.ID) {
						d = d.finds(found(rightful.CodeLinkStampSplit, o))
						for _, p := range w.purchasesWith(o.ID) {
							if w.chargedElsewhere(p) {
								d.Finds = append(d.Finds, found(rightful.CodeCheckoutSplit, p.Session))
							}
						}
					}
					out = append(out, d)
				}
			}
		}
		return out
	}},
	{"another company links the customer too", rightful.CodeSharedCustomer, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			for _, c := range w.othersThan(w.Owner(o.ID)) {
				if !slices.Contains(w.linksOf(c), o.ID) && w.App.Link != LinkNone {
					d := w.lies(Damage{Where: o.ID + " by " + c.ID, do: func() { w.link(c, o.ID) }}, c.ID, o)
					if w.witnessed(o) && w.stranger(o, c.ID) && len(w.linksOf(c)) == 0 {
						d = d.finds(found(rightful.CodeSharedCustomer, o))
					}
					out = append(out, d)
				}
			}
		}
		return out
	}},
	{"a link names a customer that nobody knows", rightful.CodeLinkUnknown, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			if w.App.Link == LinkNone {
				continue
			}
			d := Damage{Where: c.ID, do: func() {
				w.unlink(c)
				w.link(c, "cus_gone")
				w.Missing = append(w.Missing, "cus_gone")
			}}
			links := w.linksOf(c)
			if w.plain() && (len(links) == 0 || len(links) == 1 && w.witnessed(w.Object(links[0]))) {
				d = d.finds(Want{rightful.CodeLinkUnknown, rightful.Ref{Type: rightful.RefLink, ID: c.ID}})
				for _, p := range w.Purchases {
					if p.Live() && len(links) == 1 && p.Payer == links[0] {
						d.Finds = append(d.Finds, found(rightful.CodePayerUnlinked, p.Made))
					}
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a link is a placeholder again", rightful.CodeLinkPlaceholder, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			links := w.linksOf(c)
			if !w.App.Pending || len(links) != 1 {
				continue
			}
			d := w.untraced(Damage{Where: c.ID, do: func() {
				w.unlink(c)
				c.StripeCustomerID = "pending_again"
			}}, c.ID)
			if o := w.Object(links[0]); o != nil && w.witnessed(o) {
				d = d.finds()
				if w.rich(o.ID) {
					d = d.finds(Want{rightful.CodeLinkEmpty, rightful.Ref{Type: rightful.RefLink, ID: c.ID}})
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a customer was deleted in Stripe", rightful.CodeLinkDeleted, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			d := w.erases(Damage{Where: o.ID, do: func() {
				o.Deleted, o.Email, o.Balance, o.HasSavedMethod = true, "", 0, false
				clear(o.Metadata)
				for _, p := range w.purchasesWith(o.ID) {
					if p.Live() {
						w.end(p)
					}
				}
			}}, o)
			if w.witnessed(o) {
				d = d.finds(Want{rightful.CodeLinkDeleted, rightful.Ref{Type: rightful.RefLink, ID: w.Owner(o.ID)}})
				for _, p := range w.purchasesWith(o.ID) {
					if p.Live() && p.Row != nil {
						d.Finds = append(d.Finds, Want{rightful.CodeReflectedUnpaid, rowRef(p)})
					}
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"a second customer was made", rightful.CodeIdleDuplicate, func(w *World) (out []Damage) {
		for _, o := range w.customers() {
			d := Damage{Where: o.ID + " again", copied: []string{o.ID}, do: func() { w.twin(o) }}
			if w.witnessed(o) {
				// Its id is the next one.
				d = d.finds(Want{rightful.CodeIdleDuplicate, rightful.Ref{Type: string(rightful.TypeCustomer), ID: w.nextID("cus", 0)}})
			}
			out = append(out, d)
		}
		return out
	}},
}

// twin makes a customer as another one was made, a minute later.
func (w *World) twin(o *rightful.Object) *rightful.Object {
	c := *o
	c.ID, c.Created, c.Metadata, c.HasSavedMethod = w.id("cus"), o.Created+60, maps.Clone(o.Metadata), false
	w.Objects = append(w.Objects, &c)
	w.owner[c.ID], w.boughtWith[c.ID] = w.owner[o.ID], w.boughtWith[o.ID]
	return &c
}

var rowMutations = []Mutation{
	{"a row was never written", rightful.CodePaidUnreflected, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Row != nil {
				d := w.untraced(Damage{Where: p.Row.ID, do: func() { w.dropRow(p) }}, p.Row.CompanyID)
				if w.witnessed(p.Made) {
					d = d.finds()
					if p.Live() {
						d = d.finds(found(rightful.CodePaidUnreflected, p.Made))
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a row says that a live subscription is over", rightful.CodePaidUnreflected, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			if p.Row != nil && p.Live() {
				d := Damage{Where: p.Row.ID, do: func() { p.Row.Status = "canceled" }}
				if w.witnessed(p.Made) {
					d = d.finds(found(rightful.CodePaidUnreflected, p.Made))
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a row followed the acting user", rightful.CodeRowOther, func(w *World) (out []Damage) {
		for _, p := range w.Purchases {
			for _, c := range w.othersThan(p.Company) {
				if p.Row == nil {
					continue
				}
				d := w.lies(Damage{Where: p.Row.ID + " to " + c.ID, do: func() { p.Row.CompanyID = c.ID }}, c.ID, p.Objects()...)
				if w.witnessed(p.Made) {
					d = d.finds()
					if p.Live() {
						d = d.finds(Want{rightful.CodeRowOther, rightful.Ref{Type: rightful.RefSubscriptionRow, ID: p.Row.ID}})
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
}

var peopleMutations = []Mutation{
	{"a user's column names another company", rightful.CodeWaysDisagree, func(w *World) (out []Damage) {
		for _, u := range w.Users {
			for _, c := range w.Companies {
				if !w.App.Direct || w.member(u.ID, c.ID) {
					continue
				}
				d := w.lies(Damage{Where: u.ID + " to " + c.ID, do: func() { u.CompanyID = c.ID }}, c.ID, w.carriers(u.ID)...)
				d = sends(d, u.ID, c.ID)
				// Without history nobody knows that the column is wrong.
				if w.App.Memberships {
					d = w.expectColumn(d, u, rightful.CodeWaysDisagree)
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a user's column names nobody", rightful.CodeUserCompanyGone, func(w *World) (out []Damage) {
		for _, u := range w.Users {
			if w.App.Direct {
				d := Damage{Where: u.ID, do: func() { u.CompanyID = w.nobody() }}
				out = append(out, w.expectColumn(d, u, rightful.CodeUserCompanyGone))
			}
		}
		return out
	}},
	{"a membership was lost", "", func(w *World) (out []Damage) {
		for _, m := range w.Memberships {
			d := w.untraced(Damage{Where: m.UserID + " in " + m.CompanyID, do: func() {
				w.Memberships = slices.DeleteFunc(w.Memberships, func(o *rightful.Membership) bool { return o == m })
			}}, m.CompanyID)
			// What is left of the user's companies is then all there is.
			for _, c := range w.Companies {
				if c.ID != m.CompanyID && w.everIn(m.UserID, c.ID) {
					d = sends(w.lies(d, c.ID, w.carriers(m.UserID)...), m.UserID, c.ID)
				}
			}
			out = append(out, d)
		}
		return out
	}},
	{"an owner was changed", "", func(w *World) (out []Damage) {
		for _, c := range w.live() {
			for _, u := range w.Users {
				if w.App.Owner && c.OwnerUserID != u.ID {
					d := Damage{Where: c.ID + " to " + u.ID, do: func() { c.OwnerUserID = u.ID }}
					out = append(out, sends(w.lies(d, c.ID, w.carriers(u.ID)...), u.ID, c.ID))
				}
			}
		}
		return out
	}},
	{"a user was made inactive", "", func(w *World) (out []Damage) {
		for _, u := range w.Users {
			out = append(out, Damage{Where: u.ID, do: func() { u.Inactive = true }})
		}
		return out
	}},
	{"users changed their emails", "", func(w *World) (out []Damage) {
		for _, u := range w.Users {
			for _, o := range w.Users {
				if u != o {
					d := Damage{Where: u.ID + " has " + o.ID + "'s", do: func() { u.Email, o.Email = o.Email, "new@example.com" }}
					for _, c := range w.customers() {
						if strings.EqualFold(c.Email, o.Email) && !w.member(u.ID, w.Owner(c.ID)) {
							d = w.liesByUser(d, u.ID, c)
						}
					}
					out = append(out, d)
				}
			}
		}
		return out
	}},
}

var companyMutations = []Mutation{
	{"a company was deleted, and Stripe was not told", rightful.CodeStampDead, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			if len(w.live()) > 1 {
				d := w.untraced(Damage{Where: c.ID, do: func() {
					w.everybodyLeaves(c)
					c.Deleted, c.DeletedAt = true, w.Now-60
				}}, c.ID)
				for _, o := range w.ours() {
					if w.Owner(o.ID) == c.ID {
						d.lied = append(d.lied, w.thing(o)) // whatever lives speaks against what is gone
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
	{"a company was merged, and Stripe was not told", rightful.CodeStampDead, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			for _, into := range w.othersThan(c.ID) {
				out = append(out, w.untraced(Damage{Where: c.ID + " into " + into.ID, do: func() {
					for _, u := range w.everybodyLeaves(c) {
						w.join(u, into)
					}
					c.MergedInto = into.ID
				}}, c.ID))
			}
		}
		return out
	}},
	{"a company's row is gone", rightful.CodeStampMissing, func(w *World) (out []Damage) {
		for _, c := range w.live() {
			// Gone without a trace, it would be an id that never named anybody.
			traced := w.App.Link == LinkTable && len(w.linksOf(c)) > 0 ||
				slices.ContainsFunc(w.Rows, func(r *rightful.SubscriptionRow) bool { return r.CompanyID == c.ID }) ||
				slices.ContainsFunc(w.Memberships, func(m *rightful.Membership) bool { return m.CompanyID == c.ID })
			// What its slug named is not known any more.
			if traced && c.StampValue == "" && len(w.live()) > 1 {
				d := w.untraced(Damage{Where: c.ID, do: func() {
					w.Companies = slices.DeleteFunc(w.Companies, func(o *rightful.Company) bool { return o == c })
				}}, c.ID)
				for _, o := range w.ours() {
					if w.Owner(o.ID) == c.ID {
						d.lied = append(d.lied, w.thing(o)) // with its stamp, the last trace may go
					}
				}
				out = append(out, d)
			}
		}
		return out
	}},
}

// untraced says that the damage takes away a trace of a company: once in a world.
func (w *World) untraced(d Damage, company string) Damage {
	d.claims = append(d.claims, "a trace of "+company)
	return d
}
