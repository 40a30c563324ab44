package test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"rightful"
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

func ran(runs []rightful.TaskRun, task rightful.Task) (n int) {
	for _, r := range runs {
		if r.Task == task {
			n++
		}
	}
	return n
}
