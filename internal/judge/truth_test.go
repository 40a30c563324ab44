package judge_test

import (
	"flag"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/test/truth"
)

// These properties hold the judge against worlds of which the truth is known.
// "make truth" asks for many more of them.

// TestMain draws a few hundred worlds for each property, unless more are asked
// for.
func TestMain(m *testing.M) {
	truth.SameInCI()
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "200"); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// rulesOf is the configuration that a world's app would have.
func rulesOf(w *truth.World) judge.Rules {
	r := judge.Rules{Keys: w.App.Keys(), OwnershipValue: w.App.OwnershipValue()}
	for _, p := range w.App.Placeholders() {
		r.Placeholders = append(r.Placeholders, regexp.MustCompile(p))
	}
	return r
}

// seen is the world as an audit of everything reads it.
func seen(w *truth.World) *rightful.Situation {
	s := w.Situation()
	s.Families = collect.Families(w.StripeObjects(), s.Links, s.SubscriptionRows, w.Exists())
	return s
}

// closely judges a situation as the engine does: once, and again with what the
// first verdict asks for.
func closely(w *truth.World, s *rightful.Situation) []rightful.Finding {
	want := judge.Judge(s, rulesOf(w)).Wanted
	w.Closer(s, want.Customers, want.Unread, want.Removals)
	return judge.Judge(s, rulesOf(w)).Findings
}

// judged is what the judge says of a world, information left out.
func judged(w *truth.World) []rightful.Finding {
	return slices.DeleteFunc(closely(w, seen(w)), func(f rightful.Finding) bool {
		return f.Severity == rightful.SeverityInfo
	})
}

// strike damages a world n times, by any mutations that can strike in it.
func strike(t *rapid.T, w *truth.World, n int) {
	for i := range n {
		one := w.StrikeAny
		if i > 0 {
			one = w.StrikeNear
		}
		if _, _, ok := one(t, truth.Mutations()); !ok {
			t.Skip("the mutation has no place in this world")
		}
	}
}

// TestHealthyIsSilent: what is odd but healthy is no finding.
func TestHealthyIsSilent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := truth.Grow(t)
		for _, f := range judged(w) {
			t.Fatalf("%s on %s: %s\n%s", f.Code, f.Object.ID, f.Message, w.JSON("a healthy world"))
		}
	})
}

// TestDamageIsFound: one damage causes the findings that it declares and no
// others, and where a company is named it is the true one.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	for _, m := range truth.Mutations() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w := truth.GrowPlain(t)
				before := kinds(judged(w))
				places := slices.DeleteFunc(m.Places(w), func(d truth.Damage) bool { return !d.Exact })
				if len(places) == 0 {
					return
				}
				d := rapid.SampledFrom(places).Draw(t, "place")
				w.Strike(m, d)
				found := judged(w)
				caused := slices.DeleteFunc(kinds(found), func(k truth.Want) bool { return slices.Contains(before, k) })
				if diff := cmp.Diff(sorted(d.Finds), sorted(caused)); diff != "" {
					t.Fatalf("%s (-declared +found):\n%s\n%s", d.Where, diff, w.JSON(m.Name))
				}
				for _, f := range found {
					if what := w.Misnamed(f); what != "" {
						t.Fatalf("%s %s\n%s", f.Code, what, w.JSON(m.Name))
					}
				}
			})
		})
	}
}

func kinds(findings []rightful.Finding) []truth.Want {
	var out []truth.Want
	for _, f := range findings {
		out = append(out, truth.Want{Code: f.Code, Object: f.Object})
	}
	return out
}

func sorted(wants []truth.Want) []string {
	out := []string{}
	for _, k := range wants {
		out = append(out, string(k.Code)+" on "+k.Object.Type+" "+k.Object.ID)
	}
	slices.Sort(out)
	return out
}

// TestNoRepairIsWrong: no automatic repair moves an object away from its true
// company, whatever was damaged.
func TestNoRepairIsWrong(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := truth.Grow(t)
		strike(t, w, rapid.IntRange(1, 3).Draw(t, "damages"))
		for _, f := range closely(w, seen(w)) {
			if what := w.Wrong(f); f.Automatic && what != "" {
				t.Fatalf("%s %s: %s (%s)\n%s", f.Code, what, f.Message, f.Why, w.JSON("an automatic repair that is wrong"))
			}
		}
	})
}

// TestOrderIsNothing: the order in which rows and objects are read
// changes no finding.
func TestOrderIsNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := truth.Grow(t)
		strike(t, w, rapid.IntRange(0, 2).Draw(t, "damages"))
		s := seen(w)
		first := closely(w, s)
		s.Companies = shuffled(t, s.Companies)
		s.Users = shuffled(t, s.Users)
		s.Memberships = shuffled(t, s.Memberships)
		s.SubscriptionRows = shuffled(t, s.SubscriptionRows)
		s.Links = shuffled(t, s.Links)
		s.Cache = shuffled(t, s.Cache)
		s.Families = collect.Families(shuffled(t, w.StripeObjects()), s.Links, s.SubscriptionRows, w.Exists())
		if diff := cmp.Diff(first, closely(w, s)); diff != "" {
			t.Fatalf("in another order (-first +then):\n%s\n%s", diff, w.JSON("order"))
		}
	})
}

func shuffled[T any](t *rapid.T, list []T) []T {
	return rapid.Permutation(list).Draw(t, "order")
}

// TestRepairRemovesItsFinding: what is automatic is gone when it is done, and
// nothing comes of it.
func TestRepairRemovesItsFinding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := truth.Grow(t)
		strike(t, w, 1) // what a second one did may have been hidden by the first
		before := judged(w)
		for _, f := range before {
			if !f.Automatic {
				continue
			}
			if err := w.Apply(*f.Proposal); err != nil {
				t.Fatal(err)
			}
			for _, after := range judged(w) {
				old := slices.ContainsFunc(before, func(b rightful.Finding) bool { return b.ID == after.ID })
				if after.ID == f.ID || !old {
					t.Fatalf("after the repair of %s on %s there is %s on %s: %s\n%s", f.Code, f.Object.ID, after.Code, after.Object.ID, after.Message, w.JSON("after a repair"))
				}
			}
			return
		}
	})
}
