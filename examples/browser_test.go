package examples_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"rightful/internal/testserver"
)

// TestInABrowser signs up, buys and comes back in a real browser: cookies, redirects
// between sites and forms are as it has them.
func TestInABrowser(t *testing.T) {
	both(t, func(t *testing.T, e *example) {
		tab := testserver.Browser(t)
		press := func(selector string) {
			t.Helper()
			if _, err := chromedp.RunResponse(tab, chromedp.Click(selector)); err != nil {
				t.Fatalf("%s: %v", selector, err)
			}
		}
		if err := chromedp.Do(tab, chromedp.Navigate(e.url+"/"),
			chromedp.SendKeys(`form[action="/sign-up"] [name=email]`, "fay@example.com"),
			chromedp.SendKeys(`form[action="/sign-up"] [name=password]`, password),
			chromedp.SendKeys(`form[action="/sign-up"] [name=company]`, "Fay Oy")); err != nil {
			t.Fatal(err)
		}
		press("#sign-up")
		press("#buy")
		press("#pay")
		if got := must(chromedp.Run(tab, chromedp.Location()))(t); !strings.HasPrefix(got, e.url+"/return?session_id=cs_test_") {
			t.Errorf("the browser is at %s", got)
		}
		if got := must(chromedp.Run(tab, chromedp.Text("#message")))(t); !strings.Contains(got, "complete") {
			t.Errorf("the return page says %q", got)
		}
		until(t, "the plan is active", func() bool {
			if err := chromedp.Do(tab, chromedp.Navigate(e.url+"/")); err != nil {
				t.Fatal(err)
			}
			return must(chromedp.Run(tab, chromedp.Text("#plan")))(t) == "active"
		})
		press("#portal")
		if got := must(chromedp.Run(tab, chromedp.Location()))(t); !strings.HasPrefix(got, e.sim+"/p/") {
			t.Errorf("the portal is at %s", got)
		}
		press("#return")
		if got := must(chromedp.Run(tab, chromedp.Text("#company")))(t); got != "Fay Oy" {
			t.Errorf("back from the portal, the browser shows %q", got)
		}
	})
}
