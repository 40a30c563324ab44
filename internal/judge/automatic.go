package judge

import (
	"fmt"

	"rightful"
)

// byCompany groups the families that were attributed to each company, and finds
// each customer's.
func (j *judge) byCompany() {
	j.attributed = map[string][]*family{}
	j.byCustomer = map[string]*family{}
	for _, f := range j.families {
		if !f.Guest() {
			j.byCustomer[f.StripeCustomerID] = f
		}
		if f.owner == ours && f.CompanyID != "" {
			j.attributed[f.CompanyID] = append(j.attributed[f.CompanyID], f)
		}
	}
}

// restamp decides whether writing the rightful company into a stamp is
// automatic, and says why or why not. wrong is the company that the stamp names
// now, nil when it names none that exists.
func (j *judge) restamp(f *family, o rightful.Object, wrong *rightful.Company) (automatic bool, why string) {
	switch {
	case f.companyFor(o) != f.CompanyID:
		return false, "it was bought for a company that is billed through another: a person decides"
	case f.Contested:
		return false, "the voices name different companies and none prevails: a person decides"
	case f.CompanyID == "":
		return false, "no voice names a live company: a person decides"
	case !f.carried:
		return false, fmt.Sprintf("only one voice names company %s and nothing corroborates it", f.CompanyID)
	case f.excluded(f.CompanyID):
		return false, fmt.Sprintf("the buyer does not belong to company %s", f.CompanyID)
	case f.inDatabase(f.CompanyID):
		return false, "a link or row of the database names another live company: a person decides"
	case wrong != nil && wrong.Live() && f.Voices < 2:
		return false, "the stamp names a live company, and fewer than two voices say otherwise"
	}
	if bar := j.barred(f); bar != "" {
		return false, bar
	}
	if other := j.otherMoney(f); other != "" {
		return false, fmt.Sprintf("money stands on both sides: company %s already pays through %s", f.CompanyID, other)
	}
	if wrong != nil && wrong.Live() {
		return true, fmt.Sprintf("%d voices name company %s, and only the one under repair names another", f.Voices, f.CompanyID)
	}
	support := "an email corroborates it"
	if f.Voices >= 2 {
		support = fmt.Sprintf("%d voices agree", f.Voices)
	}
	return true, fmt.Sprintf("no live company is named now; a strong voice names company %s and %s", f.CompanyID, support)
}

// barred returns why nothing in the family may be automatic, or "".
func (j *judge) barred(f *family) string {
	if f.bar == nil {
		bar := j.findBar(f)
		f.bar = &bar
	}
	return *f.bar
}

func (j *judge) findBar(f *family) string {
	if j.sit.StripePartly {
		return "Stripe could not be read completely"
	}
	if f.young(j.sit.Now) {
		return "the latest payment is younger than an hour: its own webhooks may still be writing"
	}
	for _, s := range f.Subscriptions {
		switch {
		case s.HasSchedule && s.LiveSubscription():
			return "subscription " + s.ID + " has a schedule, whose phases may write the stamp again"
		case s.HasPendingUpdate:
			return "subscription " + s.ID + " has a pending update, which may write the stamp again"
		}
	}
	if !f.Guest() && f.Exists == rightful.ExistsUnknown {
		return "customer " + f.StripeCustomerID + " could not be looked up"
	}
	return ""
}

// otherMoney returns another customer with money that the family's company
// links, when this family has money too, or "".
func (j *judge) otherMoney(f *family) string {
	if f.rival == nil {
		rival := ""
		for _, customer := range j.links[f.CompanyID] {
			if other := j.byCustomer[customer]; f.money && other != nil && other != f && other.money && rival == "" {
				rival = customer
			}
		}
		f.rival = &rival
	}
	return *f.rival
}
