package wire

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"rightful"
	"rightful/gateway"
	"rightful/internal/config"
	"rightful/internal/jobs"
	"rightful/internal/queue"
	"rightful/internal/state"
)

// webhookOptions are what the config says about events. onNotice is the app's own
// callback, nil for none.
func webhookOptions(c *config.Config, s *state.Store, now func() time.Time, onNotice func(context.Context, gateway.Notice) error) (gateway.WebhookOptions, error) {
	o := gateway.WebhookOptions{
		Inbox: s, Secrets: c.Stripe[0].WebhookSecrets, Endpoint: c.Webhooks.Endpoint, Tolerance: c.Webhooks.Within(), MaxBody: c.Webhooks.Bytes(), OnNotice: onNotice,
	}
	if onNotice != nil || !c.Webhooks.Notify.Configured() {
		return o, nil
	}
	var err error
	o.OnNotice, err = gateway.NotifyOverHTTP(gateway.NotifyOptions{URL: c.Webhooks.Notify.URL, Secret: c.Webhooks.Notify.Secret, Now: now})
	return o, err
}

// work is the queue of a process and what it stands on.
type work struct {
	events      jobs.Events // nil: none are taken
	queue       *queue.Queue
	connections state.Queue
}

// openWork opens the queue on a store, with the workers of events and whatever else is
// registered with workers, and gives the store its waker. It must be closed, before the
// store is.
func openWork(ctx context.Context, s *state.Store, events jobs.Events, catchUp time.Duration, workers *river.Workers, log *slog.Logger) (*work, error) {
	connections, err := s.OpenQueue(ctx)
	if err != nil {
		return nil, err
	}
	var periodic []*river.PeriodicJob
	if events != nil {
		periodic = append(periodic, jobs.Webhooks(workers, events, catchUp)...)
	}
	q, err := queue.Open(ctx, queue.Connections{SQLite: connections.SQLite, Postgres: connections.Postgres}, queue.Options{Workers: workers, Periodic: periodic, Logger: slog.New(calm{log.Handler()})})
	if err != nil {
		return nil, errors.Join(err, connections.Close())
	}
	s.SetWaker(func(ctx context.Context, tx state.Tx, wakes []state.Wake) error {
		at := queue.Tx{SQLite: tx.SQL, Postgres: tx.Postgres}
		for _, w := range wakes {
			if err := jobs.Wake(ctx, q, at, w.Lane, w.Shard, w.Generation); err != nil {
				return err
			}
		}
		return nil
	})
	return &work{events, q, connections}, nil
}

// stopWithin bounds the end of jobs that run when a process stops. They are short.
const stopWithin = 35 * time.Second

// run runs jobs until the context ends, and lets those that run come to their end.
func (w *work) run(ctx context.Context) error {
	if w.events != nil {
		// What a process that was killed has left is not left until the next sweep.
		if err := w.events.Sweep(ctx, true); err != nil {
			return unlessStopped(ctx, err)
		}
	}
	if err := w.queue.Start(ctx); err != nil {
		return unlessStopped(ctx, err)
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return w.queue.Stop(end)
}

// unlessStopped returns the error with which starting failed. Who is stopped while it
// still starts has nothing that is not finished.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (w *work) close() error { return w.connections.Close() }

var _ rightful.InboxWork = (*state.Store)(nil)
