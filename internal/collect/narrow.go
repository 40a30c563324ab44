package collect

import (
	"context"
	"iter"
	"slices"
	"sync"

	"rightful"
)

// Narrow puts together what is known at once about a few Stripe objects that were
// read already: the rows, links and companies that name them, the users that they
// name, and what tells the companies of those and of further users. It asks the
// database only, in two rounds of questions that are put at the same time; the second
// is about companies that only the first named, and mostly there are none.
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
	first := round{
		companies: []rightful.Select{
			{By: rightful.ByID, Values: named}, {By: rightful.ByStampValue, Values: named},
			{By: rightful.ByOwner, Values: users}, {By: rightful.ByStripeCustomer, Values: customers},
		},
		users:       []rightful.Select{{By: rightful.ByID, Values: distinct(append(mentioned, users...))}},
		memberships: []rightful.Select{{By: rightful.ByUser, Values: users}},
		links:       []rightful.Select{{By: rightful.ByStripeCustomer, Values: customers}},
		rows:        []rightful.Select{{By: rightful.ByStripeCustomer, Values: customers}, {By: rightful.ByStripeSubscription, Values: distinct(subs)}},
		resolve:     users,
	}
	if err := n.ask(ctx, first); err != nil {
		return nil, err
	}
	if err := n.ask(ctx, round{companies: []rightful.Select{{By: rightful.ByID, Values: n.unread()}}}); err != nil {
		return nil, err
	}
	sit := n.finish()
	for _, f := range Families(n.objects.all(), sit.Links, sit.SubscriptionRows, n.customers) {
		if f.Guest() || slices.Contains(customers, f.StripeCustomerID) {
			sit.Families = append(sit.Families, f)
		}
	}
	return sit, nil
}

// narrow is one narrow reading.
type narrow struct{ *gatherer }

// round is a set of questions that are put to the database at the same time.
type round struct {
	companies, users, memberships, links, rows []rightful.Select
	resolve                                    []string // users whom the app's resolver query is asked about
}

// ask puts the questions and keeps the answers, in the order of the questions.
func (n narrow) ask(ctx context.Context, r round) error {
	d := n.src.Directory
	var asked []func() error
	var kept []func()
	asked, kept = questions(asked, kept, r.companies, func(sel rightful.Select) iter.Seq2[rightful.Company, error] { return d.Companies(ctx, sel) }, func(c rightful.Company) { n.addCompany(c) })
	asked, kept = questions(asked, kept, r.users, func(sel rightful.Select) iter.Seq2[rightful.User, error] { return d.Users(ctx, sel) }, n.addUser)
	asked, kept = questions(asked, kept, r.memberships, func(sel rightful.Select) iter.Seq2[rightful.Membership, error] { return d.Memberships(ctx, sel) }, n.addMembership)
	asked, kept = questions(asked, kept, r.links, func(sel rightful.Select) iter.Seq2[rightful.Link, error] { return d.Links(ctx, sel) }, n.addTableLink)
	asked, kept = questions(asked, kept, r.rows, func(sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
		return d.SubscriptionRows(ctx, sel)
	}, n.addRow)
	if n.sit.Mapping.Resolver == rightful.ResolverSQL {
		for _, id := range r.resolve {
			var answer rightful.Resolution
			asked = append(asked, func() (err error) {
				answer, err = d.Resolve(ctx, id)
				return err
			})
			kept = append(kept, func() { n.sit.Resolved[rightful.CanonicalID(id)] = answer })
		}
	}
	errs := make([]error, len(asked))
	var all sync.WaitGroup
	for i, ask := range asked {
		all.Go(func() { errs[i] = ask() })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for _, keep := range kept {
		keep()
	}
	return nil
}

// questions adds a question for each of the selects that ask for anything, and what
// is done with its answer.
func questions[T any](asked []func() error, kept []func(), selects []rightful.Select, read func(rightful.Select) iter.Seq2[T, error], keep func(T)) ([]func() error, []func()) {
	for _, sel := range selects {
		if len(sel.Values) == 0 {
			continue
		}
		var rows []T
		asked = append(asked, func() error { return each(read(sel), func(row T) { rows = append(rows, row) }) })
		kept = append(kept, func() {
			for _, row := range rows {
				keep(row)
			}
		})
	}
	return asked, kept
}

// unread returns the companies that are named by what was read, and were not read.
func (n narrow) unread() []string {
	var ids []string
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
		_, known := n.companies.byKey[rightful.CanonicalID(id)]
		return known
	})
}
