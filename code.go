package rightful

import "slices"

// Code names a kind of disagreement. Codes are stable: they are what people
// mute, search for and link to.
//
// RF1xx link and stamp, RF2xx duplicates and sharing, RF4xx checkout and
// webhook, RF7xx users and companies in the database, RF8xx cache and deploy,
// RF9xx environment.
type Code string

// The codes. Each has a page in docs/checks and a row in Codes.
const (
	CodeStampMissing    Code = "RF101"
	CodeStampDead       Code = "RF102"
	CodeStampOther      Code = "RF103"
	CodeLinkStampSplit  Code = "RF104"
	CodeUnstamped       Code = "RF105"
	CodeLinkEmpty       Code = "RF106"
	CodeIdleDuplicate   Code = "RF201"
	CodePaidUnreflected Code = "RF401"
	CodeRowOther        Code = "RF402"
	CodeUserNoCompany   Code = "RF701"
	CodeWaysDisagree    Code = "RF702"
	CodeUserCompanyGone Code = "RF703"
	CodeCacheStale      Code = "RF801"
	CodeDeployOther     Code = "RF802"
	CodeDeployRevision  Code = "RF803"
	CodeWrongAccount    Code = "RF901"
	CodeWrongKey        Code = "RF902"
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
	{CodeIdleDuplicate, "idle duplicate customer", SeverityWarning, false, ""},
	{CodePaidUnreflected, "paid, but the database does not know", SeverityError, false, ""},
	{CodeRowOther, "subscription row belongs to another company", SeverityError, false, DatabaseInconsistency},
	{CodeUserNoCompany, "user has no company", SeverityInfo, false, DatabaseInconsistency},
	{CodeWaysDisagree, "ways of getting the company disagree", SeverityError, false, DatabaseInconsistency},
	{CodeUserCompanyGone, "user's company is missing or dead", SeverityError, false, DatabaseInconsistency},
	{CodeCacheStale, "cached value is stale", SeverityError, false, StaleCache},
	{CodeDeployOther, "running app answers another company", SeverityError, false, DeployNotApplied},
	{CodeDeployRevision, "running app is not the expected revision", SeverityError, false, DeployNotApplied},
	{CodeWrongAccount, "Stripe key opens another account or mode", SeverityError, true, ""},
	{CodeWrongKey, "linked customers do not exist: wrong key or wrong database", SeverityError, true, ""},
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
