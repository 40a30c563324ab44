// Package gateway is the write path of an app that bills companies through Stripe:
// customers and checkout sessions are made, payments are validated and webhooks
// are taken here, so that every object is stamped with the company that the app's
// own resolver names, and what disagrees is noticed when it is born.
//
// It decides with the same judge as an audit. It never makes up a company from an
// email, never searches, and never cancels, refunds or deletes anything.
//
// An app in Go embeds it with package rightful/gateway/fromfile; apps in other
// languages ask "rightful serve", which answers the same.
package gateway

import (
	"context"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"rightful"
	"rightful/internal/judge"
)

// Stripe is what the gateway needs of one Stripe account in one mode.
type Stripe interface {
	rightful.StripeReader
	rightful.CheckoutReader
	rightful.StripeCreator
	rightful.StripeWriter
}

// Options say what a Gateway stands on. Directory, Stripe and Intents are required.
type Options struct {
	Directory rightful.DirectoryReader
	// Writer fills the link of a company. Nil: the app fills it itself, from the
	// customer that EnsureCustomer returns.
	Writer rightful.DirectoryWriter
	// Lacks names what would have to be mapped for a write to be possible, "" when
	// nothing is missing. Nil: everything can be written.
	Lacks   func(rightful.Proposal) string
	Stripe  Stripe
	Intents rightful.IntentStore

	// Keys are the metadata keys that carry identity, and OwnershipValue is what
	// Keys.Ownership holds on objects of this app.
	Keys           rightful.KeySet
	OwnershipValue string
	// Placeholders match links that mean "not provisioned yet".
	Placeholders []*regexp.Regexp

	// Account and Livemode are what the key is expected to open; empty and nil: any.
	Account  string
	Livemode *bool

	// Mode says what becomes of refusals, and Rules of those of one status; the
	// default is Observe. Mode says nothing about AlreadySubscribed, only its rule does.
	Mode  Mode
	Rules map[Status]Mode

	// Off are codes that are not told, and Severity what findings of a code are told as.
	// Neither changes what is decided.
	Off      map[rightful.Code]bool
	Severity map[rightful.Code]rightful.Severity

	// OnDecision is told of everything that the gateway decides, after it did. It
	// may be called from several goroutines, and must not block. Nil is allowed.
	OnDecision func(context.Context, Decision)
	// Logger gets one line for each decision; none when nil.
	Logger *slog.Logger
	// Now replaces the clock in tests.
	Now func() time.Time
}

// Gateway is the write path over one app and one Stripe account. It is safe for
// concurrent use, beside others over the same stores in other processes.
type Gateway struct {
	opt     Options
	rules   judge.Rules
	tracer  trace.Tracer
	account opened     // the account that the key opens, once it was read
	making  turns      // one customer or session of a kind is made at a time
	joined  []*Gateway // those of all of the app's accounts, in their order; nil: it has one
	wide    wide       // looks at the surroundings of what a narrow look does not settle
}

// New returns a Gateway. It reads nothing yet. Errors are of kind invalid, with the
// field of Options as their place.
func New(o Options) (*Gateway, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Mode == "" {
		o.Mode = Observe
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Rules, o.Off, o.Severity = maps.Clone(o.Rules), maps.Clone(o.Off), maps.Clone(o.Severity)
	return &Gateway{
		opt:    o,
		rules:  judge.Rules{Keys: o.Keys, OwnershipValue: o.OwnershipValue, Placeholders: o.Placeholders},
		tracer: otel.Tracer("rightful/gateway"),
	}, nil
}

// now is the time in Unix seconds.
func (g *Gateway) now() int64 { return g.opt.Now().Unix() }

// ruled are the statuses that a mode has anything to say about: the refusals that
// rest on whose something is. The others are facts about a payment, which no mode
// makes untrue.
var ruled = []Status{OtherCompany, CompanyGone, NoCompany, NeedsSignIn}

// check validates the options.
func (o Options) check() error {
	for _, required := range []struct {
		field string
		nil   bool
	}{{"Directory", o.Directory == nil}, {"Stripe", o.Stripe == nil}, {"Intents", o.Intents == nil}} {
		if required.nil {
			return wrongOption(required.field, "it is required")
		}
	}
	if err := o.checkKeys(); err != nil {
		return err
	}
	if o.Account != "" && !strings.HasPrefix(o.Account, "acct_") {
		return wrongOption("Account", "it is an id that begins with acct_")
	}
	if o.Mode != "" && o.Mode != Observe && o.Mode != Enforce {
		return wrongOption("Mode", "it is observe or enforce")
	}
	for _, status := range slices.Sorted(maps.Keys(o.Rules)) {
		if !slices.Contains(ruled, status) && status != AlreadySubscribed {
			return wrongOption("Rules", "no rule is about "+quoted(string(status))+": there are other_company, company_gone, no_company, needs_sign_in and already_subscribed")
		}
		if mode := o.Rules[status]; mode != Observe && mode != Enforce {
			return wrongOption("Rules", string(status)+" is observe or enforce")
		}
	}
	return nil
}

// checkKeys validates the metadata keys: each must be one that Stripe takes, and
// stand for one thing.
func (o Options) checkKeys() error {
	fields := []struct{ field, key string }{{"Keys.Company", o.Keys.Company}, {"Keys.User", o.Keys.User}, {"Keys.Ownership", o.Keys.Ownership}}
	for _, also := range o.Keys.AlsoRead {
		fields = append(fields, struct{ field, key string }{"Keys.AlsoRead", also})
	}
	seen := map[string]bool{}
	for _, f := range fields {
		switch {
		case f.key == "" && f.field == "Keys.Ownership":
			continue
		case f.key == "":
			return wrongOption(f.field, "it is required")
		case len(f.key) > maxKey || strings.ContainsAny(f.key, "[]"):
			return wrongOption(f.field, "a metadata key has at most 40 characters, and no brackets")
		case seen[f.key]:
			return wrongOption(f.field, quoted(f.key)+" stands for something else already")
		}
		seen[f.key] = true
	}
	switch {
	case (o.Keys.Ownership == "") != (o.OwnershipValue == ""):
		return wrongOption("OwnershipValue", "it goes together with Keys.Ownership")
	case len(o.OwnershipValue) > maxValue:
		return wrongOption("OwnershipValue", "a metadata value has at most 500 characters")
	}
	return nil
}

func wrongOption(field, message string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: "gateway.Options." + field, Message: message}
}
