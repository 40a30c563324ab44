package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/collect"
)

// whoFound is what a WHO turned out to name.
type whoFound struct {
	is      string
	subject rightful.Subject
	notes   []string
}

// resolveWho tells what WHO names: an email, the id of a Stripe object, the id
// of a user, or the id of a company. user:ID and company:ID say which.
func (e *Engine) resolveWho(ctx context.Context, src collect.Sources, who string) (*whoFound, error) {
	prefix, id, prefixed := strings.Cut(who, ":")
	switch {
	case strings.TrimSpace(who) == "":
		return nil, noSuch(who, "an empty name names nobody")
	case prefixed && prefix == "user":
		return e.whoUser(ctx, src, id)
	case prefixed && prefix == "company":
		return e.whoCompany(ctx, src, id)
	case strings.Contains(who, "@"):
		return e.whoEmail(ctx, src, who)
	}
	if t := typeOfID(who); t != "" {
		return e.whoObject(ctx, src, t, who)
	}
	found, err := e.whoUser(ctx, src, who)
	if rightful.KindOf(err) == rightful.KindNotFound {
		found, err = e.whoCompany(ctx, src, who)
		if rightful.KindOf(err) == rightful.KindNotFound {
			return e.whoStamped(ctx, src, who)
		}
		return found, err
	}
	if err != nil {
		return nil, err
	}
	// Numbers name users and companies alike: the user is meant more often.
	if _, err := e.whoCompany(ctx, src, who); err == nil {
		found.notes = append(found.notes, fmt.Sprintf("%s is also a company: rightful investigate company:%s", who, who))
	}
	return found, nil
}

// typeOfID returns what an id of Stripe's names, "" when it is none.
func typeOfID(id string) rightful.ObjectType {
	for _, p := range idPrefixes {
		if strings.HasPrefix(id, p.prefix) {
			return p.of
		}
	}
	return ""
}

// idPrefixes tell the type of an object by its id, longer ones first.
var idPrefixes = []struct {
	prefix string
	of     rightful.ObjectType
}{
	{"sub_sched_", rightful.TypeSchedule},
	{"cus_", rightful.TypeCustomer},
	{"acct_", rightful.TypeCustomer},
	{"cs_", rightful.TypeSession},
	{"sub_", rightful.TypeSubscription},
	{"pi_", rightful.TypePaymentIntent},
	{"pm_", rightful.TypePaymentMethod},
	{"in_", rightful.TypeInvoice},
	{"ch_", rightful.TypeCharge},
}

// whoStamped finds what is stamped with an id that nothing in the database has:
// the id on an engineer's screen is often the wrong one.
func (e *Engine) whoStamped(ctx context.Context, src collect.Sources, id string) (*whoFound, error) {
	found := &whoFound{
		is:    "stamped on what follows",
		notes: []string{fmt.Sprintf("the database has no user and no company %s; what follows is stamped with it", id)},
	}
	if src.Stripe != nil {
		for _, t := range []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSubscription} {
			objects, err := src.Stripe.Search(ctx, t, e.Options.Keys.Company, id)
			if err != nil {
				break // a hint that is not to be had
			}
			for _, o := range objects {
				customer := o.StripeCustomerID
				if t == rightful.TypeCustomer {
					customer = o.ID
				}
				if !slices.Contains(found.subject.Customers, customer) {
					found.subject.Customers = append(found.subject.Customers, customer)
				}
			}
		}
	}
	if len(found.subject.Customers) == 0 {
		return nil, noSuch(id, "the database has no user and no company with this id, and no stamp was found that names it")
	}
	return found, nil
}

func noSuch(who, why string) error {
	return &rightful.Error{
		Kind:    rightful.KindNotFound,
		Place:   "WHO",
		Message: fmt.Sprintf("nothing is named %s: %s", quoted(who), why),
		Hint:    "give an email, a user id, a company id, or the id of a customer, session, subscription or payment intent (cus_, cs_, sub_, pi_)",
	}
}

// quoted shows a name safely, however long or odd it is.
func quoted(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}

func (e *Engine) whoUser(ctx context.Context, src collect.Sources, id string) (*whoFound, error) {
	for u, err := range src.Directory.Users(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}) {
		if err != nil {
			return nil, err
		}
		return &whoFound{is: "user " + u.ID, subject: rightful.Subject{Users: []string{u.ID}}}, nil
	}
	return nil, noSuch(id, "the database has no such user")
}

func (e *Engine) whoCompany(ctx context.Context, src collect.Sources, id string) (*whoFound, error) {
	for c, err := range src.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}) {
		if err != nil {
			return nil, err
		}
		return &whoFound{is: "company " + c.ID, subject: rightful.Subject{Companies: []string{c.ID}}}, nil
	}
	return nil, noSuch(id, "the database has no such company")
}

// whoEmail finds the one user with an email. Without any, customers of Stripe
// with that email are what is meant: people pay from other addresses.
func (e *Engine) whoEmail(ctx context.Context, src collect.Sources, email string) (*whoFound, error) {
	var ids []string
	for u, err := range src.Directory.Users(ctx, rightful.Select{By: rightful.ByEmail, Values: []string{email}}) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, u.ID)
	}
	switch {
	case len(ids) == 1:
		return &whoFound{is: "user " + ids[0], subject: rightful.Subject{Users: ids}}, nil
	case len(ids) > 1:
		return nil, &rightful.Error{
			Kind:    rightful.KindAmbiguous,
			Place:   "WHO",
			Message: fmt.Sprintf("%d users have the email %s: %s", len(ids), quoted(email), strings.Join(ids, ", ")),
			Hint:    "name one of them: rightful investigate user:" + ids[0],
		}
	}
	var about rightful.Subject
	if src.Stripe != nil {
		for c, err := range src.Stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeCustomer, Email: email}) {
			if err != nil {
				return nil, err
			}
			about.Customers = append(about.Customers, c.ID)
		}
	}
	if len(about.Customers) == 0 {
		return nil, noSuch(email, "no user of the database and no customer of Stripe has this email")
	}
	return &whoFound{
		is:      "customers with the email " + email,
		subject: about,
		notes:   []string{"no user of the database has this email; what follows is about Stripe's customers with it"},
	}, nil
}

// whoObject finds the family of a Stripe object.
func (e *Engine) whoObject(ctx context.Context, src collect.Sources, t rightful.ObjectType, id string) (*whoFound, error) {
	if src.Stripe == nil {
		return nil, &rightful.Error{Kind: rightful.KindUnreachable, Place: "stripe", Message: "Stripe is not readable, so " + quoted(id) + " cannot be looked up"}
	}
	o, exists, err := src.Stripe.Get(ctx, t, id)
	if err != nil {
		return nil, err
	}
	found := &whoFound{is: string(t) + " " + id}
	switch {
	case t == rightful.TypeCustomer:
		found.subject.Customers = []string{id}
		if exists != rightful.ExistsPresent && exists != rightful.ExistsDeleted && !e.linked(ctx, src, id) {
			return nil, noSuch(id, "Stripe has no such customer, and no company links it")
		}
	case exists != rightful.ExistsPresent:
		return nil, noSuch(id, "Stripe has no such "+string(t)+" in this account and mode")
	case o.StripeCustomerID != "":
		found.subject.Customers = []string{o.StripeCustomerID}
	default:
		found.subject.Objects = []rightful.Object{o}
	}
	return found, nil
}

// linked reports whether the database names the customer.
func (e *Engine) linked(ctx context.Context, src collect.Sources, customer string) bool {
	by := rightful.Select{By: rightful.ByStripeCustomer, Values: []string{customer}}
	for _, err := range src.Directory.Companies(ctx, by) {
		return err == nil
	}
	for _, err := range src.Directory.Links(ctx, by) {
		return err == nil
	}
	for _, err := range src.Directory.SubscriptionRows(ctx, by) {
		return err == nil
	}
	return false
}
