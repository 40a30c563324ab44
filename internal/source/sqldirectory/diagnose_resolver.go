package sqldirectory

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// triedUsers is how many users the resolver is tried for. One may well have no
// company; that none of several has one is worth a word.
const triedUsers = 10

// diagnoseResolver says how a user's company is resolved. A query of the app's
// own is explained and tried.
func (d *Directory) diagnoseResolver(ctx context.Context) []rightful.Diagnosis {
	if err := d.broken[placeResolve]; err != nil {
		return []rightful.Diagnosis{failed(placeResolve, "", err)}
	}
	switch resolver := d.mapping.Resolver; {
	case resolver == rightful.ResolverSQL:
		return d.tryResolver(ctx)
	case resolver != rightful.ResolverNone:
		return []rightful.Diagnosis{rightful.OK(placeResolve, fmt.Sprintf("the app gets a user's company this way: %s", resolver))}
	case len(d.undecided) > 0:
		return []rightful.Diagnosis{unexamined("how the app gets a user's company is not examined", d.undecided)}
	}
	return []rightful.Diagnosis{rightful.Warn(placeResolve, "nothing says how the app gets a user's company",
		"add directory.resolve: direct, owner, membership, or a SELECT with :user_id")}
}

// unexamined says that the resolver waits for other queries.
func unexamined(what string, broken []string) rightful.Diagnosis {
	places := strings.Join(broken, ", ")
	return rightful.Warn(placeResolve, what+": it rests on "+places, "correct "+places+" first, and run it again")
}

// tryResolver runs the app's own query for a few users that there are.
func (d *Directory) tryResolver(ctx context.Context) []rightful.Diagnosis {
	const says = "the app gets a user's company this way: a query of its own"
	if broken := slices.DeleteFunc([]string{placeUsers, placeCompanies}, func(p string) bool { return d.broken[p] == nil }); len(broken) > 0 {
		return []rightful.Diagnosis{unexamined(says+", which the database takes, and which was not tried", broken)}
	}
	users, err := d.someUsers(ctx)
	if err != nil {
		return []rightful.Diagnosis{failed(placeResolve, "no user to try it for could be read", err)}
	}
	if len(users) == 0 {
		return []rightful.Diagnosis{rightful.Warn(placeResolve, says+", which the database takes; there is no user to try it for",
			"try it where there are users: many mistakes show only then")}
	}
	answered, ambiguous, strange := 0, 0, ""
	for _, user := range users {
		answer, err := d.Resolve(ctx, user)
		if err != nil {
			return []rightful.Diagnosis{failed(placeResolve, "it cannot be run for user "+quoted(user), err)}
		}
		switch {
		case answer.Ambiguous:
			ambiguous++
		case answer.CompanyID != "":
			answered++
			known, err := d.isCompany(ctx, answer.CompanyID)
			if err != nil {
				return []rightful.Diagnosis{failed(placeResolve, "whether it names companies could not be found out", err)}
			}
			if !known && strange == "" {
				strange = fmt.Sprintf("; for user %s it names %s, which is no id in directory.companies", quoted(user), quoted(answer.CompanyID))
			}
		}
	}
	tried := fmt.Sprintf("%s: of %d users tried, %d have a company", says, len(users), answered)
	var all []rightful.Diagnosis
	switch {
	case strange != "":
		all = append(all, rightful.Warn(placeResolve, tried+strange, "let its first column be the company's id"))
	case ambiguous > 0:
		all = append(all, rightful.Warn(placeResolve, fmt.Sprintf("%s, and %d have several", tried, ambiguous),
			"choose one as the app does (ORDER BY ... LIMIT 1): nothing is compared with an answer of several"))
	case answered == 0:
		all = append(all, rightful.Warn(placeResolve, tried, "run it by hand for a user whose company you know: is :user_id compared with the right column?"))
	default:
		all = append(all, rightful.OK(placeResolve, tried))
	}
	return append(all, d.explainResolver(ctx, users[0]))
}

// explainResolver asks the database how it runs the query for a user. That user
// exists: for one that does not, MySQL plans no more than to find that out.
func (d *Directory) explainResolver(ctx context.Context, user string) rightful.Diagnosis {
	const unknown = "how it is run could not be found out"
	r := d.resolver
	forms, err := d.userForms(ctx, user)
	if err != nil {
		return failed(placeResolve, unknown, err)
	}
	for _, form := range forms {
		args, ok := r.arguments(form)
		if !ok {
			continue
		}
		var reads []whole
		err := d.read(ctx, r.statement, func(ctx context.Context, conn *sql.Conn) (err error) {
			reads, err = d.dialect.wholes(ctx, conn, r.statement.sent, args)
			return err
		})
		if err != nil {
			return failed(placeResolve, unknown, err)
		}
		asWritten := &query{place: placeResolve, sql: r.statement.sql, dialect: d.dialect}
		reads = slices.DeleteFunc(reads, func(w whole) bool { return d.size(ctx, asWritten, w, smallTable) < smallTable })
		if len(reads) == 0 {
			return rightful.OK(placeResolve, "run for a user with an index, or on fewer than "+thousands(smallTable)+" rows")
		}
		var tables []string
		for _, w := range reads {
			tables = append(tables, w.alias)
		}
		return rightful.Warn(placeResolve, "no index serves it: for each user it reads all of "+strings.Join(tables, ", "),
			"index the column of "+tables[0]+" that the query compares with :user_id, or by which it joins")
	}
	return rightful.Diagnosis{} // it can match no user; that none has a company has been said
}

// someUsers returns ids of users to try something for, from wherever the
// database has them.
func (d *Directory) someUsers(ctx context.Context) ([]string, error) {
	var ids []string
	more := func(id string) bool {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		return len(ids) < triedUsers
	}
	for u, err := range d.Users(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if !more(u.ID) {
			return ids, nil
		}
	}
	if d.users != nil {
		return ids, nil
	}
	for m, err := range d.Memberships(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if !more(m.UserID) {
			return ids, nil
		}
	}
	for c, err := range d.Companies(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if !more(c.OwnerUserID) {
			break
		}
	}
	return ids, nil
}

func (d *Directory) isCompany(ctx context.Context, id string) (bool, error) {
	for _, err := range d.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{id}}) {
		return err == nil, err
	}
	return false, nil
}
