package stripesim

import "time"

func unixUTC(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// addMonths adds calendar months and stays within the month it lands in:
// January 31 and one month is the last day of February, as Stripe bills.
func addMonths(t time.Time, months int) time.Time {
	day := t.Day()
	first := t.AddDate(0, 0, 1-day).AddDate(0, months, 0)
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day, lastDay)-1)
}
