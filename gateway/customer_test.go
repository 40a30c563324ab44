package gateway_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/source/sqldirectory"
)

// old is when the objects of the tests were made: long before noon.
const old = noon - 90*24*60*60

// customers is a world's list of customers: id, then key=value of metadata.
func customers(all ...string) string {
	var out []string
	for _, c := range all {
		id, metadata, _ := strings.Cut(c, " ")
		if metadata == "deleted" {
			out = append(out, fmt.Sprintf(`{"id": %q, "deleted": true}`, id))
			continue
		}
		out = append(out, fmt.Sprintf(`{"id": %q, "created": %d, "email": "%s@example.com", "metadata": %s}`, id, old, strings.ToLower(id), metadataJSON(metadata)))
	}
	return `"customers": [` + strings.Join(out, ", ") + `]`
}

func metadataJSON(pairs string) string {
	var out []string
	for _, pair := range strings.Fields(pairs) {
		key, value, _ := strings.Cut(pair, "=")
		out = append(out, fmt.Sprintf("%q: %q", key, value))
	}
	return "{" + strings.Join(out, ", ") + "}"
}

// active is a live subscription of a customer.
func active(id, customer, metadata string) string {
	return fmt.Sprintf(`"subscriptions": [{"id": %q, "customer": %q, "status": "active", "created": %d, "metadata": %s, "items": {"data": [{"price": {"id": "price_1", "product": "prod_1", "unit_amount": 900, "currency": "eur", "recurring": {"interval": "month", "interval_count": 1}}, "quantity": 1}]}}]`,
		id, customer, old, metadataJSON(metadata))
}

const (
	company11 = "INSERT INTO companies (id, name, owner_id) VALUES (11, 'S3bela', 7)"
	company12 = "INSERT INTO companies (id, name) VALUES (12, 'Other')"
	user7     = "INSERT INTO users VALUES (7, 'sam@example.com', 11)"
)

func linking(company int, customer string) string {
	return fmt.Sprintf("UPDATE companies SET stripe_customer_id = '%s' WHERE id = %d", customer, company)
}

// TestTheLinkedCustomer is what becomes of each thing that a company may link.
func TestTheLinkedCustomer(t *testing.T) {
	t.Parallel()
	readOnly := setup{options: func(o *gateway.Options) { o.Writer = nil }}
	lacking := setup{options: func(o *gateway.Options) {
		o.Lacks = func(rightful.Proposal) string { return "directory.write.company_customer" }
	}}
	unmapped := setup{mapping: func(_ *sqldirectory.Mapping, w *sqldirectory.WriteMapping) { w.CompanyCustomer = "" }}
	links := setup{mapping: func(m *sqldirectory.Mapping, w *sqldirectory.WriteMapping) {
		m.Companies = "SELECT id, name, owner_id AS owner_user_id, deleted_at, merged_into, billing_parent_id FROM companies"
		m.Links = "SELECT company_id, stripe_customer_id FROM billing_links"
		*w = sqldirectory.WriteMapping{
			LinkInsert:   "INSERT INTO billing_links (company_id, stripe_customer_id) VALUES (:id, :new)",
			LinkCustomer: "UPDATE billing_links SET stripe_customer_id = :new WHERE company_id = :id AND stripe_customer_id IS NOT DISTINCT FROM :old",
		}
	}}
	for _, tt := range []struct {
		name    string
		how     setup
		rows    []string
		lists   string
		company string // 11 when empty

		want    string // a customer; "new"; or the code of a refusal
		says    string // part of the operators' message
		secret  bool   // the refusal is a security matter
		healed  string // codes of what was put right
		stamped string // the customer's metadata afterwards
		linked  string // of company 11 afterwards; the customer when empty
	}{
		{name: "well", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11 app=ledgerly"), want: "cus_A"},
		{name: "untagged, and reached by the link", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11"), want: "cus_A"},
		{name: "stamped under an older key", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A org_id=11 app=ledgerly"), want: "cus_A", stamped: "app=ledgerly org_id=11"},
		{name: "stamped with the slug", rows: []string{"UPDATE companies SET slug = 's3bela'", linking(11, "cus_A")}, lists: customers("cus_A company_id=s3bela"), want: "cus_A"},
		{name: "nothing linked", want: "new", stamped: "app=ledgerly company_id=11"},
		{name: "nothing linked, and a slug", rows: []string{"UPDATE companies SET slug = 's3bela'"}, want: "new", stamped: "app=ledgerly company_id=s3bela"},
		{name: "somebody with the same email and name", lists: customers("cus_sam company_id=12 app=ledgerly"), want: "new"},
		{name: "nothing linked, and no writer", how: readOnly, want: "new", linked: "-"},
		{name: "nothing linked, and no statement to write it", how: lacking, want: "new", linked: "-"},
		{name: "nothing linked, and no statement, which nobody said before", how: unmapped, want: "new", linked: "-"},
		{name: "nothing in the table of links", how: links, want: "new", linked: "-"},
		{name: "well, in the table of links", how: links, rows: []string{"INSERT INTO billing_links VALUES (11, 'cus_A')"}, lists: customers("cus_A company_id=11"), want: "cus_A", linked: "-"},
		{name: "several in the table of links", how: links, rows: []string{"INSERT INTO billing_links VALUES (11, 'cus_A'), (11, 'cus_B')"}, lists: customers("cus_A company_id=11", "cus_B company_id=11"), want: "RF110", says: "cus_A, cus_B", linked: "-"},

		{name: "no stamp", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A plan=gold"), want: "cus_A", healed: "RF105", stamped: "company_id=11 plan=gold"},
		{name: "no stamp, and its subscription says another", rows: []string{linking(11, "cus_A"), "INSERT INTO users VALUES (8, 'cus_a@example.com', 12)", "INSERT INTO subscriptions VALUES (1, 12, 'cus_A', 'sub_1', 'active')"},
			lists: customers("cus_A plan=gold") + "," + active("sub_1", "cus_A", "company_id=12 user_id=8"), want: "RF", secret: true, stamped: "plan=gold", linked: "cus_A"},
		{name: "no stamp, and a row gives it to another", rows: []string{linking(11, "cus_A"), "INSERT INTO subscriptions VALUES (1, 12, 'cus_A', 'sub_1', 'active')"},
			lists: customers("cus_A plan=gold") + "," + active("sub_1", "cus_A", ""), want: "RF104", secret: true, says: "do not say", stamped: "plan=gold", linked: "cus_A"},
		{name: "no stamp, and shared", rows: []string{linking(11, "cus_A"), linking(12, "cus_A")}, lists: customers("cus_A"), want: "RF204", secret: true, says: "12", linked: "cus_A"},
		{name: "shared", rows: []string{linking(11, "cus_A"), linking(12, "cus_A")}, lists: customers("cus_A company_id=11"), want: "RF204", secret: true, linked: "cus_A"},
		{name: "shared with a company that is gone", rows: []string{linking(11, "cus_A"), linking(12, "cus_A"), "UPDATE companies SET deleted_at = 1 WHERE id = 12"}, lists: customers("cus_A company_id=11"), want: "cus_A"},
		{name: "another live company's stamp", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=12"), want: "RF104", secret: true, says: "company 12", stamped: "company_id=12", linked: "cus_A"},
		{name: "another live company's slug", rows: []string{linking(11, "cus_A"), "UPDATE companies SET slug = 'other' WHERE id = 12"}, lists: customers("cus_A company_id=other"), want: "RF104", secret: true, says: "company 12", linked: "cus_A"},
		{name: "another live company's slug, which is its own id", rows: []string{linking(11, "cus_A"), "UPDATE companies SET slug = '11' WHERE id = 12", "UPDATE companies SET slug = 's3bela' WHERE id = 11"}, lists: customers("cus_A company_id=11"), want: "RF104", secret: true, says: "company 12", linked: "cus_A"},
		{name: "its own id, which is an old form", rows: []string{linking(11, "cus_A"), "UPDATE companies SET slug = 's3bela' WHERE id = 11"}, lists: customers("cus_A company_id=11"), want: "cus_A", stamped: "company_id=11"},
		{name: "a stamp of nobody, and two voices", rows: []string{linking(11, "cus_A"), "UPDATE users SET email = 'cus_a@example.com'"}, lists: customers("cus_A company_id=4 app=ledgerly"), want: "cus_A", healed: "RF101", stamped: "app=ledgerly company_id=11"},
		{name: "a stamp of nobody, and one voice", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=4"), want: "RF101", says: `"4"`, stamped: "company_id=4", linked: "cus_A"},
		{name: "a stamp of a company that was deleted", rows: []string{linking(11, "cus_A"), "UPDATE companies SET deleted_at = 1 WHERE id = 12"}, lists: customers("cus_A company_id=12"), want: "RF102", stamped: "company_id=12", linked: "cus_A"},
		{name: "a stamp of a company that was merged into it", rows: []string{linking(11, "cus_A"), "UPDATE companies SET merged_into = 11 WHERE id = 12"}, lists: customers("cus_A company_id=12"), want: "cus_A", healed: "RF102", stamped: "company_id=11"},
		{name: "another application's", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A company_id=11 app=shop"), want: "RF903", linked: "cus_A"},
		{name: "unknown to Stripe", rows: []string{linking(11, "cus_gone")}, want: "RF302", says: "cus_gone", linked: "cus_gone"},
		{name: "deleted", rows: []string{linking(11, "cus_A")}, lists: customers("cus_A deleted"), want: "new", healed: "RF301"},
		{name: "deleted, and no writer", how: readOnly, rows: []string{linking(11, "cus_A")}, lists: customers("cus_A deleted"), want: "new", healed: "RF301", linked: "cus_A"},
		{name: "deleted, and a row is live", rows: []string{linking(11, "cus_A"), "INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')"}, lists: customers("cus_A deleted"), want: "RF301", says: "active", linked: "cus_A"},
		{name: "deleted, and its row is over", rows: []string{linking(11, "cus_A"), "INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'canceled')"}, lists: customers("cus_A deleted"), want: "new", healed: "RF301"},
		{name: "a placeholder", rows: []string{linking(11, "pending_11")}, want: "new"},

		{name: "billed through another", rows: []string{linking(11, "cus_A"), "UPDATE companies SET billing_parent_id = 11 WHERE id = 12"}, company: "12", lists: customers("cus_A company_id=11"), want: "cus_A"},
		{name: "both link it, one billed through the other", rows: []string{linking(11, "cus_A"), linking(12, "cus_A"), "UPDATE companies SET billing_parent_id = 11 WHERE id = 12"}, lists: customers("cus_A company_id=11"), want: "cus_A"},
		{name: "stamped with one that is billed through it", rows: []string{linking(11, "cus_A"), "UPDATE companies SET billing_parent_id = 11 WHERE id = 12"}, lists: customers("cus_A company_id=12"), want: "cus_A", stamped: "company_id=12"},
		{name: "billed in a circle", rows: []string{"UPDATE companies SET billing_parent_id = 23 - id"}, want: "customer_refused", says: "again", linked: "-"},
		{name: "billed through itself", rows: []string{"UPDATE companies SET billing_parent_id = id"}, want: "customer_refused", says: "itself", linked: "-"},
		{name: "billed through nobody", rows: []string{"UPDATE companies SET billing_parent_id = 99"}, want: "company_gone", says: "99", linked: "-"},

		{name: "a row names its customer", rows: []string{"INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')", "UPDATE users SET email = 'cus_a@example.com'"},
			lists: customers("cus_A company_id=11 user_id=7") + "," + active("sub_1", "cus_A", "company_id=11 user_id=7"), want: "cus_A", healed: "RF106"},
		{name: "a row names another's customer", rows: []string{"INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')", linking(12, "cus_A")},
			lists: customers("cus_A company_id=12") + "," + active("sub_1", "cus_A", "company_id=12"), want: "new"},
		{name: "a row names a customer that says another", rows: []string{"INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')", "INSERT INTO users VALUES (8, 'cus_a@example.com', 12)"},
			lists: customers("cus_A company_id=12 user_id=8") + "," + active("sub_1", "cus_A", "company_id=12 user_id=8"), want: "new"},
		{name: "a row names a deleted customer", rows: []string{"INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'canceled')"}, lists: customers("cus_A deleted"), want: "new"},

		{name: "a company that was deleted", rows: []string{linking(11, "cus_A"), "UPDATE companies SET deleted_at = 1"}, lists: customers("cus_A company_id=11"), want: "company_gone", linked: "cus_A"},
		{name: "a company that was merged", rows: []string{linking(11, "cus_A"), "UPDATE companies SET merged_into = 12 WHERE id = 11"}, lists: customers("cus_A company_id=11"), want: "company_gone", says: "12", linked: "cus_A"},
	} {
		for _, engine := range engines {
			t.Run(engine+", "+tt.name, func(t *testing.T) {
				t.Parallel()
				tt, how := tt, tt.how
				how.engine = engine
				options := how.options
				how.options = func(o *gateway.Options) {
					o.Placeholders = pending
					if options != nil {
						options(o)
					}
				}
				if tt.company == "" {
					tt.company = "11"
				}
				p := rent(t, how, append([]string{company11, company12, user7}, tt.rows...), tt.lists)
				g := p.gateway()
				got, err := g.EnsureCustomer(t.Context(), tt.company, gateway.CustomerDetails{Name: "S3bela", Email: "sam@example.com"})
				if id := checkChosen(t, p, got, err, tt.want, tt.says, tt.secret); id != "" {
					tt.want = id
				}
				if err == nil && tt.linked == "" {
					tt.linked = tt.want
				}
				if tt.linked != "" && p.link(11) != tt.linked {
					t.Errorf("company 11 links %s, want %s", p.link(11), tt.linked)
				}
				id := "cus_A"
				if err == nil {
					id = got.StripeCustomerID
				}
				if tt.stamped != "" && p.metadata("/v1/customers/"+id) != tt.stamped {
					t.Errorf("%s is stamped %s, want %s", id, p.metadata("/v1/customers/"+id), tt.stamped)
				}
				var healed []string
				for _, d := range p.told(gateway.DecidedHealing) {
					healed = append(healed, d.Codes...)
				}
				if strings.Join(healed, " ") != tt.healed {
					t.Errorf("healed %v, want %q", healed, tt.healed)
				}
				if err != nil {
					return
				}
				again, err := g.EnsureCustomer(t.Context(), tt.company, gateway.CustomerDetails{})
				if err != nil || again.Created || again.StripeCustomerID != got.StripeCustomerID {
					t.Errorf("asked again: %+v %v, want %s", again, err, got.StripeCustomerID)
				}
			})
		}
	}
}

// checkChosen compares an answer with what was wanted, and returns the id of a new
// customer.
func checkChosen(t *testing.T, p *premises, got gateway.Customer, err error, want, says string, secret bool) (id string) {
	t.Helper()
	refused, isRefusal := errors.AsType[*gateway.Refusal](err)
	switch {
	case strings.HasPrefix(want, "cus_"):
		if err != nil || got != (gateway.Customer{StripeCustomerID: want}) {
			t.Fatalf("%+v %v, want %s", got, err, want)
		}
	case want == "new":
		if err != nil || !got.Created || !slices.Contains(p.all("/v1/customers"), got.StripeCustomerID) {
			t.Fatalf("%+v %v, want a new customer", got, err)
		}
		return got.StripeCustomerID
	default:
		if !isRefusal || rightful.KindOf(err) != rightful.KindConflict {
			t.Fatalf("%+v %v, want the refusal %s", got, err, want)
		}
		if !strings.HasPrefix(string(refused.Code), want) && string(refused.Status) != want {
			t.Errorf("refused with %s, code %s: %s; want %s", refused.Status, refused.Code, refused.Message, want)
		}
		if !strings.Contains(refused.Message, says) || refused.Security != secret {
			t.Errorf("refused with %q (security %v), want %q (security %v)", refused.Message, refused.Security, says, secret)
		}
		for _, other := range []string{"12", "cus_", "Other", "S3bela"} {
			if strings.Contains(refused.BuyerMessage, other) || refused.BuyerMessage == "" {
				t.Errorf("the buyer is told %q", refused.BuyerMessage)
			}
		}
	}
	return ""
}
