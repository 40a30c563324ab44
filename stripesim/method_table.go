package stripesim

import "strings"

// testMethod is one of Stripe's test payment methods: what it looks like and
// what happens when it is saved and charged (Stripe docs: testing).
type testMethod struct {
	kind    string // "card" or "us_bank_account"
	brand   string
	last4   string
	country string
	funding string
	// onAttach is why the method is refused when it is saved for a customer.
	onAttach *decline
	// onCharge is why it is refused when it is charged.
	onCharge *decline
	asks     asking
	// delayed methods are processing until the bank has answered.
	delayed bool
}

// asking says when a method wants its owner to authenticate.
type asking uint8

const (
	// asksAlways: every payment and every setup.
	asksAlways asking = iota + 1
	// asksUntilSetUp: as asksAlways, but once it has been set up, payments
	// without the customer go through.
	asksUntilSetUp
	// asksPresent: only a customer who is present; the method counts as set up.
	asksPresent
)

// decline is the error that a refused method gives.
type decline struct {
	code        string
	declineCode string // "" where Stripe docs (testing) give none
	message     string
	param       string
	blocked     bool // by Stripe's own rules, before the bank was asked
}

const declinedMessage = "Your card was declined."

var (
	declinedGeneric  = &decline{code: "card_declined", declineCode: "generic_decline", message: declinedMessage}
	declinedFunds    = &decline{code: "card_declined", declineCode: "insufficient_funds", message: "Your card has insufficient funds."}
	declinedLost     = &decline{code: "card_declined", declineCode: "lost_card", message: declinedMessage}
	declinedStolen   = &decline{code: "card_declined", declineCode: "stolen_card", message: declinedMessage}
	declinedFraud    = &decline{code: "card_declined", declineCode: "fraudulent", message: declinedMessage}
	declinedVelocity = &decline{code: "card_declined", declineCode: "card_velocity_exceeded",
		message: "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."}
	declinedExpired    = &decline{code: "expired_card", message: "Your card has expired.", param: "exp_month"}
	declinedCvc        = &decline{code: "incorrect_cvc", message: "Your card's security code is incorrect.", param: "cvc"}
	declinedProcessing = &decline{code: "processing_error", message: "An error occurred while processing your card. Try again in a little bit."}
	declinedByRadar    = &decline{code: "card_declined", declineCode: "fraudulent", message: declinedMessage, blocked: true}
	// declinedAbsent is for a method that asks, while nobody is there to answer
	// (Stripe docs: declines/codes).
	declinedAbsent = &decline{code: "authentication_required", declineCode: "authentication_required",
		message: "Your card was declined. This transaction requires authentication."}
)

// testMethods are those of Stripe's test payment methods that are modelled.
// Ids that Stripe has and this table has not, such as pm_card_createDispute,
// are refused like unknown ones: a payment method that did something else than
// its name says would prove nothing.
var testMethods = func() map[string]testMethod {
	all := map[string]testMethod{
		"pm_card_visa":               {last4: "4242"},
		"pm_card_visa_debit":         {last4: "5556", funding: "debit"},
		"pm_card_mastercard":         {brand: "mastercard", last4: "4444"},
		"pm_card_mastercard_debit":   {brand: "mastercard", last4: "8210", funding: "debit"},
		"pm_card_mastercard_prepaid": {brand: "mastercard", last4: "5100", funding: "prepaid"},
		"pm_card_amex":               {brand: "amex", last4: "8431"},
		"pm_card_discover":           {brand: "discover", last4: "1117"},
		"pm_card_diners":             {brand: "diners", last4: "0004"},
		"pm_card_jcb":                {brand: "jcb", last4: "0505", country: "JP"},
		"pm_card_unionpay":           {brand: "unionpay", last4: "0005", country: "CN"},

		"pm_card_chargeDeclined":                           refusing("0002", declinedGeneric),
		"pm_card_visa_chargeDeclined":                      refusing("0002", declinedGeneric),
		"pm_card_chargeDeclinedInsufficientFunds":          refusing("9995", declinedFunds),
		"pm_card_visa_chargeDeclinedInsufficientFunds":     refusing("9995", declinedFunds),
		"pm_card_chargeDeclinedLostCard":                   refusing("9987", declinedLost),
		"pm_card_visa_chargeDeclinedLostCard":              refusing("9987", declinedLost),
		"pm_card_chargeDeclinedStolenCard":                 refusing("9979", declinedStolen),
		"pm_card_visa_chargeDeclinedStolenCard":            refusing("9979", declinedStolen),
		"pm_card_chargeDeclinedExpiredCard":                refusing("0069", declinedExpired),
		"pm_card_chargeDeclinedIncorrectCvc":               refusing("0127", declinedCvc),
		"pm_card_chargeDeclinedProcessingError":            refusing("0119", declinedProcessing),
		"pm_card_chargeDeclinedFraudulent":                 refusing("0019", declinedFraud),
		"pm_card_visa_chargeDeclinedVelocityLimitExceeded": refusing("6975", declinedVelocity),
		"pm_card_chargeCustomerFail":                       {last4: "0341", onCharge: declinedGeneric},
		"pm_card_radarBlock":                               {last4: "0019", onCharge: declinedByRadar},

		"pm_card_authenticationRequired":                                {last4: "3184", asks: asksAlways},
		"pm_card_authenticationRequiredOnSetup":                         {last4: "3155", asks: asksUntilSetUp},
		"pm_card_authenticationRequiredSetupForOffSession":              {last4: "0446", asks: asksPresent},
		"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": {last4: "3178", asks: asksUntilSetUp, onCharge: declinedFunds},
		"pm_card_threeDSecure2Required":                                 {last4: "3220", asks: asksAlways},
		"pm_card_threeDSecureRequired":                                  {last4: "3063", asks: asksAlways},
		"pm_card_threeDSecureRequiredChargeDeclined":                    {last4: "1629", asks: asksAlways, onCharge: declinedGeneric},
		"pm_card_threeDSecureOptional":                                  {last4: "3055"},
		"pm_card_amex_threeDSecureNotSupported":                         {brand: "amex", last4: "0005"},

		"pm_card_bypassPending":              {last4: "0077"},
		"pm_card_bypassPendingInternational": {last4: "3725"},
		"pm_card_riskLevelElevated":          {last4: "9235"},
		"pm_card_riskLevelHighest":           {last4: "4954"},

		"pm_usBankAccount":         {kind: "us_bank_account", last4: "6789", delayed: true},
		"pm_usBankAccount_success": {kind: "us_bank_account", last4: "6789", delayed: true},
	}
	// A card of each country, named by it.
	for _, country := range strings.Fields("ar at au be bg br ca ch cl cn co cr cy cz de dk ec ee es fi fr gb gi gr hk hr hu ie in it jp li lt lu lv mt mx my nl no nz pa pe pl pt py ro se sg si sk th tw us uy") {
		all["pm_card_"+country] = testMethod{last4: "4242", country: strings.ToUpper(country)}
	}
	for name, m := range all {
		m.kind, m.brand = orElse(m.kind, "card"), orElse(m.brand, "visa")
		m.country, m.funding = orElse(m.country, "US"), orElse(m.funding, "credit")
		all[name] = m
	}
	return all
}()

// refusing is a card that can be neither saved nor charged.
func refusing(last4 string, why *decline) testMethod {
	return testMethod{last4: last4, onAttach: why, onCharge: why}
}

func orElse(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// testMethodNamed reports that an id is one of Stripe's names for test payment
// methods, and which one, if it is modelled.
func testMethodNamed(id string) (m testMethod, modelled, reserved bool) {
	m, modelled = testMethods[id]
	return m, modelled, strings.HasPrefix(id, "pm_card_") || strings.HasPrefix(id, "pm_usBankAccount")
}

// testToken is the test payment method with the card of a token: tok_visa is
// the card of pm_card_visa (Stripe docs: testing).
func testToken(token string) (name string, ok bool) {
	rest, isToken := strings.CutPrefix(token, "tok_")
	name = "pm_card_" + rest
	_, known := testMethods[name]
	return name, isToken && known
}
