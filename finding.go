package rightful

// Severity orders findings by what is at stake.
type Severity string

// Error: wrong company, access or money now, or a security matter. Warning: can
// become one without anybody doing anything. Info: worth knowing.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Strength says how much a statement weighs.
type Strength string

// Strong statements have a vote. Corroborating ones support a voice but never
// stand alone. Suspicions are heard and have no vote.
const (
	Strong       Strength = "strong"
	Corroborates Strength = "corroborates"
	Suspicion    Strength = "suspicion"
)

// Signal is one statement by one place about whose an object is.
type Signal struct {
	Place     string   `json:"place"` // e.g. stripe:subscription/sub_1.metadata.company_id
	Says      string   `json:"says"`  // the value as it stands there; empty when the place is silent
	Voice     string   `json:"voice"` // its origin: statements of one origin are one voice
	Strength  Strength `json:"strength"`
	AsOf      int64    `json:"as_of"`     // Unix seconds the statement speaks about; 0 when it has no time
	Forgeable bool     `json:"forgeable"` // the buyer could have typed it
}

// Attribution is the answer to "whose is this family?".
type Attribution struct {
	CompanyID string   // the rightful company, empty when none can be named
	Contested bool     // several live companies are named and none prevails
	Named     []string // every live company that a voice names, in stable order
	Voices    int      // how many voices name CompanyID
	Signals   []Signal // all statements that were heard
}

// Amount is recurring money.
type Amount struct {
	MonthlyMinor int64  `json:"monthly_minor"` // per month, minor units, rounded half up
	Currency     string `json:"currency"`
}

// The places that a Proposal may name.
const (
	PlaceStripe = "stripe"
	PlaceDB     = "db"
	PlaceCache  = "cache"
)

// Fields that a Proposal may name. FieldLink is the link column of a company; of a
// link it is a row of the table of links, where a company may have several: From
// or To says which one.
const (
	FieldLink         = "stripe_customer_id"
	FieldRowCompany   = "company_id"
	FieldRowCustomer  = "stripe_customer_id"
	FieldStampPrefix  = "metadata."
	FieldCachedAsText = "value"
)

// Proposal is the one write that would put a finding right.
type Proposal struct {
	Place  string  `json:"place"` // stripe, db or cache
	Object Ref     `json:"object"`
	Field  string  `json:"field"` // metadata.KEY; a column; in a cache "value", or how the value is decoded
	From   *string `json:"from"`  // what stands there; nil: nothing
	To     *string `json:"to"`    // nil: remove
}

// Choice is one answer that a person may give to a finding, and the writes that
// would carry it out, in order.
type Choice struct {
	Name   string // company:11, customer:cus_1, unlink or delete
	Writes []Proposal
}

// Finding is one disagreement, about one object, under one code.
type Finding struct {
	ID                string    `json:"id"` // stable between runs: same code, account and object, same id
	Code              Code      `json:"code"`
	Severity          Severity  `json:"severity"`
	Security          bool      `json:"security"`
	Title             string    `json:"title"`
	Message           string    `json:"message"`
	Account           string    `json:"account"`
	Livemode          bool      `json:"livemode"`
	Object            Ref       `json:"object"`
	Family            string    `json:"family"` // what a repair of it belongs to: a family's key, company:ID, user:ID or cache:KEY
	Also              []string  `json:"also"`
	CompanyID         *string   `json:"company_id"`          // the company it is reported under
	RightfulCompanyID *string   `json:"rightful_company_id"` // nil when the voices carry no name
	WrongValue        *string   `json:"wrong_value"`
	Amount            *Amount   `json:"amount"`
	Evidence          []Signal  `json:"evidence"` // the statements that decided
	Proposal          *Proposal `json:"proposal"`
	Automatic         bool      `json:"automatic"`
	Why               string    `json:"why"` // why automatic, or why not

	// Choices are what a person may decide. Leaving things as they are is always
	// possible and is not listed.
	Choices []Choice `json:"-"`
}
