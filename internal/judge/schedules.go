package judge

import (
	"fmt"
	"slices"

	"rightful"
)

// scheduled reports whether the family's schedules were read as far as one for
// this subscription is among them.
func (f *family) scheduled(subscription string) bool {
	return slices.ContainsFunc(f.Schedules, func(s rightful.Object) bool { return s.SubscriptionID == subscription })
}

// pending returns the phases of a schedule that Stripe has yet to write, the
// present one included: it is written again when it is edited or released.
func (j *judge) pending(s rightful.Object) []rightful.Phase {
	if s.Status != "not_started" && s.Status != "active" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Phases), func(p rightful.Phase) bool { return p.End != 0 && p.End <= j.sit.Now })
}

// phaseStamp returns the company id that a phase writes, or "".
func (j *judge) phaseStamp(p rightful.Phase) string {
	return Stamp(rightful.Object{Metadata: p.Metadata}, j.rules.Keys)
}

// writesStamp reports whether a phase of the schedule carries the company's key,
// whatever it holds, be it nothing, which removes the stamp: it stands in the way of
// every repair.
func (j *judge) writesStamp(s rightful.Object) bool {
	keys := append([]string{j.rules.Keys.Company}, j.rules.Keys.AlsoRead...)
	return slices.ContainsFunc(j.pending(s), func(p rightful.Phase) bool {
		return slices.ContainsFunc(keys, func(key string) bool { _, carries := p.Metadata[key]; return carries })
	})
}

// checkSchedules reports phases that will write another company than the one that
// the subscription belongs to: RF111.
func (j *judge) checkSchedules() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, s := range f.Schedules {
			j.checkSchedule(f, s)
		}
	}
}

func (j *judge) checkSchedule(f *family, s rightful.Object) {
	company := f.CompanyID
	if sub, ok := j.subs[s.SubscriptionID]; ok {
		company = j.companyFor(f, sub.Object)
	}
	for _, p := range j.pending(s) {
		stamp := j.phaseStamp(p)
		c := j.stamped(stamp)
		switch {
		case stamp == "", c != nil && c.Live() && (company == "" || rightful.SameID(c.ID, company)):
			continue
		case c != nil && !c.Live() && company == "":
			continue // of a company that is gone: RF601 reports what it pays
		case f.CompanyID != "" && company == "":
			continue // a person decides whose the purchase is
		}
		finding := j.on(rightful.CodeScheduleStamp, s.Ref(), j.company(company))
		finding.Message = fmt.Sprintf("a phase of %s will write company %q into its subscription.", s.ID, stamp)
		if company != "" {
			finding.Message += " " + j.whose(company)
		}
		finding.WrongValue = ptr(stamp)
		finding.Also = []string{s.SubscriptionID, f.StripeCustomerID}
		finding.Evidence = append([]rightful.Signal{{
			Place: "stripe:subscription_schedule/" + s.ID + ".phases.metadata", Says: stamp,
			Voice: "schedule:" + s.ID, Strength: rightful.Suspicion, AsOf: p.Start,
		}}, f.evidenceOf()...)
		finding.Why = "the phases of a schedule say what will be billed: a person edits them"
		j.report(finding)
		return
	}
}
