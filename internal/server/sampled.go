package server

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Requests that anybody can send are not each worth a line: who sends millions would
// fill the disk. Of each cause so many are logged in a minute, and the rest by number.
// Metrics count them all.
const (
	linesOfEach = 5
	sampledFor  = time.Minute
)

// cause is why requests are answered alike. None of it comes from the request.
type cause struct {
	route  string
	status int
	code   string // of the problem
	caller string
}

// sampled reports whether requests with a cause are logged in part: those of nobody
// that is known, but for events that were taken, and those of which somebody sends too
// many.
func (c cause) sampled(level slog.Level) bool {
	switch {
	case c.status == http.StatusTooManyRequests || c.code == codeBusy:
		return true
	case c.caller != "" || level < slog.LevelInfo:
		return false
	case c.status >= http.StatusInternalServerError:
		return c.code == codeNotReady
	}
	return c.route != webhookRoute || c.status != http.StatusOK
}

// sampler decides which requests are logged.
type sampler struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex
	since  time.Time
	counts map[cause]int
}

func newSampler(log *slog.Logger, now func() time.Time) *sampler {
	return &sampler{log: log, now: now, counts: map[cause]int{}}
}

// take reports whether a request is to be logged.
func (s *sampler) take(c cause) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.counts) == 0 {
		s.since = s.now()
	}
	s.counts[c]++
	return s.counts[c] <= linesOfEach
}

// tell says how many were not logged, when a minute is over or at the end.
func (s *sampler) tell(atLast bool) {
	s.mu.Lock()
	now := s.now()
	took := now.Sub(s.since)
	if len(s.counts) == 0 || !atLast && took >= 0 && took < sampledFor {
		s.mu.Unlock()
		return
	}
	counts := s.counts
	s.counts = map[cause]int{}
	s.mu.Unlock()
	var causes []cause
	for c, n := range counts {
		if n > linesOfEach {
			causes = append(causes, c)
		}
	}
	slices.SortFunc(causes, func(a, b cause) int { return counts[b] - counts[a] })
	for _, c := range causes {
		attrs := []slog.Attr{
			slog.String("route", c.route), slog.Int("status", c.status), slog.Int("suppressed", counts[c]-linesOfEach), slog.Float64("seconds", max(took, 0).Seconds()),
		}
		if c.code != "" {
			attrs = append(attrs, slog.String("code", c.code))
		}
		if c.caller != "" {
			attrs = append(attrs, slog.String("caller", c.caller))
		}
		s.log.LogAttrs(context.Background(), slog.LevelWarn, "more requests of one kind than are logged", attrs...)
	}
}

// telling says each minute what was not logged, until stop is closed; ended is closed
// when it has said the last.
func (s *Server) telling() (stop, ended chan struct{}) {
	stop, ended = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer s.sampler.tell(true)
		each := time.NewTicker(sampledFor)
		defer each.Stop()
		for {
			select {
			case <-stop:
				return
			case <-each.C:
				s.sampler.tell(false)
			}
		}
	}()
	return stop, ended
}
