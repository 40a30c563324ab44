package test

import (
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"rightful"
	"rightful/internal/engine"
	"rightful/internal/wire"
)

// counting counts the queries of a directory.
type counting struct {
	rightful.DirectoryReader
	queries *int
}

func (c counting) Users(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.User, error] {
	*c.queries++
	return c.DirectoryReader.Users(ctx, sel)
}

func (c counting) Memberships(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Membership, error] {
	*c.queries++
	return c.DirectoryReader.Memberships(ctx, sel)
}

func (c counting) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	*c.queries++
	return c.DirectoryReader.Companies(ctx, sel)
}

// TestPostdeploySamples: the same seed takes the same users, another one others;
// each part of the ids has one; and users are not read one by one.
func TestPostdeploySamples(t *testing.T) {
	t.Parallel()
	type row = map[string]any
	var users, companies []row
	answers := row{}
	for i := 1; i <= 1000; i++ {
		id := strconv.Itoa(i * 10)
		users = append(users, row{"id": id, "company_id": id, "is_active": i%10 != 0})
		companies = append(companies, row{"id": id})
		answers[id] = "1" // each of them disagrees, and so is listed
	}
	file := filepath.Join(t.TempDir(), "world.json")
	world := row{"db": row{"users": users, "companies": companies}, "probe": row{"users": answers}, "stripe": row{"account": row{"id": "acct_1"}}}
	if err := os.WriteFile(file, must(json.Marshal(world))(t), 0o600); err != nil {
		t.Fatal(err)
	}
	queries := 0
	ask := func(in engine.PostdeployInput) (ids []string) {
		t.Helper()
		e, _, err := wire.World(file)
		if err != nil {
			t.Fatal(err)
		}
		e.Sources.Directory = counting{e.Sources.Directory, &queries}
		queries = 0
		got, err := e.Postdeploy(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if got.Users.Known != 900 {
			t.Errorf("%+v", got.Users)
		}
		for _, d := range got.Disagreements {
			ids = append(ids, d.UserID)
		}
		return ids
	}
	first := ask(engine.PostdeployInput{Sample: 50, Seed: 1})
	if len(first) != 50 || queries > 8 {
		t.Errorf("%d users in %d queries", len(first), queries)
	}
	for i, id := range first {
		// 18 active users, of 20, are a part of 200 ids.
		if n := must(strconv.Atoi(id))(t); n <= i*200 || n > (i+1)*200 {
			t.Errorf("user %d of the sample is %s: %v", i, id, first)
		}
	}
	if again := ask(engine.PostdeployInput{Sample: 50, Seed: 1}); !slices.Equal(first, again) {
		t.Errorf("another sample with the same seed: %v", again)
	}
	if others := ask(engine.PostdeployInput{Sample: 50, Seed: 2}); slices.Equal(first, others) {
		t.Error("the same sample with another seed")
	}
	if all := ask(engine.PostdeployInput{All: true}); len(all) != 900 || queries > 1+5*4+5 {
		t.Errorf("%d of all in %d queries", len(all), queries)
	}
	if named := ask(engine.PostdeployInput{Users: []string{"20", "9990"}, Sample: 1, Seed: 1}); len(named) != 3 || !slices.Contains(named, "20") || !slices.Contains(named, "9990") {
		t.Errorf("compared are %v", named)
	}
	for id, kind := range map[string]rightful.ErrorKind{"0020": rightful.KindNotFound, "5": rightful.KindNotFound, "100": rightful.KindInvalid} {
		e, _, err := wire.World(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Postdeploy(t.Context(), engine.PostdeployInput{Users: []string{id}}); rightful.KindOf(err) != kind {
			t.Errorf("user %s: %v", id, err)
		}
	}
}
