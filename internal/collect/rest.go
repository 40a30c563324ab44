package collect

import (
	"context"

	"rightful"
)

// Part is what was kept of a whole database and account.
type Part struct {
	Companies        []rightful.Company
	Users            []rightful.User
	Memberships      []rightful.Membership
	SubscriptionRows []rightful.SubscriptionRow
	Links            []rightful.Link    // rows of the table of links
	Objects          []*rightful.Object // of the listed types
	Beside           int                // that of the Situation

	// Linked reports whether a link is kept: that in a company's column comes with the
	// company.
	Linked func(rightful.Link) bool
	// Suspect reports whether a cached value is wanted.
	Suspect func(rightful.CacheEntry) bool
	// CacheUnread is why the cache could not be heard before; nil when it was.
	CacheUnread error
}

// Rest makes the situation of a part of everything: it looks up what the part names
// and does not hold, and reads what is about no part (webhooks, the app's revision), and
// the cache. Errors are those of Everything.
func Rest(ctx context.Context, src Sources, opt Options, p Part) (*rightful.Situation, error) {
	g := newGatherer(src, opt)
	g.sit.Whole, g.sit.Screened, g.sit.Beside = true, true, p.Beside
	for _, c := range p.Companies {
		g.companies.add(rightful.CanonicalID(c.ID), c)
		if l := (rightful.Link{CompanyID: c.ID, StripeCustomerID: c.StripeCustomerID, StripeAccount: c.StripeAccount, Column: true}); p.Linked(l) {
			g.addLink(l)
		}
	}
	for _, l := range p.Links {
		g.addTableLink(l)
	}
	for _, u := range p.Users {
		g.addUser(u)
	}
	for _, m := range p.Memberships {
		g.addMembership(m)
	}
	for _, r := range p.SubscriptionRows {
		g.addRow(r)
	}
	for _, o := range p.Objects {
		g.keepObject(o)
	}
	if err := g.keepDelivery(ctx, readDelivery(ctx, src.Stripe)); err != nil {
		return nil, err
	}
	if err := g.lookupUnlisted(ctx); err != nil {
		return nil, err
	}
	if err := g.resolve(ctx); err != nil {
		return nil, err
	}
	sit := g.finish()
	sit.Families = families(g.objects.all(), sit.Links, sit.SubscriptionRows, g.customers)
	if err := g.readCacheOf(ctx, p.wanted(Entries(opt.CacheKeys, SubjectOf(sit)))); err != nil {
		return nil, err
	}
	if p.CacheUnread != nil && sit.CacheUnread == "" { // it was not heard about everybody
		sit.CacheUnread, sit.Cache = short(p.CacheUnread), nil
		if err := g.incomplete(ctx, "the cache", p.CacheUnread); err != nil {
			return nil, err
		}
	}
	return sit, g.readProbe(ctx, nil)
}

func (p *Part) wanted(entries []rightful.CacheEntry) (out []rightful.CacheEntry) {
	for _, e := range entries {
		if p.Suspect(e) {
			out = append(out, e)
		}
	}
	return out
}
