package gateway

import (
	"cmp"
	"context"
	"fmt"

	"rightful"
)

// CheckoutRequest is what an app wants to sell, and to whom. Whose it will be is not
// asked: the resolver says it.
type CheckoutRequest struct {
	UserID string `json:"user_id"` // who is signed in, and buys
	// CompanyID is what the app expects the resolver to answer, and nothing else:
	// another answer is a Refusal of status other_company. Empty: nothing is expected.
	CompanyID string `json:"company_id"`

	Mode     string `json:"mode"`     // payment, setup or subscription
	Price    string `json:"price"`    // Stripe's id of the price; empty: stripe_params has line_items
	Quantity int64  `json:"quantity"` // of the price; 0 means 1

	SuccessURL string `json:"success_url"` // http or https
	CancelURL  string `json:"cancel_url"`  // http or https; empty: none

	// Metadata goes on the session beside the stamps. Keys that carry identity, and
	// what looks like one of them, are refused.
	Metadata map[string]string `json:"metadata"`
	// StripeParams are further parameters of Stripe's call that makes a session, by
	// their own names, nested as maps and lists. What says whose the session is, is
	// refused; metadata of subscription_data, payment_intent_data, setup_intent_data
	// and invoice_creation.invoice_data is merged with the stamps.
	StripeParams map[string]any `json:"stripe_params"`
}

// CreateCheckoutSession makes a checkout session for the company that the resolver
// names for a user: with that company's customer, its stamp on the session and on
// what the session will create, and its stamp as client_reference_id.
//
// An open session of the very same wish, by the same user for the same company and
// customer, is returned again instead of a second one, unless it expires within five
// minutes. In whatever process they ask, those who wish the same at the same time
// get the same session.
//
// That the company has this very subscription already is told, and refused only where
// the rule already_subscribed says so.
//
// Errors are of kind invalid, with the parameter as their place; those of Company and
// EnsureCustomer; and those of Stripe. After one of kind uncertain, asking again goes
// on where this call ended.
func (g *Gateway) CreateCheckoutSession(ctx context.Context, r CheckoutRequest) (s Session, err error) {
	ctx, act := g.begin(ctx, "create_checkout_session", DecidedCheckout)
	defer func() { act.end(err) }()
	act.UserID = shortened(r.UserID)
	wish, err := g.wishOf(r)
	if err != nil {
		return Session{}, err
	}
	who, err := g.belonging(ctx, r.UserID)
	if err != nil {
		return Session{}, err
	}
	act.UserID, act.CompanyID = who.user.ID, who.company.ID
	if err := cmp.Or(who.active(), who.expected(r.CompanyID)); err != nil {
		return Session{}, err
	}
	if g, err = g.of(ctx, who.company); err != nil {
		return Session{}, err
	}
	account, err := g.opens(ctx)
	if err != nil {
		return Session{}, err
	}
	var customer Customer
	for range 2 { // a customer that is deleted right now is replaced
		if customer, err = g.buyer(ctx, act, who); err != nil {
			return Session{}, err
		}
		ck := &checkout{act: act, g: g, account: account, who: who, customer: customer.StripeCustomerID}
		ck.params = wish.stamped(ck.stamps(), stampFor(who.company), ck.customer)
		ck.hosted = wish.hosted
		if act.AlreadySubscribed, err = ck.already(ctx, wish, customer.Created); err != nil {
			break
		}
		if s, err = ck.session(ctx); rightful.KindOf(err) != rightful.KindNotFound {
			break
		}
	}
	act.SessionID, s.AlreadySubscribed = s.ID, act.AlreadySubscribed
	act.Decision.Created = err == nil && !s.Reused
	return s, refusedBy(err, r.fieldOf)
}

// buyer returns the customer that is charged. A new one is named after the company,
// and its receipts go to the user, if Stripe takes that address.
func (g *Gateway) buyer(ctx context.Context, a *act, who belongings) (Customer, error) {
	details := CustomerDetails{Name: who.company.Name, Email: who.user.Email}
	if (CustomerDetails{Name: details.Name}).check() != nil {
		details.Name = ""
	}
	if (CustomerDetails{Email: details.Email}).check() != nil {
		details.Email = ""
	}
	customer, err := g.customerOf(ctx, a, who.company, details)
	if rightful.KindOf(err) == rightful.KindInvalid && details.Email != "" {
		details.Email = ""
		customer, err = g.customerOf(ctx, a, who.company, details)
	}
	if err == nil && customer.Created {
		g.decide(ctx, Decision{Kind: DecidedCustomer, UserID: who.user.ID, CompanyID: who.company.ID, StripeCustomerID: customer.StripeCustomerID, Created: true})
	}
	return customer, err
}

// checkout is the making of one session, under way.
type checkout struct {
	*act
	g        *Gateway
	account  rightful.Account
	who      belongings
	customer string
	params   map[string]any
	hosted   bool // the buyer is sent to a page of Stripe's
}

// stamps are what is written on everything that the checkout makes.
func (ck *checkout) stamps() map[string]string {
	keys := ck.g.opt.Keys
	stamps := map[string]string{keys.Company: stampFor(ck.who.company), keys.User: ck.who.user.ID}
	if keys.Ownership != "" {
		stamps[keys.Ownership] = ck.g.opt.OwnershipValue
	}
	return stamps
}

// soon is how long, in seconds, a session must still be open to be worth sending a
// buyer to.
const soon = 5 * 60

// session returns the session of the wish, an open one or a new one.
func (ck *checkout) session(ctx context.Context) (Session, error) {
	wish := hashOf(ck.params)
	leave, err := ck.g.making.take(ctx, "checkout\x00"+ck.who.user.ID+"\x00"+wish)
	if err != nil {
		return Session{}, err
	}
	defer leave()
	fresh := func(generation int) rightful.Intent { // it is sent at once
		return rightful.Intent{
			Kind: rightful.IntentCheckout, Account: ck.account.ID, Livemode: ck.account.Livemode, CompanyID: rightful.CanonicalID(ck.who.company.ID),
			UserID: rightful.CanonicalID(ck.who.user.ID), Wish: wish, Generation: generation, At: ck.g.now(), SentAt: ck.g.now(),
		}
	}
	in, err := ck.g.opt.Intents.Promise(ctx, fresh(1))
	for range rounds {
		if err != nil {
			return Session{}, err
		}
		var s Session
		again := false
		if in.ObjectID != "" {
			s, err = ck.open(ctx, in.ObjectID)
		} else {
			s, in, again, err = ck.attempt(ctx, in)
		}
		switch {
		case rightful.KindOf(err) == rightful.KindInvalid:
			// Stripe may keep answering this key with the same error. The one at hand is
			// the one to tell.
			_, _ = ck.g.opt.Intents.Renew(ctx, fresh(in.Generation+1))
			return Session{}, err
		case err != nil || s.ID != "":
			return s, err
		case !again:
			in, err = ck.g.opt.Intents.Renew(ctx, fresh(in.Generation+1))
		}
	}
	if err == nil {
		err = unclear("the sessions of this wish are closed again at once")
	}
	return Session{}, err
}

// attempt makes the session of a promise without an answer. Without a session and
// without an error, the promise is over; or it is to be looked at again, as it is kept
// by now.
func (ck *checkout) attempt(ctx context.Context, in rightful.Intent) (s Session, kept rightful.Intent, again bool, err error) {
	switch ck.g.outlookOf(in) {
	case onItsWay:
		return Session{}, in, false, ck.g.unanswered(in)
	case isOver:
		return Session{}, in, false, nil
	}
	kept, send, err := ck.g.sending(ctx, in)
	if !send {
		return Session{}, kept, true, err
	}
	s, open, err := ck.create(ctx, kept)
	if err != nil || !open {
		return Session{}, kept, false, err
	}
	made := kept
	made.ObjectID = s.ID
	kept, err = ck.g.opt.Intents.Keep(ctx, made)
	if err != nil || kept.ObjectID != s.ID {
		return Session{}, kept, true, err // another process has gone on meanwhile
	}
	return s, kept, false, nil
}

// open returns an earlier session, if the buyer can still be sent to it and it still
// is what is asked for; else none.
func (ck *checkout) open(ctx context.Context, id string) (Session, error) {
	c, exists, err := ck.g.opt.Stripe.Checkout(ctx, id)
	switch {
	case err != nil:
		return Session{}, err
	case exists == rightful.ExistsUnknown:
		return Session{}, unclear(fmt.Sprintf("Stripe does not tell whether %s exists", id))
	case exists != rightful.ExistsPresent || !ck.right(c.Session) || !ck.lasts(c):
		return Session{}, nil
	}
	s := ck.answer(c)
	s.Reused = true
	return s, nil
}

// create makes the session of an intent. It is not open when it was made by an earlier
// request, long ago.
func (ck *checkout) create(ctx context.Context, in rightful.Intent) (Session, bool, error) {
	bounded, cancel := sendingFor(ctx)
	defer cancel()
	c, err := ck.g.opt.Stripe.CreateCheckout(bounded, rightful.NewCheckout{
		Params:         ck.params,
		IdempotencyKey: onceKey("checkout", ck.account, in.Generation, in.CompanyID, in.UserID, in.Wish),
	})
	switch {
	case rightful.KindOf(err) == rightful.KindConflict:
		return Session{}, false, nil // another release of this program spelled the same wish otherwise
	case err != nil:
		return Session{}, false, err
	case !ck.right(c.Session):
		return Session{}, false, &rightful.Error{
			Kind: rightful.KindRefused, Place: "stripe",
			Message: fmt.Sprintf("Stripe answered with session %s, which is not stamped as was asked for", c.Session.ID),
			Hint:    "no buyer is sent to it: look at who else writes metadata of sessions",
		}
	}
	return ck.answer(c), ck.lasts(c), nil
}

// right reports whether a session says what this checkout writes.
func (ck *checkout) right(o rightful.Object) bool {
	for key, value := range ck.stamps() {
		if o.Metadata[key] != value {
			return false
		}
	}
	return o.StripeCustomerID == ck.customer && o.ClientReferenceID == stampFor(ck.who.company)
}

// lasts reports whether a buyer can be sent to a session, and has some time.
func (ck *checkout) lasts(c rightful.Checkout) bool {
	return c.Session.Status == "open" && c.Session.ExpiresAt > ck.g.now()+soon && (c.URL != "" || !ck.hosted && c.ClientSecret != "")
}

func (ck *checkout) answer(c rightful.Checkout) Session {
	return Session{ID: c.Session.ID, URL: c.URL, ClientSecret: c.ClientSecret, CompanyID: ck.who.company.ID, StripeCustomerID: ck.customer}
}
