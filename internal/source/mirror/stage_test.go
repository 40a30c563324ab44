package mirror_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/source/mirror"
	"rightful/internal/source/sourcetest"
)

// TestStagingChangesNothing fills two mirrors in the same way, of which one stages from
// its first object or from some later one: at the end of the passes both say the same.
func TestStagingChangesNothing(t *testing.T) {
	t.Parallel()
	types := []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession}
	folder := t.TempDir()
	direct, staged := open(t, "sqlite:"+filepath.Join(folder, "direct.db")), open(t, "sqlite:"+filepath.Join(folder, "staged.db"))
	direct.StageFrom(1 << 60)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		account := fmt.Sprint("acct_", n) // an empty mirror
		staged.StageFrom(rapid.Int64Range(0, 8).Draw(r, "stage from"))
		both := []*mirror.Account{direct.Of(account, true, sourcetest.StripeKeys()), staged.Of(account, true, sourcetest.StripeKeys())}
		each := func(f func(a *mirror.Account) error) {
			for _, a := range both {
				if err := f(a); err != nil {
					r.Fatal(err)
				}
			}
		}
		asOf := int64(0)
		someObjects := func() (objects []rightful.MirrorObject) {
			for range rapid.IntRange(0, 6).Draw(r, "objects") {
				asOf++ // what stood at the same time may differ
				o := rightful.MirrorObject{AsOf: asOf - rapid.SampledFrom([]int64{0, 0, 1000}).Draw(r, "older"), Exists: rapid.SampledFrom([]rightful.Existence{1, 1, 1, 1, 2, 3}).Draw(r, "exists")}
				o.Object = rightful.Object{Account: account, Livemode: true, Type: rapid.SampledFrom(types).Draw(r, "type"), Status: fmt.Sprint(asOf), Created: rapid.Int64Range(1, 60).Draw(r, "created")}
				o.ID = fmt.Sprintf("%.3s_%d", o.Type, rapid.IntRange(1, 6).Draw(r, "id"))
				if o.Type == rightful.TypeSession {
					o.StripeCustomerID = rapid.SampledFrom([]string{"", "cus_1", "cus_2"}).Draw(r, "payer")
				}
				objects = append(objects, o)
			}
			return objects
		}
		same := func(what string, f func(a *mirror.Account) any) {
			if diff := cmp.Diff(f(both[0]), f(both[1])); diff != "" {
				r.Errorf("%s (-direct +staged):\n%s", what, diff)
			}
		}
		before := someObjects()
		each(func(a *mirror.Account) error { return a.Keep(t.Context(), []rightful.MirrorPage{{Objects: before}}) })
		for range rapid.IntRange(1, 2).Draw(r, "rounds") {
			passes := map[rightful.ObjectType]int64{}
			for _, typ := range types {
				each(func(a *mirror.Account) error {
					p, err := a.Begin(t.Context(), typ, 50, nil)
					passes[typ] = p.ID
					return err
				})
			}
			for range rapid.IntRange(0, 6).Draw(r, "writes") {
				objects := someObjects()
				pass := rapid.SampledFrom([]int64{0, passes[types[0]], passes[types[1]]}).Draw(r, "pass")
				follow := rapid.Bool().Draw(r, "follow")
				each(func(a *mirror.Account) error {
					if pass == 0 && follow {
						return a.Follow(t.Context(), objects, 5, 10)
					}
					return a.Keep(t.Context(), []rightful.MirrorPage{{Pass: pass, Objects: objects}})
				})
			}
			for _, typ := range types {
				same("unseen", func(a *mirror.Account) any {
					var ids []string
					for id, err := range a.Unseen(t.Context(), passes[typ]) {
						if err != nil {
							r.Fatal(err)
						}
						ids = append(ids, id)
					}
					slices.Sort(ids)
					return ids
				})
			}
			for _, typ := range types {
				each(func(a *mirror.Account) error { return a.End(t.Context(), passes[typ], 60) })
			}
		}
		same("parts", func(a *mirror.Account) any {
			parts, err := a.Parts(t.Context())
			if err != nil {
				r.Fatal(err)
			}
			return parts
		})
		for _, typ := range types {
			same("list", func(a *mirror.Account) any {
				var objects []rightful.Object
				for o, err := range a.List(t.Context(), rightful.ListQuery{Type: typ}) {
					if err != nil {
						r.Fatal(err)
					}
					objects = append(objects, o)
				}
				return objects
			})
			for i := range 7 {
				same("get", func(a *mirror.Account) any {
					o, exists, err := a.Get(t.Context(), typ, fmt.Sprintf("%.3s_%d", typ, i))
					if err != nil {
						r.Fatal(err)
					}
					return fmt.Sprint(o, exists)
				})
			}
		}
	})
}

// TestStagedIsNotThereYet says what who reads does not see, and that a dropped account
// leaves nothing staged.
func TestStagedIsNotThereYet(t *testing.T) {
	t.Parallel()
	m := open(t, "sqlite:"+filepath.Join(t.TempDir(), "mirror.db"))
	m.StageFrom(1)
	a := m.Of("acct_1", true, sourcetest.StripeKeys())
	begin := func() int64 {
		t.Helper()
		p, err := a.Begin(t.Context(), rightful.TypeCustomer, 50, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"cus_1", "cus_2", "cus_3"} {
			o := rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: id}
			if err := a.Keep(t.Context(), []rightful.MirrorPage{{Pass: p.ID, Objects: []rightful.MirrorObject{{Object: o, Exists: rightful.ExistsPresent}}}}); err != nil {
				t.Fatal(err)
			}
		}
		return p.ID
	}
	sees := func(want rightful.Existence, objects int64) {
		t.Helper()
		_, exists, err := a.Get(t.Context(), rightful.TypeCustomer, "cus_3")
		parts, perr := a.Parts(t.Context())
		if err != nil || perr != nil || exists != want || parts[0].Objects != objects {
			t.Errorf("%v, %v, %v, %+v", exists, err, perr, parts[0])
		}
	}
	begin()
	sees(rightful.ExistsUnknown, 1)
	if err := a.Drop(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := m.DB().QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM staged) + (SELECT count(*) FROM object) + (SELECT count(*) FROM part) + (SELECT count(*) FROM pass) + (SELECT count(*) FROM account) + (SELECT count(*) FROM dropped)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
	if err := a.End(t.Context(), begin(), 60); err != nil {
		t.Fatal(err)
	}
	sees(rightful.ExistsPresent, 3)
	for _, index := range []string{"object_tail", "object_created", "object_email"} {
		var is bool
		if err := m.DB().QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?)`, index).Scan(&is); err != nil || !is {
			t.Errorf("%s is not there again: %v", index, err)
		}
	}
	// A list that was read to its end is not staged again.
	p, err := a.Begin(t.Context(), rightful.TypeCustomer, 70, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int64{4, 5} {
		o := rightful.Object{Account: "acct_1", Livemode: true, Type: rightful.TypeCustomer, ID: fmt.Sprint("cus_new", i)}
		if err := a.Keep(t.Context(), []rightful.MirrorPage{{Pass: p.ID, Objects: []rightful.MirrorObject{{Object: o, Exists: rightful.ExistsPresent}}}}); err != nil {
			t.Fatal(err)
		}
		sees(rightful.ExistsPresent, want)
	}
}
