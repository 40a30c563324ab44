package wire

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rightful"
	"rightful/internal/config"
)

// examiners examine, one after the other.
type examiners []rightful.Diagnoser

// Diagnose implements rightful.Diagnoser.
func (all examiners) Diagnose(ctx context.Context) (lines []rightful.Diagnosis) {
	for _, x := range all {
		lines = append(lines, x.Diagnose(ctx)...)
	}
	return lines
}

// serveExaminer examines, for the doctor, what rightful serve works with beside the
// sources. It sends nothing: of the app that is told it is only seen whether somebody
// listens there.
type serveExaminer struct {
	config *config.Config
	env    func(string) (string, bool)
}

// Diagnose implements rightful.Diagnoser.
func (x serveExaminer) Diagnose(ctx context.Context) []rightful.Diagnosis {
	return slices.Concat(x.tokens(), x.gateway(), x.webhooks(ctx), x.alerts(), x.scheduled(ctx))
}

// shortToken is below how many characters a token can be guessed.
const shortToken = 20

func (x serveExaminer) tokens() []rightful.Diagnosis {
	const place = "serve.tokens"
	own, _ := x.env("RIGHTFUL_TOKEN")
	byScope := map[string]int{}
	var d []rightful.Diagnosis
	if own != "" && len(own) < shortToken {
		d = append(d, rightful.Warn(place, "RIGHTFUL_TOKEN is so short that it can be guessed", "openssl rand -hex 32 makes a good one"))
	}
	for i, t := range x.config.Serve.Tokens {
		if len(t.Token) < shortToken {
			d = append(d, rightful.Warn(fmt.Sprintf("%s[%d].token", place, i), "the token of "+t.Name+" is so short that it can be guessed", "openssl rand -hex 32 makes a good one"))
		}
		for _, scope := range t.Scopes {
			byScope[scope]++
		}
	}
	if own == "" && len(byScope) == 0 {
		return append(d, rightful.OK(place, "is not set, and neither is RIGHTFUL_TOKEN: nobody could ask rightful serve for anything"))
	}
	var parts []string
	for _, scope := range config.Scopes() {
		if n := byScope[scope]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d may %s", n, scope))
		}
	}
	if own != "" {
		parts = append(parts, "RIGHTFUL_TOKEN may app and read")
	}
	return append(d, rightful.OK(place, "of the tokens "+strings.Join(parts, ", ")))
}

// gateway says that every refusal is one; that a rule is only observed, the engine
// warns of.
func (x serveExaminer) gateway() []rightful.Diagnosis {
	if !x.config.UsesGateway() || x.config.Gateway.Observes() {
		return nil
	}
	return []rightful.Diagnosis{rightful.OK("gateway.mode", "enforce: what is not in order is refused")}
}

func (x serveExaminer) webhooks(ctx context.Context) []rightful.Diagnosis {
	var d []rightful.Diagnosis
	for i, account := range x.config.Stripe {
		place := "stripe.webhook_secrets"
		if x.config.Several() {
			place = fmt.Sprintf("stripe[%d].webhook_secrets", i)
		}
		d = append(d, x.secrets(place, account.WebhookSecrets)...)
	}
	if x.config.TakesEvents() {
		d = append(d, x.notify(ctx))
	}
	return d
}

// secrets examines what the events of one account are known by.
func (x serveExaminer) secrets(place string, secrets []string) []rightful.Diagnosis {
	if len(secrets) == 0 {
		return []rightful.Diagnosis{rightful.OK(place, "is not set: rightful serve takes no events")}
	}
	d := []rightful.Diagnosis{}
	for i, secret := range secrets {
		if !strings.HasPrefix(secret, "whsec_") {
			d = append(d, rightful.Warn(fmt.Sprintf("%s[%d]", place, i), "does not begin with whsec_, as those of Stripe do", "copy the signing secret of the endpoint: it is not the API key"))
		}
	}
	if len(d) == 0 {
		d = append(d, rightful.OK(place, fmt.Sprintf("%d set: whether Stripe signs with it, its next event tells", len(secrets))))
	}
	return d
}

// dialWithin is how long the app may take to answer the telephone.
const dialWithin = 3 * time.Second

func (x serveExaminer) notify(ctx context.Context) rightful.Diagnosis {
	const place = "webhooks.notify"
	if !x.config.Webhooks.Notify.Configured() {
		return rightful.Warn(place, "is not set: events are judged, and your app is not told of them", "set webhooks.notify.url and secret; an app in Go has OnNotice instead")
	}
	at, err := url.Parse(x.config.Webhooks.Notify.URL)
	if err != nil {
		return rightful.Fail(place+".url", "is no address", "url: https://app.example.com/internal/payments")
	}
	if through, err := http.ProxyFromEnvironment(&http.Request{URL: at}); err != nil || through != nil {
		return rightful.OK(place+".url", "is asked through a proxy, so it was not tried")
	}
	port := at.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[at.Scheme]
	}
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(at.Hostname(), port))
	if err != nil {
		return rightful.Fail(place+".url", "nobody listens at "+net.JoinHostPort(at.Hostname(), port)+": notices would wait", "start the app, or correct the address")
	}
	_ = c.Close() // nothing was sent
	return rightful.OK(place+".url", "somebody listens at "+net.JoinHostPort(at.Hostname(), port)+"; nothing was sent")
}

func (x serveExaminer) alerts() []rightful.Diagnosis {
	const place = "alerts"
	if len(x.config.Alerts) == 0 {
		return []rightful.Diagnosis{rightful.OK(place, "no channel is set: nobody is told of what is found or refused")}
	}
	names := make([]string, len(x.config.Alerts))
	for i, a := range x.config.Alerts {
		names[i] = a.Name + " (" + a.To + ")"
	}
	return []rightful.Diagnosis{rightful.OK(place, "told is "+strings.Join(names, ", ")+"; rightful alerts test tries them")}
}
