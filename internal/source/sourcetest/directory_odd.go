package sourcetest

import (
	"fmt"
	"strings"
	"testing"

	"rightful"
)

// oddTexts are texts that a careless comparison takes for one of the fixture's
// ids, or that a careless query breaks on.
func oddTexts() []string {
	return []string{
		"04", "004", "+4", "-4", " 4", "4 ", "\t4", "4\n", "4abc", "4.0", "4.", "4e0", "0x4", "٤", "４", "t_4 ", "T_4", "t_%", "t__",
		"4' OR '1'='1", `4" OR "1"="1`, "4; DROP TABLE companies", "4--", "/*4*/", `\`, "'", `"`, "$1", "?", "?1", ":user_id", "%", "_",
		"NULL", "null", "true", "t", "f", "NaN", "Infinity", "00000004-beef-4abc-8def-00000000000", "{00000004-beef-4abc-8def-000000000004}",
		"00000004beef4abc8def000000000004", "2147483648", "9223372036854775807", "9223372036854775808", "99999999999999999999999999",
		"-9223372036854775808", "h\u00e9llo", "he\u0301llo", "日本", "👩‍💻", " ", "\u200b", strings.Repeat("4", 300), strings.Repeat("ü", 300),
	}
}

func testOddIDs(t *testing.T, k IDs, open openDirectory) {
	d := open(t, small(k))
	unsayable := []string{"4\x00", "\x00", "\xff\xfe", "t_4\x00"} // no database holds these as text
	for _, by := range []rightful.Column{
		rightful.ByID, rightful.ByOwner, rightful.ByStripeCustomer, rightful.ByStripeSubscription, rightful.ByEmail,
		rightful.ByUser, rightful.ByCompany, rightful.ByStampValue,
	} {
		for _, odd := range append(oddTexts(), unsayable...) {
			if got := read(t, d, rightful.Select{By: by, Values: []string{odd}}); !got.empty() {
				t.Errorf("%s %q found %+v", by, odd, got)
			}
		}
		// All at once, with one real id among them: the odd ones must not
		// spoil it.
		got := read(t, d, rightful.Select{By: by, Values: append(oddTexts(), k.id(12))})
		want := DirectoryRows{}
		if by == rightful.ByID {
			want.Companies = small(k).Companies[2:3]
		}
		same(t, got, want)
	}
}

func testStoredOddIDs(t *testing.T, open openDirectory) {
	rows := DirectoryRows{IDs: IDsText, Owner: true, LinkColumn: true, Companies: []rightful.Company{}}
	for i, odd := range append(oddTexts(), "4", "acme", "Acme", "ACME") {
		rows.Companies = append(rows.Companies, rightful.Company{
			ID: odd, Name: odd, StripeCustomerID: fmt.Sprint("cus_", i), OwnerUserID: odd, StampValue: odd,
		})
	}
	d := open(t, rows)
	same(t, read(t, d, rightful.Select{}), rows)
	for i, c := range rows.Companies {
		for _, by := range []rightful.Column{rightful.ByID, rightful.ByOwner, rightful.ByStampValue} {
			got := read(t, d, rightful.Select{By: by, Values: []string{c.ID}})
			same(t, got, DirectoryRows{Companies: rows.Companies[i : i+1]})
		}
	}
}

func testUUIDCase(t *testing.T, open openDirectory) {
	for _, test := range []struct {
		name string
		kind IDs
		fold func(string) string // how the ids are stored
	}{
		{"stored in lower case", IDsUUIDs, strings.ToLower},
		{"stored in upper case as text", IDsText, strings.ToUpper},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rows := DirectoryRows{
				IDs: test.kind, Owner: true, Direct: true,
				Companies:   []rightful.Company{{ID: test.fold(IDsUUIDs.id(4)), OwnerUserID: test.fold(IDsUUIDs.id(7))}},
				Users:       []rightful.User{{ID: test.fold(IDsUUIDs.id(7)), CompanyID: test.fold(IDsUUIDs.id(4))}},
				Memberships: []rightful.Membership{{UserID: test.fold(IDsUUIDs.id(7)), CompanyID: test.fold(IDsUUIDs.id(4))}},
			}
			d := open(t, rows)
			for _, fold := range []func(string) string{strings.ToLower, strings.ToUpper} {
				company, user := fold(IDsUUIDs.id(4)), fold(IDsUUIDs.id(7))
				for _, sel := range []rightful.Select{
					{By: rightful.ByID, Values: []string{company}},
					{By: rightful.ByOwner, Values: []string{user}},
					{By: rightful.ByOwner, Values: []string{strings.ToLower(user), strings.ToUpper(user)}},
				} {
					got := read(t, d, sel).Companies
					if len(got) != 1 || !rightful.SameID(got[0].ID, company) {
						t.Errorf("companies by %s %q: got %+v", sel.By, sel.Values, got)
					}
				}
				if got := read(t, d, rightful.Select{By: rightful.ByCompany, Values: []string{company}}); len(got.Users) != 1 || len(got.Memberships) != 1 {
					t.Errorf("by company %q: got %+v", company, got)
				}
				if got := read(t, d, rightful.Select{By: rightful.ByUser, Values: []string{user}}); len(got.Memberships) != 1 {
					t.Errorf("by user %q: got %+v", user, got)
				}
			}
		})
	}
}

// many is more rows than a source would read, or ask for, in one piece.
const many = 1300

func testManyRows(t *testing.T, k IDs, open openDirectory) {
	rows := DirectoryRows{IDs: k, Owner: true, Direct: true}
	var ids []string
	for i := range many {
		id := k.id(1 + i)
		ids = append(ids, id)
		rows.Companies = append(rows.Companies, rightful.Company{ID: id, OwnerUserID: k.id(1 + i%3)})
		rows.Users = append(rows.Users, rightful.User{ID: id, CompanyID: k.id(7), Email: fmt.Sprintf("User%d@example.com", i)})
		// User 5 is in every company; company 9 has most links: more rows of
		// one key than a page has, with others before and after.
		rows.Memberships = append(rows.Memberships, rightful.Membership{UserID: k.id(5), CompanyID: id})
		rows.Links = append(rows.Links, rightful.Link{CompanyID: k.id(9), StripeCustomerID: "cus_" + id})
		if i%100 == 0 {
			rows.Memberships = append(rows.Memberships, rightful.Membership{UserID: id, CompanyID: k.id(2)})
			rows.Links = append(rows.Links, rightful.Link{CompanyID: id, StripeCustomerID: "cus_x"})
		}
	}
	d := open(t, rows)
	t.Run("all", func(t *testing.T) { same(t, read(t, d, rightful.Select{}), rows) })
	t.Run("by all ids", func(t *testing.T) {
		got := read(t, d, rightful.Select{By: rightful.ByID, Values: append(ids, ids[:200]...)})
		same(t, got, DirectoryRows{Companies: rows.Companies, Users: rows.Users})
	})
	t.Run("by all emails", func(t *testing.T) {
		var emails []string
		for _, u := range rows.Users {
			emails = append(emails, strings.ToUpper(u.Email))
		}
		same(t, read(t, d, rightful.Select{By: rightful.ByEmail, Values: emails}), DirectoryRows{Users: rows.Users})
	})
	t.Run("many of one value", func(t *testing.T) {
		if got := read(t, d, rightful.Select{By: rightful.ByUser, Values: []string{k.id(5)}}).Memberships; len(got) != many {
			t.Errorf("got %d memberships of one user, want %d", len(got), many)
		}
		if got := read(t, d, rightful.Select{By: rightful.ByCompany, Values: []string{k.id(7)}}).Users; len(got) != many {
			t.Errorf("got %d users of one company, want %d", len(got), many)
		}
	})
}
