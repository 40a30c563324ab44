package mirror_test

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"rightful"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sourcetest"
	"rightful/internal/stripeobject"
	"rightful/internal/testserver"
)

// onBoth runs a test on each engine, with the address of an empty mirror.
func onBoth(t *testing.T, test func(t *testing.T, address func(*testing.T) string)) {
	t.Parallel()
	for engine, address := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "mirror.db") },
		"postgres": func(t *testing.T) string { return testserver.Postgres(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, address)
		})
	}
}

func open(t testing.TB, address string) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(t.Context(), address, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func TestStripeConformance(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		sourcetest.TestStripe(t, func(t *testing.T, world []byte) rightful.StripeReader {
			return filled(t, open(t, address(t)), world)
		})
	})
}

func TestMirrorConformance(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		sourcetest.TestMirror(t, func(t *testing.T) sourcetest.OpenMirror {
			m := open(t, address(t))
			return func(account string, livemode bool, keys rightful.KeySet) rightful.MirrorStore {
				return m.Of(account, livemode, keys)
			}
		})
	})
}

// filled keeps everything of a world's stripe section.
func filled(t *testing.T, m *mirror.Mirror, world []byte) *mirror.Account {
	t.Helper()
	var w struct {
		Stripe struct {
			Account struct {
				ID       string `json:"id"`
				Livemode bool   `json:"livemode"`
			} `json:"account"`
			MissingIDs []string `json:"missing_ids"`
		} `json:"stripe"`
	}
	var sections struct {
		Stripe map[string]json.RawMessage `json:"stripe"`
	}
	if err := json.Unmarshal(world, &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(world, &sections); err != nil {
		t.Fatal(err)
	}
	keys := sourcetest.StripeKeys()
	a := m.Of(w.Stripe.Account.ID, w.Stripe.Account.Livemode, keys)
	page := rightful.MirrorPage{}
	for name, typ := range map[string]rightful.ObjectType{
		"customers": rightful.TypeCustomer, "checkout_sessions": rightful.TypeSession, "subscriptions": rightful.TypeSubscription,
		"payment_intents": rightful.TypePaymentIntent, "subscription_schedules": rightful.TypeSchedule,
		"invoices": rightful.TypeInvoice, "charges": rightful.TypeCharge, "payment_methods": rightful.TypePaymentMethod,
	} {
		var list []json.RawMessage
		if raw := sections.Stripe[name]; raw != nil {
			if err := json.Unmarshal(raw, &list); err != nil {
				t.Fatal(err)
			}
		}
		for _, raw := range list {
			o, err := stripeobject.Decode(raw, typ, keys, stripeobject.Defaults{Account: w.Stripe.Account.ID, Livemode: w.Stripe.Account.Livemode})
			if err != nil {
				t.Fatal(err)
			}
			page.Objects = append(page.Objects, rightful.MirrorObject{Object: o, AsOf: 1, Exists: rightful.ExistsPresent})
		}
		for _, id := range w.Stripe.MissingIDs {
			page.Objects = append(page.Objects, rightful.MirrorObject{Object: rightful.Object{Type: typ, ID: id}, AsOf: 1, Exists: rightful.ExistsMissing})
		}
	}
	if err := a.Keep(t.Context(), []rightful.MirrorPage{page}); err != nil {
		t.Fatal(err)
	}
	return a
}
