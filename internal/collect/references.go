package collect

import (
	"context"
	"maps"
	"slices"

	"rightful"
)

// closeReferences looks up every company and user that the objects mention, and
// every company and row that names their customers.
func (a *around) closeReferences(ctx context.Context) error {
	if err := a.guests(ctx); err != nil {
		return err
	}
	var users, companies, emails, customers, subs []string
	for _, o := range a.objects.all() {
		users = append(users, o.Metadata[a.opt.Keys.User])
		companies = append(companies, a.stamps(*o)...)
		companies = append(companies, o.ClientReferenceID)
		users = append(users, o.ClientReferenceID)
		emails = append(emails, o.Email)
		switch o.Type {
		case rightful.TypeSubscription:
			subs = append(subs, o.ID)
		case rightful.TypeCustomer:
			customers = append(customers, o.ID)
		}
	}
	if err := a.linking(ctx, append(customers, a.core.Customers...), subs); err != nil {
		return err
	}
	for _, r := range a.rows.all() {
		companies = append(companies, r.CompanyID)
	}
	for _, l := range a.links.all() {
		companies = append(companies, l.CompanyID)
	}
	if err := a.companyRows(ctx, companies); err != nil {
		return err
	}
	err := a.find(ctx, a.src.Directory, rightful.Select{By: rightful.ByEmail, Values: distinct(emails)}, func(u rightful.User) {
		users = append(users, u.ID)
	})
	if err != nil {
		return err
	}
	if _, err = a.ways(ctx, distinct(users)); err != nil {
		return err
	}
	if err := a.remembered(ctx, companies); err != nil {
		return err
	}
	return a.resolve(ctx)
}

// remembered reads what still names a company whose own row is gone: such a
// company did exist.
func (a *around) remembered(ctx context.Context, companies []string) error {
	var gone []string
	for _, id := range distinct(companies) {
		if _, there := a.companies.byKey[rightful.CanonicalID(id)]; !there {
			gone = append(gone, id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	d, by := a.src.Directory, rightful.Select{By: rightful.ByCompany, Values: gone}
	if err := each(d.Memberships(ctx, by), a.addMembership); err != nil {
		return err
	}
	if err := each(d.SubscriptionRows(ctx, by), a.addRow); err != nil {
		return err
	}
	if err := each(d.Links(ctx, by), a.addTableLink); err != nil {
		return err
	}
	return a.find(ctx, d, by, func(rightful.User) {})
}

// linking reads the companies, links and rows that name the customers or
// subscriptions.
func (a *around) linking(ctx context.Context, customers, subs []string) error {
	d := a.src.Directory
	customers, subs = distinct(customers), distinct(subs)
	if len(customers) > 0 {
		by := rightful.Select{By: rightful.ByStripeCustomer, Values: customers}
		if err := each(d.Companies(ctx, by), func(c rightful.Company) { a.addCompany(c) }); err != nil {
			return err
		}
		if err := each(d.Links(ctx, by), a.addTableLink); err != nil {
			return err
		}
		if err := each(d.SubscriptionRows(ctx, by), a.addRow); err != nil {
			return err
		}
	}
	if len(subs) == 0 {
		return nil
	}
	return each(d.SubscriptionRows(ctx, rightful.Select{By: rightful.ByStripeSubscription, Values: subs}), a.addRow)
}

// stamps returns the company ids stamped on an object.
func (a *around) stamps(o rightful.Object) []string { return Stamps(o, a.opt.Keys) }

// Stamps returns what stands on an object where it could name a company, under the
// configured keys and under those that look like them. Some may be empty.
func Stamps(o rightful.Object, keys rightful.KeySet) []string {
	out := []string{o.Metadata[keys.Company]}
	for _, key := range keys.AlsoRead {
		out = append(out, o.Metadata[key])
	}
	for _, key := range slices.Sorted(maps.Keys(o.Metadata)) {
		if keys.Near(key) {
			out = append(out, o.Metadata[key])
		}
	}
	for _, p := range o.Phases {
		for _, key := range append([]string{keys.Company}, keys.AlsoRead...) {
			out = append(out, p.Metadata[key])
		}
	}
	return out
}
