package stripesim_test

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestMetadataMerge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change string
		want   map[string]string
	}{
		{"other keys stay", "metadata[a]=9", map[string]string{"a": "9", "b": "2"}},
		{"a new key is added", "metadata[c]=3", map[string]string{"a": "1", "b": "2", "c": "3"}},
		{"an empty value drops the key", "metadata[a]=", map[string]string{"b": "2"}},
		{"dropping an unknown key", "metadata[z]=", map[string]string{"a": "1", "b": "2"}},
		{"rename in one call", "metadata[a]=&metadata[A]=1", map[string]string{"A": "1", "b": "2"}},
		{"empty metadata drops all", "metadata=", map[string]string{}},
		{"no metadata changes nothing", "description=x", map[string]string{"a": "1", "b": "2"}},
		{"any text is a string", "metadata[a]=007&metadata[b]=true", map[string]string{"a": "007", "b": "true"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, ctx := start(t, stripesim.Options{}), context.Background()
			made := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Metadata: map[string]string{"a": "1", "b": "2"}}))
			b.send("POST", "/v1/customers/"+made.ID, c.change)
			read := must[*stripe.Customer](t)(b.V1Customers.Retrieve(ctx, made.ID, nil))
			if !maps.Equal(read.Metadata, c.want) {
				t.Errorf("got %v, want %v", read.Metadata, c.want)
			}
		})
	}
}

func TestMetadataLimits(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	fifty := url.Values{}
	for i := range 50 {
		fifty.Set(fmt.Sprintf("metadata[k%d]", i), "v")
	}
	full := b.send("POST", "/v1/customers", fifty.Encode())
	equal(t, "50 keys", full.status, 200)
	path := "/v1/customers/" + str(full.at("id"))
	one := func(key, value string) string { return url.Values{"metadata[" + key + "]": {value}}.Encode() }
	for _, c := range []struct {
		name, path, form string
		status           int
	}{
		{"51st key", path, one("more", "v"), 400},
		{"replacing one of 50", path, one("k1", "w"), 200},
		{"40 characters of key", "/v1/customers", one(strings.Repeat("é", 40), "v"), 200},
		{"41 characters of key", "/v1/customers", one(strings.Repeat("k", 41), "v"), 400},
		{"500 characters of value", "/v1/customers", one("k", strings.Repeat("漢", 500)), 200},
		{"501 characters of value", "/v1/customers", one("k", strings.Repeat("v", 501)), 400},
		{"square brackets in the key", "/v1/customers", one("a[b", "v"), 400},
		{"nested value", "/v1/customers", "metadata[a][b]=c", 400},
		{"not a hash", "/v1/customers", "metadata=x", 400},
		{"an array", "/v1/customers", "metadata[]=x", 400},
	} {
		if a := b.send("POST", c.path, c.form); a.status != c.status {
			t.Errorf("%s: got %d %s, want %d", c.name, a.status, a.raw, c.status)
		}
	}
	equal(t, "a refused key is not there", b.send("GET", path, "").at("metadata", "more"), nil)
}
