package judge

import (
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

	votes := map[string]int{}
	split := false
	for _, v := range f.voices {
		f.Signals = append(f.Signals, v.parts...)
		split = split || len(v.says) > 1
		for _, c := range v.says {
			if !slices.Contains(f.Named, c) {
				f.Named = append(f.Named, c)
			}
		}
		if c := v.names(); c != "" {
			votes[c]++
		}
	}
	f.Signals = append(f.Signals, f.heard...)
	f.Signals = append(f.Signals, f.mails...)
	slices.Sort(f.Named)
	if len(f.Named) == 0 {
		return
	}
	f.CompanyID = f.prevailing(votes)
	f.Contested = split || f.CompanyID == ""
	if f.Contested {
		f.CompanyID = ""
		return
	}
	f.Voices = votes[f.CompanyID]
	f.carried = f.Voices >= 2 || f.backing[f.CompanyID]
}

// prevailing returns the one company that the votes carry, or "".
func (f *family) prevailing(votes map[string]int) string {
	wins := func(company string) bool { return votes[company] >= 2 && !f.excluded(company) }
	switch len(f.Named) {
	case 1:
		if only := f.Named[0]; votes[only] >= 2 || !f.excluded(only) {
			return only
		}
	case 2:
		for i, company := range f.Named {
			other := f.Named[1-i]
			if wins(company) && votes[other] == 1 && !f.deliberate(other) {
				return company
			}
		}
	}
	return ""
}

// deliberate reports whether a voice for the company holds a stamp and a link
// or row that agree: two places that were written at different times.
func (f *family) deliberate(company string) bool {
	return slices.ContainsFunc(f.voices, func(v *voice) bool {
		stamped := slices.ContainsFunc(v.parts, func(s rightful.Signal) bool { return strings.HasPrefix(s.Place, "stripe:") })
		return v.names() == company && v.database && stamped
	})
}

// dissent reports whether a voice other than the one under repair names another
// live company.
func (f *family) dissent(company, underRepair string) bool {
	return slices.ContainsFunc(f.voices, func(v *voice) bool {
		return v.id != underRepair && slices.ContainsFunc(v.says, func(c string) bool { return c != company })
	})
}

// inDatabase reports whether a link or row names another company than this.
func (f *family) inDatabase(other string) bool {
	return slices.ContainsFunc(f.voices, func(v *voice) bool {
		return v.database && v.names() != "" && v.names() != other
	})
}

// settle hears voices whose own parts disagree: such a voice speaks only for
// the one value that another voice names too.
func (f *family) settle() {
	for _, v := range f.voices {
		if len(v.says) < 2 {
			continue
		}
		var agreed []string
		for _, c := range v.says {
			other := func(o *voice) bool { return o != v && o.names() == c }
			if slices.ContainsFunc(f.voices, other) {
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
	return slices.ContainsFunc(f.voices, func(v *voice) bool {
		return v.excludes != nil && v.excludes(company)
	})
}

// opposed reports whether some voice other than those that name the company
// speaks for another live one, or knows this one to be wrong.
func (f *family) opposed(company string) bool {
	return f.excluded(company) || slices.ContainsFunc(f.voices, func(v *voice) bool {
		return slices.ContainsFunc(v.says, func(c string) bool { return c != company })
	})
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
func (j *judge) linker(f *family) string { return j.onlyLive(j.linkedBy[f.StripeCustomerID]) }

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
	var out []rightful.Signal
	for _, v := range f.voices {
		if v.names() == company {
			out = append(out, v.parts[:min(len(v.parts), evidencePerVoice)]...)
		}
	}
	for _, m := range f.mails {
		if m.Says == company {
			out = append(out, m)
		}
	}
	return out[:min(len(out), evidenceInAll)]
}

// everything returns what was heard of a family that nobody prevails in.
func (f *family) everything() []rightful.Signal {
	var out []rightful.Signal
	for _, v := range f.voices {
		out = append(out, v.parts[:min(len(v.parts), evidencePerVoice)]...)
	}
	for _, rest := range [][]rightful.Signal{f.heard, f.mails} {
		out = append(out, rest[:min(len(rest), evidencePerVoice)]...)
	}
	return out[:min(len(out), evidenceInAll)]
}
