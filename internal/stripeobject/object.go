package stripeobject

import (
	"cmp"

	"rightful"
)

// draft is an object while it is being read: some facts stand in two places,
// and which one counts is known only at the end.
type draft struct {
	rightful.Object
	said         string // the object field
	account      string // customer_account
	detailsEmail string // customer_details.email
	released     string // released_subscription of a schedule
	parent       string // of an invoice: the subscription in its parent
	snapshot     map[string]string
	amount       int64  // of a charge: what was asked for
	paid         bool   // of a charge
	hasCaptured  bool   // of a charge: it tells what was captured
	typedEmail   string // customer_email
	hasItems     bool
	plan         rightful.Item // the legacy plan of the subscription itself
	hasPlan      bool
	quantity     int64
}

// object reads one object of type t.
func (w *walker) object(t rightful.ObjectType, d Defaults) (rightful.Object, error) {
	if err := w.open("(object)"); err != nil {
		return rightful.Object{}, err
	}
	o := draft{quantity: 1}
	o.Account, o.Livemode, o.Type = d.Account, d.Livemode, t
	for {
		name, err := w.next()
		if err != nil {
			return rightful.Object{}, err
		}
		if name == nil {
			break
		}
		if err := w.field(&o, name); err != nil {
			return rightful.Object{}, err
		}
	}
	return o.finish()
}

// field reads one field of any object, and leaves the rest to its type.
func (w *walker) field(o *draft, name []byte) (err error) {
	switch string(name) {
	case "id":
		o.ID, err = w.text("id")
	case "object":
		o.said, err = w.text("object")
	case "created":
		o.Created, _, err = w.whole("created")
	case "livemode":
		var told, live bool
		if live, told, err = w.flag("livemode"); told {
			o.Livemode = live
		}
	case "deleted":
		o.Deleted, _, err = w.flag("deleted")
	case "metadata":
		o.Metadata, err = w.metadata("metadata")
	default:
		switch o.Type {
		case rightful.TypeCustomer:
			return w.customerField(o, name)
		case rightful.TypeSession:
			return w.sessionField(o, name)
		case rightful.TypeSubscription:
			return w.subscriptionField(o, name)
		case rightful.TypePaymentIntent:
			return w.intentField(o, name)
		case rightful.TypeSchedule:
			return w.scheduleField(o, name)
		case rightful.TypeInvoice:
			return w.invoiceField(o, name)
		case rightful.TypeCharge:
			return w.chargeField(o, name)
		case rightful.TypePaymentMethod:
			return w.methodField(o, name)
		}
		return w.dec.SkipValue()
	}
	return err
}

func (w *walker) customerField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "email":
		o.Email, err = w.text("email")
	case "balance":
		o.Balance, _, err = w.whole("balance")
	case "test_clock":
		o.TestClock, err = w.reference("test_clock")
	case "default_source":
		var has bool
		has, err = w.present()
		o.HasSavedMethod = o.HasSavedMethod || has
	case "invoice_settings":
		var has bool
		has, err = w.defaultMethod()
		o.HasSavedMethod = o.HasSavedMethod || has
	default:
		return w.dec.SkipValue()
	}
	return err
}

func (w *walker) sessionField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "subscription":
		o.SubscriptionID, err = w.reference("subscription")
	case "payment_intent":
		o.PaymentIntentID, err = w.reference("payment_intent")
	case "payment_link":
		o.PaymentLink, err = w.reference("payment_link")
	case "client_reference_id":
		o.ClientReferenceID, err = w.text("client_reference_id")
	case "customer_email":
		o.typedEmail, err = w.text("customer_email")
	case "customer_details":
		o.detailsEmail, err = w.detailsEmail()
	case "expires_at":
		o.ExpiresAt, _, err = w.whole("expires_at")
	case "mode":
		o.Mode, err = w.text("mode")
	case "status":
		o.Status, err = w.text("status")
	case "payment_status":
		o.PaymentStatus, err = w.text("payment_status")
	case "success_url", "return_url":
		var address string
		if address, err = w.text(string(name)); err == nil && address != "" {
			o.ReturnsTo = returnsTo(address)
		}
	default:
		return w.dec.SkipValue()
	}
	return err
}

func (w *walker) subscriptionField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "status":
		o.Status, err = w.text("status")
	case "test_clock":
		o.TestClock, err = w.reference("test_clock")
	case "cancel_at":
		at, _, err := w.whole("cancel_at")
		o.Ending = o.Ending || at != 0
		return err
	case "cancel_at_period_end":
		ends, _, err := w.flag("cancel_at_period_end")
		o.Ending = o.Ending || ends
		return err
	case "ended_at":
		o.EndedAt, _, err = w.whole("ended_at")
	case "schedule":
		o.HasSchedule, err = w.present()
	case "pending_update":
		o.HasPendingUpdate, err = w.present()
	case "items":
		o.Items, o.hasItems, err = w.items()
	case "plan":
		o.plan, o.hasPlan, err = w.price("plan")
	case "quantity":
		o.quantity, err = w.quantity("quantity")
	default:
		return w.dec.SkipValue()
	}
	return err
}

func (w *walker) intentField(o *draft, name []byte) (err error) {
	switch string(name) {
	case "customer":
		o.StripeCustomerID, err = w.reference("customer")
	case "customer_account":
		o.account, err = w.reference("customer_account")
	case "receipt_email":
		o.Email, err = w.text("receipt_email")
	case "status":
		o.Status, err = w.text("status")
	default:
		return w.dec.SkipValue()
	}
	return err
}

// finish settles what stood in two places and checks the whole.
func (o *draft) finish() (rightful.Object, error) {
	if o.said != "" && o.said != string(o.Type) {
		return rightful.Object{}, &fieldError{"object", "another type than the one asked for"}
	}
	if o.ID == "" {
		return rightful.Object{}, &fieldError{"id", "the id is missing"}
	}
	// Accounts used as customers are carried beside the customer field.
	o.StripeCustomerID = cmp.Or(o.StripeCustomerID, o.account)
	if o.Type == rightful.TypeSession {
		o.Email = cmp.Or(o.detailsEmail, o.typedEmail)
	}
	o.settleBilling()
	if o.hasPlan && !o.hasItems {
		o.plan.Quantity = o.quantity
		o.Items = []rightful.Item{o.plan}
	}
	return o.Object, nil
}

// metadata keeps the keys that carry identity. Stripe's values are strings; a
// number, as people write it in world files, is kept as its exact text. Other
// values are wrong under any key, so that an object that can be read with one
// set of keys can be read with all.
func (w *walker) metadata(field string) (map[string]string, error) {
	if w.dec.PeekKind() == 'n' {
		return nil, w.dec.SkipValue()
	}
	if err := w.open(field); err != nil {
		return nil, err
	}
	var kept map[string]string
	for {
		name, err := w.next()
		if err != nil || name == nil {
			return kept, err
		}
		if !w.keeps(name) {
			switch w.dec.PeekKind() {
			case '{', '[', 't', 'f':
				return nil, &fieldError{field + ".(key)", "want a string"}
			}
			if err := w.dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		key := string(name)
		var value string
		switch w.dec.PeekKind() {
		case 'n': // a key that is unset
			if err := w.dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		case '0':
			v, err := w.dec.ReadValue()
			if err != nil {
				return nil, err
			}
			value = string(v)
		default:
			if value, err = w.text(key); err != nil {
				return nil, within(field, err)
			}
		}
		if kept == nil {
			kept = make(map[string]string, 2)
		}
		kept[key] = value
	}
}

// defaultMethod reads invoice_settings.
func (w *walker) defaultMethod() (has bool, err error) {
	err = w.each("invoice_settings", func(name []byte) error {
		if string(name) != "default_payment_method" {
			return w.dec.SkipValue()
		}
		has, err = w.present()
		return err
	})
	return has, err
}

// detailsEmail reads customer_details.
func (w *walker) detailsEmail() (email string, err error) {
	err = w.each("customer_details", func(name []byte) error {
		if string(name) != "email" {
			return w.dec.SkipValue()
		}
		email, err = w.text("email")
		return err
	})
	return email, err
}

// each calls read for every field of an object that may be null. read must
// consume the value.
func (w *walker) each(field string, read func(name []byte) error) error {
	if w.dec.PeekKind() == 'n' {
		return w.dec.SkipValue()
	}
	if err := w.open(field); err != nil {
		return err
	}
	for {
		name, err := w.next()
		if err != nil || name == nil {
			return err
		}
		if err := read(name); err != nil {
			return within(field, err)
		}
	}
}
