package sqldirectory

import (
	"slices"
	"strings"
	"testing"
)

func TestShapeOf(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT id FROM t":                                     "t: ",
		"select id, a as b from public.t as x":                 "public.t: ",
		"SELECT * FROM \"T\" x ORDER BY x.id":                  "\"T\": ",
		"SELECT id FROM t x WHERE x.a IS NULL":                 "t: a IS NULL",
		"SELECT id FROM t WHERE a is not null AND t.b = 'x y'": "t: a IS NOT NULL AND b = 'x y'",
		"SELECT id FROM t WHERE a = 1 and b=true ORDER BY 1":   "t: a = 1 AND b = true",
		"SELECT id FROM t -- WHERE a = 1":                      "t: ",
		// Everything else is not told.
		"SELECT DISTINCT id FROM t":                   "",
		"SELECT id FROM t, u":                         "",
		"SELECT id FROM t JOIN u ON u.a = t.a":        "",
		"SELECT id FROM t LEFT JOIN u USING (a)":      "",
		"SELECT id FROM (SELECT id FROM t) x":         "",
		"SELECT id FROM f(1)":                         "",
		"SELECT id FROM t TABLESAMPLE SYSTEM (10)":    "",
		"SELECT id FROM t WHERE a = 1 OR b = 2":       "",
		"SELECT id FROM t WHERE (a IS NULL)":          "",
		"SELECT id FROM t WHERE NOT a IS NULL":        "",
		"SELECT id FROM t WHERE a = b":                "",
		"SELECT id FROM t WHERE y.a IS NULL":          "",
		"SELECT id FROM t WHERE a = lower('x')":       "",
		"SELECT id FROM t WHERE a > 1":                "",
		"SELECT id FROM t WHERE a BETWEEN 1 AND 2":    "",
		"SELECT id FROM t WHERE a IN (SELECT 1)":      "",
		"SELECT id FROM t GROUP BY id":                "",
		"SELECT id FROM t UNION SELECT id FROM u":     "",
		"SELECT id FROM t FOR UPDATE":                 "",
		"SELECT id FROM t LIMIT 5":                    "",
		"WITH t AS (SELECT 1 AS id) SELECT id FROM t": "",
		"VALUES (1)":     "",
		"SELECT 1 AS id": "",
		"SELECT":         "",
		"":               "",
	} {
		s, why := sqliteFile{}.lexing().shapeOf(sql)
		got := strings.Join(s.table, ".") + ": " + conditions(s.where, "")
		if want == "" && why == "" || want != "" && (why != "" || got != want) {
			t.Errorf("%s: %q, %q; want %q", sql, got, why, want)
		}
	}
}

func TestSameTerms(t *testing.T) {
	t.Parallel()
	r := postgres{}.lexing()
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"((deleted_at IS NULL) AND (merged_into IS NULL))", `"merged_into" IS NULL AND deleted_at is null`, true},
		{"((stripe_customer_id)::text <> ''::text)", `"stripe_customer_id" <> ''`, true},
		{"((kind)::text = 'Team'::character varying)", "kind = 'Team'", true},
		{"kind = 'team'", "kind = 'Team'", false},
		{"a IS NULL", "a IS NOT NULL", false},
		{"a IS NULL OR b IS NULL", "a IS NULL AND b IS NULL", false},
		{"", "a IS NULL", false},
	} {
		if got := slices.Equal(r.sameTerms(test.a), r.sameTerms(test.b)); got != test.same {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}

// TestReadNote reads what MySQL and MariaDB say of a query that they were asked to
// explain.
func TestReadNote(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]string{
		"/* select#1 */ select `x`.`c`.`id` AS `id`,`x`.`c`.`owner` AS `Owner_User_ID`,lower(`x`.`c`.`a`) AS `b` from `x`.`companies` `c` where (`x`.`c`.`d` is null)": "id=x.companies.id owner_user_id=x.companies.owner",
		"select `x`.`companies`.`i``d` AS `id`,1 AS `one`,NULL AS `n` from `x`.`companies` order by 1":                                                                 "id=x.companies.i`d",
		`select "x"."companies"."id" AS "id" from "x"."companies"`:                                                                                                     "id=x.companies.id",
		"select `x`.`a`.`id` AS `id` from `x`.`a` join `x`.`b` where (`x`.`a`.`id` = `x`.`b`.`id`)":                                                                    "",
		"select `x`.`c`.`id` AS `id` from `x`.`a` `c` left join `x`.`b` on(1)":                                                                                         "",
		"select `q`.`id` AS `id` from (select 1 AS `id`) `q`":                                                                                                          "",
		"select 1 AS `id` from dual": "",
		"select 1 AS `id`":           "",
	} {
		found := map[string]origin{}
		new(mysqlServer).readNote(note, found)
		var got []string
		for name, o := range found {
			got = append(got, name+"="+o.table.schema+"."+o.table.name+"."+o.column)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", note, got, want)
		}
	}
}

func TestRuleName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long_", 20)
	a, b := ruleName(long, []string{"company_id"}, "unique"), ruleName(long+"x", []string{"company_id"}, "unique")
	if got := ruleName("companies", []string{"stripe_customer_id"}, "unique"); got != "rightful_companies_stripe_customer_id_key" {
		t.Error(got)
	}
	if len(a) != longestName || a == b || !strings.HasSuffix(a, "_key") || a != ruleName(long, []string{"company_id"}, "unique") {
		t.Errorf("%s, %s", a, b)
	}
}
