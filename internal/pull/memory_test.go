package pull_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"rightful"
)

// memory is a mirror that forgets when the test ends. fail is asked before each
// transaction.
type memory struct {
	rightful.StripeReader
	fail func() error

	mu      sync.Mutex
	objects map[string]rightful.MirrorObject
	seen    map[string]int64 // the newest pass at which an object was kept
	passes  map[int64]*rightful.MirrorPass
	parts   map[rightful.ObjectType]*rightful.MirrorPart
	last    int64
	keeps   int // transactions
	kept    int // pages in them
	told    rightful.MirrorReplaced
}

func newMemory() *memory {
	return &memory{objects: map[string]rightful.MirrorObject{}, seen: map[string]int64{}, passes: map[int64]*rightful.MirrorPass{}, parts: map[rightful.ObjectType]*rightful.MirrorPart{}}
}

func (m *memory) part(t rightful.ObjectType) *rightful.MirrorPart {
	if m.parts[t] == nil {
		m.parts[t] = &rightful.MirrorPart{Type: t}
	}
	return m.parts[t]
}

func (m *memory) Parts(context.Context) ([]rightful.MirrorPart, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []rightful.MirrorPart
	for _, t := range rightful.ListedTypes() {
		p := *m.part(t)
		p.Objects = 0
		for _, o := range m.objects {
			if o.Type == t && o.Exists == rightful.ExistsPresent {
				p.Objects++
			}
		}
		if p.Pass != nil {
			pass := *p.Pass
			p.Pass = &pass
		}
		out = append(out, p)
	}
	return out, nil
}

func (m *memory) Begin(_ context.Context, t rightful.ObjectType, started int64, windows []rightful.MirrorWindow) (rightful.MirrorPass, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.part(t).Pass; p != nil {
		pass := *p
		pass.Windows = slices.Clone(p.Windows)
		return pass, nil
	}
	m.last++
	pass := &rightful.MirrorPass{ID: m.last, Type: t, Started: started, Windows: slices.Clone(windows)}
	m.passes[pass.ID], m.part(t).Pass = pass, pass
	out := *pass
	out.Windows = slices.Clone(windows)
	return out, nil
}

func (m *memory) Keep(_ context.Context, pages []rightful.MirrorPage) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(); err != nil {
			return err
		}
	}
	m.keeps++
	for _, p := range pages {
		m.keepObjects(p.Objects)
		for _, e := range p.Replaced {
			if !slices.ContainsFunc(m.told.Events, func(o rightful.Event) bool { return o.ID == e.ID }) {
				m.told.Events = append(m.told.Events, e)
			}
		}
		if len(p.Objects) > 0 {
			m.kept++
		}
		if p.Pass == 0 {
			continue
		}
		pass := m.passes[p.Pass]
		for _, w := range p.Windows {
			if i := slices.IndexFunc(pass.Windows, func(o rightful.MirrorWindow) bool { return o.ID == w.ID }); i >= 0 {
				pass.Windows[i] = w
			} else {
				pass.Windows = append(pass.Windows, w)
			}
		}
		pass.Pages++
		pass.Objects += int64(len(p.Objects))
	}
	return nil
}

func (m *memory) keepObjects(objects []rightful.MirrorObject) {
	for _, o := range objects {
		m.seen[o.ID] = m.last
		if old, is := m.objects[o.ID]; !is || old.AsOf <= o.AsOf {
			m.objects[o.ID] = o
		}
	}
}

func (m *memory) Unseen(_ context.Context, id int64) iter.Seq2[string, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, o := range m.objects {
		if o.Type == m.passes[id].Type && o.Exists == rightful.ExistsPresent && m.seen[o.ID] < id && o.Created < m.passes[id].Started {
			ids = append(ids, o.ID)
		}
	}
	slices.Sort(ids)
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func (m *memory) End(_ context.Context, id, ended int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.passes[id]
	for _, w := range p.Windows {
		if !w.Done {
			return fmt.Errorf("window %d is not done", w.ID)
		}
	}
	part := m.part(p.Type)
	part.Pass, part.Full, part.Followed = nil, p.Started, max(part.Followed, p.Started)
	p.Ended = ended
	return nil
}

func (m *memory) Follow(_ context.Context, objects []rightful.MirrorObject, from, until int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if from > m.told.Until {
		m.told.Since = from
	}
	m.told.Until = max(m.told.Until, until)
	m.keepObjects(objects)
	for _, p := range m.parts {
		if p.Full > 0 {
			p.Followed = max(p.Followed, until)
		}
	}
	return nil
}

func (m *memory) Replaced(context.Context) (rightful.MirrorReplaced, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told, nil
}

func (m *memory) Drop(context.Context) error { panic("nobody drops it") }
