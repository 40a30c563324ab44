package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// checkCheckouts looks at each completed checkout by itself: RF107 where its parts
// name several companies and no other voice settles which.
func (j *judge) checkCheckouts() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, p := range f.purchases {
			if p.session.ID != "" && p.done() && p.child == "" {
				j.checkSplit(f, p)
				j.checkCharged(f, p)
			}
		}
	}
}

// split returns the live companies that the parts of a checkout name, and the
// statements. A session that was right at birth and whose subscription moved on
// is history, and no part.
func (j *judge) split(f *family, p purchase) (companies []string, says []rightful.Signal) {
	hear := func(s rightful.Signal, c *rightful.Company) {
		if c == nil || !c.Live() {
			return
		}
		says = append(says, s)
		if id := rightful.CanonicalID(c.ID); !slices.Contains(companies, id) {
			companies = append(companies, id)
		}
	}
	for _, o := range p.objects {
		if !j.movedOn(p, o) {
			hear(j.stampSignal(o, "checkout:"+p.id, rightful.Strong), j.stamped(j.stampValue(o)))
		}
	}
	ref := p.session.ClientReferenceID
	if ref != "" && p.session.PaymentLink == "" && j.users[rightful.CanonicalID(ref)] == nil && f.stampedBy[rightful.CanonicalID(ref)] == nil {
		hear(rightful.Signal{
			Place: "stripe:checkout.session/" + p.session.ID + ".client_reference_id", Says: ref,
			Voice: "checkout:" + p.id, Strength: rightful.Strong, AsOf: p.created,
		}, j.stamped(ref))
	}
	slices.Sort(companies)
	return companies, says
}

func (j *judge) checkSplit(f *family, p purchase) {
	companies, says := j.split(f, p)
	if len(companies) < 2 || !counts(p.session) && !slices.ContainsFunc(p.objects, counts) {
		return
	}
	meant := true // the buyer may have meant any of them
	for _, c := range companies {
		meant = meant && j.buyerBelongs(f, p.session, c)
	}
	stamps := map[string]bool{}
	for _, o := range p.objects {
		if c := j.stamped(j.stampValue(o)); c != nil && c.Live() {
			stamps[rightful.CanonicalID(c.ID)] = true
		}
	}
	if f.CompanyID != "" && (len(stamps) > 1 || !meant) {
		return // settled: a wrong stamp has a finding of its own, and a number in the reference may be anything
	}
	finding := j.on(rightful.CodeCheckoutSplit, p.session.Ref(), j.company(f.CompanyID))
	finding.Message = fmt.Sprintf("the checkout %s names companies %s.", p.session.ID, strings.Join(companies, " and "))
	if meant {
		finding.Message += " Its buyer belongs to all of them."
	}
	finding.RightfulCompanyID = nil
	finding.Also = append(slices.Clone(companies), f.StripeCustomerID)
	for _, o := range p.objects[1:] {
		finding.Also = append(finding.Also, o.ID)
	}
	finding.Amount = j.amountOf(f, p.session)
	finding.Evidence = says
	finding.Why = "what the buyer meant is not known, and the charge itself is in doubt: a person decides"
	j.report(finding)
}

// checkCharged reports a settled checkout that speaks for one company and was
// charged to the older customer of another: RF107. Of a live subscription RF103 says
// so; where the buyer came to the payer's company later, it moved along.
func (j *judge) checkCharged(f *family, p purchase) {
	own, payer := j.ownCompany(f, p), j.linker(f)
	birth := f.birth()
	if own == "" || payer == "" || own == payer || birth != nil && birth.id == p.id || !p.session.SettledSession() {
		return
	}
	finding := j.on(rightful.CodeCheckoutSplit, p.session.Ref(), j.company(own))
	for _, o := range p.objects {
		if o.LiveSubscription() && j.stampValue(o) != "" {
			return
		}
		user := j.userValue(o)
		if user == "" {
			continue
		}
		_, known := j.userSet(user, o.Created)
		switch then := j.belongedThen(user, payer, o.Created); {
		case !then && j.belongsToday(user, payer):
			return
		case then || !known:
			finding.Severity = rightful.SeverityWarning // somebody of both companies, who may have meant it
		}
	}
	finding.RightfulCompanyID = nil
	finding.Message = fmt.Sprintf("%s was bought for company %s and charged to %s, which company %s links.", p.session.ID, j.name(own), f.StripeCustomerID, j.name(payer))
	finding.Also = []string{own, payer, f.StripeCustomerID}
	finding.Amount = j.amountOf(f, p.session)
	finding.Evidence = append([]rightful.Signal{j.stampSignal(p.session, "checkout:"+p.id, rightful.Strong), payerSays(p.session)}, f.evidenceOf()...)
	finding.Why = "somebody may have paid for somebody else: a person decides"
	j.report(finding)
}

// splitReported reports whether the purchase has an RF107, which then speaks for
// each of its stamps.
func (j *judge) splitReported(f *family, p *purchase) bool {
	if p == nil || p.session.ID == "" || !p.done() || p.child != "" || f.CompanyID != "" {
		return false
	}
	companies, _ := j.split(f, *p)
	return len(companies) > 1
}

// checkOpenSessions reports checkouts that somebody may still pay and that name
// another company than their customer's: RF408.
func (j *judge) checkOpenSessions() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, s := range f.Sessions {
			value := j.stampValue(s)
			c := j.stamped(value)
			p := f.purchaseOf(s.ID)
			company, known := f.CompanyID, f.carried
			if company == "" && !f.Contested { // nothing but the session itself, as most open ones are
				company, known = j.buyersOwn(s)
			}
			switch {
			case s.Status != "open" || value == "" || j.over(s) || p != nil && p.child != "" || f.Contested:
				continue
			case c == nil || !c.Live(): // whoever pays, pays for nobody
			case !known || rightful.SameID(c.ID, company) || j.buyerBelongs(f, s, rightful.CanonicalID(c.ID)):
				continue // the buyer may have several companies, and chose one
			case company != "" && rightful.SameID(c.BillingParentID, company):
				continue
			}
			finding := j.on(rightful.CodeOpenSession, s.Ref(), j.company(company))
			finding.Message = fmt.Sprintf("%s is open and stamped %q: whoever pays it pays for that.", s.ID, value)
			if company != "" {
				finding.Message += " " + j.whose(company)
			}
			if finding.CompanyID == nil && c != nil {
				finding.CompanyID = ptr(c.ID)
			}
			finding.WrongValue = ptr(value)
			finding.Also = []string{f.StripeCustomerID}
			finding.Evidence = append([]rightful.Signal{j.stampSignal(s, "checkout:"+s.ID, rightful.Suspicion)}, f.evidenceOf()...)
			finding.Why = "an open session is best expired and made again: ending it is a person's decision"
			j.report(finding)
		}
	}
}

// buyersOwn returns the one company of the user who is stamped on a session, and
// whether it is known that they belong to no other.
func (j *judge) buyersOwn(s rightful.Object) (company string, known bool) {
	user := j.userValue(s)
	if j.users[rightful.CanonicalID(user)] == nil {
		return "", false
	}
	set, known := j.userSet(user, s.Created)
	if len(set) == 1 {
		company = set[0]
	}
	return company, known && len(set) > 0
}

// sessionLife is how long Stripe keeps a session open at most, in seconds (API
// reference, checkout session expires_at: 24 hours after creation).
const sessionLife = 24 * 60 * 60

// over reports whether an open session can no longer be paid.
func (j *judge) over(s rightful.Object) bool {
	ends := s.ExpiresAt
	if ends == 0 {
		ends = s.Created + sessionLife
	}
	return ends <= j.sit.Now
}

// checkMethods reports saved payment methods that are stamped with another live
// company than that of the customer whom they are attached to: RF409.
func (j *judge) checkMethods() {
	for _, f := range j.families {
		if f.owner != ours || f.CompanyID == "" {
			continue
		}
		for _, m := range f.Methods {
			c := j.stamped(j.stampValue(m))
			if c == nil || !c.Live() || rightful.SameID(c.ID, f.CompanyID) || rightful.SameID(c.BillingParentID, f.CompanyID) {
				continue
			}
			finding := j.on(rightful.CodeMethodOther, m.Ref(), j.company(f.CompanyID))
			finding.RightfulCompanyID = nil
			finding.Security = true
			finding.Message = fmt.Sprintf("payment method %s is stamped with company %s and attached to %s, which is company %s's.", m.ID, j.name(c.ID), f.StripeCustomerID, j.name(f.CompanyID))
			finding.WrongValue = ptr(c.ID)
			finding.Also = []string{f.StripeCustomerID, c.ID}
			finding.Evidence = append([]rightful.Signal{j.stampSignal(m, "method:"+m.ID, rightful.Suspicion)}, f.deciding(f.CompanyID)...)
			finding.Why = "somebody may be charged for somebody else: who sees and pays what is a person's decision"
			j.report(finding)
		}
	}
}
