package gateway

import (
	"context"
	"testing"
)

// TestTurns: one at a time for each key, and nothing is left of those who gave up.
func TestTurns(t *testing.T) {
	t.Parallel()
	var line turns
	leave, err := line.take(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := line.take(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	other()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := line.take(gone, "a"); err == nil {
		t.Error("two have the same turn")
	}
	leave()
	if len(line.lines) != 0 {
		t.Errorf("left: %v", line.lines)
	}
	if leave, err = line.take(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	leave()
}
