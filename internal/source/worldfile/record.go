package worldfile

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/collect"
)

// madeSession is one session of which the gateway kept for whom it was made.
type madeSession struct {
	SessionID string         `json:"session_id"`
	UserID    jsontext.Value `json:"user_id"`
	CompanyID jsontext.Value `json:"company_id"`
	At        int64          `json:"at"`
}

// record is what a world's made_sessions and made_companies say.
type record struct {
	sessions  map[string]rightful.Intent
	companies map[string]bool // canonical ids
}

// Intents returns what the gateway would have kept, as it would have.
func (w *World) Intents() []rightful.Intent {
	all := slices.Collect(maps.Values(w.record.sessions))
	for id := range w.record.companies {
		all = append(all, rightful.Intent{Kind: rightful.IntentCustomer, Account: w.stripe.account.ID, Livemode: w.stripe.account.Livemode, CompanyID: id})
	}
	return all
}

// Record returns what the gateway would have kept: what the world's made_sessions and
// made_companies say. It is nil where there are none.
func (w *World) Record() collect.Record {
	if len(w.record.companies) == 0 {
		return nil
	}
	return w.record
}

// CheckoutsOf implements collect.Record.
func (r record) CheckoutsOf(ctx context.Context, sessionIDs []string) (map[string]rightful.Intent, error) {
	made := map[string]rightful.Intent{}
	for _, id := range sessionIDs {
		if in, known := r.sessions[id]; known {
			made[id] = in
		}
	}
	return made, ctx.Err()
}

// Promised implements collect.Record.
func (r record) Promised(ctx context.Context, companyIDs []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(companyIDs), func(id string) bool { return !r.companies[id] }), ctx.Err()
}

func (w *World) readRecord(sessions []madeSession, companies []jsontext.Value) error {
	r := record{sessions: map[string]rightful.Intent{}, companies: map[string]bool{}}
	for i, m := range sessions {
		user, isUser := scalarText(m.UserID)
		company, isCompany := scalarText(m.CompanyID)
		if m.SessionID == "" || !isUser || !isCompany || user == "" || company == "" {
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: w.name, Message: fmt.Sprintf("made_sessions[%d]: needs a session_id, a user_id and a company_id", i),
				Hint: "it says for whom the gateway made a checkout session",
			}
		}
		r.companies[rightful.CanonicalID(company)] = true
		r.sessions[m.SessionID] = rightful.Intent{
			Kind: rightful.IntentCheckout, Account: w.stripe.account.ID, Livemode: w.stripe.account.Livemode,
			CompanyID: rightful.CanonicalID(company), UserID: rightful.CanonicalID(user), At: m.At, ObjectID: m.SessionID,
		}
	}
	for i, value := range companies {
		company, is := scalarText(value)
		if !is || company == "" {
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: w.name, Message: fmt.Sprintf("made_companies[%d] is no id of a company", i),
				Hint: "it says for which companies the gateway made customers or checkout sessions",
			}
		}
		r.companies[rightful.CanonicalID(company)] = true
	}
	w.record = r
	return nil
}
