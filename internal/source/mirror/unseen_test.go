package mirror_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
)

// TestUnseenIsCounted does things at random, and compares what passes count with what is
// there: a count that is too small would hide what vanished.
func TestUnseenIsCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		m := open(t, address(t))
		other := sourcetest.StripeKeys()
		other.AlsoRead = []string{"something_else"}
		accounts := []interface {
			rightful.MirrorStore
		}{m.Of("acct_1", true, sourcetest.StripeKeys()), m.Of("acct_1", true, other), m.Of("acct_2", true, sourcetest.StripeKeys())}
		names := []string{"acct_1", "acct_1", "acct_2"}
		r := rand.New(rand.NewPCG(7, 7))
		types := []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSubscription}
		open, none := map[string]rightful.MirrorPass{}, 0
		for step := range 600 {
			who := r.IntN(len(accounts))
			a, typ := accounts[who], types[r.IntN(2)]
			at := fmt.Sprint(who, typ)
			switch n := r.IntN(20); {
			case n == 0, n == 4:
				p, err := a.Begin(t.Context(), typ, int64(40+r.IntN(40)), nil)
				if err != nil {
					t.Fatal(err)
				}
				open[at] = p
			case n == 1 && open[at].ID != 0:
				_ = a.End(t.Context(), open[at].ID, 100) // one of other keys has taken its place, perhaps
				delete(open, at)
			case n == 2 && step%2 == 0:
				m.StageFrom([]int64{1, 1_000_000}[r.IntN(2)])
			case n == 3 && open[at].ID != 0:
				for range a.Unseen(t.Context(), open[at].ID) {
				}
			default:
				var page rightful.MirrorPage
				if p := open[at]; p.ID != 0 && r.IntN(2) == 0 {
					page.Pass = p.ID
				}
				for range 1 + r.IntN(6) {
					o := rightful.Object{Account: names[who], Livemode: true, Type: typ, ID: fmt.Sprintf("%.3s_%d", typ, r.IntN(12)), Created: int64(30 + r.IntN(50))}
					if typ != rightful.TypeCustomer {
						o.StripeCustomerID = fmt.Sprintf("cus_%d", r.IntN(3))
					}
					page.Objects = append(page.Objects, rightful.MirrorObject{Object: o, AsOf: int64(r.IntN(50)), Exists: []rightful.Existence{rightful.ExistsPresent, rightful.ExistsPresent, rightful.ExistsDeleted}[r.IntN(3)]})
				}
				if err := a.Keep(t.Context(), []rightful.MirrorPage{page}); err != nil && rightful.KindOf(err) != rightful.KindInvalid {
					t.Fatal(err)
				}
			}
			counted, looked, err := m.Uncounted(t.Context())
			if err != nil || !slices.Equal(counted, looked) {
				t.Fatalf("after step %d: counted %v, and there are %v: %v", step, counted, looked, err)
			}
			for _, n := range counted {
				if n == 0 {
					none++
				}
			}
		}
		if none == 0 {
			t.Error("nothing was ever seen whole: the test tests nothing")
		}
	})
}
