// Package skim reads a whole database and a mirror past the screen, and returns what
// verdicts on suspects depend on: a Situation that is judged like any other, and holds a
// small part of everything. What was read is kept aside meanwhile, so that nothing is
// read twice but the families of suspects.
package skim

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/screen"
)

// Skimmed is a situation of suspects, and what was looked at beside it.
type Skimmed struct {
	Situation *rightful.Situation
	Companies int
	Users     int
	Objects   int             // schedules are not counted
	Families  int             // those of the situation are among them
	Cleared   judge.Ownership // of families that are not in the situation

	run *run
}

// Read reads everything past the screen. src.Stripe is what Reader returns. Errors are
// those of collect.Everything. Close must be called.
func Read(ctx context.Context, src collect.Sources, opt collect.Options, rules judge.Rules, mirror Mirror) (*Skimmed, error) {
	r := &run{src: src, opt: opt, mirror: mirror, screen: screen.New(rules, src.Directory.Mapping(), opt.Now), lanes: max(2, runtime.GOMAXPROCS(0))}
	s := &Skimmed{run: r}
	err := r.directory(ctx)
	if err == nil {
		r.screen.Settle()
		err = r.families(ctx)
	}
	if err == nil {
		err = r.cache(ctx)
	}
	if err == nil {
		r.screen.Close()
		if r.screen.Beside() > screen.Fewest { // nobody will look at each customer closely
			r.screen.Forget()
		}
		err = s.gather(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.Situation.Beside > screen.Fewest { // nobody will look at each customer closely
		err = s.Close()
	}
	return s, err
}

// Everything makes all companies with customers suspect: for an account with so few
// customers that the judge looks at each closely. Only while Beside of the situation says
// that there are so few is what was read still there.
func (s *Skimmed) Everything(ctx context.Context) error {
	s.run.screen.SuspectAll()
	s.run.screen.Close()
	return s.gather(ctx)
}

// Close gives back what was kept aside.
func (s *Skimmed) Close() error {
	var all []error
	for _, kept := range s.run.spools {
		all = append(all, kept.close())
	}
	*s.run = run{}
	return errors.Join(all...)
}

// run is one reading.
type run struct {
	src    collect.Sources
	opt    collect.Options
	mirror Mirror
	screen *screen.Screen
	lanes  int

	spools                                     []*spool
	companies, links, users, memberships, rows *spool
	keys                                       []*spool // of families, by lane
	mu                                         sync.Mutex
	joined                                     []string // keys of guests' objects that belong to a customer's family
	objects                                    int
	cacheUnread                                error
}

func (r *run) spool() (*spool, error) {
	s, err := newSpool()
	if err == nil {
		r.spools = append(r.spools, s)
	}
	return s, err
}

// sideBySide runs all, and calls the others off after the first failure, which it returns.
func sideBySide(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, one := range all {
		group.Go(func() {
			if err := one(ctx); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// directory reads the database, its tables side by side where the screen takes them so.
func (r *run) directory(ctx context.Context) error {
	for _, s := range []**spool{&r.companies, &r.links, &r.users, &r.memberships, &r.rows} {
		var err error
		if *s, err = r.spool(); err != nil {
			return err
		}
	}
	d, all := r.src.Directory, rightful.Select{}
	return sideBySide(ctx,
		func(ctx context.Context) error {
			if err := take(d.Companies(ctx, all), r.told("companies"), r.companies.company, r.screen.Company); err != nil {
				return err
			}
			return take(d.Links(ctx, all), func() {}, r.links.link, r.screen.Link)
		},
		func(ctx context.Context) error {
			if err := take(d.Users(ctx, all), r.told("users"), r.users.user, r.screen.User); err != nil {
				return err
			}
			return take(d.Memberships(ctx, all), func() {}, r.memberships.membership, r.screen.Membership)
		},
		func(ctx context.Context) error {
			return take(d.SubscriptionRows(ctx, all), func() {}, r.rows.row, r.screen.Row)
		},
	)
}

// take hands each row to whoever wants it.
func take[T any](rows iter.Seq2[T, error], told func(), to ...func(T)) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		for _, f := range to {
			f(row)
		}
		told()
	}
	return nil
}

// told returns what tells the progress of one thing, now and then. One goroutine at a
// time calls it.
func (r *run) told(what string) func() {
	n := 0
	return func() {
		if n++; n%1000 == 0 && r.opt.Progress != nil {
			r.opt.Progress(what, n)
		}
	}
}

// cache reads what is cached for anybody. A cache that cannot be heard leaves the rest
// as it is; the report will say so.
func (r *run) cache(ctx context.Context) error {
	if len(r.opt.CacheKeys) == 0 || r.src.Cache == nil {
		return nil
	}
	const batch = 500
	var about rightful.Subject
	pending := 0
	read := func() error {
		entries := collect.Entries(r.opt.CacheKeys, about)
		about, pending = rightful.Subject{}, 0
		for len(entries) > 0 && r.cacheUnread == nil {
			now := entries[:min(batch, len(entries))]
			entries = entries[len(now):]
			if err := r.src.Cache.Read(ctx, now); err != nil {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				r.cacheUnread = err
			}
			if r.cacheUnread == nil {
				for _, e := range now {
					r.screen.Cached(e)
				}
			}
		}
		return nil
	}
	each := func(s *spool, add func(*record)) error {
		return s.each(func(one *record) error {
			add(one)
			if pending++; pending < batch {
				return nil
			}
			return read()
		})
	}
	err := errors.Join(
		each(r.users, func(one *record) { about.Users = append(about.Users, one.fields[0]) }),
		each(r.companies, func(one *record) { about.Companies = append(about.Companies, one.fields[0]) }),
	)
	for _, keys := range r.keys {
		err = errors.Join(err, each(keys, func(one *record) {
			if one.flags&guest == 0 {
				about.Customers = append(about.Customers, one.fields[0])
			}
		}))
	}
	return errors.Join(err, read())
}
