package view

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"rightful"
	"rightful/docs"
	"rightful/internal/accept"
	"rightful/internal/engine"
)

// The part of SARIF 2.1.0 that an audit needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool              sarifTool         `json:"tool"`
		AutomationDetails sarifID           `json:"automationDetails"`
		Invocations       []sarifInvocation `json:"invocations"`
		Results           []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string         `json:"id"`
		Name                 string         `json:"name"`
		ShortDescription     sarifText      `json:"shortDescription"`
		FullDescription      sarifText      `json:"fullDescription"`
		Help                 sarifText      `json:"help"`
		DefaultConfiguration sarifLevel     `json:"defaultConfiguration"`
		Properties           map[string]any `json:"properties"`
	}
	sarifID struct {
		ID string `json:"id"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool                `json:"executionSuccessful"`
		ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID              string             `json:"ruleId"`
		RuleIndex           int                `json:"ruleIndex"`
		Level               string             `json:"level"`
		Message             sarifText          `json:"message"`
		Locations           []sarifLocation    `json:"locations"`
		PartialFingerprints map[string]string  `json:"partialFingerprints,omitempty"`
		Suppressions        []sarifSuppression `json:"suppressions"`
		Properties          map[string]any     `json:"properties,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		Name               string `json:"name"`
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

// SARIF writes an audit as SARIF 2.1.0. A finding stands in no file, and code
// hosts want one: file is the config or world that was audited. Accepted ones
// are left out unless they are asked for: they are marked as suppressed, and
// GitHub shows what is suppressed as open.
func SARIF(w io.Writer, r *engine.AuditReport, file string, accepted bool) error {
	s := &sarifWriter{file: fileURI(file), index: map[rightful.Code]int{}}
	secure := map[rightful.Code]bool{}
	for _, f := range r.Findings {
		secure[f.Code] = secure[f.Code] || f.Security
	}
	run := sarifRun{
		AutomationDetails: sarifID{ID: "rightful/" + clean(r.Whose()) + "/" + mode(r.Livemode) + "/"},
		Invocations:       []sarifInvocation{invocation(r)},
		Results:           []sarifResult{},
	}
	run.Tool.Driver.Name = "rightful"
	for i, c := range rightful.Codes() {
		rule, err := sarifRuleOf(c, secure[c.Code])
		if err != nil {
			return err
		}
		s.index[c.Code] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	if r.Refused != nil {
		run.Results = append(run.Results, s.refusal(r.Refused))
	}
	for _, f := range r.Findings {
		run.Results = append(run.Results, s.result(f))
	}
	if accepted {
		for _, a := range r.Accepted {
			run.Results = append(run.Results, s.suppressed(a))
		}
	}
	return JSON(w, sarifLog{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

type sarifWriter struct {
	file  string
	index map[rightful.Code]int
}

func mode(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// fileURI writes a path as SARIF wants it: relative where it is.
func fileURI(path string) string {
	path = filepath.ToSlash(filepath.Clean(path))
	if strings.HasPrefix(path, "/") {
		return (&url.URL{Scheme: "file", Path: path}).String()
	}
	return (&url.URL{Path: path}).String()
}

// sarifRuleOf describes a code. Whether it is about security is said here too,
// because code hosts read it from the rule.
func sarifRuleOf(c rightful.CodeInfo, security bool) (sarifRule, error) {
	page := "checks/" + string(c.Code) + ".md"
	help, err := docs.Checks.ReadFile(page)
	if err != nil {
		return sarifRule{}, err
	}
	rule := sarifRule{
		ID: string(c.Code), Name: string(c.Code), ShortDescription: sarifText{Text: c.Title},
		FullDescription:      sarifText{Text: fmt.Sprintf("%s. rightful explain %s says more.", c.Title, c.Code)},
		Help:                 sarifText{Text: string(help), Markdown: string(help)},
		DefaultConfiguration: sarifLevel{Level: level(c.Severity)},
		Properties:           map[string]any{"docs": "docs/" + page},
	}
	if security {
		markSecurity(rule.Properties, c.Severity)
	}
	return rule, nil
}

func level(s rightful.Severity) string {
	if s == rightful.SeverityInfo {
		return "note"
	}
	return string(s)
}

// markSecurity says what code hosts sort security matters by: a score as CVSS
// has it, of high, medium and low.
func markSecurity(properties map[string]any, s rightful.Severity) {
	score := map[rightful.Severity]string{rightful.SeverityError: "8.0", rightful.SeverityWarning: "5.0"}[s]
	if score == "" {
		score = "2.0"
	}
	properties["tags"] = []string{"security"}
	properties["security-severity"] = score
}

func invocation(r *engine.AuditReport) sarifInvocation {
	out := sarifInvocation{ExecutionSuccessful: r.Complete && r.Refused == nil, ToolExecutionNotifications: []sarifNotification{}}
	for _, because := range r.IncompleteBecause {
		out.ToolExecutionNotifications = append(out.ToolExecutionNotifications,
			sarifNotification{Level: "error", Message: sarifText{Text: "incomplete: " + clean(because)}})
	}
	return out
}

func (s *sarifWriter) at(logical ...sarifLogical) []sarifLocation {
	return []sarifLocation{{PhysicalLocation: sarifPhysical{ArtifactLocation: sarifArtifact{URI: s.file}, Region: sarifRegion{StartLine: 1}}, LogicalLocations: logical}}
}

func (s *sarifWriter) refusal(r *engine.Refusal) sarifResult {
	return sarifResult{
		RuleID: string(r.Code), RuleIndex: s.index[r.Code], Level: "error", Locations: s.at(), Suppressions: []sarifSuppression{},
		Message: sarifText{Text: clean("refused: " + r.Message + ". " + r.Hint)}, PartialFingerprints: fingerprints(string(r.Code)),
	}
}

// fingerprints let a result be recognised in the next run. GitHub reads the
// first name only.
func fingerprints(id string) map[string]string {
	return map[string]string{"primaryLocationLineHash": id, "rightfulFinding/v1": id}
}

func (s *sarifWriter) result(f rightful.Finding) sarifResult {
	out := sarifResult{
		RuleID: string(f.Code), RuleIndex: s.index[f.Code], Level: level(f.Severity), Message: sarifText{Text: wording(f)},
		Locations:           s.at(sarifLogical{Name: clean(f.Object.ID), FullyQualifiedName: clean(f.Object.Type + "/" + f.Object.ID), Kind: "resource"}),
		PartialFingerprints: fingerprints(clean(f.ID)), Suppressions: []sarifSuppression{},
		Properties: map[string]any{"finding": clean(f.ID), "automatic": f.Automatic},
	}
	for key, value := range map[string]*string{"company_id": f.CompanyID, "rightful_company_id": f.RightfulCompanyID, "wrong_value": f.WrongValue} {
		if value != nil {
			out.Properties[key] = clean(*value)
		}
	}
	if f.Amount != nil {
		out.Properties["amount"] = amount(*f.Amount) + " a month"
	}
	if f.Security {
		markSecurity(out.Properties, f.Severity)
	}
	return out
}

// wording is what a finding says where there is one text for it. It is never
// empty.
func wording(f rightful.Finding) string {
	text := f.Message
	if text == "" {
		text = f.Title
	}
	if f.Why != "" {
		text += " (" + howRepaired(f) + ": " + f.Why + ")"
	}
	return clean(text)
}

func (s *sarifWriter) suppressed(a accept.Accepted) sarifResult {
	out := s.result(a.Finding)
	out.Suppressions = append(out.Suppressions, sarifSuppression{Kind: "external", Status: "accepted", Justification: acceptance(a)})
	return out
}

// acceptance says who accepted a finding, until when and why.
func acceptance(a accept.Accepted) string {
	return clean(fmt.Sprintf("accepted on %s by %s until %s: %s", a.At, or(a.By), a.Until, a.Reason))
}
