package truth

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"rightful"
)

// Beyond what is fair nobody can name the truth. Two things can be asked all the
// same of whoever repairs without asking: one lie alone must carry nothing, however
// much was erased around it; and while another voice still tells the truth, two lies
// must not either.

// Lies returns the mutations that put one wrong company into one place, as a voice.
func Lies() []Mutation {
	return named("a stamp names another company", "a checkout was stamped with another company", "half a checkout was stamped with another company", "a link was moved to another company",
		"another company links the customer too", "a row followed the acting user")
}

// Erasures returns the mutations after which a place names nobody.
func Erasures() []Mutation {
	return named("a stamp names nobody", "a stamp was removed", "a checkout was stamped with nobody", "a checkout was not stamped",
		"a stamp was written under another key", "a link was cleared", "a row was never written", "a stamp names a company that was deleted before")
}

func named(names ...string) []Mutation {
	return slices.DeleteFunc(Mutations(), func(m Mutation) bool { return !slices.Contains(names, m.Name) })
}

// Candid reports whether nothing in the world lies without being damaged (see
// honest), and whether each customer has one company.
func (w *World) Candid() bool {
	return len(w.honest()) == 0 && w.App.Customers == PerCompany && !w.App.Parents
}

// StrikeUnfairly damages the world where it was damaged before, whether or not
// anybody could still tell the truth.
func (w *World) StrikeUnfairly(t *rapid.T, among []Mutation) bool {
	m := rapid.SampledFrom(among).Draw(t, "mutation")
	all := m.places(w)
	near := slices.DeleteFunc(slices.Clone(all), func(d Damage) bool {
		return !slices.ContainsFunc(d.about(), func(id string) bool { return w.struck[id] })
	})
	if len(w.struck) == 0 {
		near = all
	}
	// Two lies about different companies only contradict each other.
	same := slices.DeleteFunc(slices.Clone(near), func(d Damage) bool {
		return !slices.ContainsFunc(d.claims, func(c string) bool { return strings.HasSuffix(c, w.lie) })
	})
	if w.lie != "" && len(same) > 0 {
		near = same
	}
	if len(near) == 0 {
		return false
	}
	d := near[rapid.IntRange(0, len(near)-1).Draw(t, "place")]
	for _, c := range d.claims {
		if _, company, ok := strings.Cut(c, " is "); ok && len(d.lied) > 0 {
			w.lie = " is " + company
		}
	}
	w.Strike(m, d)
	return true
}

// StillTold reports whether a voice other than the object's own still says whose the
// object is: another purchase of the same customer, the customer itself if it is
// older, a link or a row.
func (w *World) StillTold(object string) bool {
	o := w.Object(object)
	if o == nil {
		return false
	}
	family, truth := w.family(o), w.Owner(o.ID)
	says := func(other *rightful.Object) bool {
		c := w.named(stampOf(other))
		return c != nil && c.ID == truth
	}
	own := w.purchaseOf(o)
	if c := w.Object(family); c != nil && c != o && own != nil && !w.bornWith(family) && says(c) {
		return true
	}
	for _, p := range w.purchasesWith(family) {
		if p != own && !p.Born && p.Done() && !slices.ContainsFunc(p.Objects(), func(o *rightful.Object) bool { return !says(o) }) {
			return true
		}
		if p.Row != nil && p.Row.CompanyID == truth {
			return true
		}
	}
	return slices.ContainsFunc(w.linkedBy(family), func(c *rightful.Company) bool { return c.ID == truth })
}
