package server

import (
	"container/list"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Events arrive before anybody takes a place for them: whoever sends slowly must not
// hold what others need. Where there is no place left, the body that has been on its
// way the longest makes place: Stripe's arrive at once.
const (
	arrivingBytes    = 32 << 20 // of bodies that are on their way or looked at, together
	arrivingAtOnce   = 2048     // bodies that are on their way, together
	arrivingFromEach = 128      // and from one address
	slowAfter        = time.Second
)

// errNoPlace ends the reading of a body for which there is no place.
var errNoPlace = errors.New("server: too many events at a time")

// arrivals are the bodies that are being read.
type arrivals struct {
	inside limiter // whose body is there, and which are being looked at
	now    func() time.Time

	mu    sync.Mutex
	order *list.List // of *arriving, the one that began first in front
	bytes int
	from  map[netip.Addr]int
}

func newArrivals(inside limiter, now func() time.Time) *arrivals {
	return &arrivals{inside: inside, now: now, order: list.New(), from: map[netip.Addr]int{}}
}

// arriving is the body of an event. Its reader has one of the places inside when it
// has read it to its end, and not before.
type arriving struct {
	io.ReadCloser
	at       *arrivals
	began    time.Time
	from     netip.Addr
	told     bool         // whether from is somebody
	cut      func() error // ends a read that waits
	isInside bool

	// Guarded by at.mu.
	place     *list.Element // nil: it is not on its way any more
	read      int           // bytes
	turnedOff bool          // there was no place
}

// begin lets a body arrive, unless there are too many that are as quick. An address
// that is told is bounded by itself.
func (a *arrivals) begin(b *arriving) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b.told && a.from[b.from] >= arrivingFromEach && !a.displace(func(other *arriving) bool { return other.told && other.from == b.from }) {
		return false
	}
	if a.order.Len() >= arrivingAtOnce && !a.displace(func(*arriving) bool { return true }) {
		return false
	}
	b.at, b.began, b.place = a, a.now(), a.order.PushBack(b)
	if b.told {
		a.from[b.from]++
	}
	return true
}

// displace turns the slowest of some bodies off. It reports false where none is slow.
func (a *arrivals) displace(which func(*arriving) bool) bool {
	for e := a.order.Front(); e != nil; e = e.Next() {
		b := e.Value.(*arriving)
		if a.now().Sub(b.began) < slowAfter {
			return false // and so are those behind it
		}
		if which(b) && b.cut() == nil {
			a.arrived(b)
			a.bytes -= b.read
			b.read, b.turnedOff = 0, true
			return true
		}
	}
	return false
}

// arrived takes a body from those that are on their way.
func (a *arrivals) arrived(b *arriving) {
	if b.place == nil {
		return
	}
	a.order.Remove(b.place)
	b.place = nil
	if b.told {
		if a.from[b.from]--; a.from[b.from] == 0 {
			delete(a.from, b.from)
		}
	}
}

// grow counts bytes of a body, and whether they were its last. It reports whether
// there is a place for them.
func (a *arrivals) grow(b *arriving, n int, last bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !b.turnedOff && a.bytes+n > arrivingBytes {
		b.turnedOff = !a.displace(func(other *arriving) bool { return other != b && other.read > 0 })
	}
	if b.turnedOff {
		return false
	}
	a.bytes += n
	b.read += n
	if last && !b.isInside {
		b.isInside = a.inside.enter()
		b.turnedOff = !b.isInside
		a.arrived(b)
	}
	return !b.turnedOff
}

// Read implements io.Reader.
func (b *arriving) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.at.grow(b, n, errors.Is(err, io.EOF)) {
		return 0, errNoPlace
	}
	return n, err
}

// leave gives back what the body had, and reports whether there was no place for it.
func (b *arriving) leave() (turnedOff bool) {
	b.at.mu.Lock()
	defer b.at.mu.Unlock()
	b.at.arrived(b)
	b.at.bytes -= b.read
	b.read = 0
	if b.isInside {
		b.at.inside.leave()
	}
	return b.turnedOff
}

// webhooks takes Stripe's events. Who they come from is told by their signature.
func (s *Server) webhooks(events Events) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, told := s.forgers.from(r)
		if told && s.forgers.turnedAway(from) {
			s.fail(w, r, &problem{Status: http.StatusTooManyRequests, Code: "rate_limited", Detail: "too many events with a bad signature came from this address", retryAfter: 60, close: true}, nil)
			return
		}
		body := &arriving{ReadCloser: r.Body, from: from, told: told}
		body.cut = func() error { return http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) }
		err := error(errNoPlace)
		turnedOff := !s.arrivals.begin(body)
		if !turnedOff {
			r.Body = body
			err, turnedOff = s.take(events, w, r, body)
		}
		switch {
		case err == nil:
			w.WriteHeader(http.StatusOK)
		case turnedOff:
			p := busy()
			p.close = true
			s.fail(w, r, p, nil)
		default:
			p := problemOf(err, false)
			if told && p.Status == http.StatusBadRequest {
				s.forgers.note(from)
			}
			s.fail(w, r, p, nil)
		}
	})
}

// take takes one event, and gives back what its body had, whatever comes.
func (s *Server) take(events Events, w http.ResponseWriter, r *http.Request, body *arriving) (err error, turnedOff bool) {
	defer func() { turnedOff = body.leave() }()
	return events.Take(w, r), false
}
