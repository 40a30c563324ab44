package plan

// Saved is a plan as it is kept until it is applied.
type Saved struct {
	Plan          *Plan
	By            string // who saved it
	CreatedAt     int64  // Unix seconds
	NeedsApproval bool   // a second person must agree before it is applied
	Approver      string // who that must be; empty: anybody but who saved it and who applies it
	ApprovedBy    string // empty: nobody yet
	ApprovedAt    int64  // Unix seconds; 0: not yet
}
