package collect

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"rightful"
)

// Everything reads the whole database and the whole Stripe account. Neither can
// be judged without the other, so it returns an error when the database cannot
// be read or Stripe lets nothing be read at all. What else fails makes the
// situation incomplete.
func Everything(ctx context.Context, src Sources, opt Options) (*rightful.Situation, error) {
	g := newGatherer(src, opt)
	g.sit.Whole = true
	if err := g.readDirectory(ctx); err != nil {
		return nil, err
	}
	if err := g.readStripe(ctx); err != nil {
		return nil, err
	}
	if err := g.resolve(ctx); err != nil {
		return nil, err
	}
	sit := g.finish()
	sit.Families = families(g.objects.all(), sit.Links, sit.SubscriptionRows, g.customers)
	if err := g.readCache(ctx, SubjectOf(sit)); err != nil {
		return nil, err
	}
	probed := []string{}
	if opt.ProbeAll {
		for _, u := range sit.Users {
			probed = append(probed, u.ID)
		}
	}
	if err := g.readProbe(ctx, probed); err != nil {
		return nil, err
	}
	return sit, nil
}

// SubjectOf names everything that a situation holds.
func SubjectOf(sit *rightful.Situation) rightful.Subject {
	var s rightful.Subject
	for _, u := range sit.Users {
		s.Users = append(s.Users, u.ID)
	}
	for _, c := range sit.Companies {
		s.Companies = append(s.Companies, c.ID)
	}
	for _, f := range sit.Families {
		if !f.Guest() {
			s.Customers = append(s.Customers, f.StripeCustomerID)
		}
	}
	return s
}

func (g *gatherer) readDirectory(ctx context.Context) error {
	d, all := g.src.Directory, rightful.Select{}
	count := func(what string) func() {
		n := 0
		return func() { n++; g.opt.progress(what, n) }
	}
	companies, users := count("companies"), count("users")
	return errors.Join(
		each(d.Companies(ctx, all), func(c rightful.Company) { g.addCompany(c); companies() }),
		each(d.Links(ctx, all), g.addTableLink),
		each(d.Users(ctx, all), func(u rightful.User) { g.addUser(u); users() }),
		each(d.Memberships(ctx, all), g.addMembership),
		each(d.SubscriptionRows(ctx, all), g.addRow),
	)
}

// readStripe reads the lists side by side; the reader's pacer keeps them within
// the account's budget.
func (g *gatherer) readStripe(ctx context.Context) error {
	types := rightful.ListedTypes()
	read := make([][]rightful.Object, len(types))
	failed := make([]error, len(types))
	var wg sync.WaitGroup
	for i, t := range types {
		wg.Go(func() {
			failed[i] = each(g.src.Stripe.List(ctx, rightful.ListQuery{Type: t}), func(o rightful.Object) {
				read[i] = append(read[i], o)
				g.opt.progress(string(t), len(read[i]))
			})
		})
	}
	var delivery delivery
	wg.Go(func() { delivery = readDelivery(ctx, g.src.Stripe) })
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !slices.Contains(failed, nil) {
		return failed[0]
	}
	for i, t := range types {
		for _, o := range read[i] {
			g.addObject(o)
		}
		if failed[i] == nil {
			continue
		}
		g.sit.StripePartly = true
		if err := g.incomplete(ctx, "Stripe's list of "+string(t), failed[i]); err != nil {
			return err
		}
	}
	if err := g.keepDelivery(ctx, delivery); err != nil {
		return err
	}
	return g.lookupUnlisted(ctx)
}

// lookupUnlisted looks up every customer that somebody names and no list holds:
// Stripe lists no deleted customers, and none of a test clock.
func (g *gatherer) lookupUnlisted(ctx context.Context) error {
	var ids, of, others []string
	name := func(id, account string) {
		switch _, known := g.customers[id]; {
		case id == "" || known:
		case g.opt.elsewhere(account):
			others = append(others, id)
		default:
			g.customers[id] = rightful.ExistsUnknown
			ids, of = append(ids, id), append(of, account)
		}
	}
	for _, l := range g.links.all() {
		name(l.StripeCustomerID, l.StripeAccount)
	}
	for _, r := range g.rows.all() {
		name(r.StripeCustomerID, r.StripeAccount)
	}
	for _, o := range g.objects.all() {
		name(o.StripeCustomerID, o.Account)
	}
	for _, id := range others { // nobody says that it is here, so it is not asked for
		g.customers[id] = cmp.Or(g.customers[id], rightful.ExistsUnknown)
	}
	objects, exists := make([]rightful.Object, len(ids)), make([]rightful.Existence, len(ids))
	done, err := together(len(ids), func(i int) (err error) {
		objects[i], exists[i], err = g.getter(of[i])(ctx, rightful.TypeCustomer, ids[i])
		return err
	}, func(done int) { g.opt.progress("customers looked up", done) })
	for i, id := range ids[:done] {
		g.found(rightful.TypeCustomer, id, objects[i], exists[i])
	}
	if err != nil {
		g.sit.StripePartly = true
		return g.incomplete(ctx, "looking up customers that no list holds", err)
	}
	return g.lookupRowed(ctx)
}

// lookupRowed looks up every subscription that a row names and no list holds: a
// row that says paid for one that does not exist is a finding, one that could not
// be looked up is none.
func (g *gatherer) lookupRowed(ctx context.Context) error {
	if g.sit.Unlisted == nil {
		g.sit.Unlisted = map[string]rightful.Existence{}
	}
	var ids, of []string
	for _, r := range g.rows.all() {
		id := r.StripeSubscriptionID
		_, listed := g.object(rightful.TypeSubscription, id)
		if _, asked := g.sit.Unlisted[id]; id != "" && !listed && !asked {
			g.sit.Unlisted[id] = rightful.ExistsUnknown
			if !g.opt.elsewhere(r.StripeAccount) {
				ids, of = append(ids, id), append(of, r.StripeAccount)
			}
		}
	}
	exists := make([]rightful.Existence, len(ids))
	done, err := together(len(ids), func(i int) (err error) {
		_, exists[i], err = g.getter(of[i])(ctx, rightful.TypeSubscription, ids[i])
		return err
	}, func(done int) { g.opt.progress("subscriptions of rows looked up", done) })
	for i, id := range ids[:done] {
		g.sit.Unlisted[id] = exists[i]
	}
	if err != nil {
		g.sit.StripePartly = true
		return g.incomplete(ctx, "looking up subscriptions that rows name and no list holds", err)
	}
	return nil
}

// resolve asks the app's resolver query for each user that was read.
func (g *gatherer) resolve(ctx context.Context) error {
	if g.sit.Mapping.Resolver != rightful.ResolverSQL {
		return nil
	}
	for i, u := range g.users.all() {
		id := rightful.CanonicalID(u.ID)
		if _, asked := g.sit.Resolved[id]; asked {
			continue
		}
		r, err := g.src.Directory.Resolve(ctx, u.ID)
		if err != nil {
			return err
		}
		g.sit.Resolved[id] = r
		g.opt.progress("users resolved", i+1)
	}
	return nil
}
