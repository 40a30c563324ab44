package mirror_test

import (
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
)

// TestForget forgets a pass, and keeps what it brought; another one can begin.
func TestForget(t *testing.T) {
	onBoth(t, func(t *testing.T, address func(*testing.T) string) {
		root := open(t, address(t))
		root.StageFrom(1)
		m := root.Of("acct_1", true, sourcetest.StripeKeys())
		pass, err := m.Begin(t.Context(), rightful.TypeCustomer, 100, []rightful.MirrorWindow{{ID: 1, To: 100}})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"cus_1", "cus_2"} { // the second is staged on SQLite
			o := rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: id, Created: 5}
			if err := m.Keep(t.Context(), []rightful.MirrorPage{{Pass: pass.ID, Objects: []rightful.MirrorObject{{Object: o, AsOf: 50, Exists: rightful.ExistsPresent}}}}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // the second time it is nobody's
			if err := m.Forget(t.Context(), pass.ID); err != nil {
				t.Fatal(err)
			}
		}
		parts, err := m.Parts(t.Context())
		if err != nil || parts[0].Objects != 2 || parts[0].Pass != nil || parts[0].Full != 0 {
			t.Errorf("%+v %v", parts[0], err)
		}
		if err := m.End(t.Context(), pass.ID, 100); rightful.KindOf(err) != rightful.KindInvalid {
			t.Errorf("a forgotten pass ended: %v", err)
		}
		again, err := m.Begin(t.Context(), rightful.TypeCustomer, 200, nil)
		if err != nil || again.Started != 200 || again.ID == pass.ID {
			t.Errorf("%+v %v", again, err)
		}
		if err := m.End(t.Context(), again.ID, 200); err != nil {
			t.Fatal(err)
		}
		if err := m.Forget(t.Context(), again.ID); err != nil { // what has ended stays so
			t.Fatal(err)
		}
		if err := m.End(t.Context(), again.ID, 200); err != nil {
			t.Errorf("it has ended, and then it was forgotten: %v", err)
		}
		if parts, err = m.Parts(t.Context()); err != nil || parts[0].Full != 200 {
			t.Errorf("%+v %v", parts[0], err)
		}
	})
}
