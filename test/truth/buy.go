package truth

import (
	"strings"

	"rightful"
)

// stampFor is what a stamp must hold to name the company.
func stampFor(c *rightful.Company) string {
	if c.StampValue != "" {
		return c.StampValue
	}
	return c.ID
}

// keyNow is the metadata key that stamps are written under today.
func (w *World) keyNow() string {
	if w.Now < w.App.AlsoUntil {
		return alsoKey
	}
	return companyKey
}

// stamp writes a company into an object's metadata, as code writes it today.
func (w *World) stamp(o *rightful.Object, c *rightful.Company) {
	value := stampFor(c)
	if w.App.UUIDs && w.chance("upper case", 6) {
		value = strings.ToUpper(value)
	}
	if c.StampValue != "" && !w.App.UUIDs {
		value = c.StampValue // a slug has a case
	}
	delete(o.Metadata, alsoKey)
	delete(o.Metadata, companyKey)
	o.Metadata[w.keyNow()] = value
}

// add puts an object into the account. user is "" for none.
func (w *World) add(o rightful.Object, c *rightful.Company, user string, owner string) *rightful.Object {
	o.Created, o.Livemode, o.Account, o.Metadata = w.Now, true, "acct_1", map[string]string{}
	if c != nil {
		w.stamp(&o, c)
	}
	if user != "" && w.App.UserOn[o.Type] {
		o.Metadata[userKey] = user
	}
	if w.App.Tagged == "all" || w.App.Tagged != "" && (o.Type == rightful.TypeCustomer || o.StripeCustomerID == "") {
		o.Metadata[tagKey] = tagValue
	}
	w.Objects = append(w.Objects, &o)
	w.owner[o.ID] = owner
	return &o
}

// payerOf is the company that pays for a company.
func (w *World) payerOf(c *rightful.Company) *rightful.Company {
	if p := w.Company(c.BillingParentID); p != nil && p.Live() {
		return p
	}
	return c
}

// holder names whom the app keeps a customer for.
func (w *World) holder(u *rightful.User, c *rightful.Company) string {
	switch w.App.Customers {
	case PerUser:
		return u.ID
	case PerColla:
		return u.ID + " for " + c.ID
	}
	return w.payerOf(c).ID
}

// newCustomer makes a customer for somebody who is about to buy.
func (w *World) newCustomer(u *rightful.User, c *rightful.Company) *rightful.Object {
	payer, user, stamp := w.payerOf(c), u.ID, w.payerOf(c)
	if !w.member(u.ID, payer.ID) {
		user = "" // of a child's buyer the payer's company knows nothing
	}
	switch {
	case w.App.Customers == PerUser && !w.App.StampFirst:
		stamp = nil
	case w.App.Link == LinkNone && !w.App.Parents && w.App.Customers != PerUser && w.chance("bare customer", 3):
		stamp = nil
	}
	o := w.add(rightful.Object{Type: rightful.TypeCustomer, ID: w.id("cus"), Email: w.emailFor(u)}, stamp, user, payer.ID)
	if w.App.Early {
		o.Created = max(w.joined(u, payer), o.Created-3*86400)
	}
	w.uses[w.holder(u, c)] = o.ID
	if w.App.Customers != PerUser {
		w.link(payer, o.ID)
	}
	return o
}

// joined returns since when the user belongs to the company.
func (w *World) joined(u *rightful.User, c *rightful.Company) int64 {
	var since int64
	for _, m := range w.Memberships {
		if m.UserID == u.ID && m.CompanyID == c.ID {
			since = m.JoinedAt
		}
	}
	return since
}

// buy lets a user buy something for a company of theirs.
func (w *World) buy() {
	u := of(w, "buyer", w.Users...)
	if len(w.belongs[u.ID]) == 0 {
		return
	}
	c := w.Company(of(w, "for", w.belongs[u.ID]...))
	p := &Purchase{Kind: of(w, "kind", "subscription", "payment", "trial", "bare", "intent", "guest", "link", "setup", "abandoned"), Buyer: u.ID, Company: c.ID}
	w.say("user %s buys (%s) for company %s", u.ID, p.Kind, c.ID)
	user := u.ID
	switch {
	case p.Kind == "guest":
	case p.Kind == "link" && w.uses[w.holder(u, c)] != "":
		user = "" // a payment link knows no customer: whoever has one pays as a guest
	default:
		p.Payer = w.uses[w.holder(u, c)]
		if p.Payer == "" {
			customer := w.newCustomer(u, c)
			p.Payer, p.Born = customer.ID, w.Now-customer.Created < 600
		}
		if p.Kind == "link" {
			user = ""
		}
	}
	w.checkout(p, u, c, user)
	w.make(p, c, user)
	w.Purchases = append(w.Purchases, p)
	w.share(p)
}

// share notes that several companies buy with a customer.
func (w *World) share(p *Purchase) {
	if w.App.Customers != PerUser || p.Payer == "" {
		return
	}
	w.boughtWith[p.Payer] = append(w.boughtWith[p.Payer], p)
	if w.owner[p.Payer] != p.Company {
		w.owner[p.Payer] = Several
	}
}

// checkout adds the session of a purchase, if it has one.
func (w *World) checkout(p *Purchase, u *rightful.User, c *rightful.Company, user string) {
	s := rightful.Object{Type: rightful.TypeSession, StripeCustomerID: p.Payer, Status: "complete", PaymentStatus: "paid", Mode: "payment"}
	switch p.Kind {
	case "bare", "intent":
		return
	case "subscription":
		s.Mode = "subscription"
	case "trial":
		s.Mode, s.PaymentStatus = "subscription", "no_payment_required"
	case "setup":
		s.Mode, s.PaymentStatus = "setup", "no_payment_required"
		w.Object(p.Payer).HasSavedMethod = true
	case "abandoned":
		s.Mode, s.Status, s.PaymentStatus = "subscription", "expired", "unpaid"
	case "link":
		s.PaymentLink = "plink_1"
	}
	switch ref := w.App.Reference; {
	case ref == "company" || p.Kind == "link":
		s.ClientReferenceID = stampFor(c)
	case ref == "user":
		s.ClientReferenceID = u.ID
	}
	if s.PaymentLink != "" || w.chance("session email", 3) {
		s.Email = of(w, "typed email", u.Email, "typed@example.com", "billing@example.com")
	}
	s.ID = w.id("cs")
	p.Session = w.add(s, c, user, c.ID)
	w.Now += 30
}

// make adds what a purchase made: a subscription or a payment intent.
func (w *World) make(p *Purchase, c *rightful.Company, user string) {
	made := rightful.Object{StripeCustomerID: p.Payer}
	switch p.Kind {
	case "abandoned", "setup":
		return
	case "subscription", "trial", "bare":
		made.Type, made.ID, made.Status = rightful.TypeSubscription, w.id("sub"), of(w, "status", "active", "active", "past_due", "paused")
		if p.Kind == "trial" {
			made.Status = "trialing"
		}
		made.HasSchedule, made.Ending = w.chance("schedule", 6), w.chance("ending", 8)
		// Two live subscriptions of one product would be a finding.
		made.Items = []rightful.Item{{
			PriceID: "price_" + made.ID, ProductID: "prod_" + made.ID, UnitAmount: 2000, Currency: "eur",
			Interval: "month", IntervalCount: 1, Quantity: 1,
		}}
	default:
		made.Type, made.ID, made.Status = rightful.TypePaymentIntent, w.id("pi"), "succeeded"
	}
	stamp := c
	if made.Type == rightful.TypePaymentIntent && !w.App.Intents && p.Kind != "intent" {
		stamp, user = nil, ""
	}
	p.Made = w.add(made, stamp, user, c.ID)
	if p.Session != nil {
		if made.Type == rightful.TypeSubscription {
			p.Session.SubscriptionID = made.ID
		} else {
			p.Session.PaymentIntentID = made.ID
		}
	}
	if made.Type == rightful.TypeSubscription && w.App.Rows {
		p.Row = &rightful.SubscriptionRow{
			ID: w.id("row"), CompanyID: c.ID, StripeCustomerID: p.Payer,
			StripeSubscriptionID: made.ID, Status: made.Status,
		}
		w.Rows = append(w.Rows, p.Row)
	}
	w.bill(p, c)
}
