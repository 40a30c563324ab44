package state_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"rightful"
	"rightful/internal/state"
)

func customer(company, name string) rightful.CustomerIntent {
	return rightful.CustomerIntent{Account: "acct_1", Livemode: true, CompanyID: company, Name: name, Email: name + "@example.com", At: began}
}

func checkout(company, user, wish string) rightful.CheckoutIntent {
	return rightful.CheckoutIntent{Account: "acct_1", Livemode: true, CompanyID: company, UserID: user, Wish: wish, At: began}
}

// same stops a test unless a call returned what is wanted.
func same[V comparable](t testing.TB, want V) func(V, error) {
	t.Helper()
	return func(got V, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestTheFirstCustomerIntentStays(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s, other := b.Context(), b.open(), b.open()
		first, second := customer("11", "ann"), customer("11", "bob")
		same(b, first)(s.PromiseCustomer(ctx, first))
		same(b, first)(other.PromiseCustomer(ctx, second))
		answer := first
		answer.CustomerID = "cus_1"
		same(b, answer)(other.KeepCustomer(ctx, answer))
		late := second
		late.CustomerID = "cus_2"
		same(b, answer)(s.KeepCustomer(ctx, late))
		same(b, answer)(b.open().PromiseCustomer(ctx, second))

		// Of another company, account or mode nothing is known.
		for _, change := range []func(*rightful.CustomerIntent){
			func(in *rightful.CustomerIntent) { in.CompanyID = "12" },
			func(in *rightful.CustomerIntent) { in.Account = "acct_2" },
			func(in *rightful.CustomerIntent) { in.Account = "" },
			func(in *rightful.CustomerIntent) { in.Livemode = false },
		} {
			in := second
			change(&in)
			same(b, in)(s.PromiseCustomer(ctx, in))
		}
	})
}

func TestACustomerIntentIsRenewedOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		first := customer("11", "ann")
		first.Generation, first.CustomerID = 1, "cus_1"
		same(b, first)(s.PromiseCustomer(ctx, first))
		second, rival, skips := customer("11", "bob"), customer("11", "cyd"), customer("11", "dan")
		second.Generation, rival.Generation, skips.Generation = 2, 2, 4
		second.At++
		same(b, second)(s.RenewCustomer(ctx, second))
		same(b, second)(b.open().RenewCustomer(ctx, rival))
		same(b, second)(s.RenewCustomer(ctx, skips))

		// Who comes late with the customer of before is told what is kept now.
		same(b, second)(s.KeepCustomer(ctx, first))
		second.CustomerID = "cus_2"
		same(b, second)(s.KeepCustomer(ctx, second))
	})
}

func TestCheckoutIntents(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s, other := b.Context(), b.open(), b.open()
		first := checkout("11", "7", "w1")
		first.Generation = 1
		same(b, first)(s.PromiseCheckout(ctx, first))
		later := first
		later.At += 9
		same(b, first)(other.PromiseCheckout(ctx, later))
		answer, rival := first, first
		answer.SessionID, rival.SessionID = "cs_1", "cs_2"
		same(b, answer)(other.KeepCheckout(ctx, answer))
		same(b, answer)(s.KeepCheckout(ctx, rival))
		second := checkout("11", "7", "w1")
		second.Generation, second.At = 2, began+60
		same(b, second)(s.RenewCheckout(ctx, second))
		rival.Generation = 2
		same(b, second)(other.RenewCheckout(ctx, rival))
		same(b, second)(s.KeepCheckout(ctx, answer))
		second.SessionID = "cs_3"
		same(b, second)(s.KeepCheckout(ctx, second))
		for _, change := range []func(*rightful.CheckoutIntent){
			func(in *rightful.CheckoutIntent) { in.CompanyID = "12" },
			func(in *rightful.CheckoutIntent) { in.UserID = "8" },
			func(in *rightful.CheckoutIntent) { in.Wish = "w2" },
			func(in *rightful.CheckoutIntent) { in.Account = "acct_2" },
			func(in *rightful.CheckoutIntent) { in.Livemode = false },
		} {
			in := first
			change(&in)
			same(b, in)(s.PromiseCheckout(ctx, in))
		}
	})
}

// TestIntentsOfOneCompany: the ids that are the same are the same, whatever a
// language made of them, and none that differ are.
func TestIntentsOfOneCompany(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		const upper, lower = "0B8F8C2E-1234-4ABC-8DEF-0123456789AB", "0b8f8c2e-1234-4abc-8def-0123456789ab"
		same(b, customer(lower, "ann"))(s.PromiseCustomer(ctx, customer(upper, "ann")))
		same(b, customer(lower, "ann"))(s.PromiseCustomer(ctx, customer(lower, "bob")))
		same(b, checkout(lower, lower, "w"))(s.PromiseCheckout(ctx, checkout(upper, upper, "w")))
		for _, id := range []string{"4", "04", " 4", "4 ", "Acme", "acme", "é", "e\u0301", "'; DROP TABLE rightful_customer_intents; --", "$1", "?1", "%", "🦆", strings.Repeat("x", 400)} {
			same(b, customer(id, id))(s.PromiseCustomer(ctx, customer(id, id)))
			in := checkout(id, id, id)
			same(b, in)(s.PromiseCheckout(ctx, in))
			in.SessionID = id
			same(b, in)(s.KeepCheckout(ctx, in))
		}
	})
}

func TestIntentsThatCannotBeKept(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		for name, id := range map[string]string{"empty": "", "a zero byte": "4\x00", "no text": "4\xff", "too long": strings.Repeat("x", 401)} {
			_, err := s.PromiseCustomer(ctx, customer(id, "ann"))
			_, noCompany := s.PromiseCheckout(ctx, checkout(id, "7", "w"))
			_, noUser := s.PromiseCheckout(ctx, checkout("11", id, "w"))
			_, noWish := s.RenewCheckout(ctx, checkout("11", "7", id))
			in, session := customer("11", "ann"), checkout("11", "7", "w")
			in.CustomerID, session.SessionID = id, id
			_, noAnswer := s.KeepCustomer(ctx, in)
			_, noSession := s.KeepCheckout(ctx, session)
			for i, err := range []error{err, noCompany, noUser, noWish, noAnswer, noSession} {
				if rightful.KindOf(err) != rightful.KindInvalid {
					b.Errorf("%s, call %d: got %v", name, i, err)
				}
			}
		}
		in, session := customer("11", "ann"), checkout("11", "7", "w")
		in.CustomerID, session.SessionID = "cus_1", "cs_1"
		_, kept := s.KeepCustomer(ctx, in)
		_, renewed := s.RenewCustomer(ctx, in)
		_, keptSession := s.KeepCheckout(ctx, session)
		_, renewedSession := s.RenewCheckout(ctx, session)
		for i, err := range []error{kept, renewed, keptSession, renewedSession} {
			if rightful.KindOf(err) != rightful.KindNotFound {
				b.Errorf("what nobody promised, call %d: got %v", i, err)
			}
		}
		// A name is the app's, whatever stands in it: what no text may hold is left out.
		odd, clean := customer("11", "an\x00n\xff"), customer("11", "ann\uFFFD")
		same(b, clean)(s.PromiseCustomer(ctx, odd))
		same(b, clean)(s.PromiseCustomer(ctx, odd))
	})
}

// TestManyPromiseAtOnce: of a hundred callers of two stores, all are told the same
// intent, the same customer, and the same one after that was lost.
func TestManyPromiseAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		const callers = 50
		stores := []*state.Store{b.open(), b.open()}
		all := func(call func(context.Context, *state.Store, string) (rightful.CustomerIntent, error)) rightful.CustomerIntent {
			b.Helper()
			var wg sync.WaitGroup
			ready := make(chan struct{})
			results := make([]rightful.CustomerIntent, callers*len(stores))
			errs := make([]error, len(results))
			for i := range results {
				wg.Go(func() {
					<-ready
					results[i], errs[i] = call(b.Context(), stores[i%len(stores)], fmt.Sprint(i))
				})
			}
			close(ready)
			wg.Wait()
			must(b, errs...)
			for _, got := range results {
				if got != results[0] {
					b.Fatalf("one is told %+v, another %+v", results[0], got)
				}
			}
			return results[0]
		}
		promised := all(func(ctx context.Context, s *state.Store, me string) (rightful.CustomerIntent, error) {
			return s.PromiseCustomer(ctx, customer("11", me))
		})
		kept := all(func(ctx context.Context, s *state.Store, me string) (rightful.CustomerIntent, error) {
			in := promised
			in.CustomerID = "cus_" + me
			return s.KeepCustomer(ctx, in)
		})
		if kept.CustomerID == "" || kept.Name != promised.Name {
			b.Errorf("kept %+v of %+v", kept, promised)
		}
		renewed := all(func(ctx context.Context, s *state.Store, me string) (rightful.CustomerIntent, error) {
			in := customer("11", me)
			in.Generation = promised.Generation + 1
			return s.RenewCustomer(ctx, in)
		})
		if renewed.Generation != promised.Generation+1 || renewed.CustomerID != "" {
			b.Errorf("renewed %+v", renewed)
		}
	})
}

func TestAStoreForReadingPromisesNothing(t *testing.T) {
	onBoth(t, func(b *bench) {
		b.open()
		s, err := state.OpenToRead(b.Context(), b.address, b.options(""))
		must(b, err)
		defer s.Close()
		if _, err := s.PromiseCustomer(b.Context(), customer("11", "ann")); rightful.KindOf(err) != rightful.KindForbidden {
			b.Errorf("got %v", err)
		}
	})
}
