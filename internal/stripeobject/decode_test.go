package stripeobject_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/stripeobject"
)

var (
	keys     = rightful.KeySet{Company: "company_id", AlsoRead: []string{"org_id"}, User: "user_id", Ownership: "app"}
	defaults = stripeobject.Defaults{Account: "acct_1", Livemode: true}
)

func TestDecode(t *testing.T) {
	t.Parallel()
	base := func(t rightful.ObjectType, id string) rightful.Object {
		return rightful.Object{Account: "acct_1", Livemode: true, Type: t, ID: id}
	}
	tests := map[string]struct {
		raw  string
		want func() rightful.Object
	}{
		"customer": {
			`{"id":"cus_1","object":"customer","created":1700000000,"livemode":false,"email":"a@example.com",
			  "name":"Ann Example","address":{"city":"X"},"phone":"1","balance":-250,"test_clock":"clock_1",
			  "invoice_settings":{"default_payment_method":"pm_1"},"default_source":null,
			  "metadata":{"company_id":"4","note":"private","user_id":"7","app":"ledgerly","org_id":"o"}}`,
			func() rightful.Object {
				o := base(rightful.TypeCustomer, "cus_1")
				o.Created, o.Livemode, o.Email, o.Balance, o.TestClock = 1700000000, false, "a@example.com", -250, "clock_1"
				o.HasSavedMethod = true
				o.Metadata = map[string]string{"company_id": "4", "user_id": "7", "app": "ledgerly", "org_id": "o"}
				return o
			},
		},
		"customer with a source": {
			`{"id":"cus_1","object":"customer","default_source":"card_1","invoice_settings":{"default_payment_method":null}}`,
			func() rightful.Object {
				o := base(rightful.TypeCustomer, "cus_1")
				o.HasSavedMethod = true
				return o
			},
		},
		"customer is nobody's payer": {
			`{"id":"cus_1","object":"customer","customer_account":"acct_9","customer":"cus_2","invoice_settings":null}`,
			func() rightful.Object { return base(rightful.TypeCustomer, "cus_1") },
		},
		"deleted stub": {
			`{"id":"cus_1","object":"customer","deleted":true}`,
			func() rightful.Object {
				o := base(rightful.TypeCustomer, "cus_1")
				o.Deleted = true
				return o
			},
		},
		"session": {
			`{"id":"cs_test_1","object":"checkout.session","customer":"cus_1","subscription":"sub_1","payment_intent":null,
			  "payment_link":"plink_1","client_reference_id":"11","customer_email":"typed@example.com",
			  "customer_details":{"email":"details@example.com","name":"Ann","address":{"line1":"x"}},
			  "mode":"subscription","status":"complete","payment_status":"paid","expires_at":1700086400,"metadata":{}}`,
			func() rightful.Object {
				o := base(rightful.TypeSession, "cs_test_1")
				o.StripeCustomerID, o.SubscriptionID, o.PaymentLink, o.ClientReferenceID = "cus_1", "sub_1", "plink_1", "11"
				o.Email, o.Mode, o.Status, o.PaymentStatus = "details@example.com", "subscription", "complete", "paid"
				o.ExpiresAt = 1700086400
				return o
			},
		},
		"session before anybody typed": {
			`{"id":"cs_1","object":"checkout.session","customer":null,"customer_details":null,"customer_email":"typed@example.com","status":"some_future_status"}`,
			func() rightful.Object {
				o := base(rightful.TypeSession, "cs_1")
				o.Email, o.Status = "typed@example.com", "some_future_status"
				return o
			},
		},
		"session expanded": {
			`{"object":"checkout.session","customer":{"id":"cus_1","object":"customer","deleted":true},
			  "subscription":{"object":"subscription","metadata":{"company_id":"9"},"id":"sub_1"},
			  "payment_intent":{"id":"pi_1"},"payment_link":{"id":"plink_1","metadata":{}},"id":"cs_1"}`,
			func() rightful.Object {
				o := base(rightful.TypeSession, "cs_1")
				o.StripeCustomerID, o.SubscriptionID, o.PaymentIntentID, o.PaymentLink = "cus_1", "sub_1", "pi_1", "plink_1"
				return o
			},
		},
		"payer is an account": {
			`{"id":"cs_1","object":"checkout.session","customer":null,"customer_account":"acct_9"}`,
			func() rightful.Object {
				o := base(rightful.TypeSession, "cs_1")
				o.StripeCustomerID = "acct_9"
				return o
			},
		},
		"customer goes before the account": {
			`{"id":"pi_1","object":"payment_intent","customer_account":"acct_9","customer":"cus_1","receipt_email":"r@example.com","status":"succeeded","items":7}`,
			func() rightful.Object {
				o := base(rightful.TypePaymentIntent, "pi_1")
				o.StripeCustomerID, o.Email, o.Status = "cus_1", "r@example.com", "succeeded"
				return o
			},
		},
		"subscription": {
			`{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","ended_at":null,"schedule":"sub_sched_1","pending_update":{"expires_at":1},
			  "metadata":null,"test_clock":{"id":"clock_1"},"items":{"object":"list","data":[
			   {"id":"si_1","price":{"id":"price_1","product":"prod_1","unit_amount":4900,"unit_amount_decimal":"4900","currency":"eur",
			     "recurring":{"interval":"month","interval_count":3,"usage_type":"licensed"}},"quantity":2,"plan":{"id":"ignored"}},
			   {"id":"si_2","price":{"id":"price_2","product":{"id":"prod_2","name":"x"},"unit_amount":null,"unit_amount_decimal":"0.5","currency":"usd","recurring":null}},
			   {"id":"si_3","price":null,"plan":{"id":"plan_3","product":"prod_3","amount":100,"currency":"usd","interval":"year","interval_count":1},"quantity":null},
			   {"id":"si_4","price":"price_4"}]},"plan":{"id":"ignored"}}`,
			func() rightful.Object {
				o := base(rightful.TypeSubscription, "sub_1")
				o.StripeCustomerID, o.Status, o.TestClock, o.HasSchedule, o.HasPendingUpdate = "cus_1", "active", "clock_1", true, true
				o.Items = []rightful.Item{
					{PriceID: "price_1", ProductID: "prod_1", UnitAmount: 4900, Currency: "eur", Interval: "month", IntervalCount: 3, Quantity: 2},
					{PriceID: "price_2", ProductID: "prod_2", UnitAmount: 1, Currency: "usd", Quantity: 1},
					{PriceID: "plan_3", ProductID: "prod_3", UnitAmount: 100, Currency: "usd", Interval: "year", IntervalCount: 1, Quantity: 1},
					{PriceID: "price_4", Quantity: 1},
				}
				return o
			},
		},
		"subscription with a plan only": {
			`{"id":"sub_1","object":"subscription","customer":"cus_1","quantity":3,"ended_at":1700000100,"schedule":null,"pending_update":null,
			  "items":{"data":[]},"plan":{"id":"plan_1","product":"prod_1","amount":null,"amount_decimal":"1250.4","currency":"usd","interval":"month","interval_count":1}}`,
			func() rightful.Object {
				o := base(rightful.TypeSubscription, "sub_1")
				o.StripeCustomerID, o.EndedAt = "cus_1", 1700000100
				o.Items = []rightful.Item{{PriceID: "plan_1", ProductID: "prod_1", UnitAmount: 1250, Currency: "usd", Interval: "month", IntervalCount: 1, Quantity: 3}}
				return o
			},
		},
		"items as a bare array": {
			`{"id":"sub_1","object":"subscription","items":[{"price":{"id":"price_1","unit_amount":5}}]}`,
			func() rightful.Object {
				o := base(rightful.TypeSubscription, "sub_1")
				o.Items = []rightful.Item{{PriceID: "price_1", UnitAmount: 5, Quantity: 1}}
				return o
			},
		},
		"numbers and nulls as metadata, escaped names": {
			`{"id":"cus_1","object":"customer","metadata":{"company_id":9007199254740993,"user_id":null,"\u0061pp":"caf\u00e9"}}`,
			func() rightful.Object {
				o := base(rightful.TypeCustomer, "cus_1")
				o.Metadata = map[string]string{"company_id": "9007199254740993", "app": "café"}
				return o
			},
		},
		"created as any whole number": {
			`{"id":"cus_1","object":"customer","created":1.7e9,"livemode":null,"deleted":null}`,
			func() rightful.Object {
				o := base(rightful.TypeCustomer, "cus_1")
				o.Created = 1700000000
				return o
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tt.want()
			for _, as := range []rightful.ObjectType{want.Type, ""} {
				got, err := stripeobject.Decode([]byte(tt.raw), as, keys, defaults)
				if err != nil {
					t.Fatalf("as %q: %v", as, err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("as %q (-want +got):\n%s", as, diff)
				}
			}
		})
	}
}

func TestDecodeWithoutObjectField(t *testing.T) {
	t.Parallel()
	got, err := stripeobject.Decode([]byte(`{"id":"sub_1","status":"active"}`), rightful.TypeSubscription, keys, defaults)
	if err != nil || got.Status != "active" {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		as   rightful.ObjectType
		says []string
	}{
		"other type":         {`{"id":"cus_1","object":"customer"}`, rightful.TypeSession, []string{"cus_1", "field object"}},
		"no type":            {`{"id":"cus_1"}`, "", []string{"cus_1", "object"}},
		"type not read":      {`{"id":"re_1","object":"refund"}`, "", []string{"re_1", "not read"}},
		"no id":              {`{"object":"customer"}`, "", []string{"(no id)", "field id"}},
		"empty id":           {`{"object":"customer","id":""}`, "", []string{"field id"}},
		"number as id":       {`{"object":"customer","id":5}`, "", []string{"field id"}},
		"created":            {`{"created":"soon","id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field created"}},
		"half a second":      {`{"created":1.5,"id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field created"}},
		"reference":          {`{"customer":17,"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field customer"}},
		"reference no id":    {`{"customer":{"object":"customer"},"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field customer"}},
		"reference odd id":   {`{"customer":{"id":[]},"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field customer.id"}},
		"metadata object":    {`{"metadata":{"company_id":{"a":"s3cret"}},"id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field metadata.company_id"}},
		"metadata not kept":  {`{"metadata":{"note":{"a":"s3cret"}},"id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field metadata.(key)"}},
		"metadata array":     {`{"metadata":["s3cret"],"id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field metadata"}},
		"metadata twice":     {`{"metadata":{"company_id":"s3cret","company_id":"s3cret2"},"id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1"}},
		"price product":      {`{"items":{"data":[{"price":{"product":5}}]},"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field items.price.product"}},
		"price amount":       {`{"items":[{"price":{"unit_amount_decimal":"1,5"}}],"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field items.price.unit_amount_decimal"}},
		"items":              {`{"items":{"data":{}},"id":"sub_1"}`, rightful.TypeSubscription, []string{"sub_1", "field items.data"}},
		"flag":               {`{"livemode":"s3cret","id":"cus_1"}`, rightful.TypeCustomer, []string{"cus_1", "field livemode"}},
		"array":              {`[]`, rightful.TypeCustomer, []string{"object"}},
		"two objects":        {`{"id":"cus_1"}{"id":"cus_2"}`, rightful.TypeCustomer, []string{"cus_1", "follows"}},
		"cut":                {`{"id":"cus_1","metadata":{"company_id":"s3cret`, rightful.TypeCustomer, []string{"cus_1", "not complete JSON"}},
		"empty":              {``, rightful.TypeCustomer, []string{"not complete JSON"}},
		"bytes that are not": {"{\"id\":\"cus_1\",\"email\":\"\xff\"}", rightful.TypeCustomer, []string{"cus_1", "not complete JSON"}},
		"an error of Stripe": {`{"error":{"message":"s3cret"}}`, rightful.TypeCustomer, []string{"field id"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stripeobject.Decode([]byte(tt.raw), tt.as, keys, defaults)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error %q holds a value", err)
			}
			if cut := strings.Contains(err.Error(), "not complete JSON"); cut != errors.Is(err, stripeobject.ErrNotJSON) {
				t.Errorf("error %q and ErrNotJSON do not agree", err)
			}
		})
	}
}

func TestDecimalAmounts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		`"0"`: 0, `"0.4999"`: 0, `"0.5"`: 1, `"1250.50"`: 1251, `"-0.5"`: -1, `"-1.49"`: -1, `12`: 12,
		`"92233720368547757.9"`: 92233720368547758, `null`: 0, `""`: 0,
	} {
		raw := `{"id":"sub_1","items":[{"price":{"unit_amount_decimal":` + text + `}}]}`
		o, err := stripeobject.Decode([]byte(raw), rightful.TypeSubscription, keys, defaults)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if o.Items[0].UnitAmount != want {
			t.Errorf("%s: got %d, want %d", text, o.Items[0].UnitAmount, want)
		}
	}
}
