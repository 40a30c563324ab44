package view

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Progress shows on one line of a terminal how far the reading, or the writing, has
// come. Make one with NewProgress; it is safe for concurrent use.
type Progress struct {
	out   io.Writer
	now   func() time.Time
	every time.Duration

	mu    sync.Mutex
	start time.Time
	last  time.Time
	done  map[string]int
	order []string
	shown bool

	writing time.Time // when the first step was written; zero before
}

// NewProgress returns a progress line on a terminal.
func NewProgress(out io.Writer, now func() time.Time) *Progress {
	return &Progress{out: out, now: now, every: 100 * time.Millisecond, start: now(), done: map[string]int{}}
}

// Update notes how many of one kind of thing were read, and redraws the line
// now and then.
func (p *Progress) Update(what string, done int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.order, what) {
		p.order = append(p.order, what)
	}
	p.done[what] = done
	if now := p.now(); now.Sub(p.last) >= p.every {
		p.last = now
		p.draw(now)
	}
}

func (p *Progress) draw(now time.Time) {
	total := 0
	var parts []string
	for _, what := range p.order {
		total += p.done[what]
		parts = append(parts, fmt.Sprintf("%s %d", what, p.done[what]))
	}
	rate := ""
	if s := now.Sub(p.start).Seconds(); s >= 1 {
		rate = fmt.Sprintf(" · %.0f/s", float64(total)/s)
	}
	fmt.Fprintf(p.out, "\r\x1b[Kreading: %s%s", strings.Join(parts, ", "), rate)
	p.shown = true
}

// Written notes how many of all steps are behind, and redraws the line now and then,
// with the rate and how long the rest will take.
func (p *Progress) Written(done, all int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.writing.IsZero() {
		p.writing = now
	}
	if now.Sub(p.last) < p.every && done < all {
		return
	}
	p.last = now
	rest := ""
	if s := now.Sub(p.writing).Seconds(); s >= 1 && done > 0 {
		rate := float64(done) / s
		left := time.Duration(float64(all-done) / rate * float64(time.Second)).Round(time.Second)
		rest = fmt.Sprintf(" · %.1f/s · %s left", rate, left)
	}
	fmt.Fprintf(p.out, "\r\x1b[Kwriting: %d of %d steps%s", done, all, rest)
	p.shown = true
}

// Done removes the line.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}
