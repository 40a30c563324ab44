package truth

import (
	"maps"
	"slices"
	"strings"

	"rightful"
)

// cacheKeys are the patterns of the world's cache.
var cacheKeys = []rightful.CacheEntry{
	{Pattern: "user:{user_id}:company", Holds: rightful.HoldsCompany},
	{Pattern: "company:{company_id}:cus", Holds: rightful.HoldsCustomer},
	{Pattern: "cus:{stripe_customer_id}", Holds: rightful.HoldsCompany},
}

// Situation is the world as it is read: all but its families, which whoever
// reads puts together from StripeObjects.
func (w *World) Situation() *rightful.Situation {
	s := &rightful.Situation{
		Now: w.Now, Whole: true, Mapping: w.App.Mapping(),
		Account:         rightful.Account{ID: "acct_1", Livemode: true, LivemodeKnown: true},
		CacheConfigured: w.App.Cached,
	}
	for _, c := range w.Companies {
		s.Companies = append(s.Companies, *c)
		if c.StripeCustomerID != "" && w.App.inColumn() {
			s.Links = append(s.Links, rightful.Link{CompanyID: c.ID, StripeCustomerID: c.StripeCustomerID, Column: true})
		}
	}
	for _, l := range w.Links {
		at := slices.IndexFunc(s.Links, func(o rightful.Link) bool {
			return o.CompanyID == l.CompanyID && o.StripeCustomerID == l.StripeCustomerID
		})
		if at < 0 {
			at = len(s.Links)
			s.Links = append(s.Links, *l)
		}
		s.Links[at].Table = true
	}
	for _, u := range w.Users {
		s.Users = append(s.Users, *u)
	}
	for _, m := range w.Memberships {
		s.Memberships = append(s.Memberships, *m)
	}
	for _, r := range w.Rows {
		s.SubscriptionRows = append(s.SubscriptionRows, *r)
	}
	for _, key := range slices.Sorted(maps.Keys(w.Cache)) {
		e := cacheKeys[slices.Index([]string{"user", "company", "cus"}, key[:strings.Index(key, ":")])]
		e.Key, e.Found, e.Value, e.Decode = key, true, w.Cache[key], "text"
		whose := strings.Split(key, ":")[1]
		switch {
		case strings.HasPrefix(key, "user"):
			e.UserID = whose
		case strings.HasPrefix(key, "company"):
			if e.CompanyID = whose; w.Company(whose) == nil {
				continue // keys are built from the ids that are known
			}
		default:
			e.StripeCustomerID = whose
		}
		s.Cache = append(s.Cache, e)
	}
	if w.App.Probed {
		s.Probe = &rightful.ProbeReport{Users: map[string]rightful.ProbeAnswer{}, Revision: w.Revision, ExpectedRevision: "rev1"}
		for id, company := range w.Probe {
			s.Probe.Users[rightful.CanonicalID(id)] = rightful.ProbeAnswer{CompanyID: company}
		}
	}
	s.Endpoints, s.EndpointsRead = slices.Clone(w.Endpoints), w.App.Endpoints
	s.Events = w.delivery()
	return s
}

// StripeObjects returns copies of all objects that an audit lists, whose metadata
// holds no other keys than are read.
func (w *World) StripeObjects() []rightful.Object {
	return w.read(func(o *rightful.Object) bool { return slices.Contains(rightful.ListedTypes(), o.Type) })
}

func (w *World) read(wanted func(*rightful.Object) bool) []rightful.Object {
	var out []rightful.Object
	for _, o := range w.Objects {
		if o.Deleted || !wanted(o) {
			continue
		}
		c := *o
		c.Metadata = maps.Clone(o.Metadata)
		maps.DeleteFunc(c.Metadata, func(k, _ string) bool { return !w.App.Keys().Keeps(k) })
		out = append(out, c)
	}
	return out
}

// Exists tells what Stripe knows of customers that are not there.
func (w *World) Exists() map[string]rightful.Existence {
	out := map[string]rightful.Existence{}
	for _, id := range w.Missing {
		out[id] = rightful.ExistsMissing
	}
	for _, o := range w.Objects {
		if o.Deleted {
			out[o.ID] = rightful.ExistsDeleted
		}
	}
	return out
}
