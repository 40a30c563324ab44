package stripeapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/stripeapi"
	"rightful/stripesim"
)

// account is both halves of one account.
type account struct {
	*stripeapi.Reader
	*stripeapi.Writer
}

func TestCreatorConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestStripeCreator(t, func(t *testing.T, world []byte) sourcetest.Creating {
		r := onSimulator(t, world)
		return account{r, r.Writer()}
	})
}

// creating is an empty account of a simulator, with a clock that only waiting moves.
func creating(t *testing.T, log *bytes.Buffer) (*stripesim.Server, account) {
	t.Helper()
	sim := stripesim.New(stripesim.Options{})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	f := newFake(t, nil, func(o *stripeapi.Options) {
		o.APIBase = server.URL
		if log != nil {
			o.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
	})
	return sim, account{f.Reader, f.Writer()}
}

// TestCreateOnce: whatever goes wrong on the way, one customer, one session and no
// open session is what is there at the end, and nobody is told that all is well
// when it is not.
func TestCreateOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  stripesim.FaultRule
		kind   rightful.ErrorKind // of the first call
		forced bool               // no later call can do better
	}{
		"an error of Stripe's before":         {fault: stripesim.FaultRule{Status: 500, Times: 2}},
		"an error of Stripe's after":          {fault: stripesim.FaultRule{Status: 500, AfterEffect: true, Times: 2}},
		"one that is kept for the key":        {fault: stripesim.FaultRule{Status: 500, Kept: true}, kind: rightful.KindUncertain, forced: true},
		"one that is kept after the effect":   {fault: stripesim.FaultRule{Status: 500, Kept: true, AfterEffect: true}, kind: rightful.KindUncertain, forced: true},
		"a gateway's page":                    {fault: stripesim.FaultRule{Status: 502, Body: "<html>bad gateway", AfterEffect: true}},
		"the key in use":                      {fault: stripesim.FaultRule{Status: 409, Times: 3}},
		"a lock":                              {fault: stripesim.FaultRule{Status: 429, Times: 2}},
		"a lock as a conflict":                {fault: stripesim.FaultRule{Status: 409, Code: "lock_timeout", Times: 2}},
		"a rate limit":                        {fault: stripesim.FaultRule{Status: 429, Reason: "endpoint-rate", Times: 5}},
		"no answer before the effect":         {fault: stripesim.FaultRule{Then: stripesim.FaultDrop, Times: 2}},
		"no answer after the effect":          {fault: stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Times: 2}},
		"half an answer":                      {fault: stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Bytes: 60}},
		"an answer that is cut":               {fault: stripesim.FaultRule{Then: stripesim.FaultTruncate, Bytes: 60}},
		"no answer for good":                  {fault: stripesim.FaultRule{Then: stripesim.FaultDrop, Times: -1}, kind: rightful.KindUncertain},
		"no answer for good after the effect": {fault: stripesim.FaultRule{Then: stripesim.FaultDrop, AfterEffect: true, Times: -1}, kind: rightful.KindUncertain},
		"the key in use for long":             {fault: stripesim.FaultRule{Status: 409, Times: -1}, kind: rightful.KindUncertain},
		"a rate limit for long":               {fault: stripesim.FaultRule{Status: 429, Reason: "global-rate", Times: -1}, kind: rightful.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, s := creating(t, nil)
			session := func() rightful.NewCheckout {
				c := sourcetest.NewCheckout("purchase-1")
				delete(c.Params, "customer")
				return c
			}
			for _, operation := range []string{"customers.create", "checkout_sessions.create"} {
				rule := tt.fault
				rule.Operation = operation
				if err := sim.Fault(rule); err != nil {
					t.Fatal(err)
				}
				try := func() (string, error) {
					if operation == "customers.create" {
						o, err := s.CreateCustomer(t.Context(), sourcetest.NewCustomer("customer-1"))
						return o.ID, err
					}
					c, err := s.CreateCheckout(t.Context(), session())
					return c.Session.ID, err
				}
				id, err := try()
				if rightful.KindOf(err) != tt.kind || (err == nil) != (id != "") {
					t.Fatalf("%s: %q, %v", operation, id, err)
				}
				sim.ClearFaults()
				again, err := try()
				switch {
				case tt.forced && rightful.KindOf(err) != rightful.KindUncertain:
					t.Errorf("%s, again: %q, %v", operation, again, err)
				case !tt.forced && (err != nil || again == "" || id != "" && again != id):
					t.Errorf("%s, again: %q after %q, %v", operation, again, id, err)
				}
			}
			want := 1
			if tt.forced && !tt.fault.AfterEffect {
				want = 0
			}
			sourcetest.CountMade(t, s, want, want)
		})
	}
}

// TestExpireOnce: who is told that a session is closed, by whichever attempt, is
// told the truth.
func TestExpireOnce(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]stripesim.FaultRule{
		"an error of Stripe's after":  {Status: 500, AfterEffect: true},
		"a lock":                      {Status: 429, Times: 2},
		"no answer before the effect": {Then: stripesim.FaultDrop},
		"no answer after the effect":  {Then: stripesim.FaultDrop, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, s := creating(t, nil)
			c := sourcetest.NewCheckout("purchase-1")
			delete(c.Params, "customer")
			session, err := s.CreateCheckout(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			fault.Operation = "checkout_sessions.expire"
			if err := sim.Fault(fault); err != nil {
				t.Fatal(err)
			}
			if err := s.ExpireCheckout(t.Context(), session.Session.ID); err != nil {
				t.Error(err)
			}
			if got, _, err := s.Checkout(t.Context(), session.Session.ID); err != nil || got.Session.Status != "expired" {
				t.Errorf("%+v, %v", got.Session, err)
			}
		})
	}
}

// TestManyCreateAtOnce under one key: Stripe makes one, and all are told of it.
func TestManyCreateAtOnce(t *testing.T) {
	t.Parallel()
	sim, s := creating(t, nil)
	if err := sim.Fault(stripesim.FaultRule{Operation: "customers.create", Then: stripesim.FaultDrop, AfterEffect: true, Times: 3}); err != nil {
		t.Fatal(err)
	}
	const callers = 20
	ids, errs := make([]string, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			o, err := s.CreateCustomer(t.Context(), sourcetest.NewCustomer("one"))
			ids[i], errs[i] = o.ID, err
		})
	}
	wg.Wait()
	for i := range callers {
		if errs[i] != nil || ids[i] != ids[0] {
			t.Errorf("%d: %q, %v", i, ids[i], errs[i])
		}
	}
	sourcetest.CountMade(t, s, 1, 0)
}

// TestCreateSends the parameters in Stripe's encoding, always in the same order.
func TestCreateSends(t *testing.T) {
	t.Parallel()
	var bodies []string
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		bodies = append(bodies, r.Method+" "+r.URL.Path+" "+string(raw)+" "+r.Header.Get("Idempotency-Key"))
		if strings.HasPrefix(r.URL.Path, "/v1/checkout") {
			send(w, `{"id":"cs_1","object":"checkout.session","status":"open","url":"https://checkout.example.com/cs_1"}`)
			return
		}
		send(w, customerJSON("cus_1"))
	})
	w := f.Writer()
	for range 2 {
		if _, err := w.CreateCheckout(t.Context(), rightful.NewCheckout{IdempotencyKey: "k1", Params: map[string]any{
			"mode": "payment", "allow": true, "deny": false, "n": int64(-3), "f": 1.5, "big": float64(4_500_000_000), "none": "", "empty": []string{}, "hash": map[string]any{},
			"a": []any{map[string]any{"b": "x y&=", "a": uint8(7)}, []string{"é"}}, "m": map[string]string{"z z": "1", "company_id": "11"},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.CreateCustomer(t.Context(), rightful.NewCustomer{Name: "A & B", Metadata: map[string]string{"company_id": "11"}, IdempotencyKey: "k2"}); err != nil {
		t.Fatal(err)
	}
	session := "POST /v1/checkout/sessions a%5B0%5D%5Ba%5D=7&a%5B0%5D%5Bb%5D=x+y%26%3D&a%5B1%5D%5B0%5D=%C3%A9&allow=true&big=4500000000&deny=false&f=1.5" +
		"&m%5Bcompany_id%5D=11&m%5Bz+z%5D=1&mode=payment&n=-3&none= k1"
	want := []string{session, session, "POST /v1/customers metadata%5Bcompany_id%5D=11&name=A+%26+B k2"}
	if !slices.Equal(bodies, want) {
		t.Errorf("sent\n%s\nwant\n%s", strings.Join(bodies, "\n"), strings.Join(want, "\n"))
	}
	if n := f.Requests().GETs; n != 0 {
		t.Errorf("%d writes are counted against the read allocation", n)
	}
}

// TestCreateSaysNoSecret: neither errors nor the log hold the key, a name or an
// address.
func TestCreateSaysNoSecret(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	sim, s := creating(t, &log)
	for _, rule := range []stripesim.FaultRule{
		{Operation: "customers.create", Status: 429, Times: 2},
		{Operation: "customers.create", Nth: 3, Status: 400, Type: "invalid_request_error", Message: "no, " + secretKey},
	} {
		if err := sim.Fault(rule); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.CreateCustomer(t.Context(), sourcetest.NewCustomer("k"))
	wantKind(t, err, rightful.KindInvalid, "no, (key)")
	if !strings.Contains(log.String(), "sent again") || strings.Contains(log.String(), "example.com") || strings.Contains(log.String(), "51Abc") {
		t.Errorf("the log says:\n%s", log.String())
	}
}

// TestCreateWithoutPermission names what the key lacks.
func TestCreateWithoutPermission(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		say(w, 403, "", "Having the 'rak_customer_write' permission would allow this")
	})
	_, err := f.Writer().CreateCustomer(t.Context(), sourcetest.NewCustomer("k"))
	wantKind(t, err, rightful.KindForbidden, "rak_customer_write", "write access")
}

// TestCreateUnderAUsedKey: where an answer was lost and the next one says that the
// key stands for other parameters, nothing was made.
func TestCreateUnderAUsedKey(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			drop(w)
			return
		}
		w.WriteHeader(400)
		send(w, `{"error":{"type":"idempotency_error","message":"Keys for idempotent requests can only be used with the same parameters"}}`)
	})
	_, err := f.Writer().CreateCustomer(t.Context(), sourcetest.NewCustomer("k"))
	wantKind(t, err, rightful.KindConflict, "another key")
}
