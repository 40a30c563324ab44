package worldfile_test

import (
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/worldfile"
)

// TestWhatASnapshotSays: sections that only snapshots need, and old worlds are
// read without.
func TestWhatASnapshotSays(t *testing.T) {
	t.Parallel()
	w := parse(t, []byte(`{
		"snapshot": {"of": "company 11", "examined": true},
		"mapping": {"owner": true, "direct": true, "link_column": true},
		"resolved": {"7": "11", "8": null, "9": {"ambiguous": true}, "0C6C1B0E-1B7C-4A53-9F0E-3B2F1C9D7A11": 12},
		"db": {"companies": [], "users": []}, "stripe": {"search": false}
	}`))
	d := w.Directory(rightful.ResolverSQL)
	if m := d.Mapping(); !m.Owner || !m.Direct || !m.LinkColumn || !m.Link || m.LinkTable || m.Resolver != rightful.ResolverSQL || !w.Examined {
		t.Errorf("%+v, examined %v", m, w.Examined)
	}
	for user, want := range map[string]rightful.Resolution{
		"7": {CompanyID: "11"}, "8": {}, "9": {Ambiguous: true}, "10": {}, "0c6c1b0e-1b7c-4a53-9f0e-3b2f1c9d7a11": {CompanyID: "12"},
	} {
		if got, err := d.Resolve(t.Context(), user); got != want || err != nil {
			t.Errorf("user %s: %+v, %v", user, got, err)
		}
	}
	if _, err := w.Stripe(rightful.KeySet{}).Search(t.Context(), rightful.TypeCustomer, "company_id", "11"); rightful.KindOf(err) != rightful.KindUnsupported {
		t.Errorf("search: %v", err)
	}

	w = parse(t, []byte(`{"db": {"companies": [], "users": []}, "stripe": {}}`))
	if m := w.Directory(rightful.ResolverSQL).Mapping(); m != (rightful.Mapping{}) || w.Examined {
		t.Errorf("without them: %+v", m)
	}
	if _, err := w.Stripe(rightful.KeySet{}).Search(t.Context(), rightful.TypeCustomer, "company_id", "11"); err != nil {
		t.Error(err)
	}
	for text, says := range map[string]string{
		`{"now": 1, "resolved": {"7": [1]}}`:              "user 7: want an id",
		`{"resolved": 7}`:                                 "resolved has the wrong type",
		`{"now": 1, "stripe": {"search": "no"}}`:          "stripe.search: must be true or false",
		`{"now": 1, "mapping": {"owner": "yes"}}`:         "mapping.owner has the wrong type",
		`{"db": {}, "resolved": {"7": {"ambiguous": 1}}}`: "user 7: want an id",
	} {
		if _, err := worldfile.Parse("world.json", []byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %s", text, err, says)
		}
	}
}
