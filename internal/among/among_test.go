package among

import (
	"context"
	"strings"
	"testing"
	"time"

	"rightful"
)

// account is a Stripe account that has some customers, or that fails.
type account struct {
	rightful.StripeReader
	id    string
	has   string
	fails error
	asked int
}

func (a *account) Account(context.Context) (rightful.Account, error) {
	a.asked++
	return rightful.Account{ID: a.id}, a.fails
}

func (a *account) Get(_ context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	a.asked++
	switch {
	case a.fails != nil:
		return rightful.Object{}, rightful.ExistsUnknown, a.fails
	case strings.Contains(a.has, id):
		return rightful.Object{Account: a.id, Type: t, ID: id}, rightful.ExistsPresent, nil
	}
	return rightful.Object{}, rightful.ExistsMissing, nil
}

func get(t *testing.T, r *Reader, id string) rightful.Existence {
	t.Helper()
	o, exists, err := r.Get(t.Context(), rightful.TypeCustomer, id)
	if err != nil || exists != rightful.ExistsPresent && o.ID != "" {
		t.Fatalf("%s: %+v, %v", id, o, err)
	}
	return exists
}

func TestWhatAnotherAccountHasIsNotMissing(t *testing.T) {
	t.Parallel()
	own, b, c := &account{id: "acct_a", has: "cus_a"}, &account{id: "acct_b", has: "cus_b"}, &account{id: "acct_c", has: "cus_c"}
	r := New(own, Other{"acct_b", b}, Other{"acct_c", c})
	for id, want := range map[string]rightful.Existence{
		"cus_a": rightful.ExistsPresent, "cus_b": rightful.ExistsUnknown, "cus_c": rightful.ExistsUnknown, "cus_x": rightful.ExistsMissing,
	} {
		if got := get(t, r, id); got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
	if where, sure := r.Elsewhere(t.Context(), rightful.TypeCustomer, "cus_c"); where != "acct_c" || !sure {
		t.Errorf("cus_c is in %q, %v", where, sure)
	}
	if _, exists, err := r.GetHere(t.Context(), rightful.TypeCustomer, "cus_b"); err != nil || exists != rightful.ExistsMissing {
		t.Errorf("here: %v, %v", exists, err)
	}
	if why := r.Unheard(); len(why) > 0 {
		t.Errorf("unheard: %q", why)
	}
}

func TestNothingFollowsWhileAnAccountIsSilent(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_760_000_000, 0)
	own, b := &account{id: "acct_a"}, &account{id: "acct_b"}
	r := New(own, Other{"acct_b", b})
	r.now = func() time.Time { return now }
	b.fails = &rightful.Error{Kind: rightful.KindUnreachable, Place: "stripe", Message: "it does not answer", Hint: "try again"}
	for range 3 {
		if got := get(t, r, "cus_x"); got != rightful.ExistsUnknown {
			t.Fatalf("got %v", got)
		}
	}
	if b.asked != 1 {
		t.Errorf("one that does not answer was asked %d times at once", b.asked)
	}
	if why := r.Unheard(); len(why) != 1 || !strings.Contains(why[0], "acct_b") || !strings.Contains(why[0], "it does not answer") || strings.Contains(why[0], "try again") {
		t.Errorf("unheard: %q", why)
	}
	b.fails, now = nil, now.Add(deafFor)
	if got := get(t, r, "cus_x"); got != rightful.ExistsMissing || len(r.Unheard()) > 0 {
		t.Errorf("after it answers again: %v, %q", got, r.Unheard())
	}
}

func TestTheKeyOfAnotherAccountIsNotBelieved(t *testing.T) {
	t.Parallel()
	r := New(&account{id: "acct_a"}, Other{"acct_b", &account{id: "acct_copied"}})
	if got := get(t, r, "cus_x"); got != rightful.ExistsUnknown {
		t.Errorf("got %v", got)
	}
	if why := r.Unheard(); len(why) != 1 || !strings.Contains(why[0], "its key opens acct_copied") {
		t.Errorf("unheard: %q", why)
	}
}

func TestCalledOffSaysNothingAboutAnAccount(t *testing.T) {
	t.Parallel()
	b := &account{id: "acct_b", fails: context.Canceled}
	r := New(&account{id: "acct_a"}, Other{"acct_b", b})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := r.Get(ctx, rightful.TypeCustomer, "cus_x"); err == nil {
		t.Error("no error")
	}
	if why := r.Unheard(); len(why) > 0 {
		t.Errorf("unheard: %q", why)
	}
}
