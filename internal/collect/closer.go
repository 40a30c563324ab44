package collect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"rightful"
)

// Wanted says what Closer shall read.
type Wanted struct {
	Customers []string // whose invoices, charges and payment methods
	Removals  bool     // which identity metadata was replaced lately
}

const (
	// removalAge is how far back replaced metadata is looked for, in seconds:
	// as long as Stripe keeps events.
	removalAge = 30 * 24 * 60 * 60
	// maxRemovals bounds how many events are looked through for it. A hundred
	// are a request, and each waits for the one before.
	maxRemovals = 20_000
)

// moneyTypes are read of a customer whose money is in question.
var moneyTypes = []rightful.ObjectType{rightful.TypeInvoice, rightful.TypeCharge, rightful.TypePaymentMethod}

// Closer is the second, narrow read: what only some families need, and only
// once it is known which. It adds to the situation.
//
// A wanted customer that has no family is not asked about. A list that fails
// leaves MoneyRead unset and makes the situation incomplete, as in the first
// read; events that cannot be read are only unheard.
func Closer(ctx context.Context, src Sources, opt Options, sit *rightful.Situation, want Wanted) error {
	if src.Stripe == nil {
		return nil
	}
	g := &gatherer{src: src, opt: opt, sit: sit}
	if err := g.readMoney(ctx, want.Customers); err != nil {
		return err
	}
	if want.Removals {
		if err := g.readRemovals(ctx); err != nil {
			return err
		}
	}
	return g.nameCompanies(ctx)
}

// nameCompanies looks up the companies that only the closer look named: on removed
// metadata and on payment methods. One that was not looked up would pass for one
// that does not exist.
func (g *gatherer) nameCompanies(ctx context.Context) error {
	if g.sit.Whole && !g.sit.Screened {
		return nil
	}
	known := map[string]bool{}
	for _, c := range g.sit.Companies {
		known[rightful.CanonicalID(c.ID)] = true
	}
	var named []string
	name := func(metadata map[string]string) {
		for _, key := range append([]string{g.opt.Keys.Company}, g.opt.Keys.AlsoRead...) {
			if id := metadata[key]; id != "" && !known[rightful.CanonicalID(id)] {
				named = append(named, id)
			}
		}
	}
	for _, e := range g.sit.Events {
		name(e.Previous)
	}
	for _, f := range g.sit.Families {
		for _, m := range f.Methods {
			name(m.Metadata)
		}
	}
	if named = distinct(named); len(named) == 0 {
		return nil
	}
	for _, by := range []rightful.Column{rightful.ByID, rightful.ByStampValue} {
		err := each(g.src.Directory.Companies(ctx, rightful.Select{By: by, Values: named}), func(c rightful.Company) {
			if id := rightful.CanonicalID(c.ID); !known[id] {
				known[id] = true
				g.sit.Companies = append(g.sit.Companies, c)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moneyList is one list of one customer.
type moneyList struct {
	family  *rightful.Family
	t       rightful.ObjectType
	objects []rightful.Object
	err     error
}

// readMoney reads the money of each customer.
func (g *gatherer) readMoney(ctx context.Context, customers []string) error {
	lists := g.moneyLists(customers)
	var refused sync.Map // by type: what the key may not list once, it may not list of the next customer
	read, err := together(len(lists), func(i int) error {
		l := &lists[i]
		if err, known := refused.Load(l.t); known {
			l.err = err.(error)
			return nil
		}
		l.err = each(g.src.Stripe.List(ctx, rightful.ListQuery{Type: l.t, StripeCustomerID: l.family.StripeCustomerID}), func(o rightful.Object) {
			l.objects = append(l.objects, o)
		})
		switch rightful.KindOf(l.err) {
		case rightful.KindForbidden:
			refused.Store(l.t, l.err)
			return nil
		case rightful.KindUnavailable, rightful.KindInvalid:
			return nil // this list; others may be readable
		}
		return l.err
	}, func(done int) { g.opt.progress("lists of money", done) })
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, l := range lists {
		l.family.MoneyRead, l.family.MoneyUnread = true, false
	}
	for i, l := range lists {
		switch {
		case i >= read: // a fault ended the asking; what came later by chance does not count
			l.family.MoneyRead, l.family.MoneyUnread = false, true
		case l.err == nil:
			l.keep()
		default:
			l.family.MoneyRead, l.family.MoneyUnread = false, true
			if err := g.moneyUnread(ctx, l, l.err); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return g.moneyUnread(ctx, lists[read], err)
	}
	return nil
}

// moneyLists names the lists of the customers that have a family.
func (g *gatherer) moneyLists(customers []string) (lists []moneyList) {
	families := map[string]*rightful.Family{}
	for i := range g.sit.Families {
		if f := &g.sit.Families[i]; !f.Guest() {
			families[f.StripeCustomerID] = f
		}
	}
	for _, id := range customers {
		f := families[id]
		if f == nil {
			continue
		}
		delete(families, id) // each once
		for _, t := range moneyTypes {
			lists = append(lists, moneyList{family: f, t: t})
		}
	}
	return lists
}

// keep puts what was read into the family, oldest first as all its lists.
func (l moneyList) keep() {
	sortObjects(l.objects)
	switch l.t {
	case rightful.TypeInvoice:
		l.family.Invoices = l.objects
	case rightful.TypeCharge:
		l.family.Charges = l.objects
	case rightful.TypePaymentMethod:
		l.family.Methods = l.objects
	}
}

// moneyUnread notes a list that could not be read. A missing permission is one
// fault, however many customers it concerns.
func (g *gatherer) moneyUnread(ctx context.Context, l moneyList, err error) error {
	g.sit.StripePartly = true
	what := fmt.Sprintf("Stripe's list of %s", l.t)
	if rightful.KindOf(err) != rightful.KindForbidden {
		what += " of " + l.family.StripeCustomerID
	}
	return g.incomplete(ctx, what, err)
}

// readRemovals reads which identity metadata was replaced lately.
func (g *gatherer) readRemovals(ctx context.Context) error {
	query := rightful.EventQuery{
		Types:       []string{"customer.updated", "customer.subscription.updated"},
		CreatedFrom: max(1, g.opt.Now-removalAge),
	}
	var kept []rightful.Event
	seen := 0
	for e, err := range g.src.Stripe.Events(ctx, query) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if rightful.KindOf(err) != rightful.KindUnsupported {
				unheard(g.sit, "Stripe's events", err)
			}
			break
		}
		if len(e.Previous) > 0 {
			kept = append(kept, e)
		}
		seen++
		g.opt.progress("events", seen)
		if seen == maxRemovals {
			g.sit.Unheard = append(g.sit.Unheard, fmt.Sprintf("only the newest %d events of updates were read", maxRemovals))
			break
		}
	}
	addEvents(g.sit, kept)
	return nil
}

// addEvents adds events to the situation, each once, newest first.
func addEvents(sit *rightful.Situation, events []rightful.Event) {
	known := map[string]bool{}
	for _, e := range sit.Events {
		known[e.ID] = true
	}
	for _, e := range events {
		if !known[e.ID] {
			known[e.ID] = true
			sit.Events = append(sit.Events, e)
		}
	}
	slices.SortStableFunc(sit.Events, func(a, b rightful.Event) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
}
