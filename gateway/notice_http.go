package gateway

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"rightful"
)

// NotifyOptions say where notices are sent to.
type NotifyOptions struct {
	// URL takes a POST with a Notice as JSON. It is https, or on this machine.
	URL string
	// Secret signs it, as Standard Webhooks demand (standardwebhooks.com): whsec_ and
	// 24 to 64 random bytes in base64.
	Secret string
	// Now replaces the clock in tests.
	Now func() time.Time
}

// maxNoticeAnswer is how much of an answer is read. Only its status counts.
const maxNoticeAnswer = 4 << 10

// NotifyOverHTTP returns an OnNotice that sends notices to the app. Each carries the
// headers webhook-id (the same when it is sent again), webhook-timestamp and
// webhook-signature. Any 2xx within NoticeWithin means that the app took it; a
// redirect is a refusal. An error is of kind invalid.
func NotifyOverHTTP(o NotifyOptions) (func(context.Context, Notice) error, error) {
	key, err := CheckNotify(o.URL, o.Secret)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	client := &http.Client{
		Timeout:       NoticeWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: tellAtOnce, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: NoticeWithin,
		},
	}
	return func(ctx context.Context, n Notice) error {
		body, err := json.Marshal(n, json.Deterministic(true))
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(body))
		if err != nil {
			return errors.New("gateway: the address of notices cannot be used")
		}
		id, at := strings.ReplaceAll(n.ID, ".", "_"), strconv.FormatInt(o.Now().Unix(), 10)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("User-Agent", "rightful")
		req.Header.Set("webhook-id", id)
		req.Header.Set("webhook-timestamp", at)
		req.Header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(noticeMAC(key, id, at, body)))
		res, err := client.Do(req)
		if err != nil {
			var of *url.Error // its text repeats the address
			if errors.As(err, &of) {
				err = of.Err
			}
			return fmt.Errorf("gateway: the notice was not sent: %w", err)
		}
		defer func() { _ = res.Body.Close() }()
		_, _ = io.CopyN(io.Discard, res.Body, maxNoticeAnswer) // so that the connection can be used again
		if res.StatusCode < 200 || res.StatusCode > 299 {
			return fmt.Errorf("gateway: the app answered %d to a notice", res.StatusCode)
		}
		return nil
	}, nil
}

func noticeMAC(key []byte, id, at string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// CheckNotify validates an address and a secret for notices, and returns the key that
// the secret stands for. An error is of kind invalid, with url or secret as its place.
func CheckNotify(address, secret string) ([]byte, error) {
	wrong := func(place, message, hint string) error {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: place, Message: message, Hint: hint}
	}
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil, wrong("url", "is missing", "url: https://app.example.com/internal/payments")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, wrong("url", "is no http address", "url: https://app.example.com/internal/payments")
	case u.User != nil:
		return nil, wrong("url", "holds a password, which the signature is for", "leave user and password out, and check the signature")
	case u.Scheme == "http" && !onThisMachine(u.Hostname()):
		return nil, wrong("url", "is not encrypted, and leads to another machine", "use https, or an address such as http://127.0.0.1:8000/payments")
	}
	const hint = `make one: echo "whsec_$(openssl rand -base64 32)"`
	text, prefixed := strings.CutPrefix(secret, "whsec_")
	switch key, err := base64.StdEncoding.DecodeString(text); {
	case secret == "":
		return nil, wrong("secret", "is missing: the app could not tell who sends", hint)
	case !prefixed || err != nil:
		return nil, wrong("secret", "is not whsec_ and base64", hint)
	case len(key) < 24 || len(key) > 64:
		return nil, wrong("secret", "stands for "+strconv.Itoa(len(key))+" bytes; 24 to 64 are wanted", hint)
	default:
		return key, nil
	}
}

// onThisMachine reports whether a host is this machine, without asking a name server.
func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
