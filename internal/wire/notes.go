package wire

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rightful"
	"rightful/gateway"
)

// notesWaiting is how many decisions with findings may wait to be kept. More than
// that are left to the next audit.
const notesWaiting = 1024

// notes keeps what the gateway finds, without holding up who asked.
type notes struct {
	keeper rightful.AuditKeeper
	log    *slog.Logger
	ended  chan struct{}

	mu     sync.Mutex
	shut   bool
	lost   int
	queued chan note
}

type note struct {
	at       int64
	findings []rightful.Finding
}

func keepNotes(k rightful.AuditKeeper, log *slog.Logger) *notes {
	n := &notes{keeper: k, log: log, ended: make(chan struct{}), queued: make(chan note, notesWaiting)}
	go n.keep()
	return n
}

// note takes the findings of a decision.
func (n *notes) note(ctx context.Context, d gateway.Decision) {
	if len(d.Findings) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.shut {
		return
	}
	select {
	case n.queued <- note{d.At, d.Findings}:
	default:
		if n.lost++; n.lost == 1 {
			n.log.WarnContext(ctx, "findings come faster than they can be kept; the next audit reports them again")
		}
	}
}

func (n *notes) keep() {
	defer close(n.ended)
	for found := range n.queued {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		if _, err := n.keeper.NoteFindings(ctx, found.at, found.findings); err != nil {
			n.log.Warn("findings could not be kept; the next audit reports them again", "error", err)
		}
		cancel()
	}
}

// close keeps what waits, and ends.
func (n *notes) close() error {
	n.mu.Lock()
	if !n.shut {
		n.shut = true
		close(n.queued)
	}
	n.mu.Unlock()
	<-n.ended
	return nil
}
