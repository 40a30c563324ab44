package sqldirectory

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// demand is a rule before it is known which table it is about.
type demand struct {
	kind    rightful.ConstraintKind
	query   func(*Directory) *query
	columns []string // output columns
	target  func(*Directory) *query
	code    rightful.Code
	says    string
	among   string // the output columns, by comma, in which rows that the rule is about hold nothing
	among2  string // says, when such a column is mapped
}

func companiesOf(d *Directory) *query     { return d.companies }
func usersOf(d *Directory) *query         { return d.users }
func membershipsOf(d *Directory) *query   { return d.memberships }
func subscriptionsOf(d *Directory) *query { return d.subscriptions }
func linksOf(d *Directory) *query         { return d.links }

// demands are the rules in the order in which they are added: what is empty and
// missing first, then what is double, then what names nothing.
var demands = []demand{
	{rightful.ConstraintNotEmpty, companiesOf, []string{"stripe_customer_id"}, nil, "", "a company without a customer has NULL, and not the empty text", "", ""},
	{rightful.ConstraintNotEmpty, linksOf, []string{"stripe_customer_id"}, nil, "", "no link names the empty text", "", ""},
	{rightful.ConstraintNotNull, linksOf, []string{"company_id"}, nil, "", "every link has a company", "", ""},
	{rightful.ConstraintNotNull, linksOf, []string{"stripe_customer_id"}, nil, "", "every link has a customer", "", ""},
	{rightful.ConstraintNotNull, subscriptionsOf, []string{"company_id"}, nil, "", "every subscription row has a company", "", ""},
	{rightful.ConstraintNotNull, membershipsOf, []string{"user_id"}, nil, "", "every membership has a user", "", ""},
	{rightful.ConstraintNotNull, membershipsOf, []string{"company_id"}, nil, "", "every membership has a company", "", ""},
	{rightful.ConstraintUnique, companiesOf, []string{"stripe_customer_id"}, nil, rightful.CodeSharedCustomer, "no two companies link one customer", "deleted_at,merged_into,billing_parent_id", "no two live companies link one customer"},
	{rightful.ConstraintUnique, linksOf, []string{"stripe_customer_id"}, nil, rightful.CodeSharedCustomer, "no two links name one customer", "", ""},
	{rightful.ConstraintUnique, subscriptionsOf, []string{"stripe_subscription_id"}, nil, rightful.CodeRowOther, "no two rows record one Stripe subscription", "", ""},
	{rightful.ConstraintUnique, membershipsOf, []string{"user_id", "company_id"}, nil, "", "nobody is a member of a company twice", "left_at", "nobody is a member of a company twice at once"},
	{rightful.ConstraintForeignKey, companiesOf, []string{"owner_user_id"}, usersOf, "", "the owner of a company exists", "", ""},
	{rightful.ConstraintForeignKey, companiesOf, []string{"merged_into"}, companiesOf, "", "the company that another was merged into exists", "", ""},
	{rightful.ConstraintForeignKey, companiesOf, []string{"billing_parent_id"}, companiesOf, "", "the company that pays for another exists", "", ""},
	{rightful.ConstraintForeignKey, usersOf, []string{"company_id"}, companiesOf, rightful.CodeUserCompanyGone, "the company of a user exists", "", ""},
	{rightful.ConstraintForeignKey, membershipsOf, []string{"user_id"}, usersOf, "", "the user of a membership exists", "", ""},
	{rightful.ConstraintForeignKey, membershipsOf, []string{"company_id"}, companiesOf, "", "the company of a membership exists", "", ""},
	{rightful.ConstraintForeignKey, subscriptionsOf, []string{"company_id"}, companiesOf, rightful.CodeRowOther, "the company of a subscription row exists", "", ""},
	{rightful.ConstraintForeignKey, linksOf, []string{"company_id"}, companiesOf, "", "the company of a link exists", "", ""},
}

// rule is a demand with its table.
type rule struct {
	rightful.Constraint
	from, to *mapped
	table    *baseTable
	columns  []*baseColumn
	where    []term // the rows that it is about, beside those the query leaves out
	parent   *baseTable
	parentOf *baseColumn
}

// on writes the rule's table as SQL.
func (r *rule) on(cat catalog) string { return r.table.ref.as(cat.quote) }

// names returns the rule's columns as SQL.
func (r *rule) names(cat catalog, prefix string) string {
	var all []string
	for _, c := range r.columns {
		all = append(all, prefix+cat.quote(c.name))
	}
	return strings.Join(all, ", ")
}

// suffixes end the name of a rule.
var suffixes = map[rightful.ConstraintKind]string{
	rightful.ConstraintUnique: "key", rightful.ConstraintForeignKey: "fkey",
	rightful.ConstraintNotNull: "not_null", rightful.ConstraintNotEmpty: "not_empty",
}

// longestName is what the databases take as a name, in bytes.
const longestName = 63

// ruleName is the name of a rule: that of its table, its columns and its kind.
func ruleName(table string, columns []string, kind rightful.ConstraintKind) string {
	name := strings.Join(append([]string{"rightful", table}, columns...), "_") + "_" + suffixes[kind]
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	tail := "_" + hex.EncodeToString(sum[:4]) + "_" + suffixes[kind]
	return strings.ToValidUTF8(name[:longestName-len(tail)], "") + tail
}

// rule makes a rule of a demand; nil when its columns are not mapped, or when it
// would say nothing. all are the mapped queries.
func (w demand) rule(d *Directory, cat catalog, all map[*query]*mapped) *rule {
	q := w.query(d)
	if q == nil || w.target != nil && w.target(d) == nil || slices.ContainsFunc(w.columns, func(name string) bool { return !q.has(name) }) {
		return nil
	}
	m := all[q]
	if m.table != nil && m.rides(d, all) {
		return nil
	}
	r := &rule{from: m, table: m.table, Constraint: rightful.Constraint{
		Kind: w.kind, Says: w.says, Place: q.place, Code: w.code,
		Columns: []string{}, Notes: []string{}, Examples: []string{}, Statements: []rightful.ConstraintStatement{},
	}}
	r.Name = ruleName(m.noun, w.columns, w.kind)
	unknown := func(why string) *rule {
		r.State, r.Why = rightful.ConstraintUnknown, why
		r.Todo = "write the rule yourself where it belongs"
		return r
	}
	if m.why != "" {
		return unknown(m.why)
	}
	r.Table = r.on(cat)
	for _, name := range w.columns {
		c := m.column(name)
		if c == nil {
			return unknown("the query computes " + name + ": no stored column is behind it")
		}
		r.columns, r.Columns = append(r.columns, c), append(r.Columns, c.name)
	}
	r.Name = ruleName(m.table.ref.name, r.Columns, w.kind)
	if w.kind == rightful.ConstraintNotEmpty && r.columns[0].family != familyText && r.columns[0].family != familyOther {
		return nil // no number is the empty text
	}
	if w.kind == rightful.ConstraintNotEmpty && r.emptyMeansNone(d, cat) {
		return nil
	}
	if w.target != nil {
		return w.pointed(r, all[w.target(d)], unknown)
	}
	if why := w.narrowed(r, cat); why != "" {
		return unknown(why)
	}
	if w.kind == rightful.ConstraintUnique && len(w.columns) == 1 && r.emptyMeansNone(d, cat) {
		r.where = append(r.where, term{cat.quote(r.columns[0].name), "<> ''"})
	}
	return r
}

// emptyMeansNone reports whether a company without a customer can only have the
// empty text: the column takes no NULL. Where an index can leave rows out, it
// leaves these out.
func (r *rule) emptyMeansNone(d *Directory, cat catalog) bool {
	return r.from.query == d.companies && r.columns[0].notNull && cat.partial()
}

// rides reports whether the query shows rows of companies or users once more
// under another name: what it demands is demanded of those, or of nothing.
func (m *mapped) rides(d *Directory, all map[*query]*mapped) bool {
	for _, q := range []*query{d.companies, d.users} {
		if q == nil || q == m.query || m.query == d.companies || m.query == d.users {
			continue
		}
		if other := all[q]; other.table != nil && other.table.ref == m.table.ref {
			return true
		}
	}
	return false
}

// pointed completes a foreign key.
func (w demand) pointed(r *rule, to *mapped, unknown func(string) *rule) *rule {
	if to.why != "" {
		return unknown(fmt.Sprintf("%s names %s, and of that: %s", r.from.noun, to.noun, to.why))
	}
	id := to.column("id")
	if id == nil {
		return unknown(fmt.Sprintf("%s computes id: no stored column is behind it", to.query.place))
	}
	r.to, r.parent, r.parentOf = to, to.table, id
	if r.parent.ref == r.table.ref && id == r.columns[0] {
		return nil // a row always names itself
	}
	return r
}

// narrowed says which rows a rule is about. It returns why that cannot be told.
func (w demand) narrowed(r *rule, cat catalog) string {
	if w.kind != rightful.ConstraintUnique {
		return ""
	}
	for _, name := range strings.Split(w.among, ",") {
		if !r.from.query.has(name) {
			continue
		}
		c := r.from.column(name)
		if c == nil {
			return "which rows count is computed by the query (" + name + "): no stored column is behind it"
		}
		if !cat.partial() {
			continue
		}
		t, ok := cat.emptiness(c)
		if !ok {
			return "rows that count cannot be told by " + c.name + ", which is of type " + c.typ
		}
		r.where = append(r.where, t)
		if r.Says == w.says {
			r.Says = w.among2
		}
		if name == "billing_parent_id" {
			r.Says += ", unless another company pays for one of them"
		}
	}
	return ""
}

// narrowing returns the mapped columns that narrow a unique rule.
func (w demand) narrowing(q *query) (past []string) {
	for _, name := range strings.Split(w.among, ",") {
		if q.has(name) {
			past = append(past, name)
		}
	}
	return past
}

// unable says why a rule that is known is not one that rightful adds, by what
// holds on every engine.
func (w demand) unable(r *rule, cat catalog) string {
	selects := slices.ContainsFunc(r.from.shape.where, term.selects)
	filtered := len(r.from.shape.where) > 0
	switch w.kind {
	case rightful.ConstraintUnique:
		for _, c := range r.columns {
			if c.noKey != "" {
				return c.noKey
			}
		}
		if cat.partial() {
			return ""
		}
		if filtered {
			return "the query leaves rows out, and this database has no unique index of some rows only; a generated column that is NULL for the others would do"
		}
		if len(w.narrowing(r.from.query)) > 0 && w.code == "" {
			return "past rows may repeat, and this database has no unique index of some rows only; a generated column that is NULL for past rows would do"
		}
	case rightful.ConstraintNotEmpty:
		if selects {
			return "the query picks rows of one kind, and a check would be for all rows of the table"
		}
	case rightful.ConstraintNotNull:
		if filtered {
			return "the query leaves rows out, and NOT NULL would be for all rows of the table"
		}
	case rightful.ConstraintForeignKey:
		switch {
		case selects:
			return "the query picks rows of one kind, and a foreign key would be for all rows of the table"
		case !r.parent.identifies(r.parentOf.name):
			return fmt.Sprintf("%s.%s is neither the primary key nor unique, so nothing can refer to it", r.parent.ref.name, r.parentOf.name)
		case r.columns[0].same != r.parentOf.same:
			return fmt.Sprintf("the types differ: %s is %s, and %s.%s is %s", r.columns[0].name, r.columns[0].typ, r.parent.ref.name, r.parentOf.name, r.parentOf.typ)
		}
	}
	return ""
}
