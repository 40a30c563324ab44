package gateway

import (
	"slices"

	"rightful"
)

// about returns what was found about the session's family.
func (s *seen) about() []rightful.Finding {
	var out []rightful.Finding
	if !s.known {
		return out
	}
	for _, f := range s.findings {
		if f.Family == s.bought.Family || s.made(f.Object.ID) || slices.Contains(f.Also, s.id) {
			out = append(out, f)
		}
	}
	return out
}

// made reports whether the id is the session's, or that of something it made.
func (s *seen) made(id string) bool {
	c := s.checkout
	return id != "" && (id == s.id || id == c.Subscription.ID || id == c.PaymentIntent.ID)
}

// shown returns the findings of the answer: to operators all that were made, to others
// those about their own company's things, without what these say of others.
func (s *seen) shown(operator bool) []rightful.Finding {
	if operator {
		return append([]rightful.Finding{}, s.findings...)
	}
	out := []rightful.Finding{}
	if s.status != Valid || s.company == "" {
		return out
	}
	for _, f := range s.about() {
		if s.theirs(f) {
			out = append(out, s.without(f))
		}
	}
	return out
}

// theirs reports whether a finding is about something that the user's company may see.
func (s *seen) theirs(f rightful.Finding) bool {
	if own := f.CompanyID; own != nil && !rightful.SameID(*own, s.company) {
		return false
	}
	switch id := f.Object.ID; {
	case s.made(id), id == s.ownPayer():
		return true
	case f.Object.Type == rightful.RefCompany, f.Object.Type == rightful.RefLink:
		return rightful.SameID(id, s.company)
	}
	return false
}

// ownPayer returns the customer that the session charged, if nothing says that it is
// another company's.
func (s *seen) ownPayer() string {
	payer := s.checkout.Session.StripeCustomerID
	for _, l := range s.sit.Links {
		if l.StripeCustomerID == payer && !s.bought.Became(l.CompanyID, s.company) {
			return ""
		}
	}
	for i, f := range s.sit.Families {
		if f.Key == s.bought.Family && !rightful.SameID(s.verdict.Attributions[i].CompanyID, s.company) {
			return ""
		}
	}
	return payer
}

// without leaves of a finding what it is and where it stands. Messages and evidence
// name whatever disagrees, be it another company.
func (s *seen) without(f rightful.Finding) rightful.Finding {
	id := s.bought.RawID(s.company)
	bare := rightful.Finding{
		ID: f.ID, Code: f.Code, Severity: f.Severity, Security: f.Security, Title: f.Title, Message: f.Object.ID + ": " + f.Title + ".",
		Account: f.Account, Livemode: f.Livemode, Object: f.Object, Amount: f.Amount, Automatic: f.Automatic,
		CompanyID: &id, Also: []string{}, Evidence: []rightful.Signal{},
		Why: "who may see every company is told more",
	}
	for _, also := range f.Also {
		if s.made(also) || also == s.ownPayer() && also != "" {
			bare.Also = append(bare.Also, also)
		}
	}
	if f.RightfulCompanyID != nil && rightful.SameID(*f.RightfulCompanyID, s.company) {
		bare.RightfulCompanyID = &id
	}
	if payer := s.ownPayer(); f.Family == payer {
		bare.Family = payer
	} else if f.Family == s.id {
		bare.Family = s.id
	}
	return bare
}
