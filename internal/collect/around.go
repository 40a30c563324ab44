package collect

import (
	"context"
	"fmt"
	"slices"

	"rightful"
)

// maxMembers bounds how many members of a company are looked at when the
// company itself is asked about: their emails and ids find customers that no
// link names. Each costs a handful of requests.
const maxMembers = 20

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
	sit := a.situation()
	for range maxWidenings {
		widened := false
		for _, id := range attribute(sit) {
			if !a.seen["company\x00"+rightful.CanonicalID(id)] {
				widened = true
				if err := a.company(ctx, id); err != nil {
					return nil, about, err
				}
			}
		}
		if !widened {
			break
		}
		if err := a.closeReferences(ctx); err != nil {
			return nil, about, err
		}
		sit = a.situation()
	}
	if err := g.readCache(ctx, core); err != nil {
		return nil, about, err
	}
	return sit, core, g.readProbe(ctx, core.Users)
}

// situation puts together what was read so far.
func (a *around) situation() *rightful.Situation {
	sit := a.finish()
	sit.Families = nil
	for _, f := range Families(a.objects.all(), sit.Links, sit.SubscriptionRows, a.customers) {
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
		if err := a.members(ctx, id); err != nil {
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
		companies = append(companies, a.stamps(o)...)
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
		a.addLink(l)
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
	return a.byStamp(ctx, a.opt.Keys.Company, stamp)
}

// companyRows reads companies by id, with the companies they were merged into
// or are billed through.
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
		for _, by := range []rightful.Column{rightful.ByID, rightful.ByStampValue} {
			err := each(a.src.Directory.Companies(ctx, rightful.Select{By: by, Values: fresh}), func(c rightful.Company) {
				a.addCompany(c)
				ids = append(ids, c.MergedInto, c.BillingParentID)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// members reads some users of a company, to find customers by their emails.
func (a *around) members(ctx context.Context, companyID string) error {
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

// closeReferences looks up every company and user that the objects mention, and
// every company and row that names their customers.
func (a *around) closeReferences(ctx context.Context) error {
	if err := a.guests(ctx); err != nil {
		return err
	}
	var users, companies, emails, customers, subs []string
	for _, o := range a.objects.all() {
		users = append(users, o.Metadata[a.opt.Keys.User])
		companies = append(companies, a.stamps(o)...)
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
	if err := each(d.Links(ctx, by), a.addLink); err != nil {
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
		if err := each(d.Links(ctx, by), a.addLink); err != nil {
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
func (a *around) stamps(o rightful.Object) []string {
	out := []string{o.Metadata[a.opt.Keys.Company]}
	for _, key := range a.opt.Keys.AlsoRead {
		out = append(out, o.Metadata[key])
	}
	return out
}

// distinct drops empty and repeated values and keeps the order.
func distinct(values []string) []string {
	var out []string
	for _, v := range values {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
