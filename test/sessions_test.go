package test

import (
	"context"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// TestSessionsSayWhatAnAuditSays lists every session of every world, and compares
// it with an audit of everything: the same findings, of the same severity, the same
// rightful company; and nothing that the audit says about a session is left out.
func TestSessionsSayWhatAnAuditSays(t *testing.T) {
	t.Parallel()
	for _, file := range append(worldFiles(t), founding) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			open := func() *engine.Engine {
				e, _, err := wire.World(file)
				if err != nil {
					t.Fatal(err)
				}
				return e
			}
			if open().Sources.Stripe == nil {
				t.Skip("a world without Stripe")
			}
			said := audit(t, open(), engine.AuditInput{})
			listed := must(open().Sessions(t.Context(), engine.SessionsInput{Since: 1}))(t)
			if (said.Refused == nil) != (listed.Refused == nil) {
				t.Fatalf("audit refused: %v, sessions: %v", said.Refused, listed.Refused)
			}
			compareSessions(t, said, listed)
		})
	}
}

func compareSessions(t *testing.T, said *engine.AuditReport, listed *engine.SessionsReport) {
	t.Helper()
	byID := map[string]rightful.Finding{}
	for _, f := range said.Findings {
		byID[f.ID] = f
	}
	shown := map[string]bool{}
	for _, v := range listed.Sessions {
		wrong := false
		for _, ref := range v.Findings {
			f, known := byID[ref.ID]
			if !known || f.Severity != ref.Severity || f.Message != ref.Message {
				t.Errorf("%s: sessions say %+v, the audit says %+v", v.ID, ref, f)
				continue
			}
			shown[ref.ID] = true
			wrong = wrong || f.Severity != rightful.SeverityInfo
			if own := f.Object.ID == v.ID; own && f.RightfulCompanyID != nil && (v.Should == nil || *v.Should != *f.RightfulCompanyID) {
				t.Errorf("%s should be %v; %s says %s", v.ID, v.Should, f.ID, *f.RightfulCompanyID)
			}
		}
		if wrong != v.Mismatched {
			t.Errorf("%s: mismatched %v, with the findings %+v", v.ID, v.Mismatched, v.Findings)
		}
	}
	for _, f := range said.Findings {
		about := slices.ContainsFunc(listed.Sessions, func(v engine.SessionView) bool {
			return f.Object.ID == v.ID || f.Object.ID == v.SubID && v.SubID != "" || slices.Contains(f.Also, v.ID)
		})
		if about && !shown[f.ID] {
			t.Errorf("%s is about a session, and is not shown: %s", f.ID, f.Message)
		}
	}
	if n := sessionsIn(said, listed); n > 0 {
		t.Errorf("%d sessions of which the audit speaks are not listed", n)
	}
}

// sessionsIn counts sessions that the audit has findings about and that are not
// listed.
func sessionsIn(said *engine.AuditReport, listed *engine.SessionsReport) int {
	n := 0
	for _, f := range said.Findings {
		if f.Object.Type == string(rightful.TypeSession) &&
			!slices.ContainsFunc(listed.Sessions, func(v engine.SessionView) bool { return v.ID == f.Object.ID }) {
			n++
		}
	}
	return n
}

// breaking is a Stripe whose list of sessions breaks off after some of them.
type breaking struct {
	rightful.StripeReader
	after int
}

func (b breaking) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	if q.Type != rightful.TypeSession || q.StripeCustomerID != "" {
		return b.StripeReader.List(ctx, q)
	}
	return func(yield func(rightful.Object, error) bool) {
		n := 0
		for o, err := range b.StripeReader.List(ctx, q) {
			if n == b.after {
				yield(rightful.Object{}, &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Message: "it broke off"})
				return
			}
			if n++; !yield(o, err) {
				return
			}
		}
	}
}

// TestSessionsListBreaksOff: what was listed is shown, and the report is incomplete;
// where nothing was, there is an error.
func TestSessionsListBreaksOff(t *testing.T) {
	t.Parallel()
	for after, want := range map[int]int{0: -1, 1: 1, 2: 2} {
		e, _, err := wire.World(founding)
		if err != nil {
			t.Fatal(err)
		}
		e.Sources.Stripe = breaking{e.Sources.Stripe, after}
		r, err := e.Sessions(t.Context(), engine.SessionsInput{Since: 1})
		switch {
		case want < 0:
			if rightful.KindOf(err) != rightful.KindUnavailable {
				t.Errorf("after %d: %v", after, err)
			}
		case err != nil || r.Complete || len(r.Sessions) < want || !strings.Contains(strings.Join(r.IncompleteBecause, " "), "it broke off"):
			t.Errorf("after %d: %v, %+v", after, err, r)
		}
	}
}
