package test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestServe is a whole session: an app that knows nothing of rightful but its HTTP
// calls.
func TestServe(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.serve(t)

	company := s.must200(t, "GET", "/v1/users/7/company", appToken, "")
	if company.text("company_id") != "11" {
		t.Errorf("company: %s", company.raw)
	}
	made := s.must200(t, "POST", "/v1/companies/11/customer", appToken, `{"name": "Bela", "email": "billing@example.com"}`)
	again := s.must200(t, "POST", "/v1/companies/11/customer", envToken, "")
	if made.body["created"] != true || again.body["created"] != false || made.text("stripe_customer_id") != again.text("stripe_customer_id") {
		t.Errorf("customer: %s, then %s", made.raw, again.raw)
	}
	session := s.buys(t, 7)
	if session.text("company_id") != "11" || session.text("stripe_customer_id") != made.text("stripe_customer_id") || session.text("url") == "" {
		t.Errorf("session: %s", session.raw)
	}
	if same := s.buys(t, 7); same.text("id") != session.text("id") || same.body["reused"] != true {
		t.Errorf("the same wish: %s", same.raw)
	}
	id := session.text("id")
	if v := s.validates(t, appToken, id, "7"); v.text("status") != "not_paid" || v.text("decision") != "refuse" {
		t.Errorf("before it is paid: %s", v.raw)
	}
	s.pays(t, id, "bela@example.com")
	if v := s.validates(t, appToken, id, `"7"`); v.text("status") != "valid" || v.text("decision") != "allow" || v.text("company_id") != "11" {
		t.Errorf("paid: %s", v.raw)
	}
	for user, status := range map[string]string{"9": "other_company", "null": "needs_sign_in", "10": "other_company", `"nobody"`: "needs_sign_in"} {
		v := s.validates(t, appToken, id, user)
		if v.text("status") != status || v.text("decision") != "allow" || v.text("enforced") != "refuse" || v.body["company_id"] != nil {
			t.Errorf("user %s: %s", user, v.raw)
		}
		if strings.Contains(string(v.raw), "Bela") || strings.Contains(string(v.raw), made.text("stripe_customer_id")) || strings.Contains(string(v.raw), "company 11") {
			t.Errorf("user %s is told of another company: %s", user, v.raw)
		}
	}
	if v := s.validates(t, opsToken, id, "9"); !strings.Contains(v.text("operator_message"), "11") {
		t.Errorf("an operator is not told whose it is: %s", v.raw)
	}
	for path, answers := range map[string][3]string{
		"customers": {made.text("stripe_customer_id"), "valid", "other_company"},
		"sessions":  {id, "valid", "other_company"},
		"portal":    {made.text("stripe_customer_id"), "valid", "other_company"},
	} {
		for i, user := range []string{"7", "9"} {
			g := s.must200(t, "POST", "/v1/guard/"+path, appToken, `{"user_id": `+user+`, "id": "`+answers[0]+`"}`)
			if g.text("status") != answers[i+1] {
				t.Errorf("guard %s of user %s: %s", path, user, g.raw)
			}
		}
		if g := s.must200(t, "POST", "/v1/guard/"+path, appToken, `{"user_id": 7, "id": "../../etc/passwd"}`); g.text("decision") != "refuse" {
			t.Errorf("guard %s of nonsense: %s", path, g.raw)
		}
	}
	portal := s.must200(t, "POST", "/v1/portal/sessions", appToken, `{"user_id": 7, "return_url": "https://app.example.com/billing"}`)
	if portal.text("company_id") != "11" || portal.text("stripe_customer_id") != made.text("stripe_customer_id") || !strings.HasPrefix(portal.text("url"), s.stripe.URL+"/p/session/") {
		t.Errorf("portal: %s", portal.raw)
	}
	if no := s.ask(t, "POST", "/v1/portal/sessions", appToken, `{"user_id": 9, "return_url": "https://app.example.com/billing"}`); no.status != 409 || no.text("code") != "no_customer" || no.text("buyer_message") == "" {
		t.Errorf("the portal of a company that has bought nothing: %d %s", no.status, no.raw)
	}
	if no := s.ask(t, "POST", "/v1/portal/sessions", appToken, `{"user_id": 7, "return_url": "/billing"}`); no.status != 422 || no.text("field") != "return_url" {
		t.Errorf("a portal that leads nowhere: %d %s", no.status, no.raw)
	}
	s.records(t)
	for name, operation := range s.api.seen {
		if !operation["200"] {
			t.Errorf("%s was never answered with 200", name)
		}
	}
	for path, item := range s.api.at(s.api.root, "paths").(map[string]any) {
		for method := range item.(map[string]any) {
			if s.api.seen[strings.ToUpper(method)+" "+path] == nil {
				t.Errorf("%s %s is described, and was not asked", method, path)
			}
		}
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.log)
	}
	for _, hidden := range []string{appToken, opsToken, envToken, "sk_test_shop", secret, "billing@example.com", "bela@example.com"} {
		if strings.Contains(s.log.String(), hidden) {
			t.Errorf("the log holds %s", hidden)
		}
	}
	if !strings.Contains(s.log.String(), `"msg":"rightful decided"`) || !strings.Contains(s.log.String(), `"caller":"shop"`) {
		t.Errorf("the log: %s", s.log)
	}
}

// records looks at what an audit leaves, at what is there without a token, and sends
// an event.
func (s *shop) records(t *testing.T) {
	t.Helper()
	if before := s.must200(t, "GET", "/v1/findings", readToken, ""); before.body["audit"] != nil {
		t.Errorf("before any audit: %s", before.raw)
	}
	if code, _, errs := s.rightful(t, "audit", "--record"); code != 2 {
		t.Fatalf("audit: exit code %d, %s", code, errs)
	}
	all := s.must200(t, "GET", "/v1/findings", readToken, "")
	audit, _ := all.body["audit"].(map[string]any)
	findings, _ := all.body["findings"].([]any)
	if audit["complete"] != true || len(findings) < 2 {
		t.Fatalf("findings: %s", all.raw)
	}
	first, _ := findings[0].(map[string]any)
	page := s.must200(t, "GET", "/v1/findings?limit=1", envToken, "")
	rest := s.must200(t, "GET", "/v1/findings?limit=100&cursor="+page.text("next_cursor"), opsToken, "")
	if n, _ := rest.body["findings"].([]any); len(n) != len(findings)-1 || rest.body["next_cursor"] != nil {
		t.Errorf("%d findings, and after the first: %s", len(findings), rest.raw)
	}
	if one := s.must200(t, "GET", fmt.Sprintf("/v1/findings/%s", first["id"]), readToken, ""); one.text("id") != first["id"] {
		t.Errorf("one finding: %s", one.raw)
	}
	if some := s.must200(t, "GET", fmt.Sprintf("/v1/findings?code=%s&severity=%s", first["code"], first["severity"]), readToken, ""); !strings.Contains(string(some.raw), first["id"].(string)) {
		t.Errorf("chosen: %s", some.raw)
	}
	world := must(filepath.Abs("../internal/demo/founding-incident.json"))(t)
	if code, out, errs := s.rightful(t, "fix", "bela@example.com", "--yes", "--world", world, "--state", "sqlite:rightful.db", "--save", "after.json"); code != 0 && code != 2 {
		t.Fatalf("fix: exit code %d, %s%s", code, out, errs)
	}
	runs := s.must200(t, "GET", "/v1/runs?limit=1", readToken, "")
	list, _ := runs.body["runs"].([]any)
	if len(list) != 1 {
		t.Fatalf("runs: %s", runs.raw)
	}
	run := s.must200(t, "GET", fmt.Sprintf("/v1/runs/%s", list[0].(map[string]any)["id"]), readToken, "")
	if n, _ := run.body["records"].([]any); len(n) < 3 {
		t.Errorf("run: %s", run.raw)
	}
	s.must200(t, "GET", "/v1/jobs?limit=3", readToken, "")
	s.must200(t, "GET", "/metrics", "", "")
	s.must200(t, "GET", "/healthz", "", "")
	s.must200(t, "GET", "/readyz", "", "")
	s.must200(t, "GET", "/openapi.json", "", "")
	event := `{"id": "evt_1", "object": "event", "type": "customer.updated", "created": 1760000000, "livemode": false, "data": {"object": {"id": "cus_1", "object": "customer"}}}`
	s.must200(t, "POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now()))
	s.must200(t, "POST", "/v1/webhooks/stripe", "", event, "Stripe-Signature", signature(event, secret, time.Now()))
}

func signature(body, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// TestServeRefuses: each wrong request has the one right answer, the same for
// everybody, and none of them is a 500.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.serve(t)
	const validate, checkout = "/v1/payments/validate", "/v1/checkout/sessions"
	deep := strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)
	right := `"mode": "payment", "price": "price_1", "success_url": "https://app.example.com/"`
	for _, c := range []struct {
		method, path, token, body string
		headers                   []string
		status                    int
		code, field               string
	}{
		{"GET", "/v1/users/7/company", "", "", nil, 401, "unauthorized", ""},
		{"GET", "/v1/users/7/company", "wrong", "", nil, 401, "unauthorized", ""},
		{"GET", "/v1/users/7/company", "", "", []string{"Authorization", "Basic " + appToken}, 401, "unauthorized", ""},
		{"GET", "/v1/users/7/company", readToken, "", nil, 403, "forbidden", ""},
		{"GET", "/v1/findings", appToken, "", nil, 403, "forbidden", ""},
		{"GET", "/v1/users/99/company", appToken, "", nil, 404, "not_found", ""},
		{"GET", "/v1/users/%00/company", appToken, "", nil, 422, "invalid", "user_id"},
		{"GET", "/v1/users/" + strings.Repeat("7", 300) + "/company", appToken, "", nil, 422, "invalid", "user_id"},
		{"POST", "/v1/companies/99/customer", appToken, "", nil, 404, "not_found", ""},
		{"POST", "/v1/companies/13/customer", appToken, "", nil, 409, "company_gone", ""},
		{"POST", "/v1/companies/11/customer", appToken, `{"metadata": {}}`, nil, 400, "malformed", "metadata"},
		{"POST", checkout, appToken, `{"user_id": 8, ` + right + `}`, nil, 409, "company_gone", ""},
		{"POST", checkout, appToken, `{"user_id": 7, "company_id": 12, ` + right + `}`, nil, 409, "other_company", ""},
		{"POST", checkout, appToken, `{"user_id": 7, "mode": "gift"}`, nil, 422, "invalid", "mode"},
		{"POST", checkout, appToken, `{"user_id": 7, "metadata": {"company_id": "12"}, ` + right + `}`, nil, 422, "invalid", ""},
		{"POST", checkout, appToken, `{"user_id": 7, "stripe_params": {"customer": "cus_1"}, ` + right + `}`, nil, 422, "invalid", ""},
		{"POST", checkout, appToken, `{"user_id": 7, "customer": "cus_1"}`, nil, 400, "malformed", "customer"},
		{"POST", checkout, appToken, `{"user_id": 7.5}`, nil, 422, "invalid", "user_id"},
		{"POST", checkout, appToken, `{"user_id": {"id": 7}}`, nil, 422, "invalid", "user_id"},
		{"POST", checkout, appToken, `{"user_id": 7, "quantity": "1"}`, nil, 422, "invalid", "quantity"},
		{"POST", validate, appToken, ``, []string{"Content-Type", "application/json"}, 400, "malformed", ""},
		{"POST", validate, appToken, `{"user_id": 7}`, nil, 400, "malformed", "session_id"},
		{"POST", "/v1/guard/sessions", appToken, `{"user_id": 7}`, nil, 400, "malformed", "id"},
		{"POST", validate, appToken, `[]`, nil, 400, "malformed", ""},
		{"POST", validate, appToken, `{"session_id": "cs_1"`, nil, 400, "malformed", ""},
		{"POST", validate, appToken, `{"session_id": "cs_1"} {}`, nil, 400, "malformed", ""},
		{"POST", validate, appToken, `{"session_id": "cs_1", "session_id": "cs_2"}`, nil, 400, "malformed", "session_id"},
		{"POST", validate, appToken, `{"Session_ID": "cs_1"}`, nil, 400, "malformed", "Session_ID"},
		{"POST", validate, appToken, "{\"session_id\": \"\xff\"}", nil, 400, "malformed", ""},
		{"POST", validate, appToken, deep, nil, 400, "malformed", ""},
		{"POST", validate, appToken, `{"session_id": "` + strings.Repeat("x", 256<<10) + `"}`, nil, 413, "too_large", ""},
		{"POST", validate, appToken, `session_id=cs_1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", ""},
		{"POST", validate, appToken, `{}`, []string{"Content-Encoding", "gzip"}, 415, "unsupported_media_type", ""},
		{"GET", validate, appToken, "", nil, 405, "method_not_allowed", ""},
		{"DELETE", "/v1/findings", readToken, "", nil, 405, "method_not_allowed", ""},
		{"GET", "/v1/companies", appToken, "", nil, 404, "not_found", ""},
		{"GET", "/v1//findings", readToken, "", nil, 404, "not_found", ""},
		{"GET", "/v1/../v1/findings", readToken, "", nil, 404, "not_found", ""},
		{"GET", "/v1/findings?limit=0", readToken, "", nil, 422, "invalid", "limit"},
		{"GET", "/v1/findings?limit=101", readToken, "", nil, 422, "invalid", "limit"},
		{"GET", "/v1/findings?cursor=abc", readToken, "", nil, 422, "invalid", "cursor"},
		{"GET", "/v1/findings?code=RF1", readToken, "", nil, 422, "invalid", "code"},
		{"GET", "/v1/findings?severity=bad", readToken, "", nil, 422, "invalid", "severity"},
		{"GET", "/v1/findings?company=11", readToken, "", nil, 422, "invalid", "company"},
		{"GET", "/v1/findings?code=RF101&code=RF102", readToken, "", nil, 422, "invalid", "code"},
		{"GET", "/v1/findings/RF101-nobody", readToken, "", nil, 404, "not_found", ""},
		{"GET", "/v1/runs/run-nobody", readToken, "", nil, 404, "not_found", ""},
		{"GET", "/metrics", "", "", []string{"X-Forwarded-For", "203.0.113.7"}, 401, "unauthorized", ""},
		{"POST", "/v1/webhooks/stripe", "", `{}`, nil, 400, "bad_signature", ""},
		{"POST", "/v1/webhooks/stripe", "", `{}`, []string{"Stripe-Signature", signature(`{}`, "whsec_other", time.Now())}, 400, "bad_signature", ""},
		{"POST", "/v1/webhooks/stripe", "", `{}`, []string{"Stripe-Signature", signature(`{}`, secret, time.Now().Add(-time.Hour))}, 400, "out_of_time", ""},
		{"POST", "/v1/webhooks/stripe", "", `{}`, []string{"Stripe-Signature", signature(`{}`, secret, time.Now())}, 400, "bad_body", ""},
		{"POST", "/v1/webhooks/stripe", "", strings.Repeat(" ", 2<<20), []string{"Stripe-Signature", signature(`{}`, secret, time.Now())}, 413, "too_large", ""},
	} {
		name := fmt.Sprintf("%s %.60s %.60s", c.method, c.path, c.body)
		r := s.ask(t, c.method, c.path, c.token, c.body, c.headers...)
		if r.status != c.status || r.text("code") != c.code || !strings.HasPrefix(r.text("field"), c.field) {
			t.Errorf("%s: %d %s", name, r.status, r.raw)
		}
		if c.status == 401 != (r.header.Get("WWW-Authenticate") != "") && c.status != 403 {
			t.Errorf("%s: WWW-Authenticate %q", name, r.header.Get("WWW-Authenticate"))
		}
		if id := r.header.Get("X-Request-Id"); id == "" || c.code != "" && r.text("instance") != id {
			t.Errorf("%s: request id %q, instance %q", name, id, r.text("instance"))
		}
	}
	for user, status := range map[string]string{"7": "found", "10": "no_company", "8": "company_gone"} {
		r := s.ask(t, "GET", "/v1/users/"+user+"/company", appToken, "")
		if r.status != 200 || r.text("status") != status || (r.text("company_id") != "") != (status == "found") || !strings.Contains(string(r.raw), `"membership":[`) {
			t.Errorf("the company of user %s: %d %s", user, r.status, r.raw)
		}
	}
	// What a browser left empty is an id that nothing has, and no fault of the app.
	for path, body := range map[string]string{validate: `{"session_id": "", "user_id": 7}`, "/v1/guard/sessions": `{"id": "", "user_id": 7}`, "/v1/guard/portal": `{"id": "", "user_id": 7}`} {
		if r := s.must200(t, "POST", path, appToken, body); !strings.HasPrefix(r.text("status"), "unknown") {
			t.Errorf("%s of an empty id: %s", path, r.raw)
		}
	}
	for sent, kept := range map[string]bool{"abc-123": true, "a b": false, strings.Repeat("x", 65): false, "a\"b": false} {
		r := s.ask(t, "GET", "/healthz", "", "", "X-Request-Id", sent)
		if got := r.header.Get("X-Request-Id"); (got == sent) != kept || got == "" {
			t.Errorf("%q became %q", sent, got)
		}
	}
	if code := s.stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Errorf("the log: %s", s.log)
	}
}

// TestServeEnforces: the mode changes what is to be done, and not what is true.
func TestServeEnforces(t *testing.T) {
	t.Parallel()
	s := openShop(t, "gateway: {mode: observe, rules: {other_company: enforce}}\n")
	s.serve(t)
	id := s.buys(t, 7).text("id")
	s.pays(t, id, "bela@example.com")
	for user, decision := range map[string]string{"7": "allow", "9": "refuse", "null": "allow"} {
		if v := s.validates(t, appToken, id, user); v.text("decision") != decision {
			t.Errorf("user %s: %s", user, v.raw)
		}
	}
}

// TestServeStops: who is being served is served to the end, and the program ends
// well.
func TestServeStops(t *testing.T) {
	t.Parallel()
	s := openShop(t, "  drain_for: 2s\n")
	s.serve(t)
	s.buys(t, 7)
	met, goOn := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(goOn) })
	t.Cleanup(release) // whatever fails: the door must not stay shut
	var once sync.Once
	s.meet(func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/checkout/sessions" {
			once.Do(func() { close(met); <-goOn })
		}
	})
	answered := make(chan reply, 1)
	go func() { answered <- s.buys(t, 9) }()
	<-met
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for s.ask(t, "GET", "/readyz", "", "").status != http.StatusServiceUnavailable {
	}
	s.must200(t, "GET", "/v1/users/7/company", appToken, "") // who comes meanwhile is served
	for {                                                    // until nobody new is taken
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		c.Close()
	}
	release()
	if r := <-answered; r.text("company_id") != "12" {
		t.Errorf("the request under way: %s", r.raw)
	}
	if code := s.ended(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, s.log)
	}
	if _, err := s.client.Get(s.url + "/healthz"); err == nil {
		t.Error("it still answers")
	}
	for _, said := range []string{
		`"msg":"rightful stops: requests under way are finished","because":"terminated signal received","drain_for":"2s","stop_within":"30s"}`, `"msg":"rightful has stopped","everything_finished":true}`,
	} {
		if strings.Count(s.log.String(), said) != 1 {
			t.Errorf("the log does not say once %s:\n%s", said, s.log)
		}
	}
}

// TestServePipelined: several requests on one connection, sent at once, are answered
// in their order.
func TestServePipelined(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.serve(t)
	c := must(net.Dial("tcp", strings.TrimPrefix(s.url, "http://")))(t)
	defer c.Close()
	head := "Host: rightful\r\nAuthorization: Bearer " + appToken + "\r\n"
	body := `{"session_id": "cs_nobody", "user_id": 7}`
	fmt.Fprintf(c, "GET /v1/users/7/company HTTP/1.1\r\n%s\r\nPOST /v1/payments/validate HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%sGET /v1/users/9/company HTTP/1.1\r\n%s\r\n",
		head, head, len(body), body, head)
	in := bufio.NewReader(c)
	for _, want := range []string{`"company_id":"11"`, `"status":"unknown_session"`, `"company_id":"12"`} {
		r := must(http.ReadResponse(in, nil))(t)
		if raw := must(io.ReadAll(r.Body))(t); r.StatusCode != 200 || !strings.Contains(string(raw), want) {
			t.Errorf("%d %s, want %s", r.StatusCode, raw, want)
		}
	}
}

// TestServeManyAtOnce: everybody who asks for the customer of a company at the same
// time gets the same one.
func TestServeManyAtOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	s.serve(t)
	const many = 100
	got := make([]string, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			if i%2 == 0 {
				got[i] = s.must200(t, "POST", "/v1/companies/11/customer", appToken, "").text("stripe_customer_id")
			} else {
				got[i] = s.buys(t, 7).text("stripe_customer_id")
			}
		})
	}
	all.Wait()
	slices.Sort(got)
	if one := slices.Compact(got); len(one) != 1 || one[0] == "" {
		t.Errorf("customers: %v", one)
	}
}
