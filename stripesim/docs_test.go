package stripesim_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"rightful/stripesim"
)

// The page of operations and the table of operations say the same.
func TestDocsListEveryOperation(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/stripesim.md")
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| `([A-Z]+ [^`]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		written = append(written, m[1]+" "+m[2])
	}
	built := stripesim.New(stripesim.Options{}).OperationNames()
	for _, op := range built {
		if !slices.Contains(written, op) {
			t.Errorf("docs/stripesim.md does not list %s", op)
		}
	}
	for _, op := range written {
		if !slices.Contains(built, op) {
			t.Errorf("docs/stripesim.md lists %s, which does not exist", op)
		}
	}
	if !strings.Contains(string(page), stripesim.DefaultVersion) {
		t.Errorf("docs/stripesim.md does not name the version %s", stripesim.DefaultVersion)
	}
}

func TestOperationsAreNamedOnce(t *testing.T) {
	t.Parallel()
	names, urls := map[string]bool{}, map[string]bool{}
	for _, op := range stripesim.New(stripesim.Options{}).OperationNames() {
		name, url, _ := strings.Cut(op, " ")
		if names[name] || urls[url] {
			t.Errorf("%s appears twice", op)
		}
		names[name], urls[url] = true, true
	}
}
