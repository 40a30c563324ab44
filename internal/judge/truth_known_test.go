package judge_test

import (
	"slices"

	"rightful"
	"rightful/test/truth"
)

// What the worlds have shown and the judge does not do yet. Each line goes when
// its rule is there.

// knownAlarm reports a finding in a healthy world that should not be.
func knownAlarm(w *truth.World, f rightful.Finding) bool {
	switch f.Code {
	case rightful.CodeStampOther: // one customer for all companies of a user holds the first one's stamp
		return w.App.Customers == truth.PerUser && w.App.StampFirst && f.Object.Type == string(rightful.TypeCustomer)
	case rightful.CodeLinkAdopted: // whoever belonged to a merged company belonged to its survivor
		return slices.ContainsFunc(w.Companies, func(c *rightful.Company) bool { return c.MergedInto != "" })
	}
	return false
}

// knownUndone reports a repair that does not remove its finding.
func knownUndone(w *truth.World, f rightful.Finding) bool {
	// Where a link stands in the table too, clearing the column is not enough.
	return f.Code == rightful.CodeLinkDeleted && w.App.Link == truth.LinkBoth
}
