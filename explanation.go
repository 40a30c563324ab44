package rightful

// Ruling is what can be said about one explanation of an incident.
type Ruling string

// The three rulings. CannotTell always comes with what to configure or repair
// so that it can be told.
const (
	RuledIn    Ruling = "ruled in"
	RuledOut   Ruling = "ruled out"
	CannotTell Ruling = "cannot tell"
)

// ExplanationName names one of the competing explanations of an incident.
type ExplanationName string

// The four explanations. More than one can be true at once.
const (
	StaleMetadata         ExplanationName = "stale Stripe metadata"
	DatabaseInconsistency ExplanationName = "database inconsistency"
	StaleCache            ExplanationName = "stale cache"
	DeployNotApplied      ExplanationName = "deploy not applied"
)

// Explanation is one of them, ruled on by the evidence alone.
type Explanation struct {
	Name     ExplanationName `json:"name"`
	Ruling   Ruling          `json:"ruling"`
	Because  string          `json:"because"`  // one sentence
	Todo     string          `json:"todo"`     // for "cannot tell": what to configure or repair
	Findings []string        `json:"findings"` // ids of the findings that rule it in
	Evidence []Signal        `json:"evidence"`
}
