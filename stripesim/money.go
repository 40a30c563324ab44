package stripesim

import (
	"fmt"
	"slices"
	"strings"
)

// Currencies without minor units, and those with three digits of them (Stripe
// docs: currencies).
var (
	wholeCurrencies    = strings.Fields("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf")
	thousandCurrencies = strings.Fields("bhd jod kwd omr tnd")
)

// money writes an amount of minor units for people: "USD 12.00".
func money(minor int64, currency string) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	code := strings.ToUpper(currency)
	switch currency = strings.ToLower(currency); {
	case slices.Contains(wholeCurrencies, currency):
		return fmt.Sprintf("%s %s%d", code, sign, minor)
	case slices.Contains(thousandCurrencies, currency):
		return fmt.Sprintf("%s %s%d.%03d", code, sign, minor/1000, minor%1000)
	}
	return fmt.Sprintf("%s %s%d.%02d", code, sign, minor/100, minor%100)
}

// perPeriod is how often a price is paid, " every month" or "" for once.
func perPeriod(price *object) string {
	rhythm := price.child("recurring")
	if rhythm == nil {
		return ""
	}
	interval, n := orElse(rhythm.str("interval"), "month"), max(1, rhythm.int("interval_count"))
	if n > 1 {
		return fmt.Sprintf(" every %d %ss", n, interval)
	}
	return " every " + interval
}
