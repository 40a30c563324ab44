package view

import (
	"strings"
	"testing"
	"time"
)

// TestWritten says how many steps are behind, how fast, and how long the rest takes.
func TestWritten(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now := time.Unix(0, 0)
	p := NewProgress(&out, func() time.Time { return now })
	p.Written(0, 40)
	now = now.Add(4 * time.Second)
	p.Written(10, 40)
	now = now.Add(time.Millisecond)
	p.Written(11, 40) // too soon to be drawn
	p.Written(40, 40) // the last one always is
	p.Done()
	want := "\r\x1b[Kwriting: 0 of 40 steps\r\x1b[Kwriting: 10 of 40 steps · 2.5/s · 12s left\r\x1b[Kwriting: 40 of 40 steps · 10.0/s · 0s left\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
