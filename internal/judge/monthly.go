package judge

import "rightful"

// Monthly returns what a live subscription brings in each month, as findings
// count it; nil when it is not live or its price is not known.
func Monthly(subscription rightful.Object) *rightful.Amount { return monthly(subscription) }
