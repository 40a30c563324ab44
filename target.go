package rightful

import "context"

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

// FieldChange replaces what stands in one field of one row. Object is a company, a
// link (a row of the table of links, by its company) or a subscription_row; Field
// one of FieldLink, FieldRowCompany, FieldRowCustomer.
type FieldChange struct {
	Object Ref
	Field  string
	From   *string // what must stand there; nil: null
	To     *string // nil: null
}

// DirectoryWriter changes mapped fields of the app's database.
type DirectoryWriter interface {
	// CompareAndSet makes all changes in the given order, in one transaction, or
	// none of them. Each must find its From and change exactly one row, else the
	// error is of kind conflict. Without commit the transaction is rolled back:
	// the database is only asked whether it would accept. A field for which no
	// write is mapped is an error of kind unsupported.
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
