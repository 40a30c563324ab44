package judge

import (
	"fmt"
	"slices"

	"rightful"
)

// checkStamps compares every stamp that is demanded with the family's
// attribution: RF101 to RF105.
func (j *judge) checkStamps() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, o := range f.Objects() {
			if value, _ := j.stampOf(o); value == "" {
				j.checkUnstamped(f, o)
			} else {
				j.checkStamp(f, o, value)
			}
		}
	}
}

// counts reports whether what the object's stamp says matters today or mattered
// at birth: customers, live subscriptions, and what was settled. An abandoned
// checkout harms nobody.
func counts(o rightful.Object) bool {
	switch o.Type {
	case rightful.TypeCustomer:
		return !o.Deleted
	default:
		return o.LiveSubscription() || o.SettledSession() || o.SettledIntent()
	}
}

// history reports whether the object is judged as of its creation.
func history(o rightful.Object) bool { return o.SettledSession() || o.SettledIntent() }

func (j *judge) checkStamp(f *family, o rightful.Object, value string) {
	if !counts(o) {
		return
	}
	c := j.stamped(value)
	switch {
	case c == nil:
		j.reportStamp(f, o, rightful.CodeStampMissing, value, nil)
	case !c.Live():
		if !j.deadStampMatters(f, o, c) {
			return
		}
		j.reportStamp(f, o, rightful.CodeStampDead, value, c)
	default:
		j.checkLiveStamp(f, o, value, c)
	}
}

// deadStampMatters reports whether a stamp that names a deleted or merged
// company is wrong: not when it was right at birth, and not on the idle
// leftovers of a company that is gone.
func (j *judge) deadStampMatters(f *family, o rightful.Object, c *rightful.Company) bool {
	if history(o) {
		return c.Deleted && j.survivor(c) == nil && j.neverTheirs(f, o, c)
	}
	if f.CompanyID == "" && !f.Contested && j.survivor(c) == nil {
		return false // the stamp is right, and RF601 reports what is still paid
	}
	return o.LiveSubscription() || len(f.liveSubscriptions()) > 0 || f.CompanyID != "" || j.anchor(f) != "" || f.Contested
}

func (j *judge) checkLiveStamp(f *family, o rightful.Object, value string, c *rightful.Company) {
	stamped := rightful.CanonicalID(c.ID)
	linker := j.linker(f)
	if o.Type == rightful.TypeCustomer && linker != "" && linker != stamped && j.childOf(linker, o) == "" {
		j.reportStamp(f, o, rightful.CodeLinkStampSplit, value, c)
		return
	}
	p := f.purchaseOf(o.ID)
	switch {
	case j.splitReported(f, p): // RF107 speaks for each part
		return
	case o.Type == rightful.TypeCustomer && j.childOf(j.linker(f), o) != "": // billed through the linking company
		return
	case p != nil && p.child != "":
		if p.child == stamped {
			return
		}
	case !f.Contested && (f.CompanyID == stamped || f.CompanyID == ""):
		j.checkBuyer(f, o, c)
		return
	case o.Type == rightful.TypeCustomer && linker == "" && slices.ContainsFunc(f.purchases, func(p purchase) bool { return j.ownCompany(f, p) == stamped }):
		return // one customer for all companies of a user, stamped with one of them
	case history(o) && j.boughtFor(f, o, stamped):
		j.reportMoved(f, o, c)
		return
	case p != nil && p.child == "" && j.ownCompany(f, *p) == stamped:
		if linker == "" || linker == stamped {
			return
		}
	case f.Contested && stamped == j.anchor(f):
		// The database agrees with the stamp. What is left to report is a
		// purchase by somebody who never belonged to the company.
		if p == nil || !j.boughtByOutsider(*p, stamped) {
			return
		}
	case f.Contested && !f.opposed(stamped):
		return
	}
	j.reportStamp(f, o, rightful.CodeStampOther, value, c)
}

// reportMoved tells, as information, that a completed session was right when it
// was paid and that its live subscription is another company's today.
func (j *judge) reportMoved(f *family, o rightful.Object, c *rightful.Company) {
	p := f.purchaseOf(o.ID)
	if !o.SettledSession() || p == nil || f.CompanyID == "" || j.linker(f) != f.CompanyID {
		return
	}
	for _, s := range p.objects {
		if now := j.stamped(j.stampValue(s)); !s.LiveSubscription() || now == nil || rightful.CanonicalID(now.ID) != f.CompanyID || !j.rowFor(s.ID, f.CompanyID) {
			continue
		}
		finding := j.on(rightful.CodeStampOther, o.Ref(), c)
		finding.Severity = rightful.SeverityInfo
		finding.Message = fmt.Sprintf("%s was bought for company %s, by somebody who belonged to it; %s is company %s's today.", o.ID, j.name(c.ID), s.ID, j.name(f.CompanyID))
		finding.Also = []string{s.ID, f.StripeCustomerID, f.CompanyID}
		finding.Evidence = append([]rightful.Signal{j.stampSignal(o, j.voiceOf(f, o), rightful.Corroborates)}, f.deciding(f.CompanyID)...)
		finding.Why = "it is history, and it was right"
		j.report(finding)
	}
}

// reportStamp reports a stamp that names the wrong company. c is the company
// that it names, nil when there is none.
func (j *judge) reportStamp(f *family, o rightful.Object, code rightful.Code, value string, c *rightful.Company) {
	automatic, why := j.restamp(f, o, c)
	company := j.companyFor(f, o)
	finding := rightful.Finding{
		Code:              code,
		Object:            o.Ref(),
		RightfulCompanyID: j.rawID(company),
		WrongValue:        ptr(value),
		Amount:            j.amountOf(f, o),
		Automatic:         automatic,
		Why:               why,
	}
	own := j.stampSignal(o, j.voiceOf(f, o), rightful.Strong)
	finding.Evidence = append([]rightful.Signal{own}, f.deciding(f.CompanyID)...)
	if company == "" {
		finding.Evidence = append([]rightful.Signal{own}, f.everything()...)
	}
	if p := f.purchaseOf(o.ID); p != nil && c != nil && f.Contested && rightful.CanonicalID(c.ID) == j.anchor(f) {
		finding.Severity = rightful.SeverityWarning // the database agrees: perhaps somebody bought on behalf
	}
	switch code {
	case rightful.CodeStampMissing:
		finding.Message = fmt.Sprintf("%s is stamped %q, and there is no such company.", o.ID, value)
		if f.CompanyID == "" && !f.Contested && !f.money {
			finding.Severity = rightful.SeverityInfo // nobody pays, nobody is named
		}
	case rightful.CodeStampDead:
		state := "was deleted"
		if c.MergedInto != "" {
			state = "was merged into " + c.MergedInto
		}
		finding.Message = fmt.Sprintf("%s is stamped %q, and company %s %s.", o.ID, value, c.ID, state)
		if f.CompanyID == "" && !f.money {
			finding.Severity = rightful.SeverityInfo // nobody pays, nobody is named
		}
	case rightful.CodeLinkStampSplit:
		linker := j.linker(f)
		finding.Message = fmt.Sprintf("company %s links %s, but its stamp names company %s.", j.name(linker), o.ID, c.ID)
		finding.CompanyID = j.rawID(linker)
		finding.Also = append(finding.Also, linker, c.ID)
		if f.CompanyID == rightful.CanonicalID(c.ID) {
			finding.WrongValue = j.rawID(linker) // the stamp is right, the link is not
		}
		if f.CompanyID != linker {
			// The linking company opens a customer whose voices name another.
			finding.Security = true
			finding.Automatic = false
			finding.Why = wrongLinkWhy
		}
	default:
		finding.Message = fmt.Sprintf("%s is stamped with company %s.", o.ID, c.ID)
	}
	finding.Message += " " + j.verdictText(f, o, company)
	if finding.CompanyID == nil {
		finding.CompanyID = finding.RightfulCompanyID
	}
	if finding.CompanyID == nil && c != nil {
		finding.CompanyID = ptr(c.ID)
	}
	if company == "" {
		finding.Automatic = false
	}
	if company != "" && (c == nil || rightful.CanonicalID(c.ID) != company) {
		finding.Proposal = j.stampProposal(company, o)
	}
	if f.StripeCustomerID != o.ID {
		finding.Also = append(finding.Also, f.StripeCustomerID)
	}
	j.report(finding)
}

// checkUnstamped reports a stamp that is demanded and absent: on a customer
// that a live company links, on a live subscription, on a settled session.
func (j *judge) checkUnstamped(f *family, o rightful.Object) {
	if !j.demanded(o) {
		j.checkCarriedDown(f, o)
		return
	}
	if o.Type == rightful.TypeCustomer && len(j.wrongLinkers(f)) > 0 {
		return // the link is reported, and what the stamp should hold is not the first question
	}
	j.reportUnstamped(f, o)
}

func (j *judge) reportUnstamped(f *family, o rightful.Object) {
	automatic, why := j.restamp(f, o, nil)
	company := j.companyFor(f, o)
	if company == "" && j.goneOf(f, o) != "" {
		return // RF601 reports what is still paid for a company that is gone
	}
	finding := rightful.Finding{
		Code:              rightful.CodeUnstamped,
		Message:           fmt.Sprintf("%s carries no %s.", o.ID, j.rules.Keys.Company),
		Object:            o.Ref(),
		CompanyID:         j.rawID(company),
		RightfulCompanyID: j.rawID(company),
		Amount:            j.amountOf(f, o),
		Evidence:          f.evidenceOf(),
		Automatic:         automatic,
		Why:               why,
	}
	if company != "" {
		finding.Proposal = j.stampProposal(company, o)
	}
	if f.StripeCustomerID != o.ID {
		finding.Also = append(finding.Also, f.StripeCustomerID)
	}
	if o.PaymentLink != "" {
		if !f.Guest() && j.typedFor(f, o) != nil {
			return // RF504 speaks for the session
		}
		finding.Code = rightful.CodePaymentLink
		finding.Message = fmt.Sprintf("%s was paid through a payment link and carries no %s.", o.ID, j.rules.Keys.Company)
	}
	j.lookElsewhere(&finding, o, company)
	finding.Message += " " + j.verdictText(f, o, company)
	j.report(finding)
}

// checkCarriedDown tells, as information, that a payment intent says nothing of what
// its session has to say: handlers of its own events cannot know whose it is.
func (j *judge) checkCarriedDown(f *family, o rightful.Object) {
	p := f.purchaseOf(o.ID)
	if !o.SettledIntent() || p == nil || p.session.ID == "" {
		return
	}
	c := j.company(j.companyFor(f, o))
	finding := j.on(rightful.CodeUnstamped, o.Ref(), c)
	finding.Severity = rightful.SeverityInfo
	finding.Message = fmt.Sprintf("%s carries no %s; its session is %s.", o.ID, j.rules.Keys.Company, p.session.ID)
	finding.Also = []string{p.session.ID, f.StripeCustomerID}
	finding.Evidence = f.evidenceOf()
	finding.Why = "nothing demands a stamp there: it matters to apps that handle payment intent events"
	j.report(finding)
}

const wrongLinkWhy = "the link may show one company another's invoices: relinking is a person's decision"

// stampProposal proposes to write the rightful company into the stamp. It goes
// under the one configured key, whatever key the present value stands under.
func (j *judge) stampProposal(company string, o rightful.Object) *rightful.Proposal {
	to := j.stampFor(company)
	return &rightful.Proposal{
		Place: "stripe", Object: o.Ref(), Field: "metadata." + j.rules.Keys.Company,
		From: ptr(o.Metadata[j.rules.Keys.Company]), To: &to,
	}
}

// verdictText says whose a family, or what was bought in it for the company, is.
func (j *judge) verdictText(f *family, o rightful.Object, company string) string {
	p := f.purchaseOf(o.ID)
	switch {
	case company == "" && f.CompanyID != "":
		return fmt.Sprintf("Its buyer belongs to that company, and its customer is company %s's.", j.name(f.CompanyID))
	case company != f.CompanyID && (p == nil || p.child == ""):
		return fmt.Sprintf("It was bought for company %s, by somebody who belongs to it.", j.name(company))
	case company != f.CompanyID:
		return fmt.Sprintf("It was bought for company %s, which is billed through another.", j.name(company))
	case f.Contested && len(f.Named) > 1:
		return "The voices name several companies, and none prevails."
	case f.Contested:
		return fmt.Sprintf("Company %s is named, but its buyer does not belong to it.", j.name(f.Named[0]))
	case f.CompanyID == "":
		return "No voice names a live company."
	}
	return j.whose(f.CompanyID)
}

// whose says whose something is, as a sentence.
func (j *judge) whose(company string) string {
	return fmt.Sprintf("It rightfully belongs to company %s.", j.name(company))
}

// name returns how people know a company: its id, with its name if it has one.
func (j *judge) name(id string) string {
	c := j.company(id)
	switch {
	case c == nil:
		return id
	case c.Name != "":
		return fmt.Sprintf("%s (%s)", c.ID, c.Name)
	}
	return c.ID
}

// rawID returns a company's id as its database prints it, nil for none.
func (j *judge) rawID(id string) *string {
	if c := j.company(id); c != nil {
		return ptr(c.ID)
	}
	return ptr(id)
}

// amountOf returns the money that hangs on an object: a subscription's own, a
// session's subscription's, a customer's together.
func (j *judge) amountOf(f *family, o rightful.Object) *rightful.Amount {
	switch o.Type {
	case rightful.TypeSubscription:
		return monthly(o)
	case rightful.TypeCustomer:
		return monthly(f.Subscriptions...)
	}
	for _, s := range f.Subscriptions {
		if s.ID == o.SubscriptionID {
			return monthly(s)
		}
	}
	return nil
}

// voiceOf returns the id of the voice that the object's stamp belongs to.
func (j *judge) voiceOf(f *family, o rightful.Object) string {
	if p := f.purchaseOf(o.ID); p != nil {
		return "checkout:" + p.id
	}
	if birth := f.birth(); birth != nil {
		return "checkout:" + birth.id
	}
	return "customer:" + f.StripeCustomerID
}
