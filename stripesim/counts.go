package stripesim

import (
	"maps"
	"net/http"
	"sync"
)

// Counts says how many requests a server has answered since it was made
// or reset, whatever the answer was.
type Counts struct {
	// Total counts all requests.
	Total int64
	// GETs counts the requests that Stripe's read allocation counts.
	GETs int64
	// Methods counts by HTTP method.
	Methods map[string]int64
	// Operations counts by endpoint: "customers.list", "customers.retrieve".
	// The names are those of docs/stripesim.md; requests to unknown URLs count
	// as "unrecognized".
	Operations map[string]int64
	// Statuses counts the answers by HTTP status. A request whose connection
	// was dropped by a fault before it was answered counts as 0.
	Statuses map[int]int64
	// Limited counts the answers with status 429 by their reason:
	// "global-rate", "endpoint-rate", "global-concurrency",
	// "endpoint-concurrency", or "" for object locks.
	Limited map[string]int64
}

type counters struct {
	mu         sync.Mutex
	methods    map[string]int64
	operations map[string]int64
	statuses   map[int]int64
	limited    map[string]int64
}

// answered counts an answer.
func (c *counters) answered(status int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.statuses == nil {
		c.statuses, c.limited = map[int]int64{}, map[string]int64{}
	}
	c.statuses[status]++
	if status == http.StatusTooManyRequests {
		c.limited[reason]++
	}
}

func (c *counters) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.methods, c.operations, c.statuses, c.limited = nil, nil, nil, nil
}

func (c *counters) add(method string, op *operation) {
	name := "unrecognized"
	if op != nil {
		name = op.name
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.methods == nil {
		c.methods, c.operations = map[string]int64{}, map[string]int64{}
	}
	c.methods[method]++
	c.operations[name]++
}

// Counts returns a copy of the counters.
func (s *Server) Counts() Counts {
	c := &s.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	out := Counts{Methods: map[string]int64{}, Operations: map[string]int64{}, Statuses: map[int]int64{}, Limited: map[string]int64{}}
	maps.Copy(out.Methods, c.methods)
	maps.Copy(out.Operations, c.operations)
	maps.Copy(out.Statuses, c.statuses)
	maps.Copy(out.Limited, c.limited)
	out.GETs = c.methods[http.MethodGet]
	for _, n := range c.methods {
		out.Total += n
	}
	return out
}
