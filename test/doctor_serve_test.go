package test

import (
	"fmt"
	"strings"
	"testing"

	"rightful/internal/testserver"
)

// TestDoctorOnServe: what rightful serve needs beside the sources is examined too, and
// nothing is sent.
func TestDoctorOnServe(t *testing.T) {
	t.Parallel()
	app := listen(t)
	const nobody = testserver.Nobody
	for name, tt := range map[string]struct {
		more string
		code int
		says []string
	}{
		"as it should be": {
			"alerts: [{name: hook, to: webhook, url: '" + app.URL + "', secret: '" + alertSecret + "'}]\nwebhooks: {notify: {url: '" + app.URL + "', secret: '" + alertSecret + "'}}\ngateway: {mode: enforce}\n",
			0, []string{
				"ok       serve.tokens", "1 may app, 1 may read, 1 may operator", "ok       gateway.mode", "enforce: what is not in order is refused",
				"ok       stripe.webhook_secrets", "ok       webhooks.notify.url", "somebody listens at", "ok       alerts", "told is hook (webhook)", "nothing was recorded yet: rightful serve, audit --record and the first repair make it",
			},
		},
		"nobody is told": {"", 0, []string{"warning  webhooks.notify", "no channel is set"}},
		"nobody listens": {"webhooks: {notify: {url: 'http://" + nobody + "/', secret: '" + alertSecret + "'}}\n", 1, []string{"error    webhooks.notify.url", "nobody listens at " + nobody}},
	} {
		s := openShop(t, tt.more)
		code, out, errs := s.rightful(t, "doctor")
		if code != tt.code {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
		for _, words := range tt.says {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(words), " ")) {
				t.Errorf("%s: it does not say %q:\n%s", name, words, out)
			}
		}
		for _, hidden := range []string{alertSecret, appToken, secret} {
			if strings.Contains(out+errs, hidden) {
				t.Errorf("%s: it says %s", name, hidden)
			}
		}
	}
	if n := len(app.all()); n > 0 {
		t.Error(fmt.Sprint("requests were sent: ", n))
	}
}
