//go:build unix

package appprobe_test

import (
	"path/filepath"
	"syscall"
	"testing"
)

// pipeFile makes a pipe that has a name.
func pipeFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
