package stripeobject_test

import (
	"errors"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/stripeobject"
)

// TestDecodeCheckoutRefuses what would name a wrong company, and says where it
// stands without quoting it.
func TestDecodeCheckoutRefuses(t *testing.T) {
	t.Parallel()
	session := func(fields string) string {
		return `{"id":"cs_1","object":"checkout.session","status":"open",` + fields + `}`
	}
	for name, tt := range map[string]struct{ raw, says string }{
		"a customer without an id":      {session(`"customer":{"object":"customer","email":"ann@example.com"}`), "customer"},
		"a customer of another type":    {session(`"customer":{"id":"sub_1","object":"subscription"}`), "customer"},
		"a stamp that is no text":       {session(`"customer":{"id":"cus_1","object":"customer","metadata":{"company_id":["secret"]}}`), "metadata.company_id"},
		"a subscription without an id":  {session(`"subscription":{"object":"subscription"}`), "subscription"},
		"a payment intent of no sort":   {session(`"payment_intent":{"id":7}`), "payment_intent"},
		"two customers":                 {session(`"customer":{"id":"cus_1"},"customer":{"id":"cus_2"}`), "duplicate"},
		"another object than a session": {`{"id":"cus_1","object":"customer"}`, "object"},
		"a list":                        {`[]`, "object"},
	} {
		_, err := stripeobject.DecodeCheckout([]byte(tt.raw), keys, defaults)
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "ann@") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if tt.says != "duplicate" && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %q does not say %q", name, err, tt.says)
		}
	}
	whole := session(`"customer":{"id":"cus_1","object":"customer"},"url":"https://checkout.example.com/x"`)
	for cut := range len(whole) {
		if _, err := stripeobject.DecodeCheckout([]byte(whole[:cut]), keys, defaults); !errors.Is(err, stripeobject.ErrNotJSON) && cut > 0 {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

// TestDecodeCheckoutLeavesOut what is not there: an id alone shows nothing of what
// it names, and an account that is used as a customer is none.
func TestDecodeCheckoutLeavesOut(t *testing.T) {
	t.Parallel()
	for raw, payer := range map[string]string{
		`{"id":"cs_1","object":"checkout.session","customer":"cus_1","subscription":"sub_1","payment_intent":null}`: "cus_1",
		`{"id":"cs_1","object":"checkout.session","customer":null,"customer_account":"acct_9"}`:                     "acct_9",
		`{"id":"cs_1","object":"checkout.session","url":7,"status":"open"}`:                                         "",
	} {
		c, err := stripeobject.DecodeCheckout([]byte(raw), keys, defaults)
		if err != nil {
			t.Fatal(err)
		}
		if c.CustomerExists != rightful.ExistsUnknown || c.Customer.ID != "" || c.Subscription.ID != "" || c.PaymentIntent.ID != "" || c.URL != "" || c.Session.StripeCustomerID != payer {
			t.Errorf("%s: %+v", raw, c)
		}
	}
}
