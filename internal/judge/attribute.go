package judge

import (
	"maps"
	"slices"
	"strings"

	"rightful"
)

// attribute answers "whose is this family?" once, for everything that asks.
//
// Voices that name live companies are counted. One company alone is the
// answer, unless a voice that knows the buyer excludes it and no second voice
// supports it. Of two companies, the answer is the one with two voices or more
// if a single voice names the other: that voice is the one under repair. But a
// voice in which a stamp and the database agree is no slip: against it nobody
// prevails. Anything else is contested, and no company is named.
func (j *judge) attribute(f *family) {
	j.listen(f)
	f.settle()

	split := false
	for _, v := range f.voices {
		f.Signals = append(f.Signals, v.parts...)
		split = split || len(v.says) > 1
	}
	f.tally()
	f.Signals = append(f.Signals, f.heard...)
	f.Signals = append(f.Signals, f.mails...)
	if len(f.Named) == 0 {
		return
	}
	f.CompanyID = f.prevailing()
	if f.CompanyID != "" && j.leftover(f) {
		f.CompanyID, f.Named = "", nil // it stays with the company that is gone
		return
	}
	f.Contested = split || f.CompanyID == ""
	if f.Contested {
		f.CompanyID = ""
		return
	}
	f.Voices = len(f.namers[f.CompanyID])
	f.carried = f.Voices >= 2 || f.backing[f.CompanyID]
}

// leftover reports whether the family is what a company that is gone left behind: a
// stamp and a link or row name it, and for another company there is
// no more than what its people have today.
func (j *judge) leftover(f *family) bool {
	bound := slices.ContainsFunc(f.speaking(), func(o rightful.Object) bool {
		c := j.stamped(j.stampValue(o))
		if c == nil || c.Live() || j.survivor(c) != nil || goneBefore(c, o) {
			return false
		}
		return slices.ContainsFunc(f.Links, func(l rightful.Link) bool { return rightful.SameID(l.CompanyID, c.ID) }) ||
			slices.ContainsFunc(f.Rows, func(r rightful.SubscriptionRow) bool { return rightful.SameID(r.CompanyID, c.ID) })
	})
	return bound && !slices.ContainsFunc(f.namers[f.CompanyID], func(v *voice) bool { return !strings.HasPrefix(v.id, "user:") })
}

// tally counts what the voices say, once, so that judging each of a family's
// many objects does not walk through all its voices again.
func (f *family) tally() {
	f.saidBy, f.namers = map[string]int{}, map[string][]*voice{}
	f.byID = map[string]*voice{}
	named := map[string]bool{}
	for _, v := range f.voices {
		f.byID[v.id] = v
		for _, c := range v.said {
			f.saidBy[c]++
		}
		for _, c := range v.says {
			named[c] = true
		}
		if c := v.names(); c != "" {
			f.namers[c] = append(f.namers[c], v)
		}
		if v.excludes != nil {
			f.excluders = append(f.excluders, v)
		}
	}
	f.Named = slices.Sorted(maps.Keys(named))
}

// prevailing returns the one company that the votes carry, or "".
func (f *family) prevailing() string {
	wins := func(company string) bool { return f.origins(company) >= 2 && !f.excluded(company) }
	switch len(f.Named) {
	case 1:
		if only := f.Named[0]; len(f.namers[only]) >= 2 || !f.excluded(only) {
			return only
		}
	case 2:
		for i, company := range f.Named {
			other := f.Named[1-i]
			if wins(company) && len(f.namers[other]) == 1 && !f.deliberate(other) {
				return company
			}
		}
	}
	return ""
}

// origins counts the voices for a company. A link or row that names the survivor
// of a merge followed the same stamp as the merge record does: together they are one.
func (f *family) origins(company string) int {
	n, database, merge := 0, false, false
	for _, v := range f.namers[company] {
		switch {
		case strings.HasPrefix(v.id, "database:"):
			database = true
		case strings.HasPrefix(v.id, "merge:"):
			merge = true
		default:
			n++
		}
	}
	if database || merge {
		n++
	}
	return n
}

// deliberate reports whether a voice for the company holds a stamp and a link
// or row that agree: two places that were written at different times.
func (f *family) deliberate(company string) bool {
	return slices.ContainsFunc(f.namers[company], func(v *voice) bool {
		stamped := slices.ContainsFunc(v.parts, func(s rightful.Signal) bool { return strings.HasPrefix(s.Place, "stripe:") })
		return v.database && stamped
	})
}

// dissent reports whether a voice names another live company than this. Of the
// voice under repair only the wrong value itself is forgiven; nil forgives none.
func (f *family) dissent(company, underRepair string, wrong *rightful.Company) bool {
	others := 0
	for c, n := range f.saidBy {
		if c != company {
			others += n
		}
	}
	if v := f.byID[underRepair]; v != nil && wrong != nil {
		if id := rightful.CanonicalID(wrong.ID); id != company && slices.Contains(v.said, id) {
			others--
		}
	}
	return others > 0
}

// inDatabase reports whether a link or row names another company than this.
func (f *family) inDatabase(other string) bool {
	for c, voices := range f.namers {
		if c != other && slices.ContainsFunc(voices, func(v *voice) bool { return v.database }) {
			return true
		}
	}
	return false
}

// settle hears voices whose own parts disagree: such a voice speaks only for
// the one value that another voice names too.
func (f *family) settle() {
	named := map[string]bool{}
	for _, v := range f.voices {
		named[v.names()] = true
	}
	for _, v := range f.voices {
		v.said = v.says
	}
	for _, v := range f.voices {
		if len(v.says) < 2 {
			continue
		}
		var agreed []string
		for _, c := range v.says {
			if named[c] {
				agreed = append(agreed, c)
			}
		}
		if len(agreed) == 1 {
			v.says = agreed
		}
	}
}

// excluded reports whether some voice knows that the company is wrong.
func (f *family) excluded(company string) bool {
	return slices.ContainsFunc(f.excluders, func(v *voice) bool { return v.excludes(company) })
}

// opposed reports whether some voice speaks for another live company, or knows
// this one to be wrong.
func (f *family) opposed(company string) bool {
	return f.excluded(company) || f.dissent(company, "", nil)
}

// anchor returns the company that the database ties to a contested family: the
// side whose contradiction is worth reporting. Empty when there is none.
func (j *judge) anchor(f *family) string {
	if linker := j.linker(f); linker != "" {
		return linker
	}
	var rowed []string
	for _, r := range f.Rows {
		rowed = append(rowed, r.CompanyID)
	}
	return j.onlyLive(rowed)
}

// linker returns the one live company that links the family's customer, or "".
func (j *judge) linker(f *family) string { return j.onlyLive(j.linkers(f)) }

// onlyLive returns the one live company among ids, or "".
func (j *judge) onlyLive(ids []string) string {
	only := ""
	for _, id := range ids {
		switch {
		case !j.live(id):
		case only == "":
			only = rightful.CanonicalID(id)
		case only != rightful.CanonicalID(id):
			return ""
		}
	}
	return only
}

// Evidence of one finding is bounded: a customer may have a hundred thousand
// objects that all say the same. The parts of a voice agree, so its first ones
// speak for the rest.
const (
	evidencePerVoice = 8
	evidenceInAll    = 50
)

// deciding returns the statements that carry the company, corroboration last.
func (f *family) deciding(company string) []rightful.Signal {
	out := evidence(f.namers[company])
	for _, m := range f.mails {
		if m.Says == company {
			out = append(out, m)
		}
	}
	return out
}

// everything returns what was heard of a family that nobody prevails in.
func (f *family) everything() []rightful.Signal {
	out := evidence(f.voices)
	for _, rest := range [][]rightful.Signal{f.heard, f.mails} {
		out = append(out, rest[:min(len(rest), evidencePerVoice)]...)
	}
	return out
}

func evidence(voices []*voice) []rightful.Signal {
	var out []rightful.Signal
	for _, v := range voices {
		if len(out) >= evidenceInAll {
			break
		}
		out = append(out, v.parts[:min(len(v.parts), evidencePerVoice)]...)
	}
	return out
}
