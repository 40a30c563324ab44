package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/journal"
	"rightful/internal/plan"
)

// StaleAfter is how old a plan may be, in seconds.
const StaleAfter = 24 * 60 * 60

// clockSkew is how far, in seconds, the clock of the machine that made a plan may
// be ahead.
const clockSkew = 60 * 60

// ApplyReport is what became of a plan.
type ApplyReport struct {
	Plan     *plan.Plan      `json:"-"`
	Run      journal.Summary `json:"run"` // empty where nothing is recorded
	Account  string          `json:"account"`
	Livemode bool            `json:"livemode"`
	Result   *apply.Result   `json:"result"`
	Verified Verification    `json:"verified"`
	Saved    string          `json:"saved"` // the file that the world was saved to; empty when none
}

// Verification compares what is found after a repair with what was found before.
type Verification struct {
	Gone     []string           `json:"gone"`     // findings that the plan named and that are gone, sorted
	Remain   []string           `json:"remain"`   // automatic repairs whose findings are still there, sorted
	Disputed []string           `json:"disputed"` // decided findings that are still there: the voices disagree with the decision; sorted
	New      []rightful.Finding `json:"new"`      // found only now
	// Overwritten are values of others that a stamp of this run replaced, because
	// they came between its last look and its write.
	Overwritten []Overwritten `json:"overwritten"`
	Errors      int           `json:"error"`   // all findings of severity error now
	Warnings    int           `json:"warning"` // and warning
	Failed      string        `json:"failed"`  // why it could not be judged again; empty when it was

	decided bool // a person decided something
}

// Clean reports whether the repair did what it should and raised no alarm. What new
// finding comes of a person's decision is theirs to judge.
func (v Verification) Clean() bool {
	alarming := slices.ContainsFunc(v.New, func(f rightful.Finding) bool { return f.Severity != rightful.SeverityInfo })
	return v.Failed == "" && len(v.Remain) == 0 && len(v.Overwritten) == 0 && (!alarming || v.decided)
}

// Whole reports whether the plan was applied to the end and verified.
func (r *ApplyReport) Whole() bool {
	return r.Result.Whole() && r.Verified.Clean()
}

// Author says who repairs, and why. The journal keeps both.
type Author struct {
	Actor  string
	Reason string
}

// ApplyInput says what to apply.
type ApplyInput struct {
	// Plan may be nil when a run is continued: the journal has it.
	Plan *plan.Plan
	// About is what the plan was made for: in it everything is judged before and
	// after. Empty: everything.
	About About
	// Continue names the run to go on with; empty for a new one.
	Continue string
	Author
}

// Apply carries out a plan, or goes on with it, and judges again. It refuses,
// with an error of kind refused and before anything is written: a plan of another
// account or mode, one that is older than a day, one that had its run, one that
// waits for approval, one that would not be made any more because what it rests
// on has changed, and an account on which another run is at work. Of a run that
// is continued, what it wrote itself is no change.
func (e *Engine) Apply(ctx context.Context, in ApplyInput) (*ApplyReport, error) {
	if err := e.writable(); err != nil {
		return nil, err
	}
	was := *e // the engine that sees things as they were before the run
	var recalled *past
	if in.Continue != "" {
		var err error
		if recalled, err = e.resume(ctx, &in); err != nil {
			return nil, err
		}
		was.Sources = recalled.before(e.Sources)
	}
	p := in.Plan
	others, err := e.others(ctx, p.Account, p.Livemode, in.Continue)
	if err != nil {
		return nil, err
	}
	if err := e.fits(ctx, p); err != nil {
		return nil, err
	}
	if err := e.mapped(p); err != nil {
		return nil, err
	}
	before, err := was.findings(ctx, in.About)
	if err != nil {
		return nil, err
	}
	if err := e.stillHolds(ctx, p, before); err != nil {
		return nil, err
	}
	if err := apply.Writable(p.Units, e.places()); err != nil {
		return nil, err
	}
	run, err := e.beginPlan(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := e.quiet(ctx, run, p.Account, p.Livemode, others); err != nil {
		return nil, err
	}
	if recalled != nil {
		if err := e.unchanged(ctx, run, recalled, run.Before()); err != nil {
			return nil, err
		}
	}
	working, stop := alive(ctx, run)
	defer stop()
	r := &ApplyReport{Plan: p, Account: p.Account, Livemode: p.Livemode}
	if r.Result, err = apply.Apply(working, p, e.places(), e.applying(run)); err != nil {
		return nil, err
	}
	// What was written is verified even when the run was called off.
	again := context.WithoutCancel(ctx)
	r.Verified = e.verify(again, p, r.Result, before.Findings, in.About)
	if e.Journal != nil {
		r.record(again, e, run.ID())
	}
	return r, nil
}

// record adds what the journal tells of the run. One that is gone by now does not
// take with it what was done.
func (r *ApplyReport) record(ctx context.Context, e *Engine, run string) {
	past, err := e.recall(ctx, run)
	if err != nil {
		r.Run = journal.Summary{
			ID: run, Status: journal.StatusInterrupted, Plan: r.Plan.Hash, PlanMadeAt: r.Plan.MadeAt, Account: r.Account, Livemode: r.Livemode,
			Steps: r.Plan.Steps(), ContinuedBy: []string{},
		}
		if r.Verified.Failed == "" {
			r.Verified.Failed = "the journal cannot be read any more: " + plain(err)
		}
		return
	}
	r.Run = past.Summary
	r.Verified.Overwritten, _ = e.overwritten(ctx, past)
}

// resume finds the run to go on with, and its plan.
func (e *Engine) resume(ctx context.Context, in *ApplyInput) (*past, error) {
	run, err := e.recall(ctx, in.Continue)
	if err != nil {
		return nil, err
	}
	if run.Undoes != "" {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Message: run.ID + " is an undo", Hint: "continue it with rightful undo --continue " + run.ID}
	}
	in.Continue = run.ID
	if in.Plan == nil {
		saved, err := e.Journal.Plan(ctx, run.Summary.Plan, run.PlanMadeAt)
		if err != nil {
			return nil, err
		}
		in.Plan = saved.Plan
	}
	return run, nil
}

// beginPlan keeps the plan and begins its run.
func (e *Engine) beginPlan(ctx context.Context, in ApplyInput) (journal.Run, error) {
	p := in.Plan
	if e.Journal != nil && in.Continue == "" {
		if err := e.keep(ctx, p, in.Actor); err != nil {
			return nil, err
		}
	}
	return e.begin(ctx, journal.Start{
		Plan: p.Hash, PlanMadeAt: p.MadeAt, Account: p.Account, Livemode: p.Livemode,
		Actor: in.Actor, Reason: reason(in.Reason, p), Steps: p.Steps(), Continue: in.Continue,
	})
}

// keep saves a plan that is about to be applied, unless it was saved when it was
// made. Who demands a second approver finds it missing when the run begins.
func (e *Engine) keep(ctx context.Context, p *plan.Plan, by string) error {
	saved, err := e.Journal.Plan(ctx, p.Hash, p.MadeAt)
	switch {
	case rightful.KindOf(err) == rightful.KindNotFound:
		return e.Journal.SavePlan(ctx, plan.Saved{Plan: p, By: by, NeedsApproval: e.SecondApprover})
	case err == nil && e.SecondApprover && !saved.NeedsApproval:
		return refusal("", "the plan was made before a second approver was demanded", "plan again")
	}
	return err
}

// reason is why a run is made: what its author says, or what the decisions of
// its plan were made for.
func reason(given string, p *plan.Plan) string {
	if given == "" {
		return p.Reason
	}
	return given
}

// writable refuses engines that cannot write.
func (e *Engine) writable() error {
	if e.Writers != nil {
		return nil
	}
	return &rightful.Error{
		Kind:    rightful.KindUnsupported,
		Message: "what was opened for reading is not written",
		Hint:    "rightful fix and rightful apply open it for writing",
	}
}

// mapped refuses a plan with a write for which nothing is configured here: it was
// made elsewhere, or before the config was changed.
func (e *Engine) mapped(p *plan.Plan) error {
	if e.Lacks == nil {
		return nil
	}
	for _, u := range p.Units {
		for _, s := range u.Steps {
			if missing := e.Lacks(s.Proposal()); missing != "" {
				return refusal("", fmt.Sprintf("the plan writes %s of %s %s, and %s is not set: that is only read here", s.Field, s.Object.Type, s.Object.ID, missing),
					"set "+missing+", or plan again: what cannot be written is then asked")
			}
		}
	}
	return nil
}

// fits compares account, mode and age of a plan with where it is to be applied.
func (e *Engine) fits(ctx context.Context, p *plan.Plan) error {
	if err := e.ofThisAccount(ctx, "the plan", p.Account, p.Livemode); err != nil {
		return err
	}
	return e.fresh(p)
}

// fresh refuses a plan that is too old, or made in the future.
func (e *Engine) fresh(p *plan.Plan) error {
	switch {
	case e.Options.Now-p.MadeAt > StaleAfter:
		return refusal("", fmt.Sprintf("the plan is %d hours old, and goes stale after %d", (e.Options.Now-p.MadeAt)/3600, StaleAfter/3600), "plan again")
	case p.MadeAt-e.Options.Now > clockSkew:
		return refusal("", "the plan was made in the future", "compare the clocks, and plan again")
	}
	return nil
}

// shownStale is how many steps of a stale plan are named.
const shownStale = 5

// stillHolds refuses a plan that would not be made any more. A step whose target
// stands there already explains by itself why its finding is gone.
func (e *Engine) stillHolds(ctx context.Context, p *plan.Plan, now plan.Input) error {
	stale, err := p.Stale(now)
	if err != nil {
		return err
	}
	if stale, err = apply.Missing(ctx, stale, e.places()); err != nil || len(stale) == 0 {
		return err
	}
	var names []string
	for _, s := range stale[:min(len(stale), shownStale)] {
		names = append(names, fmt.Sprintf("%s of %s", s.Field, s.Object.ID))
	}
	if more := len(stale) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return refusal("", "the plan is stale: what it rests on has changed for "+strings.Join(names, ", "), "plan again")
}

// verify judges again and compares.
func (e *Engine) verify(ctx context.Context, p *plan.Plan, result *apply.Result, before []rightful.Finding, about About) Verification {
	v := Verification{Gone: []string{}, Remain: []string{}, Disputed: []string{}, New: []rightful.Finding{}, Overwritten: []Overwritten{}}
	now, err := e.findings(ctx, about)
	switch {
	case err != nil:
		v.Failed = plain(err)
		return v
	case now.Refused != "":
		v.Failed = now.Refused
		return v
	case len(now.Incomplete) > 0:
		v.Failed = "what is there now could not be read completely: " + strings.Join(now.Incomplete, "; ")
		return v
	}
	had, has := map[string]bool{}, map[string]bool{}
	for _, f := range before {
		had[f.ID] = true
	}
	for _, f := range now.Findings {
		has[f.ID] = true
		if !had[f.ID] {
			v.New = append(v.New, f)
		}
		switch f.Severity {
		case rightful.SeverityError:
			v.Errors++
		case rightful.SeverityWarning:
			v.Warnings++
		}
	}
	holds := map[string]bool{}
	for _, o := range result.Outcomes {
		holds[o.Step] = o.State == apply.StateDone || o.State == apply.StateAlready
	}
	for _, u := range p.Units {
		for _, s := range u.Steps {
			v.decided = v.decided || s.Decided != ""
			for _, id := range s.Because {
				switch {
				case !holds[s.ID]:
				case !has[id]:
					v.Gone = append(v.Gone, id)
				case s.Decided != "":
					v.Disputed = append(v.Disputed, id)
				default:
					v.Remain = append(v.Remain, id)
				}
			}
		}
	}
	for _, ids := range []*[]string{&v.Gone, &v.Remain, &v.Disputed} {
		slices.Sort(*ids)
		*ids = slices.Compact(*ids)
	}
	return v
}
