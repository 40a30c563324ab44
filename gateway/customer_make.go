package gateway

import (
	"context"
	"fmt"

	"rightful"
)

// keyLife is how long, in seconds, Stripe keeps an idempotency key
// (docs.stripe.com/api/idempotent_requests). What was made under it was made by then.
const keyLife = 24 * 60 * 60

// clockSlack is how far, in seconds, Stripe's clock may differ from ours.
const clockSlack = 5 * 60

// unlinked gives a company without a link its customer: the one that was made for it
// before, or a new one.
func (ch *choice) unlinked(ctx context.Context, at standing) (c Customer, again bool, err error) {
	c, adopted, err := ch.made(ctx, true)
	if err != nil {
		return c, false, err
	}
	if fill := c.Created || adopted != nil && adopted.fill; !fill {
		if !ch.mayLink(at.placeholder, c.StripeCustomerID) || adopted != nil {
			return c, false, nil
		}
		if fill, err = ch.fillable(ctx, c.StripeCustomerID); err != nil || !fill {
			return c, false, err
		}
	}
	again, err = ch.link(ctx, at.placeholder, c.StripeCustomerID)
	if err == nil && !again && adopted != nil {
		ch.healed(ctx, c.StripeCustomerID, rightful.Ref{Type: rightful.RefLink, ID: ch.company.ID}, rightful.CodeLinkEmpty)
	}
	return c, again, err
}

// replace gives a company whose customer was deleted a new one, if the judge finds that
// nothing live depends on the old one.
func (ch *choice) replace(ctx context.Context, deleted string) (c Customer, again bool, err error) {
	ref := rightful.Ref{Type: rightful.RefLink, ID: ch.company.ID}
	if !ch.mayLink(&deleted, "") {
		// Nobody fills the link here: what was made is remembered by its intent alone.
		in, err := ch.promised(ctx)
		if err != nil {
			return c, false, err
		}
		if in.ObjectID != "" && in.ObjectID != deleted {
			c, _, err = ch.made(ctx, false)
			return c, false, err
		}
	}
	s, err := ch.g.around(ctx, deleted)
	if err != nil {
		return c, false, err
	}
	found := s.finding(ref, rightful.CodeLinkDeleted)
	if found == nil {
		return c, false, ch.refuse(rightful.CodeLinkDeleted, false, "company %s links %s, which was deleted in Stripe", ch.company.ID, deleted)
	}
	if !found.Automatic {
		return c, false, ch.refuse(rightful.CodeLinkDeleted, false, "company %s links %s, which was deleted in Stripe: %s", ch.company.ID, deleted, found.Why)
	}
	if c, _, err = ch.made(ctx, false); err != nil {
		return c, false, err
	}
	again, err = ch.link(ctx, &deleted, c.StripeCustomerID)
	if err == nil && !again {
		ch.healed(ctx, c.StripeCustomerID, ref, rightful.CodeLinkDeleted)
	}
	return c, again, err
}

// promised returns the intent of the company's customer, the caller's own if there is
// none yet.
func (ch *choice) promised(ctx context.Context) (rightful.Intent, error) {
	return ch.g.opt.Intents.Promise(ctx, ch.intent(1))
}

// intent is a new promise.
func (ch *choice) intent(generation int) rightful.Intent {
	return rightful.Intent{
		Kind: rightful.IntentCustomer, Account: ch.account.ID, Livemode: ch.account.Livemode, CompanyID: rightful.CanonicalID(ch.company.ID),
		Generation: generation, Name: ch.details.Name, Email: ch.details.Email, At: ch.g.now(),
	}
}

// renewed begins the next generation, unless somebody else has.
func (ch *choice) renewed(ctx context.Context, last rightful.Intent) (rightful.Intent, error) {
	return ch.g.opt.Intents.Renew(ctx, ch.intent(last.Generation+1))
}

// made returns the customer of the company's intent. It keeps a promise that has no
// customer yet, which may be one of another process.
func (ch *choice) made(ctx context.Context, mayAdopt bool) (c Customer, from *adoption, err error) {
	in, err := ch.promised(ctx)
	for range rounds {
		if err != nil {
			return Customer{}, nil, err
		}
		if in.ObjectID != "" {
			usable, trouble := ch.usable(ctx, in.ObjectID)
			if trouble != nil || usable {
				c.StripeCustomerID = in.ObjectID
				return c, from, trouble
			}
			from = nil
			in, err = ch.renewed(ctx, in)
			continue
		}
		if mayAdopt {
			if from, err = ch.adopt(ctx); err != nil {
				return Customer{}, nil, err
			}
		}
		made, fresh := in, false
		if from != nil {
			made.ObjectID = from.customer
		} else {
			if made, fresh, err = ch.create(ctx, in); err != nil {
				return Customer{}, nil, err
			}
			if made.ObjectID == "" {
				in = made // another generation
				continue
			}
		}
		in, err = ch.g.opt.Intents.Keep(ctx, made)
		switch {
		case err == nil && in.ObjectID != made.ObjectID:
			if from = nil; fresh {
				ch.surplus = made.ObjectID
			}
		case err == nil && fresh: // Stripe has just said what it is
			return Customer{StripeCustomerID: made.ObjectID, Created: true}, nil, nil
		}
	}
	if err == nil {
		err = unclear(fmt.Sprintf("the customers that are made for company %s are gone again at once", ch.company.ID))
	}
	return Customer{}, nil, err
}

// usable reports whether a customer that was made for the company can be used. One
// that is gone can be followed by another.
func (ch *choice) usable(ctx context.Context, id string) (bool, error) {
	o, exists, t, err := ch.look(ctx, id)
	if err != nil {
		return false, err
	}
	switch exists {
	case rightful.ExistsPresent:
		if t != nil {
			err = ch.settle(ctx, o, t)
		}
		return err == nil, err
	case rightful.ExistsDeleted:
		return false, nil
	case rightful.ExistsMissing:
		if ch.account.ID != "" && ch.account.LivemodeKnown {
			return false, nil // it was made in this very account and mode, and all of it was wiped
		}
		return false, ch.refuse(rightful.CodeLinkUnknown, false, "%s was made for company %s, and Stripe has no such customer in this account and mode", id, ch.company.ID)
	}
	return false, unclear(fmt.Sprintf("Stripe does not tell whether %s exists", id))
}

// create makes the customer of an intent, and returns the intent with it: fresh when
// Stripe has just answered with it. Without an error and without a customer, what it
// returns is the intent of another generation.
func (ch *choice) create(ctx context.Context, in rightful.Intent) (made rightful.Intent, fresh bool, err error) {
	switch ch.g.outlookOf(in) {
	case onItsWay:
		made, err = ch.lost(ctx, in, ch.g.unanswered(in))
		return made, false, err
	case isOver:
		made, err = ch.lost(ctx, in, nil)
		return made, false, err
	}
	kept, send, err := ch.g.sending(ctx, in)
	if !send {
		return kept, false, err
	}
	in = kept
	metadata := map[string]string{ch.g.opt.Keys.Company: stampFor(ch.company)}
	if ch.g.opt.Keys.Ownership != "" {
		metadata[ch.g.opt.Keys.Ownership] = ch.g.opt.OwnershipValue
	}
	bounded, cancel := sendingFor(ctx)
	defer cancel()
	o, err := ch.g.opt.Stripe.CreateCustomer(bounded, rightful.NewCustomer{
		Name: in.Name, Email: in.Email, Metadata: metadata,
		IdempotencyKey: onceKey("customer", ch.account, in.Generation, in.CompanyID),
	})
	switch rightful.KindOf(err) {
	case rightful.KindConflict:
		// What is asked for is not what was sent under this key: the configuration
		// changed since.
		made, err = ch.lost(ctx, in, nil)
		return made, false, err
	case rightful.KindUncertain:
		if ctx.Err() == nil {
			made, err = ch.lost(ctx, in, err)
		}
		return made, false, err
	case rightful.KindInvalid:
		if in.Name != ch.details.Name || in.Email != ch.details.Email {
			// Stripe refuses what an earlier caller gave; nothing was made of it.
			made, err = ch.renewed(ctx, in)
		}
		return made, false, err
	}
	in.ObjectID = o.ID
	return in, true, err
}

// lost looks for a customer that may have been made for an intent although no answer
// said so, among those that were created since: a list by time, and no search. With
// none, the next generation begins, unless there is doubt: then a request may still be
// on its way.
func (ch *choice) lost(ctx context.Context, in rightful.Intent, doubt error) (rightful.Intent, error) {
	var found []string
	q := rightful.ListQuery{Type: rightful.TypeCustomer, CreatedFrom: in.At - clockSlack, CreatedTo: in.At + keyLife + 2*clockSlack}
	for o, err := range ch.g.opt.Stripe.List(ctx, q) {
		if err != nil {
			return in, err
		}
		if !o.Deleted && rightful.SameID(ch.g.stampOf(o), stampFor(ch.company)) && (ch.g.opt.Keys.Ownership == "" || o.Metadata[ch.g.opt.Keys.Ownership] == ch.g.opt.OwnershipValue) {
			found = append(found, o.ID)
		}
	}
	switch {
	case len(found) == 1:
		in.ObjectID = found[0]
		return in, nil
	case len(found) > 1:
		return in, ch.refuse(rightful.CodeIdleDuplicate, false, "company %s links no customer, and several that are stamped with it were made since %d: %s", ch.company.ID, in.At, listed(found))
	case doubt != nil:
		return in, doubt
	}
	return ch.renewed(ctx, in)
}

// mayLink reports whether the link can be written.
func (ch *choice) mayLink(from *string, to string) bool {
	m := ch.g.opt.Directory.Mapping()
	if ch.g.opt.Writer == nil || !m.Link {
		return false
	}
	object := ch.linkPlace()
	return ch.g.opt.Lacks == nil || ch.g.opt.Lacks(rightful.Proposal{Place: rightful.PlaceDB, Object: object, Field: rightful.FieldLink, From: from, To: &to}) == ""
}

// linkPlace is where the company's link stands: its own row, or the table of links.
func (ch *choice) linkPlace() rightful.Ref {
	if ch.g.opt.Directory.Mapping().LinkColumn {
		return rightful.Ref{Type: rightful.RefCompany, ID: ch.company.ID}
	}
	return rightful.Ref{Type: rightful.RefLink, ID: ch.company.ID}
}

// link writes the company's link, if what stands there is still what was read. It asks
// for another look when it is not, or when nobody can tell.
func (ch *choice) link(ctx context.Context, from *string, to string) (again bool, err error) {
	if !ch.mayLink(from, to) {
		return false, nil // the app fills it, and the intent remembers
	}
	err = ch.g.opt.Writer.CompareAndSet(ctx, []rightful.FieldChange{{Object: ch.linkPlace(), Field: rightful.FieldLink, From: from, To: &to}}, true)
	switch rightful.KindOf(err) {
	case rightful.KindConflict, rightful.KindUncertain:
		ch.surplus = to
		return true, nil
	case rightful.KindUnsupported:
		return false, nil // as above: no statement writes it
	}
	return false, err
}
