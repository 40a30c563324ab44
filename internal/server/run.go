package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How long a client may take, and how much it may send before its request is
// looked at.
const (
	headersWithin  = 5 * time.Second
	requestWithin  = 15 * time.Second // headers and body
	answerWithin   = 10 * time.Second // until an answer is taken
	unwantedWithin = time.Second      // for a body that was refused
	idleFor        = 60 * time.Second
	maxHeaderBytes = 16 << 10
	maxConnections = 4096
)

// Ending says how a server stops.
type Ending struct {
	DrainFor   time.Duration // how long everybody is still served while /readyz says no
	StopWithin time.Duration // how long requests under way may take after that
}

// Run serves until the context ends. Then the server is not ready any more, after a
// while takes nobody new, and requests under way have some time to finish. It returns
// nil when they did.
func (s *Server) Run(ctx context.Context, l net.Listener, end Ending) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: min(headersWithin, s.patience),
		ReadTimeout:       s.patience,
		WriteTimeout:      s.patience + s.o.Within,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
		TLSConfig:         s.o.TLS,
		// OPTIONS * is answered as everything else is.
		DisableGeneralOptionsHandler: true,
	}
	telling, told := s.telling()
	defer func() { close(telling); <-told }()
	open := s.bounded(l)
	server.ConnState = open.state
	served := make(chan error, 1)
	go func() {
		if s.o.TLS != nil {
			served <- server.ServeTLS(open, "", "")
			return
		}
		served <- server.Serve(open)
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	s.readings.stop()
	s.o.Logger.Info("rightful stops: requests under way are finished", "because", context.Cause(ctx).Error(), "drain_for", end.DrainFor.String(), "stop_within", end.StopWithin.String())
	drained := time.NewTimer(end.DrainFor)
	defer drained.Stop()
	select {
	case err := <-served:
		return err
	case <-drained.C:
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), end.StopWithin)
	defer cancel()
	err := server.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		s.cutOff.Store(true)
		s.o.Logger.Error("requests under way were cut off", "after", end.StopWithin.String())
		return errors.Join(errors.New("requests under way did not finish in time, and were cut off"), server.Close())
	}
	return err
}
