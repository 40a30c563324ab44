package stripesim_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rightful/stripesim"
)

// page is what a browser was answered.
type page struct {
	status   int
	body     string
	location string
}

// browse opens a page, or sends its form when there is one.
func (b *bench) browse(address string, form url.Values, headers ...string) page {
	b.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	return page{res.StatusCode, string(raw), res.Header.Get("Location")}
}

var formName = regexp.MustCompile(`name="form" value="([A-Z0-9]+)"`)

// fill is the form of a page, filled in.
func (p page) fill(t *testing.T, pairs ...string) url.Values {
	t.Helper()
	m := formName.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("the page has no form: %d %s", p.status, p.body)
	}
	form := url.Values{"form": {m[1]}, "email": {"buyer@example.com"}, "method": {"pm_card_visa"}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func (p page) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if p.status != status {
		t.Errorf("got status %d, want %d: %s", p.status, status, p.body)
	}
	for _, text := range texts {
		if !strings.Contains(p.body, text) {
			t.Errorf("the page does not say %q: %s", text, p.body)
		}
	}
}

const oneItem = "success_url=http://shop.example.com/ok?s={CHECKOUT_SESSION_ID}&cancel_url=http://shop.example.com/cart&line_items[0][quantity]=2&" +
	"line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=500&line_items[0][price_data][product_data][name]=Pen"

// buy makes a session and returns its id and page.
func (b *bench) session(form string) (id, address string) {
	b.Helper()
	a := b.send("POST", "/v1/checkout/sessions", form)
	if a.status != 200 {
		b.Fatal(a.raw)
	}
	return str(a.at("id")), str(a.at("url"))
}

func TestPayPageInEveryMode(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	customer, price := b.shop()
	recurring := "mode=subscription&success_url=http://shop.example.com/ok&line_items[0][quantity]=2&line_items[0][price]=" + price
	for name, c := range map[string]struct {
		form, email  string
		says         []string
		status, paid string
	}{
		"payment":         {form: "mode=payment&" + oneItem, says: []string{"USD 10.00", "Pen"}, paid: "paid"},
		"delayed":         {form: "mode=payment&" + oneItem, paid: "unpaid"},
		"setup":           {form: "mode=setup&success_url=http://shop.example.com/ok&customer=" + customer, says: []string{"Save a payment method"}, paid: "no_payment_required"},
		"subscription":    {form: recurring, says: []string{"Due today", "every month", "Subscribe"}, paid: "paid"},
		"slow to pay":     {form: recurring, paid: "unpaid"},
		"trial":           {form: recurring + "&subscription_data[trial_period_days]=7", says: []string{"The trial ends on", "Card"}, paid: "no_payment_required"},
		"trial, no card":  {form: recurring + "&subscription_data[trial_period_days]=7&payment_method_collection=if_required", paid: "no_payment_required"},
		"nothing to pay":  {form: "mode=payment&" + strings.Replace(oneItem, "unit_amount]=500", "unit_amount]=0", 1), paid: "no_payment_required"},
		"existing buyer":  {form: "mode=payment&customer=" + customer + "&" + oneItem, says: []string{"readonly"}, email: "x", paid: "paid"},
		"email by server": {form: "mode=payment&customer_email=c@example.com&" + oneItem, says: []string{`value="c@example.com"`}, paid: "paid"},
	} {
		id, address := b.session(c.form)
		shown := b.browse(address, nil)
		shown.want(t, 200, c.says...)
		free := name == "nothing to pay" || name == "trial, no card"
		if strings.Contains(shown.body, `id="method"`) == free {
			t.Errorf("%s: asks for a card: %v", name, !free)
		}
		form := shown.fill(t)
		if c.paid == "unpaid" {
			form.Set("method", "pm_usBankAccount_success")
		}
		if c.email != "" {
			form.Set("email", c.email) // the page does not let it be changed, and neither does the server
		}
		got := b.browse(address, form)
		equal(t, name, got.status, 303)
		a := b.send("GET", "/v1/checkout/sessions/"+id, "")
		equal(t, name+": status", str(a.at("status")), "complete")
		equal(t, name+": payment_status", str(a.at("payment_status")), c.paid)
		if sub := str(a.at("subscription")); name == "slow to pay" {
			if !strings.HasSuffix(got.location, "/ok") {
				t.Errorf("%s: sent to %s", name, got.location)
			}
			invoice := b.send("GET", "/v1/invoices/"+str(a.at("invoice"))+"?expand[]=payments", "")
			equal(t, "the first invoice", str(invoice.at("status")), "open")
			events := b.caused(func() {
				if err := b.sim.SettlePayment("", str(invoice.at("payments", "data", 0, "payment", "payment_intent")), true); err != nil {
					t.Fatal(err)
				}
			})
			if !strings.HasSuffix(events, "checkout.session.async_payment_succeeded") {
				t.Errorf("a slow payment ended with %s", events)
			}
			equal(t, "subscription", str(b.send("GET", "/v1/subscriptions/"+sub, "").at("status")), "active")
			equal(t, "afterwards", str(b.send("GET", "/v1/checkout/sessions/"+id, "").at("payment_status")), "paid")
		}
		b.browse(address, nil).want(t, 200, "Already paid")
	}
}

// A refused method leaves the session open, and the intent says why.
func TestPayPageRefuses(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	_, price := b.shop()
	id, address := b.session("mode=payment&" + oneItem)
	form := b.browse(address, nil).fill(t, "method", "pm_card_chargeDeclinedInsufficientFunds")
	equal(t, "declined", b.caused(func() { b.browse(address, form).want(t, 402, "Your card has insufficient funds.", "buyer@example.com") }),
		"payment_intent.created charge.failed payment_intent.payment_failed")
	form.Set("method", "pm_card_authenticationRequired")
	equal(t, "asks", b.caused(func() { b.browse(address, form).want(t, 200, "asks whether it is you") }), "payment_intent.requires_action")
	form.Set("answer", "fail")
	equal(t, "failed", b.caused(func() { b.browse(address, form).want(t, 402, "unable to authenticate") }), "payment_intent.payment_failed")
	a := b.send("GET", "/v1/checkout/sessions/"+id+"?expand[]=payment_intent", "")
	equal(t, "status", str(a.at("status")), "open")
	equal(t, "why", str(a.at("payment_intent", "last_payment_error", "code")), "payment_intent_authentication_failure")
	form.Set("answer", "")
	b.browse(address, form).want(t, 200, "asks whether it is you")
	form.Set("answer", "pass")
	equal(t, "passed", b.caused(func() { equal(t, "passed", b.browse(address, form).status, 303) }),
		"charge.succeeded payment_intent.succeeded checkout.session.completed")
	equal(t, "the one intent", str(b.send("GET", "/v1/checkout/sessions/"+id, "").at("payment_intent")), str(a.at("payment_intent", "id")))

	_, address = b.session("mode=payment&" + oneItem)
	shown := b.browse(address, nil)
	b.browse(address, shown.fill(t, "email", "nonsense")).want(t, 400, "Your email is incomplete.")
	b.browse(address, shown.fill(t, "method", "pm_card_<b>")).want(t, 400, "pm_card_&lt;b&gt;", "no test payment method")

	// Where the money comes later, a card only has to be one that can be saved.
	recurring := "mode=subscription&success_url=http://shop.example.com/ok&line_items[0][quantity]=1&line_items[0][price]=" + price
	for _, form := range []string{recurring, recurring + "&subscription_data[trial_period_days]=7", "mode=setup&success_url=http://shop.example.com/ok"} {
		id, address := b.session(form)
		shown := b.browse(address, nil)
		b.browse(address, shown.fill(t, "method", "pm_card_chargeDeclined")).want(t, 402, "Your card was declined.")
		b.browse(address, shown.fill(t, "method", "pm_card_authenticationRequired")).want(t, 200, "asks whether it is you")
		b.browse(address, shown.fill(t, "method", "pm_card_authenticationRequired", "answer", "fail")).want(t, 402, "unable to authenticate")
		want := 303
		if form == recurring {
			want = 402
		}
		equal(t, form, b.browse(address, shown.fill(t, "method", "pm_card_chargeCustomerFail")).status, want)
		if want == 402 {
			a := b.send("GET", "/v1/checkout/sessions/"+id, "")
			equal(t, "no subscription yet", a.at("subscription"), nil)
			equal(t, "no customer yet", a.at("customer"), nil)
		}
	}
}

// Ten buttons pressed at once, and a second tab, pay once.
func TestPayPagePaysOnce(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id, address := b.session("mode=payment&" + oneItem)
	form, second := b.browse(address, nil).fill(t), b.browse(address, nil).fill(t)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			got := b.browse(address, form)
			equal(t, "status", got.status, 303)
			equal(t, "location", got.location, "http://shop.example.com/ok?s="+id)
		})
	}
	all.Wait()
	b.browse(address, second).want(t, 200, "Already paid", "not charged again")
	equal(t, "charges", len(b.send("GET", "/v1/charges", "").ids()), 1)
}

func TestPayPageOfClosedSessions(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id, address := b.session("mode=payment&" + oneItem)
	form := b.browse(address, nil).fill(t)
	b.send("POST", "/v1/checkout/sessions/"+id+"/expire", "")
	b.browse(address, nil).want(t, 200, "Expired", `href="http://shop.example.com/cart"`)
	b.browse(address, form).want(t, 200, "Expired")

	_, address = b.session("mode=payment&" + oneItem)
	form = b.browse(address, nil).fill(t)
	b.clock.tick(25 * time.Hour)
	b.browse(address, form).want(t, 200, "Expired")
	equal(t, "charges", len(b.send("GET", "/v1/charges", "").ids()), 0)

	id, _ = b.session("mode=payment&ui_mode=embedded_page&return_url=http://x&" + oneItem[strings.Index(oneItem, "line_items"):])
	b.browse(b.url+"/c/pay/"+id, nil).want(t, 404, "so it has no page here")
	b.browse(b.url+"/c/pay/cs_<i>", nil).want(t, 404, "cs_&lt;i&gt;")
}

// The page takes forms of its own, and nothing large or strange.
func TestPayPageIsCareful(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{PublicURL: "https://pay.example.com/"})
	id, address := b.session("mode=payment&" + oneItem)
	equal(t, "public url", address, "https://pay.example.com/c/pay/"+id)
	address = b.url + "/c/pay/" + id
	form := b.browse(address, nil).fill(t)
	b.browse(address, form, "Origin", "https://elsewhere.example.com").want(t, 403, "another site")
	b.browse(address, form, "Sec-Fetch-Site", "cross-site").want(t, 403, "another site")
	b.browse(address, url.Values{"email": {strings.Repeat("x", 70_000)}}).want(t, 400, "cannot be read")
	req, _ := http.NewRequest(http.MethodDelete, address, nil)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	equal(t, "delete", res.StatusCode, 405)
	equal(t, "unpaid", str(b.send("GET", "/v1/checkout/sessions/"+id, "").at("status")), "open")
	equal(t, "not counted", b.sim.Counts().Total, int64(2))
	if got := b.browse(address, form, "Origin", b.url); got.status != 303 {
		t.Errorf("its own form: %d %s", got.status, got.body)
	}
}

// A session of a world, and of another account, has its page too.
func TestPayPageOfWorldsAndAccounts(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"account":{"id":"acct_w","livemode":true,"business_profile":{"name":"Pens & Co"}},"checkout_sessions":[
		{"id":"cs_live_w","mode":"payment","status":"open","amount_total":1200,"currency":"jpy","success_url":"http://shop.example.com/"}]}}`)
	shown := b.browse(b.url+"/c/pay/cs_live_w", nil)
	shown.want(t, 200, "Pens &amp; Co", "JPY 1200")
	equal(t, "paid", b.browse(b.url+"/c/pay/cs_live_w", shown.fill(t)).status, 303)
	if err := b.sim.AddAccount("acct_two"); err != nil {
		t.Fatal(err)
	}
	a := b.send("POST", "/v1/checkout/sessions", "mode=payment&"+oneItem, "Stripe-Account", "acct_two", "Authorization", "Bearer sk_live_1")
	b.browse(str(a.at("url")), nil).want(t, 200, "acct_two", "Pen")
}
