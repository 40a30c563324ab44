package view

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/engine"
)

// savedHint says how a saved audit is made.
const savedHint = "save one with: rightful audit --format json > audit.json"

// ParseAudit reads what JSON wrote about an audit; name is used in errors, which
// are of kind invalid and tell line and column. Fields that are not known are
// left alone: a later version may have written them.
func ParseAudit(name string, raw []byte) (*engine.AuditReport, error) {
	invalid := func(place, message string, err error) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: savedHint, Err: err}
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if bytes.HasPrefix(raw, []byte{0xff, 0xfe}) || bytes.HasPrefix(raw, []byte{0xfe, 0xff}) {
		return nil, invalid(name, "the file is UTF-16, as > in PowerShell writes it; JSON is UTF-8", nil)
	}
	var saved struct {
		engine.AuditReport
		Complete *bool               `json:"complete"`
		Found    *[]rightful.Finding `json:"findings"`
		Who      *string             `json:"who"`
	}
	if err := json.Unmarshal(raw, &saved); err != nil {
		var syntax *jsontext.SyntacticError
		var semantic *json.SemanticError
		switch {
		case len(bytes.TrimSpace(raw)) == 0:
			return nil, invalid(name, "the file is empty", err)
		case errors.As(err, &syntax):
			return nil, invalid(at(name, raw, syntax.ByteOffset), "not valid JSON", err)
		case errors.As(err, &semantic):
			return nil, invalid(at(name, raw, semantic.ByteOffset), fmt.Sprintf("%s has the wrong type", or(string(semantic.JSONPointer))), err)
		}
		return nil, invalid(name, "cannot be read as JSON", err)
	}
	if saved.Who != nil {
		return nil, invalid(name, "this is an investigation, not an audit", nil)
	}
	if saved.Complete == nil || saved.Found == nil {
		return nil, invalid(name, "this is no saved audit: it has no complete and no findings", nil)
	}
	r := &saved.AuditReport
	r.Complete, r.Findings = *saved.Complete, *saved.Found
	seen := map[string]bool{}
	for i, f := range r.Findings {
		place := fmt.Sprintf("%s: findings[%d]", name, i)
		switch f.Severity {
		case rightful.SeverityError, rightful.SeverityWarning, rightful.SeverityInfo:
		default:
			return nil, invalid(place, fmt.Sprintf("%q is not a severity", f.Severity), nil)
		}
		if f.ID == "" || seen[f.ID] {
			return nil, invalid(place, fmt.Sprintf("the id %q is empty or stands twice", f.ID), nil)
		}
		seen[f.ID] = true
	}
	return r, nil
}

// at names a place in a file.
func at(name string, raw []byte, offset int64) string {
	before := raw[:min(max(offset, 0), int64(len(raw)))]
	return fmt.Sprintf("%s:%d:%d", name, bytes.Count(before, []byte{'\n'})+1, len(before)-bytes.LastIndexByte(before, '\n'))
}
