package snapshot

import (
	"container/heap"
	"iter"
)

// kept holds values by key. Which came before which in one answer is kept too: a
// source need not sort what it answers, but what is looked at first, or at all
// where only some are, follows from the order.
type kept[T any] struct {
	byKey map[string]T
	order []string // of arrival
	after map[string][]string
}

// keep keeps a value that came behind another one in the same answer; before is
// empty for the first.
func (k *kept[T]) keep(key string, v T, before string) {
	if k.byKey == nil {
		k.byKey, k.after = map[string]T{}, map[string][]string{}
	}
	if _, known := k.byKey[key]; !known {
		k.byKey[key] = v
		k.order = append(k.order, key)
	}
	if before != "" && before != key {
		k.after[before] = append(k.after[before], key)
	}
}

// all returns the values, each once, in an order in which every answer is in its
// own: that of a table of which the answers were parts. Where answers contradict
// each other, the earlier one counts.
func (k *kept[T]) all() []T {
	arrived, before := map[string]int{}, map[string]int{}
	for i, key := range k.order {
		arrived[key] = i
		for _, later := range k.after[key] {
			before[later]++
		}
	}
	ready := &queue{}
	for i, key := range k.order {
		if before[key] == 0 {
			heap.Push(ready, i)
		}
	}
	out := make([]T, 0, len(k.order))
	done := map[string]bool{}
	for next := 0; len(out) < len(k.order); {
		if ready.Len() == 0 { // a circle: nobody can be first
			for done[k.order[next]] {
				next++
			}
			heap.Push(ready, next)
		}
		key := k.order[heap.Pop(ready).(int)]
		if done[key] {
			continue
		}
		done[key] = true
		out = append(out, k.byKey[key])
		for _, later := range k.after[key] {
			if before[later]--; before[later] == 0 {
				heap.Push(ready, arrived[later])
			}
		}
	}
	return out
}

// queue gives the smallest number first.
type queue []int

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i] < q[j] }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(v any)        { *q = append(*q, v.(int)) }
func (q *queue) Pop() any {
	old := *q
	last := old[len(old)-1]
	*q = old[:len(old)-1]
	return last
}

// record passes a sequence on and keeps each of its values under its key; a value
// without one is not kept.
func record[T any](r *Recorder, seq iter.Seq2[T, error], in *kept[T], key func(T) string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		before := ""
		for v, err := range seq {
			if name := key(v); err == nil && name != "" {
				r.mu.Lock()
				in.keep(name, v, before)
				r.mu.Unlock()
				before = name
			}
			if !yield(v, err) {
				return
			}
		}
	}
}
