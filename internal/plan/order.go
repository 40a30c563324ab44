package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"rightful"
)

// stepID depends on what is written where, and on nothing else.
func stepID(p rightful.Proposal) string {
	part := func(s *string) string {
		if s == nil {
			return "-"
		}
		return "=" + *s
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Place, p.Object.Type, p.Object.ID, p.Field, part(p.From), part(p.To)}, "\x00")))
	return "step-" + hex.EncodeToString(sum[:6])
}

// units sorts the drafts into units. Families of customers come first; what is
// about a user or company as a whole comes after them, so that a cache is
// cleared when what it caches is right.
func (m *maker) units() []Unit {
	byFamily := map[string][]*draft{}
	for _, d := range m.cells {
		byFamily[d.family] = append(byFamily[d.family], d)
	}
	units := []Unit{}
	for family, drafts := range byFamily {
		slices.SortFunc(drafts, compareDrafts)
		u := Unit{Family: family, CompanyID: onlyCompany(drafts), Amount: amount(drafts)}
		for _, d := range drafts {
			u.Steps = append(u.Steps, d.Step)
		}
		units = append(units, u)
	}
	slices.SortFunc(units, func(a, b Unit) int {
		return cmp.Or(cmp.Compare(late(a.Family), late(b.Family)), cmp.Compare(a.Family, b.Family))
	})
	return units
}

func late(family string) int {
	if strings.Contains(family, ":") {
		return 1 // company:, user:, cache: no id of Stripe has a colon
	}
	return 0
}

// compareDrafts orders the steps of a unit: a relink, stamps, rows, cache.
func compareDrafts(a, b *draft) int {
	return cmp.Or(
		cmp.Compare(phase(a), phase(b)),
		cmp.Compare(a.relink, b.relink),
		cmp.Compare(kindRank(a.Object), kindRank(b.Object)),
		cmp.Compare(a.Object.ID, b.Object.ID),
		cmp.Compare(a.Field, b.Field),
		cmp.Compare(a.ID, b.ID),
	)
}

func phase(d *draft) int {
	switch {
	case d.relink > 0:
		return 0
	case d.Place == rightful.PlaceStripe:
		return 1
	case d.Place == rightful.PlaceDB:
		return 2
	}
	return 3
}

// kindRank orders objects: what others are born from comes first.
func kindRank(r rightful.Ref) int {
	return slices.Index([]string{
		string(rightful.TypeCustomer), string(rightful.TypeSubscription), string(rightful.TypePaymentIntent), string(rightful.TypeSession),
		rightful.RefCompany, rightful.RefLink, rightful.RefSubscriptionRow, rightful.RefCacheKey,
	}, r.Type)
}

// onlyCompany returns the one company that all steps are for, or nil.
func onlyCompany(drafts []*draft) *string {
	only := ""
	for _, d := range drafts {
		for _, c := range d.company {
			switch {
			case c == "" || only != "" && !rightful.SameID(only, c):
				return nil
			case only == "":
				only = c
			}
		}
	}
	if only == "" {
		return nil
	}
	return &only
}

// amount returns the money that hangs on a unit: the most that one of its
// findings names, because a customer's amount holds those of its subscriptions.
// With two currencies there is no one amount.
func amount(drafts []*draft) *rightful.Amount {
	var most *rightful.Amount
	for _, d := range drafts {
		for _, a := range d.amounts {
			switch {
			case most == nil:
				most = &a
			case most.Currency != a.Currency:
				return nil
			case a.MonthlyMinor > most.MonthlyMinor:
				most = &a
			}
		}
	}
	return most
}
