package examples_test

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// buyer is somebody at a browser without scripts: it keeps cookies, follows redirects,
// and sends the forms that it is shown.
type buyer struct {
	*testing.T
	app    *example
	client *http.Client

	address string // where it is
	status  int
	text    string // of the page
}

const password = "correct horse"

// person is somebody who has not signed up.
func person(t *testing.T, e *example) *buyer {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &buyer{T: t, app: e, client: &http.Client{Transport: transport, Jar: must(cookiejar.New(nil))(t)}}
}

// member signs up with a company.
func member(t *testing.T, e *example, email, company string) *buyer {
	t.Helper()
	b := person(t, e)
	b.open("/")
	b.submit("/sign-up", url.Values{"email": {email}, "password": {password}, "company": {company}})
	b.wants(http.StatusOK, company)
	return b
}

// open goes to a page: of the app, when it begins with a slash.
func (b *buyer) open(address string) {
	b.Helper()
	b.send(must(http.NewRequestWithContext(b.Context(), http.MethodGet, b.absolute(address), nil))(b))
}

func (b *buyer) absolute(address string) string {
	if strings.HasPrefix(address, "/") {
		return b.app.url + address
	}
	return address
}

func (b *buyer) send(q *http.Request) {
	b.Helper()
	answer, err := b.client.Do(q)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	b.status, b.address, b.text = answer.StatusCode, answer.Request.URL.String(), string(must(io.ReadAll(answer.Body))(b))
	if b.status == http.StatusInternalServerError {
		b.Errorf("%s answers 500: %s", b.address, b.text)
	}
}

// post sends a form that nobody showed.
func (b *buyer) post(address string, form url.Values) {
	b.Helper()
	q := must(http.NewRequestWithContext(b.Context(), http.MethodPost, b.absolute(address), strings.NewReader(form.Encode())))(b)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Origin", q.URL.Scheme+"://"+q.URL.Host)
	b.send(q)
}

var (
	formOf = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"[^>]*>(.*?)</form>`)
	input  = regexp.MustCompile(`<input[^>]* name="([^"]*)"[^>]*>`)
	value  = regexp.MustCompile(` value="([^"]*)"`)
	option = regexp.MustCompile(`<option value="([^"]*)" selected>`)
	choice = regexp.MustCompile(`<select[^>]* name="([^"]*)"`)
)

// form returns what the page would send to an action, and whether it has that form.
func (b *buyer) form(action string) (url.Values, bool) {
	for _, f := range formOf.FindAllStringSubmatch(b.text, -1) {
		if f[1] != action {
			continue
		}
		fields := url.Values{}
		for _, i := range input.FindAllStringSubmatch(f[2], -1) {
			v := value.FindStringSubmatch(i[0])
			if v != nil {
				fields.Set(i[1], html.UnescapeString(v[1]))
			}
		}
		if c, o := choice.FindStringSubmatch(f[2]), option.FindStringSubmatch(f[2]); c != nil && o != nil {
			fields.Set(c[1], o[1])
		}
		return fields, true
	}
	return nil, false
}

// submit sends a form of the page, filled in.
func (b *buyer) submit(action string, filled url.Values) {
	b.Helper()
	fields, ok := b.form(action)
	if !ok {
		b.Fatalf("%s has no form for %q: %s", b.address, action, b.text)
	}
	for name, values := range filled {
		fields[name] = values
	}
	if action == "" {
		action = b.address
	}
	b.post(action, fields)
}

// wants holds the page to a status and a text.
func (b *buyer) wants(status int, text string) {
	b.Helper()
	if b.status != status || !strings.Contains(b.text, html.EscapeString(text)) {
		b.Fatalf("%s answers %d, want %d and %q: %s", b.address, b.status, status, text, b.text)
	}
}

// goesToPay presses the button that buys, and returns the id of the session that it is
// sent to.
func (b *buyer) goesToPay() string {
	b.Helper()
	b.open("/")
	b.submit("/buy", nil)
	at := must(url.Parse(b.address))(b)
	id, found := strings.CutPrefix(at.Path, "/c/pay/")
	if !found || b.status != http.StatusOK {
		b.Fatalf("not sent to pay: %s answers %d, %s", b.address, b.status, b.text)
	}
	return id
}

// pays sends the form of Stripe's page, and goes where that sends it.
func (b *buyer) pays() {
	b.Helper()
	b.submit("", url.Values{"name": {"A Buyer"}})
}

// paysAndStays pays, and does not go back yet. It returns where it was sent.
func (b *buyer) paysAndStays() string {
	b.Helper()
	var where string
	b.client.CheckRedirect = func(q *http.Request, _ []*http.Request) error {
		where = q.URL.String()
		return http.ErrUseLastResponse
	}
	b.pays()
	b.client.CheckRedirect = nil
	if !strings.HasPrefix(where, b.app.url+"/return?session_id=cs_test_") {
		b.Fatalf("sent back to %q: %d, %s", where, b.status, b.text)
	}
	return where
}

// returns goes to a return page, and holds it to a status of the gateway. The page is
// fine whatever it says.
func (b *buyer) returns(address, status string) {
	b.Helper()
	b.open(address)
	b.wants(http.StatusOK, "")
	if !strings.Contains(b.text, `data-status="`+status+`"`) {
		b.Errorf("%s, want %s: %s", b.address, status, b.text)
	}
}

// plan returns what the shop knows of the subscription of the company that the buyer
// works in.
func (b *buyer) plan() string {
	b.Helper()
	b.open("/")
	_, rest, _ := strings.Cut(b.text, `<span id="plan">`)
	plan, _, _ := strings.Cut(rest, "<")
	return plan
}

// waitsForPlan waits until a notice has brought it.
func (b *buyer) waitsForPlan(plan string) {
	b.Helper()
	until(b.T, "the plan is "+plan, func() bool { return b.plan() == plan })
}
