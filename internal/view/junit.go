package view

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/engine"
)

// JUnit's elements, as the usual readers want them.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		ClassName string        `xml:"classname,attr"`
		Name      string        `xml:"name,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitProblem `xml:"failure"`
		Error     *junitProblem `xml:"error"`
		Skipped   *junitSkipped `xml:"skipped"`
	}
	junitProblem struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

// JUnit writes an audit as a JUnit report: a suite for whether the read was
// complete, and one for each code. Errors and warnings fail; information and
// what is accepted is skipped; a code without findings passes, but only when
// everything was read.
func JUnit(w io.Writer, r *engine.AuditReport) error {
	suites := []junitSuite{readSuite(r)}
	for _, c := range rightful.Codes() {
		if !c.Stops {
			suites = append(suites, codeSuite(r, c))
		}
	}
	return writeJUnit(w, "rightful audit", r.Now, suites)
}

// writeJUnit counts and writes suites; those without a case are left out. now is in
// Unix seconds.
func writeJUnit(w io.Writer, name string, now int64, suites []junitSuite) error {
	stamp := time.Unix(now, 0).UTC().Format("2006-01-02T15:04:05")
	all := junitSuites{Name: name, Time: "0"}
	for _, s := range suites {
		if len(s.Cases) == 0 {
			continue
		}
		s.Time, s.Timestamp = "0", stamp
		for i := range s.Cases {
			s.count(&s.Cases[i])
		}
		all.Tests, all.Failures, all.Errors, all.Skipped = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) count(c *junitCase) {
	c.Time = "0"
	s.Tests++
	switch {
	case c.Error != nil:
		s.Errors++
	case c.Failure != nil:
		s.Failures++
	case c.Skipped != nil:
		s.Skipped++
	}
}

// readSuite tells whether the audit ran and read everything.
func readSuite(r *engine.AuditReport) junitSuite {
	c := junitCase{ClassName: "rightful", Name: "everything was read"}
	switch {
	case r.Refused != nil:
		c.Error = &junitProblem{Type: string(r.Refused.Code), Message: clean("refused: " + r.Refused.Message), Text: clean(r.Refused.Hint)}
	case !r.Complete:
		lines := []string{"Nothing may be concluded from what is absent."}
		for _, because := range r.IncompleteBecause {
			lines = append(lines, clean(because))
		}
		c.Error = &junitProblem{Type: "incomplete", Message: "the read was incomplete: " + clean(strings.Join(r.IncompleteBecause, "; ")), Text: strings.Join(lines, "\n")}
	}
	return junitSuite{Name: "read", Cases: []junitCase{c}}
}

// codeSuite has a case for each finding of a code.
func codeSuite(r *engine.AuditReport, info rightful.CodeInfo) junitSuite {
	s := junitSuite{Name: string(info.Code) + " " + info.Title}
	testcase := func(f rightful.Finding) junitCase {
		name := f.Object.Type + " " + f.Object.ID
		if f.CompanyID != nil {
			name += " (company " + *f.CompanyID + ")"
		}
		return junitCase{ClassName: "rightful." + string(info.Code), Name: clean(name)}
	}
	for _, f := range r.Findings {
		if f.Code != info.Code {
			continue
		}
		c := testcase(f)
		if f.Severity == rightful.SeverityInfo {
			c.Skipped = &junitSkipped{Message: "for information: " + wording(f)}
		} else {
			c.Failure = &junitProblem{Type: string(f.Severity), Message: wording(f), Text: details(f)}
		}
		s.Cases = append(s.Cases, c)
	}
	for _, a := range r.Accepted {
		if a.Code == info.Code {
			c := testcase(a.Finding)
			c.Skipped = &junitSkipped{Message: acceptance(a)}
			s.Cases = append(s.Cases, c)
		}
	}
	asked := len(r.Scope.Only) == 0 || slices.ContainsFunc(r.Scope.Only, func(only string) bool { return strings.HasPrefix(string(info.Code), strings.ToUpper(only)) })
	switch none := (junitCase{ClassName: "rightful." + string(info.Code), Name: "no findings"}); {
	case len(s.Cases) > 0 || !asked || !r.Complete:
	case r.Off[info.Code] > 0:
		none.Name, none.Skipped = "findings", &junitSkipped{Message: count(r.Off[info.Code], "finding", "findings") + ", and the code is off"}
		s.Cases = append(s.Cases, none)
	default:
		s.Cases = append(s.Cases, none)
	}
	return s
}

// details are the lines of a finding that a person needs to act.
func details(f rightful.Finding) string {
	lines := []string{"finding: " + clean(f.ID)}
	if f.Security {
		lines = append(lines, "SECURITY")
	}
	if c := change(f); c != "" {
		lines = append(lines, "change: "+c+" ("+howRepaired(f)+")")
	}
	if f.Amount != nil {
		lines = append(lines, "at stake: "+amount(*f.Amount)+" a month")
	}
	for _, e := range f.Evidence {
		lines = append(lines, "evidence: "+clean(e.Place)+" says "+or(e.Says))
	}
	return strings.Join(append(lines, "next: rightful explain "+string(f.Code)), "\n")
}
