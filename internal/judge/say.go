package judge

import (
	"cmp"
	"maps"
	"slices"

	"rightful"
)

// on begins a finding about something that is a company's, nil for nobody's.
func (j *judge) on(code rightful.Code, object rightful.Ref, c *rightful.Company) rightful.Finding {
	f := rightful.Finding{Code: code, Object: object}
	if c != nil {
		f.CompanyID, f.RightfulCompanyID = ptr(c.ID), ptr(c.ID)
	}
	return f
}

// quiet lowers a finding about a family whose latest payment is so young that its
// webhooks may still put it right.
func (j *judge) quiet(finding *rightful.Finding, f *family) {
	if f.young(j.sit.Now) {
		finding.Severity = rightful.SeverityInfo
		finding.Why = youngWhy
	}
}

const youngWhy = "the latest payment is younger than an hour: its own webhooks may still be writing"

// evidenceOf returns the statements that decide whose a family is, or all of them
// where none do.
func (f *family) evidenceOf() []rightful.Signal {
	if f.CompanyID == "" {
		return f.everything()
	}
	return f.deciding(f.CompanyID)
}

// stripeSays is a statement of Stripe itself: which nobody but Stripe can change.
func stripeSays(o rightful.Object, field, says string) rightful.Signal {
	return rightful.Signal{
		Place: "stripe:" + string(o.Type) + "/" + o.ID + "." + field, Says: says,
		Voice: "stripe", Strength: rightful.Strong, AsOf: o.Created,
	}
}

func payerSays(o rightful.Object) rightful.Signal {
	return stripeSays(o, "customer", o.StripeCustomerID)
}

// rowSays is a statement of a subscription row.
func (j *judge) rowSays(r rightful.SubscriptionRow, field, says string) rightful.Signal {
	return rightful.Signal{
		Place: "db:subscriptions/" + r.ID + "." + field, Says: says,
		Voice: "database:" + rightful.CanonicalID(r.CompanyID), Strength: rightful.Strong, AsOf: j.sit.Now,
	}
}

// linkSays is a statement of a link.
func (j *judge) linkSays(l rightful.Link) rightful.Signal {
	return rightful.Signal{
		Place: linkPlace(l), Says: l.StripeCustomerID,
		Voice: "database:" + rightful.CanonicalID(l.CompanyID), Strength: rightful.Strong, AsOf: j.sit.Now,
	}
}

// userValue returns the user id that the server wrote on an object, or "".
func (j *judge) userValue(o rightful.Object) string {
	if j.rules.Keys.User == "" {
		return ""
	}
	return o.Metadata[j.rules.Keys.User]
}

// sortedKeys returns a map's keys in order, so that findings come in one.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
