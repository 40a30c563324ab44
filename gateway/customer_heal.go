package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
)

// surroundings are what the judge says about a customer and all that hangs on it, read
// as an investigation reads it. It is the way only when something is off.
type surroundings struct {
	sit     *rightful.Situation
	verdict judge.Verdict
}

// around reads and judges the surroundings of customers. A look that is not complete
// is an error: nothing is decided by what could not be read.
func (g *Gateway) around(ctx context.Context, customers ...string) (surroundings, error) {
	src := collect.Sources{Directory: g.opt.Directory, Stripe: g.opt.Stripe}
	opt := collect.Options{Now: g.now(), Keys: g.opt.Keys}
	sit, _, err := collect.Around(ctx, src, opt, rightful.Subject{Customers: customers}, func(sit *rightful.Situation) []string {
		return judge.Attributed(sit, g.rules)
	})
	if err != nil {
		return surroundings{}, err
	}
	v := judge.Judge(sit, g.rules)
	if want := v.Wanted; len(want.Customers) > 0 || len(want.Unread) > 0 || want.Removals {
		for i := range sit.Families {
			if f := &sit.Families[i]; slices.Contains(want.Unread, f.StripeCustomerID) {
				f.MoneyUnread = true
			}
		}
		if err := collect.Closer(ctx, src, opt, sit, collect.Wanted{Customers: want.Customers, Removals: want.Removals}); err != nil {
			return surroundings{}, err
		}
		v = judge.Judge(sit, g.rules)
	}
	if sit.StripeUnread != "" {
		return surroundings{}, unclear("Stripe could not be read: " + sit.StripeUnread)
	}
	if len(sit.Incomplete) > 0 {
		return surroundings{}, unclear("what surrounds the customer could not be read completely: " + strings.Join(sit.Incomplete, "; "))
	}
	return surroundings{sit, v}, nil
}

// family returns a customer's family and whose it is; nil when it has none.
func (s surroundings) family(customer string) (*rightful.Family, rightful.Attribution) {
	for i := range s.sit.Families {
		if f := &s.sit.Families[i]; f.StripeCustomerID == customer && i < len(s.verdict.Attributions) {
			return f, s.verdict.Attributions[i]
		}
	}
	return nil, rightful.Attribution{}
}

// finding returns the finding of a code about an object, or nil.
func (s surroundings) finding(object rightful.Ref, wanted ...rightful.Code) *rightful.Finding {
	for i := range s.verdict.Findings {
		if f := &s.verdict.Findings[i]; f.Object == object && slices.Contains(wanted, f.Code) {
			return f
		}
	}
	return nil
}

// security returns a finding about a customer that concerns security, or nil.
func (s surroundings) security(customer string) *rightful.Finding {
	for i := range s.verdict.Findings {
		f := &s.verdict.Findings[i]
		if f.Security && (f.Object.ID == customer || slices.Contains(f.Also, customer)) {
			return f
		}
	}
	return nil
}

// settle puts a customer's stamp right, or says why not. A stamp that is absent is
// written if all that is known of the customer agrees with the link; one that names
// nobody only if the judge finds that automatic, with the very same value.
func (ch *choice) settle(ctx context.Context, o rightful.Object, t *trouble) error {
	if t.refusal != nil {
		return t.refusal
	}
	s, err := ch.g.around(ctx, o.ID)
	if err != nil {
		return err
	}
	family, whose := s.family(o.ID)
	found := s.finding(o.Ref(), rightful.CodeStampMissing, rightful.CodeStampDead, rightful.CodeUnstamped)
	if f := s.security(o.ID); f != nil {
		return ch.refuse(f.Code, true, "%s", f.Message)
	}
	theirs := family != nil && !whose.Contested && rightful.SameID(whose.CompanyID, ch.company.ID)
	if t.stamp == "" {
		if !theirs {
			return ch.refuse(rightful.CodeLinkStampSplit, true, "company %s links %s, which has no stamp, and its payments do not say that it is that company's", ch.company.ID, o.ID)
		}
		return ch.stamp(ctx, o, rightful.CodeUnstamped)
	}
	code := rightful.CodeStampMissing
	if found != nil {
		code = found.Code
		if p := found.Proposal; theirs && found.Automatic && p != nil && p.Place == rightful.PlaceStripe && p.To != nil && *p.To == stampFor(ch.company) {
			return ch.stamp(ctx, o, code)
		}
	}
	why := "nothing says that it may be replaced"
	if found != nil && found.Why != "" {
		why = found.Why
	}
	return ch.refuse(code, false, "company %s links %s, whose stamp %s names no live company: %s", ch.company.ID, o.ID, quoted(t.stamp), why)
}

// stamp writes the company's stamp on a customer that was judged, if nobody changed
// it since, and reads it back.
func (ch *choice) stamp(ctx context.Context, judged rightful.Object, code rightful.Code) error {
	o, exists, err := ch.g.opt.Stripe.Get(ctx, rightful.TypeCustomer, judged.ID)
	if err != nil {
		return err
	}
	key, to := ch.g.opt.Keys.Company, stampFor(ch.company)
	switch {
	case exists == rightful.ExistsPresent && ch.g.stampOf(o) == to:
		return nil // another process was first
	case exists != rightful.ExistsPresent || ch.g.stampOf(o) != ch.g.stampOf(judged):
		return unclear(fmt.Sprintf("%s was changed while it was looked at", judged.ID))
	}
	w := rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: o.ID, Key: key, To: &to, IdempotencyKey: "rightful-heal-" + rand.Text()}
	if err := ch.g.opt.Stripe.SetMetadata(ctx, w); err != nil {
		return err
	}
	if o, exists, err = ch.g.opt.Stripe.Get(ctx, rightful.TypeCustomer, judged.ID); err != nil {
		return err
	}
	if exists != rightful.ExistsPresent || o.Metadata[key] != to {
		return unclear(fmt.Sprintf("the stamp of %s was written, and does not stand there", judged.ID))
	}
	ch.healed(ctx, judged.ID, judged.Ref(), code)
	return nil
}

// healed tells that something was put right on the way.
func (ch *choice) healed(ctx context.Context, customer string, object rightful.Ref, code rightful.Code) {
	ch.g.decide(ctx, Decision{
		Kind: DecidedHealing, UserID: ch.UserID, CompanyID: ch.company.ID,
		StripeCustomerID: customer, Object: object, Codes: []string{string(code)},
	})
}

// onceKey derives the idempotency key of something that may be made once: the same in
// every process, another one for each generation.
func onceKey(noun string, account rightful.Account, generation int, parts ...string) string {
	hash := sha256.New()
	for _, part := range append([]string{noun, account.ID, strconv.FormatBool(account.Livemode), strconv.Itoa(generation)}, parts...) {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return "rightful-" + noun + "-" + hex.EncodeToString(hash.Sum(nil))
}
