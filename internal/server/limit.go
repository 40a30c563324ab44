package server

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/time/rate"
)

// limiter bounds how many are inside at a time. Nobody waits: who finds it full is
// told so.
type limiter chan struct{}

func newLimiter(most int) limiter {
	if most <= 0 {
		return nil
	}
	return make(limiter, most)
}

func (l limiter) enter() bool {
	if l == nil {
		return true
	}
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l limiter) leave() {
	if l != nil {
		<-l
	}
}

// How many webhooks with a bad signature one address may send, and how many
// addresses are remembered.
const (
	forgedPerSecond = 1
	forgedAtOnce    = 60
	forgersKept     = 4096
)

// forgers remembers who sent webhooks that were refused, so that a flood of them is
// turned away before its bodies are read. Who is forgotten begins anew.
type forgers struct {
	proxies []netip.Prefix

	mu    sync.Mutex
	last  *list.List // of *forger, the one seen last in front
	known map[netip.Addr]*list.Element
}

type forger struct {
	from   netip.Addr
	bucket *rate.Limiter
}

func newForgers(proxies []netip.Prefix) *forgers {
	return &forgers{proxies: proxies, last: list.New(), known: map[netip.Addr]*list.Element{}}
}

// shared are addresses behind a provider's translation (RFC 6598), which clouds use
// for their own proxies.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// from returns who sent a request. Behind a proxy that is believed, it is the last
// address before the proxies. ok is false where nobody in particular can be told: on
// this machine and in private networks, where a proxy may stand that nobody named, and
// Stripe does not.
func (f *forgers) from(r *http.Request) (from netip.Addr, ok bool) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	if from, err = netip.ParseAddr(host); err != nil {
		return netip.Addr{}, false
	}
	from = from.Unmap().WithZone("")
	if f.believed(from) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			next, err := netip.ParseAddr(strings.TrimSpace(hop))
			if err != nil {
				return netip.Addr{}, false
			}
			if from = next.Unmap().WithZone(""); !f.believed(from) {
				break
			}
		}
		if f.believed(from) {
			return netip.Addr{}, false
		}
	}
	if from.IsLoopback() || from.IsPrivate() || from.IsLinkLocalUnicast() || shared.Contains(from) {
		return netip.Addr{}, false
	}
	if from.Is6() { // whoever has one address of a network has all of them
		network, err := from.Prefix(64)
		return network.Addr(), err == nil
	}
	return from, true
}

func (f *forgers) believed(a netip.Addr) bool {
	return slices.ContainsFunc(f.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// turnedAway reports whether an address has sent too many.
func (f *forgers) turnedAway(from netip.Addr) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, known := f.known[from]
	return known && e.Value.(*forger).bucket.Tokens() < 1
}

// note remembers that an address sent one.
func (f *forgers) note(from netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, known := f.known[from]
	if !known {
		if f.last.Len() >= forgersKept {
			oldest := f.last.Back()
			delete(f.known, oldest.Value.(*forger).from)
			f.last.Remove(oldest)
		}
		e = f.last.PushFront(&forger{from: from, bucket: rate.NewLimiter(forgedPerSecond, forgedAtOnce)})
		f.known[from] = e
	}
	f.last.MoveToFront(e)
	e.Value.(*forger).bucket.Allow()
}

// metrics are for those on this machine, and for tokens that may read. A request
// that was passed on is not from this machine.
func (s *Server) metrics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		here, err := netip.ParseAddr(host)
		passedOn := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
		if err != nil || !here.Unmap().IsLoopback() || passedOn {
			if _, p := s.authorize(r, ScopeRead); p != nil {
				s.fail(w, r, p, nil)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
