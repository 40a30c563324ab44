package state_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/plan"
	"rightful/internal/state"
)

// made returns a plan that decides nothing but to leave a finding.
func made(t testing.TB, account string, madeAt int64) *plan.Plan {
	t.Helper()
	p, err := plan.Make(plan.Input{MadeAt: madeAt, Account: account, Livemode: true})
	must(t, err)
	return p
}

func (b *bench) approved(s *state.Store, p *plan.Plan, actor string) (journal.Run, error) {
	return s.Begin(b.Context(), journal.Start{Plan: p.Hash, PlanMadeAt: p.MadeAt, Account: p.Account, Livemode: p.Livemode, Actor: actor})
}

func TestASavedPlanIsReadAsItWas(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		p, later := made(b, "acct_1", began), made(b, "acct_1", began+5)
		must(b, s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana"}), s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana"}))
		got, err := b.open().Plan(ctx, p.Hash, p.MadeAt)
		must(b, err)
		if diff := cmp.Diff(plan.Saved{Plan: p, By: "ana", CreatedAt: began}, got); diff != "" {
			b.Error(diff)
		}
		must(b, s.SavePlan(ctx, plan.Saved{Plan: later, By: "ana"}))
		if got, err = s.Plan(ctx, p.Hash, later.MadeAt); err != nil || got.Plan.MadeAt != began+5 {
			b.Errorf("got %+v, %v", got, err)
		}
		if _, err := s.Plan(ctx, "0000", 0); rightful.KindOf(err) != rightful.KindNotFound {
			b.Errorf("got %v", err)
		}
		b.mustBehind(s, `UPDATE rightful_plans SET document = replace(document, 'acct_1', 'acct_2')`)
		if _, err := s.Plan(ctx, p.Hash, p.MadeAt); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("a changed plan: %v", err)
		}
	})
}

func TestASecondPersonApproves(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		p := made(b, "acct_1", began)
		must(b, s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana", NeedsApproval: true}))
		refusal := func(err error, because string) {
			b.Helper()
			if rightful.KindOf(err) != rightful.KindRefused || !strings.Contains(err.Error(), because) {
				b.Errorf("got %v, want %q", err, because)
			}
		}
		refusal(s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana"}), "another approval") // it cannot be got rid of
		_, err := b.approved(s, p, "ana")
		refusal(err, "waits for the approval of a second person")
		refusal(s.Approve(ctx, p.Hash, p.MadeAt, " ANA "), "does not approve it")
		if err := s.Approve(ctx, p.Hash, p.MadeAt, ""); rightful.KindOf(err) != rightful.KindInvalid {
			b.Errorf("got %v", err)
		}
		if err := s.Approve(ctx, p.Hash, p.MadeAt+1, "bo"); rightful.KindOf(err) != rightful.KindNotFound || !errors.Is(err, journal.ErrNotRecorded) {
			b.Errorf("got %v", err)
		}
		must(b, s.Approve(ctx, p.Hash, p.MadeAt, "bo"), s.Approve(ctx, p.Hash, p.MadeAt, "cy")) // once is enough
		_, err = b.approved(s, p, "Bo")
		refusal(err, "bo approved the plan, and so does not apply it")
		r, err := b.approved(s, p, "ana")
		must(b, err, r.Finish(ctx, journal.RunEnd{Interrupted: true}))
		if sum := b.summary(s, r.ID()); sum.Approver != "bo" {
			b.Errorf("got %+v", sum)
		}
		_, err = s.Begin(ctx, journal.Start{Plan: p.Hash, PlanMadeAt: p.MadeAt, Account: p.Account, Livemode: true, Actor: "bo", Continue: r.ID()})
		refusal(err, "does not apply it")
		all := b.entries(s, journal.Filter{})
		if got := kinds(all); !slices.Equal(got, []journal.Kind{journal.KindPlanApproved, journal.KindRunStarted, journal.KindRunFinished}) {
			b.Errorf("got %v", got)
		}
		if a, err := all[0].Approval(); err != nil || a != (journal.Approval{Plan: p.Hash, PlanMadeAt: p.MadeAt, Approver: "bo", SavedBy: "ana"}) {
			b.Errorf("got %+v, %v", a, err)
		}
		b.mustBeWhole(s)
	})
}

func TestANamedPersonApproves(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		p := made(b, "acct_1", began)
		if err := s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana", Approver: "Ana"}); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
		if err := s.SavePlan(ctx, plan.Saved{Plan: p}); rightful.KindOf(err) != rightful.KindInvalid {
			b.Errorf("got %v", err)
		}
		must(b, s.SavePlan(ctx, plan.Saved{Plan: p, By: "ana", Approver: "bo"}))
		if _, err := b.approved(s, p, "ana"); err == nil || !strings.Contains(err.Error(), "the approval of bo") {
			b.Errorf("got %v", err)
		}
		if err := s.Approve(ctx, p.Hash, p.MadeAt, "cy"); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
		must(b, s.Approve(ctx, p.Hash, p.MadeAt, "bo"))
		if _, err := b.approved(s, p, "ana"); err != nil {
			b.Error(err)
		}
	})
}

func TestNoPlanWithASecretIsSaved(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		p := made(b, "sk_live_51Abcdef", began)
		err := s.SavePlan(b.Context(), plan.Saved{Plan: p, By: "ana"})
		if rightful.KindOf(err) != rightful.KindInvalid || strings.Contains(err.Error(), "sk_live") {
			b.Errorf("got %v", err)
		}
	})
}
