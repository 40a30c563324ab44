package pull

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"rightful"
)

// Copy is a place that holds copies of Stripe's objects.
type Copy interface {
	// Claims returns the lists of which all objects are there, and as of when. What is not
	// named is not known to be whole.
	Claims() []Claim
	// Objects yields objects of the lists in no promised order, as each stood at least at
	// its AsOf. It stops at the first error, which it yields with no object.
	Objects(ctx context.Context) iter.Seq2[rightful.MirrorObject, error]
	// LeftOut tells what Objects did not yield so far.
	LeftOut() LeftOut
}

// Claim says that a copy has all objects of a list.
type Claim struct {
	Type rightful.ObjectType
	// AsOf is when: what was there then is in the copy, and stood as it does there, then
	// or later. Unix seconds.
	AsOf int64
	// EvenNone says that it holds when the copy has no objects of the list: then there
	// are none. Otherwise the list is not in the copy.
	EvenNone bool
}

// LeftOut is what was left out of a copy.
type LeftOut struct {
	Bad          int64    // could not be read
	BadAt        []string // the first of them: where, and why
	OtherMode    int64
	OtherAccount int64
	OtherTypes   int64    // of lists that a mirror does not keep
	Notes        []string // what else is good to know of the copy
}

// ImportStore is a mirror that can be filled from a copy.
type ImportStore interface {
	rightful.MirrorStore
	// Forget forgets a pass that is under way. What it kept stays.
	Forget(ctx context.Context, pass int64) error
}

// ImportOptions say what is imported.
type ImportOptions struct {
	Copy  Copy
	Store ImportStore
	// Progress is told after each transaction; nil is allowed.
	Progress func(Progress)
}

// importAtOnce is how many objects are kept in one transaction.
const importAtOnce = 5000

// importing is one import.
type importing struct {
	o     ImportOptions
	lists []*imported
}

// imported is one list of an import.
type imported struct {
	report ListReport
	before rightful.MirrorPart
	claim  Claim
	began  bool // by this import
	pass   rightful.MirrorPass
	ready  []rightful.MirrorObject
}

// Import keeps what a copy has. A list is called read whole only when the copy claims to
// have all of it, everything of the copy could be read, and it lacks nothing that the
// mirror has. What is in the mirror with a later AsOf stays as it is. The report says what
// was done, also beside an error, which is one of the copy, of the mirror, or of an
// interruption.
func Import(ctx context.Context, o ImportOptions) (*Report, LeftOut, error) {
	m := &importing{o: o}
	err := m.read(ctx)
	left := o.Copy.LeftOut()
	report := &Report{}
	if left.Bad > 0 {
		report.IncompleteBecause = append(report.IncompleteBecause, fmt.Sprintf("%d objects could not be read, so that no list is called read whole", left.Bad))
	}
	for _, l := range m.lists {
		if err == nil {
			err = m.close(ctx, l, left.Bad > 0)
		}
		if err != nil {
			// What is left under way would have Stripe asked for the whole list.
			err = joinForgotten(err, m.forget(context.WithoutCancel(ctx), l))
		}
	}
	if told := m.tally(context.WithoutCancel(ctx), report); err == nil {
		err = told
	}
	return report, left, err
}

// joinForgotten keeps the first error: that something could not be tidied up says less.
func joinForgotten(err, forgotten error) error {
	if err == nil {
		return forgotten
	}
	return err
}

// read keeps everything that the copy yields.
func (m *importing) read(ctx context.Context) error {
	parts, err := m.o.Store.Parts(ctx)
	if err != nil {
		return err
	}
	claims := m.o.Copy.Claims()
	for _, t := range rightful.ListedTypes() {
		l := &imported{report: ListReport{Type: t, How: HowImport}, before: rightful.MirrorPart{Type: t}}
		if i := slices.IndexFunc(parts, func(p rightful.MirrorPart) bool { return p.Type == t }); i >= 0 {
			l.before = parts[i]
		}
		if i := slices.IndexFunc(claims, func(c Claim) bool { return c.Type == t }); i >= 0 {
			l.claim = claims[i]
		}
		m.lists = append(m.lists, l)
		if l.claim.EvenNone {
			if err := m.begin(ctx, l); err != nil {
				return err
			}
		}
	}
	ready := 0
	for o, err := range m.o.Copy.Objects(ctx) {
		if err == nil && ready == importAtOnce {
			err = m.keep(ctx)
			ready = 0
		}
		if err != nil {
			return err
		}
		i := slices.IndexFunc(m.lists, func(l *imported) bool { return l.report.Type == o.Type })
		if i < 0 {
			return fmt.Errorf("a copy yields an object of type %q, of which there is no list", o.Type)
		}
		l := m.lists[i]
		if l.report.Read == 0 {
			if err := m.begin(ctx, l); err != nil {
				return err
			}
		}
		l.report.Read++
		if o.Exists != rightful.ExistsPresent {
			l.report.Gone++
		}
		l.ready = append(l.ready, o)
		ready++
	}
	return m.keep(ctx)
}

// begin begins a pass over a list that may be called read whole in the end. A reading of
// Stripe that is under way may end with the copy too, when the copy has everything that
// was there when it began.
func (m *importing) begin(ctx context.Context, l *imported) (err error) {
	t := l.claim.AsOf
	if t == 0 || l.pass.ID != 0 || l.before.Full >= t || l.before.Pass != nil && l.before.Pass.Started > t {
		return nil
	}
	l.began = l.before.Pass == nil
	l.pass, err = m.o.Store.Begin(ctx, l.report.Type, t, []rightful.MirrorWindow{{ID: 1, To: t}})
	return err
}

// keep keeps what is ready.
func (m *importing) keep(ctx context.Context) error {
	var pages []rightful.MirrorPage
	for _, l := range m.lists {
		if len(l.ready) > 0 {
			pages = append(pages, rightful.MirrorPage{Pass: l.pass.ID, Objects: l.ready})
		}
	}
	if len(pages) == 0 {
		return nil
	}
	if err := m.o.Store.Keep(ctx, pages); err != nil {
		return err
	}
	for _, l := range m.lists {
		if len(l.ready) > 0 && m.o.Progress != nil {
			m.o.Progress(Progress{Type: l.report.Type, Objects: l.report.Read, Left: -1})
		}
		l.ready = l.ready[:0]
	}
	return nil
}

// close ends a list's pass, or says why the list is not called read whole.
func (m *importing) close(ctx context.Context, l *imported, bad bool) error {
	if l.pass.ID == 0 {
		l.report.Problem = l.open()
		return nil
	}
	if bad {
		l.report.Problem = "some of it could not be read"
		return m.forget(ctx, l)
	}
	unseen, err := m.unseen(ctx, l)
	if err != nil {
		return err
	}
	if unseen > 0 {
		l.report.Problem = fmt.Sprintf("the mirror has %d objects that are not there; sync --full asks Stripe for them", unseen)
		if unseen == mostUnseen {
			l.report.Problem = fmt.Sprintf("the mirror has %d objects and more that are not there; sync --full asks Stripe", unseen)
		}
		return m.forget(ctx, l)
	}
	for i := range l.pass.Windows {
		l.pass.Windows[i].Done = true
	}
	if err := m.o.Store.Keep(ctx, []rightful.MirrorPage{{Pass: l.pass.ID, Windows: l.pass.Windows}}); err != nil {
		return err
	}
	return m.o.Store.End(ctx, l.pass.ID, max(l.claim.AsOf, 1))
}

// open says why a list that has no pass is not called read whole by this import.
func (l *imported) open() string {
	switch {
	case l.report.Read == 0:
		return ""
	case l.claim.AsOf == 0:
		return "nobody says as of when the copy has all of it (--as-of)"
	case l.before.Full >= l.claim.AsOf:
		return "" // the mirror knows more already
	}
	return "a reading of Stripe that began later is under way, and sync goes on with it"
}

// mostUnseen is how many objects are counted that the copy lacks.
const mostUnseen = 1000

// unseen counts objects that the mirror has and the copy does not.
func (m *importing) unseen(ctx context.Context, l *imported) (int, error) {
	if l.before.Objects == 0 && l.before.Pass == nil {
		return 0, nil
	}
	n := 0
	for _, err := range m.o.Store.Unseen(ctx, l.pass.ID) {
		if err != nil {
			return 0, err
		}
		if n++; n == mostUnseen {
			break
		}
	}
	return n, nil
}

// forget forgets the pass of a list that this import began.
func (m *importing) forget(ctx context.Context, l *imported) error {
	if !l.began {
		return nil
	}
	l.began = false
	return m.o.Store.Forget(ctx, l.pass.ID)
}

// tally fills in what the mirror knows in the end.
func (m *importing) tally(ctx context.Context, report *Report) error {
	parts, err := m.o.Store.Parts(ctx)
	if err != nil {
		return err
	}
	for _, l := range m.lists {
		for _, p := range parts {
			if p.Type == l.report.Type {
				l.report.Objects, l.report.Full, l.report.Followed = p.Objects, p.Full, p.Followed
				l.report.New = max(0, p.Objects-l.before.Objects)
			}
		}
		if l.report.Problem != "" {
			report.IncompleteBecause = append(report.IncompleteBecause, fmt.Sprintf("%s: %s", l.report.Type, l.report.Problem))
		}
		report.Lists = append(report.Lists, l.report)
	}
	return nil
}
