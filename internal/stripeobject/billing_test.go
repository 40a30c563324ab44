package stripeobject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/stripeobject"
)

// TestDecodeBilling reads what repairs and money depend on, in the forms of
// several API versions.
func TestDecodeBilling(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		raw  string
		want rightful.Object // without account and mode
	}{
		"schedule": {
			`{"id":"sub_sched_1","object":"subscription_schedule","created":5,"customer":"cus_1","subscription":{"id":"sub_1"},"released_subscription":null,
			  "status":"active","test_clock":"clock_1","metadata":{"company_id":"4","note":"private"},"current_phase":{"start_date":30},"phases":[
			   {"start_date":30,"end_date":40,"items":[{"metadata":{"company_id":"9"}}],"metadata":{"company_id":"5","note":"private"}},
			   {"start_date":10,"end_date":30,"metadata":{}},
			   {"start_date":40,"end_date":null,"metadata":null}],"default_settings":{"billing_cycle_anchor":"automatic"}}`,
			rightful.Object{
				Type: rightful.TypeSchedule, ID: "sub_sched_1", Created: 5, StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Status: "active", TestClock: "clock_1",
				Metadata: map[string]string{"company_id": "4"},
				Phases:   []rightful.Phase{{Start: 10, End: 30}, {Start: 30, End: 40, Metadata: map[string]string{"company_id": "5"}}, {Start: 40}},
			},
		},
		"released schedule": {
			`{"id":"sub_sched_1","object":"subscription_schedule","customer":null,"customer_account":"acct_9","subscription":null,"released_subscription":"sub_2","status":"released","phases":null}`,
			rightful.Object{Type: rightful.TypeSchedule, ID: "sub_sched_1", StripeCustomerID: "acct_9", SubscriptionID: "sub_2", Status: "released"},
		},
		"invoice": {
			`{"id":"in_1","object":"invoice","created":5,"customer":"cus_1","customer_email":"a@example.com","status":"paid","amount_paid":4900,"amount_due":4900,
			  "metadata":{"company_id":"6"},"parent":{"type":"subscription_details","quote_details":null,
			   "subscription_details":{"metadata":{"company_id":"4","note":"private"},"subscription":"sub_1"}}}`,
			rightful.Object{
				Type: rightful.TypeInvoice, ID: "in_1", Created: 5, StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Status: "paid", AmountPaid: 4900,
				Metadata: map[string]string{"company_id": "6"}, Snapshot: map[string]string{"company_id": "4"},
			},
		},
		"invoice before basil": {
			`{"id":"in_1","object":"invoice","customer":{"id":"cus_1","deleted":true},"status":"open","amount_paid":0,"subscription":{"id":"sub_1","object":"subscription"},
			  "subscription_details":{"metadata":{"company_id":"4"}}}`,
			rightful.Object{Type: rightful.TypeInvoice, ID: "in_1", StripeCustomerID: "cus_1", SubscriptionID: "sub_1", Status: "open", Snapshot: map[string]string{"company_id": "4"}},
		},
		"invoice of both forms: the new one counts": {
			`{"id":"in_1","object":"invoice","parent":{"subscription_details":{"subscription":"sub_2","metadata":{"company_id":"5"}}},
			  "subscription":"sub_1","subscription_details":{"metadata":{"company_id":"4"}}}`,
			rightful.Object{Type: rightful.TypeInvoice, ID: "in_1", SubscriptionID: "sub_2", Snapshot: map[string]string{"company_id": "5"}},
		},
		"invoice of no subscription": {
			`{"id":"in_1","object":"invoice","parent":null,"subscription":null,"subscription_details":null}`,
			rightful.Object{Type: rightful.TypeInvoice, ID: "in_1"},
		},
		"invoice of a quote": {
			`{"id":"in_1","object":"invoice","parent":{"type":"quote_details","quote_details":{"quote":"qt_1"},"subscription_details":null}}`,
			rightful.Object{Type: rightful.TypeInvoice, ID: "in_1"},
		},
		"charge": {
			`{"id":"ch_1","object":"charge","created":5,"customer":"cus_1","payment_intent":{"id":"pi_1"},"status":"succeeded","paid":true,"amount":100,"amount_captured":60,
			  "receipt_email":"a@example.com","billing_details":{"email":"b@example.com","name":"Ann"},"metadata":{"company_id":"4"}}`,
			rightful.Object{
				Type: rightful.TypeCharge, ID: "ch_1", Created: 5, StripeCustomerID: "cus_1", PaymentIntentID: "pi_1", Status: "succeeded", AmountPaid: 60,
				Metadata: map[string]string{"company_id": "4"},
			},
		},
		"charge that is only authorized": {
			`{"id":"ch_1","object":"charge","paid":true,"captured":false,"amount":100,"amount_captured":0}`,
			rightful.Object{Type: rightful.TypeCharge, ID: "ch_1"},
		},
		"charge that does not tell what was captured": {
			`{"id":"ch_1","object":"charge","amount":100,"paid":true,"amount_captured":null}`,
			rightful.Object{Type: rightful.TypeCharge, ID: "ch_1", AmountPaid: 100},
		},
		"charge that failed": {
			`{"id":"ch_1","object":"charge","amount":100,"paid":false,"status":"failed"}`,
			rightful.Object{Type: rightful.TypeCharge, ID: "ch_1", Status: "failed"},
		},
		"payment method": {
			`{"id":"pm_1","object":"payment_method","created":5,"customer":"cus_1","type":"card","card":{"last4":"4242","brand":"visa"},"billing_details":{"email":"a@example.com"},"metadata":{"company_id":"4"}}`,
			rightful.Object{Type: rightful.TypePaymentMethod, ID: "pm_1", Created: 5, StripeCustomerID: "cus_1", Metadata: map[string]string{"company_id": "4"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tt.want
			want.Account, want.Livemode = "acct_1", true
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

func TestDecodeBillingErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ raw, says string }{
		"phases":         {`{"id":"x","object":"subscription_schedule","phases":{}}`, "field phases: want an array"},
		"phase":          {`{"id":"x","object":"subscription_schedule","phases":[7]}`, "field phases.(phase): want an object"},
		"phase time":     {`{"id":"x","object":"subscription_schedule","phases":[{"start_date":"now"}]}`, "field phases.(phase).start_date"},
		"phase metadata": {`{"id":"x","object":"subscription_schedule","phases":[{"metadata":{"company_id":["s3cret"]}}]}`, "field phases.(phase).metadata.company_id"},
		"snapshot":       {`{"id":"x","object":"invoice","parent":{"subscription_details":{"metadata":["s3cret"]}}}`, "field parent.subscription_details.metadata"},
		"amount":         {`{"id":"x","object":"invoice","amount_paid":"s3cret"}`, "field amount_paid"},
		"paid":           {`{"id":"x","object":"charge","paid":"s3cret"}`, "field paid"},
		"payer":          {`{"id":"x","object":"payment_method","customer":[]}`, "field customer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := stripeobject.Decode([]byte(tt.raw), "", keys, defaults)
			if err == nil || !strings.Contains(err.Error(), " x: "+tt.says) {
				t.Fatalf("error %v does not say %q", err, tt.says)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error holds a value: %v", err)
			}
		})
	}
}
