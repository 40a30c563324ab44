package stripesim

import (
	"encoding/json"
	"time"
)

// BeforeRun installs a function that runs inside every execution; tests use it
// to hold a request or to make it fail. Install it before the first request.
func (s *Server) BeforeRun(f func(operation string)) { s.beforeRun = f }

// SetWebhookIdle changes how often RunWebhooks looks at the clock unasked.
// Call it before RunWebhooks.
func (s *Server) SetWebhookIdle(d time.Duration) { s.hooks.idle = d }

// ParseForm parses and re-reads a form, for the fuzz target.
func ParseForm(raw string) error {
	n := newHash()
	if err := parseForm(n, raw); err != nil {
		return err
	}
	_, _ = checkMetadata(n, "metadata")
	_, _ = n.elements()
	return nil
}

// Roundtrip splits a compact JSON object and puts it together again.
func Roundtrip(raw []byte) []byte {
	o := parseObject(raw)
	if o == nil {
		return nil
	}
	return o.raw()
}

// Elements splits a compact JSON array.
func Elements(raw []byte) []json.RawMessage { return elements(raw) }

// OperationNames lists every endpoint as "name METHOD path".
func (s *Server) OperationNames() []string {
	var names []string
	for _, op := range s.operations {
		names = append(names, op.name+" "+op.method+" "+op.path)
	}
	return names
}

// Walked is how many objects of the default account's test mode a list with
// these tags has to look at.
func (s *Server) Walked(object string, tags ...string) int {
	return len(s.account("").store(false).tables[object].smallest(tags).entries)
}

// TransactionsFor is how many transactions pay for these GETs.
func TransactionsFor(gets int64) int64 { return transactionsFor(gets) }
