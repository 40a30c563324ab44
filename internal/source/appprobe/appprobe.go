// Package appprobe asks the running app which company it resolves for a user and
// which revision it is: over HTTP, where it sends GET only, or by a command.
package appprobe

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rightful"
	"rightful/internal/jsonpath"
)

// place is where the settings of the probe stand.
const place = "resolver_probe"

// placeholder stands for the user's id in Options.URL and Options.Command.
const placeholder = "{user_id}"

// The answer is one id: what is slower or larger is not the answer. A command
// may have to start the whole app first.
const (
	requestTimeout = 10 * time.Second
	commandTimeout = 30 * time.Second
	largestBody    = 1 << 20 // bytes
	longestAnswer  = 512     // bytes
)

// An app is asked a few questions at a time: it serves customers meanwhile.
const (
	usualConcurrency   = 4
	largestConcurrency = 64
)

// Options say how to ask. Exactly one of URL and Command is set.
type Options struct {
	// URL answers for one user. It holds {user_id} in its path or its query,
	// where the id is put in escaped.
	URL string
	// Command prints the answer for one user. It is a program and its
	// arguments, one of which is {user_id}, and never passes through a shell.
	Command []string
	// JSONPath leads to the company's id in the answer, as in package
	// jsonpath. Empty: the whole answer is the id, as plain text.
	JSONPath string
	// RevisionURL answers with the deployed revision, RevisionCommand prints
	// it. At most one is set; without them the app is never asked.
	RevisionURL     string
	RevisionCommand []string
	// RevisionJSON leads to the revision. Empty: the whole answer, as plain
	// text.
	RevisionJSON string
	// Headers are sent with every request. They may hold secrets and are never
	// shown.
	Headers map[string]string
	// NoneStatus are the statuses by which the URL says that the user has no
	// company; 404 when nil.
	NoneStatus []int
	// Timeout bounds one request, body included, or one command; 10 s and 30 s
	// when zero.
	Timeout time.Duration
	// Concurrency is how many questions may be open at once; 4 when zero.
	// Further callers wait for their turn.
	Concurrency int
	// HTTPClient carries the requests; one of its own when nil. Its redirect
	// policy is replaced: redirects are refused.
	HTTPClient *http.Client
}

// asker is one way to ask.
type asker interface {
	// ask returns what the app said. userID is empty for a question that is
	// not about a user. The error is of kind unreachable, or the caller's own.
	ask(ctx context.Context, userID string) (reply, error)
}

// reply is what the app said: a body, in which the answer stands, or that there
// is none, or why it cannot be heard, in a phrase.
type reply struct {
	body   []byte
	none   bool
	failed string
}

var tooLarge = reply{failed: "the answer is larger than 1 MiB"}

// Reader is a rightful.ProbeReader. It is safe for use by several goroutines.
type Reader struct {
	company      asker
	json         *jsonpath.Path
	revision     asker // nil when the app is not asked
	revisionAt   string
	revisionJSON *jsonpath.Path
	turns        chan struct{}
	clearText    []string
}

var _ rightful.ProbeReader = (*Reader)(nil)

// New checks the options. Errors are of kind invalid and name the setting.
func New(o Options) (*Reader, error) {
	r := &Reader{}
	switch {
	case o.URL != "" && len(o.Command) > 0:
		return nil, invalid("command", "stands beside resolver_probe.url", "ask the app in one way: leave one of them out")
	case o.RevisionURL != "" && len(o.RevisionCommand) > 0:
		return nil, invalid("revision_command", "stands beside resolver_probe.revision_url", "ask the app in one way: leave one of them out")
	case o.Timeout < 0:
		return nil, invalid("timeout", "is less than no time", "")
	case o.Concurrency < 0 || o.Concurrency > largestConcurrency:
		return nil, invalid("concurrency", "must be between 1 and "+strconv.Itoa(largestConcurrency), "")
	case o.Concurrency == 0:
		o.Concurrency = usualConcurrency
	}
	r.turns = make(chan struct{}, o.Concurrency)
	var err error
	if len(o.Command) > 0 {
		r.company, err = newCommand("command", o.Command, true, o.Timeout)
	} else {
		r.company, err = r.newCompanyURL(o)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case o.RevisionURL != "":
		r.revisionAt = "revision_url"
		r.revision, err = r.newRevisionURL(o)
	case len(o.RevisionCommand) > 0:
		r.revisionAt = "revision_command"
		r.revision, err = newCommand(r.revisionAt, o.RevisionCommand, false, o.Timeout)
	}
	if err != nil {
		return nil, err
	}
	if r.json, err = optionalPath("json", o.JSONPath); err != nil {
		return nil, err
	}
	if r.revisionJSON, err = optionalPath("revision_json", o.RevisionJSON); err != nil {
		return nil, err
	}
	return r, nil
}

func invalid(setting, message, hint string) error {
	return &rightful.Error{Kind: rightful.KindInvalid, Place: place + "." + setting, Message: message, Hint: hint}
}

func unreachable(setting, message, hint string, cause error) error {
	return &rightful.Error{Kind: rightful.KindUnreachable, Place: place + "." + setting, Message: message, Hint: hint, Err: cause}
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

// ClearText returns the settings whose requests, headers included, cross a
// public network unencrypted: http:// to a host that is neither this machine
// nor named or numbered as one of a private network.
func (r *Reader) ClearText() []string { return r.clearText }

// Company implements rightful.ProbeReader. The statuses of Options.NoneStatus
// and 204, null (also on the way to where JSONPath leads) and the empty text mean
// that the app knows no company for the user. Any other answer without an id, redirects and commands that fail too,
// is a ProbeAnswer that Failed.
func (r *Reader) Company(ctx context.Context, userID string) (rightful.ProbeAnswer, error) {
	id, failed, err := r.hear(ctx, r.company, userID, r.json)
	return rightful.ProbeAnswer{CompanyID: id, Failed: failed}, err
}

// Revision implements rightful.ProbeReader. Null and an empty answer mean that
// the app does not tell. An answer that is no revision is an error of kind
// unavailable.
func (r *Reader) Revision(ctx context.Context) (string, error) {
	if r.revision == nil {
		return "", nil
	}
	revision, failed, err := r.hear(ctx, r.revision, "", r.revisionJSON)
	if failed != "" {
		return "", &rightful.Error{Kind: rightful.KindUnavailable, Place: place + "." + r.revisionAt,
			Message: "the app does not tell its revision: " + failed, Hint: revisionHint[r.revisionAt]}
	}
	return revision, err
}

// revisionHint says by setting what to do about an answer that is no revision.
var revisionHint = map[string]string{
	"revision_url":     "open it by hand: it must answer with status 200 and the revision, or JSON that revision_json leads into; leave it out if the app does not tell",
	"revision_command": "run it by hand: it must print the revision, or JSON that revision_json leads into",
}

// hear asks when it is its turn and takes the answer out of the reply.
func (r *Reader) hear(ctx context.Context, a asker, userID string, path *jsonpath.Path) (text, failed string, err error) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
	said, err := a.ask(ctx, userID)
	switch {
	case err != nil || said.none:
		return "", "", err
	case said.failed != "":
		return "", said.failed, nil
	}
	text, failed = answer(said.body, path)
	return text, failed, nil
}

// words are what programs print for a value that is no id. They are not taken
// for "no company": a mistake in the program prints them too.
var words = []string{"None", "nil", "undefined", "NaN", "true", "false", "True", "False"}

// answer takes the one text out of a body, or says in a phrase why there is
// none. The body itself is never repeated.
func answer(body []byte, path *jsonpath.Path) (text, failed string) {
	text = strings.TrimSpace(string(body))
	if text == "" || text == "null" {
		return "", ""
	}
	if path != nil {
		var err error
		if text, err = path.Lookup(body); errors.Is(err, jsonpath.ErrNull) {
			return "", ""
		} else if err != nil {
			return "", err.Error()
		}
	}
	if len(text) > longestAnswer || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "", "the answer is no single line of at most 512 bytes"
	}
	if path == nil {
		switch {
		case strings.ContainsAny(text[:1], `<{["`):
			return "", "the answer is a document, not an id; say with json where the id stands in it ($ for the whole)"
		case slices.Contains(words, text):
			return "", "the answer is the word " + text + ", not an id; where there is no company, answer with nothing"
		}
	}
	return text, ""
}
