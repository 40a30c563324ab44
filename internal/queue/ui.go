package queue

import (
	"context"
	"log/slog"
	"net/http"

	"riverqueue.com/riverui"
)

// UI returns River's pages about the queue, for a path that begins with prefix, until the
// context ends. They can stop, repeat and delete jobs: who may see them is the caller's
// business.
func (q *Queue) UI(ctx context.Context, prefix string, logger *slog.Logger) (http.Handler, error) {
	return q.engine.ui(ctx, prefix, logger)
}

func (c client[T]) ui(ctx context.Context, prefix string, logger *slog.Logger) (http.Handler, error) {
	h, err := riverui.NewHandler(&riverui.HandlerOpts{Endpoints: riverui.NewEndpoints(c.Client, nil), Logger: logger, Prefix: prefix})
	if err != nil {
		return nil, failed(err)
	}
	return h, failed(h.Start(ctx))
}
