package rightful

import (
	"context"
	"encoding/json"
	"fmt"
)

// The writing ports are apart from the reading ones, so that whoever is given
// readers cannot write. They are as small as the writes that rightful makes: one
// metadata key, one field of one row, one cache key. Reading back is done with
// the readers.
//
// An error of kind uncertain means that the write may have taken effect: it was
// sent, and no answer tells. After any other error nothing was written.

// MetadataWrite sets one key of one Stripe object's metadata.
type MetadataWrite struct {
	Type ObjectType
	ID   string
	Key  string
	To   *string // nil unsets the key

	// IdempotencyKey is the same when the same attempt is sent again, and
	// another one for each new attempt.
	IdempotencyKey string
}

// StripeWriter changes metadata, and nothing else of Stripe.
type StripeWriter interface {
	// SetMetadata writes the one key and leaves every other key alone. Stripe
	// has no compare-and-swap: callers read before and after, also when there
	// is no error, because an answer may be that of an earlier attempt. Errors
	// are as those of StripeReader, of kind not_found for an object that is
	// gone, unsupported for a type other than customers, subscriptions,
	// checkout sessions and payment intents, and invalid for a key that cannot
	// be one or an empty value, which Stripe would take for nil.
	SetMetadata(ctx context.Context, w MetadataWrite) error
}

// Fields of a subscription row that give or end access: only what a person decides
// writes them. FieldRow is the row as a whole; its object is named by the Stripe
// subscription and not by the row's id, which the database gives. What stands there
// is the text of RowValues, and nothing while no row names the subscription.
const (
	FieldRow       = "row"
	FieldRowStatus = "status"
)

// RowValues are what a repair writes into a new subscription row, beside the Stripe
// subscription that it is for.
type RowValues struct {
	CompanyID        string `json:"company_id"`
	StripeCustomerID string `json:"stripe_customer_id"` // the payer
	Status           string `json:"status"`             // the subscription's own in Stripe
}

// Text returns the values as the one text that a write of FieldRow holds.
func (v RowValues) Text() string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("rightful: three texts that are no JSON: " + err.Error())
	}
	return string(raw)
}

// ParseRowValues reads what Text returned. Anything else, also another spelling of
// it, is an error of kind invalid.
func ParseRowValues(text string) (RowValues, error) {
	var v RowValues
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.Text() != text || v.CompanyID == "" {
		return RowValues{}, &Error{Kind: KindInvalid, Message: fmt.Sprintf("%.200q are not the values of a subscription row", text)}
	}
	return v, nil
}

// Agrees reports whether a row holds the values. What the row is silent about, which
// the app may keep elsewhere or not at all, is no contradiction; the company is
// demanded.
func (v RowValues) Agrees(r SubscriptionRow) bool {
	silent := func(have, want string) bool { return have == "" || have == want }
	return SameID(v.CompanyID, r.CompanyID) && silent(r.StripeCustomerID, v.StripeCustomerID) && silent(r.Status, v.Status)
}

// FieldChange replaces what stands in one field of one row. Object is a company, a
// link (a row of the table of links, by its company) or a subscription_row; Field
// one of FieldLink, FieldRowCompany, FieldRowCustomer, FieldRowStatus, FieldRow. Of
// FieldRow exactly one of From and To is nil: the row is added, or taken away.
type FieldChange struct {
	Object Ref
	Field  string
	From   *string // what must stand there; nil: null
	To     *string // nil: null

	// TakesBack tells that the change undoes one of ours. Where that added a row of
	// the table of links, the row goes with the link; where it filled one, the row
	// stays.
	TakesBack bool
}

// DirectoryWriter changes mapped fields of the app's database.
type DirectoryWriter interface {
	// CompareAndSet makes all changes in the given order, in one transaction, or
	// none of them. Each must find its From and change exactly one row, else the
	// error is of kind conflict. Without commit the transaction is rolled back:
	// the database is only asked whether it would accept. A field for which no
	// write is mapped is an error of kind unsupported. A row is added only while
	// none names its subscription, and taken away only while exactly one does and
	// it agrees with the values.
	CompareAndSet(ctx context.Context, changes []FieldChange, commit bool) error
}

// CacheWriter removes cached values. It never writes one: the app fills a key
// again from what it then reads.
type CacheWriter interface {
	// Delete removes the entry's key if it still decodes to the entry's value,
	// else the error is of kind conflict. Of a hash only the entry's field is
	// removed. A key or field that is not there is no error.
	Delete(ctx context.Context, entry CacheEntry) error
}
