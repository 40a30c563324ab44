package gateway

import (
	"context"

	"rightful"
)

var _ rightful.CheckoutRecords = (*Memory)(nil)

// recall asks our own record for whom the session was made, where it is not the user's
// by what else is known.
func (g *Gateway) recall(ctx context.Context, s *seen) error {
	records, kept := g.opt.Intents.(rightful.CheckoutRecords)
	if !kept || !s.doubtful() {
		return nil
	}
	made, known, err := records.CheckoutOf(ctx, s.account.ID, s.account.Livemode, s.id)
	if err == nil && known {
		s.believe(made)
	}
	return err
}

// doubtful reports whether a record of how the session was made could say more than the
// database: who acted for whom then.
func (s *seen) doubtful() bool {
	return s.known && (s.perhaps || s.status == NoCompany || s.status == OtherCompany)
}

// believe takes up our own record of the session: the resolver said so when it was made.
// Where the session is still stamped so, it is judged together with everything else; and
// where nothing else tells whether its buyer belonged to the company then, it does.
func (s *seen) believe(made rightful.Intent) {
	if !s.doubtful() {
		return
	}
	if s.bought.Stamps(made.UserID, made.CompanyID) {
		s.bought = s.bought.Recorded(made.UserID, made.CompanyID)
		s.whose()
	}
	if !s.perhaps || !rightful.SameID(made.UserID, s.user) {
		return
	}
	for _, c := range s.bought.Companies {
		if s.bought.Became(made.CompanyID, c) {
			s.company, s.perhaps = c, false
		}
	}
}
