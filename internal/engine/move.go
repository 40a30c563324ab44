package engine

import (
	"context"
	"fmt"
	"slices"

	"rightful"
	"rightful/internal/judge"
	"rightful/internal/plan"
)

// MoveInput says which subscription becomes whose.
type MoveInput struct {
	Subscription string
	To           string // id of the company
	// PlanOnly makes the plan and writes nothing.
	PlanOnly bool
	// Confirm is shown the plan and says whether to apply it. It is asked only
	// when there is something to write.
	Confirm func(*plan.Plan) (bool, error)
	Author
}

// MoveReport is what became of it.
type MoveReport struct {
	Subscription string       `json:"subscription"`
	From         []string     `json:"from"` // the companies that its stamps and row name now; none when they name none
	To           string       `json:"to"`
	Payer        string       `json:"payer"`       // the customer that goes on paying
	PayerLinks   []string     `json:"payer_links"` // the companies that link the payer
	Notes        []string     `json:"notes"`
	Plan         *plan.Plan   `json:"plan"`
	Declined     bool         `json:"declined"` // a person said no: nothing was written
	Applied      *ApplyReport `json:"applied"`  // nil when nothing was to be written
	Saved        string       `json:"saved"`    // the file that the world was saved to; empty when none
}

// Move plans that a subscription becomes a company's, and carries the plan out: its
// stamp, the stamps of the session that made it, and its row. The payer stays. It
// refuses, with an error of kind refused and before anything is written, where more
// than this subscription would be affected, and where something would write the
// stamp again.
func (e *Engine) Move(ctx context.Context, in MoveInput) (*MoveReport, error) {
	if err := e.mayWriteAlone(in.PlanOnly); err != nil {
		return nil, err
	}
	if err := e.needStripe("read subscriptions from"); err != nil {
		return nil, err
	}
	m, err := e.movable(ctx, in.Subscription, in.To)
	if err != nil {
		return nil, err
	}
	r := &MoveReport{
		Subscription: m.sub.ID, From: m.from(), To: m.to.ID, Payer: m.sub.StripeCustomerID, PayerLinks: []string{}, Notes: m.notes(),
	}
	for _, l := range m.family.Links {
		r.PayerLinks = append(r.PayerLinks, l.CompanyID)
	}
	r.Plan, err = plan.Make(plan.Input{
		MadeAt: e.Options.Now, Account: m.whole.Account.ID, Livemode: m.whole.Account.Livemode, Lacks: e.Lacks, Reason: in.Reason,
		Wishes: []plan.Wish{{Object: m.sub.Ref(), Decided: plan.WishMove + m.to.ID}},
		Grant:  func(plan.Wish) (plan.Granted, error) { return m.grant() },
	})
	if err != nil || in.PlanOnly || r.Plan.Steps() == 0 {
		return r, err
	}
	yes, err := in.Confirm(r.Plan)
	if err != nil {
		return nil, err
	}
	if !yes {
		r.Declined = true
		return r, nil
	}
	r.Applied, err = e.Apply(ctx, ApplyInput{Plan: r.Plan, About: About{Who: m.sub.ID}, Author: in.Author})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// movement is a subscription that may move, and where to.
type movement struct {
	*seen
	engine   *Engine
	sub      rightful.Object
	to       *rightful.Company
	family   rightful.Family
	sessions []rightful.Object // that made it and are stamped
	rows     []rightful.SubscriptionRow
}

// movable reads and judges what surrounds a subscription, and refuses what may not
// move.
func (e *Engine) movable(ctx context.Context, subscription, to string) (*movement, error) {
	target, err := e.targetOf(ctx, to)
	if err != nil {
		return nil, err
	}
	s, sub, err := e.surroundings(ctx, rightful.TypeSubscription, subscription, nil)
	if err != nil {
		return nil, err
	}
	_, home := s.object(rightful.TypeSubscription, subscription)
	m := &movement{seen: s, engine: e, sub: sub, to: target, family: s.sit.Families[home], rows: s.rowsOf(subscription)}
	for _, o := range m.family.Sessions {
		if o.SubscriptionID == sub.ID && judge.Stamp(o, e.Options.Keys) != "" {
			m.sessions = append(m.sessions, o)
		}
	}
	return m, m.alone()
}

// targetOf returns the company that something moves to, and refuses one that is
// gone or about to be.
func (e *Engine) targetOf(ctx context.Context, id string) (*rightful.Company, error) {
	no := func(why string) (*rightful.Company, error) {
		return nil, refusal("--to "+id, why, "give a company that is live and stays so")
	}
	for c, err := range e.Sources.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}) {
		switch {
		case err != nil:
			return nil, err
		case c.MergedInto != "":
			return no(fmt.Sprintf("company %s is merged into %s", named(&c), c.MergedInto))
		case c.Deleted && c.DeletedAt > e.Options.Now:
			return no(fmt.Sprintf("company %s is being deleted", named(&c)))
		case c.Deleted:
			return no(fmt.Sprintf("company %s is deleted", named(&c)))
		}
		return &c, nil
	}
	return no("the database has no company " + quoted(id))
}

// alone refuses where more than this subscription would be affected, and where
// something would write its stamp again.
func (m *movement) alone() error {
	no := func(message, hint string) error { return refusal(m.sub.ID, message, hint) }
	if !m.sub.LiveSubscription() {
		return no("it is "+m.sub.Status+", and what is over stays whose it was", "only live subscriptions move")
	}
	for _, o := range m.family.Subscriptions {
		if o.ID != m.sub.ID && o.LiveSubscription() {
			return no(fmt.Sprintf("%s, which is %s, is charged to the same customer %s: the two would then be different companies'", o.ID, o.Status, o.StripeCustomerID),
				"cancel one of them in Stripe and let it be bought again on a customer of its own")
		}
	}
	if m.sub.HasPendingUpdate {
		return no("it has a pending update, which may write the stamp again", "wait until the update is paid or has expired")
	}
	scheduled := false
	for _, s := range m.family.Schedules {
		if s.SubscriptionID != m.sub.ID {
			continue
		}
		scheduled = true
		if judge.WritesStamp(m.whole, m.engine.Rules, s) {
			return no("schedule "+s.ID+" has a phase that writes the stamp again", "edit or release the schedule in Stripe first")
		}
	}
	if m.sub.HasSchedule && !scheduled {
		return no("it has a schedule, and what its phases will write is not known", "let the key read subscription schedules")
	}
	if len(m.rows) > 1 {
		return no(fmt.Sprintf("%d rows name it: nobody can say which of them counts", len(m.rows)), "take the others away by hand first")
	}
	for _, r := range m.rows {
		if r.ID == "" {
			return no("the row that names it has no id, so it is not written", "move the row by hand, and run it again")
		}
	}
	return nil
}

// from returns the companies that the stamps and the row name, as they stand there.
func (m *movement) from() []string {
	out := []string{}
	add := func(id string) {
		if id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	add(judge.Stamp(m.sub, m.engine.Options.Keys))
	for _, s := range m.sessions {
		add(judge.Stamp(s, m.engine.Options.Keys))
	}
	for _, r := range m.rows {
		add(r.CompanyID)
	}
	return out
}

// notes says what the move leaves as it is.
func (m *movement) notes() []string {
	all := []string{fmt.Sprintf("the payer stays: Stripe goes on billing %s, with its card, its invoices and its portal", m.sub.StripeCustomerID)}
	if stamp := judge.Stamp(m.family.Customer, m.engine.Options.Keys); stamp != "" && !rightful.SameID(stamp, stampOf(*m.to)) {
		all = append(all, fmt.Sprintf("%s stays stamped with %s", m.sub.StripeCustomerID, stamp))
	}
	for _, l := range m.family.Links {
		if !rightful.SameID(l.CompanyID, m.to.ID) {
			all = append(all, fmt.Sprintf("company %s goes on linking %s, and whoever opens its billing portal sees this subscription", l.CompanyID, m.sub.StripeCustomerID))
		}
	}
	if len(m.rows) == 0 && m.whole.Mapping.SubscriptionRows {
		all = append(all, "no row names it, so none moves: the database does not know this payment")
	}
	return all
}

// grant says what the move writes. What stands there already is left out.
func (m *movement) grant() (plan.Granted, error) {
	g := plan.Granted{
		Family: m.family.Key, Company: m.to.ID, Amount: judge.Monthly(m.sub), Because: []string{},
		Message: fmt.Sprintf("%s is to be company %s's", m.sub.ID, named(m.to)),
		Why:     fmt.Sprintf("decided: it moves; %s goes on paying for it", m.sub.StripeCustomerID),
	}
	key, stamp := m.engine.Options.Keys.Company, stampOf(*m.to)
	for _, o := range append([]rightful.Object{m.sub}, m.sessions...) {
		if from := o.Metadata[key]; !rightful.SameID(from, stamp) {
			g.Writes = append(g.Writes, rightful.Proposal{
				Place: rightful.PlaceStripe, Object: o.Ref(), Field: rightful.FieldStampPrefix + key, From: ptr(from), To: &stamp,
			})
		}
	}
	for _, r := range m.rows {
		if !rightful.SameID(r.CompanyID, m.to.ID) {
			g.Writes = append(g.Writes, rightful.Proposal{
				Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}, Field: rightful.FieldRowCompany,
				From: ptr(r.CompanyID), To: &m.to.ID,
			})
		}
	}
	return g, nil
}

// stampOf returns what names a company in stamps.
func stampOf(c rightful.Company) string {
	if c.StampValue != "" {
		return c.StampValue
	}
	return c.ID
}
