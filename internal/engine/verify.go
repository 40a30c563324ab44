package engine

import (
	"context"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/judge"
	"rightful/internal/plan"
)

// VerifyReport compares what a run wrote with what stands there now.
type VerifyReport struct {
	Run   journal.Summary `json:"run"`
	Steps []StepCheck     `json:"steps"`
	// Overwritten are values of somebody else that a stamp of the run replaced,
	// because they came between its last look and its write.
	Overwritten []Overwritten `json:"overwritten"`
	// Untold says of which stamps nobody can tell whether they replaced somebody
	// else's value.
	Untold            []string           `json:"untold"`
	Complete          bool               `json:"complete"`
	IncompleteBecause []string           `json:"incomplete_because"`
	Findings          []rightful.Finding `json:"findings"` // about what the run touched, now
	Errors            int                `json:"error"`
	Warnings          int                `json:"warning"`
}

// CheckState is what a step's place looks like now.
type CheckState string

// The states.
const (
	CheckStands     CheckState = "stands"      // what the run wrote is there
	CheckChanged    CheckState = "changed"     // something else is there by now
	CheckNotWritten CheckState = "not_written" // what was there before is there: the write never took effect, or was reverted
	CheckTakenBack  CheckState = "taken_back"  // an undo of the run has restored what was there before
	CheckUnread     CheckState = "unread"      // it could not be read
)

// StepCheck is one step of a run, looked at again.
type StepCheck struct {
	Step   string       `json:"step"`
	Unit   string       `json:"unit"`
	Object rightful.Ref `json:"object"`
	Field  string       `json:"field"`
	Wrote  *string      `json:"wrote"` // nil: removed
	State  CheckState   `json:"state"`
	Found  *string      `json:"found"` // what stands there now; nil: nothing
	Why    string       `json:"why"`   // empty when it stands
}

// Holds reports whether everything stands, nothing of somebody else was replaced,
// and everything could be looked at.
func (r *VerifyReport) Holds() bool {
	changed := slices.ContainsFunc(r.Steps, func(s StepCheck) bool { return s.State != CheckStands && s.State != CheckTakenBack })
	return !changed && len(r.Overwritten) == 0
}

// Verify reads every place that a run wrote to again, looks in Stripe's events
// for values of others that it replaced, and judges the families that it touched
// once more. It writes nothing.
func (e *Engine) Verify(ctx context.Context, id string) (*VerifyReport, error) {
	run, err := e.recall(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := e.ofThisAccount(ctx, run.ID, run.Account, run.Livemode); err != nil {
		return nil, err
	}
	r := &VerifyReport{
		Run: run.Summary, Steps: []StepCheck{}, Overwritten: []Overwritten{}, Untold: []string{}, IncompleteBecause: []string{}, Findings: []rightful.Finding{},
	}
	var written []journal.StepState
	for _, s := range run.steps {
		if s.Open || s.State == journal.StateDone || s.State == journal.StateUncertain {
			written = append(written, s)
		}
	}
	for _, s := range written {
		r.look(ctx, e, s)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.Overwritten, r.Untold = e.overwritten(ctx, run)
	if err := r.judge(ctx, e, touched(written), run); err != nil {
		return nil, err
	}
	r.Complete = len(r.IncompleteBecause) == 0
	return r, nil
}

// look reads the place of one step.
func (r *VerifyReport) look(ctx context.Context, e *Engine, s journal.StepState) {
	c := StepCheck{Step: s.Step.ID, Unit: s.Step.Unit, Object: s.Step.Object, Field: s.Step.Field, Wrote: s.Step.To, State: CheckStands}
	places := apply.Places{Directory: e.Sources.Directory, Stripe: e.Sources.Stripe, Cache: e.Sources.Cache}
	now, err := apply.Look(ctx, plan.Step{ID: s.Step.ID, Place: s.Step.Place, Object: s.Step.Object, Field: s.Step.Field, From: s.Step.From, To: s.Step.To}, places)
	c.Found = now.Value
	switch {
	case err != nil:
		c.State, c.Why = CheckUnread, plain(err)
		r.IncompleteBecause = append(r.IncompleteBecause, s.Step.Object.Type+" "+s.Step.Object.ID+" could not be read: "+plain(err))
	case now.AtTo:
	case now.AtFrom && r.Run.UndoneBy != "" && s.Step.Place != rightful.PlaceCache:
		c.State, c.Why = CheckTakenBack, "taken back by "+r.Run.UndoneBy
	case now.AtFrom && (s.Open || s.State == journal.StateUncertain):
		c.State, c.Why = CheckNotWritten, "it was about to be written, and was not: continue the run"
	case s.Step.Place == rightful.PlaceCache && !now.AtFrom:
		// The key was filled again. Whether rightly, the judge says below.
	case now.AtFrom:
		c.State, c.Why = CheckChanged, "what stood there before the run is back: something else writes there"
	case now.Gone != "":
		c.State, c.Why = CheckChanged, now.Gone
	default:
		c.State, c.Why = CheckChanged, "somebody else has written there since"
	}
	r.Steps = append(r.Steps, c)
}

// aroundAtMost is how many objects of a run are judged with what surrounds them.
// With more, the whole account is judged: looking around each would read more.
const aroundAtMost = 100

// judge judges what the run touched.
func (r *VerifyReport) judge(ctx context.Context, e *Engine, objects []rightful.Ref, run *past) error {
	if len(objects) == 0 {
		return nil
	}
	units := map[string]bool{}
	for _, s := range run.steps {
		units[s.Step.Unit] = true
	}
	findings, incomplete, err := e.concerning(ctx, objects, run)
	if err != nil {
		return err
	}
	r.IncompleteBecause = append(r.IncompleteBecause, incomplete...)
	for _, f := range findings {
		if !slices.Contains(objects, f.Object) && !units[f.Family] {
			continue
		}
		r.Findings = append(r.Findings, f)
		switch f.Severity {
		case rightful.SeverityError:
			r.Errors++
		case rightful.SeverityWarning:
			r.Warnings++
		}
	}
	return nil
}

// concerning judges what surrounds the objects that a run touched.
func (e *Engine) concerning(ctx context.Context, objects []rightful.Ref, run *past) ([]rightful.Finding, []string, error) {
	if len(objects) > aroundAtMost {
		a, err := e.Audit(ctx, AuditInput{})
		if err != nil {
			return nil, nil, err
		}
		return a.Findings, a.IncompleteBecause, nil
	}
	account, refusal, err := e.admit(ctx)
	if err != nil {
		return nil, nil, err
	}
	if refusal != nil {
		return nil, []string{refusal.Message}, nil
	}
	about, err := e.subject(ctx, objects, run)
	if err != nil {
		return nil, nil, err
	}
	sit, about, err := e.around(ctx, e.Sources, about)
	if err != nil {
		return nil, nil, err
	}
	sit.Account = account
	verdict, err := e.judged(ctx, e.Sources, sit)
	if err != nil {
		return nil, nil, err
	}
	sit, verdict = judge.Concerning(sit, verdict, about)
	known := noneKnown()
	var counts Counts
	return known.apply(e.Accepted, e.Options.Now, verdict.Findings, verdict.Muted, &counts), sit.Incomplete, nil
}

// subject returns what the objects of a run are about.
func (e *Engine) subject(ctx context.Context, objects []rightful.Ref, run *past) (rightful.Subject, error) {
	var about rightful.Subject
	add := func(all *[]string, id string) {
		if id != "" && !slices.Contains(*all, id) {
			*all = append(*all, id)
		}
	}
	for _, s := range run.steps {
		add(&about.Companies, deref(s.Step.CompanyID))
		if id, is := strings.CutPrefix(s.Step.Unit, "user:"); is {
			add(&about.Users, id)
		}
		if strings.HasPrefix(s.Step.Unit, "cus_") {
			add(&about.Customers, s.Step.Unit)
		}
	}
	for _, o := range objects {
		switch o.Type {
		case rightful.RefCompany, rightful.RefLink:
			add(&about.Companies, o.ID)
		case string(rightful.TypeCustomer):
			add(&about.Customers, o.ID)
		case string(rightful.TypeSession), string(rightful.TypePaymentIntent), string(rightful.TypeSubscription):
			object, exists, err := e.Sources.Stripe.Get(ctx, rightful.ObjectType(o.Type), o.ID)
			switch {
			case err != nil:
				return about, err
			case exists != rightful.ExistsPresent:
			case object.StripeCustomerID != "":
				add(&about.Customers, object.StripeCustomerID)
			default:
				about.Objects = append(about.Objects, object)
			}
		}
	}
	return about, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
