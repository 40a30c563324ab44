package server

import (
	"context"
	"net/http"

	"rightful"
)

// Jobs tells what runs by itself.
type Jobs interface {
	Schedules(ctx context.Context) ([]rightful.Scheduled, error)
	// TaskRuns returns the last runs, the last first.
	TaskRuns(ctx context.Context, limit int) ([]rightful.TaskRun, error)
}

// jobs answers GET /v1/jobs: what runs when, and the last runs.
func (s *Server) jobs(_ http.ResponseWriter, r *http.Request, _ *caller) (any, error) {
	q, err := query(r, "limit")
	if err != nil {
		return nil, err
	}
	most, err := limit(q)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Schedules []rightful.Scheduled `json:"schedules"`
		Runs      []rightful.TaskRun   `json:"runs"`
	}
	if answer.Schedules, err = s.o.Jobs.Schedules(r.Context()); err != nil {
		return nil, err
	}
	answer.Runs, err = s.o.Jobs.TaskRuns(r.Context(), most)
	return answer, err
}
