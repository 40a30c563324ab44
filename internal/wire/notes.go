package wire

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"rightful"
	"rightful/gateway"
)

// Bounds of keeping what the gateway finds. What is beyond is left to the next audit.
const (
	notesWaiting = 4096             // families with a judgement that waits to be kept
	againWaiting = 1024             // families that are to be looked at again
	againEvery   = time.Second / 2  // between two such looks
	againAfter   = 10 * time.Second // for one family
	againTries   = 6                // while it fails
	noneOpenFor  = 2 * time.Second
	noteWithin   = 30 * time.Second
)

// notes keeps what the gateway finds, without holding up who asked. An event is judged
// by what is known at once, which is little. So a family in which that finds something
// new, or does not find something any more, is looked at again as an investigation does,
// and what that finds is opened, and what it does not find is resolved.
type notes struct {
	keeper  rightful.AuditKeeper
	again   func(context.Context, rightful.Finding) ([]rightful.Finding, error)
	sift    func([]rightful.Finding) []rightful.Finding // leaves what is kept
	changed func()                                      // is told when findings were opened or resolved
	now     func() time.Time
	log     *slog.Logger
	ended   chan struct{}
	stop    context.CancelFunc // of looking again

	mu      sync.Mutex
	shut    bool
	lost    int
	waiting map[string]*note // by family
	wake    chan struct{}

	// Of the one goroutine that keeps.
	noneOpen time.Time            // until then it is taken that nothing is open
	due      map[string]again     // families that are to be looked at again
	looked   map[string]time.Time // when they were
}

// note is what was judged of one family since the last time.
type note struct {
	at       int64
	findings map[string]rightful.Finding // by id, of wide looks
	last     map[string]rightful.Finding // what the last judgement found
}

// again is a family that is to be looked at again.
type again struct {
	about rightful.Finding
	tries int
}

func keepNotes(k rightful.AuditKeeper, now func() time.Time, log *slog.Logger) *notes {
	return &notes{
		keeper: k, now: now, log: log, ended: make(chan struct{}), waiting: map[string]*note{}, wake: make(chan struct{}, 1),
		changed: func() {}, due: map[string]again{}, looked: map[string]time.Time{},
	}
}

// begin keeps what is noted until it is closed.
func (n *notes) begin() {
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	go n.keep(ctx)
}

// note takes what was decided about a family.
func (n *notes) note(ctx context.Context, d gateway.Decision) {
	if d.Family == "" && len(d.Findings) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shut {
		return
	}
	w := n.waiting[d.Family]
	if w == nil {
		if len(n.waiting) >= notesWaiting {
			if n.lost++; n.lost == 1 {
				n.log.WarnContext(ctx, "findings come faster than they can be kept; the next audit reports them again")
			}
			return
		}
		w = &note{findings: map[string]rightful.Finding{}}
		n.waiting[d.Family] = w
	}
	w.at, w.last = max(w.at, d.At), map[string]rightful.Finding{}
	for _, f := range d.Findings {
		w.last[f.ID] = f
		if d.Kind != gateway.DecidedWebhook || d.Family == "" {
			w.findings[f.ID] = f
		}
	}
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notes) take() (map[string]*note, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := n.waiting
	n.waiting = map[string]*note{}
	return taken, n.shut
}

func (n *notes) keep(looking context.Context) {
	defer close(n.ended)
	ticker := time.NewTicker(againEvery)
	defer ticker.Stop()
	for {
		select {
		case <-n.wake:
			taken, shut := n.take()
			n.keepAll(taken)
			if shut {
				return
			}
		case <-ticker.C:
			n.lookAgain(looking)
		}
	}
}

// keepAll keeps what was found, and remembers which families are to be looked at again.
func (n *notes) keepAll(taken map[string]*note) {
	ctx, cancel := context.WithTimeout(context.Background(), noteWithin)
	defer cancel()
	byTime := map[int64][]rightful.Finding{}
	for _, w := range taken {
		for _, f := range w.findings {
			byTime[w.at] = append(byTime[w.at], f)
		}
	}
	for at, findings := range byTime {
		n.keepFound(ctx, at, findings)
	}
	for family, w := range taken {
		if family == "" {
			continue
		}
		if err := n.compare(ctx, family, w); err != nil {
			n.log.Warn("what was found before could not be read", "error", err)
			return
		}
	}
}

// compare holds what the last judgement of a family found against what is open.
func (n *notes) compare(ctx context.Context, family string, w *note) error {
	last := slices.Collect(maps.Values(w.last))
	if last = n.sift(last); len(last) == 0 {
		// Most often there is nothing, and nothing to ask for.
		if n.noneOpen.After(n.now()) {
			return nil
		}
		open, err := n.keeper.Findings(ctx, rightful.FindingQuery{Born: rightful.BornInGateway, Limit: 1})
		if err != nil || len(open) == 0 {
			n.noneOpen = n.now().Add(noneOpenFor)
			return err
		}
	}
	open, err := n.keeper.Findings(ctx, rightful.FindingQuery{Family: family})
	if err != nil {
		return err
	}
	var seen []rightful.Finding
	for _, f := range last {
		if slices.ContainsFunc(open, func(o rightful.RecordedFinding) bool { return o.ID == f.ID }) {
			seen = append(seen, f)
			continue
		}
		n.lookLater(family, f)
	}
	for _, o := range open {
		if _, still := w.last[o.ID]; !still && o.Born == rightful.BornInGateway {
			n.lookLater(family, o.Finding)
		}
	}
	n.keepFound(ctx, w.at, seen)
	return nil
}

func (n *notes) lookLater(family string, f rightful.Finding) {
	if _, is := n.due[family]; !is && len(n.due) < againWaiting {
		n.due[family] = again{about: f}
	}
}

func (n *notes) keepFound(ctx context.Context, at int64, findings []rightful.Finding) {
	if findings = n.sift(findings); len(findings) == 0 {
		return
	}
	n.noneOpen = time.Time{}
	opened, err := n.keeper.NoteFindings(ctx, at, findings)
	if len(opened) > 0 {
		n.changed()
	}
	if err != nil {
		n.log.Warn("findings could not be kept; the next audit reports them again", "error", err)
	}
}

// lookAgain looks at one family that is due.
func (n *notes) lookAgain(ctx context.Context) {
	now := n.now()
	for family, a := range n.due {
		if now.Sub(n.looked[family]) < againAfter {
			continue
		}
		if len(n.looked) > againWaiting {
			clear(n.looked)
		}
		n.looked[family] = now
		delete(n.due, family)
		if err := n.lookAt(ctx, family, a.about); err != nil && ctx.Err() == nil {
			n.log.Warn("what was found could not be looked at again", "family", family, "error", err)
			if a.tries++; a.tries < againTries && rightful.KindOf(err) != rightful.KindUnsupported {
				n.due[family] = a
			}
		}
		return
	}
}

func (n *notes) lookAt(ctx context.Context, family string, f rightful.Finding) error {
	ctx, cancel := context.WithTimeout(ctx, noteWithin)
	defer cancel()
	at := n.now().Unix()
	found, err := n.again(ctx, f)
	if err != nil {
		return err
	}
	n.keepFound(ctx, at, slices.Clone(found))
	open, err := n.keeper.Findings(ctx, rightful.FindingQuery{Born: rightful.BornInGateway, Family: family})
	if err != nil {
		return err
	}
	var gone []string
	for _, f := range open {
		if !slices.ContainsFunc(found, func(now rightful.Finding) bool { return now.ID == f.ID }) {
			gone = append(gone, f.ID)
		}
	}
	resolved, err := n.keeper.ResolveNoted(ctx, at, gone)
	if resolved > 0 {
		n.changed()
	}
	return err
}

// close keeps what waits, and ends.
func (n *notes) close() error {
	n.mu.Lock()
	n.shut = true
	n.mu.Unlock()
	if n.stop == nil {
		return nil // it never began
	}
	n.stop()
	select {
	case n.wake <- struct{}{}:
	default:
	}
	<-n.ended
	return nil
}
