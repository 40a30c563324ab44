package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"rightful"
)

// decide tells of one decision: a line in the log, an event of the trace's span, and
// the app's own callback. Nothing but ids leaves here.
func (g *Gateway) decide(ctx context.Context, d Decision) {
	if d.At == 0 {
		d.At = g.now()
	}
	d.Codes = slices.DeleteFunc(d.Codes, func(code string) bool { return g.opt.Off[rightful.Code(code)] })
	slices.Sort(d.Codes)
	d.Codes = slices.Compact(d.Codes)
	logged := []slog.Attr{slog.String("kind", d.Kind)}
	traced := []attribute.KeyValue{attribute.String("rightful.kind", d.Kind)}
	for _, a := range d.texts() {
		if a.value != "" {
			logged = append(logged, slog.String(a.name, a.value))
			traced = append(traced, attribute.String("rightful."+a.name, a.value))
		}
	}
	if d.Created {
		logged = append(logged, slog.Bool("created", true))
		traced = append(traced, attribute.Bool("rightful.created", true))
	}
	if len(d.Codes) > 0 {
		logged = append(logged, slog.Any("codes", d.Codes))
		traced = append(traced, attribute.StringSlice("rightful.codes", d.Codes))
	}
	logged = append(logged, slog.Float64("seconds", d.Seconds))
	level := slog.LevelInfo
	if d.Error != "" && d.Error != ErrorCalledOff || d.Enforced == Refuse {
		level = slog.LevelWarn
	}
	g.opt.Logger.LogAttrs(ctx, level, "rightful decided", logged...)
	trace.SpanFromContext(ctx).AddEvent("rightful.decision", trace.WithAttributes(traced...))
	if g.opt.OnDecision != nil {
		g.opt.OnDecision(ctx, d)
	}
}

// told returns findings as they leave the gateway: without those of codes that are off,
// and with the severities that are configured. What is decided rests on all of them.
func (g *Gateway) told(found []rightful.Finding) []rightful.Finding {
	var out []rightful.Finding
	for _, f := range found {
		if g.opt.Off[f.Code] {
			continue
		}
		if own, set := g.opt.Severity[f.Code]; set {
			f.Severity = own
		}
		out = append(out, f)
	}
	return out
}

// texts are the decision's texts by their names in logs and traces.
func (d Decision) texts() []struct{ name, value string } {
	return []struct{ name, value string }{
		{"user_id", d.UserID},
		{"company_id", d.CompanyID},
		{"stripe_customer_id", d.StripeCustomerID},
		{"session_id", d.SessionID},
		{"event_id", d.EventID},
		{"object_type", d.Object.Type},
		{"object_id", d.Object.ID},
		{"status", string(d.Status)},
		{"decision", string(d.Decision)},
		{"enforced", string(d.Enforced)},
		{"error", d.Error},
	}
}

// act is one call of the app under way: a span of the trace, and the decision that
// it ends with.
type act struct {
	Decision
	g     *Gateway
	ctx   context.Context
	span  trace.Span
	began time.Time
}

// begin opens the span of a call. What it returns must be ended.
func (g *Gateway) begin(ctx context.Context, span, kind string) (context.Context, *act) {
	ctx, s := g.tracer.Start(ctx, "rightful."+span)
	return ctx, &act{Decision: Decision{Kind: kind}, g: g, ctx: ctx, span: s, began: g.opt.Now()}
}

// ended is what a call ended with that no place has failed in: who asked went away, or
// what they allowed for it was over.
func ended(ctx context.Context) string {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ErrorCalledOff
	case ctx.Err() != nil:
		return ErrorTimedOut
	}
	return ErrorUnknown
}

// end tells of the decision that a call ended with.
func (a *act) end(err error) {
	a.Seconds = a.g.opt.Now().Sub(a.began).Seconds()
	if err != nil {
		a.Error = string(rightful.KindOf(err))
		if a.Error == "" {
			a.Error = ended(a.ctx)
		}
		if r := refusalOf(err); r != nil {
			a.Status, a.Decision.Decision, a.Enforced = r.Status, Refuse, Refuse
			if r.Code != "" {
				a.Codes = append(a.Codes, string(r.Code))
			}
		}
		a.span.SetStatus(codes.Error, a.Error)
	}
	a.g.decide(a.ctx, a.Decision)
	a.span.End()
}

// quoted shows what somebody sent safely, however long or odd it is.
func quoted(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
