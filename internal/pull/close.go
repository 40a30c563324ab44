package pull

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"rightful"
)

// mostLooks is how often the newest objects are looked at until nothing is new. An account
// in which something is made all the time would never come to rest; what is newer still is
// told by events, or by the next run.
const mostLooks = 3

// lastLook reads what was created while the windows were read, and a little before.
func (l *list) lastLook(ctx context.Context) error {
	return l.look(ctx, l.report, l.pass.ID, l.pass.Started-int64(overlap.Seconds()), l.pass.Started)
}

// look reads the objects of a list that were created since a time, newest first, again and
// again until none is new. Those before known are expected.
func (r *run) look(ctx context.Context, report *ListReport, pass, since, known int64) error {
	seen := map[string]bool{}
	for range mostLooks {
		grew := false
		newest := since
		q := rightful.ListQuery{Type: report.Type, CreatedFrom: max(since, 1)}
		for after, more := "", true; more; {
			report.Pages++
			page, err := r.o.Stripe.Page(ctx, q, after)
			if after != "" && rightful.KindOf(err) == rightful.KindNotFound {
				grew = true // deleted meanwhile: look again
				break
			}
			if err != nil {
				return err
			}
			fresh := page.Objects[:0:0]
			for _, o := range page.Objects {
				if !seen[o.ID] {
					seen[o.ID] = true
					fresh = append(fresh, o)
					grew = grew || o.Created >= known
				}
				newest = max(newest, o.Created)
			}
			if len(fresh) == 0 && page.More {
				return unavailable("the list of %s: the same page comes again", report.Type)
			}
			if err := r.pages.room(ctx); err != nil {
				return err
			}
			if report.How == HowEvents {
				report.Read += int64(len(fresh))
			}
			r.pages.add(rightful.MirrorPage{Pass: pass, Objects: r.as(page.Objects, page.AsOf)})
			if more = page.More; more {
				after = page.Objects[len(page.Objects)-1].ID
			}
		}
		if !grew {
			return nil
		}
		since = max(since, newest-int64(overlap.Seconds()))
	}
	return nil
}

// close takes in what changed since a time, clears up what the readings did not see, and
// ends them. advance tells that nothing is missing between what was followed before and
// what is followed now.
func (r *run) close(ctx context.Context, lists []*list, since int64, advance bool) error {
	until := r.o.Stripe.Now().Unix()
	from := since - int64(overlap.Seconds())
	for i := range r.report.Lists {
		l := &r.report.Lists[i]
		if l.How != HowEvents || !unannounced(l.Type) {
			continue
		}
		if err := r.look(ctx, l, 0, l.Followed-int64(overlap.Seconds()), l.Followed); err != nil {
			if err = (&list{run: r, report: l}).failed(ctx, err); err != nil {
				return err
			}
			advance = false
		}
	}
	followed, err := r.changes(ctx, from)
	if err != nil {
		return err
	}
	if err := r.pages.flush(ctx); err != nil {
		return err
	}
	for _, l := range lists {
		if l.report.Problem != "" {
			continue
		}
		if followed == changesCut {
			l.report.Problem = "what changed while it was read is not known"
			continue // the next run has only that to do
		}
		if err := l.failed(ctx, l.end(ctx, until)); err != nil {
			return err
		}
	}
	if followed != changesTaken || !advance {
		return nil
	}
	return r.keeping(r.o.Store.Follow(ctx, nil, from, until))
}

// keeping marks an error as one of the mirror.
func (r *run) keeping(err error) error {
	if err == nil {
		return nil
	}
	return &keepError{err}
}

// end ends the pass of a list, once it is known what became of the objects that it did not
// see.
func (l *list) end(ctx context.Context, until int64) error {
	if err := l.unseen(ctx); err != nil {
		return err
	}
	if err := l.pages.flush(ctx); err != nil {
		return err
	}
	return l.keeping(l.o.Store.End(ctx, l.pass.ID, until))
}

// How many objects that were not seen are taken from the mirror at a time, and asked for
// side by side.
const (
	unseenAtOnce  = 500
	lookupsAtOnce = 8
)

// unseen looks up, one by one, the objects that were there before and were not seen now.
func (l *list) unseen(ctx context.Context) error {
	if l.first {
		return nil // spares looking through all of it
	}
	var ids []string
	look := func() error {
		if err := l.lookUp(ctx, ids); err != nil {
			return err
		}
		ids = ids[:0]
		return l.pages.flush(ctx)
	}
	for id, err := range l.o.Store.Unseen(ctx, l.pass.ID) {
		if err != nil {
			return l.keeping(err)
		}
		if ids = append(ids, id); len(ids) == unseenAtOnce {
			if err := look(); err != nil {
				return err
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return look()
}

// lookUp asks for objects one by one and keeps what Stripe says.
func (l *list) lookUp(ctx context.Context, ids []string) error {
	found := make([]rightful.MirrorObject, len(ids))
	errs := make([]error, len(ids))
	slots := make(chan struct{}, lookupsAtOnce)
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[i], errs[i] = l.lookUpOne(ctx, l.report.Type, id, 0)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
	}
	page := rightful.MirrorPage{Pass: l.pass.ID}
	unknown := 0
	for _, o := range found {
		switch o.Exists {
		case rightful.ExistsUnknown:
			unknown++
			continue
		case rightful.ExistsPresent:
			l.report.Unlisted++
		default:
			l.report.Gone++
		}
		page.Objects = append(page.Objects, o)
	}
	l.report.Lookups += len(ids)
	if unknown > 0 {
		l.incomplete(fmt.Sprintf("%s: of %d objects that were there before, nobody can tell whether they still are", l.report.Type, unknown))
	}
	if len(page.Objects) > 0 {
		l.pages.add(page)
	}
	return nil
}

// lookUpOne asks for one object. What is known of it is as of now, and never before least.
func (r *run) lookUpOne(ctx context.Context, t rightful.ObjectType, id string, least int64) (rightful.MirrorObject, error) {
	asOf := max(r.o.Stripe.Now().Add(-asOfMargin).Unix(), least)
	o, exists, err := r.o.Stripe.Get(ctx, t, id)
	if err != nil {
		return rightful.MirrorObject{}, err
	}
	if exists != rightful.ExistsPresent {
		o = r.named(t, id)
		o.Deleted = exists == rightful.ExistsDeleted
	}
	return rightful.MirrorObject{Object: o, AsOf: asOf, Exists: exists}, nil
}

// named is an object of which nothing but its name is known.
func (r *run) named(t rightful.ObjectType, id string) rightful.Object {
	return rightful.Object{Account: r.o.Account, Livemode: r.o.Livemode, Type: t, ID: id}
}
