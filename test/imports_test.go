package test

import (
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "rightful"

// imports returns what each package of the module imports outside of tests.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	graph := map[string][]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || ownModule(path)) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := strings.TrimSuffix(module+"/"+filepath.ToSlash(rel), "/.")
		for _, spec := range file.Imports {
			graph[pkg] = append(graph[pkg], strings.Trim(spec.Path.Value, `"`))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

// ownModule reports that a folder is a module of its own, as tools is.
func ownModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

func within(pkg, folder string) bool { return pkg == folder || strings.HasPrefix(pkg, folder+"/") }

// TestHouse keeps the directions of docs/architecture.md.
func TestHouse(t *testing.T) {
	t.Parallel()
	const (
		sources  = module + "/internal/source"
		judge    = module + "/internal/judge"
		planning = module + "/internal/plan"
		journal  = module + "/internal/journal"
		states   = module + "/internal/state"
		failures = module + "/internal/failpoint"
	)
	rules := []struct {
		name      string
		applies   func(pkg string) bool
		forbidden func(pkg, imp string) bool
	}{
		{
			"the root and stripesim import the standard library only",
			func(pkg string) bool { return pkg == module || within(pkg, module+"/stripesim") },
			func(pkg, imp string) bool { return !standard(imp) && !within(imp, pkg) },
		},
		{
			"the judge is pure",
			func(pkg string) bool { return within(pkg, judge) },
			func(_, imp string) bool {
				return slices.Contains([]string{"net", "net/http", "os", "database/sql", "math/rand", "math/rand/v2", "time", "context", "io"}, imp) ||
					within(imp, module+"/internal")
			},
		},
		{
			"the screen knows the judge, and asks nobody",
			func(pkg string) bool { return pkg == module+"/internal/screen" },
			func(_, imp string) bool {
				return slices.Contains([]string{"net", "net/http", "os", "database/sql", "time", "context", "io"}, imp) ||
					within(imp, module+"/internal") && imp != judge
			},
		},
		{
			"who reads past the screen knows it, the judge, and what collects the rest",
			func(pkg string) bool { return pkg == module+"/internal/skim" },
			func(_, imp string) bool {
				return within(imp, module) && !slices.Contains([]string{module, judge, module + "/internal/screen", module + "/internal/collect"}, imp)
			},
		},
		{
			"the plan is pure",
			func(pkg string) bool { return within(pkg, planning) },
			func(_, imp string) bool {
				return slices.Contains([]string{"net", "net/http", "os", "database/sql", "math/rand", "math/rand/v2", "time", "context", "io"}, imp) ||
					within(imp, module+"/internal")
			},
		},
		{
			"who applies knows the plan, the journal and the ports, and nothing that judges or reads",
			func(pkg string) bool { return within(pkg, module+"/internal/apply") },
			func(_, imp string) bool { return within(imp, module+"/internal") && imp != planning && imp != journal },
		},
		{
			"the journal stores nothing",
			func(pkg string) bool { return within(pkg, journal) },
			func(_, imp string) bool {
				return slices.Contains([]string{"net", "net/http", "os", "database/sql", "math/rand", "math/rand/v2", "crypto/rand", "time", "io"}, imp) ||
					within(imp, module+"/internal")
			},
		},
		{
			"what keeps state knows the journal and the plan, and nothing that judges or applies",
			func(pkg string) bool { return within(pkg, states) },
			func(_, imp string) bool {
				return within(imp, module+"/internal") && imp != journal && imp != planning && imp != failures
			},
		},
		{
			"only what outlives the process has moments to be killed at",
			func(pkg string) bool { return !within(pkg, states) && !within(pkg, sources) },
			func(_, imp string) bool { return imp == failures },
		},
		{
			"only wire knows where state is kept",
			func(pkg string) bool { return pkg != module+"/internal/wire" },
			func(_, imp string) bool { return within(imp, states) },
		},
		{
			"who alerts knows the gateway's decisions and the ports, and what sends knows the root",
			func(pkg string) bool { return within(pkg, module+"/internal/alert") },
			func(pkg, imp string) bool {
				return within(imp, module+"/internal") && imp != journal && (imp != module+"/internal/alert/send" || pkg != module+"/internal/alert") ||
					imp == module+"/gateway" && pkg != module+"/internal/alert"
			},
		},
		{
			"the jobs know the gateway, the queue, the rules of the schedule and the ports",
			func(pkg string) bool { return pkg == module+"/internal/jobs" },
			func(_, imp string) bool {
				return within(imp, module) && !slices.Contains([]string{module, module + "/gateway", module + "/internal/queue", module + "/internal/schedule"}, imp)
			},
		},
		{
			"the queue knows databases, and nothing of ours",
			func(pkg string) bool { return pkg == module+"/internal/queue" },
			func(_, imp string) bool { return within(imp, module) && imp != module },
		},
		{
			"only the queue and the jobs know River, and wire hands them on",
			func(pkg string) bool {
				return !slices.Contains([]string{module + "/internal/queue", module + "/internal/jobs", module + "/internal/wire"}, pkg)
			},
			func(_, imp string) bool { return strings.HasPrefix(imp, "github.com/riverqueue/") },
		},
		{
			"only wire joins alerts, jobs and the queue with the rest",
			func(pkg string) bool {
				return pkg != module+"/internal/wire" && pkg != module+"/internal/jobs" && pkg != module+"/internal/cli" && pkg != module+"/internal/view" && !within(pkg, module+"/internal/alert") && !within(pkg, module+"/internal/config")
			},
			func(_, imp string) bool {
				return within(imp, module+"/internal/alert") || imp == module+"/internal/jobs" || imp == module+"/internal/queue"
			},
		},
		{
			"what opens our databases knows the root, and not what they hold",
			func(pkg string) bool { return pkg == module+"/internal/database" },
			func(_, imp string) bool { return within(imp, module) && imp != module },
		},
		{
			"no source imports another",
			func(pkg string) bool { return within(pkg, sources) && pkg != sources+"/sourcetest" },
			func(pkg, imp string) bool { return within(imp, sources) && !within(imp, pkg) },
		},
		{
			"only wire knows the sources",
			func(pkg string) bool { return !within(pkg, module+"/internal/wire") && !within(pkg, sources) },
			func(_, imp string) bool { return within(imp, sources) },
		},
		{
			"only the demo, the sim command and the benchmarks start a stripesim",
			func(pkg string) bool {
				return !slices.Contains([]string{module + "/internal/demo", module + "/internal/cli", module + "/bench"}, pkg) && !within(pkg, module+"/stripesim")
			},
			func(_, imp string) bool { return within(imp, module+"/stripesim") },
		},
		{
			"telemetry learns of the gateway, and of nothing behind it",
			func(pkg string) bool { return pkg == module+"/internal/telemetry" },
			func(_, imp string) bool {
				return within(imp, module) && imp != module && imp != module+"/gateway"
			},
		},
		{
			"truth is for tests, and knows the root only",
			func(string) bool { return true },
			func(pkg, imp string) bool {
				truth := module + "/test/truth"
				return imp == truth || pkg == truth && !standard(imp) && imp != module && imp != "pgregory.net/rapid"
			},
		},
		{
			"the gateway knows the ports, the judge and what it collects for it",
			func(pkg string) bool { return pkg == module+"/gateway" },
			func(_, imp string) bool {
				allowed := []string{module, judge, module + "/internal/collect", module + "/internal/look", module + "/internal/stripeobject"}
				return within(imp, module) && !slices.Contains(allowed, imp) || strings.HasPrefix(imp, "github.com/stripe/")
			},
		},
		{
			"the server knows the gateway, the journal and the ports",
			func(pkg string) bool { return pkg == module+"/internal/server" },
			func(_, imp string) bool {
				return within(imp, module) && !slices.Contains([]string{module, module + "/gateway", journal}, imp)
			},
		},
		{
			"only wire and the command line start the server",
			func(pkg string) bool {
				return pkg != module+"/internal/wire" && pkg != module+"/internal/cli"
			},
			func(_, imp string) bool { return imp == module+"/internal/server" },
		},
		{
			"who fills a mirror knows the ports and how objects are read",
			func(pkg string) bool { return pkg == module+"/internal/pull" },
			func(_, imp string) bool {
				return within(imp, module) && imp != module && imp != module+"/internal/stripeobject" || strings.HasPrefix(imp, "net/") || imp == "database/sql"
			},
		},
		{
			"the engine knows ports, not parts",
			func(pkg string) bool { return pkg == module+"/internal/engine" },
			func(_, imp string) bool {
				allowed := []string{module, module + "/gateway", judge, planning, journal, module + "/internal/apply", module + "/internal/collect", module + "/internal/look", module + "/internal/accept", module + "/internal/snapshot", module + "/internal/pull", module + "/internal/screen", module + "/internal/skim"}
				return !standard(imp) && !slices.Contains(allowed, imp)
			},
		},
		{
			"the gateway knows ports and the judge, and nothing that writes a plan, stores or serves",
			func(pkg string) bool { return pkg == module+"/gateway" },
			func(_, imp string) bool {
				allowed := []string{module, judge, module + "/internal/collect", module + "/internal/look", module + "/internal/stripeobject"}
				return strings.Contains(imp, "stripe-go") || within(imp, module) && !slices.Contains(allowed, imp)
			},
		},
	}
	graph := imports(t)
	for _, rule := range rules {
		held := false
		for pkg, imps := range graph {
			if !rule.applies(pkg) {
				continue
			}
			held = true
			for _, imp := range imps {
				if rule.forbidden(pkg, imp) {
					t.Errorf("%s: %s imports %s", rule.name, pkg, imp)
				}
			}
		}
		if !held {
			t.Errorf("%s: the rule applies to no package", rule.name)
		}
	}
}

func standard(imp string) bool {
	p, err := build.Default.Import(imp, "", build.FindOnly)
	return err == nil && p.Goroot
}

// TestPureRoomsCallNoClock looks for the calls that the import rule cannot see.
func TestPureRoomsCallNoClock(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../internal/judge/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	planning, err := filepath.Glob("../internal/plan/*.go")
	if err != nil || len(planning) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range slices.Concat(files, planning) {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{"time.Now(", "rand."} {
			if strings.Contains(string(raw), call) {
				t.Errorf("%s calls %s", f, call)
			}
		}
	}
}
