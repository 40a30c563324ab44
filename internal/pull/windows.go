package pull

import (
	"fmt"
	"slices"

	"rightful"
)

// How a list is cut into windows. Each window ends with a page that is not full, so that
// few and long ones cost the fewest requests; near the end short ones keep all requests
// busy.
const (
	pageSize    = 100
	firstStride = 20 // pages that are left to the newer window, at the beginning
	strideShare = 6  // later: the part of what was read already
	leastSplit  = 6  // pages that a window must have left to be halved
	mostLosses  = 20 // times that a window's cursor may vanish without the reading moving on
)

// windows is how far one list is read. It is used by one goroutine.
type windows struct {
	all    []*window
	nextID int64
	pages  int // read in this run, of all windows
}

// window is a range of creation times that is read newest first, page by page.
type window struct {
	rightful.MirrorWindow
	asked bool // a page of it is on its way

	pages     int       // read in this run
	recent    []stretch // the last of them that held anything, oldest objects last
	bottom    int64     // creation time of the oldest object that was read
	density   float64   // objects a second, as long as none was read
	unordered bool      // the list is not newest first
	losses    int       // times that the cursor vanished

	mark  map[string]bool // ids of one earlier page
	until int             // the page at which mark is renewed
}

// stretch is what one page told of how dense a window is.
type stretch struct {
	objects int
	top     int64 // creation time of its newest object, or of the one before it
}

// mostRecent is how many pages say how dense a window is where it is being read. Objects
// are imported, and made at noon: what is further away says little.
const mostRecent = 4

// resume takes up windows where they were left.
func resume(kept []rightful.MirrorWindow) *windows {
	ws := &windows{nextID: 1}
	for _, w := range kept {
		ws.nextID = max(ws.nextID, w.ID+1)
		if !w.Done {
			ws.all = append(ws.all, &window{MirrorWindow: w})
		}
	}
	return ws
}

// done reports whether everything was read.
func (ws *windows) done() bool { return len(ws.all) == 0 }

// next returns a window whose next page is to be asked for, and the windows that changed to
// make it: nil when there is nothing to ask for beside what is on its way. Newer windows
// come first.
func (ws *windows) next() (w *window, changed []rightful.MirrorWindow) {
	var idle *window
	for _, one := range ws.all {
		if !one.asked && (idle == nil || one.From > idle.From) {
			idle = one
		}
	}
	if idle != nil || ws.done() {
		return idle, nil
	}
	oldest := slices.MinFunc(ws.all, func(a, b *window) int { return int(min(max(a.From-b.From, -1), 1)) })
	if oldest.From == 0 {
		return ws.stride(oldest)
	}
	return ws.halve()
}

// stride cuts what is older off a window that reaches back to the beginning of time. Where
// there, or whether at all, objects are, nobody knows; but a list is read newest first,
// so that a page of it is full as long as there are enough, however far apart. What is left to
// the newer window is what probably fills so many pages. It waits for a page of the window, which
// tells how dense it is.
func (ws *windows) stride(open *window) (*window, []rightful.MirrorWindow) {
	if open.pages == 0 {
		return nil, nil
	}
	seconds := ws.strideOf(open)
	at := open.bottom
	if seconds >= float64(at) {
		return nil, nil // it ends before
	}
	at -= int64(seconds)
	if at <= open.From || at >= open.bottom {
		return nil, nil
	}
	return ws.cut(open, at)
}

// halve takes the older half of the window that has the most left.
func (ws *windows) halve() (*window, []rightful.MirrorWindow) {
	var most *window
	for _, w := range ws.all {
		if w.pages > 0 && w.perSecond() > 0 && w.seconds() >= 2 && (most == nil || w.left() > most.left()) {
			most = w
		}
	}
	if most == nil || most.left() < leastSplit*pageSize {
		return nil, nil
	}
	at := most.From + most.seconds()/2
	if len(most.recent) > 0 {
		// Where it is dense, it probably is not to its end.
		at = max(at, most.bottom-int64(ws.strideOf(most)))
	}
	return ws.cut(most, at)
}

// strideOf is how many seconds a window may keep when what is older is cut off.
func (ws *windows) strideOf(w *window) float64 {
	return float64(max(firstStride, ws.pages/strideShare)*pageSize) / w.perSecond()
}

// cut gives what was created before a time to a new window.
func (ws *windows) cut(w *window, at int64) (*window, []rightful.MirrorWindow) {
	older := &window{MirrorWindow: rightful.MirrorWindow{ID: ws.nextID, From: w.From, To: at}, density: w.perSecond()}
	ws.nextID++
	ws.all = append(ws.all, older)
	w.From = at
	return older, []rightful.MirrorWindow{w.MirrorWindow, older.MirrorWindow}
}

// seconds is how long the part of the window is that was not read yet.
func (w *window) seconds() int64 {
	if w.AfterCreated > 0 && !w.unordered {
		return max(w.AfterCreated+1-w.From, 0)
	}
	return w.To - w.From
}

// perSecond is how many objects a second of the window has, as far as it was read; before that
// as many as where it was cut from. 0: nobody knows.
func (w *window) perSecond() float64 {
	if len(w.recent) == 0 {
		return w.density
	}
	objects := 0
	for _, s := range w.recent {
		objects += s.objects
	}
	return float64(objects) / float64(max(w.recent[0].top-w.bottom, 1))
}

// left is about how many objects of the window were not read yet.
func (w *window) left() float64 { return w.perSecond() * float64(w.seconds()) }

// query is what asks for the window's next page.
func (w *window) query(t rightful.ObjectType) rightful.ListQuery {
	return rightful.ListQuery{Type: t, CreatedFrom: w.From, CreatedTo: w.To}
}

// lost goes on by creation time, because the object at the cursor was deleted: with all of
// its second, of which some may be read twice.
func (w *window) lost(t rightful.ObjectType) error {
	if w.losses++; w.losses > mostLosses {
		return unavailable("the list of %s: there is no object to go on behind, again and again", t)
	}
	if !w.unordered {
		w.To = min(w.To, w.AfterCreated+1)
	}
	w.After, w.mark, w.until, w.pages = "", nil, 0, 0
	return nil
}

// took takes notice of a page that was asked for with q, and returns those of its objects
// that belong to the window. One that the list cannot have is an error.
func (ws *windows) took(w *window, q rightful.ListQuery, page rightful.ListPage) ([]rightful.Object, error) {
	mine := make([]rightful.Object, 0, len(page.Objects))
	ids := make(map[string]bool, len(page.Objects))
	oldest := w.AfterCreated
	if w.After == "" || w.unordered {
		oldest = 0
	}
	for _, o := range page.Objects {
		if w.mark[o.ID] || ids[o.ID] {
			return nil, unavailable("the list of %s: a page holds %s, which was read before", q.Type, o.ID)
		}
		ids[o.ID] = true
		if o.Deleted {
			mine = append(mine, o) // a stub does not tell when it was made
			continue
		}
		if o.Created < q.CreatedFrom || o.Created >= q.CreatedTo {
			return nil, unavailable("the list of %s does not keep to the creation times that were asked for: %s is of %d", q.Type, o.ID, o.Created)
		}
		if oldest != 0 && o.Created > oldest {
			w.unordered = true
		}
		oldest = o.Created
		if o.Created >= w.From { // the rest was given to another window meanwhile
			mine = append(mine, o)
		}
	}
	w.learn(page.Objects)
	if w.pages == w.until {
		w.mark, w.until = ids, 2*w.pages+1
	}
	w.pages++
	ws.pages++
	if n := len(page.Objects); n > 0 {
		if oldest != w.AfterCreated {
			w.losses = 0
		}
		w.After, w.AfterCreated = page.Objects[n-1].ID, oldest
	}
	if w.unordered {
		w.AfterCreated = w.To - 1 // by its time nothing can be said to be behind
	}
	if w.Done = !page.More || !w.unordered && oldest < w.From; w.Done {
		ws.all = slices.DeleteFunc(ws.all, func(one *window) bool { return one == w })
	}
	return mine, nil
}

// learn takes notice of how dense the objects of a page are.
func (w *window) learn(objects []rightful.Object) {
	var s stretch
	bottom := int64(0)
	for _, o := range objects {
		if o.Deleted {
			continue
		}
		if s.objects == 0 {
			s.top, bottom = o.Created, o.Created
		}
		s.objects++
		s.top, bottom = max(s.top, o.Created), min(bottom, o.Created)
	}
	if s.objects == 0 {
		return
	}
	if len(w.recent) > 0 {
		s.top = w.bottom
	}
	w.bottom = bottom
	if w.recent = append(w.recent, s); len(w.recent) > mostRecent {
		w.recent = w.recent[1:]
	}
}

// left is about how many objects were not read yet; -1: nobody knows.
func (ws *windows) left() int64 {
	left := 0.0
	for _, w := range ws.all {
		if w.From == 0 || w.perSecond() == 0 {
			return -1
		}
		left += w.left()
	}
	return int64(left)
}

func unavailable(format string, args ...any) error {
	return &rightful.Error{Kind: rightful.KindUnavailable, Place: "stripe", Message: fmt.Sprintf(format, args...) + ": it cannot be read to its end",
		Hint: "check stripe.api_base, and that nothing between here and Stripe changes answers"}
}
