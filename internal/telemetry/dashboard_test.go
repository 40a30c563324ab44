package telemetry_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rightful/internal/telemetry"
)

// dashboard is what Grafana reads of the file.
type dashboard struct {
	Title         string `json:"title"`
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct {
			Name, Type, Definition string
			Query                  any
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID         int    `json:"id"`
		Type       string `json:"type"`
		Title      string `json:"title"`
		Datasource struct{ Type, UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct {
			RefID        string `json:"refId"`
			Expr         string `json:"expr"`
			LegendFormat string `json:"legendFormat"`
			Datasource   struct{ Type, UID string }
		} `json:"targets"`
	} `json:"panels"`
}

// problems checks queries against the metrics that exist: their names, the labels
// they ask for, and that parentheses match.
func problems(expr string, metrics []telemetry.Description) (out []string) {
	names := regexp.MustCompile(`rightful_\w+`).FindAllString(expr, -1)
	labels := []string{"job", "le"}
	for _, name := range names {
		i := slices.IndexFunc(metrics, func(d telemetry.Description) bool {
			if d.Type != "histogram" {
				return name == d.Name
			}
			return slices.Contains([]string{d.Name + "_bucket", d.Name + "_sum", d.Name + "_count"}, name)
		})
		if i < 0 {
			out = append(out, "nobody has "+name)
			continue
		}
		labels = append(labels, metrics[i].Labels...)
		if metrics[i].Type != "gauge" && !regexp.MustCompile(`(rate|increase)\(`+name+`\b`).MatchString(expr) {
			out = append(out, name+" is a counter, and only its rate means anything")
		}
	}
	for _, by := range regexp.MustCompile(`by \(([^)]*)\)|\{([^}]*)\}`).FindAllStringSubmatch(expr, -1) {
		for _, part := range strings.Split(by[1]+by[2], ",") {
			label, _, _ := strings.Cut(strings.TrimSpace(part), "=")
			if label = strings.TrimRight(label, "!"); !slices.Contains(labels, label) {
				out = append(out, "there is no label "+label)
			}
		}
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(expr, pair[:1]) != strings.Count(expr, pair[1:]) {
			out = append(out, pair+" do not match")
		}
	}
	return out
}

// TestDashboard: Grafana can read it, its panels do not cover each other, each asks
// the data source that was chosen, and only for what exists.
func TestDashboard(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/grafana/rightful.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	metrics := telemetry.New(telemetry.Options{}).Described()
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) == 0 {
		t.Errorf("no dashboard: %+v", d)
	}
	variables := map[string]string{}
	for _, v := range d.Templating.List {
		variables[v.Name] = v.Type
		for _, p := range problems(strings.ReplaceAll(v.Definition, "label_values", "rate"), metrics) {
			t.Errorf("variable %s: %s", v.Name, p)
		}
	}
	if variables["datasource"] != "datasource" {
		t.Error("the data source cannot be chosen")
	}
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	used := map[string]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || !slices.Contains([]string{"stat", "timeseries"}, p.Type) || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q is not right", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: stands outside", p.Title)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if there := taken[[2]int{x, y}]; there != "" {
					t.Fatalf("%s covers %s", p.Title, there)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.Datasource.UID != "${datasource}" || q.Datasource.Type != "prometheus" {
				t.Errorf("%s: query %s is not right", p.Title, q.RefID)
			}
			refs[q.RefID] = true
			for _, what := range problems(q.Expr, metrics) {
				t.Errorf("%s: %s: %s", p.Title, q.Expr, what)
			}
			for _, variable := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(q.Expr, -1) {
				if variables[variable[1]] == "" && variable[1] != "__rate_interval" {
					t.Errorf("%s: there is no variable %s", p.Title, variable[1])
				}
			}
			for _, legend := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
				if !regexp.MustCompile(`by \([^)]*\b` + legend[1] + `\b`).MatchString(q.Expr) {
					t.Errorf("%s: the legend shows %s, which the query sums over", p.Title, legend[1])
				}
			}
			for _, name := range regexp.MustCompile(`rightful_\w+`).FindAllString(q.Expr, -1) {
				used[strings.TrimSuffix(name, "_bucket")] = true
			}
		}
	}
	// What is on no panel was left out on purpose.
	unseen := []string{"rightful_build_info", "rightful_last_audit_timestamp_seconds"}
	for _, m := range metrics {
		if used[m.Name] == slices.Contains(unseen, m.Name) {
			t.Errorf("%s: on a panel: %v", m.Name, used[m.Name])
		}
	}
}

// TestDashboardProblemsAreSeen: the checker finds what it is there for.
func TestDashboardProblemsAreSeen(t *testing.T) {
	t.Parallel()
	metrics := telemetry.New(telemetry.Options{}).Described()
	for expr, want := range map[string]string{
		`sum(rate(rightful_decision_total[5m]))`:                  "nobody has",
		`sum(rate(rightful_decision_seconds[5m]))`:                "nobody has",
		`sum(rightful_decisions_total)`:                           "only its rate",
		`sum by (company) (rate(rightful_decisions_total[5m]))`:   "no label company",
		`sum(rate(rightful_decisions_total{company="11"}[5m]))`:   "no label company",
		`sum(rate(rightful_decisions_total{kind!="payment"}[5m])`: "do not match",
	} {
		if got := strings.Join(problems(expr, metrics), "; "); !strings.Contains(got, want) {
			t.Errorf("%s: %q", expr, got)
		}
	}
}

// TestAlertRules: the rules of docs/metrics.md ask for what exists.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	metrics := telemetry.New(telemetry.Options{}).Described()
	rules := regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(page), -1)
	if len(rules) < 3 {
		t.Fatalf("%d rules", len(rules))
	}
	for _, rule := range rules {
		for _, p := range problems(rule[1], metrics) {
			t.Errorf("%s: %s", rule[1], p)
		}
	}
}
