package stripeobject

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
)

// DecodeCheckout reduces the JSON of one checkout session, and of the customer, the
// subscription and the payment intent that are expanded in it. What is only an id
// there stays zero: nothing is known of it. Errors are those of Decode.
func DecodeCheckout(raw []byte, keys rightful.KeySet, d Defaults) (rightful.Checkout, error) {
	session, err := Decode(raw, rightful.TypeSession, keys, d)
	if err != nil {
		return rightful.Checkout{}, err
	}
	c := rightful.Checkout{Session: session}
	if session.Status == "open" {
		c.URL, c.ClientSecret = textField(raw, "url"), textField(raw, "client_secret")
	}
	// What belongs to a session of a mode is of that mode, also a stub that has no
	// field for it.
	d.Livemode = session.Livemode
	for _, part := range []struct {
		field string
		typ   rightful.ObjectType
		into  *rightful.Object
	}{
		{"customer", rightful.TypeCustomer, &c.Customer},
		{"subscription", rightful.TypeSubscription, &c.Subscription},
		{"payment_intent", rightful.TypePaymentIntent, &c.PaymentIntent},
	} {
		inner, err := objectField(raw, part.field)
		if err != nil {
			return rightful.Checkout{}, name(err, string(rightful.TypeSession), raw)
		}
		if inner == nil {
			continue
		}
		if *part.into, err = Decode(inner, part.typ, keys, d); err != nil {
			return rightful.Checkout{}, fmt.Errorf("checkout.session %s: field %s: %w", session.ID, part.field, err)
		}
	}
	switch {
	case c.Customer.ID == "":
		c.CustomerExists = rightful.ExistsUnknown
	case c.Customer.Deleted:
		c.CustomerExists = rightful.ExistsDeleted
	default:
		c.CustomerExists = rightful.ExistsPresent
	}
	return c, nil
}

// objectField returns a field of the outermost object when it is an object, and nil
// when it is anything else or not there.
func objectField(raw []byte, field string) (jsontext.Value, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		if tok.String() != field {
			if err := dec.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		value, err := dec.ReadValue()
		if err != nil || value.Kind() != '{' {
			return nil, err
		}
		return value.Clone(), nil
	}
	return nil, nil
}
