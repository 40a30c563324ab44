package judge

import (
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// Explain rules on each explanation of an incident: whether it holds for the
// situation, from the evidence alone. The situation is one that was read around
// a subject, and findings are those that concern it.
func Explain(sit *rightful.Situation, rules Rules, about rightful.Subject, v Verdict) []rightful.Explanation {
	e := &explainer{judge: &judge{index: newIndex(sit, rules), rules: rules}, about: about, verdict: v}
	return []rightful.Explanation{e.metadata(), e.database(), e.cache(), e.deploy()}
}

type explainer struct {
	*judge
	about   rightful.Subject
	verdict Verdict
}

// ruledIn returns the explanation ruled in by findings, or nil if there are
// none.
func (e *explainer) ruledIn(name rightful.ExplanationName, proves func(rightful.Finding) bool) *rightful.Explanation {
	x := &rightful.Explanation{Name: name, Ruling: rightful.RuledIn}
	var first rightful.Finding
	n := 0
	for _, f := range slices.Concat(e.verdict.Findings, e.verdict.Muted) {
		if !proves(f) {
			continue
		}
		if n++; n == 1 {
			first = f
		}
		x.Findings = append(x.Findings, f.ID)
		x.Evidence = append(x.Evidence, f.Evidence...)
	}
	if n == 0 {
		return nil
	}
	x.Because = strings.TrimSuffix(first.Message, ".")
	if n > 1 {
		x.Because += fmt.Sprintf(" (and %d more)", n-1)
	}
	x.Evidence = distinct(x.Evidence)
	return x
}

// explains reports whether the finding's code rules the explanation in.
func explains(f rightful.Finding, name rightful.ExplanationName) bool {
	info, _ := rightful.CodeNamed(f.Code)
	return info.Explains == name
}

func cannotTell(name rightful.ExplanationName, because, todo string) rightful.Explanation {
	return rightful.Explanation{Name: name, Ruling: rightful.CannotTell, Because: because, Todo: todo, Findings: []string{}, Evidence: []rightful.Signal{}}
}

func ruledOut(name rightful.ExplanationName, because string, evidence []rightful.Signal) rightful.Explanation {
	return rightful.Explanation{Name: name, Ruling: rightful.RuledOut, Because: because, Findings: []string{}, Evidence: distinct(evidence)}
}

// metadata: a stamp names another company than the one its object belongs to.
func (e *explainer) metadata() rightful.Explanation {
	name := rightful.StaleMetadata
	contested := ""
	x := e.ruledIn(name, func(f rightful.Finding) bool {
		switch {
		case f.Code != rightful.CodeStampOther && f.Code != rightful.CodeLinkStampSplit:
			return explains(f, name)
		case f.WrongValue == nil: // the stamp is no stale one: it was right, or who bought is the question
			return false
		case f.RightfulCompanyID == nil: // a live company is named: perhaps the right one
			contested = f.Message
			return false
		}
		return explains(f, name) || rightful.SameID(*f.RightfulCompanyID, deref(f.CompanyID))
	})
	var stamps []rightful.Signal
	objects := 0
	for i, f := range e.sit.Families {
		if a := e.verdict.Attributions[i]; a.Contested && contested == "" {
			contested = fmt.Sprintf("whose %s is, is contested between %s", f.Key, strings.Join(a.Named, " and "))
		}
		for _, o := range f.Objects() {
			objects++
			if s := e.stampSignal(o, "stamp", rightful.Strong); s.Says != "" && counts(o) {
				stamps = append(stamps, s)
			}
		}
	}
	switch {
	case x != nil:
		return *x
	case e.sit.StripeUnread != "":
		return cannotTell(name, "Stripe could not be read: "+e.sit.StripeUnread, "make Stripe readable and ask again")
	case objects == 0:
		return cannotTell(name, "no Stripe objects were found", "name a customer, session or subscription id, or run rightful audit")
	case contested != "":
		return cannotTell(name, strings.TrimSuffix(contested, "."), "find out which side is right: the evidence names both")
	case len(stamps) == 0:
		return ruledOut(name, "no stamp names any company", nil)
	}
	return ruledOut(name, fmt.Sprintf("all %d stamps agree with the company they belong to", len(stamps)), stamps)
}

// database: the ways of getting the company disagree, or a link or row
// contradicts the other voices, or the resolver's company is missing or dead.
func (e *explainer) database() rightful.Explanation {
	name := rightful.DatabaseInconsistency
	x := e.ruledIn(name, func(f rightful.Finding) bool {
		if f.Code == rightful.CodeLinkStampSplit { // unless the stamp alone is wrong
			return f.RightfulCompanyID == nil || !rightful.SameID(*f.RightfulCompanyID, deref(f.CompanyID))
		}
		return explains(f, name)
	})
	if x != nil {
		return *x
	}
	if said := e.contradicted(); len(said) > 0 {
		return rightful.Explanation{
			Name: name, Ruling: rightful.RuledIn, Findings: []string{}, Evidence: distinct(said),
			Because: "a link or row contradicts the other voices, and none prevails",
		}
	}
	if e.sit.Mapping.Resolver == rightful.ResolverNone {
		return cannotTell(name, "no resolver is configured, and no column to default to is mapped",
			"set directory.resolve to direct, owner, membership or your own query with :user_id")
	}
	var said []rightful.Signal
	var companies []string
	for _, id := range e.about.Users {
		w := e.waysNow(id)
		said = append(said, e.waySignals(id, w)...)
		companies = append(companies, w.All()...)
	}
	slices.Sort(companies)
	companies = slices.Compact(companies)
	switch {
	case len(e.about.Users) == 0 && len(e.about.Companies) == 0:
		return cannotTell(name, "no user and no company of the database is named", "name a user: rightful investigate EMAIL")
	case len(companies) == 0:
		return ruledOut(name, "no link or row contradicts the other voices", said)
	case len(companies) == 1:
		return ruledOut(name, "every way names company "+e.name(companies[0])+", and no link or row contradicts", said)
	}
	return ruledOut(name, "the ways name companies "+strings.Join(companies, ", ")+", all of them allowed, and no link or row contradicts", said)
}

// contradicted returns what is said of a contested family in which a link or row
// names another live company than a voice that is neither.
func (e *explainer) contradicted() []rightful.Signal {
	for i := range e.sit.Families {
		a := e.verdict.Attributions[i]
		if !a.Contested {
			continue
		}
		database, others := map[string]bool{}, map[string]bool{}
		for _, s := range a.Signals {
			fromDatabase := strings.HasPrefix(s.Place, "db:companies/") && strings.HasSuffix(s.Place, ".stripe_customer_id") || strings.HasPrefix(s.Place, "db:subscriptions/")
			c := e.company(s.Says)
			if !fromDatabase && !strings.HasPrefix(s.Place, "db:") {
				c = e.stamped(s.Says)
			}
			switch {
			case s.Strength != rightful.Strong || c == nil || !c.Live():
			case fromDatabase:
				database[c.ID] = true
			default:
				others[c.ID] = true
			}
		}
		for id := range database {
			if len(others) > 0 && !others[id] {
				return a.Signals[:min(len(a.Signals), evidenceInAll)]
			}
		}
	}
	return nil
}

// cache: a cached value is outside what the database allows for its key.
func (e *explainer) cache() rightful.Explanation {
	name := rightful.StaleCache
	if x := e.ruledIn(name, func(f rightful.Finding) bool { return explains(f, name) }); x != nil {
		return *x
	}
	var said []rightful.Signal
	for _, c := range e.sit.Cache {
		if c.Undecodable != "" {
			return cannotTell(name, "cache key "+c.Key+" cannot be decoded: "+c.Undecodable,
				"set decode for the pattern "+c.Pattern+" under cache.keys")
		}
		said = append(said, rightful.Signal{Place: "cache:" + c.Key, Says: c.Value, Voice: "cache:" + c.Key, Strength: rightful.Suspicion, AsOf: e.sit.Now})
	}
	switch {
	case e.sit.CacheUnread != "":
		return cannotTell(name, "the cache could not be read: "+e.sit.CacheUnread, "make the cache reachable and ask again")
	case !e.sit.CacheConfigured:
		return cannotTell(name, "no cache is configured", "set cache.url and cache.keys")
	case len(said) == 0:
		return ruledOut(name, "no configured key holds a value", nil)
	}
	return ruledOut(name, fmt.Sprintf("every cached value agrees with the database (%d read)", len(said)), said)
}

// deploy: the running app answers another company than the resolver over the
// database, or is another revision than expected.
func (e *explainer) deploy() rightful.Explanation {
	name := rightful.DeployNotApplied
	x := e.ruledIn(name, func(f rightful.Finding) bool { return explains(f, name) })
	p := e.sit.Probe
	switch {
	case x != nil:
		return *x
	case e.sit.ProbeUnread != "":
		return cannotTell(name, "the running app could not be asked: "+e.sit.ProbeUnread, "make the app's probe reachable and ask again")
	case p == nil:
		return cannotTell(name, "no probe of the running app is configured", "set resolver_probe.url or resolver_probe.command")
	case e.sit.Mapping.Resolver == rightful.ResolverNone:
		return cannotTell(name, "no resolver is configured to compare the app with", "set directory.resolve")
	}
	var said []rightful.Signal
	for _, id := range e.about.Users {
		a, asked := p.Users[rightful.CanonicalID(id)]
		switch {
		case !asked:
			continue
		case a.Failed != "":
			return cannotTell(name, "the running app gave no answer for user "+id+": "+a.Failed, "check resolver_probe.url and resolver_probe.json")
		}
		said = append(said, rightful.Signal{Place: "app:users/" + id, Says: a.CompanyID, Voice: "app", Strength: rightful.Strong, AsOf: e.sit.Now})
	}
	compared := p.Revision != "" && p.ExpectedRevision != ""
	if compared {
		said = append(said, rightful.Signal{Place: "app:revision", Says: p.Revision, Voice: "app", Strength: rightful.Strong, AsOf: e.sit.Now})
	}
	switch {
	case len(said) == 0:
		return cannotTell(name, "the running app was asked about no user", "name a user, or set resolver_probe.expect_revision")
	case !compared:
		return ruledOut(name, "the running app answers as the resolver does (its revision was not compared)", said)
	}
	return ruledOut(name, "the running app answers as the resolver does, at the expected revision", said)
}
