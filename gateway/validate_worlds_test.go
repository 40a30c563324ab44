package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/gateway"
	"rightful/internal/collect"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// reading is a Stripe that can be read only: a checkout is put together from its
// parts, and nothing is made.
type reading struct{ rightful.StripeReader }

func (r reading) Checkout(ctx context.Context, id string) (c rightful.Checkout, exists rightful.Existence, err error) {
	if c.Session, exists, err = r.Get(ctx, rightful.TypeSession, id); err != nil || exists != rightful.ExistsPresent {
		return rightful.Checkout{}, exists, err
	}
	for _, part := range []struct {
		t      rightful.ObjectType
		id     string
		into   *rightful.Object
		exists *rightful.Existence
	}{
		{rightful.TypeCustomer, c.Session.StripeCustomerID, &c.Customer, &c.CustomerExists},
		{rightful.TypeSubscription, c.Session.SubscriptionID, &c.Subscription, new(rightful.Existence)},
		{rightful.TypePaymentIntent, c.Session.PaymentIntentID, &c.PaymentIntent, new(rightful.Existence)},
	} {
		if part.id == "" {
			continue
		}
		if *part.into, *part.exists, err = r.Get(ctx, part.t, part.id); err != nil {
			return rightful.Checkout{}, rightful.ExistsUnknown, err
		}
	}
	return c, rightful.ExistsPresent, nil
}

var errReadOnly = errors.New("nothing is made here")

func (reading) CreateCustomer(context.Context, rightful.NewCustomer) (rightful.Object, error) {
	return rightful.Object{}, errReadOnly
}

func (reading) CreateCheckout(context.Context, rightful.NewCheckout) (rightful.Checkout, error) {
	return rightful.Checkout{}, errReadOnly
}

func (reading) CreatePortal(context.Context, rightful.NewPortal) (rightful.Portal, error) {
	return rightful.Portal{}, errReadOnly
}
func (reading) ExpireCheckout(context.Context, string) error              { return errReadOnly }
func (reading) SetMetadata(context.Context, rightful.MetadataWrite) error { return errReadOnly }

// noIntents keeps nothing: nothing is made.
type noIntents struct {
	rightful.IntentStore
	record collect.Record // what the world says was made for whom
}

// CheckoutsOf implements rightful.IntentRecords.
func (n noIntents) CheckoutsOf(ctx context.Context, _ string, _ bool, sessionIDs []string) (map[string]rightful.Intent, error) {
	if n.record == nil {
		return nil, ctx.Err()
	}
	return n.record.CheckoutsOf(ctx, sessionIDs)
}

// Promised implements rightful.IntentRecords.
func (n noIntents) Promised(ctx context.Context, _ string, _ bool, companyIDs []string) ([]string, error) {
	if n.record == nil {
		return nil, ctx.Err()
	}
	return n.record.Promised(ctx, companyIDs)
}

// over returns a gateway over what an engine reads.
func over(t *testing.T, e *engine.Engine, change ...func(*gateway.Options)) *gateway.Gateway {
	t.Helper()
	o := gateway.Options{
		Directory: e.Sources.Directory, Stripe: reading{e.Sources.Stripe}, Intents: noIntents{record: e.Sources.Record},
		Keys: e.Rules.Keys, OwnershipValue: e.Rules.OwnershipValue, Placeholders: e.Rules.Placeholders,
		Now: func() time.Time { return time.Unix(e.Options.Now, 0) },
	}
	for _, c := range change {
		c(&o)
	}
	g, err := gateway.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// world opens a world file.
func world(t *testing.T, file string) *engine.Engine {
	t.Helper()
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// worldFiles are all worlds that there are.
func worldFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../test/worlds/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no worlds: %v", err)
	}
	return append(files, "../internal/demo/founding-incident.json")
}

func all[T any](t *testing.T, rows func(yield func(T, error) bool)) (out []T) {
	t.Helper()
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	return out
}

// TestEveryWorldIsAnswered asks about every session of every world, for every user,
// for nobody and for an unknown one: there is always an answer, it agrees with the
// audit, and it tells nobody of another tenant.
func TestEveryWorldIsAnswered(t *testing.T) {
	t.Parallel()
	for _, file := range worldFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e := world(t, file)
			report, err := e.Audit(t.Context(), engine.AuditInput{})
			if err != nil {
				t.Fatal(err)
			}
			g := over(t, e)
			d := e.Sources.Directory
			users := all(t, d.Users(t.Context(), rightful.Select{}))
			tenants := tenantsOf(t, d)
			if e.Sources.Record != nil {
				tenants.acted(t, e)
			}
			for _, s := range all(t, e.Sources.Stripe.List(t.Context(), rightful.ListQuery{Type: rightful.TypeSession})) {
				for _, user := range append(users, rightful.User{}, rightful.User{ID: "no-such-user"}) {
					req := gateway.ValidationRequest{SessionID: s.ID, UserID: user.ID}
					v, err := g.ValidatePayment(t.Context(), req)
					if err != nil {
						t.Fatalf("%+v: %v", req, err)
					}
					for _, leak := range tenants.leaks(user.ID, s.ID, v) {
						t.Errorf("%+v: %s: %s", req, v.Status, leak)
					}
					if why := disagrees(report.Findings, tenants, s, user, v); why != "" && report.Refused == nil {
						t.Errorf("%+v: %s\n%s", req, why, text(v))
					}
					req.Operator = true
					o, err := g.ValidatePayment(t.Context(), req)
					if err != nil || o.Status != v.Status || o.Decision != v.Decision || o.BuyerMessage != v.BuyerMessage {
						t.Errorf("%+v: an operator is told %s %v, others %s", req, o.Status, err, v.Status)
					}
				}
			}
		})
	}
}

func text(v any) string {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// disagrees says what of an answer contradicts the audit: of a session that is paid, of
// which the audit finds nothing wrong, and whose stamped buyer belongs to the company
// that it is stamped with, the buyer has to be told that it is valid.
func disagrees(findings []rightful.Finding, tenants tenants, s rightful.Object, user rightful.User, v gateway.Validation) string {
	wrong := slices.ContainsFunc(findings, func(f rightful.Finding) bool {
		own := []string{s.ID, s.SubscriptionID, s.PaymentIntentID, s.StripeCustomerID}
		return f.Severity == rightful.SeverityError && (slices.Contains(own, f.Object.ID) || slices.Contains(f.Also, s.ID))
	})
	stamp := s.Metadata["company_id"]
	switch {
	case wrong || !s.SettledSession() || user.ID == "" || user.Inactive || !rightful.SameID(s.Metadata["user_id"], user.ID) || !tenants.belongs(user.ID, stamp):
		return ""
	case v.Status != gateway.Valid:
		return fmt.Sprintf("it is paid, by somebody of the stamped company, and the audit finds nothing wrong; the answer is %s", v.Status)
	}
	return ""
}

// tenants are all companies, with who belongs to each, as the database says it.
type tenants struct {
	companies []rightful.Company
	of        map[string][]string // canonical user -> canonical companies, of whatever time
	foreign   map[string]string   // canonical ids of companies and users -> what they are of
	linkers   map[string][]string // customer -> canonical companies that link it
}

func tenantsOf(t *testing.T, d rightful.DirectoryReader) tenants {
	t.Helper()
	x := tenants{of: map[string][]string{}, foreign: map[string]string{}, linkers: map[string][]string{}}
	add := func(user, company string) {
		user = rightful.CanonicalID(user)
		x.of[user] = append(x.of[user], rightful.CanonicalID(company))
	}
	x.companies = all(t, d.Companies(t.Context(), rightful.Select{}))
	for _, c := range x.companies {
		add(c.OwnerUserID, c.ID)
		x.foreign[rightful.CanonicalID(c.ID)] = "company"
		x.linkers[c.StripeCustomerID] = append(x.linkers[c.StripeCustomerID], rightful.CanonicalID(c.ID))
		if c.StampValue != "" {
			x.foreign[rightful.CanonicalID(c.StampValue)] = "the stamp of company"
		}
	}
	for _, l := range all(t, d.Links(t.Context(), rightful.Select{})) {
		x.linkers[l.StripeCustomerID] = append(x.linkers[l.StripeCustomerID], rightful.CanonicalID(l.CompanyID))
	}
	for _, m := range all(t, d.Memberships(t.Context(), rightful.Select{})) {
		add(m.UserID, m.CompanyID)
	}
	for _, u := range all(t, d.Users(t.Context(), rightful.Select{})) {
		add(u.ID, u.CompanyID)
		x.foreign[rightful.CanonicalID(u.ID)] = "user"
	}
	return x
}

// acted adds for whom users made sessions, as our own record says.
func (x tenants) acted(t *testing.T, e *engine.Engine) {
	t.Helper()
	for _, s := range all(t, e.Sources.Stripe.List(t.Context(), rightful.ListQuery{Type: rightful.TypeSession})) {
		made, err := e.Sources.Record.CheckoutsOf(t.Context(), []string{s.ID})
		if err != nil {
			t.Fatal(err)
		}
		in := made[s.ID]
		if rightful.SameID(s.Metadata["company_id"], in.CompanyID) { // else it is not believed
			x.of[in.UserID] = append(x.of[in.UserID], in.CompanyID)
		}
	}
}

func (x tenants) belongs(user, company string) bool {
	return slices.Contains(x.of[rightful.CanonicalID(user)], rightful.CanonicalID(company)) && company != ""
}

// leaks names every id of another tenant in an answer to a user about a session.
func (x tenants) leaks(user, session string, answer any) (found []string) {
	own := slices.Clone(x.of[rightful.CanonicalID(user)])
	for range x.companies { // what was merged is one: who may see a part may see the other
		for _, c := range x.companies {
			a, b := rightful.CanonicalID(c.ID), rightful.CanonicalID(c.MergedInto)
			if b != "" && slices.Contains(own, a) != slices.Contains(own, b) {
				own = append(own, a, b)
			}
		}
	}
	v, _ := answer.(gateway.Validation)
	if v.CompanyID != nil && !slices.Contains(own, rightful.CanonicalID(*v.CompanyID)) {
		found = append(found, "it names company "+*v.CompanyID)
	}
	raw, err := json.Marshal(answer)
	if err != nil {
		return []string{err.Error()}
	}
	words := strings.FieldsFunc(string(raw), func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-@", r)
	})
	mine := append(own, rightful.CanonicalID(user))
	for _, w := range words {
		switch id := rightful.CanonicalID(w); {
		case slices.Contains(mine, id) || w == session:
		case x.foreign[id] != "":
			found = append(found, fmt.Sprintf("it names %s %s: %s", x.foreign[id], w, raw))
		case strings.HasPrefix(w, "cus_") && slices.ContainsFunc(x.linkers[w], func(c string) bool { return !slices.Contains(own, c) }):
			found = append(found, fmt.Sprintf("it names customer %s: %s", w, raw))
		case strings.Contains(w, "@"):
			found = append(found, fmt.Sprintf("it names %s: %s", w, raw))
		}
	}
	return found
}
