package engine

import (
	"rightful"
	"rightful/internal/judge"
)

// UserView is a user with every way of getting the company.
type UserView struct {
	ID       string   `json:"id"`
	Email    string   `json:"email"`
	Inactive bool     `json:"inactive"`
	Ways     WaysView `json:"ways"`
}

// WaysView is every way of getting a user's company, side by side. A way that
// the database cannot state is nil.
type WaysView struct {
	Direct      *string  `json:"direct"`
	Owner       []string `json:"owner"`
	Membership  []string `json:"membership"`
	Resolver    string   `json:"resolver"` // which way is configured
	Resolved    *string  `json:"resolved"`
	Unresolved  string   `json:"unresolved"` // why the resolver names none
	RunningApp  *string  `json:"running_app"`
	NotAnswered string   `json:"not_answered"` // why the running app gave no answer
}

// CompanyView is a company row.
type CompanyView struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Live       bool     `json:"live"`
	MergedInto string   `json:"merged_into"`
	Links      []string `json:"links"`
}

// FamilyView is a family with whose it is.
type FamilyView struct {
	Key       string       `json:"key"`
	Guest     bool         `json:"guest"`
	Exists    string       `json:"exists"` // in Stripe: yes, deleted, no or unknown
	CompanyID *string      `json:"company_id"`
	Contested bool         `json:"contested"`
	Named     []string     `json:"named"`
	Objects   []ObjectView `json:"objects"`
	Links     []string     `json:"links"` // companies that link the customer
	Rows      []RowView    `json:"rows"`
}

// ObjectView is one Stripe object's identity.
type ObjectView struct {
	Type    string  `json:"type"`
	ID      string  `json:"id"`
	Stamp   *string `json:"stamp"`
	UserID  *string `json:"user_id"`
	Payer   string  `json:"payer"`
	Email   string  `json:"email"`
	Status  string  `json:"status"`
	Created int64   `json:"created"`
	Wrong   bool    `json:"wrong"` // a finding is about it
}

// RowView is one subscription row.
type RowView struct {
	ID                   string `json:"id"`
	CompanyID            string `json:"company_id"`
	StripeSubscriptionID string `json:"stripe_subscription_id"`
	Status               string `json:"status"`
}

// CacheView is one cached value.
type CacheView struct {
	Key         string `json:"key"`
	Value       string `json:"value"`
	Undecodable string `json:"undecodable"`
	Wrong       bool   `json:"wrong"`
}

// ProbeView is what the running app says it is.
type ProbeView struct {
	Revision         string `json:"revision"`
	ExpectedRevision string `json:"expected_revision"`
}

// look fills what was seen, side by side.
func (inv *Investigation) look(sit *rightful.Situation, about rightful.Subject, v judge.Verdict, rules judge.Rules) {
	wrong := map[string]bool{}
	for _, f := range v.Findings {
		wrong[f.Object.Type+"/"+f.Object.ID] = true
	}
	inv.lookUsers(sit, about, rules)
	for _, id := range about.Companies {
		for _, c := range sit.Companies {
			if rightful.SameID(c.ID, id) {
				inv.Companies = append(inv.Companies, companyView(sit, c))
			}
		}
	}
	for i, f := range sit.Families {
		inv.Families = append(inv.Families, familyView(f, v.Attributions[i], rules.Keys, wrong))
	}
	for _, e := range sit.Cache {
		inv.Cache = append(inv.Cache, CacheView{
			Key: e.Key, Value: e.Value, Undecodable: e.Undecodable, Wrong: wrong[rightful.RefCacheKey+"/"+e.Key],
		})
	}
	if p := sit.Probe; p != nil {
		inv.Probe = &ProbeView{Revision: p.Revision, ExpectedRevision: p.ExpectedRevision}
	}
}

func (inv *Investigation) lookUsers(sit *rightful.Situation, about rightful.Subject, rules judge.Rules) {
	for _, id := range about.Users {
		for _, u := range sit.Users {
			if !rightful.SameID(u.ID, id) {
				continue
			}
			w := judge.WaysOf(sit, rules, u.ID)
			view := UserView{ID: u.ID, Email: u.Email, Inactive: u.Inactive, Ways: WaysView{
				Resolver: string(sit.Mapping.Resolver), Unresolved: w.Unresolved,
			}}
			if sit.Mapping.Direct {
				view.Ways.Direct = &w.Direct
			}
			if sit.Mapping.Owner {
				view.Ways.Owner = append([]string{}, w.Owner...)
			}
			if sit.Mapping.Memberships {
				view.Ways.Membership = append([]string{}, w.Membership...)
			}
			if w.Resolver != "" {
				view.Ways.Resolved = &w.Resolver
			}
			if sit.Probe != nil {
				if a, asked := sit.Probe.Users[rightful.CanonicalID(u.ID)]; asked && a.Failed == "" {
					view.Ways.RunningApp = &a.CompanyID
				} else if asked {
					view.Ways.NotAnswered = a.Failed
				}
			}
			inv.Users = append(inv.Users, view)
		}
	}
}

func companyView(sit *rightful.Situation, c rightful.Company) CompanyView {
	view := CompanyView{ID: c.ID, Name: c.Name, Live: c.Live(), MergedInto: c.MergedInto, Links: []string{}}
	for _, l := range sit.Links {
		if rightful.SameID(l.CompanyID, c.ID) {
			view.Links = append(view.Links, l.StripeCustomerID)
		}
	}
	return view
}

func familyView(f rightful.Family, a rightful.Attribution, keys rightful.KeySet, wrong map[string]bool) FamilyView {
	view := FamilyView{
		Key: f.Key, Guest: f.Guest(), Contested: a.Contested, Named: append([]string{}, a.Named...),
		Objects: []ObjectView{}, Links: []string{}, Rows: []RowView{},
		Exists: map[rightful.Existence]string{
			rightful.ExistsPresent: "yes", rightful.ExistsDeleted: "deleted", rightful.ExistsMissing: "no", rightful.ExistsUnknown: "unknown",
		}[f.Exists],
	}
	if a.CompanyID != "" {
		view.CompanyID = &a.CompanyID
	}
	for _, o := range f.Objects() {
		ov := ObjectView{
			Type: string(o.Type), ID: o.ID, Payer: o.StripeCustomerID, Email: o.Email, Status: o.Status, Created: o.Created,
			Wrong: wrong[string(o.Type)+"/"+o.ID],
		}
		if o.Type == rightful.TypeSession {
			ov.Status = o.Status + "/" + o.PaymentStatus
		}
		if s := judge.Stamp(o, keys); s != "" {
			ov.Stamp = &s
		}
		if u := o.Metadata[keys.User]; u != "" {
			ov.UserID = &u
		}
		view.Objects = append(view.Objects, ov)
	}
	for _, l := range f.Links {
		view.Links = append(view.Links, l.CompanyID)
	}
	for _, r := range f.Rows {
		view.Rows = append(view.Rows, RowView{ID: r.ID, CompanyID: r.CompanyID, StripeSubscriptionID: r.StripeSubscriptionID, Status: r.Status})
	}
	return view
}
