package worldfile

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// madeSession is one session of which the gateway kept for whom it was made.
type madeSession struct {
	SessionID string         `json:"session_id"`
	UserID    jsontext.Value `json:"user_id"`
	CompanyID jsontext.Value `json:"company_id"`
	At        int64          `json:"at"`
}

// Made returns what the world's made_sessions say, by the ids of the sessions: what the
// gateway would have kept.
func (w *World) Made() map[string]rightful.Intent { return w.made }

func (w *World) readMade(all []madeSession) error {
	w.made = map[string]rightful.Intent{}
	for i, m := range all {
		user, isUser := scalarText(m.UserID)
		company, isCompany := scalarText(m.CompanyID)
		if m.SessionID == "" || !isUser || !isCompany || user == "" || company == "" {
			return &rightful.Error{
				Kind: rightful.KindInvalid, Place: w.name, Message: fmt.Sprintf("made_sessions[%d]: needs a session_id, a user_id and a company_id", i),
				Hint: "it says for whom the gateway made a checkout session",
			}
		}
		w.made[m.SessionID] = rightful.Intent{
			Kind: rightful.IntentCheckout, Account: w.stripe.account.ID, Livemode: w.stripe.account.Livemode,
			CompanyID: rightful.CanonicalID(company), UserID: rightful.CanonicalID(user), At: m.At, ObjectID: m.SessionID,
		}
	}
	return nil
}
