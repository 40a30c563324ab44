//go:build unix

package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSyncFromASilentPipe presses Ctrl-C while an import waits for a pipe that has nothing:
// it ends, and says that the mirror is as it was.
func TestSyncFromASilentPipe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	config := filepath.Join(dir, "rightful.yaml")
	if err := os.WriteFile(config, []byte(`directory: {dsn: 'sqlite:app.db', companies: SELECT id FROM companies}
stripe: {key: rk_live_1, account: acct_1}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(t.Context(), asProgram(t), "sync", "--config", config, "--from", pipe)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // comes back when the program reads
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(said.String(), "interrupted before anything was read; the mirror is as it was") {
		t.Errorf("exit code %d:\n%s", code, said.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "rightful-mirror.db")); err == nil {
		t.Error("a mirror was made of nothing")
	}
}
