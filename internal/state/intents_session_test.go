package state_test

import (
	"fmt"
	"slices"
	"testing"

	"rightful"
)

// TestCheckoutsOf: a session leads to whom it was made for, in its own account and mode,
// until its intent is renewed.
func TestCheckoutsOf(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		in := checkout("11", "7", "wish")
		if _, err := s.Promise(ctx, in); err != nil {
			b.Fatal(err)
		}
		in.ObjectID = "cs_live_1"
		same(b, in)(s.Keep(ctx, in))
		for _, tt := range []struct {
			account  string
			livemode bool
			session  string
			known    bool
		}{
			{"acct_1", true, "cs_live_1", true},
			{"acct_2", true, "cs_live_1", false},
			{"acct_1", false, "cs_live_1", false},
			{"acct_1", true, "cs_live_2", false},
			{"acct_1", true, "", false},
			{"acct_1", true, "cs_\x00", false},
		} {
			made, err := s.CheckoutsOf(ctx, tt.account, tt.livemode, []string{tt.session, "cs_none"})
			got, known := made[tt.session]
			if err != nil || known != tt.known || known && got != in {
				b.Errorf("%+v: %+v, %v, %v", tt, got, known, err)
			}
		}
		next := in
		next.Generation, next.ObjectID = 1, ""
		same(b, next)(s.Renew(ctx, next))
		if made, err := s.CheckoutsOf(ctx, "acct_1", true, []string{"cs_live_1"}); len(made) > 0 || err != nil {
			b.Errorf("a renewed intent still leads there: %v, %v", made, err)
		}
	})
}

// TestSessionsAreForgotten after 90 days, and customers never: who promises something new
// makes room, once an hour, and a thousand at a time.
func TestSessionsAreForgotten(t *testing.T) {
	const day = 24 * 60 * 60
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		count := func() (n int) {
			b.Helper()
			must(b, s.DB().QueryRowContext(ctx, "SELECT count(*) FROM rightful_intents").Scan(&n))
			return n
		}
		promise := func(s rightful.IntentStore, in rightful.Intent, age int64) {
			b.Helper()
			in.At = b.clock.Load() - age
			same(b, in)(s.Promise(ctx, in))
		}
		promise(s, customer("11", "ann"), 400*day) // and looks what may be forgotten, for the first time
		old, kept := checkout("11", "7", "old"), checkout("11", "7", "kept")
		old.ObjectID, kept.ObjectID = "cs_old", "cs_kept"
		promise(s, old, 90*day+1)
		promise(s, kept, 90*day-2*60*60)
		promise(s, checkout("12", "7", "old"), 91*day)
		if n := count(); n != 4 {
			b.Fatalf("%d are kept within the hour, want 4", n)
		}
		b.clock.Add(60 * 60)
		promise(s, checkout("11", "7", "new"), 0)
		if n := count(); n != 3 {
			b.Errorf("%d are kept, want the customer, one that is not that old, and the new one", n)
		}
		for session, want := range map[string]bool{"cs_old": false, "cs_kept": true} {
			if made, err := s.CheckoutsOf(ctx, "acct_1", true, []string{session}); (len(made) > 0) != want || err != nil {
				b.Errorf("%s: %v %v", session, made, err)
			}
		}
		// A store that is opened later forgets what it finds, part by part.
		b.mustBehind(s, fmt.Sprintf(`INSERT INTO rightful_intents (kind, account, livemode, company_id, user_id, wish, generation, name, email, at, sent_at, object_id)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
			SELECT 'checkout', 'acct_1', true, '14', CAST(i AS text), 'w', 1, '', '', %d + i, 0, '' FROM n`, b.clock.Load()-100*day))
		late := b.open()
		for i, want := range []int{3 + 1500 + 1, 3 + 500 + 2, 3 + 3, 3 + 4} {
			in := checkout("13", "7", "wish")
			in.Generation, in.UserID = i, string(rune('a'+i))
			promise(late, in, 0)
			if n := count(); n != want {
				b.Errorf("%d are kept after %d promises, want %d", n, i+1, want)
			}
		}
	})
}

// TestPromised: a company for which something was promised is known in its own account
// and mode, whatever the promise was and whatever became of it.
func TestPromised(t *testing.T) {
	onBoth(t, func(b *bench) {
		ctx, s := b.Context(), b.open()
		for _, in := range []rightful.Intent{customer("11", "ann"), checkout("11", "7", "wish"), checkout("11", "8", "wish"), checkout("acme", "7", "wish")} {
			if _, err := s.Promise(ctx, in); err != nil {
				b.Fatal(err)
			}
		}
		many := []string{"11", "acme", "12", "", "a\x00"}
		for i := range 1200 { // more than fit into one statement
			many = append(many, fmt.Sprint("none", i))
		}
		for _, tt := range []struct {
			account  string
			livemode bool
			want     []string
		}{{"acct_1", true, []string{"11", "acme"}}, {"acct_2", true, nil}, {"acct_1", false, nil}} {
			if got, err := s.Promised(ctx, tt.account, tt.livemode, many); err != nil || !slices.Equal(got, tt.want) {
				b.Errorf("%+v: %v %v", tt, got, err)
			}
		}
	})
}
