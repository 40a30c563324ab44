package screen

import (
	"cmp"
	"math/bits"
	"slices"
)

// entry is what a table keeps: something of a fixed size, with an id.
type entry[E any] interface {
	*E
	key() id
}

// table keeps entries in the order of their ids. One goroutine adds them; once they are
// sorted, any number may look for them. It needs no more memory than its entries, and
// a piece that is not full for each part.
type table[E any, P entry[E]] struct {
	parts  [256]part[E, P] // by the first byte of the id
	sorted bool
}

// part keeps its entries in pieces of one size: nothing is moved when there are more.
type part[E any, P entry[E]] struct {
	pieces []*[pieceSize]E
	size   int
}

const pieceSize = 128

func (p *part[E, P]) at(i int) P { return &p.pieces[i/pieceSize][i%pieceSize] }

func (p *part[E, P]) id(i int) id { return p.at(i).key() }

func (t *table[E, P]) add(e E) {
	p := &t.parts[P(&e).key()>>56]
	if p.size == len(p.pieces)*pieceSize {
		p.pieces = append(p.pieces, new([pieceSize]E))
	}
	*p.at(p.size) = e
	p.size++
}

// sort sorts the table once, and hands on those of one id where there are several.
func (t *table[E, P]) sort(same func(several []E)) {
	if t.sorted {
		return
	}
	t.sorted = true
	var whole []E // a part, in one piece
	for i := range t.parts {
		p := &t.parts[i]
		whole = slices.Grow(whole[:0], p.size)
		for i := range p.pieces {
			whole = append(whole, p.pieces[i][:min(pieceSize, p.size-i*pieceSize)]...)
		}
		slices.SortFunc(whole, func(a, b E) int { return cmp.Compare(P(&a).key(), P(&b).key()) })
		for i := 0; i < len(whole); {
			j := i + 1
			for j < len(whole) && P(&whole[j]).key() == P(&whole[i]).key() {
				j++
			}
			if j > i+1 && same != nil {
				same(whole[i:j])
			}
			i = j
		}
		for i := range p.pieces {
			copy(p.pieces[i][:], whole[i*pieceSize:])
		}
	}
}

// find returns where the first entry of an id is in its part. Ids are spread evenly, so
// that it is near the place that the id itself tells, and the id that is found there tells
// a nearer one. Each look at a place is a wait for memory.
func (t *table[E, P]) find(of id) (p *part[E, P], at int, found bool) {
	p = &t.parts[of>>56]
	n := p.size
	if n == 0 {
		return p, 0, false
	}
	guess, _ := bits.Mul64(uint64(of<<8), uint64(n))
	at = int(guess)
	const ids = 1 << 56 // in a part
	at += int(float64(int64(of-p.id(at))) * float64(n) / ids)
	at = min(max(at, 0), n-1)
	// Around it, twice as far with each step.
	low, high := 0, n
	if p.id(at) < of {
		for step := 1; ; step *= 2 {
			low = at + 1
			if at += step; at >= n {
				break
			}
			if p.id(at) >= of {
				high = at
				break
			}
		}
	} else {
		for step := 1; ; step *= 2 {
			high = at
			if at -= step; at < 0 {
				break
			}
			if p.id(at) < of {
				low = at + 1
				break
			}
		}
	}
	for low < high {
		middle := int(uint(low+high) >> 1)
		if p.id(middle) < of {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return p, low, low < n && p.id(low) == of
}

// of returns the entry of an id, nil when there is none.
func (t *table[E, P]) of(id id) P {
	if p, at, found := t.find(id); found {
		return p.at(at)
	}
	return nil
}

// all calls f for each entry.
func (t *table[E, P]) all(f func(P)) {
	for i := range t.parts {
		p := &t.parts[i]
		for at := range p.size {
			f(p.at(at))
		}
	}
}

// spot is what is known of a customer, or of the key of a guest's family.
type spot struct {
	self   id
	linker ref // the company that links it
	home   ref // the company that it belongs to, when it is plain
}

// spots are added and found by turns: a hash table in segments, so that it grows bit by
// bit.
type spots struct {
	segments [256]segment
}

type segment struct {
	slots []spot // where self is 0, there is none
	used  int
}

func place(of id, n int) int {
	at, _ := bits.Mul64(uint64(of<<8), uint64(n))
	return int(at)
}

// of returns what is known of an id; nil for nothing.
func (s *spots) of(of id) *spot {
	slots := s.segments[of>>56].slots
	if len(slots) == 0 {
		return nil
	}
	for i := place(of, len(slots)); ; {
		switch slots[i].self {
		case of:
			return &slots[i]
		case 0:
			return nil
		}
		if i++; i == len(slots) {
			i = 0
		}
	}
}

// at returns what is known of an id, and begins to know it. It stays there until the
// next one is added.
func (s *spots) at(of id) *spot {
	if known := s.of(of); known != nil {
		return known
	}
	g := &s.segments[of>>56]
	if 8*(g.used+1) > 7*len(g.slots) {
		old := g.slots
		g.slots = make([]spot, max(16, len(old)+len(old)/4))
		for _, o := range old {
			if o.self != 0 {
				*g.free(o.self) = o
			}
		}
	}
	g.used++
	free := g.free(of)
	*free = spot{self: of, linker: nobody, home: nobody}
	return free
}

func (g *segment) free(of id) *spot {
	i := place(of, len(g.slots))
	for g.slots[i].self != 0 {
		if i++; i == len(g.slots) {
			i = 0
		}
	}
	return &g.slots[i]
}

// bag is a set of ids that mostly has few.
type bag struct {
	few  []id
	many map[id]struct{}
}

const fewIDs = 16

func (b *bag) has(i id) bool {
	if b.many != nil {
		_, known := b.many[i]
		return known
	}
	return slices.Contains(b.few, i)
}

// add reports whether the id is new.
func (b *bag) add(i id) bool {
	if b.has(i) {
		return false
	}
	b.few = append(b.few, i)
	switch {
	case b.many != nil:
		b.many[i] = struct{}{}
	case len(b.few) > fewIDs:
		b.many = make(map[id]struct{}, 2*len(b.few))
		for _, one := range b.few {
			b.many[one] = struct{}{}
		}
	}
	return true
}

// clear empties the bag, and gives back what a big one held.
func (b *bag) clear() {
	if b.many != nil {
		*b = bag{}
	}
	b.few = b.few[:0]
}
