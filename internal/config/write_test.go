package config_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/config"
)

func TestWriteNeedsItsParameters(t *testing.T) {
	t.Parallel()
	const start = "directory:\n  dsn: 'sqlite:a.db'\n  companies: SELECT id FROM c\n  write:\n"
	for line, missing := range map[string]string{
		"company_customer: UPDATE c SET x = :new WHERE id = :id":                                 ":old",
		"company_customer: UPDATE c SET x = :new WHERE id = :id AND x IS NOT :older":             ":old",
		"company_customer: UPDATE c SET x = :new::old WHERE id = :id":                            ":old",
		"link_customer: UPDATE l SET x = 'a' WHERE c = :id AND x IS :old":                        ":new",
		"link_insert: INSERT INTO l VALUES (:id, 'a')":                                           ":new",
		"link_delete: DELETE FROM l WHERE c = :id":                                               ":old",
		"subscription_company: UPDATE s SET c = :new WHERE c IS :old":                            ":id",
		"subscription_customer: UPDATE s SET c = :new WHERE id = :id":                            ":old",
		"subscription_status: UPDATE s SET c = :new WHERE id = :id":                              ":old",
		"subscription_insert: INSERT INTO s VALUES (:company_id, :stripe_customer_id)":           ":stripe_subscription_id",
		"subscription_insert: INSERT INTO s (t) VALUES (:stripe_subscription_id)":                ":company_id",
		"subscription_delete: DELETE FROM s WHERE t = :stripe_subscription_id":                   ":company_id",
		"subscription_delete: DELETE FROM s WHERE c = :company_id AND status = :status":          ":stripe_subscription_id",
		"company_customer: UPDATE c SET x = :new WHERE id = :id AND x IS NOT DISTINCT FROM :old": "",
		"link_insert: INSERT INTO l VALUES (:id, :new)":                                          "",
	} {
		_, err := read(t, start+"    "+line+"\nstripe: {key: sk_test_1}\n", nil)
		key, _, _ := strings.Cut(line, ":")
		switch {
		case missing == "" && err != nil:
			t.Errorf("%s: %v", line, err)
		case missing != "" && (rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), ":5:5: directory.write."+key+": does not mention "+missing) || !strings.Contains(err.Error(), "next: write ")):
			t.Errorf("%s: got %v", line, err)
		}
	}
	if _, err := read(t, start+"    company_costumer: x\nstripe: {key: sk_test_1}\n", nil); err == nil || !strings.Contains(err.Error(), "did you mean company_customer?") {
		t.Errorf("got %v", err)
	}
}

func TestWriteSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	a, b := "a", "b"
	db := func(typ, field string, from, to *string) rightful.Proposal {
		return rightful.Proposal{Place: rightful.PlaceDB, Object: rightful.Ref{Type: typ, ID: "1"}, Field: field, From: from, To: to}
	}
	company, link, row := rightful.RefCompany, rightful.RefLink, rightful.RefSubscriptionRow
	all := config.Write{CompanyCustomer: "x", LinkCustomer: "x", LinkInsert: "x", LinkDelete: "x", SubscriptionCompany: "x", SubscriptionCustomer: "x",
		SubscriptionStatus: "x", SubscriptionInsert: "x", SubscriptionDelete: "x"}
	for _, tt := range []struct {
		p     rightful.Proposal
		lacks string
		also  config.Write // with which alone it can be written too
	}{
		{db(company, rightful.FieldLink, nil, &a), "company_customer", config.Write{CompanyCustomer: "x"}},
		{db(link, rightful.FieldLink, nil, &a), "link_insert", config.Write{LinkCustomer: "x"}},
		{db(link, rightful.FieldLink, &a, nil), "link_delete", config.Write{LinkCustomer: "x"}},
		{db(link, rightful.FieldLink, &a, &b), "link_customer", config.Write{LinkCustomer: "x"}},
		{db(row, rightful.FieldRowCompany, &a, &b), "subscription_company", config.Write{SubscriptionCompany: "x"}},
		{db(row, rightful.FieldRowCustomer, &a, &b), "subscription_customer", config.Write{SubscriptionCustomer: "x"}},
		{db(row, rightful.FieldRowStatus, &a, &b), "subscription_status", config.Write{SubscriptionStatus: "x"}},
		{db(row, rightful.FieldRow, nil, &b), "subscription_insert", config.Write{SubscriptionInsert: "x"}},
		{db(row, rightful.FieldRow, &a, nil), "subscription_delete", config.Write{SubscriptionDelete: "x"}},
	} {
		if got := (config.Write{}).Lacks(tt.p); got != "directory.write."+tt.lacks {
			t.Errorf("%+v lacks %q", tt.p, got)
		}
		if got := all.Lacks(tt.p) + tt.also.Lacks(tt.p); got != "" {
			t.Errorf("%+v lacks %q, though it is set", tt.p, got)
		}
	}
	if got := (config.Write{}).Lacks(rightful.Proposal{Place: rightful.PlaceStripe}); got != "" || (config.Write{}).Configured() || !all.Configured() {
		t.Errorf("a stamp lacks %q", got)
	}
}
