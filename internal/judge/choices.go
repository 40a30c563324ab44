package judge

import (
	"slices"
	"strings"

	"rightful"
)

// kind says what a person decides about a finding.
type kind int

const (
	asksNothing kind = iota // nothing that rightful writes decides it
	asksStamp               // which company the object is stamped with
	asksHolder              // which company holds the customer: its stamp and the links to it
	asksLink                // which of its customers the company links
	asksRelink              // whether the company links this customer instead of its own
	asksUnlink              // whether the company stops linking the customer
	asksRow                 // which company the subscription row belongs to
	asksDelete              // whether the cache key goes
	asksThis                // whether what is proposed is written
)

// kinds says it for the codes whose findings do not always propose something.
// For others the proposal tells: see kindOf.
var kinds = map[rightful.Code]kind{
	rightful.CodeStampMissing:   asksStamp,
	rightful.CodeStampDead:      asksStamp,
	rightful.CodeStampOther:     asksStamp,
	rightful.CodeUnstamped:      asksStamp,
	rightful.CodeCheckoutSplit:  asksStamp,
	rightful.CodeStampOtherKey:  asksStamp,
	rightful.CodeStampRemoved:   asksStamp,
	rightful.CodeOpenSession:    asksStamp,
	rightful.CodePaidByNobody:   asksStamp,
	rightful.CodePaymentLink:    asksStamp,
	rightful.CodeLinkStampSplit: asksHolder,
	rightful.CodeSharedCustomer: asksHolder,
	rightful.CodeLinkAdopted:    asksHolder,
	rightful.CodeHolderGone:     asksHolder,
	rightful.CodeLinkEmpty:      asksLink,
	rightful.CodeAlsoCharged:    asksRelink,
	rightful.CodeCardElsewhere:  asksRelink,
	rightful.CodeLostCustomer:   asksRelink,
	rightful.CodePayerUnlinked:  asksRelink,
	rightful.CodeLinkDeleted:    asksUnlink,
	rightful.CodeLinkUnknown:    asksUnlink,
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
	if home == nil && f.Object.Type == rightful.RefLink {
		home = o.byCustomer[deref(f.WrongValue)]
	}
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
	case k == asksRelink && home != nil && f.RightfulCompanyID != nil:
		add("customer:"+home.StripeCustomerID, o.take(*f.RightfulCompanyID, home.StripeCustomerID)...)
	case k == asksUnlink && home != nil:
		add("unlink", o.unlink(f.Object.ID, home.StripeCustomerID)...)
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
		writes = append(writes, o.link(company, home.StripeCustomerID)...)
	}
	if home.Customer.ID != "" && !home.Customer.Deleted {
		writes = append(writes, o.restampTo(home.Customer, company)...)
	}
	return writes
}

// take returns the writes after which a company links a customer, and nobody else
// does. A company with several links is left to the app: nobody can say which of
// them the new one replaces.
func (o offerer) take(company, customer string) []rightful.Proposal {
	if links := o.links[rightful.CanonicalID(company)]; len(links) > 1 || slices.Contains(links, customer) {
		return nil
	}
	return append(o.release(customer, company), o.link(company, customer)...)
}

// link returns the writes of a company's link, in each place where a link of it
// stands or, while it has none, in the one where the app keeps them. What stands
// in the column may be a placeholder.
func (o offerer) link(company, customer string) []rightful.Proposal {
	var writes []rightful.Proposal
	add := func(object, from string) {
		writes = append(writes, rightful.Proposal{
			Place: rightful.PlaceDB, Object: rightful.Ref{Type: object, ID: company}, Field: rightful.FieldLink, From: ptr(from), To: ptr(customer),
		})
	}
	inTable := ""
	if links := o.links[rightful.CanonicalID(company)]; len(links) == 1 && o.stands(company, links[0]).Table {
		inTable = links[0]
	}
	if o.sit.Mapping.LinkColumn {
		from := ""
		if c := o.company(company); c != nil {
			from = c.StripeCustomerID
		}
		add(rightful.RefCompany, from)
	}
	if inTable != "" || !o.sit.Mapping.LinkColumn {
		add(rightful.RefLink, inTable)
	}
	return writes
}

// stands returns the link that ties a company to a customer, with the places in
// which it stands.
func (o offerer) stands(company, customer string) rightful.Link {
	if home := o.byCustomer[customer]; home != nil {
		for _, l := range home.Links {
			if rightful.SameID(l.CompanyID, company) {
				return l
			}
		}
	}
	return rightful.Link{}
}

// unlink returns the writes after which a company does not link a customer.
func (o offerer) unlink(company, customer string) []rightful.Proposal {
	var writes []rightful.Proposal
	l := o.stands(company, customer)
	for object, there := range map[string]bool{rightful.RefCompany: l.Column, rightful.RefLink: l.Table} {
		if there {
			writes = append(writes, rightful.Proposal{
				Place: rightful.PlaceDB, Object: rightful.Ref{Type: object, ID: l.CompanyID}, Field: rightful.FieldLink, From: ptr(customer),
			})
		}
	}
	slices.SortFunc(writes, func(a, b rightful.Proposal) int { return strings.Compare(a.Object.Type, b.Object.Type) })
	return writes
}

// release returns the writes after which no company but keep links a customer.
func (o offerer) release(customer, keep string) []rightful.Proposal {
	var writes []rightful.Proposal
	for _, id := range slices.Compact(slices.Sorted(slices.Values(o.linkedBy[customer]))) {
		if !rightful.SameID(id, keep) {
			writes = append(writes, o.unlink(id, customer)...)
		}
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
