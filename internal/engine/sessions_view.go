package engine

import (
	"slices"
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// SessionView is one checkout session: whose it is, whose it should be, and
// whether the database knows the payment.
type SessionView struct {
	ID            string `json:"id"`
	Created       int64  `json:"created"` // Unix seconds
	Mode          string `json:"mode"`
	Status        string `json:"status"`
	PaymentStatus string `json:"payment_status"`
	Settled       bool   `json:"settled"` // paid, or completed with nothing to pay
	Payer         string `json:"payer"`   // the customer that it charges; empty for a guest
	PaymentLink   string `json:"payment_link"`

	Stamp     *string  `json:"stamp"`         // what its metadata says; nil when it says nothing
	StampOf   *string  `json:"stamp_company"` // the company that the stamp names; nil when there is none
	UserID    *string  `json:"user_id"`       // stamped on it, or on what it made
	Should    *string  `json:"should_be"`     // whose it should be; nil when nobody can say
	Contested bool     `json:"contested"`     // several companies are named, and none prevails
	Named     []string `json:"named"`         // the companies that are named
	Family    string   `json:"family"`        // what a repair of it belongs to
	Links     []string `json:"payer_links"`   // the companies that link the payer
	Emails    []string `json:"emails"`        // of the payer, and what was typed at the checkout
	Pays      *Pays    `json:"amount"`        // what it brings in; nil when that is not known
	SubID     string   `json:"subscription"`  // the subscription that it made
	SubStatus string   `json:"subscription_status"`
	IntentID  string   `json:"payment_intent"` // the payment intent that it made

	Reflected string   `json:"reflected"` // one of the Reflected values
	Row       *RowView `json:"row"`       // the row that names the subscription; nil for none

	Findings   []FindingRef `json:"findings"`   // about it, and about what it made
	Mismatched bool         `json:"mismatched"` // one of them is an error or a warning
}

// Whether the database knows a payment.
const (
	ReflectedYes     = "yes"      // a row names its subscription
	ReflectedNo      = "no"       // it should, and does not
	ReflectedNoNeed  = "no need"  // nothing was paid, or nothing of it lasts
	ReflectedNoRow   = "no row"   // a one-off payment, of which no subscription row tells
	ReflectedUnknown = "not read" // directory.subscriptions is not mapped
)

// Pays is money.
type Pays struct {
	Minor    int64  `json:"minor"` // minor units
	Currency string `json:"currency"`
	Per      string `json:"per"` // month
}

// FindingRef names a finding.
type FindingRef struct {
	ID       string            `json:"id"`
	Code     rightful.Code     `json:"code"`
	Severity rightful.Severity `json:"severity"`
	Object   rightful.Ref      `json:"object"`
	Message  string            `json:"message"`
}

// boughtBy reports whether the session is a user's: it, or what it made, is
// stamped with the user, or nothing is and an email is the user's.
func (v SessionView) boughtBy(u rightful.User) bool {
	if v.UserID != nil {
		return rightful.SameID(*v.UserID, u.ID)
	}
	return slices.ContainsFunc(v.Emails, func(e string) bool { return e != "" && strings.EqualFold(e, u.Email) })
}

// concerns reports whether the session is stamped with a company, or should be the
// company's.
func (v SessionView) concerns(company string) bool {
	is := func(s *string) bool { return s != nil && rightful.SameID(*s, company) }
	return is(v.Stamp) || is(v.StampOf) || is(v.Should) || slices.ContainsFunc(v.Named, func(c string) bool { return rightful.SameID(c, company) })
}

// sessionViews returns every session that was seen.
func (e *Engine) sessionViews(s *seen) []SessionView {
	about := map[string][]rightful.Finding{}
	for _, f := range s.open {
		for _, id := range append([]string{f.Object.ID}, f.Also...) {
			about[id] = append(about[id], f)
		}
	}
	unreflected := map[string]bool{}
	for _, f := range s.all() {
		unreflected[f.Object.ID] = unreflected[f.Object.ID] || f.Code == rightful.CodePaidUnreflected
	}
	var all []SessionView
	for i, f := range s.sit.Families {
		for _, o := range f.Sessions {
			v := e.sessionView(s, i, o)
			v.findings(about)
			v.reflection(s, unreflected)
			all = append(all, v)
		}
	}
	return all
}

// sessionView says whose a session is. Whose it should be is what the findings
// about it say; where there are none, its own stamp is right, as of the purchase.
func (e *Engine) sessionView(s *seen, family int, o rightful.Object) SessionView {
	f, keys := s.sit.Families[family], e.Options.Keys
	v := SessionView{
		ID: o.ID, Created: o.Created, Mode: o.Mode, Status: o.Status, PaymentStatus: o.PaymentStatus, Settled: o.SettledSession(),
		Payer: o.StripeCustomerID, PaymentLink: o.PaymentLink, SubID: o.SubscriptionID, IntentID: o.PaymentIntentID,
		Family: f.Key, Named: []string{}, Links: []string{}, Emails: []string{}, Findings: []FindingRef{},
	}
	if stamp := judge.Stamp(o, keys); stamp != "" {
		v.Stamp = &stamp
		if c := s.stamped(stamp); c != nil {
			v.StampOf = &c.ID
		}
	}
	sub, _ := s.object(rightful.TypeSubscription, o.SubscriptionID)
	intent, _ := s.object(rightful.TypePaymentIntent, o.PaymentIntentID)
	v.SubStatus = sub.Status
	if a := judge.Monthly(sub); a != nil {
		v.Pays = &Pays{Minor: a.MonthlyMinor, Currency: a.Currency, Per: "month"}
	}
	for _, from := range []rightful.Object{o, sub, intent, f.Customer} {
		if u := from.Metadata[keys.User]; u != "" && v.UserID == nil {
			v.UserID = &u
		}
		if from.Email != "" && !slices.Contains(v.Emails, from.Email) {
			v.Emails = append(v.Emails, from.Email)
		}
	}
	for _, l := range f.Links {
		v.Links = append(v.Links, l.CompanyID)
	}
	a := s.verdict.Attributions[family]
	v.Contested, v.Named = a.Contested, append(v.Named, s.rawIDs(a.Named)...)
	v.Should = s.shouldBe(o, v.StampOf, a)
	return v
}

// shouldBe returns the company that a session rightfully belongs to, nil when
// nobody can say.
func (s *seen) shouldBe(o rightful.Object, stamped *string, a rightful.Attribution) *string {
	for _, f := range s.all() {
		if f.Object == o.Ref() && (f.RightfulCompanyID != nil || f.Severity != rightful.SeverityInfo) {
			return f.RightfulCompanyID
		}
	}
	switch {
	case a.Contested:
		return nil
	case o.SettledSession() && stamped != nil:
		return stamped
	case a.CompanyID == "":
		return nil
	}
	return &s.rawIDs([]string{a.CompanyID})[0]
}

// rawIDs returns companies as the database prints them.
func (s *seen) rawIDs(canonical []string) []string {
	out := slices.Clone(canonical)
	for i, id := range out {
		if c := s.company(id); c != nil {
			out[i] = c.ID
		}
	}
	return out
}

// findings keeps what was found about the session, what it made, and the rows of
// that.
func (v *SessionView) findings(about map[string][]rightful.Finding) {
	own := []string{v.ID, v.SubID, v.IntentID}
	for _, id := range own {
		if id == "" {
			continue
		}
		for _, f := range about[id] {
			ofIt := slices.Contains(own, f.Object.ID) || id == v.ID || f.Object.Type == rightful.RefSubscriptionRow
			ref := FindingRef{ID: f.ID, Code: f.Code, Severity: f.Severity, Object: f.Object, Message: f.Message}
			if !ofIt || slices.Contains(v.Findings, ref) {
				continue
			}
			v.Findings = append(v.Findings, ref)
			v.Mismatched = v.Mismatched || f.Severity != rightful.SeverityInfo
		}
	}
}

// reflection says whether the database knows the payment.
func (v *SessionView) reflection(s *seen, unreflected map[string]bool) {
	rows := s.rowsOf(v.SubID)
	if len(rows) > 0 {
		r := rows[0]
		v.Row = &RowView{ID: r.ID, CompanyID: r.CompanyID, StripeSubscriptionID: r.StripeSubscriptionID, Status: r.Status}
	}
	switch {
	case !v.Settled:
		v.Reflected = ReflectedNoNeed
	case v.SubID == "":
		v.Reflected = ReflectedNoRow
	case !s.whole.Mapping.SubscriptionRows:
		v.Reflected = ReflectedUnknown
	case unreflected[v.SubID]:
		v.Reflected = ReflectedNo
	case len(rows) > 0:
		v.Reflected = ReflectedYes
	case rightful.LiveStatus(v.SubStatus):
		v.Reflected = ReflectedNo
	default:
		v.Reflected = ReflectedNoNeed
	}
}
