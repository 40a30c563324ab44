package test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// TestInvestigateAgreesWithAudit asks about every user, every company, and the
// object of every finding. Whatever an investigation reports, the audit reports
// word for word; and the investigation of an object reports what the audit
// found on it.
func TestInvestigateAgreesWithAudit(t *testing.T) {
	t.Parallel()
	for _, file := range append(worldFiles(t), "../internal/demo/founding-incident.json") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, what := range disagreements(t, e) {
				t.Error(what)
			}
		})
	}
}

// disagreements asks about everybody, and says where an investigation and the
// audit differ.
func disagreements(t *testing.T, e *engine.Engine) []string {
	t.Helper()
	whole := audit(t, e, engine.AuditInput{})
	if whole.Refused != nil {
		return nil
	}
	var out []string
	differ := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, who := range everybody(t, e, whole.Findings) {
		inv, err := e.Investigate(t.Context(), who)
		if err != nil {
			differ("%s: %v", who, err)
			continue
		}
		for _, f := range inv.Findings {
			i := slices.IndexFunc(whole.Findings, func(w rightful.Finding) bool { return w.ID == f.ID })
			if i < 0 {
				differ("%s: only the investigation finds %s on %s: %s", who, f.Code, f.Object.ID, f.Message)
				continue
			}
			if diff := cmp.Diff(whole.Findings[i], f); diff != "" {
				differ("%s: %s on %s differs (-audit +investigation):\n%s", who, f.Code, f.Object.ID, diff)
			}
		}
		for _, f := range whole.Findings {
			has := slices.ContainsFunc(inv.Findings, func(o rightful.Finding) bool { return o.ID == f.ID })
			if nameOf(f) == who && !has {
				differ("%s: only the audit finds %s: %s", who, f.Code, f.Message)
			}
		}
	}
	return out
}

// nameOf returns the WHO that names a finding's object, "" when none does.
func nameOf(f rightful.Finding) string {
	switch f.Object.Type {
	case rightful.RefUser:
		return "user:" + f.Object.ID
	case rightful.RefCompany, rightful.RefLink:
		if f.Code == rightful.CodeHolderGone {
			return "" // the holder may have no row left to be named by
		}
		return "company:" + f.Object.ID
	case rightful.RefCacheKey, rightful.RefSubscriptionRow, rightful.RefRevision, "account", "event", "webhook_endpoint":
		return ""
	}
	return f.Object.ID
}

// everybody names all users and companies, and the objects of findings.
func everybody(t *testing.T, e *engine.Engine, findings []rightful.Finding) []string {
	t.Helper()
	var who []string
	for u, err := range e.Sources.Directory.Users(t.Context(), rightful.Select{}) {
		if err != nil {
			t.Fatal(err)
		}
		who = append(who, "user:"+u.ID)
	}
	for c, err := range e.Sources.Directory.Companies(t.Context(), rightful.Select{}) {
		if err != nil {
			t.Fatal(err)
		}
		who = append(who, "company:"+c.ID)
	}
	for _, f := range findings {
		if name := nameOf(f); name != "" && !slices.Contains(who, name) {
			who = append(who, name)
		}
	}
	return who
}
