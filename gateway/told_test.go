package gateway_test

import (
	"fmt"
	"testing"

	"rightful"
	"rightful/gateway"
)

// TestEventsTellCodesAsConfigured: neither notices nor decisions tell codes that are off,
// and findings have the severity that is configured. Whose an event is, is the same.
func TestEventsTellCodesAsConfigured(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		off      map[rightful.Code]bool
		severity map[rightful.Code]rightful.Severity
		codes    string // of the event, and of one that was missed
		missed   string
		found    rightful.Severity
	}{
		"as they are": {nil, nil, "[RF101]", "[RF905]", rightful.SeverityError},
		"off":         {map[rightful.Code]bool{"RF101": true, "RF905": true}, nil, "[]", "[]", ""},
		"a warning":   {nil, map[rightful.Code]rightful.Severity{"RF101": rightful.SeverityWarning}, "[RF101]", "[RF905]", rightful.SeverityWarning},
		"information": {nil, map[rightful.Code]rightful.Severity{"RF101": rightful.SeverityInfo}, "[]", "[RF905]", ""},
	} {
		o := openOffice(t, setup{options: func(o *gateway.Options) { o.Off, o.Severity = tt.off, tt.severity }}, officeRows, "")
		if _, err := o.CatchUp(t.Context()); err != nil { // begins here
			t.Fatal(err)
		}
		id := o.postID("/v1/customers", "metadata[company_id]", "11", "metadata[app]", "ledgerly")
		o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE id = 11")
		o.settle()
		o.statuses()
		o.later(5)
		o.post("/v1/customers/"+id, "metadata[company_id]", "4")
		o.settle()
		o.noticed.Lock()
		last := o.notices[len(o.notices)-1]
		o.noticed.Unlock()
		if last.CompanyID != "11" || fmt.Sprint(last.Findings) != tt.codes {
			t.Errorf("%s: noticed %+v", name, last)
		}
		d := o.premises.told(gateway.DecidedWebhook)
		if len(d) != 1 || fmt.Sprint(d[0].Codes) != tt.codes || d[0].CompanyID != "11" || d[0].Status != "mine" {
			t.Fatalf("%s: decided %+v", name, d)
		}
		switch f := d[0].Findings; {
		case tt.found == "" && len(f) == 0:
		case len(f) != 1 || f[0].Severity != tt.found:
			t.Errorf("%s: to be kept: %+v", name, f)
		}
		o.post("/v1/customers/"+id, "name", "A")
		o.later(6 * 60)
		if n, err := o.CatchUp(t.Context()); err != nil || n != 1 {
			t.Fatalf("%s: missed %d, %v", name, n, err)
		}
		if d := o.premises.told(gateway.DecidedWebhook); len(d) != 1 || d[0].Status != "missed" || fmt.Sprint(d[0].Codes) != tt.missed {
			t.Errorf("%s: of what was missed: %+v", name, d)
		}
	}
}
