package appprobe_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/source/appprobe"
	"rightful/internal/source/sourcetest"
	"rightful/internal/testserver"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func open(t *testing.T, o appprobe.Options) *appprobe.Reader {
	t.Helper()
	r, err := appprobe.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConformance(t *testing.T) {
	t.Parallel()
	sourcetest.TestProbe(t, func(t *testing.T, users map[string]string, revision string) rightful.ProbeReader {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /users/{id}/company", func(w http.ResponseWriter, r *http.Request) {
			company, known := users[r.PathValue("id")]
			switch {
			case !known:
				w.WriteHeader(http.StatusTeapot)
			case company == "":
				io.WriteString(w, `{"company":{"id":null}}`)
			case rightful.IsNumericID(company):
				io.WriteString(w, `{"company":{"id":`+company+`}}`)
			default:
				json.NewEncoder(w).Encode(map[string]any{"company": map[string]string{"id": company}})
			}
		})
		mux.HandleFunc("GET /revision", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, revision+"\n") })
		base := serve(t, mux.ServeHTTP)
		return open(t, appprobe.Options{URL: base + "/users/{user_id}/company", JSONPath: "company.id", RevisionURL: base + "/revision"})
	})
}

func TestCompanyAnswers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
		plain  bool
		want   string
		failed string // a part of it
	}{
		"number":            {200, `{"company":{"id":17}}`, false, "17", ""},
		"string":            {200, `{"company":{"id":"17"}}`, false, "17", ""},
		"empty":             {200, `{"company":{"id":""}}`, false, "", ""},
		"null":              {200, `{"company":{"id":null}}`, false, "", ""},
		"not found":         {404, `<html>`, false, "", ""},
		"no content":        {204, ``, false, "", ""},
		"null on the way":   {200, `{"company":null}`, false, "", ""},
		"null alone":        {200, `null`, false, "", ""},
		"no body":           {200, ``, false, "", ""},
		"blank":             {200, " \n", false, "", ""},
		"no such key":       {200, `{"company":{}}`, false, "", "nothing at the path"},
		"no such object":    {200, `{}`, false, "", "nothing at the path"},
		"object":            {200, `{"company":{"id":{}}}`, false, "", "neither"},
		"html":              {200, `<html>s3cret`, false, "", "not JSON"},
		"sign in":           {302, ``, false, "", "redirects (status 302)"},
		"forbidden":         {403, `s3cret`, false, "", "status 403"},
		"broken":            {500, `s3cret`, false, "", "status 500"},
		"plain":             {200, " 17\n", true, "17", ""},
		"plain and empty":   {200, "\n", true, "", ""},
		"plain null":        {200, "null\n", true, "", ""},
		"plain word":        {200, "None\n", true, "", "the word None"},
		"plain with quotes": {200, `"11"`, true, "", "a document, not an id"},
		"plain html":        {200, "<html>\n<body>s3cret", true, "", "no single line"},
		"one line of html":  {200, "<html>login</html>", true, "", "a document, not an id"},
		"json without path": {200, `{"company": 11}`, true, "", "a document, not an id"},
		"plain and long":    {200, strings.Repeat("x", 513), true, "", "no single line"},
		"plain and no text": {200, "\xff", true, "", "no single line"},
		"too large":         {200, strings.Repeat(" ", 1<<20) + `{"company":{"id":17}}`, false, "", "larger"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					t.Error("the redirect was followed")
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			})
			o := appprobe.Options{URL: base + "/{user_id}", JSONPath: "company.id"}
			if tt.plain {
				o.JSONPath = ""
			}
			got, err := open(t, o).Company(t.Context(), "7")
			if err != nil {
				t.Fatal(err)
			}
			if got.CompanyID != tt.want || (got.Failed == "") != (tt.failed == "") || !strings.Contains(got.Failed, tt.failed) {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(got.Failed, "s3cret") {
				t.Errorf("the answer repeats the body: %+v", got)
			}
		})
	}
}

func TestUserIDIsEscaped(t *testing.T) {
	t.Parallel()
	const id = "a/../b?c=d&e #é"
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path, err := url.PathUnescape(strings.TrimPrefix(r.URL.EscapedPath(), "/users/"))
		if err != nil || path != id || r.URL.Query().Get("u") != id || r.URL.Query().Get("x") != "1" {
			t.Errorf("the app was asked for %s", r.RequestURI)
		}
		io.WriteString(w, "11")
	})
	r := open(t, appprobe.Options{URL: base + "/users/{user_id}?x=1&u={user_id}"})
	if got, err := r.Company(t.Context(), id); err != nil || got.CompanyID != "11" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestUserIDThatNoURLHolds(t *testing.T) {
	t.Parallel()
	base := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	r := open(t, appprobe.Options{URL: base + "/users/{user_id}/company"})
	for _, id := range []string{"", ".", "..", "\xff"} {
		if got, err := r.Company(t.Context(), id); err != nil || got.Failed == "" {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
}

func TestHeadersAreSent(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" || r.Host != "app.example.com" {
			t.Errorf("got headers %v of host %s", r.Header, r.Host)
		}
		io.WriteString(w, "11")
	})
	r := open(t, appprobe.Options{URL: base + "/{user_id}", RevisionURL: base, Headers: map[string]string{"authorization": "Bearer s3cret", "Host": "app.example.com"}})
	if _, err := r.Company(t.Context(), "7"); err != nil {
		t.Error(err)
	}
	if got, err := r.Revision(t.Context()); err != nil || got != "11" {
		t.Errorf("revision %q, %v", got, err)
	}
}

func TestRevision(t *testing.T) {
	t.Parallel()
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			io.WriteString(w, `{"git":{"sha":"4f2a9c1"},"none":null}`)
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for _, tt := range []struct {
		path, json, want string
		kind             rightful.ErrorKind
	}{
		{"/json", "git.sha", "4f2a9c1", ""},
		{"/json", "none", "", ""},
		{"/json", "git.tag", "", rightful.KindUnavailable},
		{"/gone", "", "", rightful.KindUnavailable},
	} {
		r := open(t, appprobe.Options{URL: base + "/{user_id}", RevisionURL: base + tt.path, RevisionJSON: tt.json})
		got, err := r.Revision(t.Context())
		if got != tt.want || rightful.KindOf(err) != tt.kind || (err == nil) != (tt.kind == "") {
			t.Errorf("%s %s: got %q, %v", tt.path, tt.json, got, err)
		}
	}
	if got, err := open(t, appprobe.Options{URL: base + "/{user_id}"}).Revision(t.Context()); got != "" || err != nil {
		t.Errorf("not configured: got %q, %v", got, err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	const base = "http://" + testserver.Nobody
	r := open(t, appprobe.Options{URL: base + "/{user_id}?token=s3cret", RevisionURL: base + "/?token=s3cret"})
	_, err := r.Company(t.Context(), "7")
	_, revisionErr := r.Revision(t.Context())
	for _, err := range []error{err, revisionErr} {
		if rightful.KindOf(err) != rightful.KindUnreachable || !strings.Contains(err.Error(), strings.TrimPrefix(base, "http://")) {
			t.Errorf("got %v", err)
		}
		if strings.Contains(err.Error(), "s3cret") || strings.Contains(errors.Unwrap(err).Error(), "s3cret") {
			t.Errorf("error %v holds a secret", err)
		}
	}
}

// TestEveryErrorSaysWhatToDo: of an app that cannot be asked, and of one that
// does not tell its revision.
func TestEveryErrorSaysWhatToDo(t *testing.T) {
	t.Parallel()
	plain := serve(t, http.NotFound)
	signed := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(signed.Close)
	signed.Config.ErrorLog = log.New(io.Discard, "", 0)
	for todo, base := range map[string]string{
		"is the app running":  "http://" + testserver.Nobody,
		"speaks TLS":          strings.Replace(plain, "http:", "https:", 1),
		"the authority":       signed.URL,
		"check the host name": "http://app.invalid",
		"open it by hand":     plain, // 404: the user has no company, but a revision there must be
	} {
		r := open(t, appprobe.Options{URL: base + "/{user_id}", RevisionURL: base + "/revision"})
		_, err := r.Revision(t.Context())
		var own *rightful.Error
		if !errors.As(err, &own) || !strings.Contains(own.Hint, todo) {
			t.Errorf("%s: want the hint %q, got %v", base, todo, err)
		}
		lines := r.Diagnose(t.Context())
		if last := lines[len(lines)-1]; last.Level != rightful.LevelError || !strings.Contains(last.Todo, todo) {
			t.Errorf("%s: the doctor does not say %q: %+v", base, todo, lines)
		}
	}
	r := open(t, appprobe.Options{URL: plain + "/{user_id}", RevisionCommand: []string{"false"}})
	if _, err := r.Revision(t.Context()); err == nil || !strings.Contains(err.Error(), "run it by hand") {
		t.Errorf("a revision command that fails: %v", err)
	}
}

// stalled never answers: it waits until the request is given up.
type stalled struct{}

func (stalled) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeoutAndCancellation(t *testing.T) {
	t.Parallel()
	o := appprobe.Options{URL: "http://app.example.com/{user_id}", Timeout: time.Nanosecond, HTTPClient: &http.Client{Transport: stalled{}}}
	if _, err := open(t, o).Company(t.Context(), "7"); rightful.KindOf(err) != rightful.KindUnreachable {
		t.Errorf("slow app: got %v", err)
	}
	o.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, o).Company(ctx, "7"); !errors.Is(err, context.Canceled) || rightful.KindOf(err) != "" {
		t.Errorf("caller gave up: got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const good = "https://app.example.com/users/{user_id}"
	for setting, o := range map[string]appprobe.Options{
		"resolver_probe.url: ":           {URL: "https://app.example.com/users"},
		"resolver_probe.url":             {URL: "https://{user_id}.example.com/?u={user_id}"},
		"resolver_probe.url: this":       {URL: "ftp://app.example.com/{user_id}"},
		"resolver_probe.url: this is":    {URL: "/users/{user_id}"},
		"resolver_probe.url: this is no": {},
		"resolver_probe.json":            {URL: good, JSONPath: "a..b"},
		"resolver_probe.revision_url":    {URL: good, RevisionURL: "app"},
		"resolver_probe.revision_json":   {URL: good, RevisionURL: good, RevisionJSON: "."},
		"resolver_probe.headers":         {URL: good, Headers: map[string]string{"X-Token": "s3cret\r\nX: y"}},
		"resolver_probe.headers: ":       {URL: good, Headers: map[string]string{"X Token": "s3cret"}},
	} {
		_, err := appprobe.New(o)
		if rightful.KindOf(err) != rightful.KindInvalid || !strings.HasPrefix(err.Error(), setting) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: got %v, want an error at %s", o, err, setting)
		}
	}
}
