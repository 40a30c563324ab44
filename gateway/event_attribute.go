package gateway

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/look"
)

// widely is how many families of a batch, of which nobody could be named before, are
// looked at with everything that surrounds them. It costs requests at Stripe.
const widely = 10

// Bounds of looking at families of a batch so: what runs on for longer is no answer, and
// none is begun when the others took their time. Together with what a batch reads before,
// it is well within the time for which a shard is held.
const (
	lookWidelyFor   = 5 * time.Second
	lookWidelyBegin = 3 * time.Second
)

// waitsMost is for how long, in seconds, a family waits for its turn to be looked at so.
// After that a flood of them is given up as it is.
const waitsMost = 3 * 24 * 60 * 60

// verdict is what was found about one family.
type verdict struct {
	company string // the live one that it belongs to, as the database prints it
	foreign bool   // another application's
	codes   []string
	// findings are those of severity error and warning.
	findings []rightful.Finding
}

// attribute says whose the families of the events that are still open are.
func (b *batch) attribute() error {
	objects, exists, families := b.objects()
	if len(families) > 0 {
		sit, err := collect.Narrow(b.ctx, b.sources(), b.w.g.options(), objects, exists)
		if err != nil {
			return err
		}
		verdicts, err := b.verdicts(b.ctx, sit, families)
		if err != nil {
			return err
		}
		if err := b.lookWidely(verdicts, families); err != nil {
			return err
		}
		for i := range b.events {
			if b.open(i) {
				v := verdicts[b.events[i].Family]
				b.found[b.events[i].Family] = v
				b.conclude(i, v)
			}
		}
	}
	for i := range b.events {
		if b.left(i) {
			b.unknown(i) // nothing is left as it is: it would come again at once
		}
	}
	return nil
}

// sources are those of the gateway. The app's own resolver query is asked for one user
// at a time: where the database tells the companies of users in other ways too, those
// are enough to say whose a payment is.
func (b *batch) sources() collect.Sources {
	src := b.w.g.sources()
	if m := src.Directory.Mapping(); m.Resolver == rightful.ResolverSQL && (m.Direct || m.Owner || m.Memberships) {
		src.Directory = unresolved{src.Directory}
	}
	return src
}

// unresolved is a directory whose resolver query is not asked.
type unresolved struct{ rightful.DirectoryReader }

func (u unresolved) Mapping() rightful.Mapping {
	m := u.DirectoryReader.Mapping()
	m.Resolver = rightful.ResolverNone
	return m
}

// objects returns what is known of the families of the events, as they stand now.
func (b *batch) objects() (objects []rightful.Object, exists map[string]rightful.Existence, families []string) {
	for i, e := range b.events {
		if b.open(i) {
			families = append(families, e.Family)
		}
	}
	families = unique(families)
	exists = map[string]rightful.Existence{}
	for _, n := range b.newest {
		if _, wanted := slices.BinarySearch(families, n.Family); !wanted {
			continue
		}
		objects = append(objects, n.object)
		if customer := n.object.StripeCustomerID; customer != "" {
			exists[customer] = cmp.Or(exists[customer], rightful.ExistsUnknown)
		}
	}
	// The same events in another order must not give another situation.
	slices.SortFunc(objects, func(x, y rightful.Object) int {
		return cmp.Or(cmp.Compare(x.Type, y.Type), cmp.Compare(x.ID, y.ID))
	})
	return objects, exists, families
}

// verdicts judges a situation and returns what was found about each of the families.
func (b *batch) verdicts(ctx context.Context, sit *rightful.Situation, families []string) (map[string]*verdict, error) {
	sit.Account = b.account
	at := map[string]int{} // key of a family, or id of an object -> its place in the situation
	for i := range sit.Families {
		f := &sit.Families[i]
		if f.Customer.Deleted {
			f.Exists = rightful.ExistsDeleted
		}
		at[f.Key] = i
		for _, o := range f.Objects() {
			at[o.ID] = i
		}
	}
	ids := map[string]string{}
	for _, c := range sit.Companies {
		ids[rightful.CanonicalID(c.ID)] = c.ID
	}
	judged := look.Heard(ctx, b.w.g.sources(), b.w.g.rules, sit)
	if err := unrecorded(sit); err != nil {
		return nil, err
	}
	found := map[string][]rightful.Finding{}
	for _, f := range b.w.g.told(judged.Findings) {
		if f.Severity != rightful.SeverityInfo {
			found[f.Family] = append(found[f.Family], f)
		}
	}
	out := map[string]*verdict{}
	for _, family := range families {
		v := &verdict{}
		if i, known := at[family]; known {
			company := judged.Attributions[i].CompanyID
			f := &sit.Families[i]
			switch owner := judged.Owners[i]; {
			case owner == judge.OwnerOther && f.Customer.ID == "" && (len(f.Links) > 0 || len(f.Rows) > 0):
				// The tag is the customer's, of which no event has told yet; this one is
				// of what hangs on it. The database reaches it: it is looked at.
			case owner == judge.OwnerOther:
				v.foreign = true
			case owner == judge.OwnerUs || b.w.g.opt.Keys.Ownership == "":
				v.company = cmp.Or(ids[company], company)
			}
			v.findings = found[f.Key]
			for _, f := range v.findings {
				v.codes = append(v.codes, string(f.Code))
			}
			v.codes = unique(v.codes)
		}
		out[family] = v
	}
	return out, nil
}

// lookWidely reads everything that surrounds families of which nobody could be named
// for a while, as an investigation does: those that wait longest first. The others wait
// for their turn, and are not held to have been looked at.
func (b *batch) lookWidely(verdicts map[string]*verdict, families []string) error {
	since := map[string]int64{} // family -> when its first event that is due was accepted
	for i, e := range b.events {
		v := verdicts[e.Family]
		if !b.open(i) || e.Attempts == 0 || e.NextAt > b.now || v.company != "" || v.foreign || !slices.Contains(families, e.Family) {
			continue
		}
		if at, known := since[e.Family]; !known || e.ReceivedAt < at {
			since[e.Family] = e.ReceivedAt
		}
	}
	due := slices.SortedFunc(maps.Keys(since), func(x, y string) int {
		return cmp.Or(cmp.Compare(since[x], since[y]), cmp.Compare(x, y))
	})
	end := time.Now().Add(lookWidelyBegin)
	for n, family := range due {
		switch {
		case n == 0 || n < widely && time.Now().Before(end):
			if err := b.lookBriefly(family, verdicts[family]); err != nil {
				return err
			}
		case b.now-since[family] < waitsMost:
			b.putOffFamily(family)
		}
	}
	return nil
}

// lookBriefly looks at one family for a while. One that has more around it than can be
// read in that time is as unknown as it was, and was looked at: it must not keep the
// others of its shard from their verdict, time and again.
func (b *batch) lookBriefly(family string, v *verdict) error {
	ctx, cancel := context.WithTimeout(b.ctx, cmp.Or(b.w.lookFor, lookWidelyFor))
	defer cancel()
	err := b.lookAround(ctx, family, v)
	if ctx.Err() != nil && b.ctx.Err() == nil {
		return nil
	}
	return err
}

// lookAround looks at one family.
func (b *batch) lookAround(ctx context.Context, family string, v *verdict) error {
	var about rightful.Subject
	for _, n := range b.newest {
		switch {
		case n.Family != family:
		case n.object.Type == rightful.TypeCustomer:
			about.Customers = append(about.Customers, n.ID)
		case n.object.StripeCustomerID != "":
			about.Customers = append(about.Customers, n.object.StripeCustomerID)
		default:
			about.Objects = append(about.Objects, n.object)
		}
	}
	about.Customers = unique(about.Customers)
	sit, _, err := look.Around(ctx, b.w.g.sources(), b.w.g.options(), b.w.g.rules, about)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	if len(sit.Incomplete) > 0 || sit.StripePartly || sit.StripeUnread != "" {
		return nil // it could not be looked at: that is no answer
	}
	found, err := b.verdicts(ctx, sit, []string{family})
	if err != nil {
		return err
	}
	*v = *found[family]
	return nil
}

// conclude settles one event by the verdict about its family.
func (b *batch) conclude(i int, v *verdict) {
	e := &b.events[i]
	e.Codes = v.codes
	switch {
	case v.foreign:
		b.settle(i, rightful.InboxForeign)
	case v.company != "":
		e.CompanyID = v.company
		b.settle(i, rightful.InboxMine)
	default:
		b.unknown(i)
	}
}
