package server

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"sync"
)

// Events arrive before anybody takes a place for them: whoever sends slowly must not
// hold what others need. Stripe's events are small; for the rest of a large body there
// are places of their own.
const (
	smallEvent       = 64 << 10 // bytes
	largeAtOnce      = 64       // bodies that are larger, together
	arrivingAtOnce   = 4096     // bodies that are being read, together
	arrivingFromEach = 128      // and from one address
)

// errNoPlace ends the reading of a body for which there is no place.
var errNoPlace = errors.New("server: too many events at a time")

// arrivals counts the bodies that are being read.
type arrivals struct {
	all, large limiter

	mu   sync.Mutex
	from map[netip.Addr]int
}

func newArrivals() *arrivals {
	return &arrivals{all: newLimiter(arrivingAtOnce), large: newLimiter(largeAtOnce), from: map[netip.Addr]int{}}
}

// begin counts a body, unless there are too many. An address that is told is bounded
// by itself.
func (a *arrivals) begin(from netip.Addr, told bool) bool {
	if !a.all.enter() {
		return false
	}
	if !told {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from[from] >= arrivingFromEach {
		a.all.leave()
		return false
	}
	a.from[from]++
	return true
}

// end takes back what begin counted.
func (a *arrivals) end(from netip.Addr, told bool) {
	a.all.leave()
	if !told {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.from[from]--; a.from[from] == 0 {
		delete(a.from, from)
	}
}

// arriving is the body of an event. Its reader has one of the places inside when it
// has read it to its end, and not before.
type arriving struct {
	io.ReadCloser
	inside, large limiter

	read      int
	isLarge   bool
	isInside  bool
	turnedOff bool // there was no place
}

// Read implements io.Reader.
func (a *arriving) Read(p []byte) (int, error) {
	if left := smallEvent - a.read; !a.isLarge && left > 0 && len(p) > left {
		p = p[:left]
	}
	if a.read >= smallEvent && !a.isLarge {
		if !a.large.enter() {
			a.turnedOff = true
			return 0, errNoPlace
		}
		a.isLarge = true
	}
	n, err := a.ReadCloser.Read(p)
	a.read += n
	if errors.Is(err, io.EOF) && !a.isInside {
		if !a.inside.enter() {
			a.turnedOff = true
			return n, errNoPlace
		}
		a.isInside = true
	}
	return n, err
}

// leave gives back the places.
func (a *arriving) leave() {
	if a.isLarge {
		a.large.leave()
	}
	if a.isInside {
		a.inside.leave()
	}
}

// webhooks takes Stripe's events. Who they come from is told by their signature.
func (s *Server) webhooks(events Events) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, told := s.forgers.from(r)
		if told && s.forgers.turnedAway(from) {
			s.fail(w, r, &problem{Status: http.StatusTooManyRequests, Code: "rate_limited", Detail: "too many events with a bad signature came from this address", retryAfter: 60, close: true}, nil)
			return
		}
		turnOff := func() {
			p := busy()
			p.close = true
			s.fail(w, r, p, nil)
		}
		if !s.arrivals.begin(from, told) {
			turnOff()
			return
		}
		defer s.arrivals.end(from, told)
		body := &arriving{ReadCloser: r.Body, inside: s.hooks, large: s.arrivals.large}
		defer body.leave()
		r.Body = body
		err := events.Take(w, r)
		if err == nil {
			w.WriteHeader(http.StatusOK)
			return
		}
		if body.turnedOff {
			turnOff()
			return
		}
		p := problemOf(err, false)
		if told && p.Status == http.StatusBadRequest {
			s.forgers.note(from)
		}
		s.fail(w, r, p, nil)
	})
}
