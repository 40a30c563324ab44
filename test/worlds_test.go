// Package test holds what is tested across rooms: worlds, the import graph, and
// scripts that run the real binary.
package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rightful"
	"rightful/docs"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// expected is one finding that a world must show.
type expected struct {
	Code      rightful.Code     `json:"code"`
	Object    string            `json:"object"`
	Rightful  *string           `json:"rightful"`
	Automatic bool              `json:"automatic"`
	Security  bool              `json:"security"`
	Severity  rightful.Severity `json:"severity"` // empty: the code's own
}

// worldFiles returns the worlds in this folder.
func worldFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("worlds/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	return files
}

// TestWorlds audits every world and compares the findings with what the world
// itself expects: exactly those, on those objects, nothing else.
func TestWorlds(t *testing.T) {
	t.Parallel()
	for _, file := range worldFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			want := expectation(t, file)
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			report, err := e.Audit(t.Context(), engine.AuditInput{})
			if err != nil {
				t.Fatal(err)
			}
			if got := refusedCode(report.Refused); got != want.Refused {
				t.Fatalf("refused %q, want %q", got, want.Refused)
			}
			byObject := cmpopts.SortSlices(func(a, b expected) bool { return a.Object+string(a.Code) < b.Object+string(b.Code) })
			if diff := cmp.Diff(want.Findings, found(report.Findings), byObject, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nfindings (-want +got):\n%s", want.About, diff)
			}
		})
	}
}

type expectations struct {
	About    string        `json:"about"`
	Findings []expected    `json:"expect"`
	Refused  rightful.Code `json:"expect_refused"`
}

func expectation(t *testing.T, file string) expectations {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want expectations
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	for i, f := range want.Findings {
		if f.Severity == "" {
			info, _ := rightful.CodeNamed(f.Code)
			want.Findings[i].Severity = info.Severity
		}
	}
	return want
}

func found(all []rightful.Finding) []expected {
	var out []expected
	for _, f := range all {
		out = append(out, expected{
			Code: f.Code, Object: f.Object.ID, Rightful: f.RightfulCompanyID,
			Automatic: f.Automatic, Security: f.Security, Severity: f.Severity,
		})
	}
	return out
}

func refusedCode(r *engine.Refusal) rightful.Code {
	if r == nil {
		return ""
	}
	return r.Code
}

// TestCodesPagesAndWorldsMatch holds the registry against the files, both ways:
// each code has a page with its title, a world that shows it and a healthy one
// that looks like it, and there is no page or world without a code.
func TestCodesPagesAndWorldsMatch(t *testing.T) {
	t.Parallel()
	shows, healthy := map[string]bool{}, map[string]bool{}
	for _, file := range worldFiles(t) {
		code, kind, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-")
		if _, known := rightful.CodeNamed(rightful.Code(code)); !known {
			t.Errorf("%s is of no code", file)
		}
		want := expectation(t, file)
		switch kind {
		case "healthy":
			healthy[code] = true
			if len(want.Findings) > 0 || want.Refused != "" {
				t.Errorf("%s is called healthy and expects findings", file)
			}
		case "shows":
			shows[code] = true
			if !mentions(want, rightful.Code(code)) {
				t.Errorf("%s does not expect %s", file, code)
			}
		}
	}
	for _, c := range rightful.Codes() {
		if !shows[string(c.Code)] {
			t.Errorf("%s has no world that shows it", c.Code)
		}
		if !healthy[string(c.Code)] {
			t.Errorf("%s has no healthy world that looks like it", c.Code)
		}
		page, err := docs.Checks.ReadFile("checks/" + string(c.Code) + ".md")
		if err != nil {
			t.Errorf("%s has no page", c.Code)
			continue
		}
		if head, _, _ := strings.Cut(string(page), "\n"); head != "# "+string(c.Code)+" · "+c.Title {
			t.Errorf("the page of %s begins %q, want its code and title %q", c.Code, head, c.Title)
		}
	}
	pages, err := docs.Checks.ReadDir("checks")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if _, known := rightful.CodeNamed(rightful.Code(strings.TrimSuffix(p.Name(), ".md"))); !known {
			t.Errorf("docs/checks/%s is of no code", p.Name())
		}
	}
}

func mentions(want expectations, code rightful.Code) bool {
	if want.Refused == code {
		return true
	}
	for _, f := range want.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}
