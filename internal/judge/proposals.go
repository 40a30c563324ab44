package judge

import (
	"slices"
	"strings"

	"rightful"
)

// offer completes every finding with what a plan needs and only the situation
// knows: the family that a repair of it belongs to, what stands now where a
// proposal writes, and the choices that a person has.
func (j *judge) offer() {
	o := offerer{
		judge: j, homes: map[rightful.Ref]*family{}, objects: map[rightful.Ref]rightful.Object{}, named: map[*family][]string{},
		rows: map[string]rightful.SubscriptionRow{}, entries: map[string]rightful.CacheEntry{},
	}
	// Only what findings are about is kept: a situation holds far more.
	for _, list := range [][]rightful.Finding{j.findings, j.muted} {
		for _, f := range list {
			o.homes[f.Object] = nil
			if f.Proposal != nil {
				o.homes[f.Proposal.Object] = nil
			}
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
		if p.From == nil {
			p.From = o.standing(*p)
		}
		if p.Place == rightful.PlaceDB && p.Field == rightful.FieldLink && p.Object.Type == rightful.RefCompany {
			p.Field = o.linkField(p.Object.ID, p.From)
		}
		if e, ok := o.entries[p.Object.ID]; ok && p.Place == rightful.PlaceCache && e.Decode != "" && e.Decode != "text" {
			p.Field = e.Decode
		}
	}
	f.Family = o.familyOf(f)
	f.Choices = o.choices(f)
}

// standing returns what stands now where a proposal writes, nil for nothing.
func (o offerer) standing(p rightful.Proposal) *string {
	switch {
	case p.Place == rightful.PlaceCache:
		return ptr(o.entries[p.Object.ID].Value)
	case p.Place == rightful.PlaceStripe:
		return ptr(o.objects[p.Object].Metadata[strings.TrimPrefix(p.Field, rightful.FieldStampPrefix)])
	case p.Object.Type == rightful.RefSubscriptionRow && p.Field == rightful.FieldRowCompany:
		return ptr(o.rows[p.Object.ID].CompanyID)
	case p.Object.Type == rightful.RefSubscriptionRow && p.Field == rightful.FieldRowCustomer:
		return ptr(o.rows[p.Object.ID].StripeCustomerID)
	case p.Object.Type == rightful.RefCompany:
		// What is filled stands in the company's own column, if there is one. What
		// is cleared names itself.
		if c := o.company(p.Object.ID); c != nil {
			return ptr(c.StripeCustomerID)
		}
	}
	return nil
}

// linkField says where a link stands that holds from, or where one would be
// written when from is nil: in the company's column or in the table of links.
func (o offerer) linkField(company string, from *string) string {
	if from == nil {
		if o.sit.Mapping.LinkTable && !o.sit.Mapping.LinkColumn {
			return rightful.FieldLinks
		}
		return rightful.FieldLink
	}
	if c := o.company(company); c != nil && c.StripeCustomerID == *from {
		return rightful.FieldLink
	}
	return rightful.FieldLinks
}

// familyOf names what a repair of the finding belongs to. What is about a
// company belongs to the customer it is about, where there is just one.
func (o offerer) familyOf(f *rightful.Finding) string {
	if home := o.homes[f.Object]; home != nil {
		return home.Key
	}
	if p := f.Proposal; p != nil && p.Place == rightful.PlaceDB && p.Object.Type == rightful.RefCompany {
		if p.To != nil {
			return *p.To
		}
		return deref(p.From)
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

// kind says what a person decides about a finding.
type kind int

const (
	asksNothing kind = iota
	asksStamp        // which company the object is stamped with
	asksHolder       // which company holds the customer: its stamp and the links to it
	asksLink         // which customer the company links
	asksUnlink       // whether the company stops linking the customer
	asksRow          // which company the subscription row belongs to
	asksDelete       // whether the cache key goes
	asksThis         // whether what is proposed is written
)

// kinds says it for the codes whose findings do not always propose something.
// For others the proposal tells: see kindOf.
var kinds = map[rightful.Code]kind{
	rightful.CodeStampMissing:   asksStamp,
	rightful.CodeStampDead:      asksStamp,
	rightful.CodeStampOther:     asksStamp,
	rightful.CodeUnstamped:      asksStamp,
	rightful.CodeLinkStampSplit: asksHolder,
	rightful.CodeLinkEmpty:      asksLink,
	rightful.CodeRowOther:       asksRow,
}

func kindOf(f *rightful.Finding) kind {
	if k, ok := kinds[f.Code]; ok {
		return k
	}
	p := f.Proposal
	switch {
	case p == nil:
		return asksNothing
	case p.Place == rightful.PlaceStripe:
		return asksStamp
	case p.Place == rightful.PlaceCache:
		return asksDelete
	case p.Object.Type == rightful.RefCompany && p.To == nil:
		return asksUnlink
	case p.Object.Type == rightful.RefCompany:
		return asksLink
	case p.Field == rightful.FieldRowCompany:
		return asksRow
	}
	return asksThis
}

// choices returns what a person may decide about a finding, always in the same
// order.
func (o offerer) choices(f *rightful.Finding) []rightful.Choice {
	var all []rightful.Choice
	add := func(name string, writes ...rightful.Proposal) {
		if len(writes) > 0 {
			all = append(all, rightful.Choice{Name: name, Writes: writes})
		}
	}
	home := o.homes[f.Object]
	switch k := kindOf(f); {
	case k == asksStamp && home != nil:
		for _, company := range o.candidates(f, home) {
			add("company:"+company, o.restampTo(o.objects[f.Object], company)...)
		}
	case k == asksHolder && home != nil:
		for _, company := range o.candidates(f, home) {
			add("company:"+company, o.hold(home, company)...)
		}
		add("unlink", o.release(home.StripeCustomerID, "")...)
	case k == asksLink:
		for _, customer := range o.linkable(f) {
			add("customer:"+customer, o.take(f.Object.ID, customer)...)
		}
	case k == asksUnlink:
		add("unlink", *f.Proposal)
	case k == asksRow && home != nil && f.Object.ID != "":
		for _, company := range o.candidates(f, home) {
			if from := o.rows[f.Object.ID].CompanyID; !rightful.SameID(from, company) {
				add("company:"+company, rightful.Proposal{
					Place: rightful.PlaceDB, Object: f.Object, Field: rightful.FieldRowCompany, From: ptr(from), To: ptr(company),
				})
			}
		}
	case k == asksDelete:
		add("delete", *f.Proposal)
	case k == asksThis && f.Proposal.To != nil:
		add("customer:"+*f.Proposal.To, *f.Proposal)
	}
	return all
}

// candidates returns the live companies (raw ids, sorted) that the evidence of a
// finding names.
func (o offerer) candidates(f *rightful.Finding, home *family) []string {
	var ids []string
	add := func(c *rightful.Company) {
		if c != nil && c.Live() && !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	if _, done := o.named[home]; !done {
		for _, id := range slices.Concat(home.Named, o.databaseSays(home)) {
			add(o.company(id))
		}
		o.named[home] = ids
	}
	ids = slices.Clone(o.named[home])
	add(o.company(deref(f.RightfulCompanyID)))
	for _, s := range f.Evidence {
		if strings.HasPrefix(s.Place, "stripe:") && s.Voice != "email" {
			add(o.stamped(s.Says))
			continue
		}
		for _, id := range strings.Split(s.Says, ", ") { // a user may have several
			add(o.company(id))
		}
	}
	slices.Sort(ids)
	return ids
}

// restampTo returns the write that stamps an object with a company, nothing if
// that is what stands there.
func (o offerer) restampTo(object rightful.Object, company string) []rightful.Proposal {
	p := o.stampProposal(company, object)
	p.From = ptr(object.Metadata[o.rules.Keys.Company])
	if p.From != nil && rightful.SameID(*p.From, *p.To) {
		return nil
	}
	return []rightful.Proposal{*p}
}

// hold returns the writes after which a company holds a customer: nobody else
// links it, the company does unless it links another one, and the stamp says so.
func (o offerer) hold(home *family, company string) []rightful.Proposal {
	writes := o.release(home.StripeCustomerID, company)
	if len(o.links[rightful.CanonicalID(company)]) == 0 && home.StripeCustomerID != "" {
		writes = append(writes, o.link(company, home.StripeCustomerID))
	}
	if home.Customer.ID != "" && !home.Customer.Deleted {
		writes = append(writes, o.restampTo(home.Customer, company)...)
	}
	return writes
}

// take returns the writes after which a company links a customer and nobody else
// does.
func (o offerer) take(company, customer string) []rightful.Proposal {
	return append(o.release(customer, company), o.link(company, customer))
}

// link returns the write of a link that the company does not have yet. What
// stands in its column may be a placeholder.
func (o offerer) link(company, customer string) rightful.Proposal {
	p := rightful.Proposal{
		Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefCompany, ID: company}, Field: rightful.FieldLink, To: ptr(customer),
	}
	p.From = o.standing(p)
	p.Field = o.linkField(company, p.From)
	return p
}

// release returns the writes after which no company but keep links a customer.
func (o offerer) release(customer, keep string) []rightful.Proposal {
	var writes []rightful.Proposal
	for _, id := range slices.Sorted(slices.Values(o.linkedBy[customer])) {
		c := o.company(id)
		if c == nil || rightful.SameID(id, keep) {
			continue
		}
		writes = append(writes, rightful.Proposal{
			Place: rightful.PlaceDB, Object: rightful.Ref{Type: rightful.RefCompany, ID: c.ID},
			Field: o.linkField(c.ID, &customer), From: ptr(customer),
		})
	}
	return writes
}

// linkable returns the customers that a company may be linked to: those that the
// finding is about and that are attributed to the company.
func (o offerer) linkable(f *rightful.Finding) []string {
	var ids []string
	for _, home := range o.attributed[rightful.CanonicalID(f.Object.ID)] {
		if slices.Contains(f.Also, home.StripeCustomerID) && !slices.Contains(ids, home.StripeCustomerID) {
			ids = append(ids, home.StripeCustomerID)
		}
	}
	if p := f.Proposal; p != nil && p.To != nil && !slices.Contains(ids, *p.To) {
		ids = append(ids, *p.To)
	}
	slices.Sort(ids)
	return ids
}
