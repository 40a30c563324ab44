package sqldirectory

import (
	"context"
	"errors"
	"slices"

	"rightful"
)

// Examine is Open for Diagnose: a query with a mistake does not hide the rest.
// What is wrong with it is a diagnosis, and the error of reading its rows; the
// other queries are read as usual. So nothing must be judged by what such a
// directory says.
//
// Errors are about the DSN and the database as a whole.
func Examine(ctx context.Context, dsn string, m Mapping, options ...Option) (*Directory, error) {
	return open(ctx, dsn, m, map[string]error{}, options)
}

// keep puts aside the error of one query while examining. It returns what must
// end the opening: every error otherwise, and one that each further query would
// run into as well.
func (d *Directory) keep(place string, err error) error {
	var known *rightful.Error
	if d.broken == nil || !errors.As(err, &known) || known.Place != place {
		return err
	}
	d.broken[place] = err
	return nil
}

// restsOnBroken returns the places of the queries with a mistake that decide
// how a resolver other than SQL works, or which one is taken.
func (d *Directory) restsOnBroken(resolve string) []string {
	var places []string
	switch rightful.Resolver(resolve) {
	case rightful.ResolverNone:
		places = []string{placeUsers, placeMemberships, placeCompanies}
	case rightful.ResolverDirect:
		places = []string{placeUsers}
	case rightful.ResolverOwner:
		places = []string{placeCompanies}
	case rightful.ResolverMembership:
		places = []string{placeMemberships}
	}
	return slices.DeleteFunc(places, func(place string) bool { return d.broken[place] == nil })
}
