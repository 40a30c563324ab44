package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rightful"
)

// Input is what a plan is made of.
type Input struct {
	Findings  []rightful.Finding
	Decisions []Decision
	Reason    string
	Account   string
	Livemode  bool
	MadeAt    int64 // Unix seconds

	// Refused says why the audit was refused, and Incomplete what it could not
	// read. From either nothing is planned: what was not seen may say otherwise.
	Refused    string
	Incomplete []string

	// Lacks names what would have to be configured for a write to be possible;
	// "" when nothing is missing. Nil: everything can be written.
	Lacks func(rightful.Proposal) string

	// Wishes are what a person asks for beside the findings, and Grant works out
	// what one writes now. An error of Grant is that of the plan.
	Wishes []Wish
	Grant  func(Wish) (Granted, error)
	// Family leaves out the units and questions of all others. Empty: all.
	Family string
}

// lacks is Lacks, which may be nil.
func (in Input) lacks(p rightful.Proposal) string {
	if in.Lacks == nil {
		return ""
	}
	return in.Lacks(p)
}

// Make makes a plan. What is automatic becomes a step, what was decided becomes
// the steps of its choice, and the rest a question.
//
// Errors are of kind refused (the audit was refused or incomplete, a security
// finding was decided without a reason) or invalid (a decision about a finding
// that is not there, or a choice that is not offered).
func Make(in Input) (*Plan, error) {
	if err := in.refuse(); err != nil {
		return nil, err
	}
	m := &maker{in: in, cells: map[string]*draft{}}
	m.findings = slices.Clone(in.Findings)
	slices.SortFunc(m.findings, func(a, b rightful.Finding) int { return cmp.Compare(a.ID, b.ID) })
	m.findings = slices.CompactFunc(m.findings, func(a, b rightful.Finding) bool { return a.ID == b.ID })
	if err := m.decide(); err != nil {
		return nil, err
	}
	if err := m.wishes(); err != nil {
		return nil, err
	}
	m.automatic()
	p := &Plan{
		MadeAt: in.MadeAt, Account: in.Account, Livemode: in.Livemode,
		Decisions: m.decisions, Wishes: m.wished, Units: m.units(), Questions: m.questions(),
	}
	if in.Family != "" {
		p.Units = slices.DeleteFunc(p.Units, func(u Unit) bool { return u.Family != in.Family })
		p.Questions = slices.DeleteFunc(p.Questions, func(q Question) bool { return q.Family != in.Family })
	}
	if len(p.Decisions)+len(p.Wishes) > 0 {
		p.Reason = in.Reason // without a decision there is nothing to give a reason for
	}
	p.Hash = p.hash()
	return p, nil
}

func (in Input) refuse() error {
	because := in.Refused
	if because == "" && len(in.Incomplete) > 0 {
		because = "the audit is incomplete: " + strings.Join(in.Incomplete, "; ")
	}
	if because == "" {
		return nil
	}
	return &rightful.Error{
		Kind:    rightful.KindRefused,
		Message: "nothing is planned: " + because,
		Hint:    "see that everything can be read (rightful doctor), then plan again",
	}
}

// maker is one plan under way.
type maker struct {
	in        Input
	findings  []rightful.Finding    // sorted by id
	decisions []Decision            // sorted by finding, without doubles
	wished    []Wish                // sorted, without doubles
	granted   map[string]bool       // findings that a wish answers
	decided   map[string]string     // finding -> choice
	sided     map[string][]Decision // family -> the decisions that name a company
	cells     map[string]*draft     // what is written where
	held      map[string]string     // finding -> why it is not automatic after all
}

// draft is a step under way.
type draft struct {
	Step
	family  string
	company []string // rightful companies of the findings behind it
	amounts []rightful.Amount
	relink  int    // order among the writes of a relink, from 1; 0 for other writes
	forGood string // what to add to why it may be written, where nothing takes it back
}

// name is what a step is called to people: its findings, or the wish that it comes
// of.
func (d *draft) name() string {
	if len(d.Because) == 0 {
		return d.Decided
	}
	return strings.Join(d.Because, ", ")
}

// draft begins a step that makes a write.
func (m *maker) draft(family string, p rightful.Proposal) *draft {
	d := &draft{family: family}
	d.Place, d.Object, d.Field, d.From, d.To = p.Place, p.Object, p.Field, p.From, p.To
	d.Precondition.Value = p.From
	d.Reverse, d.forGood = m.in.reverse(p)
	d.ID = stepID(p)
	return d
}

// cell names what a proposal writes. Two proposals for one cell must agree.
func cell(p rightful.Proposal) string {
	key := []string{p.Place, p.Object.Type, p.Object.ID, p.Field}
	if p.Object.Type == rightful.RefLink {
		key = append(key, text(p.From), text(p.To)) // one row of several
	}
	return strings.Join(key, "\x00")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func same(a, b *string) bool { return (a == nil) == (b == nil) && text(a) == text(b) }

// automatic adds the steps that need no person. Two of them that would write
// different values into one place contradict each other: then neither is
// written. So is none that contradicts what a person decided.
func (m *maker) automatic() {
	m.held = map[string]string{}
	byCell := map[string][]rightful.Finding{}
	for _, f := range m.findings {
		if _, answered := m.decided[f.ID]; answered || !f.Automatic {
			continue
		}
		if why := m.barred(f); why != "" {
			m.held[f.ID] = why
			continue
		}
		key := cell(*f.Proposal)
		byCell[key] = append(byCell[key], f)
	}
	for _, f := range m.findings {
		if f.Proposal == nil {
			continue
		}
		all := byCell[cell(*f.Proposal)]
		if !slices.ContainsFunc(all, func(o rightful.Finding) bool { return o.ID == f.ID }) {
			continue
		}
		contradicted := slices.ContainsFunc(all, func(o rightful.Finding) bool {
			return !same(o.Proposal.To, f.Proposal.To) || !same(o.Proposal.From, f.Proposal.From)
		})
		if contradicted {
			m.held[f.ID] = "two findings would write different values there: a person decides"
			continue
		}
		m.add(f, *f.Proposal, "", 0)
	}
}

// barred says why a finding that calls itself automatic is none for this plan,
// "" if it is.
func (m *maker) barred(f rightful.Finding) string {
	switch {
	case f.Security:
		return "security findings are never automatic"
	case f.Proposal == nil:
		return "it proposes nothing"
	case gives(*f.Proposal):
		return "what gives or ends access is never automatic"
	}
	if err := Writable(*f.Proposal); err != nil {
		return err.Error()
	}
	if missing := m.in.lacks(*f.Proposal); missing != "" {
		return f.Why + "; it is not written, because " + missing + " is not set"
	}
	if d := m.cells[cell(*f.Proposal)]; d != nil && (!same(d.To, f.Proposal.To) || !same(d.From, f.Proposal.From)) {
		return fmt.Sprintf("%s was decided, and writes there too", d.name())
	}
	if f.Proposal.Place == rightful.PlaceCache {
		return "" // deleting a key takes no side
	}
	for _, d := range m.sided[f.Family] {
		if company := strings.TrimPrefix(d.Choice, companyChoice); !rightful.SameID(company, text(f.RightfulCompanyID)) {
			return fmt.Sprintf("%s was decided for company %s, and is about the same customer: decide this one too", d.Finding, company)
		}
	}
	return ""
}

// add puts the write of a finding into the plan, together with others of the same
// write.
func (m *maker) add(f rightful.Finding, p rightful.Proposal, choice string, relink int) {
	key := cell(p)
	d := m.cells[key]
	if d == nil {
		d = m.draft(familyOf(f, p), p)
		d.relink = relink
		d.Decided, d.Message, d.Why, d.Evidence = choice, f.Message, f.Why, reduce(f.Evidence)
		if choice != "" {
			d.Why = "decided: " + choice + d.forGood
		}
		m.cells[key] = d
	}
	if !slices.Contains(d.Because, f.ID) {
		d.Because = append(d.Because, f.ID)
	}
	if relink > 0 {
		d.relink = relink
	}
	company, decided := strings.CutPrefix(choice, companyChoice)
	if !decided {
		company = text(f.RightfulCompanyID)
	}
	d.company = append(d.company, company)
	if f.Amount != nil {
		d.amounts = append(d.amounts, *f.Amount)
	}
}

// familyOf returns the unit that a write belongs to. A link belongs to the
// customer that it is about.
func familyOf(f rightful.Finding, p rightful.Proposal) string {
	if isLink(p) {
		if p.To != nil {
			return *p.To
		}
		return text(p.From)
	}
	return f.Family
}

func reduce(signals []rightful.Signal) []Evidence {
	out := []Evidence{}
	for _, s := range signals {
		if e := (Evidence{Place: s.Place, Says: s.Says, Voice: s.Voice}); !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// questions returns what is left to decide.
func (m *maker) questions() []Question {
	out := []Question{}
	for _, f := range m.findings {
		why, held := m.held[f.ID]
		if _, answered := m.decided[f.ID]; answered || m.granted[f.ID] || f.Automatic && !held {
			continue
		}
		if f.Severity == rightful.SeverityInfo && len(f.Choices) == 0 {
			continue // nothing to decide, and nothing at stake
		}
		if !held {
			why = f.Why
		}
		choices, barred := m.in.offered(f)
		for _, name := range slices.Sorted(maps.Keys(barred)) {
			if why != "" {
				why += "; "
			}
			why += fmt.Sprintf("%s is not offered, because %s is not set", name, barred[name])
		}
		out = append(out, Question{
			Finding: f.ID, Choices: choices, Code: f.Code, Severity: f.Severity, Security: f.Security, CompanyID: f.CompanyID,
			Family: f.Family, Object: f.Object, Amount: f.Amount, Message: f.Message, Why: why, Evidence: reduce(f.Evidence),
		})
	}
	slices.SortStableFunc(out, func(a, b Question) int {
		return cmp.Or(
			cmp.Compare(rank(a.Severity), rank(b.Severity)),
			cmp.Compare(text(a.CompanyID), text(b.CompanyID)),
			cmp.Compare(a.Finding, b.Finding),
		)
	})
	return out
}

func rank(s rightful.Severity) int {
	return slices.Index([]rightful.Severity{rightful.SeverityError, rightful.SeverityWarning, rightful.SeverityInfo}, s)
}
