package skim

import (
	"context"
	"slices"
	"sync"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// gather reads what is kept of everything.
func (s *Skimmed) gather(ctx context.Context) error {
	r := s.run
	tally := r.screen.Tally()
	s.Companies, s.Users, s.Objects = tally.Companies, tally.Users, r.objects
	s.Cleared, s.Families = tally.Plain, tally.PlainFamilies
	customers, guests, err := s.suspects()
	if err != nil {
		return err
	}
	objects, err := r.read(ctx, customers, guests)
	if err != nil {
		return err
	}
	keep := r.screen.Keep()
	for _, id := range customers {
		keep.Customer(id)
	}
	for i := range objects {
		if objects[i].Type != rightful.TypeSchedule {
			keep.Object(objects[i])
		}
	}
	part := collect.Part{Objects: objects, Linked: keep.Link, Suspect: r.suspect, Beside: r.screen.Beside(), CacheUnread: r.cacheUnread}
	// In this order: each is kept because of those before.
	if part.Users, err = filtered(ctx, r.users, asUser, keep.User); err != nil {
		return err
	}
	if part.Memberships, err = filtered(ctx, r.memberships, asMembership, keep.Membership); err != nil {
		return err
	}
	err = sideBySide(ctx,
		func(ctx context.Context) (err error) {
			part.Companies, err = filtered(ctx, r.companies, asCompany, keep.Company)
			return err
		},
		func(ctx context.Context) (err error) {
			part.Links, err = filtered(ctx, r.links, asLink, keep.Link)
			return err
		},
		func(ctx context.Context) (err error) {
			part.SubscriptionRows, err = filtered(ctx, r.rows, asRow, keep.Row)
			return err
		},
	)
	if err != nil {
		return err
	}
	if s.Situation, err = collect.Rest(ctx, r.src, r.opt, part); err != nil {
		return err
	}
	s.Families += len(s.Situation.Families)
	return nil
}

// suspect reports whether a cached value is about a suspect.
func (r *run) suspect(e rightful.CacheEntry) bool {
	return (e.UserID == "" || r.screen.SuspectUser(e.UserID)) && (e.CompanyID == "" || r.screen.SuspectCompany(e.CompanyID)) &&
		(e.StripeCustomerID == "" || r.screen.SuspectFamily(e.StripeCustomerID))
}

// suspects returns the keys of the families to be judged, and takes those that were
// cleared by themselves out of the counts.
func (s *Skimmed) suspects() (customers, guests []string, err error) {
	r := s.run
	for _, keys := range r.keys {
		err = keys.each(func(one *record) error {
			key := one.fields[0]
			if !r.screen.SuspectFamily(key) {
				return nil
			}
			owner := r.screen.Cleared(key)
			switch owner {
			case judge.OwnerUs:
				s.Cleared.Ours--
			case judge.OwnerOther:
				s.Cleared.Foreign--
			case judge.OwnerNobody:
				s.Cleared.Unreached--
			}
			if owner != "" {
				s.Families--
			}
			if one.flags&guest != 0 {
				guests = append(guests, key)
			} else {
				customers = append(customers, key)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return customers, guests, nil
}

// filtered reads a spool again.
func filtered[T any](ctx context.Context, s *spool, as func(*record) T, keep func(T) bool) (out []T, err error) {
	n := 0
	err = s.each(func(one *record) error {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if row := as(one); keep(row) {
			out = append(out, row)
		}
		return nil
	})
	return out, err
}

// read reads families whole, several at a time.
func (r *run) read(ctx context.Context, customers, guests []string) ([]*rightful.Object, error) {
	var mu sync.Mutex
	var all []*rightful.Object
	var lanes []func(context.Context) error
	own := func(keys []string, of int) [][]string {
		size := max(1, (len(keys)+of-1)/of)
		return slices.Collect(slices.Chunk(keys, size))
	}
	joined := slices.Clone(r.joined)
	for _, keys := range append(own(customers, r.lanes), own(append(guests, joined...), r.lanes)...) {
		lanes = append(lanes, func(ctx context.Context) error {
			objects, err := r.whole(ctx, keys)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, objects...)
			return err
		})
	}
	err := sideBySide(ctx, lanes...)
	return all, err
}

// whole reads families, with what their sessions made and has no customer.
func (r *run) whole(ctx context.Context, keys []string) (objects []*rightful.Object, err error) {
	open := map[string]rightful.ObjectType{}
	for part, err := range r.mirror.FamiliesOf(ctx, keys) {
		if err != nil {
			return nil, err
		}
		for _, o := range part.Objects {
			objects = append(objects, &o)
		}
		made(part.Objects, open)
		if part.More {
			continue
		}
		for id, t := range open {
			o, exists, err := r.mirror.Get(ctx, t, id)
			if err != nil {
				return nil, err
			}
			if exists == rightful.ExistsPresent && loose(&o) {
				objects = append(objects, &o)
			}
		}
		clear(open)
	}
	return objects, nil
}
