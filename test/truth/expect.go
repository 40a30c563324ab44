package truth

import (
	"slices"
	"strings"

	"rightful"
)

// found is a want for a Stripe object.
func found(code rightful.Code, o *rightful.Object) Want { return Want{code, o.Ref()} }

// plain reports whether everything says whose a company's customer is: the usual
// app, with links and rows, in which nobody moved and nothing was shared. There
// it is certain what one damage causes; elsewhere it depends on what is left.
func (w *World) plain() bool {
	a := w.App
	usual := a.Customers == PerCompany && a.Link != LinkNone && a.Rows && !a.Parents && !w.young()
	homeless := slices.ContainsFunc(w.Users, func(u *rightful.User) bool { return len(w.belongs[u.ID]) == 0 })
	return usual && !homeless && len(w.honest()) == 0 && !slices.ContainsFunc(w.Companies, func(c *rightful.Company) bool { return !c.Live() }) &&
		!slices.ContainsFunc(w.Memberships, func(m *rightful.Membership) bool { return m.LeftAt != 0 })
}

// young reports whether something was paid within the last hour: it is not
// judged by then.
func (w *World) young() bool {
	return slices.ContainsFunc(w.Purchases, func(p *Purchase) bool { return w.Now-p.Objects()[0].Created < 3700 })
}

// counts reports whether what the object's stamp says matters.
func counts(o *rightful.Object) bool {
	return o.Type == rightful.TypeCustomer || o.LiveSubscription() || o.SettledSession() || o.SettledIntent()
}

// demanded reports whether the object must have a stamp.
func demanded(o *rightful.Object) bool { return counts(o) && !o.SettledIntent() }

// witnessed reports whether enough is left that says whose an object is, if it
// says so itself no more: its customer, which is older and linked, or, of a
// customer, its link and what was bought with it.
func (w *World) witnessed(o *rightful.Object) bool {
	if o == nil { // a second damage may find nothing where the first was
		return false
	}
	p := w.purchaseOf(o)
	switch {
	case !w.plain():
		return false
	case o.Type == rightful.TypeCustomer:
		return len(w.linkedBy(o.ID)) == 1 && slices.ContainsFunc(w.purchasesWith(o.ID), func(p *Purchase) bool { return !p.Born && p.Done() && p.says() })
	}
	return p != nil && p.Payer != "" && !p.Born && p.Done() && len(w.linkedBy(p.Payer)) == 1 && w.purchasesWith(p.Payer)[0] == p && !w.bornWith(p.Payer)
}

// says reports whether a purchase is stamped on all its objects.
func (p *Purchase) says() bool {
	return !slices.ContainsFunc(p.Objects(), func(o *rightful.Object) bool { return stampOf(o) == "" })
}

// bornWith reports whether a customer was made for what was first bought with it.
func (w *World) bornWith(customer string) bool {
	return slices.ContainsFunc(w.purchasesWith(customer), func(p *Purchase) bool { return p.Born })
}

// stranger reports whether none of the users who could have bought belongs to
// the company, so that nobody can have meant it.
func (w *World) stranger(o *rightful.Object, company string) bool {
	return !slices.ContainsFunc(w.Users, func(u *rightful.User) bool {
		bought := slices.ContainsFunc(w.Purchases, func(p *Purchase) bool { return p.Buyer == u.ID && w.family(p.Objects()[0]) == w.family(o) })
		return w.everIn(u.ID, company) && (bought || w.family(o) == o.ID && o.Metadata[userKey] == u.ID)
	})
}

// rich reports whether money is seen on a customer.
func (w *World) rich(customer string) bool {
	o := w.Object(customer)
	return o != nil && (o.HasSavedMethod || slices.ContainsFunc(w.purchasesWith(customer), func(p *Purchase) bool {
		return slices.ContainsFunc(p.Objects(), func(o *rightful.Object) bool { return o.LiveSubscription() || o.SettledSession() || o.SettledIntent() })
	}))
}

// expectStamp says what follows from another stamp on one object.
func (w *World) expectStamp(d Damage, o *rightful.Object, code rightful.Code) Damage {
	if code == rightful.CodeUnstamped && o.PaymentLink != "" {
		code = rightful.CodePaymentLink
	}
	absent := code == rightful.CodeUnstamped || code == rightful.CodePaymentLink || code == rightful.CodeStampOtherKey || code == rightful.CodeStampRemoved
	switch {
	case !w.witnessed(o):
	case absent && demanded(o), !absent && counts(o):
		return d.finds(found(code, o))
	default:
		return d.finds()
	}
	return d
}

// expectPurchase says what follows from the stamps of one request.
func (w *World) expectPurchase(d Damage, p *Purchase, code rightful.Code) Damage {
	if !w.witnessed(p.Objects()[0]) {
		return d
	}
	d = d.finds()
	for _, o := range p.Objects() {
		if stampOf(o) != "" {
			d.Finds = append(d.Finds, w.expectStamp(d, o, code).Finds...)
		}
	}
	return d
}

// expectOther says what follows from a stamp that names another live company.
func (w *World) expectOther(d Damage, o *rightful.Object, c *rightful.Company) Damage {
	switch {
	case !w.witnessed(o) || !w.stranger(o, c.ID):
	case o.Type == rightful.TypeCustomer:
		return d.finds(found(rightful.CodeLinkStampSplit, o))
	case counts(o) && (w.App.Memberships || !o.SettledSession() && !o.SettledIntent()):
		// Of history it must be known that the buyer did not belong there.
		return d.finds(found(rightful.CodeStampOther, o))
	}
	return d
}

// expectCache says what follows from a stale key.
func (w *World) expectCache(d Damage, key string) Damage {
	kind, whose, _ := strings.Cut(key, ":")
	customer := w.Cache["company:"+strings.TrimSuffix(whose, ":cus")+":cus"]
	if kind == "cus" {
		customer = whose
	}
	if kind != "user" && (w.Object(customer) == nil || !w.witnessed(w.Object(customer))) {
		return d
	}
	return d.finds(Want{rightful.CodeCacheStale, rightful.Ref{Type: rightful.RefCacheKey, ID: key}})
}

// expectColumn says what follows from another value in a user's own column: a
// finding about the user, and what was right until then is no more what the
// database says.
func (w *World) expectColumn(d Damage, u *rightful.User, code rightful.Code) Damage {
	if !w.plain() {
		return d
	}
	d = d.finds(Want{code, rightful.Ref{Type: rightful.RefUser, ID: u.ID}})
	if w.App.Probed {
		d.Finds = append(d.Finds, Want{rightful.CodeDeployOther, rightful.Ref{Type: rightful.RefUser, ID: u.ID}})
	}
	key := "user:" + u.ID + ":company"
	value, cached := w.Cache[key]
	c := w.Company(value)
	if cached && c == nil {
		return Damage{Where: d.Where, do: d.do, claims: d.claims, lied: d.lied}
	}
	owns := w.App.Owner && c != nil && c.OwnerUserID == u.ID
	if cached && !owns && !w.App.Memberships {
		d.Finds = append(d.Finds, Want{rightful.CodeCacheStale, rightful.Ref{Type: rightful.RefCacheKey, ID: key}})
	}
	return d
}

// chargedElsewhere reports whether a purchase has a finding of its own when its
// customer is linked by a stranger: it was paid, the customer is older, no live
// subscription tells of it, and somebody knows that it was for its company.
func (w *World) chargedElsewhere(p *Purchase) bool {
	if p.Session == nil || !p.Session.SettledSession() || p.Born || p.Live() && stampOf(p.Made) != "" {
		return false
	}
	customer := w.Object(p.Payer)
	known := p.Row != nil || slices.ContainsFunc(w.Users, func(u *rightful.User) bool {
		return strings.EqualFold(u.Email, customer.Email) && w.member(u.ID, p.Company)
	})
	for _, o := range append(p.Objects(), customer) {
		known = known || o.Metadata[userKey] != ""
	}
	return known
}
