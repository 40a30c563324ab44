// Package stripecopy reads copies of Stripe's objects that somebody else made, so that a
// mirror can be filled without a request to Stripe: a PostgreSQL database that Stripe's
// open-source sync engine or Stripe's own real-time sync fills, files of JSON as Stripe's
// API writes it, and the CSV files that Stripe's dashboard exports. All of it is
// untrusted.
//
// copy.go says what is read, file.go opens files, json.go and csv.go read them,
// postgres.go and tables.go read databases.
package stripecopy

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/pull"
	"rightful/internal/stripeobject"
)

// Options say whose objects are looked for, and what is known of them.
type Options struct {
	// Account and Livemode are whose objects these are to be. Objects that say
	// otherwise are left out and counted.
	Account  string
	Livemode bool
	Keys     rightful.KeySet
	// AsOf is when everything of each list that is found was there, and stood so, by
	// the word of a person: Unix seconds; 0: nobody says.
	AsOf int64
	// Stdin is what the source - reads.
	Stdin io.Reader
}

// Copy is some sources, read one after the other. It implements pull.Copy. Use it once,
// and close it.
type Copy struct {
	o       Options
	sources []source
	left    pull.LeftOut
	unknown []string // columns, each once
}

var _ pull.Copy = (*Copy)(nil)

// source is one of them.
type source interface {
	// objects hands objects on until yield wants no more.
	objects(ctx context.Context, c *Copy, yield func(rightful.MirrorObject) bool) error
	// claims returns what the source itself says to have all of.
	claims() []pull.Claim
	close() error
}

// Open opens sources: an address (postgres://), a path of a file, or - for standard
// input. Nothing is read of a file but its beginning. Errors are rightful.Error of kind
// invalid, not_found, unreachable, unauthorized, forbidden, unavailable or refused, and
// hold no password.
func Open(ctx context.Context, addresses []string, o Options) (*Copy, error) {
	c := &Copy{o: o}
	for i, a := range addresses {
		if slices.Contains(addresses[:i], a) {
			return nil, c.closing(invalid(place(a), "it is named twice", "name each source once"))
		}
		var s source
		var err error
		switch scheme, _, is := strings.Cut(a, "://"); {
		case isPostgres(a):
			s, err = openPostgres(ctx, a, o)
		case is: // it is not repeated: it may hold a password
			err = invalid(short(scheme)+"://", "copies cannot be read from there", "give a file of JSON or CSV, - for standard input, or postgres://")
		default:
			s, err = openFile(ctx, a, o.Stdin)
		}
		if err != nil {
			return nil, c.closing(err)
		}
		c.sources = append(c.sources, s)
	}
	return c, nil
}

func (c *Copy) closing(err error) error {
	_ = c.Close() // what went wrong says more
	return err
}

// Close closes the sources.
func (c *Copy) Close() error {
	var first error
	for _, s := range c.sources {
		if err := s.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Claims implements pull.Copy. The word of a person is for all lists, and counts more than
// that of a source.
func (c *Copy) Claims() []pull.Claim {
	var all []pull.Claim
	if c.o.AsOf > 0 {
		for _, t := range rightful.ListedTypes() {
			all = append(all, pull.Claim{Type: t, AsOf: c.o.AsOf})
		}
		return all
	}
	if len(c.sources) != 1 {
		return nil // which of them has all of a list, nobody knows
	}
	return c.sources[0].claims()
}

// Objects implements pull.Copy.
func (c *Copy) Objects(ctx context.Context) iter.Seq2[rightful.MirrorObject, error] {
	return func(yield func(rightful.MirrorObject, error) bool) {
		for _, s := range c.sources {
			more := true
			err := s.objects(ctx, c, func(o rightful.MirrorObject) bool {
				more = yield(o, nil)
				return more
			})
			if err == nil {
				err = ctx.Err()
			}
			if err != nil && more {
				yield(rightful.MirrorObject{}, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// LeftOut implements pull.Copy.
func (c *Copy) LeftOut() pull.LeftOut {
	left := c.left
	left.BadAt, left.Notes = slices.Clone(left.BadAt), slices.Clone(left.Notes)
	if n := len(c.unknown); n > 0 {
		left.Notes = append(left.Notes, fmt.Sprintf("%d columns are not read: %s", n, shortList(c.unknown)))
	}
	return left
}

// What is kept of a source's troubles: enough to find out what is wrong with it.
const (
	mostBad   = 10
	mostNamed = 8
)

// bad notes something that cannot be read.
func (c *Copy) bad(at, message string) {
	c.left.Bad++
	if len(c.left.BadAt) < mostBad {
		c.left.BadAt = append(c.left.BadAt, at+": "+message)
	}
}

// note notes something that is good to know, once.
func (c *Copy) note(text string) {
	if !slices.Contains(c.left.Notes, text) && len(c.left.Notes) < mostBad {
		c.left.Notes = append(c.left.Notes, text)
	}
}

func shortList(names []string) string {
	quoted := make([]string, 0, mostNamed+1)
	for i, n := range names {
		if i == mostNamed {
			quoted = append(quoted, "and so on")
			break
		}
		if len(n) > 40 {
			n = n[:40] + "..."
		}
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	return strings.Join(quoted, ", ")
}

// objectLimit is how big one object may be, as JSON: those of Stripe have some thousand
// bytes, and idLimit how long an id.
const (
	objectLimit = 1 << 20
	idLimit     = 255 // docs.stripe.com/upgrades
)

// decode reads one object of a listed type, and hands it on. asOf is at least when it stood
// so, by what the source knows; 0: it does not. The error is for people, and holds nothing
// that the source does but an id.
func (c *Copy) decode(raw []byte, t rightful.ObjectType, asOf int64, yield func(rightful.MirrorObject) bool) (more bool, err error) {
	if len(raw) > objectLimit {
		return true, fmt.Errorf("an object of %d bytes: none of Stripe's is so big", len(raw))
	}
	o, err := stripeobject.Decode(raw, t, c.o.Keys, stripeobject.Defaults{Account: c.o.Account, Livemode: c.o.Livemode})
	if err != nil {
		return true, err
	}
	return c.keep(o, asOf, yield)
}

// keep hands an object on, unless it is of the other mode.
func (c *Copy) keep(o rightful.Object, asOf int64, yield func(rightful.MirrorObject) bool) (more bool, err error) {
	switch {
	case len(o.ID) > idLimit:
		return true, fmt.Errorf("an id of %d bytes", len(o.ID))
	case o.Livemode != c.o.Livemode:
		c.left.OtherMode++
		return true, nil
	case o.Created < 0, o.Created > farFuture:
		return true, fmt.Errorf("%s %s: field created: no time in Unix seconds", o.Type, o.ID)
	}
	m := rightful.MirrorObject{Object: o, Exists: rightful.ExistsPresent}
	if o.Deleted {
		m.Exists = rightful.ExistsDeleted
	}
	// It stood so at some time, and that was not before it was made. What is said to be
	// older than it is may be replaced too easily, which events put right; what is said
	// to be younger would stand in the way of news.
	m.AsOf = max(asOf, c.o.AsOf, o.Created, 1)
	return yield(m), nil
}

// farFuture is the first second of the year 2100.
const farFuture = 4_102_444_800

func invalid(at, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: at, Message: message, Hint: hint}
}

// place names a source without a password.
func place(address string) string {
	if isPostgres(address) {
		return postgresPlace(address)
	}
	if address == stdin {
		return "standard input"
	}
	return address
}

// Places names sources without their passwords.
func Places(addresses []string) []string {
	places := make([]string, len(addresses))
	for i, a := range addresses {
		places[i] = place(a)
	}
	return places
}
