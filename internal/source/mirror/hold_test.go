package mirror_test

import (
	"testing"

	"rightful"
	"rightful/internal/source/mirror"
)

func TestHold(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) { testHold(t, address(t)) })
}

func testHold(t *testing.T, address string) {
	ctx := t.Context()
	one, other := open(t, address), open(t, address)
	release, err := one.Of("acct_1", true, rightful.KeySet{}).Hold(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Of("acct_1", true, rightful.KeySet{}).Hold(ctx); rightful.KindOf(err) != rightful.KindRefused {
		t.Fatalf("held twice: %v", err)
	}
	for _, a := range []*mirror.Account{other.Of("acct_2", true, rightful.KeySet{}), other.Of("acct_1", false, rightful.KeySet{})} {
		release, err := a.Hold(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := release(); err != nil {
			t.Fatal(err)
		}
	}
	// Who holds it keeps nobody from reading and writing.
	if err := other.Of("acct_1", true, rightful.KeySet{}).Keep(ctx, []rightful.MirrorPage{{Objects: []rightful.MirrorObject{{
		Object: rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: "cus_1"}, AsOf: 1, Exists: rightful.ExistsPresent,
	}}}}); err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	release, err = other.Of("acct_1", true, rightful.KeySet{}).Hold(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
}
