package judge

import "rightful"

// What others ask about a single object is answered here, as findings answer it.

// Monthly returns what a live subscription brings in each month; nil when it is
// not live or its price is not known.
func Monthly(subscription rightful.Object) *rightful.Amount { return monthly(subscription) }

// WritesStamp reports whether a current or future phase of a schedule carries the
// company's key, whatever it holds: it would write over every stamp.
func WritesStamp(sit *rightful.Situation, rules Rules, schedule rightful.Object) bool {
	j := &judge{index: &index{sit: sit}, rules: rules}
	return j.writesStamp(schedule)
}
