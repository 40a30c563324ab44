//go:build unix

package test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptedWhileStripeIsSilent presses Ctrl-C while Stripe was asked and has not
// answered: nothing is said of places that were not heard, and nothing is called kept.
func TestInterruptedWhileStripeIsSilent(t *testing.T) {
	t.Parallel()
	for command, says := range map[string]string{
		"doctor": "interrupted before there was anything to report",
		"sync":   "the run was interrupted before Stripe said whose key it is; the mirror is as it was",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			asked := make(chan struct{}, 16)
			silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
				asked <- struct{}{}
				<-q.Context().Done()
			}))
			t.Cleanup(silent.Close)
			dir := t.TempDir()
			config := filepath.Join(dir, "rightful.yaml")
			if err := os.WriteFile(config, []byte(`directory: {dsn: 'sqlite:app.db', companies: SELECT id FROM companies}
stripe: {key: rk_live_1, account: acct_1, api_base: '`+silent.URL+`'}
mirror: sqlite:mirror.db
`), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			cmd := exec.CommandContext(t.Context(), asProgram(t), command, "--config", config)
			cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(said.String(), says) || strings.Contains(said.String(), "signal") {
				t.Errorf("exit code %d:\n%s", code, said.String())
			}
		})
	}
}
