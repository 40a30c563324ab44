package sqldirectory_test

import (
	"slices"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/sqldirectory"
)

// nullSafe is the comparison for which NULL equals NULL.
var nullSafe = map[string]string{"sqlite": "IS", "postgres": "IS NOT DISTINCT FROM", "mariadb": "<=>"}

// writes is the write mapping of the tables that seed makes.
func (e engine) writes() sqldirectory.WriteMapping {
	is := " " + nullSafe[e.name] + " "
	return sqldirectory.WriteMapping{
		CompanyCustomer:      "UPDATE companies SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id" + is + ":old",
		LinkCustomer:         "UPDATE links SET stripe_customer_id = :new WHERE company_id = :id AND stripe_customer_id" + is + ":old",
		LinkInsert:           "INSERT INTO links (company_id, stripe_customer_id) VALUES (:id, :new)",
		LinkDelete:           "DELETE FROM links WHERE company_id = :id AND stripe_customer_id = :old",
		SubscriptionCompany:  "UPDATE subscriptions SET company_id = :new WHERE id = :id AND company_id" + is + ":old",
		SubscriptionCustomer: "UPDATE subscriptions SET stripe_customer_id = :new WHERE id = :id AND stripe_customer_id" + is + ":old",
		SubscriptionStatus:   "UPDATE subscriptions SET status = :new WHERE id = :id AND status" + is + ":old",
		// The id is one that fits the column, whatever that is, and that no row has.
		SubscriptionInsert: "INSERT INTO subscriptions (id, company_id, stripe_customer_id, stripe_subscription_id, status) VALUES (:company_id, :company_id, :stripe_customer_id, :stripe_subscription_id, :status)",
		SubscriptionDelete: "DELETE FROM subscriptions WHERE stripe_subscription_id = :stripe_subscription_id AND company_id = :company_id AND stripe_customer_id = :stripe_customer_id AND status = :status",
	}
}

func openWriter(t *testing.T, d *sqldirectory.Directory, dsn string, m sqldirectory.WriteMapping) *sqldirectory.Writer {
	t.Helper()
	w, err := sqldirectory.OpenWriter(t.Context(), d, dsn, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestWriterConformance(t *testing.T) {
	t.Parallel()
	numbers, uuids, anything := []sourcetest.IDs{sourcetest.IDsNumbers}, []sourcetest.IDs{sourcetest.IDsUUIDs},
		[]sourcetest.IDs{sourcetest.IDsNumbers, sourcetest.IDsUUIDs, sourcetest.IDsText}
	for _, column := range []struct {
		engine int
		idType string
		holds  []sourcetest.IDs
	}{
		{0, "integer", numbers},
		{0, "text", anything},
		{0, "", anything},
		{1, "bigint", numbers},
		{1, "numeric(20, 2)", numbers},
		{1, "uuid", uuids},
		{1, "text", anything},
		{2, "bigint unsigned", numbers},
		{2, "varchar(400)", anything},
		{2, "binary(16)", uuids},
		{2, "uuid", uuids},
	} {
		e := engines[column.engine]
		t.Run(e.name+" "+column.idType, func(t *testing.T) {
			t.Parallel()
			sourcetest.TestDirectoryWriter(t, func(t *testing.T, rows sourcetest.DirectoryRows) (rightful.DirectoryReader, rightful.DirectoryWriter) {
				if !slices.Contains(column.holds, rows.IDs) {
					t.Skipf("a column of type %s holds no %s", column.idType, rows.IDs)
				}
				dsn, mapping := e.seed(t, rows, column.idType)
				d := open(t, dsn, mapping)
				return d, openWriter(t, d, dsn, e.writes())
			})
		})
	}
}
