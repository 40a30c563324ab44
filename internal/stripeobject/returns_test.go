package stripeobject_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/stripeobject"
)

// TestReturnsTo: the page that a buyer returns to is kept, and nothing that tells one
// buyer from another.
func TestReturnsTo(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"success_url":"https://app.example.com/paid?session_id={CHECKOUT_SESSION_ID}&t=secret#x"`: "app.example.com/paid",
		`"success_url":"https://user:secret@app.example.com/legacy/thanks"`:                        "app.example.com/legacy/thanks",
		`"success_url":"https://app.example.com/v1/companies/17/paid/{CHECKOUT_SESSION_ID}"`:       "app.example.com/v1/companies/*/paid/*",
		`"success_url":"https://app.example.com/u/ana%40example.com/done"`:                         "app.example.com/u/*/done",
		`"success_url":null,"return_url":"https://app.example.com/embedded"`:                       "app.example.com/embedded",
		`"success_url":"https://app.example.com"`:                                                  "app.example.com",
		`"success_url":"thanks"`:      "",
		`"success_url":"https://%zz"`: "",
		`"success_url":"https://app.example.com/` + strings.Repeat("page/", 99) + `"`: "app.example.com/" + strings.Repeat("page/", 99)[:200-len("app.example.com/")],
	} {
		o, err := stripeobject.Decode([]byte(`{"id":"cs_1","object":"checkout.session",`+fields+`}`), rightful.TypeSession, keys, defaults)
		if err != nil || o.ReturnsTo != want {
			t.Errorf("%s: %q, %v, want %q", fields, o.ReturnsTo, err, want)
		}
	}
	if _, err := stripeobject.Decode([]byte(`{"id":"cs_1","object":"checkout.session","success_url":{"secret":1}}`), rightful.TypeSession, keys, defaults); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}
