package collect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"rightful"
)

// maxMembers bounds how many members of a company are looked at when the
// company itself is asked about: their emails and ids find customers that no
// link names. Each costs a handful of requests.
const maxMembers = 20

// known returns those of the ids that are users of the app.
func (a *around) known(ctx context.Context, ids []string) (users []string, err error) {
	err = a.find(ctx, a.src.Directory, rightful.Select{By: rightful.ByID, Values: distinct(ids)}, func(u rightful.User) {
		users = append(users, u.ID)
	})
	return users, err
}

// find selects users and keeps them.
func (a *around) find(ctx context.Context, d rightful.DirectoryReader, sel rightful.Select, keep func(rightful.User)) error {
	if len(sel.Values) == 0 {
		return nil
	}
	return each(d.Users(ctx, sel), func(u rightful.User) {
		a.addUser(u)
		keep(u)
	})
}

// user reads a user's ways and customers; it returns the user's companies.
func (a *around) user(ctx context.Context, id string) (companies []string, err error) {
	if !a.once("user", rightful.CanonicalID(id)) {
		return nil, nil
	}
	a.opt.progress("users", len(a.core.Users)+1)
	var email string
	err = a.find(ctx, a.src.Directory, rightful.Select{By: rightful.ByID, Values: []string{id}}, func(u rightful.User) {
		email = u.Email
		a.core.Users = append(a.core.Users, u.ID)
	})
	if err != nil {
		return nil, err
	}
	if companies, err = a.ways(ctx, []string{id}); err != nil {
		return nil, err
	}
	if a.sit.Mapping.Resolver == rightful.ResolverSQL {
		r, err := a.src.Directory.Resolve(ctx, id)
		if err != nil {
			return nil, err
		}
		a.sit.Resolved[rightful.CanonicalID(id)] = r
		companies = append(companies, r.CompanyID)
	}
	if err := a.byEmail(ctx, email); err != nil {
		return nil, err
	}
	return distinct(companies), a.byStamp(ctx, a.opt.Keys.User, id)
}

// ways reads what is needed to tell the companies of users, and returns the ids
// of those companies.
func (a *around) ways(ctx context.Context, users []string) (companies []string, err error) {
	var fresh []string
	for _, id := range users {
		if a.once("ways", rightful.CanonicalID(id)) {
			fresh = append(fresh, id)
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	d := a.src.Directory
	err = a.find(ctx, d, rightful.Select{By: rightful.ByID, Values: fresh}, func(u rightful.User) {
		companies = append(companies, u.CompanyID)
	})
	if err != nil {
		return nil, err
	}
	err = each(d.Memberships(ctx, rightful.Select{By: rightful.ByUser, Values: fresh}), func(m rightful.Membership) {
		a.addMembership(m)
		companies = append(companies, m.CompanyID)
	})
	if err != nil {
		return nil, err
	}
	err = each(d.Companies(ctx, rightful.Select{By: rightful.ByOwner, Values: fresh}), func(c rightful.Company) {
		a.addCompany(c)
		companies = append(companies, c.ID)
	})
	if err != nil {
		return nil, err
	}
	companies = distinct(companies)
	return companies, a.companyRows(ctx, companies)
}

// Belonging adds to a situation what is needed to tell the companies of users, also
// of some that nothing in it names. It asks the database only. Errors are the
// directory's; the situation is unchanged then.
func Belonging(ctx context.Context, src Sources, opt Options, sit *rightful.Situation, users ...string) error {
	a := &around{gatherer: newGatherer(src, opt), seen: map[string]bool{}}
	for _, c := range sit.Companies {
		a.companies.add(rightful.CanonicalID(c.ID), c)
	}
	for _, u := range sit.Users {
		a.addUser(u)
	}
	for _, m := range sit.Memberships {
		a.addMembership(m)
	}
	for _, r := range sit.SubscriptionRows {
		a.addRow(r)
	}
	for _, l := range sit.Links {
		a.addLink(l)
	}
	a.sit.Resolved = maps.Clone(sit.Resolved)
	if a.sit.Resolved == nil {
		a.sit.Resolved = map[string]rightful.Resolution{}
	}
	if _, err := a.ways(ctx, distinct(users)); err != nil {
		return err
	}
	if err := a.resolve(ctx); err != nil {
		return err
	}
	var resolved []string
	for _, r := range a.sit.Resolved {
		resolved = append(resolved, r.CompanyID)
	}
	slices.Sort(resolved)
	if err := a.companyRows(ctx, resolved); err != nil {
		return err
	}
	read := a.finish()
	sit.Companies, sit.Users, sit.Memberships, sit.Links, sit.Resolved = read.Companies, read.Users, read.Memberships, read.Links, read.Resolved
	return nil
}

// company reads a company's customers: those it links, those of its rows, and
// those that a search hint says are stamped with it.
func (a *around) company(ctx context.Context, id string) error {
	if !a.once("company", rightful.CanonicalID(id)) {
		return nil
	}
	if err := a.companyRows(ctx, []string{id}); err != nil {
		return err
	}
	row, ok := a.companies.byKey[rightful.CanonicalID(id)]
	if !ok {
		return nil // nothing but its name is known: a stamp names it
	}
	a.core.Companies = append(a.core.Companies, row.ID)
	a.opt.progress("companies", len(a.core.Companies))
	d, own := a.src.Directory, rightful.Select{By: rightful.ByCompany, Values: []string{id}}
	customers := []string{row.StripeCustomerID}
	err := each(d.Links(ctx, own), func(l rightful.Link) {
		a.addTableLink(l)
		customers = append(customers, l.StripeCustomerID)
	})
	if err != nil {
		return err
	}
	var subs []string
	err = each(d.SubscriptionRows(ctx, own), func(r rightful.SubscriptionRow) {
		a.addRow(r)
		customers = append(customers, r.StripeCustomerID)
		subs = append(subs, r.StripeSubscriptionID)
	})
	if err != nil {
		return err
	}
	for _, id := range distinct(subs) {
		payer, err := a.payerOf(ctx, id)
		if err != nil {
			return err
		}
		customers = append(customers, payer)
	}
	for _, id := range distinct(customers) {
		if err := a.customer(ctx, id); err != nil {
			return err
		}
	}
	stamp := row.ID
	if row.StampValue != "" {
		stamp = row.StampValue
	}
	for _, key := range append([]string{a.opt.Keys.Company}, a.opt.Keys.AlsoRead...) {
		if err := a.byStamp(ctx, key, stamp); err != nil {
			return err
		}
	}
	for _, c := range a.companies.all() { // what was merged into it left stamps of its own
		if !rightful.SameID(c.MergedInto, row.ID) {
			continue
		}
		if err := a.byStamp(ctx, a.opt.Keys.Company, cmp.Or(c.StampValue, c.ID)); err != nil {
			return err
		}
	}
	return nil
}

// companyRows reads companies by id, with the companies they were merged into
// or are billed through, and those that were merged into them or are billed
// through them.
func (a *around) companyRows(ctx context.Context, ids []string) error {
	for len(ids) > 0 {
		var fresh []string
		for _, id := range distinct(ids) {
			if a.once("company row", rightful.CanonicalID(id)) {
				fresh = append(fresh, id)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		ids = nil
		var found []string
		for _, by := range []rightful.Column{rightful.ByID, rightful.ByStampValue, rightful.ByBillingParent, rightful.ByMergedInto} {
			err := each(a.src.Directory.Companies(ctx, rightful.Select{By: by, Values: fresh}), func(c rightful.Company) {
				a.addCompany(c)
				ids = append(ids, c.MergedInto, c.BillingParentID)
				found = append(found, c.ID)
			})
			if err != nil {
				return err
			}
		}
		if err := each(a.src.Directory.Links(ctx, rightful.Select{By: rightful.ByCompany, Values: distinct(found)}), a.addTableLink); err != nil {
			return err
		}
	}
	return nil
}

// members reads some users of a company, to find customers by their emails.
//
// A company that was asked about and has more members than are looked at makes
// the answer incomplete; of one that others are only judged beside, it is noted.
func (a *around) members(ctx context.Context, companyID string, asked bool) error {
	d := a.src.Directory
	var ids []string
	if c, ok := a.companies.byKey[rightful.CanonicalID(companyID)]; ok {
		ids = append(ids, c.OwnerUserID)
	}
	own := rightful.Select{By: rightful.ByCompany, Values: []string{companyID}}
	more := false
	keep := func(id string) bool {
		more = len(ids) >= maxMembers
		if !more {
			ids = append(ids, id)
		}
		return !more
	}
	for m, err := range d.Memberships(ctx, own) {
		if err != nil {
			return err
		}
		a.addMembership(m)
		if !keep(m.UserID) {
			break
		}
	}
	for u, err := range d.Users(ctx, own) {
		if err != nil {
			return err
		}
		if !keep(u.ID) {
			break
		}
	}
	if more {
		a.sit.Crowded[rightful.CanonicalID(companyID)] = true
	}
	if more && asked {
		a.sit.Incomplete = append(a.sit.Incomplete, fmt.Sprintf("only %d members of company %s were looked at", maxMembers, companyID))
	}
	ids = distinct(ids)
	for _, id := range ids {
		// Their other companies are read as mentioned, not as asked about.
		if _, err := a.user(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
