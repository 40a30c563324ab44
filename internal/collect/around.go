package collect

import (
	"context"
	"slices"

	"rightful"
)

// maxWidenings bounds how often the surroundings are widened by companies that
// the families turn out to belong to.
const maxWidenings = 3

// Around reads the surroundings of a subject: its users' ways and companies,
// the customers that links, rows, emails and search hints lead to, with all
// that hangs on them, and every company and user that those mention. It returns
// the situation and the subject as it grew: what the answer is about.
//
// attribute names the companies that the families of a situation belong to.
// Those are read with their customers too, so that a family is judged beside
// the others of its company, as an audit judges it. They are no part of what the
// answer is about.
//
// The database must be readable; what else fails makes the situation
// incomplete.
func Around(ctx context.Context, src Sources, opt Options, about rightful.Subject, attribute func(*rightful.Situation) []string) (*rightful.Situation, rightful.Subject, error) {
	g := newGatherer(src, opt)
	a := &around{gatherer: g, seen: map[string]bool{}}
	if err := a.grow(ctx, about); err != nil {
		return nil, about, err
	}
	if err := a.closeReferences(ctx); err != nil {
		return nil, about, err
	}
	core := a.core
	if err := g.readCache(ctx, core); err != nil {
		return nil, about, err
	}
	sit := a.situation()
	for range maxWidenings {
		widened := false
		for _, id := range distinct(append(attribute(sit), a.cachedFor()...)) {
			if !a.seen["company\x00"+rightful.CanonicalID(id)] {
				widened = true
				if err := a.company(ctx, id); err != nil {
					return nil, about, err
				}
			}
			if a.once("members", rightful.CanonicalID(id)) {
				widened = true
				if err := a.members(ctx, id, false); err != nil {
					return nil, about, err
				}
			}
		}
		more, err := a.rowPayers(ctx)
		if err != nil {
			return nil, about, err
		}
		if !widened && !more {
			break
		}
		if err := a.closeReferences(ctx); err != nil {
			return nil, about, err
		}
		sit = a.situation()
	}
	if err := a.stripe(ctx, "looking up subscriptions that rows name", func() error { return g.lookupRowed(ctx) }); err != nil {
		return nil, about, err
	}
	return sit, core, g.readProbe(ctx, core.Users)
}

// cachedFor returns the companies of the users about whom something is cached: a
// young payment of any of them keeps the key from being deleted.
func (a *around) cachedFor() []string {
	var ids []string
	for _, e := range a.sit.Cache {
		if e.UserID == "" {
			continue
		}
		if u, known := a.users.byKey[rightful.CanonicalID(e.UserID)]; known {
			ids = append(ids, u.CompanyID)
		}
		for _, m := range a.memberships.all() {
			if rightful.SameID(m.UserID, e.UserID) {
				ids = append(ids, m.CompanyID)
			}
		}
		for _, c := range a.companies.all() {
			if rightful.SameID(c.OwnerUserID, e.UserID) {
				ids = append(ids, c.ID)
			}
		}
	}
	return ids
}

// rowPayers reads both customers of the rows that led here by one of them: the one
// whom Stripe charges for the subscription, because a row is judged with the
// subscription that it names, and another one that the row itself names, because it
// matters whose that is. It reports whether there was any.
func (a *around) rowPayers(ctx context.Context) (more bool, err error) {
	for _, r := range a.rows.all() {
		if !a.once("customers of", r.ID) {
			continue
		}
		var customers []string
		sub, read := a.object(rightful.TypeSubscription, r.StripeSubscriptionID)
		if read {
			customers = append(customers, sub.StripeCustomerID)
		} else {
			payer, err := a.payerOf(ctx, r.StripeSubscriptionID)
			if err != nil {
				return more, err
			}
			customers = append(customers, payer)
		}
		if payer := customers[0]; payer != "" && r.StripeCustomerID != payer {
			customers = append(customers, r.StripeCustomerID)
		}
		for _, id := range customers {
			if id == "" || a.seen["customer\x00"+id] {
				continue
			}
			more = true
			if err := a.customer(ctx, id); err != nil {
				return more, err
			}
		}
	}
	return more, nil
}

// situation puts together what was read so far.
func (a *around) situation() *rightful.Situation {
	sit := a.finish()
	sit.Families = nil
	for _, f := range families(a.objects.all(), sit.Links, sit.SubscriptionRows, a.customers) {
		if f.Guest() || slices.Contains(a.core.Customers, f.StripeCustomerID) {
			sit.Families = append(sit.Families, f)
		}
	}
	return sit
}

// around is one reading of the surroundings of a subject.
type around struct {
	*gatherer
	core rightful.Subject // what the answer is about
	seen map[string]bool  // what was expanded already
	dead bool             // Stripe failed once and is not asked again
}

// once reports whether the thing is new, and remembers it.
func (a *around) once(kind, id string) bool {
	key := kind + "\x00" + id
	if id == "" || a.seen[key] {
		return false
	}
	a.seen[key] = true
	return true
}

// grow follows the subject outwards: from payments to their people and
// companies, from people to companies, from both to customers.
func (a *around) grow(ctx context.Context, about rightful.Subject) error {
	for _, o := range about.Objects {
		a.addObject(o)
	}
	if err := a.guests(ctx); err != nil {
		return err
	}
	for _, id := range about.Customers {
		if err := a.customer(ctx, id); err != nil {
			return err
		}
	}
	users, companies := slices.Clone(about.Users), slices.Clone(about.Companies)
	if len(about.Customers)+len(about.Objects) > 0 {
		moreUsers, moreCompanies, err := a.named(ctx)
		if err != nil {
			return err
		}
		users, companies = append(users, moreUsers...), append(companies, moreCompanies...)
	}
	for _, id := range users {
		more, err := a.user(ctx, id)
		if err != nil {
			return err
		}
		companies = append(companies, more...)
	}
	for _, id := range companies {
		if err := a.company(ctx, id); err != nil {
			return err
		}
	}
	for _, id := range about.Companies {
		a.once("members", rightful.CanonicalID(id))
		if err := a.members(ctx, id, true); err != nil {
			return err
		}
	}
	return nil
}

// named returns the users and companies that the objects read so far name: by
// link, row or stamp, and only where these are silent, by email.
func (a *around) named(ctx context.Context) (users, companies []string, err error) {
	var emails, customers, subs []string
	for _, o := range a.objects.all() {
		users = append(users, o.Metadata[a.opt.Keys.User])
		companies = append(companies, a.stamps(*o)...)
		emails = append(emails, o.Email)
		switch o.Type {
		case rightful.TypeSubscription:
			subs = append(subs, o.ID)
		case rightful.TypeCustomer:
			customers = append(customers, o.ID)
		}
	}
	customers = append(customers, a.core.Customers...)
	if err := a.linking(ctx, customers, subs); err != nil {
		return nil, nil, err
	}
	for _, l := range a.links.all() {
		companies = append(companies, l.CompanyID)
	}
	for _, r := range a.rows.all() {
		companies = append(companies, r.CompanyID)
	}
	users, err = a.known(ctx, users)
	if err != nil {
		return nil, nil, err
	}
	if len(users) == 0 {
		err = a.find(ctx, a.src.Directory, rightful.Select{By: rightful.ByEmail, Values: distinct(emails)}, func(u rightful.User) {
			users = append(users, u.ID)
		})
	}
	return users, distinct(companies), err
}

// distinct drops empty and repeated values and keeps the order.
func distinct(values []string) []string {
	var out []string
	seen := make(map[string]struct{}, len(values))
	for _, v := range values {
		if _, known := seen[v]; !known && v != "" {
			seen[v] = struct{}{}
			out = append(out, v)
		}
	}
	return out
}
