package worldfile_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/source/worldfile"
)

func to(s string) *string { return &s }

// oddWorld has unknown fields everywhere, in no order, numbers in every form, and
// a layout of its own.
const oddWorld = `{
	"zeta": [1.50, 1e3, 12345678901234567890, -0],
	"db":{"companies" : [ {"id":11, "x":{"deep":[1.0,null]}, "stripe_customer_id":null, "Name":"\u00e9\/"},
	                      {"name":"no link column", "id": "12"} ],
		"subscriptions": [{"company_id":12,"id":31,"plan":"p","stripe_customer_id":"cus_B"}, {"id": "32", "company_id": null}, {"id": "33", "company_id": "12"}],
		"links": [ {"note": "kept", "company_id": 11, "stripe_customer_id": "cus_old"},
		           {"company_id": 11, "stripe_customer_id": "cus_two"} ]},
	"stripe": {
		"customers": [
			{"id": "cus_A", "metadata": {"b": 1, "company_id": 4,
				"a": "2"}, "balance": 0.0},
			{"metadata": {}, "id": "cus_B"},
			{"id": "cus_C", "metadata": null, "created": 5},
			{"id": "cus_D"},
			{"id": "cus_E", "metadata": {"company_id": "4"}}
		],
		"unknown": {"customers": [{"id": "cus_A"}]}
	},
	"cache": { "k1" : "4","k2":{"f": "4"},   "k3":4 }
}
`

// TestWritesChangeNothingElse makes one write each, and compares the files as
// text: only the value itself may differ.
func TestWritesChangeNothingElse(t *testing.T) {
	t.Parallel()
	stamp := func(id string, v *string) func(*worldfile.Writer) error {
		return func(w *worldfile.Writer) error {
			return w.SetMetadata(context.Background(), rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: id, Key: "company_id", To: v})
		}
	}
	field := func(kind, id, field string, from, v *string) func(*worldfile.Writer) error {
		return func(w *worldfile.Writer) error {
			return w.CompareAndSet(context.Background(), []rightful.FieldChange{{Object: rightful.Ref{Type: kind, ID: id}, Field: field, From: from, To: v}}, true)
		}
	}
	uncache := func(key, decode, value string) func(*worldfile.Writer) error {
		return func(w *worldfile.Writer) error {
			return w.Delete(context.Background(), rightful.CacheEntry{Key: key, Decode: decode, Value: value})
		}
	}
	const company, row = rightful.RefCompany, rightful.RefSubscriptionRow
	tests := []struct {
		name     string
		write    func(*worldfile.Writer) error
		old, new string // what differs in the text
	}{
		{"a number stays a number", stamp("cus_A", to("11")), `"company_id": 4,`, `"company_id": 11,`},
		{"but for what is none", stamp("cus_A", to("acme")), `"company_id": 4,`, `"company_id": "acme",`},
		{"a large one too", stamp("cus_A", to("98765432109876543210")), `"company_id": 4,`, `"company_id": 98765432109876543210,`},
		{"a string stays a string", stamp("cus_E", to("11")), `{"company_id": "4"}`, `{"company_id": "11"}`},
		{"a stamp is added to empty metadata", stamp("cus_B", to("11")), `{"metadata": {}, "id": "cus_B"}`, `{"metadata": {"company_id": "11"}, "id": "cus_B"}`},
		{"to null", stamp("cus_C", to("11")), `"metadata": null, "created": 5`, `"metadata": {"company_id": "11"}, "created": 5`},
		{"to none", stamp("cus_D", to("11")), `{"id": "cus_D"}`, `{"id": "cus_D", "metadata": {"company_id": "11"}}`},
		{"with quotes in it", stamp("cus_D", to(`a"b\`)), `{"id": "cus_D"}`, `{"id": "cus_D", "metadata": {"company_id": "a\"b\\"}}`},
		{"a stamp is unset", stamp("cus_A", nil), "{\"b\": 1, \"company_id\": 4,\n\t\t\t\t\"a\": \"2\"}", "{\"b\": 1,\n\t\t\t\t\"a\": \"2\"}"},
		{"the only one", stamp("cus_E", nil), `{"company_id": "4"}`, `{}`},
		{"where there is none", stamp("cus_D", nil), "", ""},
		{"a link is filled", field(company, "11", "stripe_customer_id", nil, to("cus_A")), `"stripe_customer_id":null`, `"stripe_customer_id":"cus_A"`},
		{"where the column is not there", field(company, "12", "stripe_customer_id", nil, to("cus_A")), `"id": "12"}`, `"id": "12", "stripe_customer_id": "cus_A"}`},
		{"a row moves, as a number", field(row, "31", "company_id", to("12"), to("11")), `"company_id":12`, `"company_id":11`},
		{"from null, as the company's own id", field(row, "32", "company_id", nil, to("11")), `"company_id": null`, `"company_id": 11`},
		{"as a string", field(row, "33", "company_id", to("12"), to("11")), `"company_id": "12"`, `"company_id": "11"`},
		{"a row's customer", field(row, "31", "stripe_customer_id", to("cus_B"), to("cus_A")), `"stripe_customer_id":"cus_B"`, `"stripe_customer_id":"cus_A"`},
		{"an entry is cleared", field(rightful.RefLink, "11", "stripe_customer_id", to("cus_old"), nil), `"stripe_customer_id": "cus_old"`, `"stripe_customer_id": null`},
		{"an entry is replaced", field(rightful.RefLink, "11", "stripe_customer_id", to("cus_two"), to("cus_A")), `"cus_two"`, `"cus_A"`},
		{"an entry is added", field(rightful.RefLink, "11", "stripe_customer_id", nil, to("cus_A")), "\"cus_two\"}", "\"cus_two\"}, {\"company_id\": 11, \"stripe_customer_id\": \"cus_A\"}"},
		{"the first key goes", uncache("k1", "", "4"), `{ "k1" : "4","k2":{"f": "4"}, `, `{ "k2":{"f": "4"}, `},
		{"the middle one", uncache("k2", "hash:f", "4"), `"4","k2":{"f": "4"},   "k3"`, `"4",   "k3"`},
		{"the last one", uncache("k3", "", "4"), `,   "k3":4 }`, ` }`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := parse(t, []byte(oddWorld))
			if err := tt.write(w.Writer()); err != nil {
				t.Fatal(err)
			}
			if strings.Count(oddWorld, tt.old) != 1 && tt.old != "" {
				t.Fatalf("the test means %d places", strings.Count(oddWorld, tt.old))
			}
			want := oddWorld
			if tt.old != "" {
				want = strings.Replace(oddWorld, tt.old, tt.new, 1)
			}
			if diff := cmp.Diff(want, string(w.Bytes())); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			parse(t, w.Bytes())
		})
	}
}

// TestManyWrites: what is written one after the other stands together, and the
// readers that were given out before see it.
func TestManyWrites(t *testing.T) {
	t.Parallel()
	w := parse(t, []byte(oddWorld))
	directory, stripe, cache := w.Directory(rightful.ResolverNone), w.Stripe(rightful.KeySet{Company: "company_id"}), w.Cache()
	writer, ctx := w.Writer(), t.Context()
	company, link := rightful.Ref{Type: rightful.RefCompany, ID: "11"}, rightful.Ref{Type: rightful.RefLink, ID: "11"}
	for _, err := range []error{
		writer.SetMetadata(ctx, rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: "cus_A", Key: "company_id", To: to("11")}),
		writer.SetMetadata(ctx, rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: "cus_A", Key: "other", To: to("x")}),
		writer.SetMetadata(ctx, rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: "cus_E", Key: "company_id"}),
		writer.CompareAndSet(ctx, []rightful.FieldChange{
			{Object: link, Field: "stripe_customer_id", To: to("cus_A")},
			{Object: company, Field: "stripe_customer_id", To: to("cus_A")},
			{Object: company, Field: "stripe_customer_id", From: to("cus_A"), To: to("cus_B")},
		}, true),
		writer.CompareAndSet(ctx, []rightful.FieldChange{{Object: link, Field: "stripe_customer_id", From: to("cus_A"), To: to("cus_C")}}, true),
		writer.Delete(ctx, rightful.CacheEntry{Key: "k1", Value: "4"}),
		writer.Delete(ctx, rightful.CacheEntry{Key: "k3", Value: "4"}),
		writer.Delete(ctx, rightful.CacheEntry{Key: "k9", Value: "4"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	type seen struct {
		Stamps map[string]string
		Link   string
		Links  []string
		Cached []bool
	}
	look := func(directory rightful.DirectoryReader, stripe rightful.StripeReader, cache rightful.CacheReader) seen {
		s := seen{Stamps: map[string]string{}}
		for o, err := range stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeCustomer}) {
			if err != nil {
				t.Fatal(err)
			}
			s.Stamps[o.ID] = o.Metadata["company_id"]
		}
		if o, _, _ := stripe.Get(ctx, rightful.TypeCustomer, "cus_A"); o.Metadata["company_id"] != s.Stamps["cus_A"] {
			t.Error("Get and List differ")
		}
		for c := range directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{"11"}}) {
			s.Link = c.StripeCustomerID
		}
		for l := range directory.Links(ctx, rightful.Select{}) {
			s.Links = append(s.Links, l.StripeCustomerID)
		}
		entries := []rightful.CacheEntry{{Key: "k1"}, {Key: "k2"}, {Key: "k3"}}
		if err := cache.Read(ctx, entries); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			s.Cached = append(s.Cached, e.Found)
		}
		return s
	}
	want := seen{
		Stamps: map[string]string{"cus_A": "11", "cus_B": "", "cus_C": "", "cus_D": "", "cus_E": ""},
		Link:   "cus_B", Links: []string{"cus_old", "cus_two", "cus_C"}, Cached: []bool{false, true, false},
	}
	if diff := cmp.Diff(want, look(directory, stripe, cache)); diff != "" {
		t.Errorf("readers given out before (-want +got):\n%s", diff)
	}
	saved := parse(t, w.Bytes())
	if diff := cmp.Diff(want, look(saved.Directory(rightful.ResolverNone), saved.Stripe(rightful.KeySet{Company: "company_id"}), saved.Cache())); diff != "" {
		t.Errorf("after saving (-want +got):\n%s", diff)
	}
}

// TestWritesThatDoNotFit change nothing, and say so with the kind that callers act
// on.
func TestWritesThatDoNotFit(t *testing.T) {
	t.Parallel()
	change := func(id, field string, from, v *string) rightful.FieldChange {
		return rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefCompany, ID: id}, Field: field, From: from, To: v}
	}
	entry := func(from, v *string) rightful.FieldChange {
		return rightful.FieldChange{Object: rightful.Ref{Type: rightful.RefLink, ID: "11"}, Field: "stripe_customer_id", From: from, To: v}
	}
	good := change("11", "stripe_customer_id", nil, to("cus_A"))
	rows := func(all ...rightful.FieldChange) func(*worldfile.Writer) error {
		return func(w *worldfile.Writer) error { return w.CompareAndSet(context.Background(), all, true) }
	}
	tests := []struct {
		name  string
		write func(*worldfile.Writer) error
		kind  rightful.ErrorKind
	}{
		{"another value stands there", rows(change("11", "stripe_customer_id", to("cus_Z"), to("cus_A"))), rightful.KindConflict},
		{"the second does not fit", rows(good, change("12", "stripe_customer_id", to("cus_Z"), nil)), rightful.KindConflict},
		{"twice from nothing", rows(good, good), rightful.KindConflict},
		{"no such company", rows(change("99", "stripe_customer_id", nil, to("cus_A"))), rightful.KindConflict},
		{"no such entry", rows(entry(to("cus_Z"), nil)), rightful.KindConflict},
		{"an entry that is there", rows(entry(nil, to("cus_two"))), rightful.KindConflict},
		{"a field that is not written", rows(change("11", "name", nil, to("x"))), rightful.KindUnsupported},
		{"no such object", func(w *worldfile.Writer) error {
			return w.SetMetadata(context.Background(), rightful.MetadataWrite{Type: rightful.TypeSubscription, ID: "cus_A", Key: "company_id", To: to("1")})
		}, rightful.KindNotFound},
		{"another cached value", func(w *worldfile.Writer) error {
			return w.Delete(context.Background(), rightful.CacheEntry{Key: "k1", Value: "5"})
		}, rightful.KindConflict},
		{"a cached value of another form", func(w *worldfile.Writer) error {
			return w.Delete(context.Background(), rightful.CacheEntry{Key: "k1", Decode: "hash:f", Value: "4"})
		}, rightful.KindConflict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := parse(t, []byte(oddWorld))
			if err := tt.write(w.Writer()); rightful.KindOf(err) != tt.kind {
				t.Errorf("got %v, want it of kind %s", err, tt.kind)
			}
			if diff := cmp.Diff(oddWorld, string(w.Bytes())); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
	w := parse(t, []byte(oddWorld))
	if err := w.Writer().CompareAndSet(t.Context(), []rightful.FieldChange{good}, false); err != nil || string(w.Bytes()) != oddWorld {
		t.Errorf("asking wrote something, or failed: %v", err)
	}
}

// TestUnwrittenWorldIsTheFile, byte for byte, whatever stands in it.
func TestUnwrittenWorldIsTheFile(t *testing.T) {
	t.Parallel()
	if got := string(parse(t, []byte(oddWorld)).Bytes()); got != oddWorld {
		t.Errorf("changed:\n%s", cmp.Diff(oddWorld, got))
	}
}

// TestWriteAndTakeBack: a value that is written and written back leaves a world
// that means the same, whatever else stands in it.
func TestWriteAndTakeBack(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[ -~é\n]{0,6}`)
	rapid.Check(t, func(rt *rapid.T) {
		var customers []map[string]any
		for i := range rapid.IntRange(1, 4).Draw(rt, "customers") {
			metadata := map[string]any{}
			for k, v := range rapid.MapOfN(text, text, 0, 3).Draw(rt, "metadata") {
				metadata[k] = v
			}
			delete(metadata, "company_id")
			if rapid.Bool().Draw(rt, "stamped") {
				metadata["company_id"] = rapid.SampledFrom([]any{4, "4"}).Draw(rt, "stamp")
			}
			customers = append(customers, map[string]any{"id": "cus_" + string(rune('a'+i)), "metadata": metadata, text.Draw(rt, "x") + "_": 1.5})
		}
		raw, err := json.MarshalIndent(map[string]any{"stripe": map[string]any{"customers": customers}}, "", rapid.SampledFrom([]string{"", "  "}).Draw(rt, "indent"))
		if err != nil {
			rt.Fatal(err)
		}
		w, err := worldfile.Parse("world.json", raw)
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range customers {
			was, stamped := c["metadata"].(map[string]any)["company_id"]
			back := (*string)(nil)
			if stamped {
				back = to("4")
			}
			for _, v := range []*string{to("11"), back} {
				if err := w.Writer().SetMetadata(t.Context(), rightful.MetadataWrite{Type: rightful.TypeCustomer, ID: c["id"].(string), Key: "company_id", To: v}); err != nil {
					rt.Fatalf("%v %v", was, err)
				}
			}
		}
		if diff := cmp.Diff(string(raw), string(w.Bytes())); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// TestSave writes at once or not at all, and never over the world by accident.
func TestSave(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := filepath.Join(dir, "world.json")
	if err := os.WriteFile(source, []byte(oddWorld), 0o640); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{"link.json"} {
		if err := os.Symlink(source, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(source, filepath.Join(dir, "hard.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := worldfile.Read(source)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Writer().Delete(t.Context(), rightful.CacheEntry{Key: "k1", Value: "4"}); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]rightful.ErrorKind{
		"link.json": rightful.KindRefused, "hard.json": rightful.KindRefused, "folder": rightful.KindInvalid, "nowhere/world.json": rightful.KindInvalid,
	} {
		if err := w.Save(filepath.Join(dir, name)); rightful.KindOf(err) != kind {
			t.Errorf("%s: %v, want it of kind %s", name, err, kind)
		}
	}
	if raw, _ := os.ReadFile(source); string(raw) != oddWorld {
		t.Error("the world was replaced by accident")
	}
	for _, path := range []string{filepath.Join(dir, "new.json"), filepath.Join(dir, "new.json"), source} {
		if err := w.Save(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if raw, _ := os.ReadFile(path); string(raw) != string(w.Bytes()) {
			t.Errorf("%s holds something else", path)
		}
	}
	if info, err := os.Stat(source); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode is %v (%v), it was 0640", info.Mode(), err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".rightful-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
