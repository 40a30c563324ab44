package apply

import (
	"context"
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// standing is what stands in the place of a step.
type standing struct {
	value *string // nil: nothing
	gone  string  // why there is no such place any more; then value means nothing
}

// at reports whether a value stands there, as ids are compared.
func (s standing) at(value *string) bool {
	if s.gone != "" {
		return false
	}
	if s.value == nil || value == nil {
		return s.value == nil && value == nil
	}
	return rightful.SameID(*s.value, *value)
}

// fulfils reports whether a step's purpose holds. Of a cache key only the wrong
// value has to be gone: the app fills it again when it likes, and whether rightly
// is judged afterwards.
func (s standing) fulfils(step plan.Step) bool {
	return s.at(step.To) || step.Place == rightful.PlaceCache && s.gone == "" && !s.at(step.From)
}

func (s standing) String() string {
	switch {
	case s.gone != "":
		return s.gone
	case s.value == nil:
		return "nothing stands there"
	}
	return fmt.Sprintf("%q stands there", *s.value)
}

// seen is what stands there, for the journal; nil when there is no such place.
func (s standing) seen() *journal.Seen {
	if s.gone != "" {
		return nil
	}
	return &journal.Seen{Value: s.value}
}

func holding(value string) standing {
	if value == "" {
		return standing{}
	}
	return standing{value: &value}
}

// read returns what stands in the place of a step now.
func (a *applier) read(ctx context.Context, s plan.Step) (standing, error) {
	switch {
	case s.Place == rightful.PlaceStripe:
		return a.readStamp(ctx, s)
	case s.Place == rightful.PlaceCache:
		return a.readCache(ctx, s)
	case s.Object.Type == rightful.RefLink:
		return a.readLinks(ctx, s)
	case s.Object.Type == rightful.RefCompany:
		return one(a.places.Directory.Companies(ctx, byID(s)), s, func(c rightful.Company) string { return c.StripeCustomerID })
	case s.Field == rightful.FieldRow:
		return a.readRow(ctx, s)
	case s.Field == rightful.FieldRowStatus:
		return one(a.places.Directory.SubscriptionRows(ctx, byID(s)), s, func(r rightful.SubscriptionRow) string { return r.Status })
	case s.Field == rightful.FieldRowCompany:
		return one(a.places.Directory.SubscriptionRows(ctx, byID(s)), s, func(r rightful.SubscriptionRow) string { return r.CompanyID })
	}
	return one(a.places.Directory.SubscriptionRows(ctx, byID(s)), s, func(r rightful.SubscriptionRow) string { return r.StripeCustomerID })
}

func byID(s plan.Step) rightful.Select {
	return rightful.Select{By: rightful.ByID, Values: []string{s.Object.ID}}
}

// one reads a field of the one row of a sequence.
func one[T any](rows func(func(T, error) bool), s plan.Step, field func(T) string) (standing, error) {
	n, value := 0, ""
	for r, err := range rows {
		if err != nil {
			return standing{}, err
		}
		n++
		value = field(r)
	}
	switch n {
	case 0:
		return standing{gone: fmt.Sprintf("the database has no %s %s", s.Object.Type, s.Object.ID)}, nil
	case 1:
		return holding(value), nil
	}
	return standing{gone: fmt.Sprintf("the database has %d of %s %s", n, s.Object.Type, s.Object.ID)}, nil
}

// readLinks looks for the one row of the table of links that the step is about:
// the customer that it adds, removes or replaces.
func (a *applier) readLinks(ctx context.Context, s plan.Step) (standing, error) {
	links := a.places.Directory.Links(ctx, rightful.Select{By: rightful.ByCompany, Values: []string{s.Object.ID}})
	var found standing
	for l, err := range links {
		if err != nil {
			return standing{}, err
		}
		for _, about := range []*string{s.To, s.From} {
			if about != nil && l.StripeCustomerID == *about && found.value == nil {
				found = holding(l.StripeCustomerID)
			}
		}
	}
	return found, nil
}

// readRow looks for the one row that names a subscription. A row that is silent about
// what a step holds agrees with it: not every app keeps a status or the customer
// beside it.
func (a *applier) readRow(ctx context.Context, s plan.Step) (standing, error) {
	var found []rightful.SubscriptionRow
	naming := rightful.Select{By: rightful.ByStripeSubscription, Values: []string{s.Object.ID}}
	for r, err := range a.places.Directory.SubscriptionRows(ctx, naming) {
		if err != nil {
			return standing{}, err
		}
		found = append(found, r)
	}
	switch len(found) {
	case 0:
		return standing{}, nil
	case 1:
	default:
		return standing{gone: fmt.Sprintf("the database has %d rows that name %s", len(found), s.Object.ID)}, nil
	}
	for _, text := range []*string{s.To, s.From} {
		if text == nil {
			continue
		}
		if values, err := rightful.ParseRowValues(*text); err == nil && values.Agrees(found[0]) {
			return holding(*text), nil
		}
	}
	r := found[0]
	return holding(rightful.RowValues{CompanyID: r.CompanyID, StripeCustomerID: r.StripeCustomerID, Status: r.Status}.Text()), nil
}

func (a *applier) readStamp(ctx context.Context, s plan.Step) (standing, error) {
	o, exists, err := a.places.Stripe.Get(ctx, rightful.ObjectType(s.Object.Type), s.Object.ID)
	switch {
	case err != nil:
		return standing{}, err
	case exists == rightful.ExistsDeleted:
		return standing{gone: "Stripe says that it was deleted"}, nil
	case exists != rightful.ExistsPresent:
		return standing{gone: "Stripe does not have it any more"}, nil
	}
	return holding(o.Metadata[stampKey(s)]), nil
}

func stampKey(s plan.Step) string { return strings.TrimPrefix(s.Field, rightful.FieldStampPrefix) }

// cacheEntry returns the cache key of a step, as it is to be read.
func cacheEntry(s plan.Step) rightful.CacheEntry {
	e := rightful.CacheEntry{Key: s.Object.ID}
	if s.Field != rightful.FieldCachedAsText {
		e.Decode = s.Field
	}
	return e
}

func (a *applier) readCache(ctx context.Context, s plan.Step) (standing, error) {
	entries := []rightful.CacheEntry{cacheEntry(s)}
	if err := a.places.Cache.Read(ctx, entries); err != nil {
		return standing{}, err
	}
	switch e := entries[0]; {
	case !e.Found:
		return standing{}, nil
	case e.Undecodable != "":
		return standing{gone: "what is cached cannot be decoded any more: " + e.Undecodable}, nil
	default:
		return holding(e.Value), nil
	}
}

// write makes the write of one step outside the database.
func (a *applier) write(ctx context.Context, s plan.Step, key string) error {
	if s.Place == rightful.PlaceCache {
		e := cacheEntry(s)
		e.Found, e.Value = true, *s.From
		return a.places.Writers.Cache.Delete(ctx, e)
	}
	return a.stamp(ctx, s, s.To, key)
}

func (a *applier) stamp(ctx context.Context, s plan.Step, to *string, idempotencyKey string) error {
	return a.places.Writers.Stripe.SetMetadata(ctx, rightful.MetadataWrite{
		Type: rightful.ObjectType(s.Object.Type), ID: s.Object.ID, Key: stampKey(s), To: to, IdempotencyKey: idempotencyKey,
	})
}

// writeRows makes the database writes of steps that follow one another, in one
// transaction, or, without commit, asks whether the database would accept them.
func (a *applier) writeRows(ctx context.Context, steps []plan.Step, commit bool) error {
	if len(steps) == 0 {
		return nil
	}
	changes := make([]rightful.FieldChange, len(steps))
	for i, s := range steps {
		changes[i] = rightful.FieldChange{Object: s.Object, Field: s.Field, From: s.From, To: s.To, TakesBack: a.back}
	}
	return a.places.Writers.Directory.CompareAndSet(ctx, changes, commit)
}
