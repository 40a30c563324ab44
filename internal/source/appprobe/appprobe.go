// Package appprobe asks the running app, over HTTP, which company it resolves
// for a user and which revision it is. It sends GET only.
package appprobe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rightful"
	"rightful/internal/jsonpath"
)

// place is where the settings of the probe stand.
const place = "resolver_probe"

// placeholder stands for the user's id in Options.URL.
const placeholder = "{user_id}"

// The answer is one id: what is slower or larger is not the answer.
const (
	defaultTimeout = 10 * time.Second
	largestBody    = 1 << 20 // bytes
	longestAnswer  = 512     // bytes
)

// Options say how to ask.
type Options struct {
	// URL answers for one user. It holds {user_id} in its path or its query,
	// where the id is put in escaped.
	URL string
	// JSONPath leads to the company's id in the answer, as in package
	// jsonpath. Empty: the whole body is the id, as plain text.
	JSONPath string
	// RevisionURL answers with the deployed revision. Empty: never asked.
	RevisionURL string
	// RevisionJSON leads to the revision. Empty: the whole body, as plain text.
	RevisionJSON string
	// Headers are sent with every request. They may hold secrets and are never
	// shown.
	Headers map[string]string
	// Timeout bounds one request, body included; 10 s when zero.
	Timeout time.Duration
	// HTTPClient carries the requests; one of its own when nil. Its redirect
	// policy is replaced: redirects are refused.
	HTTPClient *http.Client
}

// Reader is a rightful.ProbeReader. It is safe for use by several goroutines.
type Reader struct {
	path, query  string // Options.URL before and from the question mark
	json         *jsonpath.Path
	revisionURL  string
	revisionJSON *jsonpath.Path
	headers      http.Header
	timeout      time.Duration
	client       *http.Client
}

var _ rightful.ProbeReader = (*Reader)(nil)

// New checks the options. Errors are of kind invalid and name the setting.
func New(o Options) (*Reader, error) {
	r := &Reader{revisionURL: o.RevisionURL, headers: http.Header{}, timeout: o.Timeout}
	if r.timeout <= 0 {
		r.timeout = defaultTimeout
	}
	if err := checkURL("url", strings.ReplaceAll(o.URL, placeholder, "1")); err != nil {
		return nil, err
	}
	r.path, r.query, _ = strings.Cut(o.URL, "?")
	if o.URL != r.path {
		r.query = "?" + r.query
	}
	if !strings.Contains(o.URL, placeholder) || inHost(r.path) {
		return nil, invalid("url", "the URL must hold "+placeholder+" in its path or its query",
			"for example https://app.example.com/internal/users/{user_id}/company")
	}
	if o.RevisionURL != "" {
		if err := checkURL("revision_url", o.RevisionURL); err != nil {
			return nil, err
		}
	}
	var err error
	if r.json, err = optionalPath("json", o.JSONPath); err != nil {
		return nil, err
	}
	if r.revisionJSON, err = optionalPath("revision_json", o.RevisionJSON); err != nil {
		return nil, err
	}
	for name, value := range o.Headers {
		if name == "" || strings.ContainsFunc(name, notToken) || strings.ContainsFunc(value, unicode.IsControl) {
			return nil, invalid("headers", fmt.Sprintf("the header %q has a name or a value that HTTP does not allow", name), "")
		}
		r.headers.Set(name, value)
	}
	client := http.Client{}
	if o.HTTPClient != nil {
		client = *o.HTTPClient
	}
	// A redirect is most often a sign-in page; following it would also carry
	// the headers elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r.client = &client
	return r, nil
}

func invalid(setting, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place + "." + setting, Message: message, Hint: hint}
}

func checkURL(setting, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return invalid(setting, "this is not an http:// or https:// URL", "")
	}
	return nil
}

// inHost reports whether the placeholder stands before the path.
func inHost(beforeQuery string) bool {
	_, rest, _ := strings.Cut(beforeQuery, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.Contains(host, placeholder)
}

func optionalPath(setting, text string) (*jsonpath.Path, error) {
	if text == "" {
		return nil, nil
	}
	path, err := jsonpath.Parse(text)
	if err != nil {
		return nil, invalid(setting, err.Error(), "")
	}
	return &path, nil
}

func notToken(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
}

// Company implements rightful.ProbeReader. The status 404, 204, null and the
// empty string mean that the app knows no company for the user. Any other
// answer without an id, redirects too, is a ProbeAnswer that Failed.
func (r *Reader) Company(ctx context.Context, userID string) (rightful.ProbeAnswer, error) {
	if userID == "." || userID == ".." || !utf8.ValidString(userID) || userID == "" {
		// Servers fold dots into another path; the answer would be about that.
		return rightful.ProbeAnswer{Failed: "the user's id cannot stand in a URL"}, nil
	}
	target := strings.ReplaceAll(r.path, placeholder, url.PathEscape(userID)) +
		strings.ReplaceAll(r.query, placeholder, url.QueryEscape(userID))
	status, body, err := r.get(ctx, target, "url")
	switch {
	case err != nil:
		return rightful.ProbeAnswer{}, err
	case status == http.StatusNotFound || status == http.StatusNoContent:
		return rightful.ProbeAnswer{}, nil
	}
	id, why := answer(status, body, r.json)
	return rightful.ProbeAnswer{CompanyID: id, Failed: why}, nil
}

// Revision implements rightful.ProbeReader. Null and an empty answer mean that
// the app does not tell. An answer that is no revision is an error of kind
// unavailable.
func (r *Reader) Revision(ctx context.Context) (string, error) {
	if r.revisionURL == "" {
		return "", nil
	}
	status, body, err := r.get(ctx, r.revisionURL, "revision_url")
	if err != nil || status == http.StatusNoContent {
		return "", err
	}
	revision, why := answer(status, body, r.revisionJSON)
	if why != "" {
		return "", &rightful.Error{Kind: rightful.KindUnavailable, Place: place + ".revision_url",
			Message: "the app does not tell its revision: " + why}
	}
	return revision, nil
}

// get sends one request. The error is of kind unreachable, or the caller's own.
func (r *Reader) get(ctx context.Context, target, setting string) (status int, body []byte, err error) {
	bounded, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(bounded, http.MethodGet, target, nil)
	if err != nil {
		return 0, nil, invalid(setting, "no request can be made of this URL", "")
	}
	req.Header = r.headers.Clone()
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host // net/http reads it from there only
	}
	resp, err := r.client.Do(req)
	if err == nil {
		defer resp.Body.Close()
		// One byte more than allowed tells that there is more.
		body, err = io.ReadAll(io.LimitReader(resp.Body, largestBody+1))
	}
	switch {
	case ctx.Err() != nil:
		return 0, nil, context.Cause(ctx)
	case err != nil:
		return 0, nil, &rightful.Error{Kind: rightful.KindUnreachable, Place: place + "." + setting,
			Message: "the app at " + req.URL.Host + " does not answer",
			Hint:    "check that the host is reachable from here", Err: cause(err)}
	}
	return resp.StatusCode, body, nil
}

// cause takes the URL out of an error: it may hold a token.
func cause(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}

// answer takes the id out of a response, or says in a phrase why there is none.
// The body itself is never repeated.
func answer(status int, body []byte, path *jsonpath.Path) (id, failed string) {
	switch {
	case status >= 300 && status < 400:
		return "", fmt.Sprintf("the app redirects (status %d), perhaps to a sign-in page", status)
	case status < 200 || status >= 300:
		return "", fmt.Sprintf("the app answers with status %d", status)
	case len(body) > largestBody:
		return "", "the answer is larger than 1 MiB"
	}
	if path == nil {
		id = strings.TrimSpace(string(body))
	} else {
		var err error
		if id, err = path.Lookup(body); err == jsonpath.ErrNull {
			return "", ""
		} else if err != nil {
			return "", err.Error()
		}
	}
	if len(id) > longestAnswer || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return "", "the answer is no single line of at most 512 bytes"
	}
	return id, ""
}
