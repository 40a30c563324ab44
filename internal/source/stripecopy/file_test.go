package stripecopy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/stripecopy"
)

// customer is one as Stripe's API writes it.
func customer(id string) string {
	return `{"id": "` + id + `", "object": "customer", "livemode": true, "created": 1760000000, "email": "a@example.com", "metadata": {"company_id": "4", "secret": "s3cret"}}`
}

// from reads a file that holds this.
func from(t testing.TB, name, content string) (ids []string, objects []rightful.MirrorObject, left string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := stripecopy.Open(t.Context(), []string{path}, stripecopy.Options{Account: "acct_1", Livemode: true, Keys: keys})
	if err != nil {
		return nil, nil, "", err
	}
	defer c.Close()
	for o, err := range c.Objects(t.Context()) {
		if err != nil {
			return ids, objects, "", err
		}
		ids, objects = append(ids, o.ID), append(objects, o)
	}
	l := c.LeftOut()
	return ids, objects, strings.ReplaceAll(fmt.Sprintf("bad %d other mode %d other types %d %q %q", l.Bad, l.OtherMode, l.OtherTypes, l.BadAt, l.Notes), path, name), nil
}

func packed(content string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(content))
	_ = w.Close()
	return b.String()
}

// TestShapes reads the same objects in all the shapes that people have them in.
func TestShapes(t *testing.T) {
	t.Parallel()
	lines := customer("cus_1") + "\n" + customer("cus_2") + "\n"
	indented := strings.ReplaceAll(lines, ", ", ",\n  ")
	page := func(more bool, objects ...string) string {
		return fmt.Sprintf(`{"object": "list", "url": "/v1/customers", "has_more": %v, "data": [%s]}`, more, strings.Join(objects, ", "))
	}
	for name, content := range map[string]string{
		"lines.jsonl": lines, "crlf.jsonl": strings.ReplaceAll(lines, "\n", "\r\n"), "no end.jsonl": strings.TrimSpace(lines),
		"blank lines.jsonl": "\n\n" + strings.ReplaceAll(lines, "\n", "\n\n"), "marked.jsonl": "\ufeff" + lines,
		"packed.jsonl.gz": packed(lines), "packed twice.gz": packed(customer("cus_1")+"\n") + packed(customer("cus_2")),
		"indented.json": indented, "array.json": "[" + customer("cus_1") + ", " + customer("cus_2") + "]",
		"indented array.json": "[\n" + strings.ReplaceAll(customer("cus_1"), ", ", ",\n") + ",\n" + customer("cus_2") + "\n]",
		"pages.jsonl":         page(true, customer("cus_1")) + "\n" + page(false, customer("cus_2")),
		"indented page.json":  strings.ReplaceAll(page(false, customer("cus_1"), customer("cus_2")), ", ", ",\n"),
		"array of pages.json": "[" + page(true, customer("cus_1")) + ",\n" + page(false, customer("cus_2")) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids, objects, left, err := from(t, name, content)
			if err != nil || !slices.Equal(ids, []string{"cus_1", "cus_2"}) || left != `bad 0 other mode 0 other types 0 [] []` {
				t.Fatalf("%v %s %v", ids, left, err)
			}
			o := objects[0]
			if o.Account != "acct_1" || o.Email != "a@example.com" || len(o.Metadata) != 1 || o.Metadata["company_id"] != "4" || o.AsOf != 1760000000 || o.Exists != rightful.ExistsPresent {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestTroubles have a place, and what is good beside them is read.
func TestTroubles(t *testing.T) {
	t.Parallel()
	long := `{"id": "cus_9", "object": "customer", "name": "` + strings.Repeat("x", 17<<20) + `"}`
	big := `{"id": "cus_9", "object": "customer", "livemode": true, "name": "` + strings.Repeat("x", 1<<20) + `"}`
	for name, tt := range map[string]struct{ content, left string }{
		"not json":   {customer("cus_1") + "\nnothing\n" + customer("cus_2"), `bad 1 other mode 0 other types 0 ["not json:2: this is no JSON object"] []`},
		"a number":   {customer("cus_1") + "\n7\n" + customer("cus_2"), `bad 1 other mode 0 other types 0 ["a number:2: this is no JSON object"] []`},
		"long line":  {customer("cus_1") + "\n" + long + "\n" + customer("cus_2"), `bad 1 other mode 0 other types 0 ["long line:2: the line has more than 16777216 bytes"] []`},
		"big object": {customer("cus_1") + "\n" + big + "\n" + customer("cus_2"), `bad 1 other mode 0 other types 0 ["big object:2: an object of 1048643 bytes: none of Stripe's is so big"] []`},
		"long id": {customer("cus_1") + "\n" + customer(strings.Repeat("y", 300)) + "\n" + customer("cus_2"),
			`bad 1 other mode 0 other types 0 ["long id:2: an id of 300 bytes"] []`},
		"no id":       {customer("cus_1") + "\n" + `{"object": "customer"}` + "\n" + customer("cus_2"), `bad 1 other mode 0 other types 0 ["no id:2: customer (no id): field id: the id is missing"] []`},
		"other types": {customer("cus_1") + "\n" + `{"object": "event", "id": "evt_1"}` + "\n" + customer("cus_2"), `bad 0 other mode 0 other types 1 [] []`},
		"test mode": {customer("cus_1") + "\n" + strings.Replace(customer("cus_3"), "true", "false", 1) + "\n" + customer("cus_2"),
			`bad 0 other mode 1 other types 0 [] []`},
		"two names": {customer("cus_1") + "\n" + `{"id": "cus_3", "object": "customer", "metadata": {"company_id": "4", "company_id": "5"}}` + "\n" + customer("cus_2"),
			`bad 1 other mode 0 other types 0 ["two names:2: customer cus_3: not complete JSON at byte 70"] []`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids, _, left, err := from(t, name, tt.content)
			if err != nil || !slices.Equal(ids, []string{"cus_1", "cus_2"}) || left != tt.left {
				t.Errorf("%v %v\ngot  %s\nwant %s", ids, err, left, tt.left)
			}
		})
	}
}

// TestUnreadable is an error: behind it nothing can be read.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	lines := packed(strings.Repeat(customer("cus_1")+"\n", 1000))
	for name, tt := range map[string]struct{ content, want string }{
		"cut.gz":     {lines[:len(lines)-50], "the packed file is damaged, or was not copied to its end"},
		"broken.gz":  {lines[:len(lines)-8] + "\x00\x00\x00\x00" + lines[len(lines)-4:], "the packed file is damaged"},
		"none.gz":    {"\x1f\x8b\x08", "the packed file is damaged"},
		"empty.gz":   {packed(""), "there is nothing in it"},
		"blank":      {"  \n \n", "there is nothing in it"},
		"zip":        {"PK\x03\x04whatever", "this is a zip archive"},
		"latin":      {"id,Created\ncus_1,J\xf6rg", "it is no text"},
		"endless":    {"[" + customer("cus_1") + `, {"id": "` + strings.Repeat("x", 65<<20), ":1: a value of more than 67108864 bytes begins here"},
		"open array": {"[\n" + customer("cus_1") + ",\n", "open array:2: the file ends in the middle of a value"},
		"trailing":   {"[\n" + customer("cus_1") + "\n] ]", "trailing:3: this is no JSON"},
		"quotes":     {"id,Created (UTC)\n" + strings.Repeat("x", 10) + `,"` + strings.Repeat("y\n", 1<<20), "a row of more than 1048576 bytes is near here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := from(t, name, tt.content)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestCSV reads what can be known of rows, and says what is wrong with others.
func TestCSV(t *testing.T) {
	t.Parallel()
	_, objects, left, err := from(t, "subs.csv", `ID,Customer ID,Status,Created (UTC),Ended At (UTC),Cancel At Period End,Plan,Product,Quantity,company_id (metadata),secret (metadata)
sub_1,cus_1,Past Due,2025-10-09 09:40,,true,price_1,prod_1,3,4,s3cret
sub_2,cus_1,canceled,2025-10-09 09:40:30,2025-11-09 09:40,false,,,,,
sub_3,cus_1,lively,2025-10-09 09:40,,,,,,,
sub_4,,active,2025-10-09 09:40,,,,,,,
sub_5,cus_1,active,,,,,,,,
sub_6,cus_1,active,2025-10-09 09:40,soon,,,,,,
,cus_1,active,2025-10-09 09:40,,,,,,,
`)
	want := `bad 5 other mode 0 other types 0 ["subs.csv:4: sub_3: Status: none that a subscription can have" "subs.csv:5: sub_4: Customer ID: there is none" "subs.csv:6: sub_5: Created (UTC): no time, as 2026-01-31 14:05" "subs.csv:7: sub_6: Ended At (UTC): no time, as 2026-01-31 14:05" "subs.csv:8: there is no id"] ["CSV does not tell of a subscription: schedule, pending update, test clock, amounts of prices"]`
	if err != nil || len(objects) != 2 || left != want {
		t.Fatalf("%+v %v\ngot  %s\nwant %s", objects, err, left, want)
	}
	one, two := objects[0].Object, objects[1].Object
	if one.Status != "past_due" || !one.Ending || one.StripeCustomerID != "cus_1" || one.Created != 1760002800 || len(one.Metadata) != 1 || one.Metadata["company_id"] != "4" ||
		len(one.Items) != 1 || one.Items[0] != (rightful.Item{PriceID: "price_1", ProductID: "prod_1", Quantity: 3}) {
		t.Errorf("%+v", one)
	}
	if two.EndedAt != 1762681200 || two.Ending || two.Items != nil || two.Metadata != nil {
		t.Errorf("%+v", two)
	}
}

// TestNobodyTypes ends the waiting for standard input, at the beginning and in the middle.
func TestNobodyTypes(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	silent, typed := io.Pipe()
	defer typed.Close()
	o := stripecopy.Options{Account: "acct_1", Livemode: true, Keys: keys, Stdin: silent}
	go stop()
	if _, err := stripecopy.Open(ctx, []string{"-"}, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	silent, typed = io.Pipe()
	defer typed.Close()
	o.Stdin = silent
	go func() { _, _ = typed.Write([]byte(strings.Repeat(customer("cus_1")+"\n", 10))) }()
	c, err := stripecopy.Open(ctx, []string{"-"}, o)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.Objects(ctx) {
		if n++; n == 10 {
			stop()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n < 10 {
		t.Errorf("%d objects", n)
	}
}

// FuzzFile reads anything: nothing that comes of it is of somebody else, or without a name.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		customer("cus_1"), "[" + customer("cus_1") + "]", `{"object":"list","has_more":true,"data":[{}]}`, "id,Created (UTC)\ncus_1,2025-10-09 09:40\n",
		packed(customer("cus_1")), "{", "[[", "\ufeff[]", `{"object":"list","data":7}`, "id,created\n\"", `{"id":"","object":"customer"}`, "[]]", "{}\n{}", "[1,2",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		_, objects, _, err := from(t, "file", content)
		for _, o := range objects {
			if o.ID == "" || len(o.ID) > 255 || o.Account != "acct_1" || !o.Livemode || o.AsOf < 1 || o.Created < 0 || !slices.Contains(rightful.ListedTypes(), o.Type) {
				t.Errorf("%+v", o)
			}
		}
		if err != nil && rightful.KindOf(err) == "" {
			t.Errorf("an error without a kind: %v", err)
		}
	})
}
