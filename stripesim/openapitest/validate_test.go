package openapitest_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"

	"rightful/stripesim/openapitest"
)

func decode(t *testing.T, raw string) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// Stripe's own examples must pass, or the validator asks for too much. They do
// contain a few fields that the document leaves out.
func TestStripesExamplesFit(t *testing.T) {
	spec, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	var fixtures struct{ Resources map[string]any }
	decoder := json.NewDecoder(bytes.NewReader(embedded.OpenAPIFixtures))
	decoder.UseNumber()
	if err := decoder.Decode(&fixtures); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"customer", "deleted_customer", "checkout.session", "subscription", "payment_intent", "setup_intent",
		"payment_method", "charge", "invoice", "product", "price", "subscription_schedule", "webhook_endpoint", "event", "account", "balance"} {
		example := fixtures.Resources[kind]
		if example == nil {
			t.Errorf("there is no example of %s", kind)
			continue
		}
		for _, violation := range spec.Validate(&openapitest.Schema{Ref: "#/components/schemas/" + kind}, example) {
			if !violation.Extra {
				t.Errorf("%s: %s", kind, violation)
			}
		}
	}
}

// And what is wrong must not pass.
func TestViolationsAreFound(t *testing.T) {
	spec, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	endpoint := func(change string) string {
		good := `{"id":"we_1","object":"webhook_endpoint","api_version":null,"created":1,"enabled_events":["*"],"livemode":false,"metadata":{},"status":"enabled","url":"https://x"}`
		was, is, _ := strings.Cut(change, " => ")
		return strings.Replace(good, was, is, 1)
	}
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(""), ""},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"created":1, => `), "$.created (webhook_endpoint.created): missing"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"created":1 => "created":"1"`), "1 is not an integer"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"created":1 => "created":1.5`), "1.5 is not an integer"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"livemode":false => "livemode":null`), "null, which the document does not allow"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`["*"] => [7]`), "$.enabled_events[0] (webhook_endpoint.enabled_events): 7 is not a string"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`["*"] => "*"`), "is not an array"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"metadata":{} => "metadata":{"a":1}`), "$.metadata.a"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"status" => "state":"x","status"`), "does not know this field"},
		{"GET", "/v1/webhook_endpoints/we_1", endpoint(`"webhook_endpoint" => "hook"`), "hook is not one of [webhook_endpoint]"},
		{"GET", "/v1/customers/cus_1", `{"id":"cus_1","object":"customer","deleted":true}`, ""},
		{"GET", "/v1/customers/cus_1", `{"id":"cus_1","object":"customer","deleted":false}`, "false is not one of [true]"},
		{"GET", "/v1/customers/cus_1", `{"id":"cus_1","object":"customer","created":1,"livemode":true,"test_clock":{"id":"c"}}`, "test_clock"},
		{"GET", "/v1/balance", `{"object":"balance","available":[{"amount":0,"currency":"USD"}],"livemode":true,"pending":[]}`, `"USD" is not a currency`},
	} {
		schema := spec.Answer(c.method, c.path, true)
		if schema == nil {
			t.Fatalf("%s %s is not in the document", c.method, c.path)
		}
		var found []string
		for _, violation := range spec.Validate(schema, decode(t, c.body)) {
			found = append(found, violation.String())
		}
		switch {
		case c.want == "" && len(found) > 0:
			t.Errorf("%s: %v", c.body, found)
		case c.want != "" && !strings.Contains(strings.Join(found, "\n"), c.want):
			t.Errorf("%s: found %q, want %q", c.body, found, c.want)
		}
	}
	if spec.Answer("GET", "/v1/nonsense", true) != nil || spec.Answer("PATCH", "/v1/customers", true) != nil {
		t.Error("the document knows what it should not")
	}
	if spec.Answer("GET", "/v1/customers/search", true).Properties["next_page"] == nil {
		t.Error("a literal path does not win over a parameter")
	}
}
