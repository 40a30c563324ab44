package stripeapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rightful"
)

func searchJSON(next string, ids ...string) string {
	body := strings.Replace(listJSON(next != "", ids...), `"object":"list"`, `"object":"search_result"`, 1)
	return strings.Replace(body, `"url"`, fmt.Sprintf(`"next_page":%q,"url"`, next), 1)
}

func TestSearch(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int, w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/v1/customers/search" || q.Get("query") != `metadata['company_id']:'4'` || q.Get("limit") != "100" {
			t.Errorf("asked for %s", r.URL)
		}
		switch q.Get("page") {
		case "":
			send(w, searchJSON("p2", "cus_1"))
		case "p2":
			// The index lags: this one was repaired already.
			send(w, strings.Replace(searchJSON("", "cus_2", "cus_3"), `"company_id":"4"`, `"company_id":"11"`, 1))
		}
	})
	found, err := f.Search(t.Context(), rightful.TypeCustomer, "company_id", "4")
	if err != nil || len(found) != 2 || found[0].ID != "cus_1" || found[1].ID != "cus_3" {
		t.Errorf("got %+v, %v", found, err)
	}
	if f.Requests().ByEndpoint["GET /v1/customers/search"] != 2 {
		t.Errorf("counted %+v", f.Requests())
	}
	// A key that is not kept cannot be checked again.
	f = newFake(t, func(n int, w http.ResponseWriter, r *http.Request) { send(w, searchJSON("", "cus_1")) })
	if found, err := f.Search(t.Context(), rightful.TypeCustomer, "plan", "x"); err != nil || len(found) != 1 {
		t.Errorf("got %+v, %v", found, err)
	}
}

func TestSearchEscapes(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		if got, want := r.URL.Query().Get("query"), `metadata['k\'\\']:'4\' OR \\'`; got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		send(w, searchJSON(""))
	})
	if _, err := f.Search(t.Context(), rightful.TypeSubscription, `k'\`, `4' OR \`); err != nil {
		t.Error(err)
	}
}

func TestSearchUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(int, http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	_, err := f.Search(t.Context(), rightful.TypeSession, "company_id", "4")
	wantKind(t, err, rightful.KindUnsupported)

	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter)
		kind   rightful.ErrorKind
		says   string
	}{
		"not here":      {func(w http.ResponseWriter) { say(w, 404, "", "Unrecognized request URL") }, rightful.KindUnsupported, "cannot be searched"},
		"not in India":  {func(w http.ResponseWriter) { say(w, 400, "", "Search is not available") }, rightful.KindUnsupported, "cannot be searched"},
		"not permitted": {func(w http.ResponseWriter) { say(w, 403, "", "rak_customer_read") }, rightful.KindForbidden, "rak_customer_read"},
		"in a circle":   {func(w http.ResponseWriter) { send(w, searchJSON("p2", "cus_1")) }, rightful.KindUnavailable, "again"},
		"a plain list":  {func(w http.ResponseWriter) { send(w, listJSON(false, "cus_1")) }, rightful.KindUnavailable, "search_result"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(_ int, w http.ResponseWriter, _ *http.Request) { tt.answer(w) })
			found, err := f.Search(t.Context(), rightful.TypeCustomer, "company_id", "4")
			wantKind(t, err, tt.kind, tt.says)
			if found != nil {
				t.Errorf("the error came with %+v", found)
			}
		})
	}
}
