package engine

import (
	"context"
	"time"

	"rightful"
	"rightful/gateway"
)

// ReplayInput says what is replayed.
type ReplayInput struct {
	Since        int64 // Unix seconds
	SessionsOnly bool  // leave Stripe's events out
	// Mode and Rules are those that the config has now: they are shown, and change
	// nothing about what would have been refused.
	Mode  gateway.Mode
	Rules map[gateway.Status]gateway.Mode
}

// ReplayReport is what the guard would have said in the past, had it enforced.
type ReplayReport struct {
	Complete   bool     `json:"complete"`
	Refused    *Refusal `json:"refused"`
	Account    string   `json:"account"`
	Livemode   bool     `json:"livemode"`
	Mode       string   `json:"mode"` // gateway.mode as configured
	StripeGETs int      `json:"stripe_gets"`
	*gateway.Replayed
}

// Replay runs the sessions and events of a window through the gateway's guard. It writes
// nothing. A run that would be unsafe comes back refused, not as an error; one that
// could not read everything comes back incomplete.
func (e *Engine) Replay(ctx context.Context, in ReplayInput) (*ReplayReport, error) {
	if err := e.needStripe("replay"); err != nil {
		return nil, err
	}
	if in.Mode == "" {
		in.Mode = gateway.Observe
	}
	r := &ReplayReport{Mode: string(in.Mode), Replayed: nothingReplayed(in.Since, e.Options.Now)}
	err := e.replay(ctx, in, r)
	if err != nil && ctx.Err() != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was interrupted; nothing was concluded")
		err = nil
	}
	r.Complete, r.StripeGETs = len(r.IncompleteBecause) == 0, e.gets()
	return r, err
}

func nothingReplayed(since, now int64) *gateway.Replayed {
	return &gateway.Replayed{
		Since: since, Now: now, IncompleteBecause: []string{}, Unheard: []string{}, Rules: []gateway.ReplayedRule{}, Unknown: []gateway.ReplayedWhy{},
		Sessions: []gateway.ReplayedSession{}, Writers: []gateway.Writer{},
	}
}

func (e *Engine) replay(ctx context.Context, in ReplayInput, r *ReplayReport) error {
	account, refusal, err := e.admit(ctx)
	r.Account, r.Livemode = account.ID, account.Livemode
	if err != nil {
		return err
	}
	if refusal != nil {
		r.Refused = refusal
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return nil
	}
	intents := e.Intents
	if intents == nil {
		intents = gateway.NewMemory() // nothing is known of who asked for a session
	}
	g, err := gateway.New(gateway.Options{
		Directory: e.Sources.Directory, Stripe: onlyRead{StripeReader: e.Sources.Stripe}, Intents: intents,
		Keys: e.Rules.Keys, OwnershipValue: e.Rules.OwnershipValue, Placeholders: e.Rules.Placeholders,
		Account: e.Expect.Account, Livemode: e.Expect.Livemode, Mode: in.Mode, Rules: in.Rules,
		Now: func() time.Time { return time.Unix(e.Options.Now, 0) },
	})
	if err != nil {
		return err
	}
	done, err := g.Replay(ctx, gateway.ReplayRequest{Since: in.Since, SessionsOnly: in.SessionsOnly, Progress: e.Options.Progress})
	if err != nil {
		return err
	}
	r.Replayed = done
	return nil
}

// onlyRead is a Stripe that a replay reads. Nothing of it can be written.
type onlyRead struct{ rightful.StripeReader }

func cannot() error {
	return &rightful.Error{Kind: rightful.KindRefused, Place: "stripe", Message: "a replay only reads"}
}

func (onlyRead) Checkout(context.Context, string) (rightful.Checkout, rightful.Existence, error) {
	return rightful.Checkout{}, rightful.ExistsUnknown, cannot()
}

func (onlyRead) CreateCustomer(context.Context, rightful.NewCustomer) (rightful.Object, error) {
	return rightful.Object{}, cannot()
}

func (onlyRead) CreateCheckout(context.Context, rightful.NewCheckout) (rightful.Checkout, error) {
	return rightful.Checkout{}, cannot()
}

func (onlyRead) CreatePortal(context.Context, rightful.NewPortal) (rightful.Portal, error) {
	return rightful.Portal{}, cannot()
}
func (onlyRead) ExpireCheckout(context.Context, string) error              { return cannot() }
func (onlyRead) SetMetadata(context.Context, rightful.MetadataWrite) error { return cannot() }
