package test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
)

// atStripe posts to the shop's Stripe past rightful, as a code path of its own does, and
// returns the id of what it made.
func (s *shop) atStripe(t *testing.T, path string, pairs ...string) string {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := must(http.NewRequestWithContext(t.Context(), http.MethodPost, s.stripe.URL+path, strings.NewReader(form.Encode())))(t)
	r.Header.Set("Authorization", "Bearer sk_test_shop")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(path, "/_sim") {
		body := map[string]string{}
		for k := range form {
			body[k] = form.Get(k)
		}
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(must(json.Marshal(body))(t)))), -1
		r.Header.Set("Content-Type", "application/json")
	}
	answer := must(s.client.Do(r))(t)
	defer answer.Body.Close()
	raw := must(io.ReadAll(answer.Body))(t)
	var out struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &out); err != nil || answer.StatusCode >= 400 {
		t.Fatalf("%s: %s", path, raw)
	}
	return out.ID
}

// TestReplayOnRealParts: the real program, a Stripe over HTTP, a database. Three code
// paths made sessions, one of them with the ids of users, and one buyer was not of the
// company that was charged.
func TestReplayOnRealParts(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	session := func(returns string, pairs ...string) string {
		t.Helper()
		id := s.atStripe(t, "/v1/checkout/sessions", append([]string{
			"mode", "payment", "success_url", returns, "line_items[0][quantity]", "1", "line_items[0][price_data][currency]", "usd",
			"line_items[0][price_data][unit_amount]", "900", "line_items[0][price_data][product_data][name]", "Plan",
		}, pairs...)...)
		s.atStripe(t, "/_sim/checkout/"+id+"/complete", "email", "buyer@example.com")
		return id
	}
	bela, norte := s.atStripe(t, "/v1/customers", "metadata[company_id]", "11"), s.atStripe(t, "/v1/customers", "metadata[company_id]", "12")
	s.exec(t, "UPDATE companies SET stripe_customer_id = '"+bela+"' WHERE id = 11; UPDATE companies SET stripe_customer_id = '"+norte+"' WHERE id = 12")
	const good, legacy = "https://app.example.com/paid?s={CHECKOUT_SESSION_ID}", "https://app.example.com/legacy/thanks"
	for range 3 {
		session(good, "customer", bela, "metadata[company_id]", "11", "metadata[user_id]", "7", "payment_intent_data[metadata][company_id]", "11")
	}
	session(legacy, "metadata[company_id]", "9", "metadata[user_id]", "9")
	wrong := session(good, "customer", norte, "metadata[company_id]", "12", "metadata[user_id]", "7", "payment_intent_data[metadata][company_id]", "12")
	guest := session("https://app.example.com/gift")

	code, out, errs := s.rightful(t, "replay", "--format", "json")
	if code != 2 || errs != "" {
		t.Fatalf("exit code %d, %s\n%s", code, errs, out)
	}
	var r struct {
		Complete bool `json:"complete"`
		Counts   struct{ Sessions, Allowed, Refused, Unknown int }
		Rules    []struct {
			Status   string
			Examples []string
		}
		Unknown []struct {
			Reason   string
			Examples []string
		}
		Writers []struct {
			ReturnsTo    string         `json:"returns_to"`
			WrongBecause map[string]int `json:"wrong_because"`
			Stamps       string
			Count        int
		}
		Events     struct{ Events, Mine, Foreign, Unknown int }
		StripeGETs int `json:"stripe_gets"`
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if !r.Complete || r.Counts.Sessions != 6 || r.Counts.Allowed != 4 || r.Counts.Refused != 1 || r.Counts.Unknown != 1 || r.StripeGETs == 0 ||
		len(r.Rules) != 1 || r.Rules[0].Examples[0] != wrong || r.Unknown[0].Reason != "no_buyer" || r.Unknown[0].Examples[0] != guest {
		t.Errorf("got %+v", r)
	}
	var writers []string
	for _, w := range r.Writers {
		writers = append(writers, fmt.Sprint(w.ReturnsTo, w.Stamps, w.Count, w.WrongBecause["user_id"]))
	}
	if got := strings.Join(writers, "; "); got != "app.example.com/paidsession+made4 0; app.example.com/giftnone1 0; app.example.com/legacy/thankssession1 1" {
		t.Errorf("writers %s", got)
	}
	if r.Events.Mine == 0 || r.Events.Foreign != 0 || r.Events.Events == 0 {
		t.Errorf("events %+v", r.Events)
	}
	t.Logf("%d GETs for %d sessions and %d events", r.StripeGETs, r.Counts.Sessions, r.Events.Events)

	// For people, and with a state that is not there.
	code, out, errs = s.rightful(t, "replay", "--since", "1h", "--all")
	for _, says := range []string{
		"6 sessions: 4 would have been allowed, 1 refused, 1 could not be replayed", "next: rightful investigate " + wrong, "3 code paths make sessions",
		"stamps the id of a user on 1 session", "app.example.com/legacy/thanks", "times with GET",
	} {
		if code != 2 || !strings.Contains(out, says) {
			t.Errorf("exit code %d, %s, no %q in\n%s", code, errs, says, out)
		}
	}
	code, _, errs = s.rightful(t, "replay", "--state", "sqlite:"+filepath.Join(s.dir, "nowhere.db"))
	if code != 1 || !strings.Contains(errs, "nowhere.db") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}
