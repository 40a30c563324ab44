package stripesim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Server. The zero value is a good start: one empty
// account that any key of Stripe's form may use, on the real clock.
type Options struct {
	// Account is the id of the default account, the one that keys without a
	// registration of their own belong to. When it is empty, the first account
	// that is added or loaded becomes the default; without any, an account
	// named DefaultAccount is made at the first request.
	Account string
	// Seed changes every generated id. Equal seeds and equal creations give
	// equal ids.
	Seed uint64
	// Now is the clock for created, expires_at and the pruning of idempotency
	// keys. Nil means time.Now. Stripe's times are whole seconds.
	Now func() time.Time
	// StrictKeys makes the prefix of a key decide the mode, as Stripe does:
	// sk_live_ and rk_live_ see live objects, sk_test_ and rk_test_ test ones,
	// and never each other's.
	//
	// When false, an account that was loaded from a world is in the world's
	// mode (stripe.account.livemode) whatever key asks. A world usually
	// describes a live incident, while a newcomer types the sk_test_ key at
	// hand: strictly read, every object would be missing and the first
	// impression would be an empty Stripe. Accounts that no world declared a
	// mode for follow the prefix in any case.
	StrictKeys bool

	// Limits are the rate and concurrency limits. The zero value limits
	// nothing, so that a test which is about something else never meets a 429;
	// StripeLimits returns Stripe's numbers.
	Limits Limits
	// LockTimeout makes a write wait for another write to the same object, and
	// fail with lock_timeout when it waited that long. Writes last as long as
	// Latency says. Zero means that writes wait for each other without limit.
	LockTimeout time.Duration
	// Latency is how long answers take. The zero value answers at once.
	Latency Latency
	// Sleep is how the server waits, for Latency, faults and locks. It returns
	// when the duration is over or the context is done. Nil means real time; a
	// test that injects latency but does not want to wait passes its own.
	Sleep func(ctx context.Context, d time.Duration)
	// SearchLag is how much later than its creation or change an object is
	// found by search, on the server's clock. What is found is shown as it is
	// now, as Stripe does, so that a hit need not match the query any more.
	SearchLag time.Duration
	// Control says who may use the control API below /_sim/.
	Control Control

	// PublicURL is the address under which a browser finds the server, for the
	// url of checkout and portal sessions: https://stripe.example.com. Empty
	// means the one that each request was sent to.
	PublicURL string

	// WebhookTimeout is how long the receiver of a webhook may take, in real
	// time. Zero means 10 seconds.
	WebhookTimeout time.Duration
	// WebhooksLoopback sends webhooks to this machine only, whatever the
	// endpoints of a world say. The attempt to send one elsewhere fails.
	WebhooksLoopback bool
	// WebhooksInOrder lets each endpoint get its events in the order in which
	// they happened: one that is not acknowledged, or held or delayed by a rule,
	// keeps back those after it. Stripe promises no order; this is for tests that
	// are about something else.
	WebhooksInOrder bool
}

// DefaultAccount is the id of the account that exists when nobody named one.
const DefaultAccount = "acct_1StripesimAcct00"

// DefaultVersion is the API version that answers name when the request names
// none. Objects have the fields of this version whatever version is asked for.
const DefaultVersion = "2026-06-24.dahlia"

// Server is a Stripe API with state. It implements http.Handler and may be
// used by many goroutines. Make one with New.
type Server struct {
	seed       uint64
	now        func() time.Time
	offset     atomic.Int64 // how far Advance moved the clock, in nanoseconds
	strictKeys bool
	limiter    limiter
	locks      locks
	latency    Latency
	sleep      func(context.Context, time.Duration)
	searchLag  time.Duration
	control    Control
	publicURL  string // without a slash at the end
	faults     faults
	resources  []*resource
	operations []*operation
	requests   atomic.Uint64
	counters   counters
	keysMade   atomic.Uint64
	// accountsMade counts accounts, for their order.
	accountsMade atomic.Uint64
	// platform is the default account, for those who hold an account's lock and
	// must not wait for mu.
	platform    atomic.Pointer[account]
	hooks       hooks
	hookClient  *http.Client
	hookTimeout time.Duration // real time
	hookInOrder bool

	mu        sync.RWMutex // guards what follows
	accounts  map[string]*account
	defaultID string
	keys      map[string]credential
	revoked   map[string]bool

	// beforeRun is a seam for tests: it runs inside an operation's execution.
	beforeRun func(operation string)
}

// New returns a server without objects.
func New(opts Options) *Server {
	s := &Server{
		seed: opts.Seed, strictKeys: opts.StrictKeys, resources: allResources(),
		limiter: limiter{limits: opts.Limits}, locks: locks{timeout: opts.LockTimeout}, latency: opts.Latency,
		sleep: opts.Sleep, searchLag: opts.SearchLag, control: opts.Control, publicURL: strings.TrimRight(opts.PublicURL, "/"),
		accounts: map[string]*account{}, keys: map[string]credential{}, revoked: map[string]bool{},
	}
	s.hooks.init()
	s.hookClient, s.hookTimeout, s.hookInOrder = webhookClient(opts.WebhooksLoopback), opts.WebhookTimeout, opts.WebhooksInOrder
	if s.hookTimeout <= 0 {
		s.hookTimeout = webhookTimeout
	}
	now := opts.Now
	if now == nil {
		now = time.Now
	}
	s.now = func() time.Time { return now().Add(time.Duration(s.offset.Load())) }
	if s.sleep == nil {
		s.sleep = realSleep
	}
	s.operations = s.allOperations()
	for _, op := range s.operations {
		if !op.v2 {
			op.params = op.params.with(expandParam())
		}
	}
	if opts.Account != "" {
		s.addAccount(opts.Account)
	}
	return s
}

// AddAccount makes a further account, with stores of its own. Keys of the
// default account reach it with the Stripe-Account header, as a Connect
// platform does. It returns an error when the id is empty or taken.
func (s *Server) AddAccount(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == "" {
		return fmt.Errorf("stripesim: AddAccount needs an id, for example acct_1Connected")
	}
	if s.accounts[id] != nil {
		return fmt.Errorf("stripesim: account %s exists already", id)
	}
	s.addAccount(id)
	return nil
}

// addAccount makes an account; the first one becomes the default.
func (s *Server) addAccount(id string) *account {
	a := s.newAccount(id)
	s.accounts[id] = a
	if s.defaultID == "" {
		s.defaultID = id
		s.platform.Store(a)
	}
	return a
}

// account returns the account with the id, "" meaning the default account; nil
// when there is none.
func (s *Server) account(id string) *account {
	s.mu.RLock()
	if id == "" {
		id = s.defaultID
	}
	a := s.accounts[id]
	s.mu.RUnlock()
	if a != nil || id != "" {
		return a
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.defaultID == "" {
		s.addAccount(DefaultAccount)
	}
	return s.accounts[s.defaultID]
}

// accountOf finds the account that a request works on. Keys of the default
// account may name any other; other keys only their own.
func (s *Server) accountOf(key credential, r *http.Request) (*account, *apiError) {
	platform := s.account("")
	own := platform
	if key.account != "" {
		own = s.account(key.account)
	}
	// Stripe-Context is the newer name of Stripe-Account (Stripe docs: context).
	wanted := r.Header.Get("Stripe-Context")
	if wanted == "" {
		wanted = r.Header.Get("Stripe-Account")
	}
	if wanted == "" || wanted == own.id {
		return own, nil
	}
	other := s.account(wanted)
	if other == nil || own != platform {
		return nil, forbidden("account_invalid", "The provided key '%s' does not have access to account '%s' (or that account does not exist). Application access may have been revoked.", redact(key.secret), shorten(wanted))
	}
	return other, nil
}

// modeOf decides which store of the account a key sees; see StrictKeys.
func (s *Server) modeOf(a *account, key credential) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.declared != nil && !s.strictKeys {
		return *a.declared
	}
	return key.livemode
}

// resource returns a resource by its object name.
func (s *Server) resource(object string) *resource {
	for _, res := range s.resources {
		if res.object == object {
			return res
		}
	}
	return nil
}
