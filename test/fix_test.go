package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// TestFix repairs every world: each automatic finding is gone afterwards, no new
// one has come, exactly the proposed values have changed and not one other, and
// a second repair finds nothing to do.
func TestFix(t *testing.T) {
	t.Parallel()
	for _, file := range repairable(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			fixAndCompare(t, file)
		})
	}
}

// repairable returns every world, with those of test/repairs: they hold what is
// written in ways that no code by itself shows.
func repairable(t *testing.T) []string {
	t.Helper()
	more := must(filepath.Glob("repairs/*.json"))(t)
	if len(more) == 0 {
		t.Fatal("no worlds in test/repairs")
	}
	return append(append(worldFiles(t), more...), "../internal/demo/founding-incident.json")
}

// TestFixGenerated does the same to a world in which a fifth of the companies is
// wrong.
func TestFixGenerated(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "world.json")
			generate(t, file, stripesim.GenerateOptions{Companies: 300, Seed: seed, Planted: 20})
			fixAndCompare(t, file)
		})
	}
}

// fix repairs a world as rightful fix --yes --save does, and returns the report
// and the saved file.
func fix(t *testing.T, file string) (*engine.FixReport, string, error) {
	t.Helper()
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }})
	if err != nil {
		return nil, "", err
	}
	saved := filepath.Join(t.TempDir(), "after.json")
	if err := e.Save(saved); err != nil {
		t.Fatal(err)
	}
	return r, saved, nil
}

func fixAndCompare(t *testing.T, file string) {
	t.Helper()
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	before := audit(t, e, engine.AuditInput{})
	report, saved, err := fix(t, file)
	if before.Refused != nil || !before.Complete {
		if rightful.KindOf(err) != rightful.KindRefused {
			t.Fatalf("a refused audit was repaired: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	compareFindings(t, before, saved)
	compareFiles(t, file, saved, report.Plan)

	again, savedAgain, err := fix(t, saved)
	if err != nil {
		t.Fatal(err)
	}
	if again.Plan.Steps() > 0 {
		t.Errorf("the second repair finds something to do: %+v", again.Plan.Units)
	}
	if !bytes.Equal(must(os.ReadFile(saved))(t), must(os.ReadFile(savedAgain))(t)) {
		t.Error("a repair with nothing to do changed the file")
	}
}

// compareFindings audits the saved world by itself.
func compareFindings(t *testing.T, before *engine.AuditReport, saved string) {
	t.Helper()
	e, _, err := wire.World(saved)
	if err != nil {
		t.Fatal(err)
	}
	after := audit(t, e, engine.AuditInput{})
	had := map[string]rightful.Finding{}
	for _, f := range before.Findings {
		had[f.ID] = f
	}
	for _, f := range after.Findings {
		switch old, known := had[f.ID]; {
		case !known:
			t.Errorf("new: %s on %s: %s", f.Code, f.Object.ID, f.Message)
		case old.Automatic:
			t.Errorf("still there: %s on %s", f.Code, f.Object.ID)
		}
	}
}

// compareFiles holds the difference of two worlds against a plan, value by value.
func compareFiles(t *testing.T, before, after string, p *plan.Plan) {
	t.Helper()
	old, now := flat(t, before), flat(t, after)
	changed := map[string]string{}
	for path := range maps.Keys(old) {
		if now[path] != old[path] {
			changed[path] = old[path] + " -> " + now[path]
		}
	}
	for path, v := range now {
		if _, known := old[path]; !known {
			changed[path] = " -> " + v
		}
	}
	want := map[string]string{}
	for _, u := range p.Units {
		for _, s := range u.Steps {
			path, from, to := valueOf(t, old, s)
			want[path] = from + " -> " + to
			if row, _ := strings.CutSuffix(path, "/stripe_customer_id"); s.Object.Type == rightful.RefLink && old[row+"/company_id"] == "" {
				want[row+"/company_id"] = " -> " + s.Object.ID // a row that was not there
			}
		}
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed values (-planned +changed):\n%s", diff)
	}
}

// flat returns every value of a world by its path, numbers as they are written.
// Rows and objects are named by what they are and not by where they stand.
func flat(t *testing.T, file string) map[string]string {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(must(os.ReadFile(file))(t)))
	dec.UseNumber()
	var doc any
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, member := range v {
				walk(path+"/"+k, member)
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s/%d", path, i), element)
			}
		case nil:
			out[path] = ""
		case string:
			out[path] = fmt.Sprintf("%q", v)
		default:
			out[path] = fmt.Sprint(v)
		}
	}
	walk("", doc)
	return out
}

// valueOf returns the path that a step changes, and the values as they are written
// in JSON.
func valueOf(t *testing.T, world map[string]string, s plan.Step) (path, from, to string) {
	t.Helper()
	write := func(v *string) string {
		if v == nil {
			return ""
		}
		return fmt.Sprintf("%q", *v)
	}
	row := func(list string) string {
		for path, v := range world {
			at, field := path[:max(strings.LastIndexByte(path, '/'), 0)], path[strings.LastIndexByte(path, '/')+1:]
			if field == "id" && at[:max(strings.LastIndexByte(at, '/'), 0)] == list && strings.Trim(v, `"`) == s.Object.ID {
				return at
			}
		}
		t.Fatalf("the world has no %s in %s", s.Object.ID, list)
		return ""
	}
	lists := map[string]string{"customer": "customers", "checkout.session": "checkout_sessions", "subscription": "subscriptions", "payment_intent": "payment_intents"}
	switch {
	case s.Place == rightful.PlaceStripe:
		path = row("/stripe/"+lists[s.Object.Type]) + "/metadata/" + strings.TrimPrefix(s.Field, "metadata.")
	case s.Place == rightful.PlaceCache:
		path = "/cache/" + s.Object.ID
	case s.Object.Type == rightful.RefLink:
		path = linkRow(world, s) + "/stripe_customer_id"
	case s.Object.Type == rightful.RefCompany:
		path = row("/db/companies") + "/" + s.Field
	default:
		path = row("/db/subscriptions") + "/" + s.Field
	}
	from, to = write(s.From), write(s.To)
	if world[path] == `""` && s.From == nil {
		from = `""` // an empty stamp says nothing
	}
	if old := world[path]; old != "" && old[0] != '"' { // a number stays a number
		from, to = strings.Trim(from, `"`), strings.Trim(to, `"`)
	}
	return path, from, to
}

// linkRow returns the row of the table of links that a step writes: the one with
// its value, which for nothing is null, or else the next one.
func linkRow(world map[string]string, s plan.Step) string {
	from := ""
	if s.From != nil {
		from = fmt.Sprintf("%q", *s.From)
	}
	for i := 0; ; i++ {
		row := fmt.Sprintf("/db/links/%d", i)
		company := world[row+"/company_id"]
		if company == "" || strings.Trim(company, `"`) == s.Object.ID && world[row+"/stripe_customer_id"] == from {
			return row
		}
	}
}

// TestFoundingIncidentEndsRight states the right outcome of the founding incident,
// value by value.
func TestFoundingIncidentEndsRight(t *testing.T) {
	t.Parallel()
	const file = "../internal/demo/founding-incident.json"
	report, saved, err := fix(t, file)
	if err != nil {
		t.Fatal(err)
	}
	old, now := flat(t, file), flat(t, saved)
	var changed []string
	for path, v := range old {
		if now[path] != v {
			changed = append(changed, path+" "+v+" -> "+now[path])
		}
	}
	slices.Sort(changed)
	want := []string{
		`/cache/:1:user_company_7 "4" -> `,
		`/db/companies/0/stripe_customer_id  -> "cus_S3belaPaying03"`,
		`/stripe/checkout_sessions/1/metadata/company_id "4" -> "11"`,
		`/stripe/customers/0/metadata/company_id "4" -> "11"`,
		`/stripe/customers/1/metadata/company_id "4" -> "11"`,
		`/stripe/customers/2/metadata/company_id "4" -> "11"`,
		`/stripe/subscriptions/0/metadata/company_id "4" -> "11"`,
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	if len(now) != len(old)-1 {
		t.Errorf("%d values after, %d before: one cache key is to go, and nothing to come", len(now), len(old))
	}
	var asked []string
	for _, q := range report.Plan.Questions {
		asked = append(asked, string(q.Code)+" "+q.Object.ID)
	}
	if diff := cmp.Diff([]string{"RF401 sub_1RbelaActive01", "RF201 cus_S1belaFirst001", "RF201 cus_S2belaSecond02"}, asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

// TestEveryChoiceCanBeCarriedOut decides each question of each world in each way
// that it offers, applies the plan, and finds exactly what the plan says changed.
func TestEveryChoiceCanBeCarriedOut(t *testing.T) {
	t.Parallel()
	for _, file := range repairable(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			e, _, err := wire.World(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := e.Plan(t.Context(), engine.PlanInput{})
			if rightful.KindOf(err) == rightful.KindRefused {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range p.Questions {
				for _, choice := range q.Choices {
					carryOut(t, file, plan.Decision{Finding: q.Finding, Choice: choice})
				}
			}
		})
	}
}

func carryOut(t *testing.T, file string, d plan.Decision) {
	t.Helper()
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.Plan(t.Context(), engine.PlanInput{Decisions: []plan.Decision{d}, Reason: "to see it carried out"})
	if err != nil {
		t.Fatalf("%s=%s: %v", d.Finding, d.Choice, err)
	}
	if slices.ContainsFunc(p.Questions, func(q plan.Question) bool { return q.Finding == d.Finding }) {
		t.Errorf("%s=%s: it is asked again", d.Finding, d.Choice)
	}
	saved := filepath.Join(t.TempDir(), "after.json")
	report, err := e.Apply(t.Context(), engine.ApplyInput{Plan: p})
	if err != nil {
		t.Fatalf("%s=%s: %v", d.Finding, d.Choice, err)
	}
	if !report.Result.Whole() {
		t.Errorf("%s=%s: %+v", d.Finding, d.Choice, report.Result.Outcomes)
	}
	if err := e.Save(saved); err != nil {
		t.Fatal(err)
	}
	compareFiles(t, file, saved, p)
	if v := report.Verified; !v.Clean() {
		t.Errorf("%s=%s: %+v", d.Finding, d.Choice, v)
	}
}
