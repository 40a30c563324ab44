package stripesim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rightful/stripesim"
)

// Whatever the collisions of created, the limits, the direction and the
// objects that appear between two pages: a walk sees every object that was
// there at its start, once, newest first.
func TestPagingProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		now := int64(1_000)
		sim := stripesim.New(stripesim.Options{Now: func() time.Time { return time.Unix(now, 0) }})
		call := func(method, path, form string) map[string]any {
			req := httptest.NewRequest(method, path, strings.NewReader(form))
			req.Header.Set("Authorization", "Bearer "+testKey)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			sim.ServeHTTP(w, req)
			if w.Code != http.StatusOK {
				rt.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
			var body map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				rt.Fatal(err)
			}
			return body
		}
		type made struct {
			id      string
			created int64
		}
		var all []made // in order of insertion
		create := func() {
			// Time may stand still, go on, or (worlds, clocks set back) go back.
			now = 1_000 + rapid.Int64Range(0, 4).Draw(rt, "second")
			c := call("POST", "/v1/customers", "")
			all = append(all, made{c["id"].(string), now})
		}
		for range rapid.IntRange(0, 30).Draw(rt, "customers") {
			create()
		}
		want := slices.Clone(all)
		slices.Reverse(want)
		slices.SortStableFunc(want, func(a, b made) int { return int(b.created - a.created) })

		upwards := rapid.Bool().Draw(rt, "upwards")
		var got []string
		cursor := ""
		if upwards && len(want) > 0 {
			cursor = want[len(want)-1].id
			got = append(got, cursor)
		}
		for range 1000 {
			query := fmt.Sprintf("/v1/customers?limit=%d", rapid.IntRange(1, 9).Draw(rt, "limit"))
			switch {
			case cursor != "" && upwards:
				query += "&ending_before=" + cursor
			case cursor != "":
				query += "&starting_after=" + cursor
			}
			body := call("GET", query, "")
			var page []string
			for _, item := range body["data"].([]any) {
				page = append(page, item.(map[string]any)["id"].(string))
			}
			if upwards {
				got = append(page, got...)
			} else {
				got = append(got, page...)
			}
			if body["has_more"] != true {
				break
			}
			if len(page) == 0 {
				rt.Fatal("has_more with an empty page")
			}
			cursor = page[len(page)-1]
			if upwards {
				cursor = page[0]
			}
			if rapid.Bool().Draw(rt, "insert") {
				create()
			}
		}
		// Objects made during the walk may or may not show; leave them out.
		there := map[string]bool{}
		for _, m := range want {
			there[m.id] = true
		}
		old := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !there[id] })
		var ids []string
		for _, m := range want {
			ids = append(ids, m.id)
		}
		if !slices.Equal(old, ids) {
			rt.Fatalf("walk (upwards %v)\n got %v\nwant %v", upwards, old, ids)
		}
		slices.Sort(got)
		if len(slices.Compact(got)) != len(got) {
			rt.Fatal("an object came twice")
		}
	})
}
