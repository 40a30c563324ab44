// Package snapshot makes a world file of what one question read, so that whoever
// is given the file can put the same question and is answered the same.
//
// A Recorder stands before the reading ports and keeps what they answer:
// also that something is not there. World writes it down. Redactor replaces what
// tells people and companies apart for no judge: emails, names, free texts.
package snapshot

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"rightful"
	"rightful/internal/collect"
)

// Places are the reading ports, and our own record. Directory and Stripe are required.
type Places struct {
	Directory rightful.DirectoryReader
	Stripe    rightful.StripeReader
	Cache     rightful.CacheReader
	Probe     rightful.ProbeReader
	Record    collect.Record
}

// Recorder keeps what the places answer to whoever reads through it. It is safe
// for use by several goroutines, as the places are.
type Recorder struct {
	places Places

	mu          sync.Mutex
	companies   kept[rightful.Company]
	users       kept[rightful.User]
	memberships kept[rightful.Membership]
	rows        kept[rightful.SubscriptionRow]
	links       kept[rightful.Link]
	resolved    kept[resolution]

	objects  kept[rightful.Object] // of lists and look-ups; deleted stubs too
	searched kept[rightful.Object] // of searches, whose index may be old
	missing  kept[string]          // ids that Stripe does not have
	noSearch bool                  // the account has no search
	events   kept[rightful.Event]

	made     kept[rightful.Intent] // for whom sessions were made
	promised kept[string]          // companies for which something was made
	cached   kept[rightful.CacheEntry]
	answers  kept[answer]
	revision string
}

type resolution struct {
	userID string
	rightful.Resolution
}

type answer struct{ userID, companyID string }

// New returns a recorder of places.
func New(places Places) *Recorder { return &Recorder{places: places} }

// Places returns the places to read through. A place that is nil stays nil.
func (r *Recorder) Places() Places {
	p := Places{Directory: directory{r}, Stripe: stripe{r}}
	if r.places.Cache != nil {
		p.Cache = cache{r}
	}
	if r.places.Probe != nil {
		p.Probe = probe{r}
	}
	if r.places.Record != nil {
		p.Record = ownRecord{r}
	}
	return p
}

// ownRecord records a collect.Record.
type ownRecord struct{ r *Recorder }

// CheckoutsOf implements collect.Record.
func (d ownRecord) CheckoutsOf(ctx context.Context, sessionIDs []string) (map[string]rightful.Intent, error) {
	made, err := d.r.places.Record.CheckoutsOf(ctx, sessionIDs)
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(made)) {
		d.r.made.keep(id, made[id], "")
	}
	return made, err
}

// Promised implements collect.Record.
func (d ownRecord) Promised(ctx context.Context, companyIDs []string) ([]string, error) {
	promised, err := d.r.places.Record.Promised(ctx, companyIDs)
	d.r.mu.Lock()
	defer d.r.mu.Unlock()
	for _, id := range promised {
		d.r.promised.keep(id, id, "")
	}
	return promised, err
}

// directory records a rightful.DirectoryReader.
type directory struct{ r *Recorder }

func (d directory) Mapping() rightful.Mapping { return d.r.places.Directory.Mapping() }

func (d directory) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	return record(d.r, d.r.places.Directory.Companies(ctx, sel), &d.r.companies, func(c rightful.Company) string { return rightful.CanonicalID(c.ID) })
}

func (d directory) Users(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.User, error] {
	return record(d.r, d.r.places.Directory.Users(ctx, sel), &d.r.users, func(u rightful.User) string { return rightful.CanonicalID(u.ID) })
}

func (d directory) Memberships(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Membership, error] {
	return record(d.r, d.r.places.Directory.Memberships(ctx, sel), &d.r.memberships, func(m rightful.Membership) string { return fmt.Sprintf("%#v", m) })
}

func (d directory) SubscriptionRows(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	return record(d.r, d.r.places.Directory.SubscriptionRows(ctx, sel), &d.r.rows, func(s rightful.SubscriptionRow) string { return fmt.Sprintf("%#v", s) })
}

func (d directory) Links(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Link, error] {
	return record(d.r, d.r.places.Directory.Links(ctx, sel), &d.r.links, func(l rightful.Link) string { return fmt.Sprintf("%#v", l) })
}

func (d directory) Resolve(ctx context.Context, userID string) (rightful.Resolution, error) {
	answered, err := d.r.places.Directory.Resolve(ctx, userID)
	if err == nil {
		d.r.mu.Lock()
		defer d.r.mu.Unlock()
		d.r.resolved.keep(userID, resolution{userID, answered}, "")
	}
	return answered, err
}

// stripe records a rightful.StripeReader.
type stripe struct{ r *Recorder }

func objectKey(o rightful.Object) string { return string(o.Type) + "/" + o.ID }

func (s stripe) Account(ctx context.Context) (rightful.Account, error) {
	return s.r.places.Stripe.Account(ctx)
}

func (s stripe) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return record(s.r, s.r.places.Stripe.List(ctx, q), &s.r.objects, objectKey)
}

func (s stripe) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	o, exists, err := s.r.places.Stripe.Get(ctx, t, id)
	if err != nil {
		return o, exists, err
	}
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	switch exists {
	case rightful.ExistsPresent:
		s.r.objects.keep(objectKey(o), o, "")
	case rightful.ExistsDeleted:
		stub := o
		stub.Type, stub.ID, stub.Deleted = t, id, true
		s.r.objects.keep(objectKey(stub), stub, "")
	case rightful.ExistsMissing:
		s.r.missing.keep(id, id, "")
	}
	return o, exists, nil
}

func (s stripe) Search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	found, err := s.r.places.Stripe.Search(ctx, t, key, value)
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.noSearch = s.r.noSearch || rightful.KindOf(err) == rightful.KindUnsupported
	for _, o := range found {
		s.r.searched.keep(objectKey(o), o, "")
	}
	return found, err
}

func (s stripe) Events(ctx context.Context, q rightful.EventQuery) iter.Seq2[rightful.Event, error] {
	return record(s.r, s.r.places.Stripe.Events(ctx, q), &s.r.events, func(e rightful.Event) string {
		if len(e.Previous) == 0 {
			return "" // it tells of no identity
		}
		return e.ID
	})
}

func (s stripe) Endpoints(ctx context.Context) ([]rightful.WebhookEndpoint, error) {
	return s.r.places.Stripe.Endpoints(ctx)
}

// cache records a rightful.CacheReader.
type cache struct{ r *Recorder }

func (c cache) Read(ctx context.Context, entries []rightful.CacheEntry) error {
	if err := c.r.places.Cache.Read(ctx, entries); err != nil {
		return err
	}
	c.r.mu.Lock()
	defer c.r.mu.Unlock()
	for _, e := range entries {
		if e.Found {
			c.r.cached.keep(e.Key+"\x00"+e.Decode, e, "")
		}
	}
	return nil
}

// probe records a rightful.ProbeReader.
type probe struct{ r *Recorder }

func (p probe) Company(ctx context.Context, userID string) (rightful.ProbeAnswer, error) {
	answered, err := p.r.places.Probe.Company(ctx, userID)
	if err == nil && answered.Failed == "" {
		p.r.mu.Lock()
		defer p.r.mu.Unlock()
		p.r.answers.keep(userID, answer{userID, answered.CompanyID}, "")
	}
	return answered, err
}

func (p probe) Revision(ctx context.Context) (string, error) {
	revision, err := p.r.places.Probe.Revision(ctx)
	if err == nil {
		p.r.mu.Lock()
		defer p.r.mu.Unlock()
		p.r.revision = revision
	}
	return revision, err
}

// Holds returns how much was recorded, by what it is.
func (r *Recorder) Holds() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return map[string]int{
		"companies": len(r.companies.order), "users": len(r.users.order), "memberships": len(r.memberships.order),
		"subscriptions": len(r.rows.order), "links": len(r.links.order), "stripe": len(r.objects.order), "cache": len(r.cached.order),
	}
}
