package gateway

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/look"
)

// An id of Stripe's, as far as it is asked about: everything else is unknown without
// a request. docs.stripe.com/upgrades has the bound.
var (
	sessionID  = regexp.MustCompile(`^cs_[A-Za-z0-9_]{1,252}$`)
	customerID = regexp.MustCompile(`^(cus|acct)_[A-Za-z0-9_]{1,250}$`)
)

// seen is a session, and what was found out about it and one user.
type seen struct {
	id       string
	user     string // as it was given; empty when nobody is signed in
	keys     rightful.KeySet
	account  rightful.Account
	checkout rightful.Checkout
	status   Status // of the question whose it is: Valid when it is the user's
	company  string // canonical; empty when none can be named to the user
	several  bool   // it is the user's, and for which of their companies nobody can say
	perhaps  bool   // the user bought it, and whether the user was the company's then, nobody can say

	sit      *rightful.Situation
	verdict  judge.Verdict
	bought   judge.Bought
	known    bool               // bought means something
	findings []rightful.Finding // everything found about what was read, as it is told: nothing is decided by it
}

// seeSession finds out whose a session is, and whether it is the user's.
//
// A narrow look, at the session and the rows that name it, answers for what is in
// order, and for what is firmly a company's that the user has nothing to do with. For
// everything else the surroundings are read and judged as an investigation does, and
// that holds. fresh: what was found out a moment ago is not good enough.
func (g *Gateway) seeSession(ctx context.Context, id, user string, fresh bool) (*seen, error) {
	s, err := g.seeSessionHere(ctx, id, user, fresh)
	for _, other := range g.others() {
		if err == nil && s.status != UnknownSession || !sessionID.MatchString(id) {
			break
		}
		s2, err2 := other.seeSessionHere(ctx, id, user, fresh)
		if err2 != nil || s2.status != UnknownSession || err == nil {
			s, err = s2, err2 // one that did not answer may have it
		}
	}
	return s, err
}

// seeSessionHere is seeSession in the gateway's own account.
func (g *Gateway) seeSessionHere(ctx context.Context, id, user string, fresh bool) (*seen, error) {
	s := &seen{id: id, user: user, keys: g.opt.Keys}
	if !sessionID.MatchString(id) {
		s.status = UnknownSession
		return s, nil
	}
	var err error
	if s.account, err = g.opens(ctx); err != nil {
		return nil, err
	}
	if otherMode(id, s.account) {
		s.status = WrongMode
		return s, nil
	}
	checkout, exists, err := g.opt.Stripe.Checkout(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case exists != rightful.ExistsPresent:
		s.status = UnknownSession
		return s, nil
	case s.account.LivemodeKnown && checkout.Session.Livemode != s.account.Livemode:
		s.status = WrongMode
		return s, nil
	}
	s.checkout = checkout
	if user != "" && checkID("user_id", user) != nil {
		s.user = "" // no user has such an id
	}
	if err := g.seeNarrow(ctx, s); err != nil {
		return nil, err
	}
	if s.settledNarrowly() {
		return s, nil
	}
	return s, g.seeWidely(ctx, s, fresh)
}

// otherMode reports whether the id says that the session is of the mode that the key
// does not open. Stripe writes the mode into each
// (docs.stripe.com/api/checkout/sessions/object).
func otherMode(id string, a rightful.Account) bool {
	switch {
	case !a.LivemodeKnown:
		return false
	case a.Livemode:
		return strings.HasPrefix(id, "cs_test_")
	}
	return strings.HasPrefix(id, "cs_live_")
}

// sources and options are those of the judge's usual readers.
func (g *Gateway) sources() collect.Sources {
	return collect.Sources{Directory: g.opt.Directory, Stripe: g.opt.Stripe, Record: look.RecordOf(g.opt.Intents, g.opens)}
}

func (g *Gateway) options() collect.Options {
	o := collect.Options{Now: g.now(), Keys: g.opt.Keys, Account: g.opt.Account}
	for _, other := range g.others() {
		o.Accounts = append(o.Accounts, other.opt.Account)
	}
	return o
}

// objects are those that one read of the session brought.
func (s *seen) objects() []rightful.Object {
	var all []rightful.Object
	for _, o := range []rightful.Object{s.checkout.Session, s.checkout.Customer, s.checkout.Subscription, s.checkout.PaymentIntent} {
		if o.ID != "" && !o.Deleted {
			all = append(all, o)
		}
	}
	return all
}

// users are those who ask: one, or nobody.
func (s *seen) users() []string {
	if s.user == "" {
		return nil
	}
	return []string{s.user}
}

func (g *Gateway) seeNarrow(ctx context.Context, s *seen) error {
	var exists map[string]rightful.Existence
	if payer := s.checkout.Session.StripeCustomerID; payer != "" {
		exists = map[string]rightful.Existence{payer: s.checkout.CustomerExists}
	}
	sit, err := collect.Narrow(ctx, g.sources(), g.options(), s.objects(), exists, s.users()...)
	if err != nil {
		return err
	}
	sit.Account = s.account
	verdict := look.Heard(ctx, g.sources(), g.rules, sit)
	if err := unrecorded(sit); err != nil {
		return err
	}
	s.judged(sit, verdict, g.rules)
	s.findings = g.told(s.verdict.Findings)
	return nil
}

// seeWide reads what surrounds the session, as an investigation of it does.
func (g *Gateway) seeWide(ctx context.Context, s *seen) error {
	about := rightful.Subject{Objects: s.objects()}
	if payer := s.checkout.Session.StripeCustomerID; payer != "" {
		about.Customers = []string{payer}
	}
	src, opt := g.sources(), g.options()
	sit, core, err := look.Around(ctx, src, opt, g.rules, about)
	if err != nil {
		return err
	}
	partly := partlyRead(ctx, sit, s.id)
	if err := collect.Belonging(ctx, src, opt, sit, s.users()...); err != nil {
		return err
	}
	sit.Account = s.account
	look.Heard(ctx, src, g.rules, sit, s.id) // of a user whose memberships nobody knows, the record alone can tell
	verdict, err := look.Judged(ctx, src, opt, g.rules, sit)
	if err == nil {
		err = unrecorded(sit)
	}
	if err != nil {
		return err
	}
	s.judged(sit, verdict, g.rules)
	s.fill()
	_, concerning := judge.Concerning(sit, verdict, core)
	s.findings = g.told(concerning.Findings)
	if !s.bought.Firm && partly != nil {
		return partly
	}
	return nil
}

// fill takes from the surroundings what the read of the session did not show.
func (s *seen) fill() {
	for _, f := range s.sit.Families {
		for _, o := range f.Objects() {
			switch c := &s.checkout; {
			case o.Type == rightful.TypeSubscription && o.ID == c.Session.SubscriptionID:
				c.Subscription = o
			case o.Type == rightful.TypePaymentIntent && o.ID == c.Session.PaymentIntentID:
				c.PaymentIntent = o
			}
		}
	}
}

// judged takes up a situation and its verdict.
func (s *seen) judged(sit *rightful.Situation, verdict judge.Verdict, rules judge.Rules) {
	s.sit, s.verdict = sit, verdict
	s.bought, s.known = judge.BoughtOf(sit, rules, s.id)
	s.whose()
}

// whose says whether the session is the user's.
func (s *seen) whose() {
	s.company, s.several, s.perhaps = "", false, false
	b := s.bought
	switch {
	case !s.known || !b.Ours:
		s.status = UnknownSession
	case !signedIn(s.sit, s.user):
		s.status = NeedsSignIn
	case b.Contested:
		s.whoseContested()
	case len(b.Companies) > 0:
		s.status = OtherCompany
		for _, c := range b.Companies {
			if s.company == "" && b.Has(s.user, c) {
				s.status, s.company = Valid, c
			}
		}
		if s.company == "" {
			s.whosePerhaps()
		}
	case b.Gone != "" && b.Had(s.user):
		s.status = CompanyGone
	case b.Gone != "":
		s.status = OtherCompany
	default:
		s.status = NoCompany
	}
}

// whosePerhaps says it where nothing tells whether the user belonged to the company then,
// except perhaps our own record: the resolver said so when the session was made.
func (s *seen) whosePerhaps() {
	for _, c := range s.bought.Companies {
		if s.company == "" && s.bought.MayHave(s.user, c) {
			s.status, s.perhaps = Valid, true
			if s.bought.MadeFor(s.user, c) {
				s.company, s.perhaps = c, false
			}
		}
	}
}

// whoseContested says it where several companies are named. It is the user's if all
// of them are; if some are, nobody can say.
func (s *seen) whoseContested() {
	own := 0
	for _, c := range s.bought.Companies {
		if s.bought.Has(s.user, c) {
			own++
		}
	}
	switch {
	case own == 0:
		s.status = OtherCompany
	case own < len(s.bought.Companies):
		s.status = NoCompany
	case own == 1:
		s.status, s.company = Valid, s.bought.Companies[0]
	default:
		s.status, s.several = Valid, true
	}
}

// signedIn reports whether the user is one of the app's, and active: whoever was
// removed or locked out since is nobody.
func signedIn(sit *rightful.Situation, user string) bool {
	return slices.ContainsFunc(sit.Users, func(u rightful.User) bool { return rightful.SameID(u.ID, user) && !u.Inactive })
}

// complete reports whether the one read brought all parts of the purchase: a key that
// may not read them does not get them.
func (s *seen) complete() bool {
	c := s.checkout
	return (c.Session.StripeCustomerID == "" || c.CustomerExists == rightful.ExistsPresent) &&
		c.Subscription.ID == c.Session.SubscriptionID && c.PaymentIntent.ID == c.Session.PaymentIntentID
}

// settledNarrowly reports whether the narrow look answers the question: the session is
// another application's, or nobody asks, or it is in order and the user's.
func (s *seen) settledNarrowly() bool {
	switch {
	case !s.known || !s.complete():
		return false
	case s.status == UnknownSession:
		return s.bought.Foreign
	case s.status == NeedsSignIn:
		return true
	case s.status == OtherCompany:
		return s.firmlyAnothers()
	}
	return s.company != "" && s.bought.Firm && !troubled(s.verdict)
}

// troubled reports whether anything but information was found about what was read,
// users left out: what is wrong with them is not wrong with what they bought.
func troubled(v judge.Verdict) bool {
	return slices.ContainsFunc(slices.Concat(v.Findings, v.Muted), func(f rightful.Finding) bool {
		return f.Severity != rightful.SeverityInfo && f.Object.Type != rightful.RefUser
	})
}

// partlyRead returns the error of an answer that would rest on what was not read; nil
// when all of it was.
func partlyRead(ctx context.Context, sit *rightful.Situation, id string) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(sit.Incomplete) == 0 && !sit.StripePartly:
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "stripe", Message: "what surrounds " + id + " could not be read in full, and whose it is depends on that",
		Hint: "ask again; rightful investigate " + id + " says what is missing",
	}
}

// rawCompany returns the company that the user may be told of, as the database prints
// it; nil for none.
func (s *seen) rawCompany() *string {
	if s.company == "" {
		return nil
	}
	id := cmp.Or(s.bought.RawID(s.company), s.company)
	return &id
}
