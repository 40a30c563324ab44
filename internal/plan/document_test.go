package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/plan"
)

// TestParseReadsWhatWasMade: a plan survives its document.
func TestParseReadsWhatWasMade(t *testing.T) {
	t.Parallel()
	made := mustMake(t, plan.Input{
		Findings: everything(), Account: "acct_1", Livemode: true, MadeAt: 7, Reason: "<ticket> & \u2028",
		Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}, {Finding: "F6", Choice: plan.Leave}},
	})
	read, err := plan.Parse("plan.json", document(t, made))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, read); diff != "" {
		t.Errorf("(-made +read):\n%s", diff)
	}
	empty := mustMake(t, plan.Input{})
	if _, err := plan.Parse("plan.json", document(t, empty)); err != nil {
		t.Errorf("an empty plan: %v", err)
	}
}

// TestParseRefuses what is no plan, was cut, or was changed.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	raw := string(document(t, mustMake(t, plan.Input{Findings: everything(), Account: "acct_1"})))
	tests := []struct {
		name, raw string
		kind      rightful.ErrorKind
		says      string
	}{
		{"nothing", "", rightful.KindInvalid, "plan.json:1:1"},
		{"cut", raw[:len(raw)/2], rightful.KindInvalid, "not valid JSON"},
		{"another document", `{"findings": []}`, rightful.KindInvalid, "not a plan"},
		{"a list", `[]`, rightful.KindInvalid, "not a plan"},
		{"no hash", `{"made_at": 1}`, rightful.KindInvalid, "it has no hash"},
		{"another value", strings.Replace(raw, `"to":"11"`, `"to":"12"`, 1), rightful.KindRefused, "changed after it was made"},
		{"another account", strings.Replace(raw, "acct_1", "acct_2", 1), rightful.KindRefused, "changed after it was made"},
		{"another reason", strings.Replace(raw, `"reason":""`, `"reason":"x"`, 1), rightful.KindRefused, "changed after it was made"},
		{"a field twice", strings.Replace(raw, `"account":"acct_1"`, `"account":"acct_1","account":"acct_2"`, 1), rightful.KindInvalid, "plan.json:1:"},
		{"a field in capitals", strings.Replace(raw, `"account"`, `"ACCOUNT"`, 1), rightful.KindInvalid, "not a plan"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := plan.Parse("plan.json", []byte(tt.raw))
			if rightful.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %s with %q", err, tt.kind, tt.says)
			}
		})
	}
}

// TestParseRefusesForgeries: with the right hash, what no plan holds is refused.
func TestParseRefusesForgeries(t *testing.T) {
	t.Parallel()
	other := "9"
	for name, forge := range map[string]func(u *plan.Unit){
		"a payer":                 func(u *plan.Unit) { u.Steps[0].Field = "customer" },
		"another object":          func(u *plan.Unit) { u.Steps[0].Object.ID = "cus_Z" },
		"a laxer precondition":    func(u *plan.Unit) { u.Steps[0].Precondition.Value = &other },
		"another way back":        func(u *plan.Unit) { u.Steps[0].Reverse.To = &other },
		"no way back":             func(u *plan.Unit) { u.Steps[0].Reverse = nil },
		"a cache key that is set": func(u *plan.Unit) { u.Steps[len(u.Steps)-1].To = &other },
		"no finding":              func(u *plan.Unit) { u.Steps[0].Because = nil },
		"a step twice":            func(u *plan.Unit) { u.Steps = append(u.Steps, u.Steps[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := mustMake(t, plan.Input{Findings: everything()})
			forge(&made.Units[1])
			made.Rehash()
			if _, err := plan.Parse("plan.json", document(t, made)); rightful.KindOf(err) != rightful.KindRefused {
				t.Errorf("got %v, want it refused", err)
			}
		})
	}
}

// TestStale: a plan goes stale where it would not be made any more, and nowhere
// else.
func TestStale(t *testing.T) {
	t.Parallel()
	in := plan.Input{Findings: everything(), Decisions: []plan.Decision{{Finding: "F1", Choice: "company:11"}}}
	made := mustMake(t, in)
	tests := []struct {
		name   string
		change func([]rightful.Finding) []rightful.Finding
		stale  int
	}{
		{"nothing changed", func(all []rightful.Finding) []rightful.Finding { return all }, 0},
		{"something new", func(all []rightful.Finding) []rightful.Finding {
			return append(all, automatic("G", "cus_Z", "11", stamp(rightful.TypeCustomer, "cus_Z", "4", "11")))
		}, 0},
		{"a finding is gone", func(all []rightful.Finding) []rightful.Finding { return all[1:] }, 1},
		{"a decided finding is gone", func(all []rightful.Finding) []rightful.Finding { return all[:len(all)-1] }, 3},
		{"it is not automatic any more", func(all []rightful.Finding) []rightful.Finding { all[0].Automatic = false; return all }, 1},
		{"another value stands there", func(all []rightful.Finding) []rightful.Finding {
			w := stamp(rightful.TypeSession, "cs_1", "5", "11")
			all[0].Proposal = &w
			return all
		}, 1},
		{"the choice is not offered any more", func(all []rightful.Finding) []rightful.Finding { all[len(all)-1].Choices = nil; return all }, 3},
		{"one more finding asks for the same", func(all []rightful.Finding) []rightful.Finding {
			return append(all, automatic("G", "cus_A", "11", stamp(rightful.TypeSession, "cs_1", "4", "11")))
		}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stale, err := made.Stale(plan.Input{Findings: tt.change(everything())})
			if err != nil || len(stale) != tt.stale {
				t.Errorf("%d stale steps (%v), want %d", len(stale), err, tt.stale)
			}
		})
	}
	if _, err := made.Stale(plan.Input{Incomplete: []string{"Stripe"}}); rightful.KindOf(err) != rightful.KindRefused {
		t.Errorf("compared with an incomplete audit: %v", err)
	}
}
