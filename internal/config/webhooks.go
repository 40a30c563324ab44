package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rightful"
	"rightful/gateway"
)

// Webhooks says how Stripe's events are taken, and who is told of them. The secrets of
// the endpoints are those of the account: stripe.webhook_secrets.
type Webhooks struct {
	Tolerance string `yaml:"tolerance"` // of a signature's time, both ways; default 5m
	MaxBody   string `yaml:"max_body"`  // of one event; default 1MiB
	CatchUp   string `yaml:"catch_up"`  // how often missed events are looked for; default 10m, 0 for never
	Endpoint  string `yaml:"endpoint"`  // which of Stripe's endpoints leads here: we_... or its address
	Notify    Notify `yaml:"notify"`
}

// Notify is where the app takes notices.
type Notify struct {
	URL    string `yaml:"url"`
	Secret string `yaml:"secret"` // whsec_ and base64, as Standard Webhooks have it
}

// Configured reports whether the app is told over HTTP.
func (n Notify) Configured() bool { return n.URL != "" }

// DefaultCatchUp is how often missed events are looked for.
const DefaultCatchUp = 10 * time.Minute

// Bounds of what the section may say. An event that somebody has recorded stays good
// for as long as the tolerance; Stripe's own events are far smaller than a MiB.
const (
	shortestTolerance = time.Second
	longestTolerance  = time.Hour
	smallestBody      = 16 << 10
	largestBody       = 16 << 20
	shortestCatchUp   = time.Minute
	longestCatchUp    = 24 * time.Hour
)

// Within returns the tolerance, 0 for the default.
func (w Webhooks) Within() time.Duration {
	d, _ := time.ParseDuration(w.Tolerance) // validated; 0 when empty
	return d
}

// CatchUpEvery returns how often missed events are looked for, 0 for never.
func (w Webhooks) CatchUpEvery() time.Duration {
	if w.CatchUp == "" {
		return DefaultCatchUp
	}
	d, _ := time.ParseDuration(w.CatchUp)
	return d
}

// Bytes returns the largest body in bytes, 0 for the default.
func (w Webhooks) Bytes() int64 {
	n, _ := parseBytes(w.MaxBody)
	return n
}

// byteForm matches 1MiB, 512 KiB and 65536.
var byteForm = regexp.MustCompile(`^([0-9]{1,9}) ?(B|KiB|MiB)?$`)

func parseBytes(text string) (int64, bool) {
	m := byteForm.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	return n * map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]], err == nil
}

// validateWebhooks checks the section webhooks.
func (c *Config) validateWebhooks() error {
	w := c.Webhooks
	if d, err := time.ParseDuration(w.Tolerance); w.Tolerance != "" && (err != nil || d < shortestTolerance || d > longestTolerance) {
		return c.invalid("webhooks.tolerance", fmt.Sprintf("%q is no time between %v and %v", w.Tolerance, shortestTolerance, longestTolerance), "write it with its unit: tolerance: 5m")
	}
	if n, ok := parseBytes(w.MaxBody); w.MaxBody != "" && (!ok || n < smallestBody || n > largestBody) {
		return c.invalid("webhooks.max_body", fmt.Sprintf("%q is no size between 16KiB and 16MiB", w.MaxBody), "write it with its unit: max_body: 1MiB")
	}
	if d, err := time.ParseDuration(w.CatchUp); w.CatchUp != "" && (err != nil || d != 0 && (d < shortestCatchUp || d > longestCatchUp)) {
		return c.invalid("webhooks.catch_up", fmt.Sprintf("%q is no time between %v and %v, nor 0", w.CatchUp, shortestCatchUp, longestCatchUp), "write it with its unit: catch_up: 10m; 0 is for never")
	}
	if e := w.Endpoint; e != "" && !strings.HasPrefix(e, "we_") && !strings.HasPrefix(e, "https://") && !strings.HasPrefix(e, "http://") {
		return c.invalid("webhooks.endpoint", fmt.Sprintf("%q is neither the id of an endpoint nor an address", e), "write it as Stripe's dashboard has it: endpoint: we_...")
	}
	if w.Notify == (Notify{}) {
		return nil
	}
	_, err := gateway.CheckNotify(w.Notify.URL, w.Notify.Secret)
	if own, is := errors.AsType[*rightful.Error](err); is {
		return c.invalid("webhooks.notify."+own.Place, own.Message, own.Hint)
	}
	return err
}
