package stripesim

import (
	"slices"
	"strings"
)

// currencies are what Stripe charges in: the constants of stripe-go without
// those that are no longer in use, and the ones that Stripe docs (currencies)
// list beside them.
var currencies = strings.Fields(`
aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop
crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd jod
jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio
nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd
top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
`)

// checkCurrency accepts a currency of Stripe in any case and returns it in
// lower case, as Stripe answers it.
func checkCurrency(s, full string) (string, *apiError) {
	code := strings.ToLower(s)
	if !slices.Contains(currencies, code) {
		return "", invalid("", full, "Invalid currency: %s. Stripe currently supports these currencies: %s", shorten(s), strings.Join(currencies, ", "))
	}
	return code, nil
}
