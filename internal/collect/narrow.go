package collect

import (
	"context"
	"slices"

	"rightful"
)

// Narrow puts together what is known at once about a few Stripe objects that were
// read already: the rows, links and companies that name them, the users that they
// name, and what tells the companies of those and of further users. It asks the
// database only, with two questions; the second is about companies that only the first
// named, and mostly there are none. Each company of a chain that was merged into one
// another costs one more.
//
// exists tells of the objects' customers that are not among the objects. The
// situation holds the families of the objects, as far as these go: what else hangs on
// their customers was not read. Errors are the directory's.
func Narrow(ctx context.Context, src Sources, opt Options, objects []rightful.Object, exists map[string]rightful.Existence, users ...string) (*rightful.Situation, error) {
	n := narrow{gatherer: newGatherer(src, opt)}
	var customers, subs, named, mentioned []string
	users = slices.Clone(users)
	for _, o := range objects {
		n.addObject(o)
		users = append(users, o.Metadata[opt.Keys.User])
		named = append(append(named, Stamps(o, opt.Keys)...), o.ClientReferenceID)
		mentioned = append(mentioned, o.ClientReferenceID)
		customers = append(customers, o.StripeCustomerID)
		switch o.Type {
		case rightful.TypeCustomer:
			customers = append(customers, o.ID)
		case rightful.TypeSubscription:
			subs = append(subs, o.ID)
		}
	}
	for id, known := range exists {
		n.customers[id] = known
		customers = append(customers, id)
	}
	customers, users, named = distinct(customers), distinct(users), distinct(named)
	if err := n.ask(ctx, rightful.DirectoryQuestion{
		Companies: selects(
			rightful.Select{By: rightful.ByID, Values: named}, rightful.Select{By: rightful.ByStampValue, Values: named},
			rightful.Select{By: rightful.ByOwner, Values: users}, rightful.Select{By: rightful.ByStripeCustomer, Values: customers},
		),
		Users:            selects(rightful.Select{By: rightful.ByID, Values: distinct(append(mentioned, users...))}),
		Memberships:      selects(rightful.Select{By: rightful.ByUser, Values: users}),
		Links:            selects(rightful.Select{By: rightful.ByStripeCustomer, Values: customers}),
		SubscriptionRows: selects(rightful.Select{By: rightful.ByStripeCustomer, Values: customers}, rightful.Select{By: rightful.ByStripeSubscription, Values: distinct(subs)}),
		Resolve:          n.resolved(users),
	}); err != nil {
		return nil, err
	}
	gone := n.gone(objects)
	asked := map[string]bool{} // what is not there is not asked for again
	for unread := n.unread(asked); len(unread)+len(gone) > 0; unread = n.unread(asked) {
		if err := n.askOf(ctx, unread, gone); err != nil {
			return nil, err
		}
		gone = nil
	}
	sit := n.finish()
	for _, f := range families(n.objects.all(), sit.Links, sit.SubscriptionRows, n.customers) {
		if f.Guest() || slices.Contains(customers, f.StripeCustomerID) {
			sit.Families = append(sit.Families, f)
		}
	}
	return sit, nil
}

// narrow is one narrow reading.
type narrow struct{ *gatherer }

// selects leaves out those that ask for nothing.
func selects(all ...rightful.Select) []rightful.Select {
	return slices.DeleteFunc(all, func(sel rightful.Select) bool { return len(sel.Values) == 0 })
}

// resolved returns the users whom the app's own resolver query is asked about.
func (n narrow) resolved(users []string) []string {
	if n.sit.Mapping.Resolver != rightful.ResolverSQL {
		return nil
	}
	return users
}

// ask puts a question and keeps the answers.
func (n narrow) ask(ctx context.Context, q rightful.DirectoryQuestion) error {
	a, err := rightful.ReadMany(ctx, n.src.Directory, q)
	if err != nil {
		return err
	}
	for _, c := range slices.Concat(a.Companies...) {
		n.addCompany(c)
	}
	for _, u := range slices.Concat(a.Users...) {
		n.addUser(u)
	}
	for _, m := range slices.Concat(a.Memberships...) {
		n.addMembership(m)
	}
	for _, l := range slices.Concat(a.Links...) {
		n.addTableLink(l)
	}
	for _, r := range slices.Concat(a.SubscriptionRows...) {
		n.addRow(r)
	}
	for i, answer := range a.Resolutions {
		n.sit.Resolved[rightful.CanonicalID(q.Resolve[i])] = answer
	}
	return nil
}

// gone returns the companies that are stamped and have no row.
func (n narrow) gone(objects []rightful.Object) []string {
	known := map[string]bool{}
	for _, c := range n.companies.all() {
		known[rightful.CanonicalID(c.ID)], known[rightful.CanonicalID(c.StampValue)] = true, true
	}
	var ids []string
	for _, o := range objects {
		for _, key := range append([]string{n.opt.Keys.Company}, n.opt.Keys.AlsoRead...) {
			ids = append(ids, o.Metadata[key])
		}
	}
	return slices.DeleteFunc(distinct(ids), func(id string) bool { return known[rightful.CanonicalID(id)] })
}

// askOf reads companies, and whether anything still names those that are gone: these did
// exist. What names them is not kept, for too little was read about it.
func (n narrow) askOf(ctx context.Context, unread, gone []string) error {
	var q rightful.DirectoryQuestion
	if len(unread) > 0 {
		q.Companies = selects(rightful.Select{By: rightful.ByID, Values: unread})
	}
	if len(gone) > 0 {
		by := []rightful.Select{{By: rightful.ByCompany, Values: gone}}
		q.Users, q.Memberships, q.Links, q.SubscriptionRows = by, by, by, by
	}
	a, err := rightful.ReadMany(ctx, n.src.Directory, q)
	if err != nil {
		return err
	}
	for _, c := range slices.Concat(a.Companies...) {
		n.addCompany(c)
	}
	var naming []string
	for _, u := range slices.Concat(a.Users...) {
		naming = append(naming, u.CompanyID)
	}
	for _, m := range slices.Concat(a.Memberships...) {
		naming = append(naming, m.CompanyID)
	}
	for _, l := range slices.Concat(a.Links...) {
		naming = append(naming, l.CompanyID)
	}
	for _, r := range slices.Concat(a.SubscriptionRows...) {
		naming = append(naming, r.CompanyID)
	}
	for _, id := range naming {
		n.sit.Existed[rightful.CanonicalID(id)] = true
	}
	return nil
}

// unread returns the companies that are named by what was read, were not read, and
// were not asked for before. The survivor of a merge is among them: without it nobody
// could be named for what the company that is gone had bought.
func (n narrow) unread(asked map[string]bool) []string {
	var ids []string
	for _, c := range n.companies.all() {
		ids = append(ids, c.MergedInto)
	}
	for _, u := range n.users.all() {
		ids = append(ids, u.CompanyID)
	}
	for _, m := range n.memberships.all() {
		ids = append(ids, m.CompanyID)
	}
	for _, l := range n.links.all() {
		ids = append(ids, l.CompanyID)
	}
	for _, r := range n.rows.all() {
		ids = append(ids, r.CompanyID)
	}
	for _, r := range n.sit.Resolved {
		ids = append(ids, r.CompanyID)
	}
	slices.Sort(ids)
	return slices.DeleteFunc(distinct(ids), func(id string) bool {
		key := rightful.CanonicalID(id)
		_, known := n.companies.byKey[key]
		skip := known || asked[key]
		asked[key] = true
		return skip
	})
}
