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
	case rightful.CodeUserNoCompany: // of a company that is gone, old payments are no money of its people
		return true
	case rightful.CodeStampDead, rightful.CodeLinkEmpty: // what is left of a deleted company belongs to no other
		return slices.ContainsFunc(w.Companies, func(c *rightful.Company) bool { return c.Deleted })
	case rightful.CodeIdleDuplicate: // nor does it make a duplicate; colleagues may have a customer each
		return w.App.Link == truth.LinkNone || slices.ContainsFunc(w.Companies, func(c *rightful.Company) bool { return c.Deleted })
	case rightful.CodeStampOther: // one customer for all companies of a user; who bought for a merged company bought for its survivor
		return w.App.Customers == truth.PerUser || slices.ContainsFunc(w.Companies, func(c *rightful.Company) bool { return c.MergedInto != "" })
	}
	return false
}

// knownWrong reports an automatic repair that should not be one.
func knownWrong(w *truth.World, f rightful.Finding) bool {
	switch f.Code {
	case rightful.CodeStampOther: // a live stamp, outvoted by whose the payer is
		return true
	case rightful.CodeLinkStampSplit, rightful.CodeLinkEmpty: // a child has no customer of its own
		return w.App.Parents
	}
	// A child's purchase that says nothing; emails and buyers as of another time;
	// a buyer of several companies whose customer nobody links.
	return w.App.Parents || w.App.Link == truth.LinkNone
}
