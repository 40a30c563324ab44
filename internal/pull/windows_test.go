package pull

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"rightful"
)

// simulatedList is a list whose objects were created at these times, newest first, and a
// clock that answers move.
type simulatedList struct {
	created []int64
	rate    float64 // requests a second
	latency func() float64
}

func (s *simulatedList) page(q rightful.ListQuery, after string) rightful.ListPage {
	from := 0
	if q.CreatedTo > 0 {
		from = sort.Search(len(s.created), func(i int) bool { return s.created[i] < q.CreatedTo })
	}
	if after != "" {
		var i int
		_, _ = fmt.Sscan(after, &i)
		from = max(from, i+1)
	}
	var page rightful.ListPage
	for i := from; i < len(s.created) && s.created[i] >= q.CreatedFrom; i++ {
		if page.More = len(page.Objects) == pageSize; page.More {
			break
		}
		page.Objects = append(page.Objects, rightful.Object{ID: fmt.Sprint(i), Type: rightful.TypeCustomer, Created: s.created[i]})
	}
	return page
}

type simulatedAnswer struct {
	at   float64
	w    *window
	q    rightful.ListQuery
	page rightful.ListPage
}

type answerHeap []simulatedAnswer

func (h answerHeap) Len() int           { return len(h) }
func (h answerHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h answerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *answerHeap) Push(x any)        { *h = append(*h, x.(simulatedAnswer)) }
func (h *answerHeap) Pop() any          { old := *h; x := old[len(old)-1]; *h = old[:len(old)-1]; return x }

// read reads the list as list.read does, and returns the requests and how long they took.
// Every object has to come exactly once.
func (s *simulatedList) read(t *testing.T, wanted int) (requests int, seconds float64) {
	t.Helper()
	ws := resume([]rightful.MirrorWindow{{ID: 1, To: s.created[0] + 1}})
	var answers answerHeap
	now, next := 0.0, 0.0
	seen := make([]bool, len(s.created))
	for {
		for len(answers) < wanted {
			w, _ := ws.next()
			if w == nil {
				break
			}
			w.asked = true
			next = max(next, now) + 1/s.rate
			q := w.query(rightful.TypeCustomer)
			heap.Push(&answers, simulatedAnswer{next + s.latency(), w, q, s.page(q, w.After)})
			requests++
		}
		if len(answers) == 0 {
			break
		}
		a := heap.Pop(&answers).(simulatedAnswer)
		now = a.at
		a.w.asked = false
		objects, err := ws.took(a.w, a.q, a.page)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			var i int
			_, _ = fmt.Sscan(o.ID, &i)
			if seen[i] {
				t.Fatalf("object %d came twice", i)
			}
			seen[i] = true
		}
	}
	if i := slices.Index(seen, false); i >= 0 {
		t.Fatalf("object %d never came", i)
	}
	if !ws.done() {
		t.Fatal("not done")
	}
	return requests, now
}

// TestWindowsKeepThePace reads accounts that grew in different ways, and compares with the
// fewest requests, and with the shortest time, that are possible.
func TestWindowsKeepThePace(t *testing.T) {
	t.Parallel()
	const year = 365 * 86400
	const newest = int64(1_800_000_000)
	shapes := map[string]func(r *rand.Rand, n int) int64{
		"even":     func(r *rand.Rand, _ int) int64 { return newest - r.Int64N(5*year) },
		"in a day": func(r *rand.Rand, _ int) int64 { return newest - 2*year - r.Int64N(86400) },
		"growing":  func(r *rand.Rand, _ int) int64 { return newest - int64(r.ExpFloat64()*year/2) },
		"shrinking": func(r *rand.Rand, _ int) int64 {
			return newest - 5*year + int64(math.Min(r.ExpFloat64()*year/2, 5*year))
		},
		"at noon": func(r *rand.Rand, _ int) int64 { return newest - r.Int64N(3*365)*86400 - int64(r.ExpFloat64()*3600) },
		"imports": func(r *rand.Rand, _ int) int64 { return newest - r.Int64N(4)*year - r.Int64N(600) },
		"one import": func(r *rand.Rand, i int) int64 {
			if i%10 == 0 {
				return newest - r.Int64N(5*year)
			}
			return newest - 3*year - r.Int64N(3600)
		},
	}
	for name, shape := range shapes {
		for _, n := range []int{10_000, 100_000} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				r := rand.New(rand.NewPCG(1, uint64(n)))
				s := &simulatedList{rate: 25, latency: func() float64 { return 0.08 + 0.17*r.Float64() }}
				for i := range n {
					s.created = append(s.created, shape(r, i))
				}
				slices.SortFunc(s.created, func(a, b int64) int { return int(b - a) })
				requests, seconds := s.read(t, 8)
				ideal := (n + pageSize - 1) / pageSize
				ratio, floor := float64(requests)/float64(ideal), seconds*s.rate/float64(ideal)
				t.Logf("%d requests: %.3f of the fewest; %.3f of the floor", requests, ratio, floor)
				// A short list has as many windows as a long one, and each ends in a page that
				// is not full.
				most, longest := 1.03, 1.07
				if n < 100_000 {
					most, longest = 1.13, 1.6
				}
				if ratio > most || floor > longest {
					t.Error("too many, or too slow")
				}
			})
		}
	}
}

// TestCutWhileAPageIsOnItsWay gives the older part of a window away while the page that
// reaches into it is being read: that part is left to the other window.
func TestCutWhileAPageIsOnItsWay(t *testing.T) {
	t.Parallel()
	ws := resume([]rightful.MirrorWindow{{ID: 1, From: 100, To: 200}})
	w, _ := ws.next()
	w.asked = true
	q := w.query(rightful.TypeCustomer)
	older, changed := ws.cut(w, 150)
	if len(changed) != 2 || changed[0].From != 150 || changed[1].From != 100 || changed[1].To != 150 || changed[0].ID == changed[1].ID {
		t.Fatalf("%+v", changed)
	}
	page := rightful.ListPage{More: true, Objects: []rightful.Object{{ID: "a", Created: 160}, {ID: "b", Created: 150}, {ID: "c", Created: 149}}}
	mine, err := ws.took(w, q, page)
	if err != nil || len(mine) != 2 || !w.Done || len(ws.all) != 1 || ws.all[0] != older {
		t.Fatalf("%v, %+v, %+v, %v", mine, w, ws.all, err)
	}
}

// TestCircles has pages that come again after a while, all of the same second.
func TestCircles(t *testing.T) {
	t.Parallel()
	for length := 1; length < 9; length++ {
		ws := resume([]rightful.MirrorWindow{{ID: 1, To: 200}})
		w := ws.all[0]
		var err error
		n := 0
		for ; err == nil && n < 100; n++ {
			id := fmt.Sprint(max(n, 0) % length)
			if n < 3 {
				id = fmt.Sprint("before the circle ", n)
			}
			_, err = ws.took(w, w.query(rightful.TypeCustomer), rightful.ListPage{More: true, Objects: []rightful.Object{{ID: id, Created: 100}}})
		}
		if rightful.KindOf(err) != rightful.KindUnavailable || n > 3*length+6 {
			t.Errorf("a circle of %d pages was noticed after %d: %v", length, n, err)
		}
	}
}

// TestUnordered has a list that is not newest first: every object comes, also when the
// cursor vanishes.
func TestUnordered(t *testing.T) {
	t.Parallel()
	ws := resume([]rightful.MirrorWindow{{ID: 1, From: 100, To: 200}})
	w := ws.all[0]
	mine, err := ws.took(w, w.query(rightful.TypeCustomer), rightful.ListPage{More: true, Objects: []rightful.Object{{ID: "a", Created: 110}, {ID: "b", Created: 190}, {ID: "c", Created: 120}}})
	if err != nil || len(mine) != 3 || w.Done || w.AfterCreated != 199 {
		t.Fatalf("%v, %+v, %v", mine, w, err)
	}
	if err := w.lost(rightful.TypeCustomer); err != nil || w.To != 200 || w.After != "" {
		t.Fatalf("%+v, %v", w, err)
	}
}
