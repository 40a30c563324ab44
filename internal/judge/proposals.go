package judge

import "rightful"

// offer completes every finding with what a plan needs and only the situation
// knows: the family that a repair of it belongs to, how a cached value is decoded,
// and the choices that a person has.
func (j *judge) offer() {
	o := offerer{
		judge: j, homes: map[rightful.Ref]*family{}, objects: map[rightful.Ref]rightful.Object{}, named: map[*family][]string{},
		rows: map[string]rightful.SubscriptionRow{}, entries: map[string]rightful.CacheEntry{},
	}
	// Only what findings are about is kept: a situation holds far more.
	for _, list := range [][]rightful.Finding{j.findings, j.muted} {
		for _, f := range list {
			o.homes[f.Object] = nil
		}
	}
	if len(o.homes) == 0 {
		return
	}
	for _, f := range j.families {
		for _, object := range f.Objects() {
			if _, wanted := o.homes[object.Ref()]; wanted {
				o.homes[object.Ref()], o.objects[object.Ref()] = f, object
			}
		}
		for _, r := range f.Rows {
			ref := rightful.Ref{Type: rightful.RefSubscriptionRow, ID: r.ID}
			if _, wanted := o.homes[ref]; wanted {
				o.homes[ref], o.rows[r.ID] = f, r
			}
		}
	}
	for _, e := range j.sit.Cache {
		if _, wanted := o.homes[rightful.Ref{Type: rightful.RefCacheKey, ID: e.Key}]; wanted {
			o.entries[e.Key] = e
		}
	}
	for _, list := range [][]rightful.Finding{j.findings, j.muted} {
		for i := range list {
			o.complete(&list[i])
		}
	}
}

// offerer looks things up by what findings call them.
type offerer struct {
	*judge
	homes   map[rightful.Ref]*family // of Stripe objects and subscription rows that findings are about
	objects map[rightful.Ref]rightful.Object
	rows    map[string]rightful.SubscriptionRow
	entries map[string]rightful.CacheEntry
	named   map[*family][]string // live companies that the family's voices and rows name
}

func (o offerer) complete(f *rightful.Finding) {
	if p := f.Proposal; p != nil {
		if e, ok := o.entries[p.Object.ID]; ok && p.Place == rightful.PlaceCache && e.Decode != "" && e.Decode != "text" {
			p.Field = e.Decode
		}
	}
	f.Family = o.familyOf(f)
	f.Choices = o.choices(f)
}

// familyOf names what a repair of the finding belongs to. What is about a
// company belongs to the customer it is about, where there is just one.
func (o offerer) familyOf(f *rightful.Finding) string {
	if home := o.homes[f.Object]; home != nil {
		return home.Key
	}
	if p := f.Proposal; p != nil && p.Place == rightful.PlaceDB && p.To != nil {
		return *p.To
	}
	if home := o.byCustomer[deref(f.WrongValue)]; home != nil && f.Object.Type == rightful.RefLink {
		return home.Key
	}
	switch f.Object.Type {
	case rightful.RefUser:
		return "user:" + f.Object.ID
	case rightful.RefCompany, rightful.RefLink:
		return o.customerOf(f.Object.ID)
	case rightful.RefCacheKey:
		switch e := o.entries[f.Object.ID]; {
		case e.StripeCustomerID != "":
			return e.StripeCustomerID
		case e.UserID != "":
			return "user:" + e.UserID
		case e.CompanyID != "":
			return o.customerOf(e.CompanyID)
		}
		return "cache:" + f.Object.ID
	}
	return f.Object.Type + ":" + f.Object.ID
}

// customerOf returns the one customer that a company links, or, while it links
// none, its only one with money; without such a customer, the company itself.
func (o offerer) customerOf(company string) string {
	id := rightful.CanonicalID(company)
	if links := o.links[id]; len(links) == 1 {
		return links[0]
	} else if len(links) == 0 {
		only := ""
		for _, f := range o.attributed[id] {
			if f.rich && !f.Guest() && only != "" {
				return "company:" + company
			}
			if f.rich && !f.Guest() {
				only = f.StripeCustomerID
			}
		}
		if only != "" {
			return only
		}
	}
	return "company:" + company
}
