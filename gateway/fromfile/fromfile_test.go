package fromfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway/fromfile"
)

// TestAFileThatIsNotThere: an app has no command line, and is told of the argument.
func TestAFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"missing.yaml", filepath.Join(t.TempDir(), "missing.yaml"), t.TempDir()} {
		_, err := fromfile.Open(t.Context(), path, fromfile.Options{})
		own, ok := errors.AsType[*rightful.Error](err)
		if !ok || own.Kind != rightful.KindInvalid || own.Place != path || strings.Contains(own.Hint, "--config") || !strings.Contains(own.Hint, "fromfile.Open") || !strings.Contains(own.Hint, here) {
			t.Errorf("%s: %v", path, err)
		}
		if file := filepath.Base(path); file == "missing.yaml" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v does not tell that it is missing", path, err)
		}
	}
}
