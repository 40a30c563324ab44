package rightful

import "slices"

// Code names a kind of disagreement. Codes are stable: they are what people
// mute, search for and link to.
//
// RF1xx link and stamp, RF2xx duplicates and sharing, RF3xx dangling, RF4xx
// checkout and webhook, RF5xx email and security, RF6xx company and subscription
// life, RF7xx users and companies in the database, RF8xx cache and deploy, RF9xx
// environment.
type Code string

// The codes. Each has a page in docs/checks and a row in Codes.
const (
	CodeStampMissing    Code = "RF101"
	CodeStampDead       Code = "RF102"
	CodeStampOther      Code = "RF103"
	CodeLinkStampSplit  Code = "RF104"
	CodeUnstamped       Code = "RF105"
	CodeLinkEmpty       Code = "RF106"
	CodeCheckoutSplit   Code = "RF107"
	CodeStampOtherKey   Code = "RF108"
	CodeStampRemoved    Code = "RF109"
	CodeLinksDisagree   Code = "RF110"
	CodeScheduleStamp   Code = "RF111"
	CodeIdleDuplicate   Code = "RF201"
	CodeAlsoCharged     Code = "RF202"
	CodeCardElsewhere   Code = "RF203"
	CodeSharedCustomer  Code = "RF204"
	CodeLostCustomer    Code = "RF205"
	CodePaysTwice       Code = "RF206"
	CodeLinkDeleted     Code = "RF301"
	CodeLinkUnknown     Code = "RF302"
	CodeLinkPlaceholder Code = "RF303"
	CodePaidUnreflected Code = "RF401"
	CodeRowOther        Code = "RF402"
	CodeRowPayer        Code = "RF403"
	CodePayerUnlinked   Code = "RF404"
	CodeReflectedUnpaid Code = "RF405"
	CodeSuperseded      Code = "RF406"
	CodePaymentLink     Code = "RF407"
	CodeOpenSession     Code = "RF408"
	CodeMethodOther     Code = "RF409"
	CodeUserReturned    Code = "RF501"
	CodeLinkAdopted     Code = "RF502"
	CodePaidByNobody    Code = "RF503"
	CodeTypedReference  Code = "RF504"
	CodeDeletedPays     Code = "RF601"
	CodeUnlinkedActive  Code = "RF602"
	CodeHolderGone      Code = "RF603"
	CodeUserNoCompany   Code = "RF701"
	CodeWaysDisagree    Code = "RF702"
	CodeUserCompanyGone Code = "RF703"
	CodeCacheStale      Code = "RF801"
	CodeDeployOther     Code = "RF802"
	CodeDeployRevision  Code = "RF803"
	CodeWrongAccount    Code = "RF901"
	CodeWrongKey        Code = "RF902"
	CodeForeignObject   Code = "RF903"
	CodeUnknownAccount  Code = "RF904"
	CodeDeliveryDead    Code = "RF905"
)

// CodeInfo describes a code.
type CodeInfo struct {
	Code     Code
	Title    string   // a few words, for tables and finding titles
	Severity Severity // what a finding has unless its check lowers or raises it
	Stops    bool     // the run is refused instead of a finding being reported

	// Explains is the explanation that a finding rules in, empty for none.
	// RF104 rules in the side that is wrong, and so none by itself.
	Explains ExplanationName
}

// Codes returns every code, in order. The slice is the caller's own.
func Codes() []CodeInfo { return slices.Clone(codes) }

var codes = []CodeInfo{
	{CodeStampMissing, "stamp names a company that does not exist", SeverityError, false, StaleMetadata},
	{CodeStampDead, "stamp names a deleted or merged company", SeverityError, false, StaleMetadata},
	{CodeStampOther, "stamp names another company", SeverityError, false, StaleMetadata},
	{CodeLinkStampSplit, "link and stamp name different companies", SeverityError, false, ""},
	{CodeUnstamped, "stamp is missing", SeverityWarning, false, ""},
	{CodeLinkEmpty, "company has money in Stripe but no link", SeverityWarning, false, ""},
	{CodeCheckoutSplit, "one checkout names several companies", SeverityError, false, ""},
	{CodeStampOtherKey, "stamp stands under another key", SeverityWarning, false, ""},
	{CodeStampRemoved, "stamp was removed", SeverityWarning, false, ""},
	{CodeLinksDisagree, "link column and link table disagree", SeverityError, false, DatabaseInconsistency},
	{CodeScheduleStamp, "schedule will write another company", SeverityWarning, false, ""},
	{CodeIdleDuplicate, "idle duplicate customer", SeverityWarning, false, ""},
	{CodeAlsoCharged, "company also pays through a customer that it does not link", SeverityError, false, ""},
	{CodeCardElsewhere, "saved card is on a customer that is not linked", SeverityWarning, false, ""},
	{CodeSharedCustomer, "several companies link one customer", SeverityError, false, DatabaseInconsistency},
	{CodeLostCustomer, "another customer with money or history is not linked", SeverityWarning, false, ""},
	{CodePaysTwice, "company pays twice for the same product", SeverityError, false, ""},
	{CodeLinkDeleted, "link to a deleted customer", SeverityWarning, false, DatabaseInconsistency},
	{CodeLinkUnknown, "link to a customer that Stripe does not have", SeverityWarning, false, DatabaseInconsistency},
	{CodeLinkPlaceholder, "link is a placeholder", SeverityInfo, false, ""},
	{CodePaidUnreflected, "paid, but the database does not know", SeverityError, false, ""},
	{CodeRowOther, "subscription row belongs to another company", SeverityError, false, DatabaseInconsistency},
	{CodeRowPayer, "row names another customer than the one who pays", SeverityWarning, false, DatabaseInconsistency},
	{CodePayerUnlinked, "subscription is charged to a customer that its company does not link", SeverityError, false, DatabaseInconsistency},
	{CodeReflectedUnpaid, "database says paid, Stripe says ended", SeverityError, false, DatabaseInconsistency},
	{CodeSuperseded, "row records an ended subscription, and another one is live", SeverityError, false, DatabaseInconsistency},
	{CodePaymentLink, "paid through a payment link, without a stamp", SeverityWarning, false, ""},
	{CodeOpenSession, "open checkout for another company", SeverityWarning, false, StaleMetadata},
	{CodeMethodOther, "saved payment method of another company", SeverityError, false, ""},
	{CodeUserReturned, "user is gone, and somebody else has the email", SeverityWarning, false, ""},
	{CodeLinkAdopted, "linked customer carries a user of another company", SeverityError, false, ""},
	{CodePaidByNobody, "paid, and nothing says for which company", SeverityWarning, false, ""},
	{CodeTypedReference, "typed reference points at a company that links another customer", SeverityError, false, ""},
	{CodeDeletedPays, "deleted company still pays", SeverityError, false, ""},
	{CodeUnlinkedActive, "active without a link", SeverityWarning, false, DatabaseInconsistency},
	{CodeHolderGone, "company that is gone still holds a customer", SeverityWarning, false, DatabaseInconsistency},
	{CodeUserNoCompany, "user has no company", SeverityInfo, false, DatabaseInconsistency},
	{CodeWaysDisagree, "ways of getting the company disagree", SeverityError, false, DatabaseInconsistency},
	{CodeUserCompanyGone, "user's company is missing or dead", SeverityError, false, DatabaseInconsistency},
	{CodeCacheStale, "cached value is stale", SeverityError, false, StaleCache},
	{CodeDeployOther, "running app answers another company", SeverityError, false, DeployNotApplied},
	{CodeDeployRevision, "running app is not the expected revision", SeverityError, false, DeployNotApplied},
	{CodeWrongAccount, "Stripe key opens another account or mode", SeverityError, true, ""},
	{CodeWrongKey, "linked customers do not exist: wrong key or wrong database", SeverityError, true, ""},
	{CodeForeignObject, "link or row names another application's object", SeverityWarning, false, DatabaseInconsistency},
	{CodeUnknownAccount, "events of a connected account that is not read", SeverityWarning, false, ""},
	{CodeDeliveryDead, "webhooks are not delivered", SeverityError, false, ""},
}

// CodeNamed returns the description of a code, and false when there is no such
// code.
func CodeNamed(code Code) (CodeInfo, bool) {
	i := slices.IndexFunc(codes, func(c CodeInfo) bool { return c.Code == code })
	if i < 0 {
		return CodeInfo{}, false
	}
	return codes[i], true
}
