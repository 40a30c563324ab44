package engine

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// postdeployBatch is how many users are read and judged at once.
const postdeployBatch = 200

// askedAtOnce is how many users the running app is asked for at a time; a probe
// that allows fewer holds the others back.
const askedAtOnce = 8

// users compares users batch by batch. What the database does not let be read ends
// it and makes the answer incomplete.
func (c *comparison) users(ctx context.Context, in PostdeployInput) error {
	c.unanswered, c.unasked = map[string]bool{}, map[string]bool{}
	if c.Sources.Probe == nil {
		c.r.Users.NoApp = true
		c.r.incomplete(ctx, "there is no app to ask: set resolver_probe")
	}
	if c.Sources.Directory.Mapping().Resolver == rightful.ResolverNone {
		c.r.incomplete(ctx, "nothing says how the app gets a user's company: set directory.resolve")
	}
	ids, err := c.pick(ctx, in)
	if own := rightful.KindOf(err); own == rightful.KindNotFound || own == rightful.KindInvalid {
		return err // what was asked for is wrong, not what is read
	}
	for batch := range slices.Chunk(ids, postdeployBatch) {
		if err != nil {
			break
		}
		err = c.compare(ctx, batch)
	}
	if err != nil {
		c.r.incomplete(ctx, "the database: "+plain(err))
	}
	if n := len(c.unanswered); n > 0 {
		c.r.incomplete(ctx, fmt.Sprintf("the running app: no answer for %d of %d users (%s)", n, c.r.Users.Checked, c.why))
	}
	return nil
}

// pick returns the ids of the users to compare, in order: those that were named,
// and a sample spread over all ids, one from each of equal parts.
func (c *comparison) pick(ctx context.Context, in PostdeployInput) ([]string, error) {
	var all []string
	named := map[string]bool{}
	for _, id := range in.Users {
		named[rightful.CanonicalID(id)] = true
	}
	var picked []string
	for u, err := range c.Sources.Directory.Users(ctx, rightful.Select{}) {
		if err != nil {
			return nil, err
		}
		if id := rightful.CanonicalID(u.ID); named[id] {
			delete(named, id)
			if u.Inactive {
				return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "--user", Message: fmt.Sprintf("user %s is not active, and nobody compares who is not", u.ID), Hint: "rightful investigate user:" + u.ID}
			}
			picked = append(picked, u.ID)
			c.r.Users.Known++
			continue
		}
		if !u.Inactive {
			c.r.Users.Known++
			all = append(all, u.ID)
			if c.Options.Progress != nil && len(all)%1000 == 0 {
				c.Options.Progress("users listed", len(all))
			}
		}
	}
	for _, id := range in.Users {
		if named[rightful.CanonicalID(id)] {
			return nil, &rightful.Error{Kind: rightful.KindNotFound, Place: "--user", Message: fmt.Sprintf("the database has no user %q", id), Hint: "give the id as the database prints it"}
		}
	}
	slices.SortFunc(all, compareIDs)
	picked = append(picked, sampled(all, in)...)
	slices.SortFunc(picked, compareIDs)
	return picked, nil
}

// sampled returns one id from each of in.Sample equal parts of ids.
func sampled(ids []string, in PostdeployInput) []string {
	if in.All || in.Sample >= len(ids) {
		return ids
	}
	random := rand.New(rand.NewPCG(in.Seed, 0))
	out := make([]string, 0, in.Sample)
	for i := range in.Sample {
		from, to := i*len(ids)/in.Sample, (i+1)*len(ids)/in.Sample
		out = append(out, ids[from+random.IntN(to-from)])
	}
	return out
}

// compareIDs orders numbers by their value, and everything else by its letters.
func compareIDs(a, b string) int {
	if number(a) && number(b) {
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}
	return strings.Compare(a, b)
}

// number reports whether an id is a number as ids write them: without a zero in
// front.
func number(id string) bool {
	return id != "" && (id[0] != '0' || len(id) == 1) && strings.IndexFunc(id, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// compare reads what the database, the cache and the app say about users, and has
// it judged.
func (c *comparison) compare(ctx context.Context, ids []string) error {
	sit := c.situation()
	if err := c.readWays(ctx, sit, ids); err != nil {
		return err
	}
	c.readKeys(ctx, sit, ids)
	c.askApp(ctx, sit, ids)
	if ctx.Err() != nil {
		return context.Cause(ctx) // half an answer is none
	}
	c.r.Users.Checked += len(ids)
	_, v := judge.Concerning(sit, judge.Judge(sit, c.Rules), rightful.Subject{Users: ids})
	c.findings, c.muted = append(c.findings, v.Findings...), append(c.muted, v.Muted...)
	told := map[string]bool{}
	for _, f := range v.Findings {
		switch f.Object.Type {
		case rightful.RefUser:
			told[rightful.CanonicalID(f.Object.ID)] = true
		case rightful.RefCacheKey:
			told[c.ofKey[f.Object.ID]] = true
		}
	}
	for _, id := range ids {
		if canonical := rightful.CanonicalID(id); told[canonical] {
			c.about[canonical] = c.describe(sit, id)
		}
	}
	if c.Options.Progress != nil {
		c.Options.Progress("users compared", c.r.Users.Checked)
	}
	return nil
}

// describe says what stands where about a user.
func (c *comparison) describe(sit *rightful.Situation, id string) *Disagreement {
	w := judge.WaysOf(sit, c.Rules, id)
	d := &Disagreement{UserID: id, Codes: []rightful.Code{}, Ways: PostdeployWays{
		Direct: w.Direct, Owner: append([]string{}, w.Owner...), Membership: append([]string{}, w.Membership...), Resolver: w.Resolver, Unresolved: w.Unresolved,
	}}
	if sit.Probe == nil {
		return d
	}
	if answer, asked := sit.Probe.Users[rightful.CanonicalID(id)]; asked {
		d.Failed = answer.Failed
		if answer.Failed == "" {
			d.App = &answer.CompanyID
		}
	}
	return d
}

// readWays reads everything that states the users' companies, a few queries for all
// of them; only a resolver query of the app's own is asked for each.
func (c *comparison) readWays(ctx context.Context, sit *rightful.Situation, ids []string) error {
	d := c.Sources.Directory
	companies := map[string]bool{}
	var wanted []string
	want := func(id string) {
		if canonical := rightful.CanonicalID(id); id != "" && !companies[canonical] {
			companies[canonical] = true
			wanted = append(wanted, id)
		}
	}
	keep := map[string]bool{}
	company := func(co rightful.Company) {
		if id := rightful.CanonicalID(co.ID); !keep[id] {
			keep[id] = true
			sit.Companies = append(sit.Companies, co)
		}
	}
	if err := every(d.Users(ctx, rightful.Select{By: rightful.ByID, Values: ids}), func(u rightful.User) {
		sit.Users = append(sit.Users, u)
		want(u.CompanyID)
	}); err != nil {
		return err
	}
	if err := every(d.Memberships(ctx, rightful.Select{By: rightful.ByUser, Values: ids}), func(m rightful.Membership) {
		sit.Memberships = append(sit.Memberships, m)
		want(m.CompanyID)
	}); err != nil {
		return err
	}
	if err := every(d.Companies(ctx, rightful.Select{By: rightful.ByOwner, Values: ids}), company); err != nil {
		return err
	}
	if sit.Mapping.Resolver == rightful.ResolverSQL {
		for _, id := range ids {
			answer, err := d.Resolve(ctx, id)
			if err != nil {
				return err
			}
			sit.Resolved[rightful.CanonicalID(id)] = answer
			want(answer.CompanyID)
		}
	}
	for batch := range slices.Chunk(wanted, postdeployBatch) {
		if err := every(d.Companies(ctx, rightful.Select{By: rightful.ByID, Values: batch}), company); err != nil {
			return err
		}
	}
	return nil
}

// every calls keep for each row, and returns the error that ended them.
func every[T any](rows iter.Seq2[T, error], keep func(T)) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		keep(row)
	}
	return nil
}

// readKeys reads what is cached of the users' companies. What holds a customer is
// left to an audit, which knows the customers.
func (c *comparison) readKeys(ctx context.Context, sit *rightful.Situation, ids []string) {
	if c.Sources.Cache == nil {
		return
	}
	patterns := slices.DeleteFunc(slices.Clone(c.Options.CacheKeys), func(k collect.CacheKey) bool { return k.Holds != rightful.HoldsCompany })
	entries := collect.Entries(patterns, rightful.Subject{Users: ids})
	if len(entries) == 0 {
		return
	}
	sit.CacheConfigured = true
	if err := c.Sources.Cache.Read(ctx, entries); err != nil {
		c.r.incomplete(ctx, "the cache: "+plain(err))
		return
	}
	for _, entry := range entries {
		if entry.Found {
			sit.Cache = append(sit.Cache, entry)
			c.ofKey[entry.Key] = rightful.CanonicalID(entry.UserID)
		}
	}
}

// askApp asks the running app for each user, a few at a time, until it cannot be
// reached at all.
func (c *comparison) askApp(ctx context.Context, sit *rightful.Situation, ids []string) {
	if c.Sources.Probe == nil {
		return
	}
	sit.Probe = &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{}}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		next int
	)
	take := func() (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(ids) || c.unreached != nil {
			return "", false
		}
		next++
		return ids[next-1], true
	}
	for range askedAtOnce {
		wg.Go(func() {
			for id, more := take(); more; id, more = take() {
				answer, err := c.Sources.Probe.Company(ctx, id)
				mu.Lock()
				switch {
				case err == nil:
					sit.Probe.Users[rightful.CanonicalID(id)] = answer
				case c.unreached == nil:
					c.unreached = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if c.unreached != nil && ctx.Err() == nil {
		c.why = cmp.Or(c.why, plain(c.unreached))
	}
	for _, id := range ids {
		canonical := rightful.CanonicalID(id)
		answer, asked := sit.Probe.Users[canonical]
		switch {
		case !asked:
			c.unanswered[canonical] = true
		case answer.Unasked:
			c.unasked[canonical] = true
		case answer.Failed != "":
			c.unanswered[canonical] = true
			c.why = cmp.Or(c.why, "user "+id+": "+answer.Failed)
		}
	}
}
