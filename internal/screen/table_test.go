package screen

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type plain struct {
	self id
	nth  int
}

func (p *plain) key() id { return p.self }

// TestTable: an id is found where a look at everything finds it, however the ids lie.
func TestTable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		// Mostly in one part, near each other or not, some of them several times.
		some := rapid.OneOf(
			rapid.Map(rapid.Uint64(), func(n uint64) id { return id(n) }),
			rapid.Map(rapid.Uint64Range(0, 1<<56-1), func(n uint64) id { return 7<<56 | id(n) }),
			rapid.Map(rapid.Uint64Range(0, 40), func(n uint64) id { return 7<<56 | id(n) }),
			rapid.SampledFrom([]id{0, 7 << 56, 8<<56 - 1, math.MaxUint64}),
		)
		ids := rapid.SliceOfN(some, 0, 300).Draw(rt, "ids")
		var all table[plain, *plain]
		for i, one := range ids {
			all.add(plain{one, i})
		}
		twice := 0
		all.sort(func(several []plain) { twice += len(several) - 1 })
		slices.Sort(ids)
		if want := len(ids) - len(slices.Compact(slices.Clone(ids))); twice != want {
			rt.Fatalf("%d are there more than once, want %d", twice, want)
		}
		for _, one := range append(ids, rapid.SliceOfN(some, 20, 20).Draw(rt, "asked")...) {
			part, at, found := all.find(one)
			var told []id
			for i := range part.size {
				told = append(told, part.id(i))
			}
			want, is := slices.BinarySearch(told, one)
			if at != want || found != is || is != slices.Contains(ids, one) {
				rt.Fatalf("%x is at %d, %v; want %d, %v", one, at, found, want, is)
			}
			if e := all.of(one); (e != nil) != is || e != nil && e.self != one {
				rt.Fatalf("%x: %+v", one, e)
			}
		}
	})
}
