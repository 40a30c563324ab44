// Package send sends alerts to people: text.go has the words, http.go what all
// channels over HTTP share, and slack.go, teams.go, pagerduty.go, webhook.go and
// email.go one channel each. Nothing that it returns holds a secret.
package send

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rightful"
)

// Sender sends messages to one channel.
type Sender interface {
	// Send sends a message once, and returns what the other side answered, in words
	// for people. Errors are of type *Error.
	Send(ctx context.Context, m rightful.AlertMessage) (answer string, err error)
}

// Error says why a message was not sent. It holds no secret: neither the address
// of a channel nor what opens it.
type Error struct {
	Message string
	// Permanent tells that trying again changes nothing until somebody acts.
	Permanent bool
	// After is how long the other side wants to be left alone; 0 when it did not say.
	After time.Duration
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Within bounds how long one message may take in all.
const Within = 30 * time.Second

// How long one request may take; how much of an answer is read, and said.
const (
	askWithin   = 15 * time.Second
	longestRead = 4096
	longestSaid = 200
)

// client sends requests. A redirect is an answer like any other: whoever may redirect
// would be told what the channel is told.
func client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	return &http.Client{
		Transport: transport, Timeout: askWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends one JSON document. secrets are what must not be said, should the other
// side repeat it.
func post(ctx context.Context, c *http.Client, address string, body []byte, header http.Header, now time.Time, secrets ...string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return "", &Error{Message: "the address of the channel is none", Permanent: true} // the error would repeat it
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "rightful")
	response, err := c.Do(request)
	if err != nil {
		return "", &Error{Message: unreached(err)}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, longestRead))
	if err != nil && response.StatusCode < 300 {
		return "", &Error{Message: "the answer broke off"}
	}
	answer := strings.TrimSpace(strconv.Itoa(response.StatusCode) + " " + said(string(raw), append(secrets, address)...))
	switch status := response.StatusCode; {
	case status < 300:
		return answer, nil
	case status < 400:
		return "", &Error{Message: fmt.Sprintf("answered %d, a redirect, which is not followed", status), Permanent: true}
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status >= 500:
		return "", &Error{Message: "answered " + answer, After: after(response.Header.Get("Retry-After"), now)}
	}
	return "", &Error{Message: "answered " + answer, Permanent: true}
}

// unreached says why a request has no answer, without the address.
func unreached(err error) string {
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout() {
		return "did not answer in time"
	}
	var about *url.Error
	if errors.As(err, &about) {
		err = about.Err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return "its host has no address"
	}
	return "cannot be reached: " + Clean(err.Error())
}

// said returns what another side answered as far as it can be shown.
func said(answer string, secrets ...string) string {
	for _, s := range secrets {
		for _, part := range secretParts(s) {
			answer = strings.ReplaceAll(answer, part, "***")
		}
	}
	return short(Clean(answer), longestSaid)
}

// secretParts returns a secret, and what it is made of: of an address, each part of
// the path and of the query is one.
func secretParts(secret string) []string {
	parts := []string{secret}
	if u, err := url.Parse(secret); err == nil && u.Host != "" {
		parts = append(parts, u.RequestURI(), u.EscapedPath())
		parts = append(parts, strings.Split(u.EscapedPath(), "/")...)
		for _, values := range u.Query() {
			parts = append(parts, values...)
		}
	}
	long := parts[:0]
	for _, p := range parts {
		if len(p) >= 6 {
			long = append(long, p)
		}
	}
	return long
}

// LongestAfter bounds what a Retry-After may ask for.
const LongestAfter = time.Hour

// after reads a Retry-After: seconds, or a date.
func after(value string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(value); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), LongestAfter)
}
