package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"rightful"
)

var _ rightful.ConstraintReader = (*Directory)(nil)

// countTimeout is how long counting the rows that break one rule may take: it
// reads a whole table, and locks nobody out.
const countTimeout = 5 * time.Minute

// Constraints implements rightful.ConstraintReader.
func (d *Directory) Constraints(ctx context.Context, placeholder func(string) bool) (*rightful.Constraints, error) {
	slow := *d
	slow.timeout = max(d.timeout, countTimeout)
	d = &slow
	cat, ok := d.dialect.(catalog)
	if !ok {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Place: placeDSN, Message: "this database is not known to keep rules"}
	}
	out := &rightful.Constraints{List: []rightful.Constraint{}, Session: []string{}, Patient: []string{}}
	err := d.read(ctx, statement{place: placeDSN}, func(ctx context.Context, conn *sql.Conn) error {
		version, err := cat.version(ctx, conn)
		out.Database = version + " (" + cat.target() + ")"
		out.Session = cat.session(DefaultLockTimeout.Milliseconds())
		out.Patient = cat.limits(waitMeantime.Milliseconds())
		return err
	})
	if err != nil {
		return nil, err
	}
	all := map[*query]*mapped{}
	for _, q := range []*query{d.companies, d.users, d.memberships, d.subscriptions, d.links} {
		if q == nil {
			continue
		}
		if all[q], err = d.mapped(ctx, cat, q); err != nil {
			return nil, err
		}
	}
	named := map[string]bool{}
	for _, w := range demands {
		r := w.rule(d, cat, all)
		if r == nil || named[r.Name] {
			continue
		}
		named[r.Name] = true
		if r.State == "" {
			if err := d.judgeRule(ctx, cat, w, r, placeholder); err != nil {
				return nil, err
			}
		}
		out.List = append(out.List, r.Constraint)
	}
	return out, nil
}

// judgeRule finds out how things stand with a rule.
func (d *Directory) judgeRule(ctx context.Context, cat catalog, w demand, r *rule, placeholder func(string) bool) error {
	if r.kept(cat); r.By != "" && cat.enforces() {
		r.State = rightful.ConstraintHolds
		return nil
	}
	counted, err := d.countBreaking(ctx, cat, r, placeholder)
	if err != nil {
		return err
	}
	if r.from.query == d.memberships && r.Kind == rightful.ConstraintForeignKey && r.to.query == d.companies && d.mapping.Resolver == rightful.ResolverMembership {
		r.Code = rightful.CodeUserCompanyGone
	}
	r.Why = w.unable(r, cat)
	if r.Why == "" && r.By == "" {
		cat.build(r)
	}
	switch {
	case !counted:
		r.State = rightful.ConstraintUnknown
	case r.Rows > 0:
		r.State = rightful.ConstraintBroken
		r.todo(cat)
	case r.By != "":
		r.State, r.Why = rightful.ConstraintHolds, ""
	case r.Why != "":
		r.State = rightful.ConstraintUnable
	default:
		r.State = rightful.ConstraintMissing
	}
	if r.State != rightful.ConstraintMissing && r.State != rightful.ConstraintBroken {
		r.Statements = []rightful.ConstraintStatement{}
	}
	if r.State != rightful.ConstraintHolds {
		d.noteShared(cat, w, r)
	}
	return nil
}

// noteShared says where a rule about links is stricter than an audit is.
func (d *Directory) noteShared(cat catalog, w demand, r *rule) {
	if w.code != rightful.CodeSharedCustomer {
		return
	}
	if narrowing := w.narrowing(r.from.query); len(narrowing) > 0 && !cat.partial() {
		r.note("this database has no unique index of some rows only, so all companies count, whatever stands in %s. One that is gone and still holds a customer is RF603", strings.Join(narrowing, ", "))
	}
	if r.from.query == d.links && d.companies.has("billing_parent_id") {
		r.note("a company that links the customer of the one that pays for it (billing_parent_id) breaks it: if yours do, leave this rule out")
	}
}

func (r *rule) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// todo says what to do about rows that break the rule.
func (r *rule) todo(cat catalog) {
	switch {
	case r.Kind == rightful.ConstraintNotEmpty:
		r.Todo = fmt.Sprintf("UPDATE %s SET %s = NULL where it is the empty text, and let the app do so", r.Table, r.names(cat, ""))
		if r.columns[0].notNull {
			r.Todo = "the column takes no NULL: let it take one, and write NULL where the empty text stands; the rows themselves are right"
		}
	case r.Code == rightful.CodeSharedCustomer && slices.ContainsFunc(r.Examples, func(x string) bool { return strings.HasSuffix(x, `-> ""`) }):
		r.Todo = "the empty text stands where no customer does: make it NULL (see the rule of the same column that it is not empty)"
	case r.Code != "":
		r.Todo = "rightful audit --only " + string(r.Code) + ", then rightful plan: decide each, and apply"
	default:
		r.Todo = "look at these rows: which is right is your decision"
	}
}

// kept looks for what keeps the rule already, under whatever name. What is not
// wholly there, such as a foreign key that was not validated, does not.
func (r *rule) kept(cat catalog) {
	lexing, first := cat.lexing(), r.columns[0]
	switch r.Kind {
	case rightful.ConstraintNotNull:
		if _, left := r.table.checkNamed(r.Name); first.notNull && !left {
			r.By = "the column is NOT NULL"
		}
	case rightful.ConstraintUnique:
		for _, k := range r.table.keys {
			if k.valid && r.covers(lexing, k) {
				r.By = "unique " + k.name
				return
			}
		}
	case rightful.ConstraintForeignKey:
		for _, f := range r.table.references {
			if !r.refers(f) {
				continue
			}
			if slices.Contains([]string{"CASCADE", "SET NULL", "SET DEFAULT"}, f.onDelete) {
				r.note("it is ON DELETE %s: when a %s is deleted, this says nothing, and a payment can lose its company", f.onDelete, strings.TrimSuffix(r.to.noun, "s"))
			}
			if f.valid {
				r.By = "foreign key " + f.name
				return
			}
		}
	case rightful.ConstraintNotEmpty:
		for _, c := range r.table.checks {
			if c.valid && slices.Equal(lexing.sameTerms(c.text), lexing.sameTerms(r.condition(cat))) {
				r.By = "check " + c.name
				return
			}
		}
	}
}

// condition is a rule about one column as SQL.
func (r *rule) condition(cat catalog) string {
	if r.Kind == rightful.ConstraintNotNull {
		return r.names(cat, "") + " IS NOT NULL"
	}
	return r.names(cat, "") + " <> ''"
}

// covers reports whether the unique index forbids at least what the rule does:
// it is of no further columns, and leaves no more rows out.
func (r *rule) covers(lexing lexRules, k key) bool {
	ours := r.Columns
	for _, c := range k.columns {
		if !slices.Contains(ours, c) {
			return false
		}
	}
	about := lexing.sameTerms(conditions(slices.Concat(r.where, r.from.shape.where), ""))
	for _, c := range r.columns {
		about = append(about, lexing.sameTerms(quoteName(c.name)+" is not null")...) // no two NULLs are the same
		if r.Code == rightful.CodeSharedCustomer {
			about = append(about, lexing.sameTerms(quoteName(c.name)+" <> ''")...) // nor is the empty text a customer
		}
	}
	for _, t := range lexing.sameTerms(k.where) {
		if !slices.Contains(about, t) {
			return false
		}
	}
	return len(k.columns) > 0
}

// quoteName is a name in the quotes that every engine reads as those of a name.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (r *rule) refers(f reference) bool {
	return f.column == r.columns[0].name && f.to == r.parent.ref && f.toColumn == r.parentOf.name
}
