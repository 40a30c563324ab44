//go:build unix

package appprobe_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"rightful/internal/source/appprobe"
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

// TestCommandGivenUp ends the program and what it started. The child holds the
// other end of a pipe, which tells when it is gone.
func TestCommandGivenUp(t *testing.T) {
	t.Parallel()
	fifo := pipeFile(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		f, err := os.Open(fifo) // returns when the child has opened it too
		if err != nil {
			gone <- err
			return
		}
		defer f.Close()
		cancel()
		_, err = f.Read(make([]byte, 1)) // returns when the child is gone
		gone <- err
	}()
	probe := open(t, appprobe.Options{Command: script("sh -c 'exec >"+quoted(fifo)+"; exec sleep 600' & wait", "{user_id}")})
	if _, err := probe.Company(ctx, "7"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := <-gone; !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end of the pipe", err)
	}
}
