package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkCache compares cached values with what the database allows: RF801.
// Values that could not be decoded are not judged, and never deleted.
func (j *judge) checkCache() {
	for _, e := range j.sit.Cache {
		if !e.Found || e.Undecodable != "" || e.Value == "" {
			continue
		}
		switch {
		case e.UserID != "":
			j.checkUserKey(e)
		case e.Holds == rightful.HoldsCompany:
			j.checkCustomerKey(e)
		default:
			j.checkCompanyKey(e)
		}
	}
}

// checkUserKey: a user's key is wrong only outside the user's companies, or
// outside the customers that those companies use. Where no way states a user's
// company, or not which, nothing is known to be wrong.
func (j *judge) checkUserKey(e rightful.CacheEntry) {
	w := j.waysOf(e.UserID, j.sit.Now)
	set, _ := j.userSet(e.UserID, j.sit.Now)
	m := j.sit.Mapping
	if w.Ambiguous || !m.Direct && !m.Owner && !m.Memberships && m.Resolver != rightful.ResolverSQL {
		return
	}
	if e.Holds == rightful.HoldsCustomer {
		for _, company := range set {
			if ok, sure := j.companyUses(company, e.Value); ok || !sure {
				return
			}
		}
		j.reportCache(e, "", "no company of the user uses that customer", j.waySignals(e.UserID, w))
		return
	}
	// A dead company that the database still names is the database's fault.
	if slices.Contains(w.All(), rightful.CanonicalID(e.Value)) {
		return
	}
	company := ""
	if len(set) == 1 {
		company = set[0]
	}
	allowed := "no company"
	if len(set) > 0 {
		allowed = strings.Join(set, ", ")
	}
	j.reportCache(e, company, "the database allows "+allowed, j.waySignals(e.UserID, w))
}

// checkCustomerKey: a customer's key holds the company that the family is
// attributed to.
func (j *judge) checkCustomerKey(e rightful.CacheEntry) {
	if e.StripeCustomerID == "" {
		// A company's key that holds a company can only name itself.
		if !rightful.SameID(e.Value, e.CompanyID) {
			j.reportCache(e, rightful.CanonicalID(e.CompanyID), "the key is another company's", nil)
		}
		return
	}
	f := j.byCustomer[e.StripeCustomerID]
	if f == nil || f.owner != ours || f.CompanyID == "" || rightful.SameID(e.Value, f.CompanyID) {
		return
	}
	if slices.Contains(j.databaseSays(f), rightful.CanonicalID(e.Value)) {
		return // what the database says itself is no fault of the cache
	}
	j.reportCache(e, f.CompanyID, "the customer belongs to company "+f.CompanyID, f.deciding(f.CompanyID))
}

// checkCompanyKey: a company's key holds the customer that the company links,
// or, while nothing is linked, one that is attributed to it.
func (j *judge) checkCompanyKey(e rightful.CacheEntry) {
	if e.CompanyID == "" {
		if e.StripeCustomerID != e.Value {
			j.reportCache(e, "", "the key is another customer's", nil)
		}
		return
	}
	if ok, sure := j.companyUses(e.CompanyID, e.Value); ok || !sure {
		return
	}
	says := strings.Join(j.links[rightful.CanonicalID(e.CompanyID)], ", ")
	if says == "" {
		says = "none"
	}
	j.reportCache(e, rightful.CanonicalID(e.CompanyID), "the company links "+says, []rightful.Signal{{
		Place: "db:companies/" + e.CompanyID + ".stripe_customer_id", Says: says,
		Voice: "database:" + rightful.CanonicalID(e.CompanyID), Strength: rightful.Strong, AsOf: j.sit.Now,
	}})
}

// companyUses reports whether a company uses a customer, and whether that is
// sure. Link and attribution must agree to be sure; while the link is empty,
// the attribution alone says.
func (j *judge) companyUses(company, customer string) (uses, sure bool) {
	id := rightful.CanonicalID(company)
	attributed := j.attributionOf(customer)
	links := j.links[id]
	if c := j.company(id); len(links) == 0 && c != nil && c.BillingParentID != "" {
		if slices.Contains(j.links[rightful.CanonicalID(c.BillingParentID)], customer) {
			return true, true // billed through its parent
		}
	}
	if len(links) == 0 {
		return attributed == id, attributed != "" && j.byCustomer[customer].carried
	}
	if slices.Contains(links, customer) {
		return true, attributed == "" || attributed == id
	}
	for _, linked := range links {
		if attributed == id && !j.stampedFor(linked, id) {
			return false, false // nothing but the link itself gives the linked one to the company
		}
		if !j.present(linked) && attributed == "" || (j.attributionOf(linked) != id || !j.present(linked)) && attributed == id {
			return false, false // the link may be the odd one
		}
	}
	return false, true
}

// stampedFor reports whether a voice other than links and rows alone gives the
// customer to the company.
func (j *judge) stampedFor(customer, company string) bool {
	f := j.byCustomer[customer]
	return f != nil && slices.ContainsFunc(f.voices, func(v *voice) bool {
		return v.names() == company && slices.ContainsFunc(v.parts, func(s rightful.Signal) bool {
			return !strings.HasPrefix(s.Place, "db:companies/") && !strings.HasPrefix(s.Place, "db:subscriptions/")
		})
	})
}

// present reports whether Stripe has the customer.
func (j *judge) present(customer string) bool {
	f := j.byCustomer[customer]
	return f != nil && f.Exists == rightful.ExistsPresent
}

// attributionOf returns the company of a customer's family, or "".
func (j *judge) attributionOf(customer string) string {
	if f := j.byCustomer[customer]; f != nil {
		return f.CompanyID
	}
	return ""
}

// inGrace reports whether a payment of the key's customer or company is so young
// that its own webhooks may still be writing.
func (j *judge) inGrace(e rightful.CacheEntry, company string) bool {
	companies := []string{company, rightful.CanonicalID(e.CompanyID)}
	if e.UserID != "" {
		companies = append(companies, j.waysOf(e.UserID, j.sit.Now).All()...)
	}
	if f := j.byCustomer[e.StripeCustomerID]; f != nil && f.young(j.sit.Now) {
		return true
	}
	for _, id := range companies {
		if slices.ContainsFunc(j.attributed[id], func(f *family) bool { return f.young(j.sit.Now) }) {
			return true
		}
	}
	return false
}

func (j *judge) reportCache(e rightful.CacheEntry, company, because string, evidence []rightful.Signal) {
	own := rightful.Signal{Place: "cache:" + e.Key, Says: e.Value, Voice: "cache:" + e.Key, Strength: rightful.Suspicion, AsOf: j.sit.Now}
	finding := rightful.Finding{
		Code:              rightful.CodeCacheStale,
		Message:           fmt.Sprintf("cache key %s holds %s; %s.", e.Key, e.Value, because),
		Object:            rightful.Ref{Type: rightful.RefCacheKey, ID: e.Key},
		Also:              []string{e.UserID, e.CompanyID, e.StripeCustomerID},
		CompanyID:         j.rawID(company),
		RightfulCompanyID: j.rawID(company),
		WrongValue:        ptr(e.Value),
		Evidence:          append([]rightful.Signal{own}, evidence...),
		Proposal:          &rightful.Proposal{Place: "cache", Object: rightful.Ref{Type: rightful.RefCacheKey, ID: e.Key}, Field: "value", From: ptr(e.Value)},
		Automatic:         true,
		Why:               "a wrong cache key is deleted and filled again by the app; nothing is lost",
	}
	switch {
	case j.inGrace(e, company):
		finding.Automatic = false
		finding.Why = youngWhy
	case j.sit.StripePartly && (e.UserID == "" || e.Holds == rightful.HoldsCustomer):
		finding.Automatic = false
		finding.Why = "Stripe could not be read completely, so whose the customer is, is not sure"
	}
	j.report(finding)
}
