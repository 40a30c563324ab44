package engine

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/snapshot"
)

// SnapshotInput says of what to make a world, and how.
type SnapshotInput struct {
	Company string // what an audit of this company reads
	Who     string // or what an investigation of this WHO reads; one of the two is set
	Redact  bool   // emails, names and free texts are replaced
	// Open opens the world that was made, to be judged before it is given away.
	Open func(world []byte) (*Engine, error)
}

// Snapshot is a world that is judged as what it was made of.
type Snapshot struct {
	Of       string         `json:"of"`    // what was asked for, in plain words
	Judge    string         `json:"judge"` // the command that judges it, without --world FILE
	Redacted bool           `json:"redacted"`
	Account  string         `json:"account"`
	Livemode bool           `json:"livemode"`
	Holds    map[string]int `json:"holds"` // how many rows, objects and values
	Findings []string       `json:"findings"`
	File     string         `json:"file"` // where it was written; empty when it was not
	GETs     int            `json:"stripe_gets"`

	World []byte `json:"-"`
}

// Snapshot reads what surrounds a company or a WHO, as an audit or an investigation
// does, and makes a world file of it. The world is judged before it is returned:
// one that would not say the same is an error of kind refused. So is a run that
// would be unsafe, and one that could not read everything: what is missing in a
// file looks as if it did not exist.
func (e *Engine) Snapshot(ctx context.Context, in SnapshotInput) (*Snapshot, error) {
	account, refused, err := e.admit(ctx)
	switch {
	case err != nil:
		return nil, err
	case refused != nil:
		return nil, refusal("", fmt.Sprintf("no snapshot is made: %s: %s", refused.Code, refused.Message), refused.Hint)
	case e.Sources.Stripe == nil:
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: "there is no Stripe to read", Hint: "set stripe.key, or give a world with a stripe section"}
	}
	recorder := snapshot.New(snapshot.Places{
		Directory: e.Sources.Directory, Stripe: e.Sources.Stripe, Cache: e.Sources.Cache, Probe: e.Sources.Probe, Record: e.Sources.Record,
	})
	reading := *e
	through := recorder.Places()
	reading.Sources = collect.Sources{
		Directory: through.Directory, Stripe: through.Stripe, Cache: through.Cache, Probe: through.Probe, Record: through.Record,
	}
	seen, err := reading.askAround(ctx, account, in.Company, in.Who)
	if err != nil {
		return nil, err
	}
	var redactor *snapshot.Redactor
	if in.Redact {
		redactor = snapshot.NewRedactor(recorder)
	}
	s := &Snapshot{Of: "company " + redactor.ID(in.Company), Redacted: in.Redact, Account: account.ID, Livemode: account.Livemode, GETs: e.gets()}
	again := SnapshotInput{Company: redactor.ID(in.Company)}
	s.Judge = "rightful audit --company " + again.Company
	if in.Who != "" {
		again.Who = in.Who
		if redactor != nil {
			again.Who = redactWho(redactor, in.Who)
		}
		s.Of, s.Judge = again.Who, "rightful investigate "+again.Who
	}
	s.World = recorder.World(snapshot.About{
		Of: s.Of, Now: e.Options.Now, Account: account, Config: e.snapshotConfig(), Examined: true,
	}, redactor)
	s.Holds = recorder.Holds()
	if err := e.compare(ctx, in, again, s, seen, redactor); err != nil {
		return nil, err
	}
	for _, f := range seen.findings {
		s.Findings = append(s.Findings, f.ID)
	}
	s.Findings = append([]string{}, s.Findings...)
	return s, nil
}

// redactWho replaces the address in a WHO, and leaves a prefix that says what it is.
func redactWho(r *snapshot.Redactor, who string) string {
	for _, prefix := range []string{"user:", "company:"} {
		if id, has := strings.CutPrefix(who, prefix); has {
			return prefix + r.ID(id)
		}
	}
	if strings.Contains(who, "@") {
		return r.Email(who)
	}
	return r.Text(who)
}

// surrounding is what was found about the one thing that was asked.
type surrounding struct {
	findings     []rightful.Finding // muted ones too, by id
	explanations []rightful.Explanation
}

// askAround reads and judges what an audit of a company, or an investigation of
// a WHO, does. What could not be read completely is an error of kind refused.
func (e *Engine) askAround(ctx context.Context, account rightful.Account, company, who string) (*surrounding, error) {
	about := rightful.Subject{Companies: []string{company}}
	if who != "" {
		found, err := e.resolveWho(ctx, e.Sources, who)
		if err != nil {
			return nil, err
		}
		about = found.subject
	} else if err := e.companyExists(ctx, company); err != nil {
		return nil, err
	}
	sit, about, err := e.around(ctx, e.Sources, about)
	if err != nil {
		return nil, err
	}
	sit.Account = account
	verdict, err := e.judged(ctx, e.Sources, sit)
	if err != nil {
		return nil, err
	}
	if len(sit.Incomplete) > 0 {
		return nil, refusal("", "no snapshot is made, because it would be judged otherwise: "+strings.Join(sit.Incomplete, "; "),
			"see that everything can be read (rightful doctor), and run it again")
	}
	sit, verdict = judge.Concerning(sit, verdict, about)
	found := &surrounding{findings: slices.Concat(verdict.Findings, verdict.Muted), explanations: judge.Explain(sit, e.Rules, about, verdict)}
	slices.SortFunc(found.findings, func(a, b rightful.Finding) int { return strings.Compare(a.ID, b.ID) })
	return found, nil
}

// snapshotConfig returns what a world needs of the configuration.
func (e *Engine) snapshotConfig() snapshot.Config {
	c := snapshot.Config{
		Keys: e.Options.Keys, OwnershipValue: e.Rules.OwnershipValue, Placeholders: e.Rules.Placeholders,
		ExpectedRevision: e.Options.ExpectedRevision, Codes: map[string]string{},
	}
	for code, severity := range e.Rules.Severity {
		c.Codes[string(code)] = string(severity)
	}
	for code, off := range e.Rules.Off {
		if off {
			c.Codes[string(code)] = "off"
		}
	}
	for _, k := range e.Options.CacheKeys {
		c.CacheKeys = append(c.CacheKeys, snapshot.CacheKey{Pattern: k.Pattern, Holds: k.Holds, Decode: k.Decode})
	}
	return c
}

// compare judges the world that was made, and refuses one that says something
// else. Of a redacted one the texts may differ.
func (e *Engine) compare(ctx context.Context, in, again SnapshotInput, s *Snapshot, seen *surrounding, redactor *snapshot.Redactor) error {
	made, err := in.Open(s.World)
	if err != nil {
		return fmt.Errorf("the snapshot cannot be read back: %w", err)
	}
	account, refused, err := made.admit(ctx)
	if err != nil {
		return err
	}
	if refused != nil {
		return refusal("", "the snapshot would be refused: "+refused.Message, unlike)
	}
	now, err := made.askAround(ctx, account, again.Company, again.Who)
	if err != nil {
		return err
	}
	if different := differing(seen.findings, now.findings, redactor); len(different) > 0 {
		return refusal("", "the snapshot would be judged otherwise: "+strings.Join(different[:min(len(different), 5)], ", "), unlike)
	}
	for i, x := range seen.explanations {
		if i >= len(now.explanations) || now.explanations[i].Ruling != x.Ruling {
			return refusal("", fmt.Sprintf("the snapshot would be judged otherwise: %s is %s", x.Name, x.Ruling), unlike)
		}
	}
	return nil
}

// unlike is the hint of a snapshot that is not what it was made of.
const unlike = "run it again: something may have changed meanwhile. If it stays, this is a mistake of rightful's: report which finding it is"

// differing returns the ids of findings that two lists do not share, or that say
// something else. Both are sorted.
func differing(before, after []rightful.Finding, redactor *snapshot.Redactor) (ids []string) {
	shape := func(f rightful.Finding) rightful.Finding {
		out := rightful.Finding{Code: f.Code, Severity: f.Severity, Security: f.Security, Automatic: f.Automatic, Amount: f.Amount}
		if f.Proposal != nil {
			out.Proposal = &rightful.Proposal{Place: f.Proposal.Place, Field: f.Proposal.Field}
		}
		for _, s := range f.Evidence {
			out.Evidence = append(out.Evidence, rightful.Signal{Strength: s.Strength, AsOf: s.AsOf, Forgeable: s.Forgeable})
		}
		return out
	}
	if redactor == nil {
		shape = func(f rightful.Finding) rightful.Finding { return f }
	}
	compare := func(a, b []rightful.Finding) {
		for _, f := range a {
			i := slices.IndexFunc(b, func(o rightful.Finding) bool {
				return (o.ID == f.ID || redactor != nil) && reflect.DeepEqual(shape(o), shape(f))
			})
			if i < 0 && !slices.Contains(ids, f.ID) {
				ids = append(ids, f.ID)
			}
		}
	}
	compare(before, after)
	compare(after, before)
	if len(before) != len(after) && len(ids) == 0 {
		ids = append(ids, fmt.Sprintf("%d findings, and %d", len(before), len(after)))
	}
	return ids
}
