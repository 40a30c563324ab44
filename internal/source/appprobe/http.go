package appprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"
)

// endpoint asks a URL.
type endpoint struct {
	setting     string
	path, query string // the URL before and from its question mark
	headers     http.Header
	none        []int // statuses that mean none
	timeout     time.Duration
	client      *http.Client
}

func (r *Reader) newCompanyURL(o Options) (asker, error) {
	e, err := r.newEndpoint("url", o.URL, o)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(o.URL, placeholder) || inHost(e.path) {
		return nil, invalid("url", "the URL must hold "+placeholder+" in its path or its query",
			"for example https://app.example.com/internal/users/{user_id}/company")
	}
	e.none = []int{http.StatusNotFound}
	if o.NoneStatus != nil {
		e.none = o.NoneStatus
	}
	for _, status := range e.none {
		// 401, 403, 407 and 429 are about us, 408 and all from 500 are
		// accidents: none of them says anything about a user.
		if status < 400 || status > 499 || slices.Contains([]int{401, 403, 407, 408, 429}, status) {
			return nil, invalid("none_status", fmt.Sprintf("%d cannot mean that a user has no company", status), "for example none_status: [404, 410]")
		}
	}
	return e, nil
}

func (r *Reader) newRevisionURL(o Options) (asker, error) {
	return r.newEndpoint("revision_url", o.RevisionURL, o)
}

func (r *Reader) newEndpoint(setting, text string, o Options) (*endpoint, error) {
	u, err := url.Parse(strings.ReplaceAll(text, placeholder, "1"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return nil, invalid(setting, "this is not an http:// or https:// URL", "")
	}
	if u.Scheme == "http" && public(u.Hostname()) {
		r.clearText = append(r.clearText, place+"."+setting)
	}
	e := &endpoint{setting: setting, headers: http.Header{}, timeout: o.Timeout}
	if e.timeout == 0 {
		e.timeout = requestTimeout
	}
	e.path, e.query, _ = strings.Cut(text, "?")
	if text != e.path {
		e.query = "?" + e.query
	}
	for name, value := range o.Headers {
		if name == "" || strings.ContainsFunc(name, notToken) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, invalid("headers", fmt.Sprintf("the header %q has a name or a value that HTTP does not allow", name), "")
		}
		e.headers.Set(name, value)
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	// A redirect is most often a sign-in page; following it would also carry
	// the headers elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	e.client = &client
	return e, nil
}

// inHost reports whether the placeholder stands before the path.
func inHost(beforeQuery string) bool {
	_, rest, _ := strings.Cut(beforeQuery, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.Contains(host, placeholder)
}

func notToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
}

// public reports whether a host is reached over a network of strangers. Names
// without a dot and those under the endings below are only known at home.
func public(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return !addr.IsLoopback() && !addr.IsPrivate() && !addr.IsLinkLocalUnicast()
	}
	for _, ending := range []string{".localhost", ".local", ".internal", ".lan", ".home.arpa", ".svc"} {
		if strings.HasSuffix(host, ending) {
			return false
		}
	}
	return strings.Contains(host, ".")
}

// ask sends one request.
func (e *endpoint) ask(ctx context.Context, userID string) (reply, error) {
	target := e.path + e.query
	if e.setting == "url" {
		if userID == "." || userID == ".." || !utf8.ValidString(userID) || userID == "" {
			// Servers fold dots into another path; the answer would be about
			// that.
			return reply{failed: "the user's id cannot stand in a URL"}, nil
		}
		target = strings.ReplaceAll(e.path, placeholder, url.PathEscape(userID)) +
			strings.ReplaceAll(e.query, placeholder, url.QueryEscape(userID))
	}
	bounded, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodGet, target, nil)
	if err != nil {
		return reply{}, invalid(e.setting, "no request can be made of this URL", "")
	}
	req.Header = e.headers.Clone()
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host // net/http reads it from there only
	}
	var body []byte
	resp, err := e.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		// One byte more than allowed tells that there is more.
		body, err = io.ReadAll(io.LimitReader(resp.Body, largestBody+1))
	}
	switch {
	case ctx.Err() != nil:
		return reply{}, context.Cause(ctx)
	case err != nil && bounded.Err() != nil:
		return reply{}, unreachable(e.setting, fmt.Sprintf("the app at %s does not answer within %v", req.URL.Host, e.timeout),
			"check that the host is reachable from here, or give it longer: resolver_probe.timeout", cause(err))
	case err != nil:
		why, hint := unheard(err)
		return reply{}, unreachable(e.setting, "the app at "+req.URL.Host+" "+why, hint, cause(err))
	}
	return e.heard(resp.StatusCode, body), nil
}

// unheard says why no answer came, and what to do about it.
func unheard(err error) (why, hint string) {
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	noTLS = noTLS || errors.Is(err, http.ErrSchemeMismatch)
	_, noHost := errors.AsType[*net.DNSError](err)
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "does not answer: connection refused", "is the app running, and is this its port?"
	case noHost:
		return "does not answer: no such host", "check the host name in the address"
	case noTLS:
		return "does not speak TLS", "write http:// inside a private network, or give the port that speaks TLS"
	case distrusted:
		return "has a certificate that cannot be trusted", "give the host name that the certificate is for, or let this machine trust the authority that signed it"
	}
	return "does not answer", "check that the host is reachable from here"
}

// cause takes the URL out of an error: it may hold a token.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

func (e *endpoint) heard(status int, body []byte) reply {
	switch {
	case status == http.StatusNoContent || slices.Contains(e.none, status):
		return reply{none: true}
	case status >= 300 && status < 400:
		return reply{failed: fmt.Sprintf("the app redirects (status %d), perhaps to a sign-in page", status)}
	case status < 200 || status >= 300:
		return reply{failed: fmt.Sprintf("the app answers with status %d", status)}
	case len(body) > largestBody:
		return tooLarge
	}
	return reply{body: body}
}
