package stripeobject_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"rightful"
	"rightful/internal/stripeobject"
)

func TestDecodePage(t *testing.T) {
	t.Parallel()
	raw := `{"object":"list","url":"/v1/customers","has_more":true,"data":[
	  {"id":"cus_2","object":"customer","metadata":{"company_id":"2"}}, {"id":"cus_1","object":"customer"}]}`
	objects, more, err := stripeobject.DecodePage([]byte(raw), rightful.TypeCustomer, keys, defaults)
	if err != nil || !more || len(objects) != 2 {
		t.Fatalf("got %d objects, more %v, %v", len(objects), more, err)
	}
	if objects[0].ID != "cus_2" || objects[0].Metadata["company_id"] != "2" || objects[1].ID != "cus_1" {
		t.Errorf("got %+v", objects)
	}
}

func TestDecodePageErrors(t *testing.T) {
	t.Parallel()
	page := func(data string) string { return `{"object":"list","has_more":false,"data":` + data + `}` }
	tests := map[string]struct {
		raw  string
		says string
	}{
		"no has_more":   {`{"object":"list","data":[]}`, "has_more"},
		"null has_more": {`{"object":"list","data":[],"has_more":null}`, "has_more"},
		"no data":       {`{"object":"list","has_more":false}`, "data"},
		"data object":   {page(`{}`), "data"},
		"another one":   {`{"object":"search_result","has_more":false,"data":[]}`, "object"},
		"an error":      {`{"error":{"message":"no"}}`, "object"},
		"html":          {`<html>`, "not complete JSON"},
		"cut":           {`{"object":"list","has_more":false,"data":[{"id":"cus_1"},`, "not complete JSON"},
		"no end":        {`{"object":"list","has_more":false,"data":[{"id":"cus_1"}]`, "not complete JSON"},
		"other type":    {page(`[{"id":"cus_1","object":"customer"},{"id":"sub_1","object":"subscription"}]`), "sub_1: field object"},
		"field":         {page(`[{"id":"cus_1"} , {"created":"x","id":"cus_2"}]`), "cus_2: field created"},
		"two pages":     {page(`[]`) + page(`[]`), "follows"},
		"null object":   {page(`[null]`), "want an object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, _, err := stripeobject.DecodePage([]byte(tt.raw), rightful.TypeCustomer, keys, defaults)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error %v does not say %q", err, tt.says)
			}
			if objects != nil {
				t.Errorf("an error came with %d objects", len(objects))
			}
			if cut := strings.Contains(err.Error(), "not complete JSON"); cut != errors.Is(err, stripeobject.ErrNotJSON) {
				t.Errorf("error %q and ErrNotJSON do not agree", err)
			}
		})
	}
}

func TestDecodeSearch(t *testing.T) {
	t.Parallel()
	page := func(tail string) []byte {
		return []byte(`{"object":"search_result","data":[{"id":"cus_1","object":"customer"}],` + tail + `}`)
	}
	for tail, want := range map[string]string{
		`"has_more":true,"next_page":"n2"`:  "n2",
		`"has_more":false,"next_page":null`: "",
		`"has_more":false,"next_page":"n2"`: "",
	} {
		objects, next, err := stripeobject.DecodeSearch(page(tail), rightful.TypeCustomer, keys, defaults)
		if err != nil || len(objects) != 1 || next != want {
			t.Errorf("%s: got %d objects, next %q, %v", tail, len(objects), next, err)
		}
	}
	if _, _, err := stripeobject.DecodeSearch(page(`"has_more":true,"next_page":null`), rightful.TypeCustomer, keys, defaults); err == nil {
		t.Error("more without a cursor is no error")
	}
}

// FuzzDecode checks that any text is either refused or read the same way alone
// and inside a page.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"id":"cus_1","object":"customer","metadata":{"company_id":"4","x":"y"}}`,
		`{"id":"sub_1","object":"subscription","items":{"data":[{"price":{"id":"p","unit_amount_decimal":"0.5"}}]}}`,
		`{"id":"cs_1","object":"checkout.session","customer":{"id":"cus_1","deleted":true}}`,
		`{"id":"pi_1","object":"payment_intent","\u0063reated":1e3}`,
		`{"id":"cus_1","object":"customer","metadata":{"company_id":"4"`,
		`{"id":"sub_sched_1","object":"subscription_schedule","phases":[{"start_date":2,"metadata":{"company_id":"4","x":"y"}},{"start_date":1}]}`,
		`{"id":"in_1","object":"invoice","amount_paid":1,"parent":{"subscription_details":{"subscription":"sub_1","metadata":{"company_id":"4","x":"y"}}}}`,
		`{"id":"ch_1","object":"charge","paid":true,"amount":1,"payment_intent":{"id":"pi_1"}}`,
		`{"id":"pm_1","object":"payment_method","customer":"cus_1"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		alone, err := stripeobject.Decode(raw, "", keys, defaults)
		if err != nil {
			return
		}
		if alone.ID == "" || alone.Type == "" || alone.Account != defaults.Account {
			t.Fatalf("read without identity: %+v", alone)
		}
		kept := []map[string]string{alone.Metadata, alone.Snapshot}
		for _, p := range alone.Phases {
			kept = append(kept, p.Metadata)
		}
		for _, metadata := range kept {
			for key := range metadata {
				if !keys.Keeps(key) {
					t.Fatalf("kept metadata %q", key)
				}
			}
		}
		page := append([]byte(`{"object":"list","has_more":false,"data":[`), raw...)
		objects, _, err := stripeobject.DecodePage(append(page, "]}"...), alone.Type, keys, defaults)
		if err != nil {
			t.Fatalf("alone it is read, in a page not: %v", err)
		}
		if diff := cmp.Diff([]rightful.Object{alone}, objects); diff != "" {
			t.Fatalf("alone and in a page differ:\n%s", diff)
		}
	})
}

// customerPage returns a page of n customers of about Stripe's own weight.
func customerPage(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"object":"list","url":"/v1/customers","has_more":true,"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"cus_%016d","object":"customer","address":{"city":"Springfield","country":"US","line1":"%d Main Street","line2":null,"postal_code":"12345","state":"NY"},`+
			`"balance":0,"created":%d,"currency":"usd","customer_account":null,"default_source":null,"delinquent":false,"description":"Customer number %d of the benchmark","discount":null,`+
			`"email":"person%d@example.com","invoice_prefix":"ABCDEF%02d","invoice_settings":{"custom_fields":null,"default_payment_method":"pm_%016d","footer":null,"rendering_options":null},`+
			`"livemode":true,"metadata":{"company_id":"%d","user_id":"%d","plan":"growth","source":"website","campaign":"spring"},"name":"Person %d Example","next_invoice_sequence":12,`+
			`"phone":null,"preferred_locales":["en-US"],"shipping":null,"tax_exempt":"none","test_clock":null}`, i, i, 1700000000+i, i, i, i%100, i, i, i*7, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// BenchmarkDecodePage compares reading a page of 100 customers with the floor:
// reading its tokens and keeping nothing.
func BenchmarkDecodePage(b *testing.B) {
	raw := customerPage(100)
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := stripeobject.DecodePage(raw, rightful.TypeCustomer, keys, defaults); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
			if err := dec.SkipValue(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
