package gateway

import (
	"context"

	"rightful"
)

var _ rightful.CheckoutRecords = (*Memory)(nil)

// recall asks our own record for whom the session was made, where it is not the user's
// by what else is known.
func (g *Gateway) recall(ctx context.Context, s *seen) error {
	if !s.doubtful() {
		return nil
	}
	made, err := g.recorded(ctx, s.account, []rightful.Object{{ID: s.id}})
	if in, known := made[s.id]; known {
		s.believe(in)
	}
	return err
}

// recorded returns for whom our own record says that sessions were made, by their ids.
func (g *Gateway) recorded(ctx context.Context, account rightful.Account, sessions []rightful.Object) (map[string]rightful.Intent, error) {
	out := map[string]rightful.Intent{}
	records, kept := g.opt.Intents.(rightful.CheckoutRecords)
	if !kept {
		return out, nil
	}
	for _, o := range sessions {
		made, known, err := records.CheckoutOf(ctx, account.ID, account.Livemode, o.ID)
		if err != nil {
			return nil, err
		}
		if known {
			out[o.ID] = made
		}
	}
	return out, nil
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
