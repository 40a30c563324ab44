package config_test

import (
	"strings"
	"testing"
	"time"

	"rightful"
)

const minimal = "directory: {dsn: 'sqlite:x', companies: SELECT id FROM companies}\nstripe: {key: sk_test_1}\n"

func TestWebhooks(t *testing.T) {
	t.Parallel()
	c, err := read(t, minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Webhooks; w.Within() != 0 || w.Bytes() != 0 || w.CatchUpEvery() != 10*time.Minute || w.Notify.Configured() {
		t.Errorf("got %+v", w)
	}
	c, err = read(t, minimal+`webhooks:
  tolerance: 2m
  max_body: 512KiB
  catch_up: 0
  notify: {url: 'https://app.example.com/payments', secret: '${SECRET}'}
`, map[string]string{"SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="})
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Webhooks; w.Within() != 2*time.Minute || w.Bytes() != 512<<10 || w.CatchUpEvery() != 0 || !w.Notify.Configured() {
		t.Errorf("got %+v", w)
	}
	if c, err = read(t, minimal+"webhooks: {max_body: 65536}", nil); err != nil || c.Webhooks.Bytes() != 65536 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestWebhooksThatAreWrong(t *testing.T) {
	t.Parallel()
	for lines, says := range map[string]string{
		"{tolerance: 5}":                             `rightful.yaml:3:12: webhooks.tolerance: "5" is no time between 1s and 1h0m0s`,
		"{tolerance: 2h}":                            "is no time between",
		"{tolerance: -5m}":                           "is no time between",
		"{max_body: 1MB}":                            `webhooks.max_body: "1MB" is no size between 16KiB and 16MiB`,
		"{max_body: 1KiB}":                           "is no size",
		"{max_body: 999MiB}":                         "is no size",
		"{catch_up: often}":                          "webhooks.catch_up",
		"{catch_up: 1s}":                             "nor 0",
		"{endpoint: analytics}":                      `webhooks.endpoint: "analytics" is neither the id of an endpoint nor an address`,
		"{tolerence: 5m}":                            "did you mean tolerance?",
		"{notify: {secret: x}}":                      "webhooks.notify.url: is missing",
		"{notify: {url: 'https://app.example.com'}}": "webhooks.notify.secret: is missing",
		"{notify: {url: 'http://app.example.com', secret: x}}":             "webhooks.notify.url: is not encrypted",
		"{notify: {url: 'https://app.example.com', secret: 'whsec_eA=='}}": "webhooks.notify.secret: stands for 1 bytes",
	} {
		_, err := read(t, minimal+"webhooks: "+lines, nil)
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", lines, err)
		}
	}
}
