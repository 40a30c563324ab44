package cachevalue_test

import (
	"strings"
	"testing"

	"rightful/internal/cachevalue"
)

func TestValue(t *testing.T) {
	t.Parallel()
	tests := []struct{ decode, raw, id, why string }{
		{"", "4", "4", ""},
		{"text", "4", "4", ""},
		{"text", " 4", " 4", ""}, // nothing is trimmed
		{"text", "café", "café", ""},
		{"text", strings.Repeat("x", 512), strings.Repeat("x", 512), ""},
		{"text", strings.Repeat("x", 513), "", "longer than 512"},
		{"text", "", "", "empty"},
		{"text", `"4"`, "", "json:$"},
		{"text", `{"company":4}`, "", "JSON"},
		{"text", `[4]`, "", "JSON"},
		{"text", "null", "", "word for nothing"},
		{"text", "None", "", "word for nothing"},
		{"text", "4\n", "", "control"},
		{"text", "\x04\x08i\x09", "", "control"},
		{"text", "\x80\x04K\x04.", "", "pickled"},
		{"text", "\xac\xed\x00", "", "binary"},
		{"text", "i:4;", "", "PHP"},
		{"text", `s:1:"4";`, "", "PHP"},
		{"text", "N;", "", "PHP"},
		{"text", "s:company", "s:company", ""},
		{"json:$", `"4"`, "4", ""},
		{"json:$", `4`, "4", ""},
		{"json:$", `""`, "", "empty"},
		{"json:$", `"null"`, "null", ""},
		{"json:company.id", `{"company":{"id":900719925474099312}}`, "900719925474099312", ""},
		{"json:company.id", `{"company":{"id":null}}`, "", "null"},
		{"json:company.id", `{"company":{}}`, "", "nothing at the path"},
		{"json:company", `{"company":{}}`, "", "neither"},
		{"json:company", `{company: 4}`, "", "not JSON"},
		{"json:$", `"` + strings.Repeat("x", 513) + `"`, "", "longer"},
		{"hash:company_id", "4", "4", ""},
	}
	for _, tt := range tests {
		decode, err := cachevalue.ParseDecode(tt.decode)
		if err != nil {
			t.Fatal(err)
		}
		id, why := decode.Value(tt.raw)
		if id != tt.id || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%s of %q: got %q, %q; want %q, %q", tt.decode, tt.raw, id, why, tt.id, tt.why)
		}
	}
}

func TestParseDecode(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"Text", "text:x", "json", "json:", "json:a..b", "hash", "hash:", "pickle"} {
		if _, err := cachevalue.ParseDecode(setting); err == nil {
			t.Errorf("%q is accepted", setting)
		}
	}
	decode, err := cachevalue.ParseDecode("hash:a:b")
	if err != nil || decode.HashField() != "a:b" {
		t.Errorf("got field %q, %v", decode.HashField(), err)
	}
}
