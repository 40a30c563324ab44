// Package collect reads the sources and puts what they say together: rows and
// objects become families, closed over their references, ready to be judged.
//
// Everything reads a whole account and database. Around reads the surroundings
// of one user, company or payment. Closer reads more about what turned out to
// matter. All only read: they are given readers.
package collect

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"rightful"
)

// Sources are the places that were configured. Directory is required, the
// others may be nil.
type Sources struct {
	Directory rightful.DirectoryReader
	Stripe    rightful.StripeReader
	Cache     rightful.CacheReader
	Probe     rightful.ProbeReader
	Record    Record
}

// Record is our own record of what was made in one account and mode. Its methods are
// those of rightful.IntentRecords, and so are their errors.
type Record interface {
	CheckoutsOf(ctx context.Context, sessionIDs []string) (map[string]rightful.Intent, error)
	Promised(ctx context.Context, companyIDs []string) ([]string, error)
}

// Options say how to read.
type Options struct {
	Now              int64 // Unix seconds
	Keys             rightful.KeySet
	CacheKeys        []CacheKey
	ExpectedRevision string
	// Account is the account that Stripe is read of, when the config says so, and Accounts
	// are the app's others: rows of those are about what is not to be found here.
	Account  string
	Accounts []string
	// ProbeAll asks the running app for every user that Everything reads.
	// Leave it off for an app that real people use.
	ProbeAll bool
	// Progress is told how far the reading of one kind of thing has come. It
	// may be called from several goroutines; nil is allowed.
	Progress func(what string, done int)
}

func (o Options) progress(what string, done int) {
	if o.Progress != nil {
		o.Progress(what, done)
	}
}

// gatherer holds what was read so far, without doubles.
type gatherer struct {
	src Sources
	opt Options
	sit *rightful.Situation

	companies   set[rightful.Company]
	users       set[rightful.User]
	memberships set[rightful.Membership]
	rows        set[rightful.SubscriptionRow]
	links       set[rightful.Link]
	objects     set[*rightful.Object]
	customers   map[string]rightful.Existence // of customers that were looked up
}

func newGatherer(src Sources, opt Options) *gatherer {
	sit := &rightful.Situation{Now: opt.Now, Mapping: src.Directory.Mapping(), Accounts: opt.Accounts, Resolved: map[string]rightful.Resolution{}, Existed: map[string]bool{}, Crowded: map[string]bool{}}
	return &gatherer{src: src, opt: opt, sit: sit, customers: map[string]rightful.Existence{}}
}

// set keeps the first value of each key, in the order of arrival.
type set[T any] struct {
	order []string
	byKey map[string]T
}

// add keeps the value and reports whether it is new. An empty key is dropped.
func (s *set[T]) add(key string, v T) bool {
	if key == "" {
		return false
	}
	if _, known := s.byKey[key]; known {
		return false
	}
	if s.byKey == nil {
		s.byKey = map[string]T{}
	}
	s.byKey[key] = v
	s.order = append(s.order, key)
	return true
}

func (s *set[T]) all() []T {
	out := make([]T, 0, len(s.order))
	for _, k := range s.order {
		out = append(out, s.byKey[k])
	}
	return out
}

// each calls keep for every row of a sequence and returns its error.
func each[T any](seq iter.Seq2[T, error], keep func(T)) error {
	for v, err := range seq {
		if err != nil {
			return err
		}
		keep(v)
	}
	return nil
}

func (g *gatherer) addCompany(c rightful.Company) bool {
	g.addLink(rightful.Link{CompanyID: c.ID, StripeCustomerID: c.StripeCustomerID, StripeAccount: c.StripeAccount, Column: true})
	return g.companies.add(rightful.CanonicalID(c.ID), c)
}

// addTableLink keeps a row of the table of links.
func (g *gatherer) addTableLink(l rightful.Link) {
	l.Table = true
	g.addLink(l)
}

func (g *gatherer) addLink(l rightful.Link) {
	if l.CompanyID == "" || l.StripeCustomerID == "" {
		return
	}
	key := rightful.CanonicalID(l.CompanyID) + "\x00" + l.StripeCustomerID
	if !g.links.add(key, l) { // it may stand in both places
		known := g.links.byKey[key]
		known.Column, known.Table = known.Column || l.Column, known.Table || l.Table
		known.StripeAccount = cmp.Or(known.StripeAccount, l.StripeAccount)
		g.links.byKey[key] = known
	}
}

func (g *gatherer) addUser(u rightful.User) { g.users.add(rightful.CanonicalID(u.ID), u) }

// addMembership keeps every distinct row: a pair may have several, for several
// times.
func (g *gatherer) addMembership(m rightful.Membership) {
	if m.UserID != "" && m.CompanyID != "" {
		g.memberships.add(membershipKey(m), m)
	}
}

func (g *gatherer) addRow(r rightful.SubscriptionRow) {
	g.rows.add(r.ID+"\x00"+r.CompanyID+"\x00"+r.StripeSubscriptionID+"\x00"+r.StripeCustomerID, r)
}

func (g *gatherer) addObject(o rightful.Object) { g.keepObject(&o) }

// keepObject keeps an object where it is.
func (g *gatherer) keepObject(o *rightful.Object) {
	if !g.objects.add(string(o.Type)+"/"+o.ID, o) {
		return
	}
	if o.Type == rightful.TypeCustomer {
		g.customers[o.ID] = rightful.ExistsPresent
	}
}

func (g *gatherer) object(t rightful.ObjectType, id string) (rightful.Object, bool) {
	if o, ok := g.objects.byKey[string(t)+"/"+id]; ok {
		return *o, true
	}
	return rightful.Object{}, false
}

// elsewhere reports whether a row says that what it names is in another account.
func (o Options) elsewhere(account string) bool {
	return account != "" && o.Account != "" && account != o.Account
}

// getter returns how an object is looked up that a row names: in this account alone if the
// row says that it is here, else where it may be.
func (g *gatherer) getter(account string) func(context.Context, rightful.ObjectType, string) (rightful.Object, rightful.Existence, error) {
	if own, several := g.src.Stripe.(interface {
		GetHere(context.Context, rightful.ObjectType, string) (rightful.Object, rightful.Existence, error)
	}); several && account != "" && account == g.opt.Account {
		return own.GetHere
	}
	return g.src.Stripe.Get
}

// lookup fetches one Stripe object and keeps it. An id that is not there is
// remembered as such.
func (g *gatherer) lookup(ctx context.Context, t rightful.ObjectType, id string) (rightful.Existence, error) {
	if _, known := g.object(t, id); known {
		return rightful.ExistsPresent, nil
	}
	o, exists, err := g.src.Stripe.Get(ctx, t, id)
	if err != nil {
		return rightful.ExistsUnknown, err
	}
	g.found(t, id, o, exists)
	return exists, nil
}

// found keeps what a look-up answered.
func (g *gatherer) found(t rightful.ObjectType, id string, o rightful.Object, exists rightful.Existence) {
	if exists == rightful.ExistsPresent {
		g.addObject(o)
	}
	if t == rightful.TypeCustomer {
		g.customers[id] = exists
	}
}

// finish turns what was gathered into the situation.
func (g *gatherer) finish() *rightful.Situation {
	g.sit.Companies = g.companies.all()
	g.sit.Users = g.users.all()
	g.sit.Memberships = g.memberships.all()
	g.sit.SubscriptionRows = g.rows.all()
	g.sit.Links = g.links.all()
	return g.sit
}

// incomplete notes that something could not be read. It returns the error
// unchanged when the reading itself was called off.
func (g *gatherer) incomplete(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if because := what + ": " + short(err); !slices.Contains(g.sit.Incomplete, because) {
		g.sit.Incomplete = append(g.sit.Incomplete, because)
	}
	return nil
}

// unheard notes that a place was not heard that a single check needs.
func unheard(sit *rightful.Situation, what string, err error) {
	if because := what + ": " + short(err); !slices.Contains(sit.Unheard, because) {
		sit.Unheard = append(sit.Unheard, because)
	}
}

// Short says an error in a line, without its hint: what a run is incomplete for.
func Short(err error) string { return short(err) }

// short is Short.
func short(err error) string {
	var e *rightful.Error
	if errors.As(err, &e) {
		if e.Place != "" {
			return e.Place + ": " + e.Message
		}
		return e.Message
	}
	return err.Error()
}
