package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"rightful"
	"rightful/internal/judge"
)

// CustomerDetails are what a new customer is called and where its receipts go. They
// are used only when one is made, and never to find one.
type CustomerDetails struct {
	Name  string `json:"name"`  // at most 256 characters
	Email string `json:"email"` // at most 512 characters
}

// check validates the details against Stripe's own limits.
func (d CustomerDetails) check() error {
	for _, f := range []struct {
		place, value string
		most         int
	}{{"name", d.Name, 256}, {"email", d.Email, 512}} {
		var why string
		switch {
		case utf8.RuneCountInString(f.value) > f.most:
			why = fmt.Sprintf("it has more than %d characters", f.most)
		case !utf8.ValidString(f.value) || strings.ContainsFunc(f.value, func(r rune) bool { return r < ' ' || r == 0x7f }):
			why = "it has characters that no " + f.place + " has"
		default:
			continue
		}
		return &rightful.Error{Kind: rightful.KindInvalid, Place: f.place, Message: why}
	}
	return nil
}

// EnsureCustomer returns the one live Stripe customer of a company, and makes it if
// there is none: the same one for all who ask at the same time, from whichever
// process. A company that is billed through another one has that one's customer.
//
// What the company links is used only after it was looked at: it exists in this
// account and mode, is stamped with the company, and no other live company links it.
// What can be put right by rule is put right, and told as a Decision of kind
// healing; anything else is a *Refusal. Nothing is searched for, and no email decides.
//
// Errors are of kind not_found for a company that is not there, invalid for details
// that cannot be, and those of the places; after one of kind uncertain, asking again
// goes on where this call ended.
func (g *Gateway) EnsureCustomer(ctx context.Context, companyID string, details CustomerDetails) (c Customer, err error) {
	ctx, act := g.begin(ctx, "ensure_customer", DecidedCustomer)
	defer func() { act.end(err) }()
	act.CompanyID = shortened(companyID)
	if err := checkID("company_id", companyID); err != nil {
		return Customer{}, err
	}
	if err := details.check(); err != nil {
		return Customer{}, err
	}
	company, err := g.companyRow(ctx, companyID)
	if err != nil {
		return Customer{}, err
	}
	act.CompanyID = company.ID
	if g, err = g.of(ctx, company); err != nil {
		return Customer{}, err
	}
	c, err = g.customerOf(ctx, act, company, details)
	return c, refusedBy(err, details.fieldOf)
}

// companyRow reads a company, which must be live.
func (g *Gateway) companyRow(ctx context.Context, id string) (rightful.Company, error) {
	var found []rightful.Company
	if err := gather(g.opt.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}), &found); err != nil {
		return rightful.Company{}, err
	}
	if len(found) != 1 {
		return rightful.Company{}, notOne("company", id, len(found))
	}
	c := found[0]
	switch {
	case c.MergedInto != "":
		return c, &Refusal{Status: CompanyGone, BuyerMessage: buyerGone, Message: fmt.Sprintf("company %s was merged into company %s", c.ID, c.MergedInto)}
	case c.Deleted:
		return c, &Refusal{Status: CompanyGone, BuyerMessage: buyerGone, Message: fmt.Sprintf("company %s was deleted", c.ID)}
	}
	return c, nil
}

// payerOf returns the company whose customer is charged for a company. Only one step
// is taken, as everywhere in rightful: a company that pays for others and is paid for
// itself is a circle, or will be one.
func (g *Gateway) payerOf(ctx context.Context, c rightful.Company) (rightful.Company, error) {
	if c.BillingParentID == "" {
		return c, nil
	}
	refused := func(status Status, format string, args ...any) (rightful.Company, error) {
		return c, &Refusal{Status: status, BuyerMessage: buyerCustomer, Message: fmt.Sprintf("company %s is billed through company %s, ", c.ID, c.BillingParentID) + fmt.Sprintf(format, args...)}
	}
	if rightful.SameID(c.BillingParentID, c.ID) {
		return refused(CustomerRefused, "which is itself")
	}
	parent, err := g.companyRow(ctx, c.BillingParentID)
	switch {
	case rightful.KindOf(err) == rightful.KindNotFound:
		return refused(CompanyGone, "which does not exist")
	case refusalOf(err) != nil:
		return refused(CompanyGone, "which is not live")
	case err != nil:
		return c, err
	case parent.BillingParentID != "":
		return refused(CustomerRefused, "which is billed through company %s again", parent.BillingParentID)
	}
	return parent, nil
}

// choice is the choosing of one company's customer, under way.
type choice struct {
	*act
	g       *Gateway
	account rightful.Account
	company rightful.Company // the one that pays
	details CustomerDetails
	surplus string // a customer that was made, and that somebody else's came before
}

// rounds is how often the link is read again because somebody changed it meanwhile.
const rounds = 5

// customerOf returns the customer that is charged for a live company.
func (g *Gateway) customerOf(ctx context.Context, a *act, company rightful.Company, details CustomerDetails) (Customer, error) {
	account, err := g.opens(ctx)
	if err != nil {
		return Customer{}, err
	}
	payer, err := g.payerOf(ctx, company)
	if err != nil {
		return Customer{}, err
	}
	ch := &choice{act: a, g: g, account: account, company: payer, details: details}
	customer, err := ch.choose(ctx)
	a.StripeCustomerID, a.Decision.Created = customer.StripeCustomerID, customer.Created
	if err != nil {
		return Customer{}, err
	}
	if ch.surplus != "" && ch.surplus != customer.StripeCustomerID {
		a.Object = rightful.Ref{Type: string(rightful.TypeCustomer), ID: ch.surplus}
		a.Codes = append(a.Codes, string(rightful.CodeIdleDuplicate))
	}
	return customer, nil
}

// choose returns the customer. What is linked and well needs no turn.
func (ch *choice) choose(ctx context.Context) (Customer, error) {
	at, err := ch.standing(ctx, ch.company)
	if err != nil {
		return Customer{}, err
	}
	if len(at.customers) == 1 {
		_, exists, trouble, err := ch.look(ctx, at.customers[0])
		if err != nil {
			return Customer{}, err
		}
		if exists == rightful.ExistsPresent && trouble == nil {
			return Customer{StripeCustomerID: at.customers[0]}, nil
		}
	}
	leave, err := ch.g.making.take(ctx, "customer\x00"+rightful.CanonicalID(ch.company.ID))
	if err != nil {
		return Customer{}, err
	}
	defer leave()
	for range rounds {
		company, err := ch.g.companyRow(ctx, ch.company.ID)
		if err != nil {
			return Customer{}, err
		}
		ch.company = company
		at, err := ch.standing(ctx, company)
		if err != nil {
			return Customer{}, err
		}
		var c Customer
		var again bool
		switch len(at.customers) {
		case 0:
			c, again, err = ch.unlinked(ctx, at)
		case 1:
			c, again, err = ch.linked(ctx, at)
		default:
			err = ch.linksSeveral(at)
		}
		if err != nil || !again {
			return c, err
		}
	}
	return Customer{}, &rightful.Error{Kind: rightful.KindUnavailable, Place: "directory", Message: fmt.Sprintf("the link of company %s changes all the time", ch.company.ID), Hint: "ask again"}
}

// refuse is the refusal to use a customer.
func (ch *choice) refuse(code rightful.Code, security bool, format string, args ...any) error {
	return &Refusal{Status: CustomerRefused, Code: code, Security: security, BuyerMessage: buyerCustomer, Message: fmt.Sprintf(format, args...)}
}

func (ch *choice) linksSeveral(at standing) error {
	return ch.refuse(rightful.CodeLinksDisagree, false, "company %s links several customers: %s", ch.company.ID, strings.Join(at.customers, ", "))
}

func (ch *choice) linksUnknown(id string) error {
	return ch.refuse(rightful.CodeLinkUnknown, false, "company %s links %s, and Stripe has no such customer in this account and mode", ch.company.ID, id)
}

// linksElsewhere refuses a link that another of the app's accounts has.
func (ch *choice) linksElsewhere(id, account string) error {
	return ch.refuse(rightful.CodeLinkUnknown, false, "company %s pays in account %s, and links %s, which is in account %s", ch.company.ID, ch.g.opt.Account, id, account)
}

// standing is what a company links now.
type standing struct {
	customers   []string // without doubles and placeholders
	placeholder *string  // stands where a link will be written; nil: nothing does
}

// standing reads the link column and the table of links.
func (ch *choice) standing(ctx context.Context, c rightful.Company) (standing, error) {
	mapping := ch.g.opt.Directory.Mapping()
	var at standing
	keep := func(id string, written bool) {
		switch {
		case id == "":
		case ch.g.placeholder(id):
			if written {
				at.placeholder = &id
			}
		case !slices.Contains(at.customers, id):
			at.customers = append(at.customers, id)
		}
	}
	keep(c.StripeCustomerID, true)
	if !mapping.LinkTable {
		return at, nil
	}
	for l, err := range ch.g.opt.Directory.Links(ctx, rightful.Select{By: rightful.ByCompany, Values: []string{c.ID}}) {
		if err != nil {
			return at, err
		}
		here, err := ch.here(ctx, l)
		if err != nil {
			return at, err
		}
		if here {
			keep(l.StripeCustomerID, !mapping.LinkColumn)
		}
	}
	return at, nil
}

// placeholder reports whether a link means "not provisioned yet".
func (g *Gateway) placeholder(id string) bool {
	for _, p := range g.opt.Placeholders {
		if p.MatchString(id) {
			return true
		}
	}
	return false
}

// stampFor returns what names a company in metadata.
func stampFor(c rightful.Company) string {
	if c.StampValue != "" {
		return c.StampValue
	}
	return c.ID
}

// stampOf returns the company that an object's metadata names, as it stands there.
func (g *Gateway) stampOf(o rightful.Object) string { return judge.Stamp(o, g.opt.Keys) }
