package jsonpath_test

import (
	"errors"
	"testing"

	"rightful/internal/jsonpath"
)

func TestLookup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		path, raw, want string
		err             error
	}{
		{"$", `17`, "17", nil},
		{"$", ` "17" `, "17", nil},
		{"$.company.id", `{"company":{"id":4}}`, "4", nil},
		{"company.id", `{"company":{"name":"x","id":900719925474099312345}}`, "900719925474099312345", nil},
		{"company.id", `{"company":{"id":17.0}}`, "", jsonpath.ErrNotWhole},
		{"company.id", `{"company":{"id":"caf\u00e9"}}`, "café", nil},
		{"company.id", `{"company":{"id":""}}`, "", nil},
		{"items.1.id", `{"items":[{"id":1},{"id":2}]}`, "2", nil},
		{"1", `{"1":"by name"}`, "by name", nil},
		{"0", `["a"]`, "a", nil},
		{"a b", `{"a\u0020b":"x"}`, "x", nil},
		{"company.id", `{"company":{"id":null}}`, "", jsonpath.ErrNull},
		{"$", `null`, "", jsonpath.ErrNull},
		{"company.id", `{"company":null}`, "", jsonpath.ErrNull},
		{"company.id", `{"company":7}`, "", jsonpath.ErrMissing},
		{"company.id", `{"company":{}}`, "", jsonpath.ErrMissing},
		{"items.2", `[1]`, "", jsonpath.ErrMissing},
		{"2", `[1]`, "", jsonpath.ErrMissing},
		{"-1", `[1]`, "", jsonpath.ErrMissing},
		{"00", `[1]`, "", jsonpath.ErrMissing},
		{"company", `{"company":{"id":1}}`, "", jsonpath.ErrNotScalar},
		{"$", `[1]`, "", jsonpath.ErrNotScalar},
		{"$", `true`, "", jsonpath.ErrNotScalar},
		{"$", ``, "", jsonpath.ErrNotJSON},
		{"$", `04`, "", jsonpath.ErrNotJSON},
		{"$", `4abc`, "", jsonpath.ErrNotJSON},
		{"a", `{"a":1,}`, "", jsonpath.ErrNotJSON},
		{"a", `{"a":1,"a":2}`, "", jsonpath.ErrNotJSON},
		{"a", `{"a":1} trailing`, "", jsonpath.ErrNotJSON},
		{"a", "{\"a\":\"\xff\"}", "", jsonpath.ErrNotJSON},
	}
	for _, tt := range tests {
		path, err := jsonpath.Parse(tt.path)
		if err != nil {
			t.Fatalf("%q: %v", tt.path, err)
		}
		got, err := path.Lookup([]byte(tt.raw))
		if got != tt.want || !errors.Is(err, tt.err) || (err != nil) != (tt.err != nil) {
			t.Errorf("%s in %s: got %q, %v; want %q, %v", tt.path, tt.raw, got, err, tt.want, tt.err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"$": "$", "$.a.0": "a.0", "a": "a", "a.$": "a.$"} {
		path, err := jsonpath.Parse(text)
		if err != nil || path.String() != want {
			t.Errorf("%q: got %q, %v", text, path, err)
		}
	}
	for _, text := range []string{"", ".", "a..b", ".a", "a.", "$."} {
		if _, err := jsonpath.Parse(text); err == nil {
			t.Errorf("%q is read as a path", text)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("a.0", []byte(`{"a":[1]}`))
	f.Add("$", []byte(`"x"`))
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		path, err := jsonpath.Parse(text)
		if err != nil {
			return
		}
		value, err := path.Lookup(raw)
		if err != nil && value != "" {
			t.Fatalf("an error came with the value %q", value)
		}
	})
}
