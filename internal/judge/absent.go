package judge

import (
	"fmt"

	"rightful"
)

// lookElsewhere turns the finding of a missing stamp into a more telling one where
// something says what became of it: an event that it was removed (RF109), a key
// that looks like the right one (RF108).
func (j *judge) lookElsewhere(finding *rightful.Finding, o rightful.Object, company string) {
	if e, value := j.removed(o); value != "" {
		finding.Code = rightful.CodeStampRemoved
		finding.WrongValue = nil
		finding.Message = fmt.Sprintf("%s carries no %s, and it was %q until event %s.", o.ID, j.rules.Keys.Company, value, e.ID)
		finding.Evidence = append(finding.Evidence, j.removedSignal(e, value))
		j.contradicted(finding, value, company)
		return
	}
	if key, value := j.nearStamp(o); value != "" {
		finding.Code = rightful.CodeStampOtherKey
		finding.WrongValue = ptr(value)
		finding.Message = fmt.Sprintf("%s carries no %s, and %s says %q.", o.ID, j.rules.Keys.Company, key, value)
		finding.Evidence = append(finding.Evidence, rightful.Signal{
			Place: fmt.Sprintf("stripe:%s/%s.metadata.%s", o.Type, o.ID, key), Says: value,
			Voice: "near:" + o.ID, Strength: rightful.Suspicion, AsOf: o.Created,
		})
		j.contradicted(finding, value, company)
	}
}

// contradicted takes the automatic from a finding where what stands elsewhere
// names another live company.
func (j *judge) contradicted(finding *rightful.Finding, value, company string) {
	if c := j.stamped(value); finding.Automatic && c != nil && c.Live() && !rightful.SameID(c.ID, company) {
		finding.Automatic = false
		finding.Why = fmt.Sprintf("what stood there names company %s: a person decides", c.ID)
	}
}

// removed returns the latest event that took the stamp from an object, and what it
// was.
func (j *judge) removed(o rightful.Object) (e rightful.Event, value string) {
	if j.replaced == nil {
		j.replaced = map[string][]rightful.Event{}
		for _, e := range j.sit.Events {
			if len(e.Previous) > 0 {
				j.replaced[e.ObjectID] = append(j.replaced[e.ObjectID], e)
			}
		}
	}
	for _, at := range j.replaced[o.ID] {
		if v := Stamp(rightful.Object{Metadata: at.Previous}, j.rules.Keys); v != "" && at.Created > e.Created {
			e, value = at, v
		}
	}
	return e, value
}

func (j *judge) removedSignal(e rightful.Event, value string) rightful.Signal {
	return rightful.Signal{
		Place: "stripe:event/" + e.ID + ".previous_attributes.metadata." + j.rules.Keys.Company, Says: value,
		Voice: "removed:" + e.ObjectID, Strength: rightful.Corroborates, AsOf: e.Created,
	}
}

// hearRemoved hears what stood on objects whose stamp was removed. It corroborates
// the company that links the customer. Where no link stands, somebody may have
// taken both away on purpose.
func (j *judge) hearRemoved(f *family) {
	if len(j.sit.Events) == 0 {
		return
	}
	for _, o := range f.speaking() {
		if !j.demanded(o) || j.stampValue(o) != "" {
			continue
		}
		e, value := j.removed(o)
		if c := j.stamped(value); c != nil && c.Live() {
			id := rightful.CanonicalID(c.ID)
			s := j.removedSignal(e, value)
			s.Says = id
			f.restored = append(f.restored, id)
			f.mails = append(f.mails, s)
		}
	}
}

// nearStamp returns a metadata key that looks like the right one and holds a
// company's id, the first in order.
func (j *judge) nearStamp(o rightful.Object) (key, value string) {
	for _, key := range sortedKeys(o.Metadata) {
		if v := o.Metadata[key]; j.rules.Keys.Near(key) && j.stamped(v) != nil {
			return key, v
		}
	}
	return "", ""
}

// checkOtherKeys reports stamps that stand under a key that is only read beside
// the right one, where a stamp is demanded; and objects on which the two keys name
// different companies: RF108.
func (j *judge) checkOtherKeys() {
	for _, f := range j.families {
		if f.owner != ours {
			continue
		}
		for _, o := range f.Objects() {
			value, key := j.stampOf(o)
			if !j.demanded(o) || value == "" {
				continue
			}
			company := j.companyFor(f, o)
			own := j.stamped(value)
			other := j.otherKey(f, o)
			if other != "" && own != nil && rightful.SameID(own.ID, j.stamped(o.Metadata[other]).ID) {
				other = "" // both keys say the same, right or wrong
			}
			switch {
			case key == j.rules.Keys.Company && other == "":
				continue
			case other == "" && (own == nil || !own.Live() || company == "" || !rightful.SameID(own.ID, company)):
				continue // the value itself is the question, and has a finding of its own
			}
			finding := j.on(rightful.CodeStampOtherKey, o.Ref(), j.company(company))
			finding.Evidence = append([]rightful.Signal{j.stampSignal(o, j.voiceOf(f, o), rightful.Strong)}, f.evidenceOf()...)
			finding.Amount = j.amountOf(f, o)
			if o.ID != f.StripeCustomerID {
				finding.Also = []string{f.StripeCustomerID}
			}
			if other != "" {
				finding.WrongValue = ptr(o.Metadata[other])
				finding.Message = fmt.Sprintf("%s says %q under %s and %q under %s.", o.ID, value, key, o.Metadata[other], other)
				finding.Why = "two keys name different companies: a person decides which one the app should read"
			} else {
				finding.Severity = rightful.SeverityInfo // the configuration knows the key
				finding.Message = fmt.Sprintf("%s carries its company under %s and not under %s.", o.ID, key, j.rules.Keys.Company)
				finding.Proposal = j.stampProposal(company, o)
				finding.Automatic, finding.Why = j.restamp(f, o, nil)
			}
			j.report(finding)
		}
	}
}

// demanded reports whether an object must carry a stamp: a customer that a live
// company links, a live subscription, a settled session.
func (j *judge) demanded(o rightful.Object) bool {
	if o.Type != rightful.TypeCustomer {
		return o.LiveSubscription() || o.SettledSession()
	}
	for _, c := range j.linkedBy[o.ID] {
		if j.live(c) && !o.Deleted {
			return true
		}
	}
	return false
}
