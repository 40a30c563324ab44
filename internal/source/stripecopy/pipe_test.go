//go:build unix

package stripecopy_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rightful/internal/source/stripecopy"
)

// TestNobodyWrites ends the waiting for a pipe into which nobody writes: one that nobody
// opened, and one that somebody holds open.
func TestNobodyWrites(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no pipes here:", err)
	}
	o := stripecopy.Options{Account: "acct_1", Livemode: true, Keys: keys}
	for range 2 {
		ctx, stop := context.WithCancel(t.Context())
		go stop()
		if _, err := stripecopy.Open(ctx, []string{pipe}, o); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		held, err := os.OpenFile(pipe, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
	}
}
