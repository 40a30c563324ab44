package test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"rightful"
)

// ways are the ways to disagree that are known, and those of them that data cannot
// show.
var (
	ways = strings.Fields("A1 A2 A3 A4 A5 A6 B1 B2 B3 B4 B5 B6 B7 C1 C2 C3 C4 C5 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 " +
		"E1 E2 E3 E4 E5 E6 F1 F2 F3 F4 F5 F6 F7 F8 G1 G2 G3 G3b G4 G5 G6")
	unseen = strings.Fields("D3 D8 E4 G3b G5")
)

// TestEveryWayHasACode holds docs/coverage.md against the registry: every way has
// a row with codes that exist, or is among those that data cannot show and has a
// line that says why.
func TestEveryWayHasACode(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-G]\d+b?) [^|]+\| ([^|]+) \|$`).FindAllStringSubmatch(string(raw), -1) {
		if rows[m[1]] != "" {
			t.Errorf("%s has two rows", m[1])
		}
		rows[m[1]] = m[2]
	}
	if len(rows) != len(ways) {
		t.Errorf("%d rows, want %d", len(rows), len(ways))
	}
	hidden := map[string]bool{}
	for _, way := range unseen {
		hidden[way] = true
		if !strings.Contains(string(raw), "- **"+way+", ") {
			t.Errorf("%s has no line that says why data cannot show it", way)
		}
	}
	for _, way := range ways {
		codes := rows[way]
		if hidden[way] {
			if codes != "not in the data, see below" {
				t.Errorf("%s names %q, and data cannot show it", way, codes)
			}
			continue
		}
		if codes == "" {
			t.Errorf("%s has no row", way)
			continue
		}
		for code := range strings.SplitSeq(codes, ", ") {
			if _, known := rightful.CodeNamed(rightful.Code(code)); !known {
				t.Errorf("%s names %q, which is no code", way, code)
			}
		}
	}
}
