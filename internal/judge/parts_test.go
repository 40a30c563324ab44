package judge_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/judge"
	"rightful/test/truth"
)

// TestPartsSayWhatTheWholeSays: a situation that is cut along what is connected is judged
// as the whole, at the first look and at the second.
func TestPartsSayWhatTheWholeSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := truth.Grow(t)
		for range rapid.IntRange(0, 4).Draw(t, "damages") {
			w.StrikeAny(t, truth.Mutations())
		}
		rules := rulesOf(w)
		if rapid.Bool().Draw(t, "off") {
			rules.Off = map[rightful.Code]bool{rightful.CodeUnstamped: true, rightful.CodeDeliveryDead: true}
		}
		s := seen(w)
		s.Beside = 1000 // so many customers that nobody looks at each
		look := func(when string) judge.Verdict {
			whole, cut := *s, *s
			cut.Screened = true
			want, got := judge.Judge(&whole, rules), judge.Judge(&cut, rules)
			slices.Sort(want.Wanted.Unread)
			for i := range want.Attributions {
				want.Attributions[i].Signals = nil
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("at the %s look (-whole +parts):\n%s", when, diff)
			}
			return want
		}
		want := look("first").Wanted
		w.Closer(s, want.Customers, want.Unread, want.Removals)
		look("second")
	})
}
