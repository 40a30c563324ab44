package gateway_test

import (
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rightful/gateway"
	"rightful/internal/engine"
)

// replayed replays everything that an engine reads.
func replayed(t *testing.T, e *engine.Engine) (*gateway.Gateway, *gateway.Replayed) {
	t.Helper()
	g := over(t, e)
	r, err := g.Replay(t.Context(), gateway.ReplayRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return g, r
}

// asValidated compares what a replay says of today with what ValidatePayment answers to
// the same user.
func asValidated(t *testing.T, g *gateway.Gateway, r *gateway.Replayed, fail func(string, ...any)) {
	t.Helper()
	for _, s := range r.Sessions {
		user := ""
		if s.UserID != nil {
			user = *s.UserID
		}
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: s.ID, UserID: user})
		if err != nil {
			fail("%s for %q: %v", s.ID, user, err)
			continue
		}
		if v.Status != s.Today {
			fail("%s for user %q: replayed as %s, validated as %s", s.ID, user, s.Today, v.Status)
		}
		if refused := v.Enforced == gateway.Refuse; !refused && s.Outcome == gateway.WouldRefuse && s.Status == s.Today {
			fail("%s for user %q: refused, and allowed by ValidatePayment", s.ID, user)
		}
	}
}

// TestAReplayIsAValidation: in random worlds, healthy and damaged, a replay says of every
// session what ValidatePayment says.
func TestAReplayIsAValidation(t *testing.T) {
	t.Parallel()
	outcomes := map[gateway.Outcome]int{}
	rapid.Check(t, func(rt *rapid.T) {
		_, text, e := grown(rt, 3)
		g, r := replayed(t, e)
		asValidated(t, g, r, func(format string, args ...any) { rt.Errorf(format, args...) })
		if rt.Failed() {
			rt.Logf("%s", text)
		}
		for _, s := range r.Sessions {
			outcomes[s.Outcome]++
		}
		total := 0
		for _, wr := range r.Writers {
			if total += wr.Count; wr.Count != wr.Right+wr.Wrong+wr.Missing+wr.Undecided {
				rt.Errorf("a writer does not add up: %+v", wr)
			}
		}
		if total != r.Counts.Sessions-r.Counts.Foreign {
			rt.Errorf("writers made %d of %+v", total, r.Counts)
		}
		if events := r.Events; events != nil && events.Events != events.Mine+events.Foreign+events.Unknown+events.Ignored {
			rt.Errorf("events do not add up: %+v", events)
		}
	})
	t.Logf("%v", outcomes)
	// Hardly any world that grows has a refusal (in three of ten runs none): the tables in
	// replay_then_test.go have them.
	for _, o := range []gateway.Outcome{gateway.WouldAllow, gateway.NothingToAllow, gateway.CannotSay} {
		if outcomes[o] == 0 {
			t.Errorf("nothing was ever %s", o)
		}
	}
}

// TestNothingHealthyWouldBeRefused: where nothing is wrong, a team can switch on.
func TestNothingHealthyWouldBeRefused(t *testing.T) {
	t.Parallel()
	allowed := 0
	rapid.Check(t, func(rt *rapid.T) {
		_, text, e := grown(rt, 0)
		_, r := replayed(t, e)
		for _, s := range r.Sessions {
			if s.Outcome == gateway.WouldRefuse {
				rt.Fatalf("%+v\n%s", s, text)
			}
		}
		for _, wr := range r.Writers {
			if wr.Wrong > 0 {
				rt.Fatalf("%+v\n%s", wr, text)
			}
		}
		allowed += r.Counts.Allowed
	})
	t.Logf("%d allowed", allowed)
}

// TestEveryWorldIsReplayed: the worlds of the checks too.
func TestEveryWorldIsReplayed(t *testing.T) {
	t.Parallel()
	for _, file := range worldFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e := world(t, file)
			g, r := replayed(t, e)
			if len(r.IncompleteBecause) == 0 {
				asValidated(t, g, r, t.Errorf)
			}
		})
	}
}
