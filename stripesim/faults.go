package stripesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultEffect is what a fault does.
type FaultEffect string

// The effects of faults.
const (
	// FaultError answers with an error. It is the default when Status is set.
	FaultError FaultEffect = "error"
	// FaultDrop closes the connection, after Bytes of the answer.
	FaultDrop FaultEffect = "drop"
	// FaultTruncate ends the body after Bytes, as if that were all.
	FaultTruncate FaultEffect = "truncate"
	// FaultSamePage ignores the cursor of a list or search: the first page comes
	// again and again.
	FaultSamePage FaultEffect = "same_page"
	// FaultSlow only adds Delay.
	FaultSlow FaultEffect = "slow"
	// FaultLose forgets: a list leaves out its newest object, a retrieved object
	// is missing, and a write is answered as done and did nothing.
	FaultLose FaultEffect = "lose"
	// FaultDuplicate does it twice: a list shows its oldest object a second
	// time, and a write is executed twice, as if the network had repeated it.
	FaultDuplicate FaultEffect = "duplicate"
)

// FaultRule is a fault by script: which requests it meets, and what happens to
// them. Requests with an unknown key are met too; those that a rate limit
// refused and those to the control API are not.
type FaultRule struct {
	// Operation is the name of an endpoint as in docs/stripesim.md, for example
	// "customers.create". Empty means every endpoint.
	Operation string `json:"operation,omitempty"`
	// Method is an HTTP method; empty means every one.
	Method string `json:"method,omitempty"`
	// Path is the path of the URL, as the request escapes it. A star stands for
	// one segment, two stars at the end for the rest: /v1/customers/*, /v1/**.
	Path string `json:"path,omitempty"`

	// Nth is the first matching request that is met, counted from 1. Zero
	// means 1.
	Nth int `json:"nth,omitempty"`
	// Times is how many matching requests are met from there on. Zero means
	// one, a negative number all.
	Times int `json:"times,omitempty"`

	// Then is what happens. Empty means FaultError, or FaultSlow when only
	// Delay is set.
	Then FaultEffect `json:"then,omitempty"`
	// AfterEffect lets the request do its work before an error or a drop: the
	// client does not know that it succeeded.
	AfterEffect bool `json:"after_effect,omitempty"`
	// Kept makes the error the result of the execution, kept for the
	// Idempotency-Key: repeating the request repeats the error, as with
	// Stripe's own 500s. Without it a repeated request is executed, or, with
	// AfterEffect, answered with the true result of the first one.
	Kept bool `json:"kept,omitempty"`
	// Delay is added to the time that the answer takes. In JSON it is written
	// as "1.5s".
	Delay time.Duration `json:"-"`
	// Bytes is how much of the body FaultDrop and FaultTruncate let through.
	Bytes int `json:"bytes,omitempty"`

	// Status is the HTTP status of an error, from 400 to 599.
	Status int `json:"status,omitempty"`
	// Type, Code and Message are those of the error. Left empty, they are what
	// Stripe says with the status: idempotency_key_in_use with 409, rate_limit
	// with 429 and a Reason, lock_timeout with 429 and none.
	Type    string `json:"type,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Reason is sent as Stripe-Rate-Limited-Reason.
	Reason string `json:"reason,omitempty"`
	// Body replaces the body of an error, for answers that are not Stripe's: a
	// gateway's page, for example.
	Body string `json:"body,omitempty"`
	// Headers are added to the answer of an error; "" removes one.
	Headers map[string]string `json:"headers,omitempty"`
}

// FaultState is a rule and what became of it.
type FaultState struct {
	// Rule is the rule as it was given.
	Rule FaultRule `json:"rule"`
	// Matched counts the requests that it is for, Met those that it happened to.
	Matched int `json:"matched"`
	Met     int `json:"met"`
}

// delayText is a delay as rules of both kinds write it in JSON; empty for none.
func delayText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// readDelay reads what delayText writes. The error shows examples.
func readDelay(text, examples string, into *time.Duration) (err error) {
	if text == "" {
		return nil
	}
	if *into, err = time.ParseDuration(text); err != nil {
		return fmt.Errorf("delay %q is no duration; write %s", text, examples)
	}
	return nil
}

// MarshalJSON writes Delay as text.
func (r FaultRule) MarshalJSON() ([]byte, error) {
	type plain FaultRule
	out := struct {
		plain
		Delay string `json:"delay,omitempty"`
	}{plain(r), delayText(r.Delay)}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *FaultRule) UnmarshalJSON(raw []byte) error {
	type plain FaultRule
	in := struct {
		plain
		Delay string `json:"delay"`
	}{}
	if err := decodeStrict(raw, &in); err != nil {
		return err
	}
	*r = FaultRule(in.plain)
	return readDelay(in.Delay, "1.5s or 200ms", &r.Delay)
}

// faults are the rules of a server, in the order they were given.
type faults struct {
	mu    sync.Mutex
	rules []*FaultState
}

// Fault adds a rule. Of several rules that meet the same request the first one
// happens, and the others count it as matched. It returns an error for a rule
// that could never happen or does nothing.
func (s *Server) Fault(rule FaultRule) error {
	if err := rule.settle(s.operations); err != nil {
		return fmt.Errorf("stripesim: fault: %w", err)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = append(s.faults.rules, &FaultState{Rule: rule})
	return nil
}

// Faults returns the rules in the order they were given.
func (s *Server) Faults() []FaultState {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := make([]FaultState, len(s.faults.rules))
	for i, f := range s.faults.rules {
		out[i] = *f
	}
	return out
}

// ClearFaults removes every rule.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = nil
}

// settle checks a rule and fills in what it leaves open.
func (r *FaultRule) settle(operations []*operation) error {
	r.Method = strings.ToUpper(r.Method)
	r.Nth = max(r.Nth, 1)
	if r.Times == 0 {
		r.Times = 1
	}
	if r.Then == "" {
		r.Then = FaultError
		if r.Status == 0 && r.Delay > 0 {
			r.Then = FaultSlow
		}
	}
	if r.Operation != "" && !slices.ContainsFunc(operations, func(op *operation) bool { return op.name == r.Operation }) {
		return fmt.Errorf("there is no operation %q; docs/stripesim.md names them, for example customers.create", r.Operation)
	}
	if r.Path != "" && !strings.HasPrefix(r.Path, "/") {
		return fmt.Errorf("the path %q does not begin with a slash, for example /v1/customers/*", r.Path)
	}
	unexpected := ""
	switch r.Then {
	case FaultError:
		if r.Status < 400 || r.Status > 599 {
			return fmt.Errorf("an error needs a status from 400 to 599, not %d", r.Status)
		}
	case FaultDrop:
		if r.Bytes > 0 && !r.AfterEffect {
			return fmt.Errorf("bytes of the answer can be sent only after the effect: set after_effect (AfterEffect)")
		}
	case FaultTruncate, FaultSamePage, FaultLose, FaultDuplicate:
		if r.AfterEffect {
			unexpected = "after_effect"
		}
	case FaultSlow:
		if r.Delay <= 0 {
			return fmt.Errorf("slow needs a delay, for example 2s")
		}
	default:
		return fmt.Errorf("there is no effect %q: use error, drop, truncate, same_page, slow, lose or duplicate", r.Then)
	}
	switch {
	case unexpected != "":
	case r.Then != FaultError && r.Status != 0:
		unexpected = "status"
	case r.Kept && (r.Then != FaultError || r.Body != ""):
		return fmt.Errorf("kept is for errors of Stripe's own form: without body, and with the effect error")
	case r.Then != FaultDrop && r.Then != FaultTruncate && r.Bytes != 0:
		unexpected = "bytes"
	case r.Bytes < 0 || r.Delay < 0:
		return fmt.Errorf("bytes and delay cannot be negative")
	}
	if unexpected != "" {
		return fmt.Errorf("%s has no meaning with the effect %q", unexpected, r.Then)
	}
	if r.Then == FaultError {
		r.wording()
	}
	return nil
}

// wording fills in what Stripe says with a status.
func (r *FaultRule) wording() {
	kind, code, message := invalidRequest, "", "The simulator was told to refuse this request."
	switch {
	case r.Status == http.StatusUnauthorized:
		message = "Invalid API Key provided: " + redact("sk_test_refusedbyscript")
	case r.Status == http.StatusForbidden:
		message = "The provided key does not have the required permissions for this endpoint."
	case r.Status == http.StatusConflict && (r.Code == "" || r.Code == "idempotency_key_in_use"):
		kind, code = "idempotency_error", "idempotency_key_in_use"
		message = "There is currently another in-progress request using this Idempotency-Key. Please try again later."
	case r.Code == codeLockTimeout, r.Status == http.StatusTooManyRequests && r.Reason == "" && r.Code == "":
		code, message = codeLockTimeout, lockTimeout().message
	case r.Status == http.StatusTooManyRequests:
		code, message = "rate_limit", rateLimited(r.Reason).message
	case r.Status >= 500:
		kind, message = "api_error", "The simulator was told to fail here."
	}
	if r.Type == "" {
		r.Type = kind
	}
	if r.Code == "" {
		r.Code = code
	}
	if r.Message == "" {
		r.Message = message
	}
}

// take finds the rule for a request; nil in most cases. It counts.
func (f *faults) take(method, path string, op *operation) *FaultRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found *FaultRule
	for _, state := range f.rules {
		r := &state.Rule
		if !r.matches(method, path, op) {
			continue
		}
		state.Matched++
		if found == nil && state.Matched >= r.Nth && (r.Times < 0 || state.Met < r.Times) {
			state.Met++
			rule := *r
			found = &rule
		}
	}
	return found
}

func (r *FaultRule) matches(method, path string, op *operation) bool {
	return (r.Operation == "" || op != nil && op.name == r.Operation) &&
		(r.Method == "" || r.Method == method) && (r.Path == "" || pathMatches(r.Path, path))
}

// pathMatches compares segment by segment.
func pathMatches(pattern, path string) bool {
	parts, segments := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, part := range parts {
		if part == "**" && i == len(parts)-1 {
			return len(segments) > i
		}
		if i >= len(segments) || part != "*" && part != segments[i] {
			return false
		}
	}
	return len(parts) == len(segments)
}
