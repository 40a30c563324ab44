package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rightful/internal/collect"
	"rightful/internal/engine"
	"rightful/internal/judge"
	"rightful/internal/wire"
	"rightful/test/truth"
)

// unseenMoney is a user without a company whose money an investigation did not come
// upon: a session alone names the user, and Stripe searches no sessions.
var unseenMoney = regexp.MustCompile(`: RF701 on .* differs[\s\S]*\n-[^"]*", but Stripe has money of theirs",`)

// TestGrownWorldsAgree: a random world is judged the same whether it is judged
// as it was grown, read from its file by an audit, or asked about bit by bit.
func TestGrownWorldsAgree(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "world.json")
	rapid.Check(t, func(rt *rapid.T) {
		w := truth.Grow(rt)
		for range rapid.IntRange(0, 2).Draw(rt, "damages") {
			w.StrikeAny(rt, truth.Mutations())
		}
		text := w.JSON("grown")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			rt.Fatal(err)
		}
		e, _, err := wire.World(file)
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		rules := judge.Rules{Keys: w.App.Keys(), OwnershipValue: w.App.OwnershipValue()}
		for _, p := range w.App.Placeholders() {
			rules.Placeholders = append(rules.Placeholders, regexp.MustCompile(p))
		}
		s := w.Situation()
		s.Families = collect.Families(w.StripeObjects(), s.Links, s.SubscriptionRows, w.Exists())
		want := judge.Judge(s, rules).Wanted
		w.Closer(s, want.Customers, want.Unread, want.Removals)
		whole := audit(t, e, engine.AuditInput{})
		if diff := cmp.Diff(judge.Judge(s, rules).Findings, whole.Findings, cmpopts.EquateEmpty()); whole.Refused == nil && diff != "" {
			rt.Fatalf("as grown and as read (-grown +read):\n%s\n%s", diff, text)
		}
		for _, what := range disagreements(t, e) {
			// What no id, link, email or search leads to, an investigation does not
			// see. What it says, it says as the audit does.
			if !strings.Contains(what, "only the audit finds") && !unseenMoney.MatchString(what) {
				rt.Fatalf("%s\n%s", what, text)
			}
		}
	})
}
