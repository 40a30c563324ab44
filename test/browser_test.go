package test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stripe/stripe-go/v86"

	"rightful/internal/testserver"
	"rightful/stripesim"
)

// tab is a browser before a simulator and a shop, whose pages show their own
// address.
type tab struct {
	*testing.T
	ctx    context.Context
	sim    *stripesim.Server
	url    string
	shop   string
	stripe *stripe.Client
}

func openTab(t *testing.T) *tab {
	t.Helper()
	b := &tab{T: t, ctx: testserver.Browser(t), sim: stripesim.New(stripesim.Options{})}
	api := httptest.NewServer(b.sim)
	t.Cleanup(api.Close)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "the shop")
	}))
	t.Cleanup(shop.Close)
	b.url, b.shop = api.URL, shop.URL
	b.stripe = stripe.NewClient("sk_test_browser", stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL: stripe.String(api.URL), EnableTelemetry: stripe.Bool(false), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull}})))
	return b
}

func look[T any](b *tab, a chromedp.Action[T]) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.Fatal(err)
	}
}

// press clicks and waits for the page that follows.
func (b *tab) press(selector string) {
	b.Helper()
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Click(selector)); err != nil {
		b.Fatalf("%s: %v", selector, err)
	}
}

func (b *tab) wantText(selector, want string) {
	b.Helper()
	if got := look(b, chromedp.Text(selector)); !strings.Contains(got, want) {
		b.Errorf("%s says %q, want %q", selector, got, want)
	}
}

func (b *tab) wantAddress(want string) {
	b.Helper()
	if got := look(b, chromedp.Location()); got != want {
		b.Errorf("the browser is at %s, want %s", got, want)
	}
}

// session makes a checkout session for one item.
func (b *tab) session(change func(*stripe.CheckoutSessionCreateParams)) *stripe.CheckoutSession {
	b.Helper()
	params := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String(b.shop + "/thanks?session={CHECKOUT_SESSION_ID}&a=b"), CancelURL: stripe.String(b.shop + "/cart"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{Quantity: stripe.Int64(3), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(1250),
			ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String(`<script>document.title="taken"</script>`)}}}},
	}
	if change != nil {
		change(params)
	}
	made, err := b.stripe.V1CheckoutSessions.Create(b.Context(), params)
	if err != nil {
		b.Fatal(err)
	}
	return made
}

func (b *tab) retrieve(id string) *stripe.CheckoutSession {
	b.Helper()
	got, err := b.stripe.V1CheckoutSessions.Retrieve(b.Context(), id, &stripe.CheckoutSessionRetrieveParams{})
	if err != nil {
		b.Fatal(err)
	}
	return got
}

// A buyer whose first card is declined and whose second one asks to
// authenticate pays once, and comes back to the shop.
func TestBrowserPays(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	made := b.session(nil)
	if !strings.HasPrefix(made.URL, b.url+"/c/pay/cs_test_") {
		t.Fatalf("the session is paid at %s, want the simulator", made.URL)
	}
	b.do(chromedp.Navigate(made.URL))
	b.wantText("#lines", `<script>document.title="taken"</script>`)
	b.wantText("#lines", "3 × EUR 12.50")
	b.wantText("#amount", "EUR 37.50")
	if title := look(b, chromedp.Title()); title == "taken" {
		t.Error("the name of a product ran as a script")
	}
	b.do(chromedp.SendKeys("#email", "buyer@example.com"), chromedp.SetValue("#method", "pm_card_chargeDeclined"))
	b.press("#pay")
	b.wantText("#failure", "Your card was declined.")
	b.do(chromedp.SetValue("#method", "pm_card_authenticationRequired"))
	b.press("#pay")
	b.press("#authenticate")
	b.wantAddress(b.shop + "/thanks?session=" + made.ID + "&a=b")
	got := b.retrieve(made.ID)
	if got.Status != "complete" || got.PaymentStatus != "paid" || got.CustomerDetails.Email != "buyer@example.com" {
		t.Errorf("the session is %s and %s, bought by %s", got.Status, got.PaymentStatus, got.CustomerDetails.Email)
	}
	b.do(chromedp.Navigate(made.URL))
	b.wantText("#title", "Already paid")
	b.press("#continue")
	b.wantAddress(b.shop + "/thanks?session=" + made.ID + "&a=b")
}

// A customer's email is filled in; going back changes nothing; pressing the
// button twice pays once.
func TestBrowserGoesBackAndPressesTwice(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	customer, err := b.stripe.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Email: stripe.String(`"><b>x</b>@example.com`)})
	if err != nil {
		t.Fatal(err)
	}
	made := b.session(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = stripe.String(customer.ID) })
	b.do(chromedp.Navigate(made.URL))
	if got := look(b, chromedp.Value("#email")); got != `"><b>x</b>@example.com` {
		t.Errorf("the email is %q", got)
	}
	b.press("#back")
	b.wantAddress(b.shop + "/cart")
	if got := b.retrieve(made.ID); got.Status != "open" {
		t.Errorf("going back left the session %s", got.Status)
	}

	other := b.session(func(p *stripe.CheckoutSessionCreateParams) { p.CustomerEmail = stripe.String("twice@example.com") })
	b.do(chromedp.Navigate(other.URL))
	if _, err := chromedp.RunResponse(b.ctx, chromedp.DoubleClick("#pay")); err != nil {
		t.Fatal(err)
	}
	b.wantAddress(b.shop + "/thanks?session=" + other.ID + "&a=b")
	charges := 0
	for charge, err := range b.stripe.V1Charges.List(t.Context(), &stripe.ChargeListParams{}).All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if charge.Paid {
			charges++
		}
	}
	if charges != 1 {
		t.Errorf("%d charges, want 1", charges)
	}
}

// An address that is none of the web is no link.
func TestBrowserIsSentToTheWebOnly(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	made := b.session(func(p *stripe.CheckoutSessionCreateParams) {
		p.SuccessURL, p.CancelURL = stripe.String("javascript:alert(1)"), stripe.String("javascript:alert(2)")
	})
	b.do(chromedp.Navigate(made.URL), chromedp.SendKeys("#email", "buyer@example.com"))
	if raw := look(b, chromedp.Evaluate[string]("document.documentElement.outerHTML")); strings.Contains(raw, "javascript:") {
		t.Error("the page has a script for a link")
	}
	b.press("#pay")
	b.wantText("#title", "Paid")
	if got := b.retrieve(made.ID); got.Status != "complete" {
		t.Errorf("the session is %s", got.Status)
	}
}

// A customer cancels in the portal, takes it back, and returns.
func TestBrowserPortal(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	customer, err := b.stripe.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Email: stripe.String("member@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	sub, err := b.stripe.V1Subscriptions.Create(t.Context(), &stripe.SubscriptionCreateParams{Customer: stripe.String(customer.ID),
		Items: []*stripe.SubscriptionCreateItemParams{{Price: stripe.String("price_pro")}}})
	if err != nil {
		t.Fatal(err)
	}
	portal, err := b.stripe.V1BillingPortalSessions.Create(t.Context(), &stripe.BillingPortalSessionCreateParams{
		Customer: stripe.String(customer.ID), ReturnURL: stripe.String(b.shop + "/account")})
	if err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(portal.URL))
	b.wantText("#customer", "member@example.com")
	b.wantText("#invoices", "USD 10.00")
	b.press(`button[value="end"]`)
	b.wantText(".subscription", "ends on")
	b.press(`button[value="keep"]`)
	b.wantText(".subscription", "renews on")
	b.press(`button[value="cancel"]`)
	got, err := b.stripe.V1Subscriptions.Retrieve(t.Context(), sub.ID, &stripe.SubscriptionRetrieveParams{})
	if err != nil || got.Status != stripe.SubscriptionStatusCanceled {
		t.Errorf("the subscription is %v %v", got, err)
	}
	b.press("#return")
	b.wantAddress(b.shop + "/account")
}
