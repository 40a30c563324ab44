package collect

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"rightful"
)

// AsBefore returns the sources as they were before the writes were made: where
// the value of a write stands, they say what stood there before it. A value that
// is neither is what somebody else wrote, and is told as it is. So a run that
// was killed can be compared with what it was planned on, and what others
// changed meanwhile is seen. Only of cache keys that were deleted nothing is told:
// that they are filled again is no change.
//
// Selections by a column that the writes changed are made on what stood there
// before.
func AsBefore(src Sources, writes []rightful.Proposal) Sources {
	w := rewound{}
	for _, p := range writes {
		w[p.Place+"\x00"+p.Object.Type] = append(w[p.Place+"\x00"+p.Object.Type], p)
	}
	if src.Directory != nil {
		src.Directory = &directoryBefore{DirectoryReader: src.Directory, w: w}
	}
	if src.Stripe != nil {
		src.Stripe = &stripeBefore{StripeReader: src.Stripe, w: w}
	}
	if src.Cache != nil {
		src.Cache = &cacheBefore{src.Cache, w}
	}
	return src
}

// rewound are the writes, by place and type of object.
type rewound map[string][]rightful.Proposal

func (w rewound) of(place, object string) []rightful.Proposal { return w[place+"\x00"+object] }

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// rewind puts a field back that holds what was written. Several writes of one
// field are put back in reverse.
func rewind(all []rightful.Proposal, id, field string, value *string) {
	for _, p := range slices.Backward(all) {
		if rightful.SameID(p.Object.ID, id) && p.Field == field && stands(*value, p.To) {
			*value = text(p.From)
		}
	}
}

// stands reports whether a value is the one written; nil stands for none.
func stands(value string, to *string) bool {
	return value == "" && text(to) == "" || rightful.SameID(value, text(to))
}

type directoryBefore struct {
	rightful.DirectoryReader
	w rewound
}

// Companies implements rightful.DirectoryReader.
func (d *directoryBefore) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	writes := d.w.of(rightful.PlaceDB, rightful.RefCompany)
	return selected(ctx, sel, writes, d.DirectoryReader.Companies,
		func(c *rightful.Company) { rewind(writes, c.ID, rightful.FieldLink, &c.StripeCustomerID) },
		func(c rightful.Company) string { return c.ID },
		map[rightful.Column]func(rightful.Company) string{
			rightful.ByStripeCustomer: func(c rightful.Company) string { return c.StripeCustomerID },
		})
}

// SubscriptionRows implements rightful.DirectoryReader.
func (d *directoryBefore) SubscriptionRows(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	writes := d.w.of(rightful.PlaceDB, rightful.RefSubscriptionRow)
	rows := func(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
		return withoutAdded(d.DirectoryReader.SubscriptionRows(ctx, sel), writes)
	}
	return selected(ctx, sel, writes, rows,
		func(r *rightful.SubscriptionRow) {
			rewind(writes, r.ID, rightful.FieldRowCompany, &r.CompanyID)
			rewind(writes, r.ID, rightful.FieldRowCustomer, &r.StripeCustomerID)
			rewind(writes, r.ID, rightful.FieldRowStatus, &r.Status)
		},
		func(r rightful.SubscriptionRow) string { return r.ID },
		map[rightful.Column]func(rightful.SubscriptionRow) string{
			rightful.ByCompany:        func(r rightful.SubscriptionRow) string { return r.CompanyID },
			rightful.ByStripeCustomer: func(r rightful.SubscriptionRow) string { return r.StripeCustomerID },
		})
}

// withoutAdded leaves out the rows that the writes added and that still hold what
// was written.
func withoutAdded(rows iter.Seq2[rightful.SubscriptionRow, error], writes []rightful.Proposal) iter.Seq2[rightful.SubscriptionRow, error] {
	added := func(r rightful.SubscriptionRow) bool {
		return slices.ContainsFunc(writes, func(p rightful.Proposal) bool {
			if p.Field != rightful.FieldRow || p.To == nil || p.Object.ID != r.StripeSubscriptionID {
				return false
			}
			values, err := rightful.ParseRowValues(*p.To)
			return err == nil && values.Agrees(r)
		})
	}
	return func(yield func(rightful.SubscriptionRow, error) bool) {
		for r, err := range rows {
			if err == nil && added(r) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// selected yields the rows of a selection as they were. columns are those that
// writes may have changed: by one of these the rows are chosen after they were
// put back, among what is there now and every row that was written.
func selected[T any](
	ctx context.Context, sel rightful.Select, writes []rightful.Proposal, read func(context.Context, rightful.Select) iter.Seq2[T, error],
	putBack func(*T), id func(T) string, columns map[rightful.Column]func(T) string,
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		value, changes := columns[sel.By]
		ask := []rightful.Select{sel}
		if changes = changes && len(writes) > 0; changes {
			var touched []string
			for _, p := range writes {
				touched = append(touched, p.Object.ID)
			}
			ask = append(ask, rightful.Select{By: rightful.ByID, Values: touched})
		}
		told := map[string]bool{}
		for _, one := range ask {
			for row, err := range read(ctx, one) {
				if err != nil {
					yield(row, err)
					return
				}
				putBack(&row)
				if changes {
					wanted := slices.ContainsFunc(sel.Values, func(v string) bool { return rightful.SameID(v, value(row)) })
					key := rightful.CanonicalID(id(row))
					if !wanted || told[key] {
						continue
					}
					told[key] = true
				}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// Links implements rightful.DirectoryReader: what was added is left out, and what
// was removed or replaced is there again.
func (d *directoryBefore) Links(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Link, error] {
	writes := d.w.of(rightful.PlaceDB, rightful.RefLink)
	if len(writes) == 0 {
		return d.DirectoryReader.Links(ctx, sel)
	}
	return func(yield func(rightful.Link, error) bool) {
		wanted := func(l rightful.Link) bool {
			value := map[rightful.Column]string{rightful.ByCompany: l.CompanyID, rightful.ByStripeCustomer: l.StripeCustomerID}[sel.By]
			return sel.By == "" || slices.ContainsFunc(sel.Values, func(v string) bool { return rightful.SameID(v, value) })
		}
		var now []rightful.Link // the whole table of the companies concerned
		var companies []string
		for _, p := range writes {
			companies = append(companies, p.Object.ID)
		}
		for l, err := range d.DirectoryReader.Links(ctx, rightful.Select{By: rightful.ByCompany, Values: companies}) {
			if err != nil {
				yield(l, err)
				return
			}
			now = append(now, l)
		}
		for _, p := range slices.Backward(writes) {
			now = linksBefore(now, p)
		}
		for l, err := range d.DirectoryReader.Links(ctx, sel) {
			of := func(id string) bool { return rightful.SameID(id, l.CompanyID) }
			if err == nil && slices.ContainsFunc(companies, of) {
				continue // told below
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
		for _, l := range now {
			if wanted(l) && !yield(l, nil) {
				return
			}
		}
	}
}

// linksBefore takes one write back.
func linksBefore(now []rightful.Link, p rightful.Proposal) []rightful.Link {
	at := slices.IndexFunc(now, func(l rightful.Link) bool {
		return p.To != nil && rightful.SameID(l.CompanyID, p.Object.ID) && l.StripeCustomerID == *p.To
	})
	gone := p.From == nil || slices.ContainsFunc(now, func(l rightful.Link) bool {
		return rightful.SameID(l.CompanyID, p.Object.ID) && l.StripeCustomerID == *p.From
	})
	switch {
	case p.To != nil && at < 0: // somebody else's by now
	case p.To != nil && p.From == nil:
		now = slices.Delete(slices.Clone(now), at, at+1)
	case p.To != nil:
		now = slices.Clone(now)
		now[at].StripeCustomerID = *p.From
	case !gone:
		now = append(slices.Clone(now), rightful.Link{CompanyID: p.Object.ID, StripeCustomerID: *p.From})
	}
	return now
}

type stripeBefore struct {
	rightful.StripeReader
	w rewound
}

func (s *stripeBefore) putBack(o rightful.Object) rightful.Object {
	var mine []rightful.Proposal
	for _, p := range s.w.of(rightful.PlaceStripe, string(o.Type)) {
		if p.Object.ID == o.ID {
			mine = append(mine, p)
		}
	}
	if len(mine) == 0 {
		return o
	}
	o.Metadata = maps.Clone(o.Metadata)
	if o.Metadata == nil {
		o.Metadata = map[string]string{}
	}
	for _, p := range mine {
		key := strings.TrimPrefix(p.Field, rightful.FieldStampPrefix)
		value := o.Metadata[key]
		rewind(mine, o.ID, p.Field, &value)
		if o.Metadata[key] = value; value == "" {
			delete(o.Metadata, key)
		}
	}
	return o
}

// List implements rightful.StripeReader.
func (s *stripeBefore) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return func(yield func(rightful.Object, error) bool) {
		for o, err := range s.StripeReader.List(ctx, q) {
			if !yield(s.putBack(o), err) {
				return
			}
		}
	}
}

// Get implements rightful.StripeReader.
func (s *stripeBefore) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	o, exists, err := s.StripeReader.Get(ctx, t, id)
	return s.putBack(o), exists, err
}

// Search implements rightful.StripeReader. What it finds is a hint, so it is the
// one of now.
func (s *stripeBefore) Search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	found, err := s.StripeReader.Search(ctx, t, key, value)
	for i := range found {
		found[i] = s.putBack(found[i])
	}
	return found, err
}

type cacheBefore struct {
	rightful.CacheReader
	w rewound
}

// Read implements rightful.CacheReader. Whatever stands where a key was deleted
// came later: the app fills its cache all the time.
func (c *cacheBefore) Read(ctx context.Context, entries []rightful.CacheEntry) error {
	if err := c.CacheReader.Read(ctx, entries); err != nil {
		return err
	}
	for _, p := range c.w.of(rightful.PlaceCache, rightful.RefCacheKey) {
		for i := range entries {
			if e := &entries[i]; e.Key == p.Object.ID && p.From != nil {
				e.Found, e.Value, e.Undecodable = true, *p.From, ""
			}
		}
	}
	return nil
}
