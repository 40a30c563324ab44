package config

import (
	"fmt"
	"regexp"
	"strings"

	"rightful"
)

// Write holds the statements that a repair may run. Reading commands never use
// them. What has none is not written, and plans say so.
type Write struct {
	CompanyCustomer      string `yaml:"company_customer"`
	LinkCustomer         string `yaml:"link_customer"`
	LinkInsert           string `yaml:"link_insert"`
	LinkDelete           string `yaml:"link_delete"`
	SubscriptionCompany  string `yaml:"subscription_company"`
	SubscriptionCustomer string `yaml:"subscription_customer"`
	SubscriptionStatus   string `yaml:"subscription_status"`
	SubscriptionInsert   string `yaml:"subscription_insert"`
	SubscriptionDelete   string `yaml:"subscription_delete"`
}

// Configured reports whether anything of the database is written.
func (w Write) Configured() bool { return w != Write{} }

// Lacks returns the path of the statement without which a proposal cannot be
// written, and "" when nothing is missing.
func (w Write) Lacks(p rightful.Proposal) string {
	if p.Place != rightful.PlaceDB {
		return ""
	}
	statement, name := "", ""
	switch {
	case p.Object.Type == rightful.RefLink && p.From == nil:
		statement, name = w.LinkInsert+w.LinkCustomer, "link_insert"
	case p.Object.Type == rightful.RefLink && p.To == nil:
		statement, name = w.LinkDelete+w.LinkCustomer, "link_delete"
	case p.Object.Type == rightful.RefLink:
		statement, name = w.LinkCustomer, "link_customer"
	case p.Object.Type == rightful.RefCompany:
		statement, name = w.CompanyCustomer, "company_customer"
	case p.Field == rightful.FieldRow && p.From == nil:
		statement, name = w.SubscriptionInsert, "subscription_insert"
	case p.Field == rightful.FieldRow:
		statement, name = w.SubscriptionDelete, "subscription_delete"
	case p.Field == rightful.FieldRowStatus:
		statement, name = w.SubscriptionStatus, "subscription_status"
	case p.Field == rightful.FieldRowCompany:
		statement, name = w.SubscriptionCompany, "subscription_company"
	case p.Field == rightful.FieldRowCustomer:
		statement, name = w.SubscriptionCustomer, "subscription_customer"
	}
	if strings.TrimSpace(statement) != "" || name == "" {
		return ""
	}
	return "directory.write." + name
}

// The parameters that a statement must mention, and what a good one looks like.
var (
	changes   = []string{"id", "new", "old"}
	writeKeys = []struct {
		name    string
		text    func(Write) string
		needs   []string
		example string
	}{
		{"company_customer", func(w Write) string { return w.CompanyCustomer }, changes,
			"UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old"},
		{"link_customer", func(w Write) string { return w.LinkCustomer }, changes,
			"UPDATE links SET stripe_customer_id = :new WHERE company_id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old"},
		{"link_insert", func(w Write) string { return w.LinkInsert }, []string{"id", "new"},
			"INSERT INTO links (company_id, stripe_customer_id) VALUES (:id, :new)"},
		{"link_delete", func(w Write) string { return w.LinkDelete }, []string{"id", "old"},
			"DELETE FROM links WHERE company_id = :id AND stripe_customer_id = :old"},
		{"subscription_company", func(w Write) string { return w.SubscriptionCompany }, changes,
			"UPDATE subscriptions SET company_id = :new WHERE id = :id AND company_id IS NOT DISTINCT FROM :old"},
		{"subscription_customer", func(w Write) string { return w.SubscriptionCustomer }, changes,
			"UPDATE subscriptions SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old"},
		{"subscription_status", func(w Write) string { return w.SubscriptionStatus }, changes,
			"UPDATE subscriptions SET status = :new WHERE id = :id AND status IS NOT DISTINCT FROM :old"},
		{"subscription_insert", func(w Write) string { return w.SubscriptionInsert }, []string{"company_id", "stripe_subscription_id"},
			"INSERT INTO subscriptions (company_id, stripe_customer_id, stripe_subscription_id, status) VALUES (:company_id, :stripe_customer_id, :stripe_subscription_id, :status)"},
		{"subscription_delete", func(w Write) string { return w.SubscriptionDelete }, []string{"company_id", "stripe_subscription_id"},
			"DELETE FROM subscriptions WHERE stripe_subscription_id = :stripe_subscription_id AND company_id = :company_id AND stripe_customer_id = :stripe_customer_id AND status = :status"},
	}
)

// hintFor shows a good statement. Each database has a comparison of its own for
// which NULL equals NULL.
func hintFor(example string) string {
	if strings.Contains(example, "IS NOT DISTINCT FROM") {
		return "write " + example + "; in MySQL <=> and in SQLite IS stand for IS NOT DISTINCT FROM"
	}
	return "write " + example
}

// validateWrite refuses statements that would write without looking: the guard by
// :old is what keeps somebody else's change. Whether the database takes them is
// found out when they are about to be used, and by the doctor.
func (c *Config) validateWrite() error {
	for _, key := range writeKeys {
		text := key.text(c.Directory.Write)
		if strings.TrimSpace(text) == "" {
			continue
		}
		for _, name := range key.needs {
			if !regexp.MustCompile(`(^|[^:]):` + name + `\b`).MatchString(text) {
				return c.invalid("directory.write."+key.name, fmt.Sprintf("does not mention :%s", name),
					hintFor(key.example))
			}
		}
	}
	return nil
}
