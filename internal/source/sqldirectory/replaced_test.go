package sqldirectory_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rightful"
	"rightful/internal/source/sqldirectory"
)

// TestAFileThatIsReplaced while it is open is neither read nor written any more: what a
// connection would go on with is not what the app has.
func TestAFileThatIsReplaced(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, other string) error{
		"replaced": func(path, other string) error { return os.Rename(other, path) },
		"deleted":  func(path, _ string) error { return os.Remove(path) },
		"moved":    func(path, _ string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, other := filepath.Join(t.TempDir(), "app.db"), filepath.Join(t.TempDir(), "app.db")
			for _, file := range []string{path, other} {
				db, err := sql.Open("sqlite", file)
				if err == nil {
					_, err = db.ExecContext(t.Context(), "CREATE TABLE companies (id integer PRIMARY KEY, customer text); INSERT INTO companies VALUES (11, 'cus_1')")
				}
				if err = errors.Join(err, db.Close()); err != nil {
					t.Fatal(err)
				}
			}
			d, err := sqldirectory.Open(t.Context(), "sqlite:"+path, sqldirectory.Mapping{Companies: "SELECT id, customer AS stripe_customer_id FROM companies"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			w, err := sqldirectory.OpenWriter(t.Context(), d, "sqlite:"+path, sqldirectory.WriteMapping{CompanyCustomer: "UPDATE companies SET customer = :new WHERE id = :id AND customer IS :old"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.Close() })
			read := func() (err error) {
				for _, err = range d.Companies(t.Context(), rightful.Select{By: rightful.ByID, Values: []string{"11"}}) {
				}
				return err
			}
			was, will := "cus_1", "cus_2"
			link := func() error {
				return w.CompareAndSet(t.Context(), []rightful.FieldChange{{Object: rightful.Ref{Type: rightful.RefCompany, ID: "11"}, Field: rightful.FieldLink, From: &was, To: &will}}, false)
			}
			if err := errors.Join(read(), link()); err != nil {
				t.Fatal(err)
			}
			if err := replace(path, other); err != nil {
				t.Fatal(err)
			}
			_, many := rightful.ReadMany(t.Context(), d, rightful.DirectoryQuestion{Companies: []rightful.Select{{By: rightful.ByID, Values: []string{"11"}}}})
			for what, err := range map[string]error{"read": read(), "read together": many, "written": link()} {
				if rightful.KindOf(err) != rightful.KindUnavailable {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}
