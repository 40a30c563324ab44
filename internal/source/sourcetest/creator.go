package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"rightful"
)

// Creating is one account, as the gateway has it.
type Creating interface {
	rightful.StripeReader
	rightful.CheckoutReader
	rightful.StripeCreator
}

// TestStripeCreator checks the contract of rightful.StripeCreator. open returns the
// account that a world file describes, as TestStripe wants its reader, but with the
// time of today: what is made is made now.
func TestStripeCreator(t *testing.T, open func(t *testing.T, world []byte) Creating) {
	t.Run("customers", func(t *testing.T) { testMakeCustomer(t, open(t, checkoutWorld(t, true))) })
	t.Run("sessions", func(t *testing.T) { testMakeCheckout(t, open(t, checkoutWorld(t, true))) })
	t.Run("embedded sessions", func(t *testing.T) { testMakeEmbedded(t, open(t, checkoutWorld(t, true))) })
	t.Run("portals", func(t *testing.T) { testMakePortal(t, open(t, checkoutWorld(t, true))) })
	t.Run("closing", func(t *testing.T) { testExpire(t, open(t, checkoutWorld(t, true))) })
	t.Run("what is refused", func(t *testing.T) { testNotMade(t, open(t, checkoutWorld(t, true))) })
	t.Run("cancellation", func(t *testing.T) {
		s := open(t, checkoutWorld(t, true))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, customer := s.CreateCustomer(ctx, NewCustomer("k"))
		_, session := s.CreateCheckout(ctx, NewCheckout("k"))
		_, portal := s.CreatePortal(ctx, rightful.NewPortal{StripeCustomerID: "cus_1", ReturnURL: "https://app.example.com/"})
		for i, err := range []error{customer, session, portal, s.ExpireCheckout(ctx, "cs_open")} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("call %d: got %v", i, err)
			}
		}
		made(t, s, 0, 0)
	})
}

// NewCustomer is a customer as an app asks for one.
func NewCustomer(key string) rightful.NewCustomer {
	return rightful.NewCustomer{Name: "Über & Söhne 100%", Email: "ann+billing@example.com",
		Metadata: map[string]string{"company_id": "11", "user_id": "7", "app": "ledgerly", "note": "a=b&c"}, IdempotencyKey: key}
}

// NewCheckout is a session as an app asks for one.
func NewCheckout(key string) rightful.NewCheckout {
	stamps := map[string]string{"company_id": "11", "user_id": "7"}
	return rightful.NewCheckout{IdempotencyKey: key, Params: map[string]any{
		"mode": "subscription", "customer": "cus_1", "client_reference_id": "11",
		"success_url": "https://app.example.com/return?session_id={CHECKOUT_SESSION_ID}&a=b", "cancel_url": "https://app.example.com/plans",
		"metadata":              stamps,
		"line_items":            []any{map[string]any{"price": "price_1", "quantity": 2.0}, map[string]any{"price": "price_2", "quantity": json.Number("1")}},
		"subscription_data":     map[string]any{"metadata": stamps, "trial_period_days": 14},
		"allow_promotion_codes": true,
	}}
}

// made checks how many customers and sessions there are beside those of
// checkoutWorld.
func made(t *testing.T, s Creating, customers, sessions int) {
	t.Helper()
	CountMade(t, s, customers+1, sessions+6)
}

// CountMade checks how many customers and sessions an account has.
func CountMade(t *testing.T, r rightful.StripeReader, customers, sessions int) {
	t.Helper()
	for typ, want := range map[rightful.ObjectType]int{rightful.TypeCustomer: customers, rightful.TypeSession: sessions} {
		objects, err := all(t.Context(), r, rightful.ListQuery{Type: typ})
		if err != nil || len(objects) != want {
			t.Errorf("%d objects of type %s (%v), want %d", len(objects), typ, err, want)
		}
	}
}

func testMakeCustomer(t *testing.T, s Creating) {
	first, err := s.CreateCustomer(t.Context(), NewCustomer("k1"))
	if err != nil {
		t.Fatal(err)
	}
	want := rightful.Object{Account: stripeAccount, Livemode: true, Type: rightful.TypeCustomer, ID: first.ID, Created: first.Created,
		Email: "ann+billing@example.com", Metadata: map[string]string{"company_id": "11", "user_id": "7", "app": "ledgerly"}}
	read, exists, err := s.Get(t.Context(), rightful.TypeCustomer, first.ID)
	if err != nil || exists != rightful.ExistsPresent || first.ID == "" {
		t.Fatalf("%q: %v, %v", first.ID, exists, err)
	}
	if diff := gocmp.Diff(want, first) + gocmp.Diff(want, read); diff != "" {
		t.Errorf("made, and then read:\n%s", diff)
	}
	again, err := s.CreateCustomer(t.Context(), NewCustomer("k1"))
	if err != nil || again.ID != first.ID {
		t.Errorf("again: %s, %v, want %s", again.ID, err, first.ID)
	}
	made(t, s, 1, 0)
	other := NewCustomer("k1")
	other.Metadata = map[string]string{"company_id": "12"}
	if _, err := s.CreateCustomer(t.Context(), other); rightful.KindOf(err) != rightful.KindConflict {
		t.Errorf("other parameters under the same key: %v", err)
	}
	bare, err := s.CreateCustomer(t.Context(), rightful.NewCustomer{IdempotencyKey: "k2"})
	if err != nil || bare.ID == first.ID || bare.Email != "" || len(bare.Metadata) != 0 {
		t.Errorf("a bare one: %+v, %v", bare, err)
	}
	made(t, s, 2, 0)
}

func testMakeCheckout(t *testing.T, s Creating) {
	first, err := s.CreateCheckout(t.Context(), NewCheckout("k1"))
	if err != nil {
		t.Fatal(err)
	}
	want := rightful.Object{Account: stripeAccount, Livemode: true, Type: rightful.TypeSession, ID: first.Session.ID, Created: first.Session.Created,
		ExpiresAt: first.Session.ExpiresAt, StripeCustomerID: "cus_1", ClientReferenceID: "11", Mode: "subscription", Status: "open", PaymentStatus: "unpaid", ReturnsTo: "app.example.com/return",
		Metadata: map[string]string{"company_id": "11", "user_id": "7"}}
	if diff := gocmp.Diff(rightful.Checkout{Session: want, URL: first.URL}, first); diff != "" || first.URL == "" || first.Session.ExpiresAt <= first.Session.Created {
		t.Errorf("made (-want +got):\n%s%+v", diff, first)
	}
	read, exists, err := s.Checkout(t.Context(), first.Session.ID)
	if err != nil || exists != rightful.ExistsPresent {
		t.Fatalf("%v, %v", exists, err)
	}
	if diff := gocmp.Diff(want, read.Session); diff != "" || read.URL != first.URL || read.Customer.ID != "cus_1" {
		t.Errorf("read (-want +got):\n%s%+v", diff, read)
	}
	again, err := s.CreateCheckout(t.Context(), NewCheckout("k1"))
	if err != nil || again.Session.ID != first.Session.ID {
		t.Errorf("again: %s, %v", again.Session.ID, err)
	}
	other := NewCheckout("k1")
	other.Params["client_reference_id"] = "12"
	if _, err := s.CreateCheckout(t.Context(), other); rightful.KindOf(err) != rightful.KindConflict {
		t.Errorf("other parameters under the same key: %v", err)
	}
	made(t, s, 0, 1)
}

// testMakeEmbedded: a session that has no page of Stripe's has a secret, as long as it
// can be paid.
func testMakeEmbedded(t *testing.T, s Creating) {
	c := NewCheckout("k1")
	c.Params["ui_mode"], c.Params["return_url"] = "embedded_page", "https://app.example.com/return"
	delete(c.Params, "success_url")
	delete(c.Params, "cancel_url")
	first, err := s.CreateCheckout(t.Context(), c)
	if err != nil || first.URL != "" || !strings.HasPrefix(first.ClientSecret, first.Session.ID+"_secret_") {
		t.Fatalf("%+v, %v", first, err)
	}
	if read, _, err := s.Checkout(t.Context(), first.Session.ID); err != nil || read.ClientSecret != first.ClientSecret {
		t.Errorf("read %+v, %v", read, err)
	}
	if err := s.ExpireCheckout(t.Context(), first.Session.ID); err != nil {
		t.Fatal(err)
	}
	if read, _, err := s.Checkout(t.Context(), first.Session.ID); err != nil || read.ClientSecret != "" {
		t.Errorf("closed, %+v, %v", read, err)
	}
}

func testMakePortal(t *testing.T, s Creating) {
	wanted := rightful.NewPortal{StripeCustomerID: "cus_1", ReturnURL: "https://app.example.com/billing?a=b&c"}
	first, err := s.CreatePortal(t.Context(), wanted)
	if err != nil || first.ID == "" || !strings.HasPrefix(first.URL, "http") {
		t.Fatalf("%+v, %v", first, err)
	}
	wanted.Configuration = "bpc_own"
	if again, err := s.CreatePortal(t.Context(), wanted); err != nil || again.ID == first.ID || again.URL == first.URL {
		t.Errorf("another, %+v, %v", again, err)
	}
	for customer, kind := range map[string]rightful.ErrorKind{"cus_gone": rightful.KindNotFound, "cus_missing": rightful.KindNotFound} {
		p, err := s.CreatePortal(t.Context(), rightful.NewPortal{StripeCustomerID: customer, ReturnURL: "https://app.example.com/"})
		if rightful.KindOf(err) != kind || p != (rightful.Portal{}) {
			t.Errorf("%s: %+v, %v", customer, p, err)
		}
	}
	if _, err := s.CreatePortal(t.Context(), rightful.NewPortal{StripeCustomerID: "cus_1", ReturnURL: "nowhere"}); rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), "URL") {
		t.Errorf("no address to return to: %v", err)
	}
}

func testExpire(t *testing.T, s Creating) {
	session, err := s.CreateCheckout(t.Context(), NewCheckout("k1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ExpireCheckout(t.Context(), session.Session.ID); err != nil {
		t.Fatal(err)
	}
	c, _, err := s.Checkout(t.Context(), session.Session.ID)
	if err != nil || c.Session.Status != "expired" || c.URL != "" {
		t.Errorf("%+v, %v", c, err)
	}
	for _, id := range []string{session.Session.ID, "cs_paid", "cs_expired"} {
		if err := s.ExpireCheckout(t.Context(), id); rightful.KindOf(err) != rightful.KindConflict {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range append([]string{"", "cs_missing", "cus_1"}, oddIDs...) {
		if err := s.ExpireCheckout(t.Context(), id); rightful.KindOf(err) != rightful.KindNotFound {
			t.Errorf("%.40q: %v", id, err)
		}
	}
}

// testNotMade: what cannot be sent is not, and what Stripe refuses is said in its
// words with the parameter that it named.
func testNotMade(t *testing.T, s Creating) {
	deep := any("x")
	for range 9 {
		deep = map[string]any{"a": deep}
	}
	invalid := rightful.KindInvalid
	for name, tt := range map[string]struct {
		param string // set or, when the value is nil, left out
		value any
		kind  rightful.ErrorKind
		says  string
	}{
		"no success url":        {"success_url", nil, invalid, "success_url"},
		"a mode of its own":     {"mode", "lend", invalid, "mode"},
		"no such parameter":     {"lend_money", "yes", invalid, "lend_money"},
		"a deleted customer":    {"customer", "cus_gone", rightful.KindNotFound, "cus_gone"},
		"no such customer":      {"customer", "cus_missing", rightful.KindNotFound, "cus_missing"},
		"nothing":               {"metadata", map[string]any{"a": nil}, invalid, "metadata[a]: it has no value"},
		"no number":             {"line_items", []any{map[string]any{"quantity": math.NaN()}}, invalid, "line_items[0][quantity]: it is no number"},
		"an endless number":     {"expires_at", math.Inf(1), invalid, "expires_at"},
		"a number too exact":    {"expires_at", 1e300, invalid, "expires_at"},
		"an exponent":           {"expires_at", json.Number("1e3"), invalid, "expires_at"},
		"a function":            {"metadata", func() {}, invalid, "metadata"},
		"numbers as names":      {"metadata", map[int]string{1: "a"}, invalid, "metadata"},
		"brackets":              {"metadata", map[string]string{"a][b": "c"}, invalid, "a][b"},
		"an empty name":         {"metadata", map[string]string{"": "c"}, invalid, "name of a parameter"},
		"a long name":           {"metadata", map[string]string{strings.Repeat("k", 101): "c"}, invalid, "name of a parameter"},
		"no text":               {"cancel_url", "\xff", invalid, "cancel_url: it is no text"},
		"a long text":           {"cancel_url", strings.Repeat("é", 5001), invalid, "cancel_url"},
		"nested too deep":       {"metadata", deep, invalid, "deeper than 8"},
		"lists nested too deep": {"metadata", []any{[]any{[]any{[]any{[]any{[]any{[]any{[]any{"x"}}}}}}}}, invalid, "deeper than 8"},
		"too many":              {"line_items", make([]int, 1001), invalid, "more than 1000"},
	} {
		c := NewCheckout("k " + name)
		c.IdempotencyKey = strings.ReplaceAll(c.IdempotencyKey, " ", "-")
		c.Params[tt.param] = tt.value
		if tt.value == nil {
			delete(c.Params, tt.param)
		}
		_, err := s.CreateCheckout(t.Context(), c)
		if rightful.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want it of kind %s", name, err, tt.kind)
		}
		var own *rightful.Error
		if errors.As(err, &own) && tt.kind == invalid && own.Hint == "" {
			t.Errorf("%s: no hint in %v", name, err)
		}
	}
	for name, key := range map[string]string{"none": "", "a space": "a b", "a new line": "a\nX-Header: b", "no ASCII": "é", "too long": strings.Repeat("k", 256)} {
		_, customer := s.CreateCustomer(t.Context(), NewCustomer(key))
		_, session := s.CreateCheckout(t.Context(), NewCheckout(key))
		if rightful.KindOf(customer) != invalid || rightful.KindOf(session) != invalid {
			t.Errorf("idempotency key, %s: %v, %v", name, customer, session)
		}
	}
	for name, value := range map[string]string{"a][b": "c", strings.Repeat("k", 41): "c", "long": strings.Repeat("v", 501)} {
		c := NewCustomer("metadata")
		c.Metadata = map[string]string{name: value}
		if _, err := s.CreateCustomer(t.Context(), c); rightful.KindOf(err) != invalid {
			t.Errorf("metadata %.20q: %v", name, err)
		}
	}
	made(t, s, 0, 0)
}
