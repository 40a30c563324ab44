package stripesim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func (b *bench) fault(rule stripesim.FaultRule) {
	b.Helper()
	if err := b.sim.Fault(rule); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) customers() int {
	b.Helper()
	return len(b.send("GET", "/v1/customers?limit=100", "").ids())
}

func TestFaultErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule          stripesim.FaultRule
		kind, code    string
		reason        string
		withRequestID bool
	}{
		{stripesim.FaultRule{Status: 500}, "api_error", "", "", true},
		{stripesim.FaultRule{Status: 503}, "api_error", "", "", true},
		{stripesim.FaultRule{Status: 401}, "invalid_request_error", "", "", true},
		{stripesim.FaultRule{Status: 403}, "invalid_request_error", "", "", true},
		{stripesim.FaultRule{Status: 409}, "idempotency_error", "idempotency_key_in_use", "", true},
		{stripesim.FaultRule{Status: 409, Code: "lock_timeout"}, "invalid_request_error", "lock_timeout", "", false},
		{stripesim.FaultRule{Status: 429}, "invalid_request_error", "lock_timeout", "", false},
		{stripesim.FaultRule{Status: 429, Reason: stripesim.ReasonGlobalRate}, "invalid_request_error", "rate_limit", "global-rate", true},
		{stripesim.FaultRule{Status: 429, Reason: "resource-specific"}, "invalid_request_error", "rate_limit", "resource-specific", true},
		{stripesim.FaultRule{Status: 402, Type: "card_error", Code: "card_declined", Message: "declined"}, "card_error", "card_declined", "", true},
	} {
		b := start(t, stripesim.Options{})
		b.fault(c.rule)
		a := b.send("POST", "/v1/customers", "name=a")
		a.wantError(t, c.rule.Status, c.code, "", c.rule.Message)
		equal(t, "type", a.at("error", "type"), any(c.kind))
		equal(t, "reason", a.header.Get("Stripe-Rate-Limited-Reason"), c.reason)
		equal(t, "request id", a.header.Get("Request-Id") != "", c.withRequestID)
		equal(t, "effect", b.customers(), 0)
	}
}

// A client repeats a request with the same key. What it finds then depends on
// whether the first one took effect, and whether its error was kept.
func TestFaultsAndRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule      stripesim.FaultRule
		status    int // that stripe-go ends with
		customers int
	}{
		"500 before":            {stripesim.FaultRule{Status: 500}, 200, 1},
		"500 after":             {stripesim.FaultRule{Status: 500, AfterEffect: true}, 200, 1},
		"500 kept, no effect":   {stripesim.FaultRule{Status: 500, Kept: true}, 500, 0},
		"500 kept, with effect": {stripesim.FaultRule{Status: 500, Kept: true, AfterEffect: true}, 500, 1},
		"lock timeout":          {stripesim.FaultRule{Status: 429}, 200, 1},
		"rate limit":            {stripesim.FaultRule{Status: 429, Reason: stripesim.ReasonGlobalRate}, 200, 1},
		"key in use":            {stripesim.FaultRule{Status: 409, Times: 3}, 200, 1},
		"no end":                {stripesim.FaultRule{Status: 403, Times: -1}, 403, 0},
		"dropped before":        {stripesim.FaultRule{Then: stripesim.FaultDrop}, 200, 1},
		"dropped after":         {stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true}, 200, 1},
		"dropped in the middle": {stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Bytes: 20}, 200, 1},
		"twice":                 {stripesim.FaultRule{Status: 503, Times: 2}, 200, 1},
		"slow":                  {stripesim.FaultRule{Delay: time.Millisecond}, 200, 1},
		"gone":                  {stripesim.FaultRule{Then: stripesim.FaultLose}, 200, 0},
		"repeated":              {stripesim.FaultRule{Then: stripesim.FaultDuplicate}, 200, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := start(t, stripesim.Options{Sleep: func(context.Context, time.Duration) {}})
			c.rule.Operation = "customers.create"
			b.fault(c.rule)
			var got *stripe.Customer
			var err error
			for range 4 {
				params := &stripe.CustomerCreateParams{Name: stripe.String("a")}
				params.SetIdempotencyKey("k")
				if got, err = b.V1Customers.Create(context.Background(), params); err == nil {
					break
				}
			}
			if c.status == 200 {
				if err != nil || got.Name != "a" {
					t.Errorf("%v, %v", got, err)
				}
			} else if se, ok := errors.AsType[*stripe.Error](err); !ok || se.HTTPStatusCode != c.status {
				t.Errorf("got %v, want status %d", err, c.status)
			}
			equal(t, "customers", b.customers(), c.customers)
		})
	}
}

func TestFaultsOnLists(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	for range 4 {
		b.send("POST", "/v1/customers", "")
	}
	all := b.send("GET", "/v1/customers", "").ids()
	list := func(rule stripesim.FaultRule, query string) answer {
		rule.Operation = "customers.list"
		b.fault(rule)
		return b.send("GET", "/v1/customers?"+query, "")
	}
	a := list(stripesim.FaultRule{Then: stripesim.FaultSamePage, Times: 2}, "limit=2&starting_after="+all[1])
	equal(t, "the first page again", strings.Join(a.ids(), " "), strings.Join(all[:2], " "))
	equal(t, "more", a.at("has_more"), any(true))
	a = b.send("GET", "/v1/customers?limit=2&ending_before="+all[3], "")
	equal(t, "and again", strings.Join(a.ids(), " "), strings.Join(all[:2], " "))
	a = b.send("GET", "/v1/customers?limit=2&starting_after="+all[1], "")
	equal(t, "over", strings.Join(a.ids(), " "), strings.Join(all[2:], " "))
	a = list(stripesim.FaultRule{Then: stripesim.FaultLose}, "limit=3")
	equal(t, "lost", strings.Join(a.ids(), " "), strings.Join(all[1:3], " "))
	a = list(stripesim.FaultRule{Then: stripesim.FaultDuplicate}, "limit=2")
	equal(t, "doubled", strings.Join(a.ids(), " "), strings.Join([]string{all[0], all[1], all[1]}, " "))
	a = list(stripesim.FaultRule{Then: stripesim.FaultLose}, "email=nobody")
	equal(t, "an empty page", len(a.ids()), 0)

	b.fault(stripesim.FaultRule{Operation: "customers.retrieve", Then: stripesim.FaultLose})
	b.send("GET", "/v1/customers/"+all[0], "").wantError(t, 404, "resource_missing", "id", "No such customer: '"+all[0]+"'")
	equal(t, "found again", b.send("GET", "/v1/customers/"+all[0], "").status, 200)

	// A lost update shows the new value, and the old one stays.
	b.fault(stripesim.FaultRule{Operation: "customers.update", Then: stripesim.FaultLose})
	equal(t, "answer", b.send("POST", "/v1/customers/"+all[0], "name=new").at("name"), any("new"))
	equal(t, "truth", b.send("GET", "/v1/customers/"+all[0], "").at("name"), nil)
	equal(t, "order", strings.Join(b.send("GET", "/v1/customers", "").ids(), " "), strings.Join(all, " "))
}

func TestFaultsCutTheBody(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.fault(stripesim.FaultRule{Then: stripesim.FaultTruncate, Bytes: 10, Times: 2})
	a, err := try(b.url, "GET", "/v1/customers", "")
	equal(t, "as if it were all", a.raw, `{"object":`)
	if err == nil {
		t.Error("10 bytes are valid JSON")
	}
	_, err = b.V1Customers.Retrieve(context.Background(), "x", nil)
	if err == nil {
		t.Error("stripe-go reads 10 bytes")
	}
	for bytes, want := range map[int]error{0: io.EOF, 10: io.ErrUnexpectedEOF} {
		b.fault(stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Bytes: bytes})
		// A POST: net/http itself repeats a GET whose connection was dropped.
		if _, err := try(b.url, "POST", "/v1/customers", ""); !errors.Is(err, want) {
			t.Errorf("dropped after %d bytes: %v, want %v", bytes, err, want)
		}
	}
	b.fault(stripesim.FaultRule{Status: 502, Body: "<h1>Bad gateway</h1>"})
	a, err = try(b.url, "GET", "/v1/customers", "")
	equal(t, "status", a.status, 502)
	equal(t, "a gateway's page", a.raw, "<h1>Bad gateway</h1>")
	equal(t, "not JSON", err != nil, true)
	equal(t, "its type", a.header.Get("Content-Type"), "text/html")
}

func TestFaultSelection(t *testing.T) {
	t.Parallel()
	statuses := func(rule stripesim.FaultRule, requests ...string) string {
		b := start(t, stripesim.Options{})
		b.fault(rule)
		var out []string
		for _, r := range requests {
			method, path, _ := strings.Cut(r, " ")
			out = append(out, map[bool]string{true: "x", false: "-"}[b.send(method, path, "").status == 503])
		}
		return strings.Join(out, "")
	}
	list, get, del := "GET /v1/customers", "GET /v1/customers/c", "DELETE /v1/customers/c"
	for _, c := range []struct {
		rule stripesim.FaultRule
		want string
	}{
		{stripesim.FaultRule{}, "x------"},
		{stripesim.FaultRule{Times: -1}, "xxxxxxx"},
		{stripesim.FaultRule{Nth: 2, Times: 3}, "-xxx---"},
		{stripesim.FaultRule{Operation: "customers.list", Times: -1}, "x--x---"},
		{stripesim.FaultRule{Operation: "customers.list", Nth: 2}, "---x---"},
		{stripesim.FaultRule{Method: "delete", Times: -1}, "--x--x-"},
		{stripesim.FaultRule{Path: "/v1/customers/*", Times: -1}, "-xx-xx-"},
		{stripesim.FaultRule{Path: "/v1/customers", Times: -1}, "x--x---"},
		{stripesim.FaultRule{Path: "/v1/**", Times: -1}, "xxxxxx-"},
		{stripesim.FaultRule{Path: "/nothing/here", Times: -1}, "------x"},
		{stripesim.FaultRule{Path: "/v1/*/*/*", Times: -1}, "-------"},
	} {
		c.rule.Status = 503
		if got := statuses(c.rule, list, get, del, list, get, del, "GET /nothing/here"); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestFaultState(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	b.fault(stripesim.FaultRule{Operation: "customers.list", Status: 500, Times: 2})
	b.fault(stripesim.FaultRule{Method: "GET", Status: 503})
	for _, want := range []int{500, 500, 503, 200} {
		equal(t, "status", b.send("GET", "/v1/customers", "").status, want)
	}
	state := b.sim.Faults()
	equal(t, "first", [2]int{state[0].Matched, state[0].Met}, [2]int{4, 2})
	equal(t, "second", [2]int{state[1].Matched, state[1].Met}, [2]int{4, 1})
	b.sim.ClearFaults()
	equal(t, "cleared", len(b.sim.Faults()), 0)
	equal(t, "status 500 is counted", b.sim.Counts().Statuses[500], 2)
}

func TestFaultRefusals(t *testing.T) {
	t.Parallel()
	sim := stripesim.New(stripesim.Options{})
	for want, rule := range map[string]stripesim.FaultRule{
		"no operation":           {Operation: "customers.creat", Status: 500},
		"begin with a slash":     {Path: "v1/customers", Status: 500},
		"status from 400 to 599": {Status: 200},
		"not 0":                  {},
		"after_effect":           {Then: stripesim.FaultDrop, Bytes: 5},
		"after_effect has no":    {Then: stripesim.FaultLose, AfterEffect: true},
		"needs a delay":          {Then: stripesim.FaultSlow},
		"no effect \"explode\"":  {Then: "explode"},
		"status has no meaning":  {Then: stripesim.FaultDrop, Status: 500},
		"kept is for":            {Then: stripesim.FaultLose, Kept: true},
		"bytes has no meaning":   {Status: 500, Bytes: 3},
		"cannot be negative":     {Status: 500, Delay: -1},
	} {
		if err := sim.Fault(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", rule, err, want)
		}
	}
	equal(t, "rules", len(sim.Faults()), 0)
}

func TestFaultRuleJSON(t *testing.T) {
	t.Parallel()
	rule := stripesim.FaultRule{Operation: "customers.list", Nth: 2, Times: -1, Status: 500, Delay: 1500 * time.Millisecond, Headers: map[string]string{"A": "b"}}
	raw := must[[]byte](t)(json.Marshal(rule))
	equal(t, "written", string(raw), `{"operation":"customers.list","nth":2,"times":-1,"status":500,"headers":{"A":"b"},"delay":"1.5s"}`)
	var back stripesim.FaultRule
	if err := json.Unmarshal(raw, &back); err != nil || back.Delay != rule.Delay || back.Headers["A"] != "b" {
		t.Errorf("%+v, %v", back, err)
	}
	for _, wrong := range []string{`{"delay":"soon"}`, `{"satus":500}`, `{"status":"500"}`} {
		if json.Unmarshal([]byte(wrong), &back) == nil {
			t.Errorf("%s is read", wrong)
		}
	}
}

// Latency of a fault goes through the injected sleep, whatever the answer.
func TestFaultDelay(t *testing.T) {
	t.Parallel()
	var slept []time.Duration
	sim := stripesim.New(stripesim.Options{Latency: stripesim.FixedLatency(time.Second), Sleep: func(_ context.Context, d time.Duration) { slept = append(slept, d) }})
	for _, rule := range []stripesim.FaultRule{{Delay: time.Minute}, {Delay: time.Hour, Status: 500}} {
		if err := sim.Fault(rule); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		r := httptest.NewRequest("GET", "/v1/customers", nil)
		r.Header.Set("Authorization", "Bearer "+testKey)
		sim.ServeHTTP(httptest.NewRecorder(), r)
	}
	equal(t, "slept", slices.Equal(slept, []time.Duration{time.Minute + time.Second, time.Hour + time.Second, time.Second}), true)
}
