package gateway

import (
	"strings"

	"github.com/go-json-experiment/json"

	"rightful"
)

// objectFields are what is kept of an object that an event carried: who it is of,
// and how it stands. Emails, cards and amounts are not among them.
type objectFields struct {
	Type              string            `json:"type"`
	ID                string            `json:"id"`
	Created           int64             `json:"created,omitzero"`
	Deleted           bool              `json:"deleted,omitzero"`
	Metadata          map[string]string `json:"metadata,omitempty"` // identity keys
	Customer          string            `json:"customer,omitzero"`
	Subscription      string            `json:"subscription,omitzero"`
	PaymentIntent     string            `json:"payment_intent,omitzero"`
	PaymentLink       string            `json:"payment_link,omitzero"`
	ClientReferenceID string            `json:"client_reference_id,omitzero"`
	Mode              string            `json:"mode,omitzero"`
	Status            string            `json:"status,omitzero"`
	PaymentStatus     string            `json:"payment_status,omitzero"`
	TestClock         string            `json:"test_clock,omitzero"`
	ExpiresAt         int64             `json:"expires_at,omitzero"`
	EndedAt           int64             `json:"ended_at,omitzero"`
	Ending            bool              `json:"ending,omitzero"`
	HasSchedule       bool              `json:"has_schedule,omitzero"`
	HasPendingUpdate  bool              `json:"has_pending_update,omitzero"`
	HasSavedMethod    bool              `json:"has_saved_method,omitzero"`
	Snapshot          map[string]string `json:"snapshot,omitempty"` // of an invoice
	Phases            []phaseFields     `json:"phases,omitempty"`   // of a schedule
}

// phaseFields are one phase of a schedule.
type phaseFields struct {
	Start    int64             `json:"start,omitzero"`
	End      int64             `json:"end,omitzero"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func fieldsOf(o rightful.Object) *objectFields {
	f := &objectFields{
		Type: string(o.Type), ID: o.ID, Created: o.Created, Deleted: o.Deleted, Metadata: o.Metadata,
		Customer: o.StripeCustomerID, Subscription: o.SubscriptionID, PaymentIntent: o.PaymentIntentID, PaymentLink: o.PaymentLink,
		ClientReferenceID: o.ClientReferenceID, Mode: o.Mode, Status: o.Status, PaymentStatus: o.PaymentStatus, TestClock: o.TestClock,
		ExpiresAt: o.ExpiresAt, EndedAt: o.EndedAt, Ending: o.Ending, HasSchedule: o.HasSchedule, HasPendingUpdate: o.HasPendingUpdate,
		HasSavedMethod: o.HasSavedMethod, Snapshot: o.Snapshot,
	}
	if strings.Contains(f.ClientReferenceID, "@") {
		f.ClientReferenceID = "" // whoever buys may have typed an email there, which names no company
	}
	for _, p := range o.Phases {
		f.Phases = append(f.Phases, phaseFields(p))
	}
	return f
}

// object is the way back. It has no email and no prices: nothing is concluded from
// their absence.
func (f objectFields) object(account string, livemode bool) rightful.Object {
	o := rightful.Object{
		Account: account, Livemode: livemode, Type: rightful.ObjectType(f.Type), ID: f.ID, Created: f.Created, Deleted: f.Deleted, Metadata: f.Metadata,
		StripeCustomerID: f.Customer, SubscriptionID: f.Subscription, PaymentIntentID: f.PaymentIntent, PaymentLink: f.PaymentLink,
		ClientReferenceID: f.ClientReferenceID, Mode: f.Mode, Status: f.Status, PaymentStatus: f.PaymentStatus, TestClock: f.TestClock,
		ExpiresAt: f.ExpiresAt, EndedAt: f.EndedAt, Ending: f.Ending, HasSchedule: f.HasSchedule, HasPendingUpdate: f.HasPendingUpdate,
		HasSavedMethod: f.HasSavedMethod, Snapshot: f.Snapshot,
	}
	for _, p := range f.Phases {
		o.Phases = append(o.Phases, rightful.Phase(p))
	}
	return o
}

// snapshotText is the object as it is kept: the same object, the same text.
func snapshotText(o rightful.Object) string {
	raw, err := json.Marshal(fieldsOf(o), json.Deterministic(true))
	if err != nil {
		panic("gateway: fields of an object that are no JSON: " + err.Error()) // texts are valid: they were decoded
	}
	return string(raw)
}
