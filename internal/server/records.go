package server

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"rightful"
	"rightful/internal/journal"
)

// Pages of lists.
const (
	pageDefault = 50
	pageMost    = 100
)

// wrongQuery is the error about a parameter of the query.
func wrongQuery(name, detail string) *problem {
	return &problem{Status: http.StatusUnprocessableEntity, Code: "invalid", Field: name, Detail: detail}
}

// query reads parameters: those that are known, each once.
func query(r *http.Request, known ...string) (map[string]string, error) {
	out := map[string]string{}
	sent, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, wrongQuery("", "the query cannot be read: it has a ; or a % that is not followed by two hexadecimal digits")
	}
	for name, values := range sent {
		switch {
		case !slices.Contains(known, name):
			return nil, wrongQuery(shown(name), "there is no such parameter")
		case len(values) > 1:
			return nil, wrongQuery(name, "it is given twice")
		case len(values[0]) > 200:
			return nil, wrongQuery(name, "it is too long")
		}
		out[name] = values[0]
	}
	return out, nil
}

// shown is what may be repeated of a name that somebody made up.
func shown(name string) string {
	if regexp.MustCompile(`^[a-zA-Z0-9_.\[\]-]{1,64}$`).MatchString(name) {
		return name
	}
	return "?"
}

func limit(q map[string]string) (int, error) {
	text, given := q["limit"]
	if !given {
		return pageDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > pageMost {
		return 0, wrongQuery("limit", fmt.Sprintf("it is a number from 1 to %d", pageMost))
	}
	return n, nil
}

// cursor is where a list goes on. What it holds is nobody's business, and checked.
func cursor(kind, after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + after))
}

// after returns what a cursor of a kind holds; "" without one.
func after(q map[string]string, kind string, form *regexp.Regexp) (string, error) {
	text, given := q["cursor"]
	if !given {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) <= len(kind) || string(raw[:len(kind)+1]) != kind+":" || !form.Match(raw[len(kind)+1:]) {
		return "", wrongQuery("cursor", "it is none that this list gave: begin without it")
	}
	return string(raw[len(kind)+1:]), nil
}

var (
	findingID = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	digits    = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)
)

// findings answers GET /v1/findings: the last audit that was recorded, and what is
// open, in the order of ids.
func (s *Server) findings(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	q, err := query(r, "code", "severity", "company_id", "limit", "cursor")
	if err != nil {
		return nil, err
	}
	want := rightful.FindingQuery{Code: rightful.Code(q["code"]), Severity: rightful.Severity(q["severity"]), CompanyID: q["company_id"]}
	if _, known := rightful.CodeNamed(want.Code); want.Code != "" && !known {
		return nil, wrongQuery("code", "there is no such code: they look like RF101")
	}
	if want.Severity != "" && !slices.Contains([]rightful.Severity{rightful.SeverityError, rightful.SeverityWarning, rightful.SeverityInfo}, want.Severity) {
		return nil, wrongQuery("severity", "it is error, warning or info")
	}
	if want.Limit, err = limit(q); err != nil {
		return nil, err
	}
	if want.After, err = after(q, "finding", findingID); err != nil {
		return nil, err
	}
	most := want.Limit
	want.Limit++ // one more tells whether there is one
	found, err := s.o.Findings.Findings(r.Context(), want)
	if err != nil {
		return nil, err
	}
	audits, err := s.o.Findings.Audits(r.Context(), "", false, 1)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Audit    *rightful.AuditRecord      `json:"audit"`
		Findings []rightful.RecordedFinding `json:"findings"`
		Next     *string                    `json:"next_cursor"`
	}
	if len(audits) > 0 {
		answer.Audit = &audits[0]
	}
	if len(found) > most {
		found = found[:most]
		next := cursor("finding", found[most-1].ID)
		answer.Next = &next
	}
	answer.Findings = found
	return answer, nil
}

// finding answers GET /v1/findings/{id}.
func (s *Server) finding(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	id := r.PathValue("id")
	if !findingID.MatchString(id) {
		return nil, &problem{Status: http.StatusNotFound, Code: "not_found", Detail: "no finding has such an id"}
	}
	return orError(s.o.Findings.FindingByID(r.Context(), id))
}

// runs answers GET /v1/runs: what repairs have recorded, the last first.
func (s *Server) runs(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	q, err := query(r, "limit", "cursor")
	if err != nil {
		return nil, err
	}
	most, err := limit(q)
	if err != nil {
		return nil, err
	}
	before, err := after(q, "run", digits)
	if err != nil {
		return nil, err
	}
	want := journal.Filter{Last: most + 1} // one more tells whether there is one
	if before != "" {
		if want.BeforeSeq, err = strconv.ParseInt(before, 10, 64); err != nil {
			return nil, wrongQuery("cursor", "it is none that this list gave: begin without it")
		}
	}
	all, err := s.o.Runs.Runs(r.Context(), want)
	if err != nil {
		return nil, err
	}
	slices.Reverse(all)
	var answer struct {
		Runs []journal.Summary `json:"runs"`
		Next *string           `json:"next_cursor"`
	}
	if len(all) > most {
		all = all[:most]
		next := cursor("run", strconv.FormatInt(all[most-1].Seq, 10))
		answer.Next = &next
	}
	answer.Runs = all
	return answer, nil
}

// run answers GET /v1/runs/{id}, with the first records of the run.
func (s *Server) run(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	const most = 1000
	runs, err := s.o.Runs.Runs(r.Context(), journal.Filter{Run: r.PathValue("id")})
	if err != nil {
		return nil, err
	}
	if r.PathValue("id") == "" || len(runs) != 1 {
		return nil, &problem{Status: http.StatusNotFound, Code: "not_found", Detail: "no run has this id"}
	}
	answer := struct {
		Run       journal.Summary `json:"run"`
		Records   []journal.Entry `json:"records"`
		Truncated bool            `json:"truncated"` // rightful journal show prints all
	}{Run: runs[0], Records: []journal.Entry{}}
	for e, err := range s.o.Runs.Entries(r.Context(), journal.Filter{Run: runs[0].ID}) {
		if err != nil {
			return nil, err
		}
		if answer.Truncated = len(answer.Records) == most; answer.Truncated {
			break
		}
		answer.Records = append(answer.Records, e)
	}
	return answer, nil
}
