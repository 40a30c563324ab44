package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"rightful"
)

// run is one run of a puller.
type run struct {
	o       *Options
	report  *Report
	pages   *committer
	reading atomic.Int64 // lists of which windows are being read

	told sync.Mutex // calls to Progress come one at a time
	mu   sync.Mutex // guards the report's own fields, not those of its lists
}

// Run brings the mirror up to date: it reads whole what never was, what is too old to be
// followed, and what the wish asks for, and takes in what changed of the rest. What is left
// unread is no error but makes the report incomplete; the next run goes on where this one
// ended. Errors are those of a refused key, of the mirror, and of an interruption; the
// report says then what was done so far.
func (p *Puller) Run(ctx context.Context, wish Wish) (*Report, error) {
	r := &run{o: &p.o, report: &Report{}, pages: newCommitter(p.o.Store, p.o.Sleep)}
	err := r.all(ctx, p.types, wish)
	if kept := r.pages.close(); err == nil {
		err = kept
	}
	if told := r.tally(context.WithoutCancel(ctx)); err == nil {
		err = told
	}
	return r.report, err
}

// due says how a list is brought up to date, and why it is read whole when it was
// before.
func (r *run) due(part rightful.MirrorPart, wish Wish, now time.Time) (how How, because string) {
	stale := part.Followed < now.Add(-horizon).Unix()
	switch {
	case wish.Full, part.Full == 0:
		return HowFull, ""
	case part.Pass != nil: // of whatever kind it was
		return HowFull, fmt.Sprintf("%s: the reading that was begun is gone on with", part.Type)
	case stale:
		return HowFull, fmt.Sprintf("%s: changes were followed until %s, and Stripe keeps events for 30 days only", part.Type, day(part.Followed))
	case r.o.Renew > 0 && part.Full < now.Add(-r.o.Renew).Unix():
		return HowFull, fmt.Sprintf("%s: it was last read whole on %s", part.Type, day(part.Full))
	case !swept(part.Type):
	case wish.Sweep:
		return HowSweep, ""
	case r.o.Sweep > 0 && part.Full < now.Add(-r.o.Sweep).Unix():
		return HowSweep, fmt.Sprintf("%s: no event tells every change, and it was last read whole on %s", part.Type, day(part.Full))
	}
	return HowEvents, ""
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC") }

// all does the run, up to what has to be flushed and counted.
func (r *run) all(ctx context.Context, types []rightful.ObjectType, wish Wish) error {
	parts, err := r.o.Store.Parts(ctx)
	if err != nil {
		return err
	}
	now := r.o.Stripe.Now()
	since := now.Unix() // what changed from then on is to be taken in
	advance := true     // what is followed after this run is followed without a gap
	var lists []*list
	r.report.Lists = make([]ListReport, len(types))
	for i, t := range types {
		at := slices.IndexFunc(parts, func(p rightful.MirrorPart) bool { return p.Type == t })
		part := rightful.MirrorPart{Type: t}
		if at >= 0 {
			part = parts[at]
		}
		report := &r.report.Lists[i]
		how, because := r.due(part, wish, now)
		*report = ListReport{Type: t, How: how, Resumed: part.Pass != nil, Objects: part.Objects, New: -part.Objects, Full: part.Full, Followed: part.Followed, since: part.Followed}
		if because != "" {
			r.report.Because = append(r.report.Because, because)
		}
		if part.Full > 0 && part.Followed >= now.Add(-horizon).Unix() {
			since = min(since, part.Followed)
		}
		if how == HowEvents {
			continue
		}
		l := &list{run: r, report: report, first: part.Objects == 0 && part.Pass == nil}
		l.pass, err = r.o.Store.Begin(ctx, t, now.Unix(), []rightful.MirrorWindow{{ID: 1, To: now.Unix()}})
		if err != nil {
			return err
		}
		l.ws = resume(l.pass.Windows)
		since = min(since, l.pass.Started)
		report.since = l.pass.Started
		lists = append(lists, l)
	}
	if err := r.readAll(ctx, lists); err != nil {
		return err
	}
	for i := range r.report.Lists {
		l := &r.report.Lists[i]
		// A list that is too old to be followed, and was not read whole now, must not
		// look as if it had been followed.
		if l.Problem != "" && l.Full > 0 && l.Followed < now.Add(-horizon).Unix() {
			advance = false
		}
	}
	return r.close(ctx, lists, since, advance)
}

// readAll reads lists side by side. Only what concerns all of them is an error; what is
// wrong with one list stands in its report.
func (r *run) readAll(ctx context.Context, lists []*list) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, l := range lists {
		all.Go(func() {
			err := l.read(ctx)
			if err == nil {
				err = l.lastLook(ctx)
			}
			if err = l.failed(ctx, err); err != nil {
				stop(err)
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return r.pages.flush(ctx)
}

// failed notes what is wrong with the list. It returns the error when nothing else can be
// read either: the key is refused, the mirror does not keep, or somebody stopped the run.
func (l *list) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var own *rightful.Error
	var kept *keepError
	if ctx.Err() != nil || errors.As(err, &kept) || !errors.As(err, &own) || own.Kind == rightful.KindUnauthorized {
		return err
	}
	l.problem(err)
	return nil
}

// keepError marks an error as one of the mirror.
type keepError struct{ Err error }

func (e *keepError) Error() string { return e.Err.Error() }
func (e *keepError) Unwrap() error { return e.Err }

// problem notes why a list is not as Stripe has it.
func (l *list) problem(err error) {
	message := err.Error()
	var own *rightful.Error
	if errors.As(err, &own) {
		message = own.Message
	}
	l.report.Problem = message
	l.incomplete(fmt.Sprintf("%s: %s", l.report.Type, message))
}

// incomplete notes that something is missing.
func (r *run) incomplete(because string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.IncompleteBecause = append(r.report.IncompleteBecause, because)
}

// tell passes progress on.
func (r *run) tell(p Progress) {
	r.told.Lock()
	defer r.told.Unlock()
	r.o.Progress(p)
}

// tally fills in what the mirror knows in the end.
func (r *run) tally(ctx context.Context) error {
	slices.Sort(r.report.IncompleteBecause) // lists fail in no promised order
	parts, err := r.o.Store.Parts(ctx)
	if err != nil {
		return err
	}
	for i := range r.report.Lists {
		l := &r.report.Lists[i]
		for _, part := range parts {
			if part.Type == l.Type {
				l.New = max(0, l.New+part.Objects+l.Gone)
				l.Objects, l.Full, l.Followed = part.Objects, part.Full, part.Followed
			}
		}
		if l.Pages > 0 {
			l.Ideal = int(max(1, (l.Read+pageSize-1)/pageSize))
		}
	}
	return nil
}
