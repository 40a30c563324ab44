package view_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rightful"
	"rightful/internal/accept"
	"rightful/internal/engine"
	"rightful/internal/view"
)

// evilReport has a terminal command and a formula in every text.
func evilReport() *engine.AuditReport {
	const evil = "=cmd()\x1b]0;owned\x07\r\n<b>]]>\u202e"
	s := evil
	f := rightful.Finding{
		ID: evil, Code: rightful.CodeStampOther, Severity: rightful.SeverityError, Security: true, Title: evil, Message: "Reported again: " + evil, Why: evil, Account: evil,
		Object: rightful.Ref{Type: evil, ID: evil}, Also: []string{evil}, CompanyID: &s, RightfulCompanyID: &s, WrongValue: &s,
		Amount: &rightful.Amount{MonthlyMinor: -5, Currency: evil}, Evidence: []rightful.Signal{{Place: evil, Says: evil}},
		Proposal: &rightful.Proposal{Place: evil, Field: evil, To: &s},
	}
	warning, info := f, f
	warning.Severity, warning.Security, info.Severity, info.Security = rightful.SeverityWarning, false, rightful.SeverityInfo, false
	return &engine.AuditReport{
		Account: evil, IncompleteBecause: []string{evil}, Findings: []rightful.Finding{f, warning, info, f},
		Known: engine.Known{
			Accepted: []accept.Accepted{{Finding: f, Reason: evil, By: evil, At: evil, Until: evil}},
			Stale:    []accept.Entry{{Finding: evil}}, Off: map[rightful.Code]int{rightful.CodeRowOther: 2},
		},
	}
}

// TestNoControlCharacterInAnyFormat, and each stays readable by its readers.
func TestNoControlCharacterInAnyFormat(t *testing.T) {
	t.Parallel()
	refused := &engine.AuditReport{Refused: &engine.Refusal{Code: rightful.CodeWrongKey, Message: "\x1b", Hint: "\x1b"}}
	for _, r := range []*engine.AuditReport{evilReport(), refused} {
		for name, write := range map[string]func(io.Writer) error{
			"sarif": func(w io.Writer) error { return view.SARIF(w, r, "a b/../rightful.yaml", true) },
			"junit": func(w io.Writer) error { return view.JUnit(w, r) },
			"csv":   func(w io.Writer) error { return view.CSV(w, r, true) },
			"human": func(w io.Writer) error {
				p := &view.Printer{Out: w, ShowAccepted: true, All: true}
				p.Audit(r)
				p.Diff(&engine.Difference{
					Account: r.Account, Notes: r.IncompleteBecause, IncompleteBecause: r.IncompleteBecause, New: r.Findings,
					Changed:  []engine.Change{{Finding: rightful.Finding{ID: "\x1b"}, Changes: []engine.FieldChange{{Field: "f", From: "\x1b", To: "\x1b"}}}},
					Silenced: []engine.Silenced{{Because: "\x1b"}},
				})
				a := &view.Acceptance{File: "\x1b", Accepted: []accept.Entry{{Finding: "\x1b", Until: "\x1b"}}, LeftOut: r.Findings, Pruned: []accept.Entry{{Reason: "\x1b"}}}
				p.Acceptance(a)
				p.Pruned(a)
				return nil
			},
		} {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(name, err)
			}
			texts := []string{strings.NewReplacer("\r\n", "", "\n", "").Replace(out.String())}
			switch name {
			case "sarif":
				texts = append(texts, stringsIn(t, out.Bytes())...)
			case "junit":
				if err := xml.Unmarshal(out.Bytes(), new(struct{})); err != nil {
					t.Error(err)
				}
			}
			for _, text := range texts {
				if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }); i >= 0 {
					t.Errorf("%s: %q", name, text[max(0, i-40):i+5])
				}
			}
		}
	}
}

// stringsIn returns every string in a JSON text, as its reader gets it.
func stringsIn(t *testing.T, raw []byte) []string {
	t.Helper()
	var out []string
	dec := json.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(string); ok {
			out = append(out, s)
		}
	}
}

// TestCSVIsSafeAndStable: no cell is a formula, and columns stay where they are.
func TestCSVIsSafeAndStable(t *testing.T) {
	t.Parallel()
	values := map[string]string{"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\tx": `'\u0009x`, "\r=1": `'\u000d=1`, "  =1": "'  =1", "＝1": "'＝1", "a=1": "a=1", "": "", "a,\"b\"": `a,"b"`}
	for value, want := range values {
		r := &engine.AuditReport{Findings: []rightful.Finding{{ID: "x", WrongValue: &value}}, Known: engine.Known{Accepted: []accept.Accepted{{Reason: value}}}}
		for _, accepted := range []bool{false, true} {
			var out bytes.Buffer
			if err := view.CSV(&out, r, accepted); err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(&out).ReadAll()
			if err != nil || len(rows[0]) != 24 || rows[0][9] != "wrong_value" || rows[1][9] != want || rows[0][23] != "accepted_reason" {
				t.Errorf("%q: got %v, %v", value, rows, err)
			}
			if (len(rows) == 3) != accepted || accepted && (rows[2][23] != want || rows[2][21] != "accepted") {
				t.Errorf("%q: got %v", value, rows)
			}
		}
	}
	var out bytes.Buffer
	if err := view.CSV(&out, &engine.AuditReport{}, true); err != nil || strings.Count(out.String(), "\r\n") != 1 {
		t.Errorf("without findings: %q, %v", out.String(), err)
	}
}

// TestSARIFForCodeHosts: what GitHub reads.
func TestSARIFForCodeHosts(t *testing.T) {
	t.Parallel()
	r := evilReport()
	r.Findings[0].ID, r.Findings[0].Object = "RF103-0123456789", rightful.Ref{Type: "customer", ID: "cus_1"}
	var out bytes.Buffer
	if err := view.SARIF(&out, r, "./conf/right ful.yaml", true); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct {
						ID         string
						Help       struct{ Text, Markdown string }
						Properties map[string]any
					}
				}
			}
			Invocations []struct{ ExecutionSuccessful bool }
			Results     []struct {
				RuleID              string
				RuleIndex           int
				Level               string
				Message             struct{ Text string }
				PartialFingerprints map[string]string
				Suppressions        []struct{ Status, Justification string }
				Properties          map[string]any
				Locations           []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
					LogicalLocations []struct{ FullyQualifiedName string }
				}
			}
		}
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if run.Invocations[0].ExecutionSuccessful || len(run.Tool.Driver.Rules) != len(rightful.Codes()) {
		t.Errorf("got %+v and %d rules", run.Invocations, len(run.Tool.Driver.Rules))
	}
	var levels []string
	for _, res := range run.Results {
		rule := run.Tool.Driver.Rules[res.RuleIndex]
		if rule.ID != res.RuleID || !strings.Contains(rule.Help.Markdown, res.RuleID) || rule.Properties["docs"] != "docs/checks/"+res.RuleID+".md" || res.Message.Text == "" {
			t.Errorf("%s has the rule %+v", res.RuleID, rule)
		}
		levels = append(levels, res.Level)
	}
	if diff := cmp.Diff([]string{"error", "warning", "note", "error", "error"}, levels); diff != "" {
		t.Error(diff)
	}
	first, last := run.Results[0], run.Results[4]
	if first.PartialFingerprints["primaryLocationLineHash"] != "RF103-0123456789" || first.Properties["security-severity"] != "8.0" || len(first.Suppressions) != 0 ||
		first.Locations[0].PhysicalLocation.ArtifactLocation.URI != "conf/right%20ful.yaml" || first.Locations[0].LogicalLocations[0].FullyQualifiedName != "customer/cus_1" {
		t.Errorf("got %+v", first)
	}
	if run.Results[1].Properties["security-severity"] != nil || run.Tool.Driver.Rules[first.RuleIndex].Properties["security-severity"] == nil {
		t.Error("a warning is marked as security, or the rule of a security matter is not")
	}
	out.Reset()
	if err := view.SARIF(&out, r, "x", false); err != nil || strings.Contains(out.String(), "justification") {
		t.Errorf("accepted findings reach a host that shows them as open: %v", err)
	}
	if len(last.Suppressions) != 1 || last.Suppressions[0].Status != "accepted" || !strings.Contains(last.Suppressions[0].Justification, "=cmd()") {
		t.Errorf("got %+v", last.Suppressions)
	}
}

// TestASavedAuditIsReadAgain as it was.
func TestASavedAuditIsReadAgain(t *testing.T) {
	t.Parallel()
	r := evilReport()
	for i := range r.Findings {
		r.Findings[i].ID += string(rune('a' + i))
	}
	r.Scope = engine.Scope{Company: "11", Only: []string{"RF1"}}
	var out bytes.Buffer
	if err := view.JSON(&out, r); err != nil {
		t.Fatal(err)
	}
	again, err := view.ParseAudit("a.json", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again, cmpopts.IgnoreUnexported(engine.AuditReport{})); diff != "" {
		t.Error(diff)
	}
	if _, err := view.ParseAudit("a.json", bytes.Replace(out.Bytes(), []byte(`"complete"`), []byte(`"later": 1, "complete"`), 1)); err != nil {
		t.Errorf("a field of a later version: %v", err)
	}
	if _, err := view.ParseAudit("a.json", append([]byte("\ufeff"), out.Bytes()...)); err != nil {
		t.Errorf("a byte order mark: %v", err)
	}
	if _, err := view.ParseAudit("a.json", []byte("\xff\xfe{\x00}\x00")); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}
