package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/cli"
	"rightful/internal/journal"
	"rightful/internal/plan"
	"rightful/stripesim"
)

// forge changes a plan document and gives it the hash that fits.
func forge(t *testing.T, file string, change func(*testing.T, *plan.Plan)) string {
	t.Helper()
	p := must(readPlan(file))(t)
	change(t, p)
	forged := filepath.Join(t.TempDir(), "forged.json")
	if err := os.WriteFile(forged, sealed(t, p), 0o600); err != nil {
		t.Fatal(err)
	}
	return forged
}

// sealed is a plan document with the hash that fits its content.
func sealed(t *testing.T, p *plan.Plan) []byte {
	t.Helper()
	content := *p
	content.Hash, content.MadeAt = "", 0
	sum := sha256.Sum256(must(jsonv2.Marshal(content, jsonv2.Deterministic(true)))(t))
	out := *p
	out.Hash = hex.EncodeToString(sum[:])
	return must(jsonv2.Marshal(out))(t)
}

// stepID is the id that a plan gives to the step of a write.
func stepID(t *testing.T, w rightful.Proposal) string {
	t.Helper()
	p := must(plan.Make(plan.Input{Findings: []rightful.Finding{{ID: "F1", Family: "cus_A", Object: w.Object, Proposal: &w, Automatic: true}}}))(t)
	return p.Units[0].Steps[0].ID
}

// TestForgedPlansAreRefused: a plan that carries the hash that fits it writes
// nothing all the same, where it was not found.
func TestForgedPlansAreRefused(t *testing.T) {
	t.Parallel()
	step := func(t *testing.T, p *plan.Plan, object string) *plan.Step {
		for i := range p.Units {
			for j := range p.Units[i].Steps {
				if p.Units[i].Steps[j].Object.ID == object {
					return &p.Units[i].Steps[j]
				}
			}
		}
		t.Fatalf("no step writes %s", object)
		return nil
	}
	twelve := "12"
	together(t, map[string]struct {
		change func(*testing.T, *plan.Plan)
		says   string
	}{
		"another company": {func(t *testing.T, p *plan.Plan) {
			s := step(t, p, "cus_S1belaFirst001")
			s.To = &twelve
			s.ID = stepID(t, s.Proposal())
		}, "stale"},
		"another customer's stamp": {func(t *testing.T, p *plan.Plan) {
			s := step(t, p, "cus_S1belaFirst001")
			s.Object.ID, s.From = "cus_S9norteFoods01", &twelve
			s.Precondition.Value, s.Reverse = s.From, &plan.Reverse{To: s.From}
			s.ID = stepID(t, s.Proposal())
		}, "stale"},
		"the link to another customer": {func(t *testing.T, p *plan.Plan) {
			s, other := step(t, p, "11"), "cus_S1belaFirst001"
			s.To = &other
			s.ID = stepID(t, s.Proposal())
		}, "stale"},
		"a right cache key": {func(t *testing.T, p *plan.Plan) {
			s := step(t, p, ":1:user_company_7")
			s.Object.ID, s.From, s.Precondition.Value = ":1:user_company_9", &twelve, &twelve
			s.ID = stepID(t, s.Proposal())
		}, "stale"},
		"a step for another finding": {func(t *testing.T, p *plan.Plan) {
			step(t, p, "cus_S1belaFirst001").Because = []string{"RF101-0000000000"}
		}, "stale"},
		"a decision that nobody made":  {func(t *testing.T, p *plan.Plan) { step(t, p, "cus_S1belaFirst001").Decided = "company:11" }, "stale"},
		"an id that is not the step's": {func(t *testing.T, p *plan.Plan) { step(t, p, "11").ID = "step-000000000000" }, "not the id of its step"},
		"the same twice": {func(t *testing.T, p *plan.Plan) {
			p.Units = append(p.Units, p.Units[0])
		}, "two steps write"},
		"another precondition": {func(t *testing.T, p *plan.Plan) { step(t, p, "11").Precondition.Value = &twelve }, "demands another value"},
		"no way back":          {func(t *testing.T, p *plan.Plan) { step(t, p, "11").Reverse = nil }, "taken back"},
		"another key": {func(t *testing.T, p *plan.Plan) {
			s := step(t, p, "cus_S1belaFirst001")
			s.Field = "metadata.user_id"
			s.ID = stepID(t, s.Proposal())
		}, "stale"},
		"another account": {func(t *testing.T, p *plan.Plan) { p.Account = "acct_other" }, "this is acct_1RfounderAcct0"},
		"the other mode":  {func(t *testing.T, p *plan.Plan) { p.Livemode = false }, "test mode"},
		"yesterday's":     {func(t *testing.T, p *plan.Plan) { p.MadeAt -= 25 * 3600 }, "25 hours old"},
		"tomorrow's":      {func(t *testing.T, p *plan.Plan) { p.MadeAt += 25 * 3600 }, "in the future"},
		"steps of one family apart": {func(_ *testing.T, p *plan.Plan) {
			i := slices.IndexFunc(p.Units, func(u plan.Unit) bool { return len(u.Steps) > 1 })
			apart := p.Units[i]
			n := len(apart.Steps) - 1
			apart.Steps, p.Units[i].Steps = slices.Clone(apart.Steps[n:]), slices.Clone(apart.Steps[:n])
			p.Units = append([]plan.Unit{apart}, p.Units...)
		}, "stale"},
		"the link first": {func(_ *testing.T, p *plan.Plan) {
			i := slices.IndexFunc(p.Units, func(u plan.Unit) bool { return len(u.Steps) > 1 })
			slices.Reverse(p.Units[i].Steps)
		}, "stale"},
		"the cache first": {func(_ *testing.T, p *plan.Plan) { slices.Reverse(p.Units) }, "stale"},
		"all in one unit": {func(_ *testing.T, p *plan.Plan) {
			for _, u := range p.Units[1:] {
				p.Units[0].Steps = append(p.Units[0].Steps, u.Steps...)
			}
			p.Units = p.Units[:1]
		}, "stale"},
	}, func(t *testing.T, tt struct {
		change func(*testing.T, *plan.Plan)
		says   string
	}) {
		s := standOn(t, 0, "")
		forged := forge(t, s.plans(t), tt.change)
		before := s.objects(t)
		code, _, errs := s.applies(t, forged)
		if code != cli.ExitRefused || !strings.Contains(errs, tt.says) {
			t.Errorf("exit code %d, %s", code, errs)
		}
		if diff := cmp.Diff(before, s.objects(t)); diff != "" || link(t, 0, s.dsn) != "" || len(s.redis.Keys()) != 2 {
			t.Errorf("it wrote: %s", diff)
		}
	})
}

// TestPlansThatHadTheirTime: applied twice, after the same repair was made by hand,
// cut off, of another world.
func TestPlansThatHadTheirTime(t *testing.T) {
	t.Parallel()
	s := standOn(t, 0, "")
	file := s.plans(t)
	if code, _, errs := s.applies(t, file); code != cli.ExitFindings {
		t.Fatal(errs)
	}
	sent := s.writes()
	if code, _, errs := s.applies(t, file); code != cli.ExitRefused || !strings.Contains(errs, "had its run") || s.writes() != sent {
		t.Errorf("twice: exit code %d, %s", code, errs)
	}

	s = standOn(t, 0, "")
	file = s.plans(t)
	for _, o := range stamped {
		s.foreign(t, o.path, "11")
	}
	s.exec(t, "UPDATE companies SET stripe_customer_id = 'cus_S3belaPaying03' WHERE id = 11")
	s.redis.Del(":1:user_company_7")
	before, sent := s.objects(t), s.writes()
	code, a, errs := s.applies(t, file)
	if code != cli.ExitFindings || a.states()[apply.StateAlready] != 7 || s.writes() != sent || errs != "" {
		t.Errorf("after a repair by hand: exit code %d, %v, %s", code, a.states(), errs)
	}
	if code, out, errs := s.rightful(t, "undo", "--yes", a.Run.ID); code != cli.ExitOK || !strings.Contains(out, "wrote nothing that could be taken back") || !maps.Equal(before, s.objects(t)) {
		t.Errorf("undone: exit code %d, %s%s", code, out, errs)
	}

	raw := must(os.ReadFile(file))(t)
	for n := 0; n < len(raw)-1; n += len(raw)/12 + 1 {
		cut := filepath.Join(t.TempDir(), "cut.json")
		if err := os.WriteFile(cut, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := s.applies(t, cut); code != cli.ExitError || !strings.Contains(errs, "cut.json") {
			t.Errorf("cut after %d bytes: exit code %d, %s", n, code, errs)
		}
	}
}

// interrupted is a run of the founding incident that ended after its first stamps,
// because Stripe took no more.
func (s *stand) interrupted(t *testing.T) (file, run string) {
	t.Helper()
	file = s.plans(t)
	s.refuse(t, stamped[4].path)
	code, a, errs := s.applies(t, file)
	if code != cli.ExitPartly || a.Run.Status != journal.StatusPartly {
		t.Fatalf("exit code %d, %s", code, errs)
	}
	s.sim.ClearFaults()
	return file, a.Run.ID
}

// TestContinuingIsRefused where there is no such run, or nothing to go on with, or
// where what it rests on has changed since.
func TestContinuingIsRefused(t *testing.T) {
	t.Parallel()
	together(t, map[string]struct {
		change func(t *testing.T, s *stand, run *string) []string // more arguments
		code   int
		says   string
	}{
		"no such run":     {func(_ *testing.T, _ *stand, run *string) []string { *run = "run-19990101"; return nil }, cli.ExitError, "there is no run"},
		"any run":         {func(_ *testing.T, _ *stand, run *string) []string { *run = ""; return nil }, cli.ExitError, "one plan"},
		"an undone run":   {func(t *testing.T, s *stand, run *string) []string { s.rightful(t, "undo", "--yes", *run); return nil }, cli.ExitRefused, "was taken back by"},
		"a finished run":  {func(t *testing.T, s *stand, run *string) []string { s.applies(t, "--continue", *run); return nil }, cli.ExitRefused, "is finished"},
		"with a new plan": {func(t *testing.T, s *stand, _ *string) []string { return []string{s.plans(t)} }, cli.ExitRefused, "is of another plan"},
		"a day later":     {func(_ *testing.T, s *stand, _ *string) []string { s.now += 25 * 3600; return nil }, cli.ExitRefused, "25 hours old"},
		"the user moved": {func(t *testing.T, s *stand, _ *string) []string {
			s.exec(t, "UPDATE users SET company_id = 12 WHERE id = 7")
			s.exec(t, "UPDATE memberships SET company_id = 12 WHERE user_id = 7")
			s.exec(t, "UPDATE companies SET owner_user_id = 9 WHERE id = 11")
			return nil
		}, cli.ExitRefused, "stale"},
		"the company left": {func(t *testing.T, s *stand, _ *string) []string {
			s.exec(t, "UPDATE companies SET deleted_at = 1755000000 WHERE id = 11")
			return nil
		}, cli.ExitRefused, "stale"},
		"another link": {func(t *testing.T, s *stand, _ *string) []string {
			s.exec(t, "UPDATE companies SET stripe_customer_id = 'cus_S1belaFirst001' WHERE id = 11")
			return nil
		}, cli.ExitRefused, "stale"},
		"a stamp of ours": {func(t *testing.T, s *stand, _ *string) []string { s.foreign(t, stamped[2].path, "12"); return nil }, cli.ExitRefused, "stale"},
		"an undo": {func(t *testing.T, s *stand, run *string) []string {
			s.rightful(t, "undo", "--yes", *run)
			_, out, _ := s.rightful(t, "journal", "list", "--format", "json")
			var list []struct{ ID, Undoes string }
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				var in struct{ Runs []struct{ ID, Undoes string } }
				must(0, json.Unmarshal([]byte(out), &in))(t)
				list = in.Runs
			}
			*run = list[len(list)-1].ID
			return nil
		}, cli.ExitError, "is an undo"},
	}, func(t *testing.T, tt struct {
		change func(t *testing.T, s *stand, run *string) []string
		code   int
		says   string
	}) {
		s := standOn(t, 0, "")
		_, run := s.interrupted(t)
		more := tt.change(t, s, &run)
		before, linked, sent := s.objects(t), link(t, 0, s.dsn), s.writes()
		code, _, errs := s.applies(t, append([]string{"--continue", run}, more...)...)
		if code != tt.code || !strings.Contains(errs, tt.says) {
			t.Errorf("exit code %d, want %d, %s", code, tt.code, errs)
		}
		if diff := cmp.Diff(before, s.objects(t)); diff != "" || link(t, 0, s.dsn) != linked || s.writes() != sent {
			t.Errorf("it wrote: %s", diff)
		}
		s.wholeJournal(t)
	})
}

// TestContinuingPastWhatTheAppDid: what the app does by itself meanwhile does not
// stand in the way.
func TestContinuingPastWhatTheAppDid(t *testing.T) {
	t.Parallel()
	together(t, map[string]func(*testing.T, *stand){
		"it cached the right company": func(t *testing.T, s *stand) { must(0, s.redis.Set(":1:user_company_7", "11"))(t) },
		"it cached the old one again": func(t *testing.T, s *stand) { must(0, s.redis.Set(":1:user_company_7", "4"))(t) },
		"it stamped what was left":    func(t *testing.T, s *stand) { s.foreign(t, stamped[4].path, "11") },
	}, func(t *testing.T, change func(*testing.T, *stand)) {
		s := standOn(t, 0, "")
		_, run := s.interrupted(t)
		change(t, s)
		code, a, errs := s.applies(t, "--continue", run)
		if code != cli.ExitFindings || a.Run.Status != journal.StatusFinished || errs != "" {
			t.Errorf("exit code %d, %s\n%+v", code, errs, a)
		}
		if v, _ := s.redis.Get(":1:user_company_7"); v == "4" {
			t.Error("the wrong company is cached")
		}
		s.stands(t, run)
	})
}

// refuse lets Stripe refuse every write of an object.
func (s *stand) refuse(t *testing.T, path string) {
	t.Helper()
	if err := s.sim.Fault(stripesim.FaultRule{Method: http.MethodPost, Path: path, Status: 403, Times: -1}); err != nil {
		t.Fatal(err)
	}
}
