package telemetry

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Description is what one metric is.
type Description struct {
	Name   string
	Type   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// Described returns every metric named rightful_*, by name, also those that have no
// value yet.
func (m *Metrics) Described() []Description {
	all := slices.Clone(m.described)
	slices.SortFunc(all, func(a, b Description) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (m *Metrics) note(typ, name, help string, labels []string) {
	m.described = append(m.described, Description{Name: name, Type: typ, Help: help, Labels: labels})
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	m.note("counter", name, help, labels)
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	m.note("gauge", name, help, labels)
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	m.registry.MustRegister(g)
	return g
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	m.note("histogram", name, help, labels)
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(h)
	return h
}

// Handler answers /metrics, to a few who ask at a time. Who may ask is the server's
// business.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		Registry: m.registry, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 2 * askNoLonger,
	})
}

// Served counts one request. pattern is that of the route, with or without its
// method ("POST /v1/checkout/sessions"), and empty when no route took it: a path is
// never a label.
func (m *Metrics) Served(pattern, method string, status int, took time.Duration) {
	if _, path, found := strings.Cut(pattern, " "); found {
		pattern = path
	}
	if pattern == "" {
		pattern = "unmatched"
	}
	route := m.routes.or(pattern)
	code := other
	if status >= 100 && status <= 599 {
		code = strconv.Itoa(status)
	}
	m.served.WithLabelValues(route, methods.or(method), code).Inc()
	m.serving.WithLabelValues(route).Observe(max(took.Seconds(), 0))
}

// Serving counts the requests that pass through it. It stands right before the
// http.ServeMux that knows the routes: who copies a request in between hides its
// route.
func (m *Metrics) Serving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		began, seen := time.Now(), &statusWriter{ResponseWriter: w}
		defer func() {
			m.inFlight.Dec()
			p := recover()
			if p != nil {
				seen.status = http.StatusInternalServerError
			}
			m.Served(r.Pattern, r.Method, seen.answered(), time.Since(began))
			if p != nil {
				panic(p) // whoever is further out answers it
			}
		}()
		next.ServeHTTP(seen, r)
	})
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// answered is the status that the client gets: who writes none answers 200.
func (w *statusWriter) answered() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// Unwrap lets http.ResponseController reach what is behind.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
