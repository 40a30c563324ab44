package sqldirectory_test

import (
	"fmt"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// TestTakingALinkBackLeavesTheAppsRow: a link that was filled into a row of the app's
// leaves that row, with all else that stands in it. Only a row that cannot be without
// a customer, and so was added with it, goes. One that is removed for good goes as
// the statement says.
func TestTakingALinkBackLeavesTheAppsRow(t *testing.T) {
	t.Parallel()
	for _, e := range engines {
		for _, tt := range []struct {
			null      string
			takesBack bool
			left      string
		}{
			{"NULL", true, "[11 - kept]"},
			{"NOT NULL", true, "[]"},
			{"NULL", false, "[]"},
		} {
			t.Run(fmt.Sprintf("%s, %s, taken back %v", e.name, tt.null, tt.takesBack), func(t *testing.T) {
				t.Parallel()
				dsn := e.with(t, "CREATE TABLE companies (id integer)", "INSERT INTO companies VALUES (11)",
					"CREATE TABLE links (company_id integer, stripe_customer_id varchar(100) "+tt.null+", note varchar(20))", "INSERT INTO links VALUES (11, 'cus_A', 'kept')")
				d := open(t, dsn, sqldirectory.Mapping{Companies: "SELECT id FROM companies", Links: "SELECT company_id, stripe_customer_id FROM links"})
				all := e.writes()
				w := openWriter(t, d, dsn, sqldirectory.WriteMapping{LinkCustomer: all.LinkCustomer, LinkInsert: all.LinkInsert, LinkDelete: all.LinkDelete})
				from := "cus_A"
				c := rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefLink, ID: "11"}, Field: rightful.FieldLink, From: &from, TakesBack: tt.takesBack}
				if err := w.CompareAndSet(t.Context(), []rightful.FieldChange{c}, true); err != nil {
					t.Fatal(err)
				}
				if got := linkRows(t, e, dsn); got != tt.left {
					t.Errorf("left: %s, want %s", got, tt.left)
				}
			})
		}
	}
}

// linkRows returns the rows of the table of links.
func linkRows(t *testing.T, e engine, dsn string) string {
	t.Helper()
	db := connect(t, e.driver, strings.TrimPrefix(dsn, "sqlite:"))
	rows, err := db.QueryContext(t.Context(), "SELECT company_id, COALESCE(stripe_customer_id, '-'), note FROM links")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var company, customer, note string
		if err := rows.Scan(&company, &customer, &note); err != nil {
			t.Fatal(err)
		}
		out = append(out, company+" "+customer+" "+note)
	}
	return "[" + strings.Join(out, ", ") + "]"
}
