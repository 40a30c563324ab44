package state_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/state"
)

// found is a finding of company 11.
func found(id string, change ...func(*rightful.Finding)) rightful.Finding {
	company := "11"
	f := rightful.Finding{
		ID: id, Code: rightful.Code(id[:5]), Severity: rightful.SeverityError, Title: "a title", Message: "a message", Account: "acct_1", Livemode: true,
		Object: rightful.Ref{Type: "customer", ID: "cus_1"}, Family: "cus_1", Also: []string{}, CompanyID: &company, Evidence: []rightful.Signal{},
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

// audited is a complete audit as of a time.
func audited(at int64, findings ...rightful.Finding) rightful.AuditResult {
	return rightful.AuditResult{
		AuditRecord: rightful.AuditRecord{Account: "acct_1", Livemode: true, At: at, Complete: true, Errors: len(findings)},
		Findings:    findings,
	}
}

func (b *bench) record(s *state.Store, r rightful.AuditResult) rightful.AuditRecord {
	b.Helper()
	kept, err := s.RecordAudit(b.Context(), r)
	must(b, err)
	return kept
}

// chosen returns the ids of findings that a query chooses.
func (b *bench) chosen(s *state.Store, q rightful.FindingQuery) []string {
	b.Helper()
	all, err := s.Findings(b.Context(), q)
	must(b, err)
	ids := []string{}
	for _, f := range all {
		ids = append(ids, f.ID)
	}
	return ids
}

func TestAuditsAreComparedWithTheOneBefore(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		first := b.record(s, audited(began, found("RF101-a"), found("RF201-b")))
		if first.Opened != 2 || first.Resolved != 0 || first.Open != 2 || !strings.HasPrefix(first.ID, "audit-") || first.KeptAt != began {
			b.Errorf("first: %+v", first)
		}
		second := b.record(s, audited(began+60, found("RF201-b"), found("RF301-c")))
		if second.Opened != 1 || second.Resolved != 1 || second.Open != 2 {
			b.Errorf("second: %+v", second)
		}
		if got := b.chosen(s, rightful.FindingQuery{}); !slices.Equal(got, []string{"RF201-b", "RF301-c"}) {
			b.Errorf("open: %v", got)
		}
		if got := b.chosen(s, rightful.FindingQuery{OpenedBy: second.ID}); !slices.Equal(got, []string{"RF301-c"}) {
			b.Errorf("opened: %v", got)
		}
		if got := b.chosen(s, rightful.FindingQuery{ResolvedBy: second.ID}); !slices.Equal(got, []string{"RF101-a"}) {
			b.Errorf("resolved: %v", got)
		}
		again, err := b.open().FindingByID(b.Context(), "RF201-b")
		must(b, err)
		want := rightful.RecordedFinding{Finding: found("RF201-b"), Born: rightful.BornInAudit, OpenedAt: began, OpenedBy: first.ID, SeenAt: began + 60}
		if diff := cmp.Diff(want, again); diff != "" {
			b.Error(diff)
		}
		// It comes back: a new life.
		third := b.record(s, audited(began+120, found("RF101-a")))
		if third.Opened != 1 || third.Resolved != 2 || third.Open != 1 {
			b.Errorf("third: %+v", third)
		}
		records, err := s.Audits(b.Context(), "acct_1", true, 2)
		must(b, err)
		if diff := cmp.Diff([]rightful.AuditRecord{third, second}, records); diff != "" {
			b.Error(diff)
		}
		if records, err = s.Audits(b.Context(), "acct_1", false, 0); err != nil || len(records) != 0 {
			b.Errorf("of the other mode: %v, %v", records, err)
		}
	})
}

// TestNothingIsResolvedByWhatWasNotLookedAt: an audit that did not read everything,
// one of another account, and one that began before a finding was seen, end nothing.
func TestNothingIsResolvedByWhatWasNotLookedAt(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		b.record(s, audited(began, found("RF101-a")))
		incomplete := audited(began + 10)
		incomplete.Complete = false
		refused := audited(began + 20)
		refused.RefusedCode = "RF902"
		elsewhere := audited(began + 30)
		elsewhere.Livemode = false
		for _, r := range []rightful.AuditResult{incomplete, refused, elsewhere, audited(began - 1)} {
			if kept := b.record(s, r); kept.Resolved != 0 {
				b.Errorf("resolved: %+v", kept)
			}
		}
		if got := b.chosen(s, rightful.FindingQuery{}); !slices.Equal(got, []string{"RF101-a"}) {
			b.Errorf("open: %v", got)
		}
	})
}

func TestWhyAFindingIsOpenNoMore(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		b.record(s, audited(began, found("RF101-a"), found("RF201-b"), found("RF301-c")))
		r := audited(began + 1)
		r.Accepted, r.Off = []string{"RF101-a"}, []rightful.Code{"RF201"}
		b.record(s, r)
		for id, because := range map[string]string{"RF101-a": rightful.ResolvedAccepted, "RF201-b": rightful.ResolvedOff, "RF301-c": rightful.ResolvedGone} {
			if f, err := s.FindingByID(b.Context(), id); err != nil || f.ResolvedBecause != because || f.ResolvedAt != began+1 {
				b.Errorf("%s: %+v, %v", id, f, err)
			}
		}
	})
}

func TestWhatTheGatewayMeetsIsOpenUntilAnAuditSaysOtherwise(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		ctx := b.Context()
		note := func(at int64, ids ...string) []rightful.RecordedFinding {
			var all []rightful.Finding
			for _, id := range ids {
				all = append(all, found(id))
			}
			opened, err := s.NoteFindings(ctx, at, all)
			must(b, err)
			return opened
		}
		if opened := note(began+50, "RF401-a"); len(opened) != 1 || opened[0].Born != rightful.BornInGateway {
			b.Errorf("got %+v", opened)
		}
		if opened := note(began+60, "RF401-a"); len(opened) != 0 {
			b.Errorf("opened twice: %+v", opened)
		}
		// This audit began before the gateway last saw it.
		if kept := b.record(s, audited(began+55)); kept.Open != 1 || kept.Resolved != 0 {
			b.Errorf("got %+v", kept)
		}
		if kept := b.record(s, audited(began+70)); kept.Open != 0 || kept.Resolved != 1 {
			b.Errorf("got %+v", kept)
		}
		// What was seen before the audit does not come back by being told of late.
		if opened := note(began+65, "RF401-a"); len(opened) != 0 {
			b.Errorf("came back: %+v", opened)
		}
		if opened := note(began+80, "RF401-a"); len(opened) != 1 {
			b.Errorf("did not come back: %+v", opened)
		}
	})
}

func TestFindingsAreChosenAndPaged(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		var all []rightful.Finding
		for i := range 250 {
			all = append(all, found(fmt.Sprintf("RF101-%03d", i)))
		}
		uuid := "6F9619FF-8B86-D011-B42D-00CF4FC964FF"
		all = append(all, found("RF801-x", func(f *rightful.Finding) {
			f.Severity, f.CompanyID, f.RightfulCompanyID, f.Account = rightful.SeverityInfo, nil, &uuid, "acct_1"
		}))
		b.record(s, audited(began, all...))
		var ids []string
		for after := ""; ; after = ids[len(ids)-1] {
			page := b.chosen(s, rightful.FindingQuery{After: after})
			ids = append(ids, page...)
			if len(page) < 100 {
				break
			}
		}
		if len(ids) != 251 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 251 {
			b.Errorf("%d findings in pages", len(ids))
		}
		for name, q := range map[string]rightful.FindingQuery{
			"code":     {Code: "RF801"},
			"severity": {Severity: rightful.SeverityInfo},
			"company":  {CompanyID: strings.ToLower(uuid)},
			"account":  {Account: "acct_1", Livemode: true, After: "RF2"},
		} {
			if got := b.chosen(s, q); !slices.Equal(got, []string{"RF801-x"}) {
				b.Errorf("%s: %v", name, got)
			}
		}
		counts, err := s.CountFindings(b.Context())
		must(b, err)
		if want := []rightful.FindingCount{{Code: "RF101", Severity: "error", Count: 250}, {Code: "RF801", Severity: "info", Count: 1}}; !slices.Equal(counts, want) {
			b.Errorf("counted %v", counts)
		}
		if got := b.chosen(s, rightful.FindingQuery{CompanyID: "' OR 1=1 --"}); len(got) != 0 {
			b.Errorf("injected: %v", got)
		}
		if _, err := s.FindingByID(b.Context(), "RF101-nobody"); rightful.KindOf(err) != rightful.KindNotFound {
			b.Errorf("got %v", err)
		}
	})
}

// TestFindingsOfACompany: those that are reported under it and those that are
// rightfully its own, each once, page by page, without reading those of others.
func TestFindingsOfACompany(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		var all []rightful.Finding
		var want []string
		for i := range 90 {
			f := found(fmt.Sprintf("RF%d-%03d", 101+i%2, i), func(f *rightful.Finding) {
				f.CompanyID, f.RightfulCompanyID = ptr(fmt.Sprint(i%5)), ptr(fmt.Sprint(i%3))
			})
			if all = append(all, f); i%5 == 2 || i%3 == 2 {
				want = append(want, f.ID)
			}
		}
		slices.Sort(want)
		b.record(s, audited(began, all...))
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := b.chosen(s, rightful.FindingQuery{CompanyID: "2", After: after, Limit: 7})
			if got = append(got, page...); len(page) < 7 {
				break
			}
		}
		if !slices.Equal(got, want) {
			b.Errorf("pages: %v, want %v", got, want)
		}
		var second []string
		for _, id := range want {
			if strings.HasPrefix(id, "RF102") {
				second = append(second, id)
			}
		}
		if got := b.chosen(s, rightful.FindingQuery{CompanyID: "2", Code: "RF102", Severity: rightful.SeverityError, Account: "acct_1", Livemode: true}); !slices.Equal(got, second) {
			b.Errorf("of a code: %v, want %v", got, second)
		}
		if b.engine != "sqlite" {
			return
		}
		for _, q := range []rightful.FindingQuery{{CompanyID: "2"}, {CompanyID: "2", After: "RF101", Severity: rightful.SeverityError}, {CompanyID: "2", Code: "RF101", Severity: rightful.SeverityError}} {
			how, err := s.ExplainFindings(b.Context(), q)
			must(b, err)
			if !strings.Contains(how, "INDEX rightful_findings_company (company=?") || !strings.Contains(how, "INDEX rightful_findings_rightful (rightful_company=?") || strings.Contains(how, "rightful_findings_open") {
				b.Errorf("%+v is looked for so:\n%s", q, how)
			}
		}
	})
}

// TestASecretIsNotKept: an app may write anything into metadata.
func TestASecretIsNotKept(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		secret := "sk_live_" + "51abcdefghij"
		b.record(s, audited(began, found("RF101-a", func(f *rightful.Finding) { f.WrongValue, f.Message = &secret, "it says "+secret })))
		f, err := s.FindingByID(b.Context(), "RF101-a")
		must(b, err)
		if f.WrongValue != nil || strings.Contains(f.Message, "sk_live") || f.Code != "RF101" {
			b.Errorf("got %+v", f)
		}
	})
}

func TestManyRecordAndNoteAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		opened := 0
		for range 8 {
			s := b.open()
			wg.Go(func() {
				other := audited(began + 5)
				other.Account = "acct_2"
				_, err := s.RecordAudit(b.Context(), other)
				must(b, err)
				is, err := s.NoteFindings(b.Context(), began, []rightful.Finding{found("RF401-b"), found("RF401-a")})
				must(b, err)
				mu.Lock()
				defer mu.Unlock()
				opened += len(is)
			})
		}
		wg.Wait()
		if opened != 2 {
			b.Errorf("%d were opened", opened)
		}
		if audits, err := b.open().Audits(b.Context(), "", false, 0); err != nil || len(audits) != 8 {
			b.Errorf("%d audits, %v", len(audits), err)
		}
	})
}
