package stripesim

import (
	"maps"
	"net/http"
	"sync"
)

// Counts says how many requests a server has answered since it was made,
// whatever the answer was.
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
}

type counters struct {
	mu         sync.Mutex
	methods    map[string]int64
	operations map[string]int64
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
	out := Counts{Methods: map[string]int64{}, Operations: map[string]int64{}}
	maps.Copy(out.Methods, c.methods)
	maps.Copy(out.Operations, c.operations)
	out.GETs = c.methods[http.MethodGet]
	for _, n := range c.methods {
		out.Total += n
	}
	return out
}
