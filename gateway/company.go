package gateway

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"rightful"
	"rightful/internal/judge"
)

// CompanyAnswer is a user's company, and how it is known.
type CompanyAnswer struct {
	CompanyID string `json:"company_id"`
	Ways      Ways   `json:"ways"`
}

// Ways are the companies that each way of getting a user's company names. Only the
// resolver decides; the others are shown beside it.
type Ways struct {
	Direct     *string  `json:"direct"` // what the user's own row names; nil: nothing, or it has no such column
	Owner      []string `json:"owner"`
	Membership []string `json:"membership"`
	Resolver   *string  `json:"resolver"` // nil: it names none, or several
}

// Company returns the company of a user, as the configured resolver names it: the
// only way that anything is stamped by.
//
// A company that was merged into another is followed only if the user belongs to
// that one by a way of their own; a merge record alone moves nobody.
//
// An unknown user is an error of kind not_found. When there is no one live company,
// the error is a *Refusal of status no_company or company_gone, and the answer still
// has the ways.
func (g *Gateway) Company(ctx context.Context, userID string) (answer CompanyAnswer, err error) {
	ctx, act := g.begin(ctx, "company", DecidedCompany)
	defer func() { act.end(err) }()
	act.UserID = shortened(userID)
	who, err := g.belonging(ctx, userID)
	if err != nil {
		return CompanyAnswer{Ways: who.shown()}, err
	}
	act.UserID, act.CompanyID = who.user.ID, who.company.ID
	return CompanyAnswer{CompanyID: who.company.ID, Ways: who.shown()}, nil
}

// belongings are a user's ways, and the company that the resolver names.
type belongings struct {
	user    rightful.User
	company rightful.Company // zero with an error
	ways    judge.Ways
	known   []rightful.Company // every company that some way names, and exists
}

// shown returns the ways with ids as the database prints them.
func (b belongings) shown() Ways {
	raw := func(ids ...string) []string {
		out := []string{}
		for _, id := range ids {
			if c := find(b.known, id); c != nil {
				id = c.ID
			}
			if id != "" {
				out = append(out, id)
			}
		}
		return out
	}
	one := func(id string) *string {
		if id == "" {
			return nil
		}
		return &raw(id)[0]
	}
	return Ways{Direct: one(b.ways.Direct), Owner: raw(b.ways.Owner...), Membership: raw(b.ways.Membership...), Resolver: one(b.ways.Resolver)}
}

// find returns the company with an id, or nil.
func find(companies []rightful.Company, id string) *rightful.Company {
	for i := range companies {
		if rightful.SameID(companies[i].ID, id) {
			return &companies[i]
		}
	}
	return nil
}

// belonging resolves a user's company. Errors are those of Company.
func (g *Gateway) belonging(ctx context.Context, userID string) (belongings, error) {
	sit, err := g.waysRead(ctx, userID)
	if err != nil {
		return belongings{}, err
	}
	who := belongings{user: sit.Users[0], known: sit.Companies}
	who.ways = judge.WaysOf(sit, g.rules, who.user.ID)
	if sit.Mapping.Resolver == rightful.ResolverNone {
		return who, &rightful.Error{Kind: rightful.KindInvalid, Place: "directory.resolve", Message: "no resolver is configured, and the mapping implies none", Hint: "name the one way to get a user's company: direct, owner, membership, or a query"}
	}
	if who.ways.Resolver == "" {
		return who, &Refusal{
			Status: NoCompany, BuyerMessage: buyerNoCompany,
			Message: fmt.Sprintf("user %s has no company by the resolver (%s): %s", who.user.ID, sit.Mapping.Resolver, who.ways.Unresolved),
		}
	}
	named := find(sit.Companies, who.ways.Resolver)
	if named != nil && named.Live() {
		who.company = *named
		return who, nil
	}
	gone := &Refusal{Status: CompanyGone, BuyerMessage: buyerGone}
	switch {
	case named == nil:
		gone.Message = fmt.Sprintf("the resolver names company %s for user %s, and there is no such company", who.ways.Resolver, who.user.ID)
	case named.MergedInto != "":
		if survivor := g.survivor(who, *named); survivor != nil {
			who.company = *survivor
			return who, nil
		}
		gone.Message = fmt.Sprintf("the resolver names company %s for user %s, which was merged into another one that the user does not belong to", named.ID, who.user.ID)
	default:
		gone.Message = fmt.Sprintf("the resolver names company %s for user %s, which was deleted", named.ID, who.user.ID)
	}
	return who, gone
}

// survivor follows merge records from a company to a live one that the user belongs
// to by a way of their own; nil when there is none.
func (g *Gateway) survivor(who belongings, c rightful.Company) *rightful.Company {
	own := who.ways
	own.Resolver = ""
	for range who.known {
		next := find(who.known, c.MergedInto)
		if next == nil {
			return nil
		}
		if next.Live() {
			if slices.Contains(own.All(), rightful.CanonicalID(next.ID)) {
				return next
			}
			return nil
		}
		c = *next
	}
	return nil
}

// waysRead reads what tells a user's company: two rounds of questions to the
// database, and none to anybody else.
func (g *Gateway) waysRead(ctx context.Context, userID string) (*rightful.Situation, error) {
	if err := checkID("user_id", userID); err != nil {
		return nil, err
	}
	d := g.opt.Directory
	sit := &rightful.Situation{Now: g.now(), Mapping: d.Mapping(), Resolved: map[string]rightful.Resolution{}}
	own := []string{userID}
	var owned []rightful.Company
	var resolution rightful.Resolution
	reads := []func(context.Context) error{
		func(ctx context.Context) error {
			return gather(d.Users(ctx, rightful.Select{By: rightful.ByID, Values: own}), &sit.Users)
		},
		func(ctx context.Context) error {
			return gather(d.Memberships(ctx, rightful.Select{By: rightful.ByUser, Values: own}), &sit.Memberships)
		},
		func(ctx context.Context) error {
			return gather(d.Companies(ctx, rightful.Select{By: rightful.ByOwner, Values: own}), &owned)
		},
	}
	if sit.Mapping.Resolver == rightful.ResolverSQL {
		reads = append(reads, func(ctx context.Context) (err error) {
			resolution, err = d.Resolve(ctx, userID)
			return err
		})
	}
	if err := beside(ctx, reads...); err != nil {
		return nil, err
	}
	if len(sit.Users) != 1 {
		return nil, notOne("user", userID, len(sit.Users))
	}
	if sit.Mapping.Resolver == rightful.ResolverSQL {
		sit.Resolved[rightful.CanonicalID(sit.Users[0].ID)] = resolution
	}
	named := []string{sit.Users[0].CompanyID, resolution.CompanyID}
	for _, m := range sit.Memberships {
		named = append(named, m.CompanyID)
	}
	for _, c := range owned {
		named = append(named, c.MergedInto)
	}
	sit.Companies = owned
	return sit, g.mergedRead(ctx, sit, named)
}

// mergedRead adds companies by id, and those that they were merged into.
func (g *Gateway) mergedRead(ctx context.Context, sit *rightful.Situation, ids []string) error {
	const most = 8 // a longer chain of mergers leads nowhere
	asked := map[string]bool{}
	for _, c := range sit.Companies {
		asked[rightful.CanonicalID(c.ID)] = true
	}
	for range most {
		var fresh []string
		for _, id := range ids {
			if key := rightful.CanonicalID(id); id != "" && !asked[key] {
				asked[key] = true
				fresh = append(fresh, id)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		var found []rightful.Company
		if err := gather(g.opt.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: fresh}), &found); err != nil {
			return err
		}
		ids = nil
		for _, c := range found {
			sit.Companies = append(sit.Companies, c)
			ids = append(ids, c.MergedInto)
		}
	}
	return nil
}

// gather appends what a sequence yields.
func gather[T any](seq iter.Seq2[T, error], to *[]T) error {
	for v, err := range seq {
		if err != nil {
			return err
		}
		*to = append(*to, v)
	}
	return nil
}

// beside does things at the same time and returns the first error, in their order.
func beside(ctx context.Context, do ...func(context.Context) error) error {
	errs := make([]error, len(do))
	var all sync.WaitGroup
	for i, f := range do {
		all.Go(func() { errs[i] = f(ctx) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// maxID is how long an id of the app may be: longer than any that is one.
const maxID = 200

// checkID refuses what cannot be an id, before anybody is asked about it.
func checkID(field, id string) error {
	var why error
	switch {
	case id == "":
		why = errors.New("it is empty")
	case len(id) > maxID:
		why = fmt.Errorf("it has more than %d characters", maxID)
	case strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }):
		why = errors.New("it has characters that no id has")
	default:
		return nil
	}
	return &rightful.Error{Kind: rightful.KindInvalid, Place: field, Message: "this is no id: " + why.Error()}
}

// shortened is what may be logged of an id that nobody has checked yet.
func shortened(id string) string {
	if len(id) > maxID {
		return strings.ToValidUTF8(id[:maxID], "") + "..."
	}
	return id
}

// notOne is the error about an id that does not name exactly one row.
func notOne(noun, id string, n int) error {
	if n == 0 {
		return &rightful.Error{Kind: rightful.KindNotFound, Place: "directory", Message: fmt.Sprintf("there is no %s %s", noun, quoted(id))}
	}
	return &rightful.Error{Kind: rightful.KindAmbiguous, Place: "directory", Message: fmt.Sprintf("%d rows are %s %s", n, noun, quoted(id)), Hint: "correct the mapped query: it must yield each id once"}
}
