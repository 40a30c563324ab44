package test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"rightful/internal/cli"
	"rightful/internal/config"
)

// examples are the files of docs/examples, by name.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, f := range must(filepath.Glob("../docs/examples/*"))(t) {
		if info := must(os.Stat(f))(t); !info.IsDir() {
			out[filepath.Base(f)] = must(os.ReadFile(f))(t)
		}
	}
	return out
}

// commands are the command lines of rightful postdeploy in what a file says, with
// the config that they name.
func commands(text string) (out [][]string) {
	// What a page shows is on one line; what YAML folds goes on while it is indented.
	folded := regexp.MustCompile(`\n +(--)`).ReplaceAllString(text, " $1")
	for _, line := range regexp.MustCompile(`rightful postdeploy( --[^>"\]\n]*(?:"\$\w+"[^>"\]\n]*)*)`).FindAllStringSubmatch(folded, -1) {
		var args []string
		for _, arg := range strings.Fields(line[1]) {
			args = append(args, strings.Trim(arg, `"'`))
		}
		out = append(out, args)
	}
	return out
}

// TestExamplesOfPipelines: each file is what its platform reads, and each command line
// in them and on the page is one that rightful takes.
func TestExamplesOfPipelines(t *testing.T) {
	t.Parallel()
	files := examples(t)
	page := must(os.ReadFile("../docs/postdeploy.md"))(t)
	for _, name := range []string{"github-actions.yml", "gitlab-ci.yml", "railway.json", "Procfile", "rightful.release.yaml"} {
		if files[name] == nil || !bytes.Contains(page, []byte("(examples/"+name+")")) {
			t.Errorf("docs/postdeploy.md and docs/examples do not both have %s", name)
		}
	}
	checked := 0
	for name, raw := range files {
		var document map[string]any
		switch filepath.Ext(name) {
		case ".yml", ".yaml":
			if err := yaml.Unmarshal(raw, &document); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		case ".json":
			if err := json.Unmarshal(raw, &document); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	files["postdeploy.md"] = page
	for _, name := range []string{"github-actions.yml", "gitlab-ci.yml", "railway.json", "Procfile", "postdeploy.md"} {
		lines := commands(string(files[name]))
		if len(lines) == 0 {
			t.Errorf("%s runs no postdeploy", name)
		}
		for _, args := range lines {
			var out, errs bytes.Buffer
			nowhere := filepath.Join(t.TempDir(), "rightful.yaml")
			args = append(slices.Concat([]string{"postdeploy"}, args), "--config", nowhere)
			code := cli.Main(args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs, Env: func(string) (string, bool) { return "", false }, Now: time.Now})
			// It gets as far as the config, which is not there.
			if code != cli.ExitError || !strings.Contains(errs.String(), "no such file") {
				t.Errorf("%s: rightful %s: exit %d: %s", name, strings.Join(args, " "), code, errs.String())
			}
			checked++
		}
	}
	if checked < 5 {
		t.Errorf("%d command lines", checked)
	}

	var actions struct {
		Jobs map[string]struct {
			Steps []struct{ Uses, Run string }
		}
	}
	if err := yaml.Unmarshal(files["github-actions.yml"], &actions); err != nil || len(actions.Jobs["postdeploy"].Steps) != 3 {
		t.Errorf("%v: %+v", err, actions)
	}
	for _, step := range actions.Jobs["postdeploy"].Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("what an event says is put into a shell: %s", step.Run)
		}
		if step.Uses == "" && step.Run == "" {
			t.Error("a step does nothing")
		}
	}
	var gitlab struct {
		Postdeploy struct {
			Stage     string
			Script    []string
			Artifacts struct{ Reports struct{ JUnit string } }
		}
		Stages []string
	}
	if err := yaml.Unmarshal(files["gitlab-ci.yml"], &gitlab); err != nil || !slices.Contains(gitlab.Stages, gitlab.Postdeploy.Stage) || len(gitlab.Postdeploy.Script) != 1 {
		t.Errorf("%v: %+v", err, gitlab)
	}
	var railway struct {
		Deploy struct {
			PreDeployCommand []string `json:"preDeployCommand"`
		} `json:"deploy"`
	}
	if err := json.Unmarshal(files["railway.json"], &railway); err != nil || len(railway.Deploy.PreDeployCommand) != 1 {
		t.Errorf("%v: %+v", err, railway)
	}
	if !regexp.MustCompile(`(?m)^release: .*rightful postdeploy`).Match(files["Procfile"]) {
		t.Error("the Procfile has no release phase")
	}
	env := func(name string) (string, bool) {
		return map[string]string{"DATABASE_URL": "sqlite:app.db", "STRIPE_API_KEY": "rk_test_1"}[name], true
	}
	c, err := config.Read("../docs/examples/rightful.release.yaml", env)
	if err != nil || len(c.Probe.Command) != 4 {
		t.Errorf("%v: %+v", err, c)
	}
}
