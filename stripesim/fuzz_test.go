package stripesim_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"rightful/stripesim"
)

// Whatever a form holds, the parser answers and the server never fails inside.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "a=1", "a[b]=1&a[]=2", "items[][price]=a&items[][price]=b", "metadata[a]=&metadata=", "a[[]]=1", "a[0][1][]=%zz", "expand[]=customer&limit=3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		_ = stripesim.ParseForm(form)
		sim := stripesim.New(stripesim.Options{})
		for _, path := range []string{"/v1/customers", "/v1/checkout/sessions", "/v1/payment_intents"} {
			req := httptest.NewRequest("POST", path, strings.NewReader(form))
			req.Header.Set("Authorization", "Bearer "+testKey)
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, req)
			if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

// A world is refused with an error or loaded; what was loaded dumps as JSON
// that loads again to the same dump.
func FuzzLoadWorld(f *testing.F) {
	for _, seed := range []string{`{}`, `{"stripe":{}}`, `{"stripe":{"account":{"id":"a","livemode":true},"customers":[{"id":"c1","created":5}]}}`,
		`{"stripe":{"customers":[{"id":"c1","deleted":true}],"missing_ids":["x"],"invoices":[{}]}}`, listWorld, expandWorld,
		`{"stripe":{"checkout_sessions":[{"id":"o1","customer":{"id":null},"_stripesim":{"line_items":7}}]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, world string) {
		sim := stripesim.New(stripesim.Options{Account: "acct_1"})
		if sim.LoadWorld(strings.NewReader(world)) != nil {
			return
		}
		for _, id := range []string{"", "acct_1", "a"} {
			dump, err := sim.Dump(id)
			if err != nil {
				continue
			}
			again := stripesim.New(stripesim.Options{Account: "acct_1"})
			if err := again.LoadWorld(strings.NewReader(`{"stripe":` + string(dump) + `}`)); err != nil {
				t.Fatalf("the dump does not load: %v: %s", err, dump)
			}
		}
	})
}

// Splitting a JSON object and joining it again changes nothing.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":{"b":[1,"]}"]},"c\"d":"\\","e":[[],{}]}`, `[1,"a,b",[2],{"x":","}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(raw)) != nil || compact.Len() == 0 {
			return
		}
		var before, after any
		if json.Unmarshal(compact.Bytes(), &before) != nil {
			return
		}
		switch compact.Bytes()[0] {
		case '{':
			out := stripesim.Roundtrip(compact.Bytes())
			if err := json.Unmarshal(out, &after); err != nil {
				t.Fatalf("%s became %s: %v", raw, out, err)
			}
			a, _ := json.Marshal(before)
			b, _ := json.Marshal(after)
			if !bytes.Equal(a, b) {
				t.Fatalf("%s became %s", raw, out)
			}
		case '[':
			if items := stripesim.Elements(compact.Bytes()); len(items) != len(before.([]any)) {
				t.Fatalf("%s has %d items, got %d", raw, len(before.([]any)), len(items))
			}
		}
	})
}
