package test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/testserver"
	"rightful/stripesim"
)

// jobsAnswer is what GET /v1/jobs answers.
type jobsAnswer struct {
	Schedules []rightful.Scheduled `json:"schedules"`
	Runs      []rightful.TaskRun   `json:"runs"`
}

// scheduled asks the shop what runs when.
func (s *shop) scheduled(t *testing.T) (a jobsAnswer) {
	t.Helper()
	if err := json.Unmarshal(s.must200(t, http.MethodGet, "/v1/jobs", readToken, "").raw, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

const soon = "schedule: {sync: {every: 10s}, audit: {every: 10s}, monthly_reads: 10000000, lease: 5s}\n"

// TestServeRunsASchedule: syncs and audits are run when they are due, each once, and
// recorded; a run that was due while nobody was up is made up for once.
func TestServeRunsASchedule(t *testing.T) {
	t.Parallel()
	s := openShop(t, soon)
	s.serve(t)
	until(t, "both have run twice", func() bool {
		return ran(s.scheduled(t).Runs, rightful.TaskSync) > 1 && ran(s.scheduled(t).Runs, rightful.TaskAudit) > 1
	})
	a := s.scheduled(t)
	for _, r := range a.Runs {
		if r.Outcome != rightful.TaskComplete {
			t.Errorf("%+v", r)
		}
		if (r.AuditID != "") != (r.Task == rightful.TaskAudit) {
			t.Errorf("%+v", r)
		}
	}
	t.Logf("%+v", a)
	s.stop(t)
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Error(s.log.String())
	}
}

// TestScheduledAuditsFromTheMirror: what is synced is audited without reading Stripe's lists
// again, and what nothing has filled makes the audits incomplete.
func TestScheduledAuditsFromTheMirror(t *testing.T) {
	t.Parallel()
	audits := func(t *testing.T, s *shop, outcome rightful.TaskOutcome) (run rightful.TaskRun) {
		until(t, "an audit was "+string(outcome), func() bool {
			runs := s.scheduled(t).Runs
			i := slices.IndexFunc(runs, func(r rightful.TaskRun) bool { return r.Task == rightful.TaskAudit && r.Outcome == outcome })
			if i >= 0 {
				run = runs[i]
			}
			return i >= 0
		})
		return run
	}
	t.Run("filled", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, "schedule: {sync: {every: 10s}, audit: {every: 10s, mirror: true, max_age: 1h}, monthly_reads: 10000000, lease: 5s}\n")
		s.serve(t)
		run := audits(t, s, rightful.TaskComplete)
		if run.AuditID == "" || run.GETs > 4 {
			t.Errorf("%+v", run)
		}
		s.stop(t)
	})
	t.Run("never filled", func(t *testing.T) {
		t.Parallel()
		s := openShop(t, "mirror: 'sqlite:other.db'\nschedule: {audit: {every: 10s, mirror: true}, monthly_reads: 10000000}\n")
		s.serve(t)
		run := audits(t, s, rightful.TaskIncomplete)
		if !strings.Contains(run.Detail, "never read to its end") {
			t.Errorf("%+v", run)
		}
		if ran := s.scheduled(t).Runs; slices.ContainsFunc(ran, func(r rightful.TaskRun) bool { return r.Outcome == rightful.TaskComplete }) {
			t.Errorf("an empty mirror was found clean: %+v", ran)
		}
		s.stop(t)
	})
}

func ran(runs []rightful.TaskRun, task rightful.Task) (n int) {
	for _, r := range runs {
		if r.Task == task {
			n++
		}
	}
	return n
}

// TestJobPages: the pages about the queue are for operators, with a browser's means, and
// what changes anything must come from them.
func TestJobPages(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]func() string{"sqlite": func() string { return "sqlite:rightful.db" }, "postgres": func() string { return testserver.Postgres(t) }} {
		t.Run(name, func(t *testing.T) {
			s := openShop(t, soon+"state: '"+state()+"'\n")
			config := filepath.Join(s.dir, "rightful.yaml")
			text := strings.Replace(string(must(os.ReadFile(config))(t)), "serve:\n", "serve:\n  job_pages: true\n", 1)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s.serve(t)
			ask := func(method, path, token string, headers ...string) (int, http.Header, string) {
				t.Helper()
				q := must(http.NewRequest(method, s.url+path, nil))(t)
				if token != "" {
					q.SetBasicAuth("anybody", token)
				}
				for i := 0; i+1 < len(headers); i += 2 {
					q.Header.Set(headers[i], headers[i+1])
				}
				got := must(s.client.Do(q))(t)
				defer got.Body.Close()
				return got.StatusCode, got.Header, string(must(io.ReadAll(got.Body))(t))
			}
			if status, header, _ := ask("GET", "/jobs/", ""); status != http.StatusUnauthorized || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("nobody: %d %v", status, header)
			}
			if status, _, _ := ask("GET", "/jobs/", "a token that is none"); status != http.StatusUnauthorized {
				t.Errorf("unknown: %d", status)
			}
			if status, _, _ := ask("GET", "/jobs/api/jobs", readToken); status != http.StatusForbidden {
				t.Errorf("no operator: %d", status)
			}
			if status, header, body := ask("GET", "/jobs/", opsToken); status != http.StatusOK || !strings.Contains(body, "<html") || header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("an operator: %d %v %s", status, header, body)
			}
			until(t, "a run is shown", func() bool {
				status, _, body := ask("GET", "/jobs/api/jobs?state=completed", opsToken)
				return status == http.StatusOK && strings.Contains(body, "schedule_run")
			})
			path := "/jobs/api/queues/default/pause"
			if status, _, body := ask("PUT", path, opsToken, "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
				t.Errorf("from another site: %d %s", status, body)
			}
			if status, _, body := ask("PUT", path, opsToken, "Sec-Fetch-Site", "same-origin"); status != http.StatusOK {
				t.Errorf("from the page: %d %s", status, body)
			}
			s.stop(t)
		})
	}
}

// TestEveryAccountIsScheduled: of a config with several accounts all run, each for itself
// and recorded as its own.
func TestEveryAccountIsScheduled(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	elsewhere := httptest.NewServer(stripesim.New(stripesim.Options{Account: "acct_other"}))
	t.Cleanup(elsewhere.Close)
	own := []string{stripesim.DefaultAccount, "acct_other"}
	config := filepath.Join(s.dir, "rightful.yaml")
	text := string(must(os.ReadFile(config))(t))
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "stripe: ") {
			text = strings.Replace(text, line, "stripe:\n  - {key: sk_test_shop, account: "+own[0]+", api_base: '"+s.stripe.URL+"', webhook_secrets: ["+secret+"]}\n"+
				"  - {key: sk_test_other, account: "+own[1]+", api_base: '"+elsewhere.URL+"'}", 1)
		}
	}
	if err := os.WriteFile(config, []byte(text+soon), 0o600); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	until(t, "both accounts were synced and audited", func() bool {
		runs := s.scheduled(t).Runs
		return !slices.ContainsFunc(own, func(account string) bool {
			return !slices.ContainsFunc(runs, func(r rightful.TaskRun) bool { return r.Account == account && r.Task == rightful.TaskSync }) ||
				!slices.ContainsFunc(runs, func(r rightful.TaskRun) bool {
					return r.Account == account && r.Task == rightful.TaskAudit && r.AuditID != ""
				})
		})
	})
	for _, r := range s.scheduled(t).Runs {
		if r.Outcome != rightful.TaskComplete {
			t.Errorf("%+v", r)
		}
	}
	s.stop(t)
}
