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
	"regexp"
	"time"

	"rightful"
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
	// default is Observe.
	Mode  Mode
	Rules map[Status]Mode

	// OnDecision is told of everything that the gateway decides, after it did. It
	// may be called from several goroutines, and must not block. Nil is allowed.
	OnDecision func(context.Context, Decision)
	// Logger gets one line for each decision; none when nil.
	Logger *slog.Logger
	// Now replaces the clock in tests.
	Now func() time.Time
}
