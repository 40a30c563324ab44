package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"rightful"
)

// PortalRequest asks for a page on which a user sees and changes how their company is
// billed. Whose page it is, is not asked: the resolver says it.
type PortalRequest struct {
	UserID string `json:"user_id"` // who is signed in
	// CompanyID is what the app expects the resolver to answer, and nothing else:
	// another answer is a Refusal of status other_company. Empty: nothing is expected.
	CompanyID     string `json:"company_id"`
	ReturnURL     string `json:"return_url"`    // http or https
	Configuration string `json:"configuration"` // Stripe's id of it (bpc_...); empty: the account's own
}

// CreatePortalSession makes a session of Stripe's customer portal for the customer of
// the company that the resolver names for a user. No customer is made for it: a company
// that has none is a Refusal of status no_customer. So is one that is billed through
// another one, whose invoices are its own, unless the user belongs to that too. What is
// linked is looked at, and put right, as in EnsureCustomer.
//
// Each call makes a session. One that nobody opens expires.
//
// Errors are of kind invalid, with the parameter as their place; those of Company and
// EnsureCustomer; and those of Stripe.
func (g *Gateway) CreatePortalSession(ctx context.Context, r PortalRequest) (p Portal, err error) {
	ctx, act := g.begin(ctx, "create_portal_session", DecidedPortal)
	defer func() { act.end(err) }()
	act.UserID = shortened(r.UserID)
	if err := r.check(); err != nil {
		return Portal{}, err
	}
	who, err := g.belonging(ctx, r.UserID)
	if err != nil {
		return Portal{}, err
	}
	act.UserID, act.CompanyID = who.user.ID, who.company.ID
	if err := cmp.Or(who.active(), who.expected(r.CompanyID)); err != nil {
		return Portal{}, err
	}
	if g, err = g.of(ctx, who.company); err != nil {
		return Portal{}, err
	}
	customer, err := g.billed(ctx, act, who)
	if err != nil {
		return Portal{}, unshown(err)
	}
	act.StripeCustomerID = customer
	made, err := g.opt.Stripe.CreatePortal(ctx, rightful.NewPortal{StripeCustomerID: customer, ReturnURL: r.ReturnURL, Configuration: r.Configuration})
	switch {
	case rightful.KindOf(err) == rightful.KindNotFound:
		return Portal{}, unclear(fmt.Sprintf("%s was deleted while it was looked at", customer))
	case err != nil:
		return Portal{}, refusedBy(err, r.fieldOf)
	}
	act.Object = rightful.Ref{Type: "billing_portal.session", ID: made.ID}
	act.Decision.Created = true
	return Portal{ID: made.ID, URL: made.URL, CompanyID: who.company.ID, StripeCustomerID: customer}, nil
}

// unshown is a refusal to use a customer, told to somebody who wants to see their
// invoices and not to pay.
func unshown(err error) error {
	r := refusalOf(err)
	if r == nil || r.BuyerMessage != buyerCustomer {
		return err
	}
	shown := *r
	shown.BuyerMessage = buyerPortal
	return &shown
}

func (r PortalRequest) check() error {
	if r.CompanyID != "" {
		if err := checkID("company_id", r.CompanyID); err != nil {
			return err
		}
	}
	if r.Configuration != "" {
		if err := checkID("configuration", r.Configuration); err != nil {
			return err
		}
	}
	return checkURL("return_url", r.ReturnURL)
}

// fieldOf returns the field of the request that a parameter of Stripe's comes from;
// empty: it is none of the caller's.
func (PortalRequest) fieldOf(param string) string {
	if param == "return_url" || param == "configuration" {
		return param
	}
	return ""
}

// active refuses a user whom the app has locked out: they are nobody, as in
// ValidatePayment.
func (b belongings) active() error {
	if !b.user.Inactive {
		return nil
	}
	return &Refusal{Status: NeedsSignIn, BuyerMessage: buyerInactive, Message: fmt.Sprintf("user %s is not active", b.user.ID)}
}

// expected compares the company with what the app expects of the resolver.
func (b belongings) expected(company string) error {
	if company == "" || rightful.SameID(company, b.company.ID) {
		return nil
	}
	return &Refusal{
		Status: OtherCompany, BuyerMessage: buyerOther,
		Message: fmt.Sprintf("the app expects company %s for user %s, and the resolver names company %s", quoted(company), b.user.ID, b.company.ID),
	}
}

// billed returns the customer that a user's company is charged through, if the user may
// see all of it.
func (g *Gateway) billed(ctx context.Context, a *act, who belongings) (string, error) {
	account, err := g.opens(ctx)
	if err != nil {
		return "", err
	}
	payer, err := g.payerOf(ctx, who.company)
	if err != nil {
		return "", err
	}
	if !rightful.SameID(payer.ID, who.company.ID) && !slices.Contains(who.ways.All(), rightful.CanonicalID(payer.ID)) {
		return "", &Refusal{
			Status: NoCustomer, BuyerMessage: buyerPayer,
			Message: fmt.Sprintf("company %s is billed through company %s, which user %s does not belong to", who.company.ID, payer.ID, who.user.ID),
		}
	}
	ch := &choice{act: a, g: g, account: account, company: payer}
	return ch.existing(ctx)
}

// existing returns the company's customer, by the rules by which one is chosen, but that
// none is made, and no link is written.
func (ch *choice) existing(ctx context.Context) (string, error) {
	at, err := ch.standing(ctx, ch.company)
	switch {
	case err != nil:
		return "", err
	case len(at.customers) > 1:
		return "", ch.linksSeveral(at)
	case len(at.customers) == 0:
		return ch.unlinkedYet(ctx)
	}
	id := at.customers[0]
	o, exists, t, err := ch.look(ctx, id)
	if err != nil {
		return "", err
	}
	switch exists {
	case rightful.ExistsPresent:
		if t != nil {
			err = ch.settle(ctx, o, t)
		}
		return id, err
	case rightful.ExistsDeleted:
		// Where nobody writes the link, the one that followed is remembered by its intent.
		if next, err := ch.remembered(ctx); err != nil || next != "" && next != id {
			return next, err
		}
		return "", ch.refuse(rightful.CodeLinkDeleted, false, "company %s links %s, which was deleted in Stripe: its next purchase makes another", ch.company.ID, id)
	case rightful.ExistsMissing:
		return "", ch.linksUnknown(id)
	}
	if own, err := ch.g.having(ctx, rightful.TypeCustomer, id); err == nil && own != nil && own != ch.g {
		return "", ch.linksElsewhere(id, own.opt.Account)
	}
	return "", unclear(fmt.Sprintf("Stripe does not tell whether %s exists", id))
}

// unlinkedYet returns the customer of a company that links none: the one that was made
// for it, or that its own rows name.
func (ch *choice) unlinkedYet(ctx context.Context) (string, error) {
	id, err := ch.remembered(ctx)
	if err != nil || id != "" {
		return id, err
	}
	found, err := ch.adopt(ctx)
	if err != nil {
		return "", err
	}
	if found == nil {
		return "", &Refusal{Status: NoCustomer, BuyerMessage: buyerNothing, Message: fmt.Sprintf("company %s has no Stripe customer yet", ch.company.ID)}
	}
	return found.customer, nil
}

// remembered returns the customer that was made for the company, if it can be used.
func (ch *choice) remembered(ctx context.Context) (string, error) {
	in, known, err := ch.g.opt.Intents.Kept(ctx, ch.intent(1))
	if err != nil || !known || in.ObjectID == "" {
		return "", err
	}
	usable, err := ch.usable(ctx, in.ObjectID)
	if err != nil || !usable {
		return "", err
	}
	return in.ObjectID, nil
}
