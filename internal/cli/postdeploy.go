package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/knock"
	"rightful/internal/view"
	"rightful/internal/wire"
)

type postdeployOptions struct {
	target
	known    knownFindings
	sample   int
	all      bool
	seed     uint64
	seeded   bool
	users    []string
	revision string
	wait     time.Duration
	webhook  string
	timeout  time.Duration
	version  string
	buyer    string
	price    string
	mode     string
}

// Bounds of what postdeploy may be asked for.
const (
	longestWait    = time.Hour
	longestWebhook = time.Minute
)

func newPostdeploy(s Streams) *cobra.Command {
	o := &postdeployOptions{target: target{formats: []string{"human", "json", "junit"}}}
	c := &cobra.Command{
		Use:   "postdeploy",
		Short: "Check that what was deployed agrees with the database",
		Long: `postdeploy waits until the running app is the expected revision, compares for a
sample of users every way of getting the company in the database, the resolver and
the running app (resolver_probe), and what is cached of them. With --webhook-url it
sends the app's webhook endpoint an event that nobody acts on, which must be taken,
and two with no signature and a wrong one, which must be refused. With
--checkout-user and --price it makes one checkout session through the gateway, looks
at its stamps, and closes it at once. Otherwise it writes nothing.

The sample is spread over all users. Its seed is shown: with --seed the same users
are compared again.

Exit code: 0 everything agrees, 2 something does not, 4 the app or the database
could not be read or the run was refused as unsafe, 1 error.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(c); err != nil {
				return err
			}
			o.seeded = c.Flags().Changed("seed")
			return o.run(c.Context(), s)
		},
	}
	o.flags(c)
	o.known.flags(c)
	c.Flags().IntVar(&o.sample, "sample", 50, "compare this many users")
	c.Flags().BoolVar(&o.all, "all", false, "compare every user: one question to the app for each")
	c.Flags().Uint64Var(&o.seed, "seed", 0, "pick the same users again (default: another sample each time)")
	c.Flags().StringSliceVar(&o.users, "user", nil, "compare these users in any case, by id")
	c.Flags().StringVar(&o.revision, "expect-revision", "", "the revision that must be running (default: resolver_probe.expect_revision)")
	c.Flags().DurationVar(&o.wait, "wait", 2*time.Minute, "wait this long for the expected revision")
	c.Flags().StringVar(&o.webhook, "webhook-url", "", "try the app's webhook endpoint at this address, with stripe.webhook_secrets")
	c.Flags().DurationVar(&o.timeout, "webhook-timeout", 10*time.Second, "how long one answer of it may take")
	c.Flags().StringVar(&o.version, "api-version", knock.APIVersion, "Stripe's API version that the events name")
	c.Flags().StringVar(&o.buyer, "checkout-user", "", "make and close a checkout session for this user, by id: one of your own")
	c.Flags().StringVar(&o.price, "price", "", "with --checkout-user: the Stripe price that it would be for")
	c.Flags().StringVar(&o.mode, "checkout-mode", "subscription", "with --checkout-user: subscription or payment, as the price is")
	return c
}

func (o *postdeployOptions) validate(c *cobra.Command) error {
	changed := c.Flags().Changed
	switch {
	case o.all && changed("sample"):
		return usage("--all and --sample exclude each other", "give one of them")
	case o.sample < 0:
		return usage(fmt.Sprintf("--sample %d is less than nobody", o.sample), "write --sample 50; 0 compares only those of --user")
	case o.wait < 0 || o.wait > longestWait:
		return usage(fmt.Sprintf("--wait %v is no time between 0s and %v", o.wait, longestWait), "write --wait 2m")
	case o.timeout <= 0 || o.timeout > longestWebhook:
		return usage(fmt.Sprintf("--webhook-timeout %v is no time up to %v", o.timeout, longestWebhook), "write --webhook-timeout 10s")
	case o.world != "" && o.webhook != "":
		return usage("--webhook-url needs a running app, and --world is a file", "give --config instead of --world")
	case o.webhook == "" && (changed("webhook-timeout") || changed("api-version")):
		return usage("--webhook-timeout and --api-version are about --webhook-url, which is not given", "")
	}
	switch {
	case (o.buyer == "") != (o.price == ""):
		return usage("--checkout-user and --price belong together", "give both: a user of your own, and a price of the Stripe account")
	case o.world != "" && o.buyer != "":
		return usage("--checkout-user needs a Stripe account, and --world is a file", "give --config instead of --world")
	case o.mode != "subscription" && o.mode != "payment":
		return usage(fmt.Sprintf("--checkout-mode %q is not known", o.mode), "write subscription or payment")
	}
	return o.target.validate(c)
}

func (o *postdeployOptions) run(ctx context.Context, s Streams) error {
	in := engine.PostdeployInput{Sample: o.sample, All: o.all, Seed: o.seed, Users: o.users, ExpectRevision: o.revision, Wait: o.wait}
	if o.world != "" {
		in.Wait = 0 // a file does not change while it is looked at
	}
	if o.webhook != "" {
		door, err := knock.New(o.webhook, o.timeout) // before anything that takes long
		if err != nil {
			return err
		}
		in.Webhook = &engine.WebhookInput{Endpoint: door, APIVersion: o.version}
	}
	e, err := o.known.open(ctx, &o.target, s)
	if err != nil {
		return unread(s, err)
	}
	defer e.close()
	if !o.seeded {
		in.Seed = uint64(max(e.Options.Now, 0))
	}
	if err := o.completes(e, &in); err != nil {
		return err
	}
	if o.buyer != "" {
		g, c, err := wire.Gateway(ctx, o.config, wire.GatewayOptions{Account: wire.Account{ID: o.account}, Env: s.Env, Now: s.Now, Actor: whoami(s)})
		if err != nil {
			return unread(s, located(c, err))
		}
		defer func() { _ = g.Close() }() // what it had to keep is kept
		in.Checkout = &engine.CheckoutInput{Buying: buying{g, o.mode, s.Now}, UserID: o.buyer, PriceID: o.price}
	}
	report, err := e.Postdeploy(ctx, in)
	if err != nil {
		return located(e.config, err)
	}
	e.quiet()
	switch o.format {
	case "json":
		err = view.JSON(s.Out, report)
	case "junit":
		err = view.PostdeployJUnit(s.Out, report)
	default:
		o.known.printer(s).Postdeploy(report, o.here())
	}
	switch {
	case err != nil:
		return err
	case !report.Complete:
		if o.format == "junit" {
			view.Error(s.Err, fmt.Errorf("INCOMPLETE: %s", strings.Join(report.IncompleteBecause, "; ")))
		}
		return exit(ExitRefused)
	case report.Failed():
		return exit(ExitFindings)
	}
	return nil
}

// completes takes from the config what the flags leave to it.
func (o *postdeployOptions) completes(e *opened, in *engine.PostdeployInput) error {
	if o.world != "" {
		return nil
	}
	c := e.config
	missing := func(path, message, hint string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: c.Locate(path), Message: message, Hint: hint}
	}
	if expected := in.ExpectRevision != "" || c.Probe.ExpectRevision != ""; expected && c.Probe.Configured() && c.Probe.RevisionURL == "" && len(c.Probe.RevisionCommand) == 0 {
		return missing("resolver_probe.revision_url", "is missing, and so is resolver_probe.revision_command, but a revision is expected",
			"revision_url: https://app.example.com/internal/revision")
	}
	if in.Webhook != nil {
		in.Webhook.Secrets = c.Stripe[0].WebhookSecrets
		if len(in.Webhook.Secrets) == 0 {
			return missing("stripe.webhook_secrets", "is missing, and --webhook-url has to sign an event", "webhook_secrets: ['${STRIPE_WEBHOOK_SECRET}'], the secret of that endpoint")
		}
	}
	return nil
}

// unread tells of an error of opening what is to be read; a place that does not let
// itself be read is an incomplete answer to a deployment.
func unread(s Streams, err error) error {
	switch rightful.KindOf(err) {
	case rightful.KindUnreachable, rightful.KindUnavailable, rightful.KindUnauthorized, rightful.KindForbidden:
		view.Error(s.Err, err)
		return exit(ExitRefused)
	}
	return err
}
