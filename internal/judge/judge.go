// Package judge decides. It turns a Situation into attributions (whose is this
// family?) and findings (which places disagree?). It is pure: the same
// situation and rules give the same verdict, in the same order, without a
// clock, a network or a file. One payment, one user and a whole account are
// judged by the same code.
//
// The way through it: index.go makes the situation searchable, voices.go
// collects what each origin says, attribute.go decides whose a family is, and
// each file of checks (stamps.go, links.go, ...) compares one kind of place
// with that answer. checks.go lists the checks; docs/judgement.md states the
// rules in words.
package judge

import (
	"cmp"
	"regexp"
	"slices"

	"rightful"
)

// Rules are the parts of the configuration that change a verdict.
type Rules struct {
	Keys           rightful.KeySet
	OwnershipValue string           // what Keys.Ownership holds on our objects
	Placeholders   []*regexp.Regexp // links that mean "not provisioned yet"

	// Off silences codes; Severity replaces what a code's findings have.
	Off      map[rightful.Code]bool
	Severity map[rightful.Code]rightful.Severity
}

// GracePeriod is how long, in seconds, a payment may stay unreflected before
// that is more than information. Within it nothing in its family is automatic.
const GracePeriod = 60 * 60

// BornWithin is how much older than a checkout, in seconds, a customer may be
// and still count as created by it.
const BornWithin = 10 * 60

// Verdict is everything the judge has to say about a situation.
type Verdict struct {
	Findings     []rightful.Finding     // by severity, then company, code and object
	Muted        []rightful.Finding     // what the config turned off: still true, not reported; in the same order
	Attributions []rightful.Attribution // one for each family of the situation, in its order; without Signals where it was screened
	Ownership    Ownership
	Owners       []Owner // whose application each family is, in their order
	Wanted       Wanted  // what was not read and would decide
}

// Owner says whose application a family belongs to.
type Owner string

// The owners. OwnerNobody: nothing of ours reaches the family, and no tag says that it
// is another application's.
const (
	OwnerUs     Owner = "us"
	OwnerOther  Owner = "other"
	OwnerNobody Owner = "nobody"
)

// Ownership counts families by whose application they belong to.
type Ownership struct {
	Ours      int `json:"ours"`
	Foreign   int `json:"foreign"`   // tagged as another application's
	Unreached int `json:"unreached"` // no tag, link, row or stamp of ours reaches them
}

// judge is one judgement under way.
type judge struct {
	*index
	rules    Rules
	families []*family
	findings []rightful.Finding
	muted    []rightful.Finding

	attributed map[string][]*family // canonical company id -> its families
	claimed    map[string][]*family // canonical company id -> families that a voice gives it, and that are not its own
	byCustomer map[string]*family   // customer id -> its family
	subs       map[string]homed     // subscription id -> it, and its family

	payers   map[string]bool                // companies that others are billed through; nil before it was asked
	replaced map[string][]rightful.Event    // object id -> events that replaced its metadata; nil before it was asked
	reported map[string]*[]rightful.Finding // finding id -> the list that it is in
}

// homed is an object with its family.
type homed struct {
	rightful.Object
	f *family
}

// begin hears and attributes the families of a situation.
func begin(sit *rightful.Situation, rules Rules) *judge {
	j := &judge{index: newIndex(sit, rules), rules: rules}
	for i := range sit.Families {
		j.families = append(j.families, j.newFamily(&sit.Families[i]))
	}
	j.takeRecords()
	for _, f := range j.families {
		j.attribute(f)
	}
	j.byCompany()
	return j
}

// Judge decides a situation.
func Judge(sit *rightful.Situation, rules Rules) Verdict {
	if parts, places := cut(sit, rules); parts != nil {
		return judgeParts(sit, parts, places, rules)
	}
	return judgeWhole(sit, rules)
}

func judgeWhole(sit *rightful.Situation, rules Rules) Verdict {
	j := begin(sit, rules)
	for _, check := range checks {
		check(j)
	}
	j.offer()

	v := Verdict{Findings: j.findings, Muted: j.muted}
	for _, f := range j.families {
		a := f.Attribution
		if sit.Screened {
			a.Signals = nil // there may be very many families, and nobody asks
		}
		v.Attributions = append(v.Attributions, a)
		switch f.owner {
		case ours:
			v.Ownership.Ours++
			v.Owners = append(v.Owners, OwnerUs)
		case foreign:
			v.Ownership.Foreign++
			v.Owners = append(v.Owners, OwnerOther)
		case unreached:
			v.Ownership.Unreached++
			v.Owners = append(v.Owners, OwnerNobody)
		}
	}
	v.Wanted = j.wanted()
	slices.SortStableFunc(v.Findings, compareFindings)
	slices.SortStableFunc(v.Muted, compareFindings)
	return v
}

// compareFindings orders findings for people: what hurts most first, one
// company together, and always the same way.
func compareFindings(a, b rightful.Finding) int {
	return cmp.Or(
		cmp.Compare(rank(a.Severity), rank(b.Severity)),
		cmp.Compare(deref(a.CompanyID), deref(b.CompanyID)),
		cmp.Compare(a.Code, b.Code),
		cmp.Compare(a.Object.Type, b.Object.Type),
		cmp.Compare(a.Object.ID, b.Object.ID),
	)
}

func rank(s rightful.Severity) int {
	switch s {
	case rightful.SeverityError:
		return 0
	case rightful.SeverityWarning:
		return 1
	}
	return 2
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ptr returns nil for the empty string: an absent answer in JSON is null.
func ptr(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
