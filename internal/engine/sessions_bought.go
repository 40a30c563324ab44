package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/judge"
	"rightful/internal/plan"
)

// bought is a checkout session with what it made, as it was seen and judged.
type bought struct {
	*seen
	engine  *Engine
	session rightful.Object
	sub     rightful.Object // zero when it made none, or Stripe has it no more
	home    int             // index of its family
	rows    []rightful.SubscriptionRow
	views   []SessionView

	unreflected *rightful.Finding // RF401 about the subscription, nil for none
}

// bought reads and judges what surrounds a session.
func (e *Engine) bought(ctx context.Context, session string, user *rightful.User) (*bought, error) {
	s, o, err := e.surroundings(ctx, rightful.TypeSession, session, user)
	if err != nil {
		return nil, err
	}
	b := &bought{seen: s, engine: e, session: o, rows: s.rowsOf(o.SubscriptionID)}
	_, b.home = s.object(rightful.TypeSession, session)
	b.sub, _ = s.object(rightful.TypeSubscription, o.SubscriptionID)
	for _, f := range s.all() {
		if f.Code == rightful.CodePaidUnreflected && f.Object == b.sub.Ref() {
			b.unreflected = &f
		}
	}
	return b, nil
}

func (b *bought) family() rightful.Family { return b.sit.Families[b.home] }

// view returns the session as a list shows it.
func (b *bought) view() *SessionView {
	if b.views == nil {
		b.views = b.engine.sessionViews(b.seen)
	}
	i := slices.IndexFunc(b.views, func(v SessionView) bool { return v.ID == b.session.ID })
	return &b.views[i]
}

// settled refuses a session that nobody paid.
func (b *bought) settled() error {
	o := b.session
	if o.SettledSession() {
		return nil
	}
	why := fmt.Sprintf("it is %s, and its payment status is %s", o.Status, o.PaymentStatus)
	switch o.Status {
	case "expired":
		why = "it expired, and nothing was paid"
	case "open":
		why = "it is still open, and nobody has paid"
	}
	return refusal(o.ID, why+": no row is added and no status changed for it",
		"rightful fix "+o.ID+" repairs the stamps and links around it; rightful investigate "+o.ID+" tells more")
}

// live refuses a subscription that gives no access in Stripe.
func (b *bought) live() error {
	switch {
	case b.sub.ID == "":
		return refusal(b.session.ID, b.session.SubscriptionID+", which it made, was not found in Stripe", "rightful investigate "+b.session.ID)
	case !b.sub.LiveSubscription():
		return refusal(b.session.ID, fmt.Sprintf("%s, which it made, is %s in Stripe: a row would give access that nobody pays for", b.sub.ID, b.sub.Status),
			"rightful investigate "+b.session.ID)
	}
	return nil
}

// rightful returns the company that the voices say it is, and refuses where they do
// not.
func (b *bought) rightful() (string, error) {
	if err := b.live(); err != nil {
		return "", err
	}
	a := b.verdict.Attributions[b.home]
	switch f := b.unreflected; {
	case f != nil && f.RightfulCompanyID != nil:
		return *f.RightfulCompanyID, nil
	case f != nil && a.Contested:
		return "", refusal(b.session.ID, "whose it is, is contested between companies "+strings.Join(b.rawIDs(a.Named), ", "),
			"say whose it is with --user WHO, once you know; rightful investigate "+b.session.ID+" shows the evidence")
	case f != nil:
		return "", refusal(b.session.ID, "nothing says for which company it was bought",
			"say whose it is with --user WHO, once you know; rightful investigate "+b.session.ID+" shows what there is")
	}
	if c := b.stamped(judge.Stamp(b.sub, b.engine.Options.Keys)); c != nil && b.dead(c) != "" {
		return "", refusal(b.session.ID, fmt.Sprintf("company %s, for which it was bought, is %s: there is nobody to give it to", named(c), b.dead(c)),
			"decide what becomes of "+b.sub.ID+" in Stripe: rightful never cancels or refunds")
	}
	return "", refusal(b.session.ID, "nothing of this application reaches "+b.sub.ID+", or its company is gone", "rightful investigate "+b.session.ID)
}

// companyOf returns the company of a user who is said to have bought the session,
// and refuses where anything says otherwise.
func (b *bought) companyOf(u *rightful.User) (string, error) {
	no := func(message, hint string) (string, error) { return "", refusal("--user "+u.ID, message, hint) }
	const leave = "leave --user out, or name who bought it"
	if why := b.notBuyer(u); why != "" {
		return no(why, leave)
	}
	w := judge.WaysOf(b.whole, b.engine.Rules, u.ID)
	if w.Resolver == "" {
		return no("the resolver names no company for this user: "+w.Unresolved, "rightful investigate user:"+u.ID)
	}
	c := b.company(w.Resolver)
	switch a := b.verdict.Attributions[b.home]; {
	case c == nil:
		return no("the resolver names company "+w.Resolver+" for this user, and there is no such company", "rightful investigate user:"+u.ID)
	case b.dead(c) != "":
		return no(fmt.Sprintf("the resolver names company %s for this user, which is %s", named(c), b.dead(c)), "rightful investigate user:"+u.ID)
	case !b.belonged(u, c):
		return no(fmt.Sprintf("this user joined company %s only after the purchase", named(c)), leave)
	case a.Contested && !slices.ContainsFunc(a.Named, func(id string) bool { return rightful.SameID(id, c.ID) }):
		return no(fmt.Sprintf("the resolver names company %s for this user; the voices name %s", named(c), strings.Join(b.rawIDs(a.Named), ", ")), leave)
	case b.should() != "" && !rightful.SameID(b.should(), c.ID):
		return no(fmt.Sprintf("the resolver names company %s for this user; the voices say that it is company %s's", named(c), b.should()), leave)
	}
	return c.ID, nil
}

// should returns the company that it should be, "" when nobody can say.
func (b *bought) should() string {
	if f := b.unreflected; f != nil && f.RightfulCompanyID != nil {
		return *f.RightfulCompanyID
	}
	if v := b.view(); v.Should != nil {
		return *v.Should
	}
	return ""
}

// notBuyer says why a user did not buy the session, "" if it looks so: the user is
// stamped on it, or nobody is and an email is theirs.
func (b *bought) notBuyer(u *rightful.User) string {
	key := b.engine.Options.Keys.User
	intent, _ := b.object(rightful.TypePaymentIntent, b.session.PaymentIntentID)
	stamped := false
	for _, group := range [][]rightful.Object{{b.session, b.sub, intent}, {b.family().Customer}} {
		for _, o := range group {
			switch id := o.Metadata[key]; {
			case id == "":
			case !rightful.SameID(id, u.ID):
				return fmt.Sprintf("%s is stamped with user %s", o.ID, id)
			default:
				stamped = true
			}
		}
		if stamped {
			return ""
		}
	}
	emails := b.view().Emails
	if slices.ContainsFunc(emails, func(e string) bool { return e != "" && strings.EqualFold(e, u.Email) }) {
		return ""
	}
	return "nothing of " + b.session.ID + " says that this user bought it: no user is stamped, and the emails are " + orNothing(emails)
}

func orNothing(all []string) string {
	if len(all) == 0 {
		return "not known"
	}
	return strings.Join(all, ", ")
}

// belonged reports whether nothing says that a user joined a company only after the
// purchase.
func (b *bought) belonged(u *rightful.User, c *rightful.Company) bool {
	of, then := 0, false
	for _, m := range b.whole.Memberships {
		if rightful.SameID(m.UserID, u.ID) && rightful.SameID(m.CompanyID, c.ID) {
			of++
			then = then || m.ActiveAt(b.session.Created)
		}
	}
	return of == 0 || then
}

// reflect says what makes the database know the payment as a company's. Nothing is
// left to write when it does.
func (b *bought) reflect(company string) (plan.Granted, error) {
	none := plan.Granted{}
	for _, check := range []func() error{b.settled, b.live} {
		if err := check(); err != nil {
			return none, err
		}
	}
	c := b.company(company)
	switch a := b.verdict.Attributions[b.home]; {
	case c == nil:
		return none, refusal(b.session.ID, "the database has no company "+quoted(company), "give it to a company that there is")
	case b.dead(c) != "":
		return none, refusal(b.session.ID, fmt.Sprintf("company %s is %s", named(c), b.dead(c)), "give it to a company that is live")
	case len(b.rows) > 1:
		return none, refusal(b.session.ID, fmt.Sprintf("%d rows name %s: nobody can say which of them counts", len(b.rows), b.sub.ID), "take the others away by hand first")
	case len(b.rows) == 1 && !rightful.SameID(b.rows[0].CompanyID, c.ID):
		return none, refusal(b.session.ID, fmt.Sprintf("row %s gives %s to company %s already", b.rows[0].ID, b.sub.ID, b.rows[0].CompanyID),
			"decide whose the row is first: rightful plan --decide")
	case a.Contested && !slices.ContainsFunc(a.Named, func(id string) bool { return rightful.SameID(id, c.ID) }),
		b.should() != "" && !rightful.SameID(b.should(), c.ID):
		return none, refusal(b.session.ID, fmt.Sprintf("it was planned for company %s; whose it should be now: %s", named(c), b.whose()), "plan again")
	}
	g := plan.Granted{
		Family: b.family().Key, Company: c.ID, Amount: judge.Monthly(b.sub),
		Why: "decided: the database is to know this payment as company " + named(c) + "'s",
	}
	if b.engine.Options.Now-max(b.session.Created, b.sub.Created) < judge.GracePeriod {
		g.Why += "; it is younger than an hour, so its webhook may still write a row of its own"
	}
	switch f := b.unreflected; {
	case f != nil:
		g.Because, g.Message, g.Evidence, g.Amount = []string{f.ID}, f.Message, f.Evidence, f.Amount
	case len(b.rows) == 0:
		_, err := b.rightful()
		return none, err
	default:
		return g, nil // it knows already
	}
	if len(b.rows) == 0 {
		text := rightful.RowValues{CompanyID: c.ID, StripeCustomerID: b.sub.StripeCustomerID, Status: b.sub.Status}.Text()
		g.Writes = []rightful.Proposal{{
			Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: b.sub.ID}, Field: rightful.FieldRow, To: &text,
		}}
		return g, nil
	}
	row := b.rows[0]
	if row.ID == "" {
		return none, refusal(b.session.ID, "the row that names "+b.sub.ID+" has no id, so its status is not written", "change it by hand")
	}
	g.Writes = []rightful.Proposal{{
		Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: row.ID}, Field: rightful.FieldRowStatus,
		From: ptr(row.Status), To: &b.sub.Status,
	}}
	return g, nil
}

// ptr returns nil for the empty text.
func ptr(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
