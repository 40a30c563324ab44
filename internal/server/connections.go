package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// bounded has so many connections open at a time. When there are more, those are
// closed that have asked nothing for the longest: whoever opens many and says nothing
// keeps nobody out.
type bounded struct {
	net.Listener
	most   int
	unread func(status int, why string) []byte // answers what is no request
	quiet  time.Duration                       // for how long none is closed
	left   chan struct{}                       // one may have ended

	mu      sync.Mutex
	open    int
	waiting *list.List // of *counted that ask nothing, the longest in front
}

func (s *Server) bounded(l net.Listener) *bounded {
	return &bounded{Listener: l, most: s.connections, unread: s.unread, quiet: min(slowAfter, s.patience), left: make(chan struct{}, 1), waiting: list.New()}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for !b.enter() {
		again := time.NewTimer(b.quiet)
		select {
		case <-b.left:
		case <-again.C:
		}
		again.Stop()
	}
	return &counted{Conn: c, of: b}, nil
}

// enter counts one more connection, if there is a place, or one can be made.
func (b *bounded) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= b.most {
		longest := b.waiting.Front()
		if longest == nil || time.Since(longest.Value.(*counted).since) < b.quiet {
			return false
		}
		c := longest.Value.(*counted)
		b.end(c)
		_ = c.Conn.Close() // its reader sees it
	}
	b.open++
	return true
}

// end takes a connection from those that are open, once.
func (b *bounded) end(c *counted) {
	if c.ended {
		return
	}
	c.ended = true
	b.open--
	b.wait(c, false)
}

// wait notes whether a connection asks nothing now.
func (b *bounded) wait(c *counted, waits bool) {
	if c.place != nil {
		b.waiting.Remove(c.place)
		c.place = nil
	}
	if waits && !c.ended {
		c.since = time.Now()
		c.place = b.waiting.PushBack(c)
	}
}

// state is told by net/http what becomes of connections. One whose headers have not
// come asks nothing yet.
func (b *bounded) state(c net.Conn, state http.ConnState) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if own, ok := c.(*counted); ok {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.wait(own, state == http.StateNew || state == http.StateIdle)
	}
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	of *bounded

	// Guarded by of.mu.
	ended bool
	since time.Time // when it began to ask nothing
	place *list.Element
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.of.mu.Lock()
	c.of.end(c)
	c.of.mu.Unlock()
	select {
	case c.of.left <- struct{}{}:
	default:
	}
	return c.Conn.Close()
}
