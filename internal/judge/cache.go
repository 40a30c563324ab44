package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// CacheState says what is known of a cached value.
type CacheState string

// The states of a cached value. CacheNobodys is a key of an id that neither the
// database nor Stripe knows: there is nothing to compare its value with.
const (
	CacheRight      CacheState = "right"
	CacheWrong      CacheState = "wrong"
	CacheCannotTell CacheState = "cannot_tell"
	CacheNobodys    CacheState = "nobodys"
)

// CacheRuling is what the judge has to say about one cached value.
type CacheRuling struct {
	State   CacheState
	Allowed []string // the ids that the key may hold, as far as they are known; never nil
	Because string   // in plain words

	company  string // canonical; whose the key is, when wrong
	evidence []rightful.Signal
}

// RuleCache rules on each cached value of a situation, in their order. What it
// calls wrong is what Judge reports.
func RuleCache(sit *rightful.Situation, rules Rules) []CacheRuling {
	j := begin(sit, rules)
	rulings := make([]CacheRuling, len(sit.Cache))
	for i, e := range sit.Cache {
		rulings[i] = j.ruleCache(e)
	}
	return rulings
}

// checkCache compares cached values with what the database allows: RF801.
func (j *judge) checkCache() {
	for _, e := range j.sit.Cache {
		if r := j.ruleCache(e); e.Found && r.State == CacheWrong {
			j.reportCache(e, r.company, r.Because, r.evidence)
		}
	}
}

// ruleCache rules on one cached value. Values that could not be decoded are not
// judged, and never deleted.
func (j *judge) ruleCache(e rightful.CacheEntry) CacheRuling {
	var r CacheRuling
	switch {
	case e.Undecodable != "":
		r = CacheRuling{State: CacheCannotTell, Because: "it cannot be decoded: " + e.Undecodable}
	case e.Value == "":
		r = CacheRuling{State: CacheCannotTell, Because: "it holds nothing"}
	case e.UserID != "":
		r = j.ruleUserKey(e)
	case e.CompanyID != "":
		r = j.ruleCompanyKey(e)
	default:
		r = j.ruleCustomerKey(e)
	}
	if r.Allowed == nil {
		r.Allowed = []string{}
	}
	return r
}

// ruleUserKey: a user's key is wrong only outside the user's companies, or
// outside the customers that those companies use. Where no way states a user's
// company, or not which, nothing is known to be wrong.
func (j *judge) ruleUserKey(e rightful.CacheEntry) CacheRuling {
	if j.users[rightful.CanonicalID(e.UserID)] == nil {
		return CacheRuling{State: CacheNobodys, Because: "the database has no user " + e.UserID}
	}
	w := j.waysNow(e.UserID)
	set, _ := j.userSetNow(e.UserID)
	m := j.sit.Mapping
	switch {
	case w.Ambiguous:
		return CacheRuling{State: CacheCannotTell, Because: "the resolver names several companies for the user"}
	case !m.Direct && !m.Owner && !m.Memberships && m.Resolver != rightful.ResolverSQL:
		return CacheRuling{State: CacheCannotTell, Because: "nothing that is mapped states a user's company"}
	case e.Holds == rightful.HoldsCustomer:
		return j.ruleUsersCustomer(e, set, w)
	}
	// A dead company that the database still names is the database's fault.
	if slices.Contains(w.All(), rightful.CanonicalID(e.Value)) {
		return CacheRuling{State: CacheRight, Allowed: w.All(), Because: "the database names it"}
	}
	company := ""
	if len(set) == 1 {
		company = set[0]
	}
	allowed := "no company"
	if len(set) > 0 {
		allowed = strings.Join(set, ", ")
	}
	return CacheRuling{State: CacheWrong, Allowed: set, Because: "the database allows " + allowed, company: company, evidence: j.waySignals(e.UserID, w)}
}

// ruleUsersCustomer: a user's key that holds a customer holds one that a company
// of the user uses.
func (j *judge) ruleUsersCustomer(e rightful.CacheEntry, companies []string, w Ways) CacheRuling {
	var allowed []string
	for _, company := range companies {
		allowed = append(allowed, j.links[company]...)
	}
	for _, company := range companies {
		switch ok, sure := j.companyUses(company, e.Value); {
		case ok:
			return CacheRuling{State: CacheRight, Allowed: allowed, Because: "company " + company + " uses that customer"}
		case !sure:
			return CacheRuling{State: CacheCannotTell, Allowed: allowed, Because: "which customer company " + company + " uses is not sure"}
		}
	}
	return CacheRuling{State: CacheWrong, Allowed: allowed, Because: "no company of the user uses that customer", evidence: j.waySignals(e.UserID, w)}
}

// ruleCustomerKey: a customer's key holds the company that the family is
// attributed to, or the customer itself.
func (j *judge) ruleCustomerKey(e rightful.CacheEntry) CacheRuling {
	f := j.byCustomer[e.StripeCustomerID]
	switch {
	case f == nil:
		return CacheRuling{State: CacheNobodys, Because: "nothing in Stripe and in the database names customer " + e.StripeCustomerID}
	case e.Holds == rightful.HoldsCustomer && e.StripeCustomerID != e.Value:
		return CacheRuling{State: CacheWrong, Allowed: []string{e.StripeCustomerID}, Because: "the key is another customer's"}
	case e.Holds == rightful.HoldsCustomer:
		return CacheRuling{State: CacheRight, Allowed: []string{e.StripeCustomerID}, Because: "it is the customer itself"}
	case f.owner != ours:
		return CacheRuling{State: CacheCannotTell, Because: "the customer is not known to be this application's"}
	case f.CompanyID == "":
		return CacheRuling{State: CacheCannotTell, Allowed: f.Named, Because: "whose the customer is, no voice carries"}
	}
	allowed, because := []string{f.CompanyID}, "the customer belongs to company "+f.CompanyID
	switch {
	case rightful.SameID(e.Value, f.CompanyID):
		return CacheRuling{State: CacheRight, Allowed: allowed, Because: because}
	case slices.Contains(j.databaseSays(f), rightful.CanonicalID(e.Value)):
		// What the database says itself is no fault of the cache.
		return CacheRuling{State: CacheRight, Allowed: append(allowed, e.Value), Because: "the database says so"}
	}
	return CacheRuling{State: CacheWrong, Allowed: allowed, Because: because, company: f.CompanyID, evidence: f.deciding(f.CompanyID)}
}

// ruleCompanyKey: a company's key holds the customer that the company links,
// or, while nothing is linked, one that is attributed to it; but if the link is about
// to be filled, the one that it is filled with. One that holds a company can only
// name itself.
func (j *judge) ruleCompanyKey(e rightful.CacheEntry) CacheRuling {
	id := rightful.CanonicalID(e.CompanyID)
	switch {
	case j.company(id) == nil:
		return CacheRuling{State: CacheNobodys, Because: "the database has no company " + e.CompanyID}
	case e.Holds == rightful.HoldsCompany && rightful.SameID(e.Value, e.CompanyID):
		return CacheRuling{State: CacheRight, Allowed: []string{e.CompanyID}, Because: "it is the company itself"}
	case e.Holds == rightful.HoldsCompany:
		return CacheRuling{State: CacheWrong, Allowed: []string{e.CompanyID}, Because: "the key is another company's", company: id}
	}
	says := strings.Join(j.links[id], ", ")
	if says == "" {
		says = "none"
	}
	because := "the company links " + says
	if to := j.willLink(id); to != "" {
		because = fmt.Sprintf("the company links %s, and %s is its only customer with money", says, to)
	}
	switch ok, sure := j.companyUses(e.CompanyID, e.Value); {
	case ok:
		return CacheRuling{State: CacheRight, Allowed: j.links[id], Because: "the company uses that customer"}
	case !sure:
		return CacheRuling{State: CacheCannotTell, Allowed: j.links[id], Because: because + ", and the other voices do not say the same"}
	}
	return CacheRuling{State: CacheWrong, Allowed: j.links[id], Because: because, company: id, evidence: []rightful.Signal{{
		Place: "db:companies/" + e.CompanyID + ".stripe_customer_id", Says: says,
		Voice: "database:" + id, Strength: rightful.Strong, AsOf: j.sit.Now,
	}}}
}

// companyUses reports whether a company uses a customer, and whether that is
// sure. Link and attribution must agree to be sure; while the link is empty and
// stays empty, the attribution alone says.
func (j *judge) companyUses(company, customer string) (uses, sure bool) {
	id := rightful.CanonicalID(company)
	attributed := j.attributionOf(customer)
	links := j.links[id]
	if c := j.company(id); len(links) == 0 && c != nil && c.BillingParentID != "" {
		if slices.Contains(j.links[rightful.CanonicalID(c.BillingParentID)], customer) {
			return true, true // billed through its parent
		}
	}
	if to := j.willLink(id); to != "" && to != customer && attributed == id {
		return false, true // as soon as the other one is linked, this one is wrong
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
		companies = append(companies, j.waysNow(e.UserID).All()...)
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
