package examples_test

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rightful/internal/testserver"
)

// TestShopIsAnOutsider: the shop imports of rightful what any app may. The module's
// own rule about internal packages does not hold for it, for it lives in the module.
func TestShopIsAnOutsider(t *testing.T) {
	t.Parallel()
	allowed := []string{"rightful", "rightful/gateway", "rightful/gateway/fromfile"}
	files := must(filepath.Glob("shop/*.go"))(t)
	if len(files) == 0 {
		t.Fatal("there is no shop")
	}
	for _, file := range files {
		parsed := must(parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly))(t)
		for _, i := range parsed.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			ours := path == "rightful" || strings.HasPrefix(path, "rightful/")
			if ours && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s, which an app elsewhere could not", file, path)
			}
		}
	}
}

// TestPythonNeedsNothing: Python's standard library is enough, and both apps have the
// same tables.
func TestPythonNeedsNothing(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("python/requirements.txt"); err == nil {
		t.Error("python/requirements.txt: the client is to be copied, with nothing to install")
	}
	if one, other := must(os.ReadFile("shop/schema.sql"))(t), must(os.ReadFile("python/schema.sql"))(t); string(one) != string(other) {
		t.Error("python/schema.sql differs from shop/schema.sql")
	}
}

// TestPythonClient runs the client's own tests.
func TestPythonClient(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), testserver.Python(t), "-B", "-m", "unittest", "-q")
	c.Dir = "python"
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "Ran 9 tests") {
		t.Errorf("%v\n%s", err, out)
	}
}
