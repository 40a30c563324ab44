// Package stripeapi reads one Stripe account through Stripe's API, writes single
// metadata keys, and makes what a purchase needs. stripe-go carries the requests (authentication, version,
// connections); pages come back raw and are decoded by package stripeobject,
// because stripe-go's own structs cost four times as much. Pace, retries and
// errors are ours, each in one file.
//
// A Reader sends GET only. A Writer (write.go, create.go), which is asked for apart,
// shares its connections and its pace; whatever it writes passes through post.go.
package stripeapi

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful"
	"rightful/internal/stripeobject"
)

// placeKey and placeBase are where the settings stand in rightful.yaml.
const (
	placeKey  = "stripe.key"
	placeBase = "stripe.api_base"
)

// defaultTimeout bounds one attempt. Stripe's own clients wait 80 s; a list page
// that takes half of that is lost.
const defaultTimeout = 40 * time.Second

// Options say which account to read and how fast.
type Options struct {
	// Key is a secret or restricted key. It decides the account and the mode.
	Key string
	// Account is the account (acct_...) that the key is expected to open, or
	// empty. It is not sent; see Reader.Account for what it changes.
	Account string
	// APIBase replaces https://api.stripe.com: a simulator or a proxy. Clear
	// text is allowed on the loopback interface only.
	APIBase string
	// Keys are the metadata keys that are kept.
	Keys rightful.KeySet

	// AccountRate is how many requests a second all calls together may send,
	// EndpointRate how many to one endpoint. The defaults are 60 % of Stripe's
	// limits: 60 and 15 with a live key; 15 and 15 with any other, because
	// sandboxes get 25 in all (docs.stripe.com/rate-limits).
	AccountRate  float64
	EndpointRate float64

	// Writes tells, for Diagnose, that customers and sessions are made with the key.
	Writes bool

	// Timeout bounds one attempt of one request, body included; 40 s when zero.
	Timeout time.Duration
	// HTTPClient carries the requests; one of its own when nil. Redirects are
	// refused whatever it says: they would carry the key elsewhere.
	HTTPClient *http.Client
	// Logger gets a line per retry and per change of pace; none when nil.
	Logger *slog.Logger

	// Now, Sleep and Rand replace the clock, waiting and chance (0 <= x < 1) in
	// tests. Sleep returns early with the context's error.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	Rand  func() float64
}

// Reader is a rightful.StripeReader on one account. All its callers share one
// pace, so there must be one Reader per account. It is safe for use by several
// goroutines.
type Reader struct {
	backend  stripe.RawRequestBackend
	key      string
	expected string // Options.Account
	host     string // host and port, for messages
	keys     rightful.KeySet
	writes   bool // Options.Writes
	log      *slog.Logger
	pacer    *pacer
	retry    retryPolicy
	timeout  time.Duration
	counter  counter

	mu       sync.Mutex
	defaults stripeobject.Defaults // guarded by mu: Account learns them

	skew      time.Duration // guarded by mu: our clock less Stripe's
	skewKnown bool
}

var _ rightful.StripeReader = (*Reader)(nil)

// New checks the options and prepares a reader. It sends nothing. Errors are of
// kind invalid and never hold the key.
func New(o Options) (*Reader, error) {
	o.Key = strings.TrimSpace(o.Key) // files and variables end in a newline
	if err := checkKey(o.Key); err != nil {
		return nil, err
	}
	if o.APIBase == "" {
		o.APIBase = stripe.APIURL
	}
	base, err := checkBase(o.APIBase)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	live, _ := modeOfKey(o.Key)
	accountRate, endpointRate := o.AccountRate, o.EndpointRate
	if accountRate <= 0 {
		accountRate = politeness * sandboxAccountLimit
		if live {
			accountRate = politeness * liveAccountLimit
		}
	}
	if endpointRate <= 0 {
		endpointRate = politeness * endpointLimit
	}
	r := &Reader{
		key:      o.Key,
		expected: o.Account,
		host:     hostPort(base),
		keys:     o.Keys,
		writes:   o.Writes,
		log:      o.Logger,
		pacer:    newPacer(accountRate, endpointRate, o.Now, o.Sleep),
		retry:    defaultRetry(o.Now, o.Sleep, o.Rand),
		timeout:  cmp.Or(o.Timeout, defaultTimeout),
		counter:  counter{byEndpoint: map[string]int{}, writes: map[string]int{}},
		defaults: stripeobject.Defaults{Account: o.Account, Livemode: live},
	}
	r.backend = backend(o.APIBase, o.HTTPClient)
	return r, nil
}

// backend returns stripe-go's transport with everything off that we do
// ourselves: retries, telemetry, logging.
func backend(base string, client *http.Client) stripe.RawRequestBackend {
	own := http.Client{}
	if client != nil {
		own = *client
	} else {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 64 // the default of 2 reconnects all the time
		own.Transport = transport
	}
	if own.Transport == nil {
		own.Transport = http.DefaultTransport
	}
	own.Transport = observer{own.Transport}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(base),
		HTTPClient:        &own,
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   stripe.Bool(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	return b.(stripe.RawRequestBackend)
}

// known returns what objects do not say about themselves.
func (r *Reader) known() stripeobject.Defaults {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.defaults
}

func checkKey(key string) error {
	invalid := func(message string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: placeKey, Message: message, Hint: keyHint}
	}
	switch {
	case key == "":
		return invalid("the key is empty")
	case strings.HasPrefix(key, "pk_"):
		return invalid("this is a publishable key (pk_...): it cannot read")
	case strings.HasPrefix(key, "whsec_"):
		return invalid("this is a webhook's signing secret (whsec_...), not a key")
	case strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		return invalid("the key holds characters that no key has")
	}
	return nil
}

// modeOfKey reads the mode from the key's prefix (docs.stripe.com/keys);
// organisation keys and those of simulators do not tell.
func modeOfKey(key string) (live, known bool) {
	kind, rest, _ := strings.Cut(key, "_")
	if kind != "sk" && kind != "rk" && kind != "rkcs" {
		return false, false
	}
	switch mode, _, _ := strings.Cut(rest, "_"); mode {
	case "live":
		return true, true
	case "test":
		return false, true
	}
	return false, false
}

func checkBase(text string) (*url.URL, error) {
	invalid := func(message string) (*url.URL, error) {
		return nil, &rightful.Error{Kind: rightful.KindInvalid, Place: placeBase, Message: message,
			Hint: "leave it out for Stripe itself, or write for example http://127.0.0.1:12111"}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return invalid("this is not an http:// or https:// URL")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return invalid("the URL must have neither a user, nor a query, nor a fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return invalid("http:// to another machine would send the key in clear text: use https://")
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func hostPort(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// sleep waits for d or until the context is done.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
