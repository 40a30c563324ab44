package judge_test

import (
	"testing"

	"pgregory.net/rapid"

	"rightful"
	"rightful/test/truth"
)

// wrongs are the automatic repairs that move something away from its true company.
func wrongs(w *truth.World) map[string]rightful.Finding {
	out := map[string]rightful.Finding{}
	for _, f := range closely(w, seen(w)) {
		if what := w.Wrong(f); f.Automatic && what != "" {
			out[what] = f
		}
	}
	return out
}

// TestOneLieCarriesNothing: one place that lies repairs no other, however many of
// those around it name nobody any more.
func TestOneLieCarriesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := lied(t, 1)
		for what, f := range wrongs(w) {
			t.Fatalf("%s %s: %s (%s)\n%s", f.Code, what, f.Message, f.Why, w.JSON("one lie"))
		}
	})
}

// TestTruthStillToldIsHeard: two places that tell the same lie repair no other,
// while a voice still tells the truth.
func TestTruthStillToldIsHeard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := lied(t, 2)
		for what, f := range wrongs(w) {
			object := f.Object.ID
			if f.Proposal.Place == rightful.PlaceDB {
				object = *f.Proposal.To
			}
			if w.StillTold(object) {
				t.Fatalf("%s %s: %s (%s)\n%s", f.Code, what, f.Message, f.Why, w.JSON("two lies"))
			}
		}
	})
}

// lied is a world with so many lies in one family, and erasures around them.
func lied(t *rapid.T, lies int) *truth.World {
	w := truth.GrowPlain(t)
	if rapid.Bool().Draw(t, "any app") {
		w = truth.Grow(t)
	}
	if !w.Candid() {
		t.Skip("the world lies by itself")
	}
	for range lies {
		if !w.StrikeUnfairly(t, truth.Lies()) {
			t.Skip("no place to lie")
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "erasures") {
		w.StrikeUnfairly(t, truth.Erasures())
	}
	return w
}
