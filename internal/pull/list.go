package pull

import (
	"context"
	"math"

	"rightful"
)

// list reads one list whole.
type list struct {
	*run
	report *ListReport
	pass   rightful.MirrorPass
	ws     *windows
	first  bool // nothing of the list was there before
}

// answer is what became of a request for a page.
type answer struct {
	w    *window
	q    rightful.ListQuery
	page rightful.ListPage
	err  error
}

// mostAsked bounds how many pages of one list are on their way at a time: Stripe limits
// that too, and does not say how much.
const mostAsked = 40

// wanted is how many requests have to be on their way to use the pace: as many as are sent
// while one is answered (Little's law), and half as many again, because answers vary.
func (l *list) wanted() int {
	rate, account, latency := l.o.Stripe.Pace(l.report.Type)
	rate = min(rate, account/float64(max(l.reading.Load(), 1)))
	if latency == 0 {
		return 1 // the first answer tells more than haste would bring
	}
	return max(2, min(mostAsked, int(math.Ceil(1.5*rate*latency.Seconds()))+1))
}

// read reads the windows of the pass to their ends. What it has read when it fails is
// kept, and gone on with by the next run.
func (l *list) read(ctx context.Context) error {
	l.reading.Add(1)
	defer l.reading.Add(-1)
	answers := make(chan answer)
	asked := 0
	var failed error
	for {
		for failed == nil && asked < l.wanted() {
			if failed = l.pages.room(ctx); failed != nil {
				break
			}
			w, changed := l.ws.next()
			if len(changed) > 0 {
				l.pages.add(rightful.MirrorPage{Pass: l.pass.ID, Windows: changed})
			}
			if w == nil {
				break
			}
			asked++
			l.ask(ctx, w, answers)
		}
		if asked == 0 {
			return failed
		}
		a := <-answers
		asked--
		a.w.asked = false
		if err := l.take(a); err != nil && failed == nil {
			failed = err
		}
	}
}

// ask asks for a window's next page.
func (l *list) ask(ctx context.Context, w *window, answers chan<- answer) {
	w.asked = true
	l.report.Pages++
	q, after := w.query(l.report.Type), w.After
	go func() {
		page, err := l.o.Stripe.Page(ctx, q, after)
		answers <- answer{w, q, page, err}
	}()
}

// take takes notice of an answer.
func (l *list) take(a answer) error {
	if a.err != nil {
		if a.w.After != "" && rightful.KindOf(a.err) == rightful.KindNotFound {
			return a.w.lost(l.report.Type)
		}
		return a.err
	}
	objects, err := l.ws.took(a.w, a.q, a.page)
	if err != nil {
		return err
	}
	l.report.Read += int64(len(objects))
	l.pages.add(rightful.MirrorPage{Pass: l.pass.ID, Objects: l.as(objects, a.page.AsOf), Windows: []rightful.MirrorWindow{a.w.MirrorWindow}})
	l.tell(Progress{Type: l.report.Type, Objects: l.report.Read, Left: l.ws.left(), Done: l.ws.done()})
	return nil
}

// as gives objects the time as of which they are known.
func (r *run) as(objects []rightful.Object, asOf int64) []rightful.MirrorObject {
	out := make([]rightful.MirrorObject, len(objects))
	for i, o := range objects {
		exists := rightful.ExistsPresent
		if o.Deleted {
			exists = rightful.ExistsDeleted
		}
		out[i] = rightful.MirrorObject{Object: o, AsOf: asOf, Exists: exists}
	}
	return out
}
