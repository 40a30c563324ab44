package stripesim

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"
)

// Latency is how long answers take: FixedLatency, UniformLatency or
// LognormalLatency. The zero value is no time at all. The n-th request of a
// server takes the same time in every run with the same seed.
type Latency struct {
	low, high  time.Duration // uniform between them; equal: fixed
	mu, sigma  float64       // of the logarithm of seconds
	lognormal  bool
	written    string
	configured bool
}

// FixedLatency makes every answer take d.
func FixedLatency(d time.Duration) Latency {
	return Latency{low: d, high: d, configured: true, written: d.String()}
}

// UniformLatency draws between low and high, all values alike.
func UniformLatency(low, high time.Duration) Latency {
	return Latency{low: min(low, high), high: max(low, high), configured: true, written: low.String() + "-" + high.String()}
}

// LognormalLatency is the shape that networks have: half of the answers take
// less than median, one in twenty more than p95, a few much more.
func LognormalLatency(median, p95 time.Duration) Latency {
	if median <= 0 || p95 <= median {
		return FixedLatency(median)
	}
	const z95 = 1.6448536269514722 // the normal distribution's 95th percentile
	return Latency{lognormal: true, configured: true, written: median.String() + "," + p95.String(),
		mu: math.Log(median.Seconds()), sigma: math.Log(float64(p95)/float64(median)) / z95}
}

// ParseLatency reads "80ms" (fixed), "50ms-120ms" (uniform) or "80ms,200ms"
// (lognormal, by median and 95th percentile).
func ParseLatency(text string) (Latency, error) {
	hint := func(why string) (Latency, error) {
		return Latency{}, fmt.Errorf("stripesim: latency %q: %s; write 80ms, 50ms-120ms (between) or 80ms,200ms (median and 95th percentile)", text, why)
	}
	first, second, pair := strings.Cut(text, ",")
	between := false
	if !pair {
		first, second, between = strings.Cut(text, "-")
	}
	low, err := time.ParseDuration(strings.TrimSpace(first))
	if err != nil || low < 0 {
		return hint("not a duration")
	}
	if !pair && !between {
		return FixedLatency(low), nil
	}
	high, err := time.ParseDuration(strings.TrimSpace(second))
	switch {
	case err != nil:
		return hint("not a duration")
	case high < low:
		return hint("the second duration is shorter than the first")
	case between:
		return UniformLatency(low, high), nil
	case low == 0:
		return hint("the median is zero")
	}
	return LognormalLatency(low, high), nil
}

// String returns what ParseLatency reads, "" for the zero value.
func (l Latency) String() string { return l.written }

// of is the latency of the n-th request.
func (l Latency) of(seed, n uint64) time.Duration {
	if !l.configured {
		return 0
	}
	if !l.lognormal {
		if l.low == l.high {
			return l.low
		}
		return l.low + time.Duration(fraction(seed, n, 1)*float64(l.high-l.low))
	}
	// Box and Muller: a normal number from two even ones. The first is never 0.
	normal := math.Sqrt(-2*math.Log(1-fraction(seed, n, 1))) * math.Cos(2*math.Pi*fraction(seed, n, 2))
	return time.Duration(math.Exp(l.mu+l.sigma*normal) * float64(time.Second))
}

// fraction is an even number in [0, 1) that depends on its arguments alone.
func fraction(seed, n, draw uint64) float64 {
	return float64(mix(mix(mix(seed)^n)^draw)>>11) / (1 << 53)
}

// mix is the finaliser of SplitMix64: every bit of x changes about half of the
// bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// wait makes the request take its time, once.
func (x *exchange) wait() {
	if x.waited {
		return
	}
	x.waited = true
	d := x.server.latency.of(x.server.seed, x.number)
	if x.fault != nil {
		d += x.fault.Delay
	}
	if d > 0 {
		x.server.sleep(x.request.Context(), d)
	}
}

func realSleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
