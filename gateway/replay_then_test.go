package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/internal/wire"
	"rightful/stripesim"
)

// replayedText replays a world of two companies: 11 with user 7, 12 with user 9. Nothing
// is tagged.
func replayedText(t *testing.T, db, stripe string, change ...func(*gateway.Options)) *gateway.Replayed {
	t.Helper()
	text := `{"now": 3000000, "db": {` + db + `}, "stripe": {"account": {"id": "acct_1", "livemode": true}, ` + stripe + `}}`
	e, err := wire.Snapshot("world", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r, err := over(t, e, change...).Replay(t.Context(), gateway.ReplayRequest{Since: 1900000})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAsOfTheReturn: what counts is where the buyer belonged, and which companies there
// were, when it was bought; and what is not known is no refusal.
func TestAsOfTheReturn(t *testing.T) {
	t.Parallel()
	const (
		companies = `"companies": [{"id": "11", "deleted_at": null}, {"id": "12", "deleted_at": null}]`
		owned     = `"companies": [{"id": "11", "owner_user_id": "7", "deleted_at": null}, {"id": "12", "owner_user_id": "9", "deleted_at": null}]`
		users     = `"users": [{"id": "7", "email": "ana@example.com"}, {"id": "9", "email": "bo@example.com"}]`
		members   = `"memberships": [{"user_id": "7", "company_id": "11", "joined_at": 1000}, {"user_id": "9", "company_id": "12", "joined_at": 1000}]`
		paid      = `"mode": "payment", "status": "complete", "payment_status": "paid"`
		bought    = `"customers": [{"id": "cus_A", "created": 2000000}], "checkout_sessions": [{"id": "cs_1", "created": 2000000, "customer": "cus_A", "metadata": {"company_id": "11", "user_id": "7"}, ` + paid + `}]`
	)
	for _, tt := range []struct {
		name, db, stripe string
		outcome          gateway.Outcome
		reason           string
		status, today    gateway.Status
	}{
		{"in order", companies + "," + users + "," + members, bought, gateway.WouldAllow, "", gateway.Valid, gateway.Valid},
		{"the user switched since", companies + "," + users + `, "memberships": [{"user_id": "7", "company_id": "11", "joined_at": 1000, "left_at": 2500000}, {"user_id": "7", "company_id": "12", "joined_at": 2500000}]`,
			bought, gateway.WouldAllow, "", gateway.Valid, gateway.Valid},
		{"the user joined a week later", companies + "," + users + `, "memberships": [{"user_id": "7", "company_id": "12", "joined_at": 1000}, {"user_id": "7", "company_id": "11", "joined_at": 2604800}],
			"subscriptions": []`, `"customers": [{"id": "cus_A", "created": 1500000, "metadata": {"company_id": "11"}}],
			"checkout_sessions": [{"id": "cs_1", "created": 2000000, "customer": "cus_A", "metadata": {"company_id": "11", "user_id": "7"}, ` + paid + `}]`,
			gateway.WouldRefuse, "", gateway.OtherCompany, gateway.Valid},
		{"bought by somebody of the other company", `"companies": [{"id": "11", "stripe_customer_id": "cus_A", "deleted_at": null}, {"id": "12", "deleted_at": null}],` + users + "," + members,
			`"customers": [{"id": "cus_A", "created": 1500000, "metadata": {"company_id": "11"}}],
			"checkout_sessions": [{"id": "cs_1", "created": 2000000, "customer": "cus_A", "metadata": {"company_id": "11", "user_id": "9"}, ` + paid + `}]`,
			gateway.WouldRefuse, "", gateway.NoCompany, gateway.NoCompany},
		{"paid with the other company's customer, and the database keeps no history", `"companies": [{"id": "11", "owner_user_id": "7", "stripe_customer_id": "cus_A", "deleted_at": null}, {"id": "12", "owner_user_id": "9", "deleted_at": null}],` + users,
			`"customers": [{"id": "cus_A", "created": 1500000, "metadata": {"company_id": "11"}}, {"id": "cus_B", "created": 1500000, "metadata": {"company_id": "12"}}],
			"checkout_sessions": [{"id": "cs_1", "created": 2000000, "customer": "cus_A", "metadata": {"user_id": "9"}, ` + paid + `},
			{"id": "cs_0", "created": 1500000, "customer": "cus_A", "metadata": {"company_id": "11", "user_id": "7"}, ` + paid + `}]`,
			gateway.CannotSay, gateway.NoHistory, gateway.OtherCompany, gateway.OtherCompany},
		{"the company was deleted since", `"companies": [{"id": "11", "deleted_at": 2500000}, {"id": "12", "deleted_at": null}],` + users + "," + members, bought,
			gateway.WouldAllow, "", gateway.Valid, gateway.CompanyGone},
		{"the company was deleted before", `"companies": [{"id": "11", "deleted_at": 1500000}, {"id": "12", "deleted_at": null}],` + users + "," + members, bought,
			gateway.WouldRefuse, "", gateway.CompanyGone, gateway.CompanyGone},
		{"the buyer was locked out since", companies + `, "users": [{"id": "7", "email": "ana@example.com", "is_active": false}, {"id": "9", "email": "bo@example.com"}],` + members, bought,
			gateway.CannotSay, gateway.BuyerGone, gateway.NeedsSignIn, gateway.NeedsSignIn},
		{"a payment link", companies + "," + users + "," + members, `"checkout_sessions": [{"id": "cs_1", "created": 2000000, "payment_link": "plink_1", "client_reference_id": "11", "metadata": {"company_id": "11"}, ` + paid + `}]`,
			gateway.CannotSay, gateway.NoBuyer, gateway.NeedsSignIn, gateway.NeedsSignIn},
		{"the buyer stands on the customer that was born with it", owned + "," + users + "," + members,
			`"customers": [{"id": "cus_A", "created": 2000000, "metadata": {"user_id": "7"}}], "checkout_sessions": [{"id": "cs_1", "created": 2000000, "customer": "cus_A", "metadata": {"company_id": "11"}, ` + paid + `}]`,
			gateway.WouldAllow, "", gateway.Valid, gateway.Valid},
		{"nobody paid", companies + "," + users + "," + members, strings.ReplaceAll(bought, paid, `"mode": "payment", "status": "expired", "payment_status": "unpaid"`),
			gateway.NothingToAllow, "", gateway.Expired, gateway.Expired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := replayedText(t, tt.db, tt.stripe)
			if len(r.Sessions) != 1 {
				t.Fatalf("got %+v", r.Sessions)
			}
			if s := r.Sessions[0]; s.Outcome != tt.outcome || s.Reason != tt.reason || s.Status != tt.status || s.Today != tt.today {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// TestRecordedBuyers: where nothing stands on the session, our own record tells for whom
// it was made.
func TestRecordedBuyers(t *testing.T) {
	t.Parallel()
	memory := gateway.NewMemory()
	in := rightful.Intent{Kind: rightful.IntentCheckout, Account: "acct_1", Livemode: true, CompanyID: "11", UserID: "7", Wish: "w", At: 2000000, ObjectID: "cs_1"}
	if _, err := memory.Promise(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	r := replayedText(t, `"companies": [{"id": "11"}], "users": [{"id": "7", "email": "ana@example.com", "company_id": "11"}]`,
		`"checkout_sessions": [{"id": "cs_1", "created": 2000000, "metadata": {"company_id": "11"}, "mode": "payment", "status": "complete", "payment_status": "paid"}]`,
		func(o *gateway.Options) { o.Intents = memory })
	if s := r.Sessions[0]; s.Buyer != "recorded" || s.UserID == nil || *s.UserID != "7" || s.Outcome != gateway.WouldAllow {
		t.Errorf("got %+v", s)
	}
}

// TestWritersOfIdsThatAreBoth: where users and companies are counted alike, one code path
// stays one, whatever single sessions of it look like.
func TestWritersOfIdsThatAreBoth(t *testing.T) {
	t.Parallel()
	const companies = `"companies": [{"id": "7"}, {"id": "8"}, {"id": "9"}, {"id": "11"}], "users": [{"id": "7", "email": "ana@example.com", "company_id": "7"},
		{"id": "8", "email": "ben@example.com", "company_id": "9"}, {"id": "9", "email": "cara@example.com", "company_id": "11"}, {"id": "70", "email": "dana@example.com", "company_id": "7"}]`
	session := func(at int, reference, metadata string) string {
		return fmt.Sprintf(`{"id": "cs_%d", "created": %d, "mode": "payment", "status": "complete", "payment_status": "paid", "success_url": "https://app.example.com/paid", "client_reference_id": %q, "metadata": %s}`,
			at, 2000000+at, reference, metadata)
	}
	of := func(user, company string) string {
		return fmt.Sprintf(`{"user_id": %q, "company_id": %q}`, user, company)
	}
	for name, tt := range map[string]struct {
		sessions []string
		want     []string
	}{
		"users": {[]string{session(1, "7", of("7", "7")), session(2, "8", of("8", "9")), session(3, "70", of("70", "7"))}, []string{"user 3"}},
		// User 7 buys for company 7, user 8 for company 9, which is also a user.
		"companies":                         {[]string{session(1, "7", of("7", "7")), session(2, "9", of("8", "9")), session(3, "11", of("9", "11"))}, []string{"company 3"}},
		"users, and nobody says who bought": {[]string{session(1, "7", `{"company_id": "7"}`), session(2, "70", `{"company_id": "7"}`)}, []string{"user 2"}},
		"all of them both":                  {[]string{session(1, "7", of("7", "7")), session(2, "7", of("7", "7"))}, []string{"user 2"}},
		"two that are different": {[]string{session(1, "70", of("70", "7")), session(2, "70", of("70", "7")), session(3, "11", of("9", "11")), session(4, "7", of("7", "7"))},
			[]string{"user 3", "company 1"}},
	} {
		var got []string
		for _, w := range replayedText(t, companies, `"checkout_sessions": [`+strings.Join(tt.sessions, ",")+`]`).Writers {
			got = append(got, fmt.Sprintf("%s %d", w.Reference, w.Count))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestWriters: code paths are told apart by what they write, and what they write wrong
// is counted.
func TestWriters(t *testing.T) {
	t.Parallel()
	var sessions, subs []string
	at := 2000000
	add := func(id, url, more, metadata string, sub string) {
		at++
		if sub != "" {
			subs = append(subs, fmt.Sprintf(`{"id": "sub_%s", "created": %d, "customer": "cus_A", "status": "active", "metadata": %s}`, id, at, sub))
			more += fmt.Sprintf(`, "subscription": "sub_%s", "status": "complete", "payment_status": "paid"`, id)
		} else {
			more += `, "status": "expired", "payment_status": "unpaid"`
		}
		sessions = append(sessions, fmt.Sprintf(`{"id": "cs_%s", "created": %d, "mode": "subscription", "customer": "cus_A", "success_url": "%s", "metadata": %s%s}`, id, at, url, metadata, more))
	}
	const good, legacy = "https://app.example.com/paid?s={CHECKOUT_SESSION_ID}", "https://app.example.com/legacy/thanks"
	right := `{"company_id": "11", "user_id": "7"}`
	add("a1", good, "", right, right)
	add("a2", good, "", right, right)
	add("a3", good, "", right, "")
	add("l1", legacy, `, "client_reference_id": "7"`, `{"company_id": "7"}`, `{}`)
	add("l2", legacy, `, "client_reference_id": "7"`, `{"company_id": "7"}`, `{}`)
	add("n1", good, "", `{"orgId": "11"}`, `{}`)
	add("p1", "https://buy.example.com/x", `, "payment_link": "plink_1", "client_reference_id": "whatever"`, `{}`, `{}`)
	r := replayedText(t, `"companies": [{"id": "11", "owner_user_id": "7", "stripe_customer_id": "cus_A"}], "users": [{"id": "7", "email": "ana@example.com", "company_id": "11"}]`,
		`"customers": [{"id": "cus_A", "created": 1000000, "metadata": {"company_id": "11"}}], "subscriptions": [`+strings.Join(subs, ",")+`], "checkout_sessions": [`+strings.Join(sessions, ",")+`]`)
	var got []string
	for _, w := range r.Writers {
		got = append(got, fmt.Sprintf("%s%s %v %s %s %d/%d/%d/%d %v %d of %d %s", w.ReturnsTo, w.PaymentLink, w.Keys, w.Stamps, w.Reference, w.Count, w.Right, w.Wrong, w.Missing,
			w.WrongBecause, w.Subscriptions.Stamped, w.Subscriptions.Count, w.Example))
	}
	want := []string{
		"app.example.com/paid [company_id user_id] session+made none 3/3/0/0 map[] 2 of 2 cs_a2",
		"app.example.com/legacy/thanks [company_id] session user 2/0/2/0 map[user_id:2] 0 of 2 cs_l2",
		"app.example.com/paid [orgId] none none 1/0/0/1 map[] 0 of 1 cs_n1",
		"buy.example.com/xplink_1 [] none other 1/0/0/1 map[] 0 of 1 cs_p1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range r.Sessions {
		if w := r.Writers[s.Writer]; s.ID == "cs_a3" && w.Count != 3 {
			t.Errorf("%s is of %+v", s.ID, w)
		}
	}
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), "null,\"rules") || strings.Contains(string(text), "ana@example.com") {
		t.Errorf("%v: %s", err, text)
	}
}

// TestEventsAreReplayed: events are told apart as those that arrive by webhook.
func TestEventsAreReplayed(t *testing.T) {
	t.Parallel()
	event := func(n int, what, object, id, more string) string {
		return fmt.Sprintf(`{"id": "evt_%d", "object": "event", "type": "%s", "created": %d, "data": {"object": {"id": "%s", "object": "%s"}}%s}`, n, what, 2000000+n, id, object, more)
	}
	r := replayedText(t, `"companies": [{"id": "11", "stripe_customer_id": "cus_A"}], "users": [{"id": "7", "email": "ana@example.com", "company_id": "11"}]`,
		`"customers": [{"id": "cus_A", "created": 1000000, "metadata": {"company_id": "11"}}, {"id": "cus_N", "created": 1000000}],
		"subscriptions": [{"id": "sub_A", "created": 1000000, "customer": "cus_A", "status": "active"}, {"id": "sub_N", "created": 1000000, "customer": "cus_N", "status": "active"}],
		"events": [`+strings.Join([]string{
			event(1, "customer.updated", "customer", "cus_A", ""),
			event(2, "customer.subscription.updated", "subscription", "sub_A", ""),
			event(3, "customer.subscription.updated", "subscription", "sub_N", ""),
			event(4, "customer.deleted", "customer", "cus_gone", ""),
			event(5, "price.created", "price", "price_1", ""),
			event(6, "customer.updated", "customer", "cus_A", `, "account": "acct_other"`),
			event(-500000, "customer.updated", "customer", "cus_A", ""),
		}, ",")+`]`)
	if e := r.Events; e == nil || e.Events != 6 || e.Mine != 2 || e.Foreign != 1 || e.Unknown != 2 || e.Ignored != 1 {
		t.Fatalf("got %+v", r.Events)
	}
	if first := r.Events.Types[0]; first.Type != "customer.subscription.updated" || first.Mine != 1 || first.Example != "sub_N" {
		t.Errorf("got %+v", r.Events.Types)
	}
	if len(r.Unheard) != 0 {
		t.Errorf("left out %v", r.Unheard)
	}
}

// TestAReplayThatCannotReadAll says so, refuses nothing for it, and tells nobody of
// decisions: it decides nothing.
func TestAReplayThatCannotReadAll(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), customers("cus_A company_id=11 app=ledgerly"))
	made := p.call(http.MethodPost, "/v1/checkout/sessions", url.Values{
		"mode": {"payment"}, "customer": {"cus_A"}, "success_url": {"https://app.example.com/paid"}, "metadata[company_id]": {"11"}, "metadata[user_id]": {"9"}, "metadata[app]": {"ledgerly"},
		"line_items[0][price_data][currency]": {"usd"}, "line_items[0][price_data][unit_amount]": {"1000"}, "line_items[0][price_data][product_data][name]": {"Plan"}, "line_items[0][quantity]": {"1"},
	})
	if err := p.sim.CompleteCheckout("", made["id"].(string), stripesim.CompleteOptions{Email: "ana@example.com"}); err != nil {
		t.Fatal(err)
	}
	replay := func() *gateway.Replayed {
		t.Helper()
		r, err := p.gateway().Replay(t.Context(), gateway.ReplayRequest{Since: p.clock().Unix() - 60})
		if err != nil || len(r.Sessions) != 1 {
			t.Fatalf("%v: %+v", err, r)
		}
		return r
	}
	if r := replay(); len(r.IncompleteBecause) != 0 || r.Counts.Refused != 1 || r.Events == nil || r.Events.Events == 0 || r.Writers[0].ReturnsTo != "app.example.com/paid" {
		t.Errorf("got %+v, events %+v", r, r.Events)
	}
	p.fault(stripesim.FaultRule{Operation: "subscriptions.list", Status: 500, Times: -1})
	if r := replay(); len(r.IncompleteBecause) == 0 || r.Counts.Refused != 0 || r.Sessions[0].Reason != gateway.NotRead {
		t.Errorf("got %+v", r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.decisions) != 0 {
		t.Errorf("told %+v", p.decisions)
	}
}
