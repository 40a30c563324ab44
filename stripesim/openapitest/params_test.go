package openapitest_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"rightful/stripesim/openapitest"
)

// Every parameter that Stripe's document has for an operation is known to the
// simulator: obeyed, without effect, or refused by name. None is "unknown".
func TestEveryParameterOfStripeIsKnown(t *testing.T) {
	d := newDrive(t)
	page, err := os.ReadFile("../../docs/stripesim.md")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| `([A-Z]+) (/v1/[^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		method, path := m[2], strings.Replace(m[3], "{id}", "none_1", 1)
		for _, name := range d.spec.Parameters(method, path) {
			if name == "account" { // of the path, under another name
				continue
			}
			asked++
			raw, _ := d.send(method, path+"?"+name+"=x", "")
			if strings.Contains(string(raw), `"parameter_unknown"`) {
				t.Errorf("%s: Stripe knows the parameter %s", m[1], name)
			}
		}
	}
	if asked < 500 {
		t.Errorf("only %d parameters were asked for", asked)
	}
}

func TestParametersOfTheDocument(t *testing.T) {
	spec, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(spec.Parameters("GET", "/v1/webhook_endpoints"), " "); got != "ending_before expand limit starting_after" {
		t.Errorf("of a list: %s", got)
	}
	if got := strings.Join(spec.Parameters("POST", "/v1/payment_methods/pm_1/attach"), " "); got != "customer customer_account expand" {
		t.Errorf("of a form: %s", got)
	}
}
