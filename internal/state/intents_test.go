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

func customer(company, name string) rightful.Intent {
	return rightful.Intent{Kind: rightful.IntentCustomer, Account: "acct_1", Livemode: true, CompanyID: company, Name: name, Email: name + "@example.com", At: began}
}

func checkout(company, user, wish string) rightful.Intent {
	return rightful.Intent{Kind: rightful.IntentCheckout, Account: "acct_1", Livemode: true, CompanyID: company, UserID: user, Wish: wish, At: began}
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
		same(b, first)(s.Promise(ctx, first))
		same(b, first)(other.Promise(ctx, second))
		answer := first
		answer.ObjectID = "cus_1"
		same(b, answer)(other.Keep(ctx, answer))
		late := second
		late.ObjectID = "cus_2"
		same(b, answer)(s.Keep(ctx, late))
		same(b, answer)(b.open().Promise(ctx, second))

		// Of another company, account or mode nothing is known.
		for _, change := range []func(*rightful.Intent){
			func(in *rightful.Intent) { in.CompanyID = "12" },
			func(in *rightful.Intent) { in.Account = "acct_2" },
			func(in *rightful.Intent) { in.Account = "" },
			func(in *rightful.Intent) { in.Livemode = false },
		} {
			in := second
			change(&in)
			same(b, in)(s.Promise(ctx, in))
		}
	})
}

func TestACustomerIntentIsRenewedOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		first := customer("11", "ann")
		first.Generation, first.ObjectID = 1, "cus_1"
		same(b, first)(s.Promise(ctx, first))
		second, rival, skips := customer("11", "bob"), customer("11", "cyd"), customer("11", "dan")
		second.Generation, rival.Generation, skips.Generation = 2, 2, 4
		second.At++
		same(b, second)(s.Renew(ctx, second))
		same(b, second)(b.open().Renew(ctx, rival))
		same(b, second)(s.Renew(ctx, skips))

		// Who comes late with the customer of before is told what is kept now.
		same(b, second)(s.Keep(ctx, first))
		second.ObjectID = "cus_2"
		same(b, second)(s.Keep(ctx, second))
	})
}

func TestCheckoutIntents(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s, other := b.Context(), b.open(), b.open()
		first := checkout("11", "7", "w1")
		first.Generation = 1
		same(b, first)(s.Promise(ctx, first))
		later := first
		later.At += 9
		same(b, first)(other.Promise(ctx, later))
		answer, rival := first, first
		answer.ObjectID, rival.ObjectID = "cs_1", "cs_2"
		same(b, answer)(other.Keep(ctx, answer))
		same(b, answer)(s.Keep(ctx, rival))
		second := checkout("11", "7", "w1")
		second.Generation, second.At = 2, began+60
		same(b, second)(s.Renew(ctx, second))
		rival.Generation = 2
		same(b, second)(other.Renew(ctx, rival))
		same(b, second)(s.Keep(ctx, answer))
		second.ObjectID = "cs_3"
		same(b, second)(s.Keep(ctx, second))
		for _, change := range []func(*rightful.Intent){
			func(in *rightful.Intent) { in.CompanyID = "12" },
			func(in *rightful.Intent) { in.UserID = "8" },
			func(in *rightful.Intent) { in.Wish = "w2" },
			func(in *rightful.Intent) { in.Account = "acct_2" },
			func(in *rightful.Intent) { in.Livemode = false },
		} {
			in := first
			change(&in)
			same(b, in)(s.Promise(ctx, in))
		}
	})
}

// TestWhatIsSentIsWrittenDown: the first time and the last, of the generation that is
// kept, and only while no answer is known.
func TestWhatIsSentIsWrittenDown(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s, other := b.Context(), b.open(), b.open()
		for _, in := range []rightful.Intent{customer("11", "ann"), checkout("11", "7", "w")} {
			at := func(seconds int64) rightful.Intent {
				sent := in
				sent.SentAt = began + seconds
				return sent
			}
			_, err := s.Send(ctx, at(1))
			if rightful.KindOf(err) != rightful.KindNotFound {
				b.Errorf("what was not promised is sent: %v", err)
			}
			same(b, in)(s.Promise(ctx, in))
			want := at(100)
			want.At = began + 100 // nothing was made of it before
			same(b, want)(s.Send(ctx, at(100)))
			want.SentAt = began + 130
			same(b, want)(other.Send(ctx, at(130)))
			same(b, want)(s.Send(ctx, at(120))) // a clock that is slow
			same(b, want)(s.Promise(ctx, in))
			early := at(140)
			early.Generation--
			same(b, want)(s.Send(ctx, early))
			want.ObjectID = "made"
			same(b, want)(s.Keep(ctx, want))
			same(b, want)(s.Send(ctx, at(150)))
			_, err = s.Send(ctx, in)
			if rightful.KindOf(err) != rightful.KindInvalid {
				b.Errorf("sent at no time: %v", err)
			}
			next := in
			next.Generation, next.SentAt, next.At = in.Generation+1, began+200, began+190
			same(b, next)(s.Renew(ctx, next))
		}
	})
}

// TestIntentsOfOneCompany: the ids that are the same are the same, whatever a
// language made of them, and none that differ are.
func TestIntentsOfOneCompany(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		const upper, lower = "0B8F8C2E-1234-4ABC-8DEF-0123456789AB", "0b8f8c2e-1234-4abc-8def-0123456789ab"
		same(b, customer(lower, "ann"))(s.Promise(ctx, customer(upper, "ann")))
		same(b, customer(lower, "ann"))(s.Promise(ctx, customer(lower, "bob")))
		same(b, checkout(lower, lower, "w"))(s.Promise(ctx, checkout(upper, upper, "w")))
		for _, id := range []string{"4", "04", " 4", "4 ", "Acme", "acme", "é", "e\u0301", "'; DROP TABLE rightful_intents; --", "$1", "?1", "%", "🦆", strings.Repeat("x", 400)} {
			same(b, customer(id, id))(s.Promise(ctx, customer(id, id)))
			in := checkout(id, id, id)
			same(b, in)(s.Promise(ctx, in))
			in.ObjectID = id
			same(b, in)(s.Keep(ctx, in))
		}
	})
}

func TestIntentsThatCannotBeKept(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		for name, id := range map[string]string{"empty": "", "a zero byte": "4\x00", "no text": "4\xff", "too long": strings.Repeat("x", 401)} {
			_, err := s.Promise(ctx, customer(id, "ann"))
			_, noCompany := s.Promise(ctx, checkout(id, "7", "w"))
			_, noUser := s.Promise(ctx, checkout("11", id, "w"))
			_, noWish := s.Renew(ctx, checkout("11", "7", id))
			in, session := customer("11", "ann"), checkout("11", "7", "w")
			in.ObjectID, session.ObjectID = id, id
			_, noAnswer := s.Keep(ctx, in)
			_, noSession := s.Keep(ctx, session)
			for i, err := range []error{err, noCompany, noUser, noWish, noAnswer, noSession} {
				if rightful.KindOf(err) != rightful.KindInvalid {
					b.Errorf("%s, call %d: got %v", name, i, err)
				}
			}
		}
		for name, in := range map[string]rightful.Intent{
			"no kind":            {Account: "acct_1", CompanyID: "11"},
			"another kind":       {Kind: "refund", Account: "acct_1", CompanyID: "11"},
			"a user's customer":  {Kind: rightful.IntentCustomer, CompanyID: "11", UserID: "7"},
			"a wish of customer": {Kind: rightful.IntentCustomer, CompanyID: "11", Wish: "w"},
		} {
			if _, err := s.Promise(ctx, in); rightful.KindOf(err) != rightful.KindInvalid {
				b.Errorf("%s: got %v", name, err)
			}
		}
		in, session := customer("11", "ann"), checkout("11", "7", "w")
		in.ObjectID, session.ObjectID = "cus_1", "cs_1"
		_, kept := s.Keep(ctx, in)
		_, renewed := s.Renew(ctx, in)
		_, keptSession := s.Keep(ctx, session)
		_, renewedSession := s.Renew(ctx, session)
		for i, err := range []error{kept, renewed, keptSession, renewedSession} {
			if rightful.KindOf(err) != rightful.KindNotFound {
				b.Errorf("what nobody promised, call %d: got %v", i, err)
			}
		}
		// A name is the app's, whatever stands in it: what no text may hold is left out.
		odd, clean := customer("11", "an\x00n\xff"), customer("11", "ann\uFFFD")
		same(b, clean)(s.Promise(ctx, odd))
		same(b, clean)(s.Promise(ctx, odd))
	})
}

// TestManyPromiseAtOnce: of a hundred callers of two stores, all are told the same
// intent, the same customer, and the same one after that was lost.
func TestManyPromiseAtOnce(t *testing.T) {
	onBoth(t, func(b *bench) {
		const callers = 50
		stores := []*state.Store{b.open(), b.open()}
		all := func(call func(context.Context, *state.Store, string) (rightful.Intent, error)) rightful.Intent {
			b.Helper()
			var wg sync.WaitGroup
			ready := make(chan struct{})
			results := make([]rightful.Intent, callers*len(stores))
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
		promised := all(func(ctx context.Context, s *state.Store, me string) (rightful.Intent, error) {
			return s.Promise(ctx, customer("11", me))
		})
		kept := all(func(ctx context.Context, s *state.Store, me string) (rightful.Intent, error) {
			in := promised
			in.ObjectID = "cus_" + me
			return s.Keep(ctx, in)
		})
		if kept.ObjectID == "" || kept.Name != promised.Name {
			b.Errorf("kept %+v of %+v", kept, promised)
		}
		renewed := all(func(ctx context.Context, s *state.Store, me string) (rightful.Intent, error) {
			in := customer("11", me)
			in.Generation = promised.Generation + 1
			return s.Renew(ctx, in)
		})
		if renewed.Generation != promised.Generation+1 || renewed.ObjectID != "" {
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
		if _, err := s.Promise(b.Context(), customer("11", "ann")); rightful.KindOf(err) != rightful.KindForbidden {
			b.Errorf("got %v", err)
		}
	})
}
