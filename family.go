package rightful

// Family is a customer, or a guest session, with everything that hangs on it:
// sessions, subscriptions, payment intents, and the rows and links that name
// it. Every Stripe object is in exactly one family. Whose a family is, is
// decided once.
type Family struct {
	Key              string // the customer's id, or the id of the guest object
	StripeCustomerID string // empty for a guest family
	Customer         Object // zero unless Exists is ExistsPresent or ExistsDeleted
	Exists           Existence

	Sessions       []Object
	Subscriptions  []Object
	PaymentIntents []Object
	Schedules      []Object
	Links          []Link
	Rows           []SubscriptionRow

	// MoneyRead tells that invoices, charges and payment methods of the
	// customer were read, MoneyUnread that they matter and were not. They are
	// read only where they matter.
	MoneyRead   bool
	MoneyUnread bool
	Invoices    []Object
	Charges     []Object
	Methods     []Object
}

// Guest reports whether the family has no customer in Stripe.
func (f Family) Guest() bool { return f.StripeCustomerID == "" }

// Objects returns the Stripe objects of the family that carry stamps of their
// own, the customer first. Schedules, invoices, charges and payment methods are
// not among them: what these say is a copy, or is yet to come.
func (f Family) Objects() []Object {
	all := make([]Object, 0, 1+len(f.Sessions)+len(f.Subscriptions)+len(f.PaymentIntents))
	if f.Customer.ID != "" {
		all = append(all, f.Customer)
	}
	all = append(all, f.Sessions...)
	all = append(all, f.Subscriptions...)
	return append(all, f.PaymentIntents...)
}
