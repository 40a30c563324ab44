package gateway

import (
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

// Bounds of what is kept of an event. Stripe's ids have up to 255 characters
// (docs.stripe.com/upgrades).
const (
	maxStripeID = 255
	maxPayload  = 16 << 10
)

// envelope is what an event of any version of Stripe's API has in common: eight
// fields, and the object as it stands there. Thin events (docs.stripe.com/event-destinations)
// name their object in related_object and do not carry it.
type envelope struct {
	ID       string         `json:"id"`
	Object   string         `json:"object"`
	Type     string         `json:"type"`
	Created  jsontext.Value `json:"created"`
	Livemode bool           `json:"livemode"`
	Account  string         `json:"account"`
	Context  jsontext.Value `json:"context"` // of thin events: the account, when it is another one
	Request  jsontext.Value `json:"request"`
	Data     struct {
		Object   jsontext.Value `json:"object"`
		Previous jsontext.Value `json:"previous_attributes"`
	} `json:"data"`
	Related struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"related_object"`
}

// Names of the two kinds of events.
const (
	snapshotEvent = "event"
	thinEvent     = "v2.core.event"
)

// errNoEvent is about a body that is no event. The body is not quoted.
var errNoEvent = errors.New("the body is no event of Stripe")

// eventPayload is what is kept of an event's object and cause.
type eventPayload struct {
	Object         *objectFields     `json:"object,omitzero"`
	Previous       map[string]string `json:"previous,omitempty"` // identity keys of the metadata that was replaced
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
}

// decodeEvent reduces the body of an event. It refuses what is no event: other JSON,
// names that stand twice, text that is no UTF-8, a value of a wrong type. An object
// that cannot be read is no reason to refuse: it is asked for when the event is
// looked at.
func decodeEvent(body []byte, keys rightful.KeySet) (rightful.InboxEvent, error) {
	var in envelope
	if json.Unmarshal(body, &in) != nil {
		return rightful.InboxEvent{}, errNoEvent
	}
	e := rightful.InboxEvent{ID: in.ID, Type: in.Type, Livemode: in.Livemode, Account: in.Account, Status: rightful.InboxPending, Origin: rightful.OriginDelivered}
	created, ok := eventTime(in.Created)
	e.Created = created
	if !ok || !isStripeID(e.ID) || !isStripeID(e.Type) || e.Account != "" && !isStripeID(e.Account) {
		return rightful.InboxEvent{}, errNoEvent
	}
	switch in.Object {
	case snapshotEvent:
		if in.Data.Object.Kind() != '{' {
			return rightful.InboxEvent{}, errNoEvent
		}
		carryObject(&e, in, keys)
	case thinEvent:
		e.Origin = rightful.OriginThin
		// The context names the account when it is another one; what stands before
		// a slash is the way there.
		if account := jsonText(in.Context); account != "" && isStripeID(account) {
			e.Account = account[strings.LastIndexByte(account, '/')+1:]
		}
		aboutObject(&e, in.Related.Type, in.Related.ID)
	default:
		return rightful.InboxEvent{}, errNoEvent
	}
	e.Shard = shardOf(e.Family)
	return e, nil
}

// aboutObject says which object an event is about. What belongs to no family is ignored,
// and so is what has no id: the invoice that is yet to be made.
func aboutObject(e *rightful.InboxEvent, objectType, id string) {
	if !isStripeID(id) || !slices.Contains(rightful.StripeTypes(), rightful.ObjectType(objectType)) {
		e.Status, e.ObjectType, e.ObjectID = rightful.InboxIgnored, "", ""
		return
	}
	// Until the object was read, it stands for its own family.
	e.ObjectType, e.ObjectID, e.Family = rightful.ObjectType(objectType), id, id
}

// carryObject takes the object of a snapshot event over.
func carryObject(e *rightful.InboxEvent, in envelope, keys rightful.KeySet) {
	objectType, id := stripeobject.Name(in.Data.Object)
	aboutObject(e, objectType, id) // nothing that has not even a name
	if e.Status == rightful.InboxIgnored {
		return
	}
	o, err := stripeobject.Decode(in.Data.Object, e.ObjectType, keys, stripeobject.Defaults{Account: e.Account, Livemode: e.Livemode})
	if err != nil || !soundObject(o) {
		return
	}
	o = harmless(o)
	if o.Type == rightful.TypeCustomer && strings.HasSuffix(e.Type, ".deleted") {
		o.Deleted = true
	}
	if o.Type == rightful.TypePaymentMethod && o.StripeCustomerID == "" {
		e.Status = rightful.InboxIgnored // a method of nobody's
		return
	}
	kept := eventPayload{Object: fieldsOf(o), Previous: previousKeys(in.Data.Previous, keys), IdempotencyKey: idempotencyKey(in.Request)}
	raw, err := json.Marshal(kept, json.Deterministic(true))
	if err != nil || len(raw) > maxPayload {
		return
	}
	e.Family, e.Payload = familyOf(o), string(raw)
}

// familyOf returns the key of an object's family, as far as the object tells: its
// customer, else the payment that it belongs to, else itself.
func familyOf(o rightful.Object) string {
	switch {
	case o.Type == rightful.TypeCustomer:
		return o.ID
	case o.StripeCustomerID != "":
		return o.StripeCustomerID
	case o.Type == rightful.TypeCharge && o.PaymentIntentID != "":
		return o.PaymentIntentID
	case o.Type == rightful.TypeSchedule && o.SubscriptionID != "":
		return o.SubscriptionID
	}
	return o.ID
}

// shardOf returns the shard of a family.
func shardOf(family string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(family)) // it never fails
	return int(h.Sum32() % rightful.InboxShards)
}

// harmless returns the object without what no database can be asked about. Such a value
// names nothing, and names nothing afterwards.
func harmless(o rightful.Object) rightful.Object {
	clean := func(values map[string]string) map[string]string {
		for key, value := range values {
			if strings.ContainsRune(value, 0) {
				values = maps.Clone(values)
				values[key] = strings.ReplaceAll(value, "\x00", string(unicode.ReplacementChar))
			}
		}
		return values
	}
	o.Metadata, o.Snapshot = clean(o.Metadata), clean(o.Snapshot)
	o.ClientReferenceID = strings.ReplaceAll(o.ClientReferenceID, "\x00", string(unicode.ReplacementChar))
	for i := range o.Phases {
		o.Phases[i].Metadata = clean(o.Phases[i].Metadata)
	}
	return o
}

// soundObject reports whether the references of an object can be looked for in a database.
func soundObject(o rightful.Object) bool {
	for _, id := range []string{o.StripeCustomerID, o.SubscriptionID, o.PaymentIntentID, o.PaymentLink} {
		if id != "" && !isStripeID(id) {
			return false
		}
	}
	return true
}

// isStripeID reports whether a text can be an id or a type of Stripe's.
func isStripeID(id string) bool {
	return id != "" && len(id) <= maxStripeID && !strings.ContainsFunc(id, func(r rune) bool {
		return r <= ' ' || r == unicode.ReplacementChar || !unicode.IsPrint(r)
	})
}

// eventTime reads a time: Unix seconds of a snapshot event, RFC 3339 of a thin one.
func eventTime(raw jsontext.Value) (int64, bool) {
	if raw.Kind() == '"' {
		at, err := time.Parse(time.RFC3339Nano, jsonText(raw))
		return at.Unix(), err == nil && inReach(at.Unix())
	}
	at, err := strconv.ParseInt(string(raw), 10, 64)
	return at, err == nil && inReach(at)
}

// inReach keeps times out with which nobody could reckon: from 1970 to the year 9999.
func inReach(at int64) bool { return at >= 0 && at <= 253402300799 }

// jsonText returns a JSON string's value, "" for anything else.
func jsonText(raw jsontext.Value) string {
	if raw.Kind() != '"' {
		return ""
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// previousKeys returns the identity keys of metadata that was replaced.
func previousKeys(raw jsontext.Value, keys rightful.KeySet) map[string]string {
	var was struct {
		Metadata map[string]jsontext.Value `json:"metadata"`
	}
	if raw.Kind() != '{' || json.Unmarshal(raw, &was) != nil {
		return nil
	}
	var kept map[string]string
	for key, value := range was.Metadata {
		if value.Kind() != '"' || !keys.Keeps(key) {
			continue
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[key] = jsonText(value)
	}
	return kept
}

// idempotencyKey returns the key of the request that caused an event. In old
// versions of the API the request is an id, and there is none.
func idempotencyKey(raw jsontext.Value) string {
	var request struct {
		Key string `json:"idempotency_key"`
	}
	if raw.Kind() != '{' || json.Unmarshal(raw, &request) != nil || len(request.Key) > maxStripeID {
		return ""
	}
	return request.Key
}
