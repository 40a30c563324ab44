package wire

import (
	"context"
	"log/slog"
	"strings"
)

// calm passes on what the queue logs of trouble. Its comings and goings, and what it
// was called off in when the process stops, are none.
type calm struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h calm) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (h calm) Handle(ctx context.Context, r slog.Record) error {
	off := false
	r.Attrs(func(a slog.Attr) bool {
		off = a.Key == "error" && strings.Contains(a.Value.String(), context.Canceled.Error())
		return !off
	})
	if off {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{h.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (h calm) WithGroup(name string) slog.Handler { return calm{h.Handler.WithGroup(name)} }
