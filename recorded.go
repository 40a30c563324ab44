package rightful

import "context"

// AuditRecord is what is kept of an audit of everything.
type AuditRecord struct {
	ID       string `json:"id"` // audit-...
	Account  string `json:"account"`
	Livemode bool   `json:"livemode"`
	At       int64  `json:"at"`      // Unix seconds as of which things were judged
	KeptAt   int64  `json:"kept_at"` // Unix seconds when it was recorded

	// Complete tells that everything was read: only then is what it does not report
	// resolved.
	Complete          bool     `json:"complete"`
	IncompleteBecause []string `json:"incomplete_because"`
	RefusedCode       Code     `json:"refused_code"` // empty unless the audit was refused as unsafe

	// How much it reported, without what is accepted or off.
	Errors   int `json:"error"`
	Warnings int `json:"warning"`
	Infos    int `json:"info"`
	Security int `json:"security"`

	// Opened, Resolved and Open count findings: those that were not open before,
	// those that are not any more, and all that are open now.
	Opened   int `json:"opened"`
	Resolved int `json:"resolved"`
	Open     int `json:"open"`
}

// AuditResult is an audit that is to be recorded.
type AuditResult struct {
	AuditRecord           // KeptAt, ID and what is counted against the one before are the store's
	Findings    []Finding // those that are counted
	Accepted    []string  // ids of findings that are true, and accepted
	Off         []Code    // codes of findings that are true, and turned off
}

// Where a recorded finding was seen first.
const (
	BornInAudit   = "audit"
	BornInGateway = "gateway" // in a payment or event as it came
)

// Why a finding is open no more.
const (
	ResolvedGone     = "gone"     // a complete audit, or a later look of the gateway, does not report it
	ResolvedAccepted = "accepted" // somebody accepted it
	ResolvedOff      = "off"      // its code was turned off
)

// RecordedFinding is a finding with its life. One that comes back after it was
// resolved begins a new life.
type RecordedFinding struct {
	Finding
	Born            string `json:"born"`        // BornInAudit or BornInGateway
	OpenedAt        int64  `json:"opened_at"`   // Unix seconds
	OpenedBy        string `json:"opened_by"`   // id of the audit; empty for the gateway
	SeenAt          int64  `json:"seen_at"`     // Unix seconds as of which it was last true
	ResolvedAt      int64  `json:"resolved_at"` // 0 while it is open
	ResolvedBy      string `json:"resolved_by"` // id of the audit; empty for the gateway
	ResolvedBecause string `json:"resolved_because"`
}

// FindingQuery chooses recorded findings. Empty fields choose everything; all that
// are set must hold. Without OpenedBy and ResolvedBy only open ones are chosen.
type FindingQuery struct {
	Account    string // with Livemode; empty: of every account
	Livemode   bool
	Code       Code
	Severity   Severity
	CompanyID  string // that it is reported under, or rightfully belongs to
	Born       string // BornInAudit or BornInGateway
	Family     string
	OpenedBy   string // id of an audit
	ResolvedBy string

	After string // only those whose id comes after this one, in the order of ids
	Limit int    // at most so many; 0: 100
}

// FindingCount is how many findings of a code and severity are open.
type FindingCount struct {
	Code     Code
	Severity Severity
	Count    int
}

// AuditReader reads recorded audits. Errors are of kind unreachable or
// unavailable.
type AuditReader interface {
	// Audits returns the audits of an account, the last first; an empty account
	// means every account. Limit 0 means 100.
	Audits(ctx context.Context, account string, livemode bool, limit int) ([]AuditRecord, error)
	// Findings returns recorded findings in the order of their ids.
	Findings(ctx context.Context, q FindingQuery) ([]RecordedFinding, error)
	// FindingByID returns one, open or not. None is an error of kind not_found.
	FindingByID(ctx context.Context, id string) (RecordedFinding, error)
	// CountFindings counts what is open, by code and severity, in their order.
	CountFindings(ctx context.Context) ([]FindingCount, error)
}

// AuditKeeper records audits, and what is found between them.
type AuditKeeper interface {
	AuditReader

	// RecordAudit keeps an audit and compares it with what was open: findings that
	// are new are opened, and after a complete audit those that it does not report
	// are resolved, unless they were seen after it began. It returns the audit as
	// it is kept.
	RecordAudit(ctx context.Context, r AuditResult) (AuditRecord, error)
	// NoteFindings keeps findings that the gateway met, as of a time in Unix
	// seconds, and returns those that were not open before. What an audit resolved
	// because it is accepted, or its code turned off, is not opened again.
	NoteFindings(ctx context.Context, at int64, findings []Finding) ([]RecordedFinding, error)
	// ResolveNoted ends the lives of findings that were born in the gateway, and that
	// it does not find any more as of a time in Unix seconds. What was seen after that
	// is left alone. It returns how many were resolved.
	ResolveNoted(ctx context.Context, at int64, ids []string) (int, error)
}
