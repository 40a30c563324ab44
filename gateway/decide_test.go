package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"rightful/gateway"
)

// traces are what a tracer was told.
type traces struct {
	noop.TracerProvider
	mu    sync.Mutex
	lines []string // span, event, attributes
}

type tracer struct {
	noop.Tracer
	to *traces
}

type span struct {
	noop.Span
	name string
	to   *traces
}

func (t *traces) Tracer(string, ...trace.TracerOption) trace.Tracer { return tracer{to: t} }

func (t tracer) Start(ctx context.Context, name string, _ ...trace.SpanStartOption) (context.Context, trace.Span) {
	s := span{name: name, to: t.to}
	return trace.ContextWithSpan(ctx, s), s
}

func (s span) AddEvent(name string, options ...trace.EventOption) {
	var parts []string
	config := trace.NewEventConfig(options...)
	for _, a := range config.Attributes() {
		if a.Value.Type() == attribute.STRING {
			parts = append(parts, string(a.Key)+"="+a.Value.AsString())
		}
	}
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	s.to.lines = append(s.to.lines, strings.Join(append([]string{s.name, name}, parts...), " "))
}

// TestWhatIsTold is ids and words of ours, in the log, the trace and the callback.
func TestWhatIsTold(t *testing.T) {
	told := &traces{}
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(told)
	defer otel.SetTracerProvider(before)

	var lines bytes.Buffer
	p := shop(t, setup{options: func(o *gateway.Options) { o.Logger = slog.New(slog.NewJSONHandler(&lines, nil)) }})
	g := p.gateway()
	s, err := g.CreateCheckoutSession(t.Context(), buying())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.EnsureCustomer(t.Context(), "99\nforged", gateway.CustomerDetails{Email: "eve@example.com"}); err == nil {
		t.Error("an id with a line break was taken")
	}
	if _, err := g.Company(t.Context(), strings.Repeat("9", 100_000)); err == nil {
		t.Error("an endless id was taken")
	}
	p.exec("UPDATE users SET company_id = NULL")
	if _, err := g.Company(t.Context(), "7"); err == nil {
		t.Error("nobody's company")
	}
	for _, secret := range []string{"example.com", "S3bela", simKey, "forged\n"} {
		if strings.Contains(lines.String(), secret) || strings.Contains(strings.Join(told.lines, "\n"), secret) {
			t.Errorf("%s was told: %s", secret, &lines)
		}
	}
	if lines.Len() > 5000 {
		t.Errorf("%d bytes were logged", lines.Len())
	}
	var kinds []string
	for line := range strings.SplitSeq(strings.TrimSpace(lines.String()), "\n") {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(line, err)
		}
		for name := range fields {
			if !regexp.MustCompile(`^(time|level|msg|[a-z_]+)$`).MatchString(name) {
				t.Errorf("attribute %s", name)
			}
		}
		kinds = append(kinds, fields["kind"].(string)+" "+fields["level"].(string))
		if fields["kind"] == "checkout" && (fields["user_id"] != "7" || fields["company_id"] != "11" || fields["session_id"] != s.ID || fields["stripe_customer_id"] != s.StripeCustomerID || fields["created"] != true) {
			t.Errorf("logged %s", line)
		}
	}
	if want := []string{"customer INFO", "checkout INFO", "customer WARN", "company WARN", "company WARN"}; !slices.Equal(kinds, want) {
		t.Errorf("logged %v, want %v", kinds, want)
	}
	told.mu.Lock()
	defer told.mu.Unlock()
	want := "rightful.create_checkout_session rightful.decision rightful.kind=checkout rightful.user_id=7 rightful.company_id=11 rightful.stripe_customer_id=" + s.StripeCustomerID + " rightful.session_id=" + s.ID
	if !slices.Contains(told.lines, want) {
		t.Errorf("traced %q, want %q", told.lines, want)
	}
}

// TestAChildBuysWithItsParentsCustomer, and what it buys is its own.
func TestAChildBuysWithItsParentsCustomer(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{}, "UPDATE companies SET billing_parent_id = 12 WHERE id = 11")
	s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
	if err != nil {
		t.Fatal(err)
	}
	if p.link(12) != s.StripeCustomerID || p.link(11) != "-" || s.CompanyID != "11" {
		t.Errorf("%+v; 11 links %s, 12 links %s", s, p.link(11), p.link(12))
	}
	if session, customer := p.metadata("/v1/checkout/sessions/"+s.ID), p.metadata("/v1/customers/"+s.StripeCustomerID); !strings.Contains(session, "company_id=11") || !strings.Contains(customer, "company_id=12") {
		t.Errorf("the session is stamped %s, the customer %s", session, customer)
	}
}
