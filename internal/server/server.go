// Package server answers over HTTP what gateway answers in Go, for apps in any
// language, and shows what audits and repairs have recorded. docs/serve.md is its
// description for people, openapi.json the one for programs.
//
// It knows the gateway, the records and who may ask; where anything is kept is
// decided in internal/wire. request.go has what every request goes through,
// auth.go who may ask, limit.go how much, arriving.go and connections.go who makes
// place for others, decode.go how bodies are read, problem.go how errors are answered,
// document.go what is the same for everybody, unread.go what is no request, sampled.go what is logged in part, run.go how the
// server starts and stops.
package server

import (
	"context"
	"crypto/tls"
	_ "embed"
	"log/slog"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/journal"
)

// Gateway is what the server asks. operator tells that the answer goes to somebody
// who may see every company.
type Gateway interface {
	Company(ctx context.Context, userID string) (gateway.CompanyAnswer, error)
	EnsureCustomer(ctx context.Context, companyID string, details gateway.CustomerDetails) (gateway.Customer, error)
	CreateCheckoutSession(ctx context.Context, r gateway.CheckoutRequest) (gateway.Session, error)
	CreatePortalSession(ctx context.Context, r gateway.PortalRequest) (gateway.Portal, error)
	ValidatePayment(ctx context.Context, sessionID, userID string, operator bool) (gateway.Validation, error)
	Guard(ctx context.Context, what Guarded, userID, id string) (gateway.Guarded, error)
}

// Guarded names what a client-supplied id is about to be used for.
type Guarded string

// What is guarded, as the last part of the path.
const (
	GuardCustomers Guarded = "customers"
	GuardSessions  Guarded = "sessions"
	GuardPortal    Guarded = "portal"
)

// Events takes Stripe's events. It answers nothing: nil is 200, and an error is a
// *gateway.EventRefusal.
type Events interface {
	Take(http.ResponseWriter, *http.Request) error
}

// Check tells whether something that the server stands on can be used.
type Check struct {
	Name string // shown to everybody
	Ask  func(context.Context) error
	// Beside marks what the server can do without for a while: it is asked at most every
	// hour, every five minutes while it fails, and never turns the server unready.
	Beside bool
}

// Options say what a Server stands on. Gateway is required.
type Options struct {
	Gateway  Gateway
	Webhooks Events               // nil: events are not taken
	Findings rightful.AuditReader // nil: none are shown
	Runs     journal.Reader       // nil: none are shown
	Jobs     Jobs                 // nil: none are shown
	JobPages http.Handler         // pages about the queue, at JobPagesAt; nil: there are none
	Metrics  http.Handler         // nil: none are shown
	// Serving counts the requests that pass through it; it stands before the
	// mux. Nil: they are not counted.
	Serving func(http.Handler) http.Handler
	Checks  []Check // of /readyz

	Tokens  []Token
	Proxies []netip.Prefix // whose X-Forwarded-For is believed

	Rate        float64       // requests a second of one token; 0: no bound
	Concurrency int           // requests at a time; 0: no bound. As many webhooks may wait beside them.
	Within      time.Duration // for one request; 0: 60 s

	TLS    *tls.Config  // nil: no TLS
	Logger *slog.Logger // nil: nothing is logged
	Now    func() time.Time
}

// Server answers. It is an http.Handler, and Run is what serves it.
type Server struct {
	o           Options
	tokens      []admitted
	mux         *http.ServeMux
	handler     http.Handler
	calls       limiter
	arrivals    *arrivals
	sampler     *sampler
	forgers     *forgers
	cutOff      atomic.Bool // requests under way were cut off, as the server stops
	readings    readiness
	patience    time.Duration // how long a client may take to send a request, and to take its answer
	connections int           // at a time
}

//go:embed openapi.json
var openapi []byte

// OpenAPI returns the description of the server for programs (OpenAPI 3.1).
func OpenAPI() []byte { return openapi }

// New returns a server. Errors are of kind invalid.
func New(o Options) (*Server, error) {
	if o.Gateway == nil {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: "serve", Message: "there is no gateway to ask"}
	}
	tokens, err := admit(o.Tokens, o.Rate)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Within == 0 {
		o.Within = time.Minute
	}
	s := &Server{o: o, tokens: tokens, mux: http.NewServeMux(), calls: newLimiter(o.Concurrency), arrivals: newArrivals(newLimiter(o.Concurrency), o.Now), forgers: newForgers(o.Proxies), patience: requestWithin, connections: maxConnections, sampler: newSampler(o.Logger, o.Now)}
	s.readings = readiness{checks: o.Checks, now: o.Now, log: o.Logger}
	s.routes()
	counted := s.routed()
	if o.Serving != nil {
		counted = o.Serving(counted)
	}
	s.handler = s.received(counted)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// webhookRoute is where Stripe's events come in.
const webhookRoute = "POST /v1/webhooks/stripe"

// routes are the calls, those of DESIGN and no others.
func (s *Server) routes() {
	app := func(pattern string, h handler) { s.mux.Handle(pattern, s.call(ScopeApp, h)) }
	read := func(pattern string, h handler) { s.mux.Handle(pattern, s.call(ScopeRead, h)) }
	open := func(pattern string, h handler) { s.mux.Handle(pattern, s.public(h)) }

	app("GET /v1/users/{user_id}/company", s.company)
	app("POST /v1/companies/{company_id}/customer", s.customer)
	app("POST /v1/checkout/sessions", s.checkout)
	app("POST /v1/portal/sessions", s.portal)
	app("POST /v1/payments/validate", s.validate)
	for _, what := range []Guarded{GuardCustomers, GuardSessions, GuardPortal} {
		app("POST /v1/guard/"+string(what), s.guard(what))
	}
	if s.o.Findings != nil {
		read("GET /v1/findings", s.findings)
		read("GET /v1/findings/{id}", s.finding)
	}
	if s.o.Runs != nil {
		read("GET /v1/runs", s.runs)
		read("GET /v1/runs/{id}", s.run)
	}
	if s.o.Jobs != nil {
		read("GET /v1/jobs", s.jobs)
	}
	if s.o.JobPages != nil {
		s.mux.Handle(JobPagesAt+"/", s.pages(s.o.JobPages))
	}
	if s.o.Webhooks != nil {
		s.mux.Handle(webhookRoute, s.webhooks(s.o.Webhooks))
	}
	if s.o.Metrics != nil {
		s.mux.Handle("GET /metrics", s.metrics(s.o.Metrics))
	}
	open("GET /healthz", s.healthy)
	open("GET /readyz", s.ready)
	s.mux.Handle("GET /openapi.json", s.documented(newDocument(openapi)))
	s.mux.HandleFunc("/", s.unmatched)
}
