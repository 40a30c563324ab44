package openapitest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rightful/stripesim"
	"rightful/stripesim/openapitest"
)

// drive sends requests to a simulator and holds every answer against Stripe's
// document.
type drive struct {
	*testing.T
	spec *openapitest.Spec
	sim  *stripesim.Server
	srv  *httptest.Server
	now  atomic.Int64
	// answers counts what was compared.
	answers int
}

func newDrive(t *testing.T) *drive {
	spec, err := openapitest.Load()
	if err != nil {
		t.Fatal(err)
	}
	d := &drive{T: t, spec: spec}
	d.now.Store(1_790_000_000)
	d.sim = stripesim.New(stripesim.Options{Now: func() time.Time { return time.Unix(d.now.Load(), 0) }})
	d.srv = httptest.NewServer(d.sim)
	t.Cleanup(d.srv.Close)
	return d
}

// object is a decoded answer.
type object map[string]any

func (o object) str(path ...any) string {
	s, _ := o.at(path...).(string)
	return s
}

func (o object) at(path ...any) any {
	var v any = map[string]any(o)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func (d *drive) post(path, form string) object { d.Helper(); return d.do(200, "POST", path, form) }
func (d *drive) get(path string) object        { d.Helper(); return d.do(200, "GET", path, "") }
func (d *drive) delete(path string) object     { d.Helper(); return d.do(200, "DELETE", path, "") }

// do sends one request, checks the status and validates the answer.
func (d *drive) do(status int, method, path, form string) object {
	d.Helper()
	raw, got := d.send(method, path, form)
	if got != status {
		d.Fatalf("%s %s %s: got %d, want %d: %s", method, path, form, got, status, raw)
	}
	var answer object
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&answer); err != nil {
		d.Fatalf("%s %s: %v: %s", method, path, err, raw)
	}
	bare, _, _ := strings.Cut(path, "?")
	schema := d.spec.Answer(method, bare, status == 200)
	if schema == nil {
		d.Fatalf("%s %s: Stripe's document has no such endpoint", method, bare)
	}
	d.answers++
	for _, violation := range d.spec.Validate(schema, map[string]any(answer)) {
		d.Errorf("%s %s: %s", method, path, violation)
	}
	return answer
}

func (d *drive) send(method, path, form string) ([]byte, int) {
	req, err := http.NewRequest(method, d.srv.URL+path, strings.NewReader(form))
	if err != nil {
		d.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk_test_openapi")
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	return raw, res.StatusCode
}

// common drives what every resource can do: retrieve, a list, a page of it,
// metadata where there is some, and the errors.
func (d *drive) common(url, id string, expand ...string) {
	d.Helper()
	d.get(url + "/" + id)
	d.get(url + "?limit=1")
	d.do(400, "GET", url+"?limit=0", "")
	d.do(400, "GET", url+"?unknown=1", "")
	d.do(404, "GET", url+"/none_1", "")
	for _, property := range expand {
		d.get(fmt.Sprintf("%s/%s?expand[]=%s", url, id, property))
		d.get(fmt.Sprintf("%s?expand[]=data.%s", url, property))
	}
}

// stamps drives metadata: merge, unset, refusal.
func (d *drive) stamps(url, id string) {
	d.Helper()
	d.post(url+"/"+id, "metadata[company_id]=11&metadata[other]=x")
	if got := d.post(url+"/"+id, "metadata[other]=").str("metadata", "company_id"); got != "11" {
		d.Errorf("%s: the stamp is %q", id, got)
	}
	d.do(400, "POST", url+"/"+id, "metadata["+strings.Repeat("k", 41)+"]=x")
	d.do(404, "POST", url+"/none_1", "metadata[a]=b")
}
