package test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/engine"
	"rightful/internal/journal"
)

// unlucky are writers to which something happens at one of their writes.
type unlucky struct {
	w      apply.Writers
	at     int // which write, from 1
	what   string
	cancel context.CancelFunc
	n      int
	met    bool
	object string // that it happened to
}

// strikes tells what happens to a write: whether it takes effect, and its error.
func (u *unlucky) strikes(object string) (effect bool, err error) {
	u.n++
	if u.n != u.at && (u.what != "unsent" || u.object != object) {
		return true, nil
	}
	u.met, u.object = true, object
	switch u.what {
	case "cancel":
		u.cancel()
		return true, nil
	case "lost":
		return true, &rightful.Error{Kind: rightful.KindUncertain, Message: "no answer"}
	case "unsent":
		return false, &rightful.Error{Kind: rightful.KindUncertain, Message: "no answer"}
	}
	return false, &rightful.Error{Kind: rightful.KindUnavailable, Message: "it refuses"}
}

func (u *unlucky) SetMetadata(ctx context.Context, m rightful.MetadataWrite) error {
	effect, err := u.strikes(m.ID)
	if effect {
		if own := u.w.Stripe.SetMetadata(ctx, m); own != nil {
			return own
		}
	}
	return err
}

func (u *unlucky) CompareAndSet(ctx context.Context, all []rightful.FieldChange, commit bool) error {
	if !commit {
		return u.w.Directory.CompareAndSet(ctx, all, false)
	}
	effect, err := u.strikes(all[0].Object.ID)
	if effect {
		if own := u.w.Directory.CompareAndSet(ctx, all, true); own != nil {
			return own
		}
	}
	return err
}

func (u *unlucky) Delete(ctx context.Context, e rightful.CacheEntry) error {
	effect, err := u.strikes(e.Key)
	if effect {
		if own := u.w.Cache.Delete(ctx, e); own != nil {
			return own
		}
	}
	return err
}

// TestCutShortAndContinued: whatever happens to whichever write of a repair of a
// random world, the run that is continued ends as one to which nothing happened,
// and undo then takes all of it back.
func TestCutShortAndContinued(t *testing.T) {
	t.Parallel()
	cut := 0
	rapid.Check(t, func(rt *rapid.T) {
		file := filepath.Join(t.TempDir(), "world.json")
		struck(rt, file)
		text := func() string { return string(must(os.ReadFile(file))(t)) }
		smooth := recordedWorld(t, file, "sqlite:"+filepath.Join(t.TempDir(), "smooth.db"))
		defer func() { _ = smooth.Close() }()
		p, err := smooth.Plan(t.Context(), engine.PlanInput{})
		if err != nil || p.Steps() == 0 {
			return
		}
		if _, err := smooth.Apply(t.Context(), engine.ApplyInput{Plan: p, Author: ana}); err != nil {
			rt.Fatalf("%v\n%s", err, text())
		}

		e := recordedWorld(t, file, "sqlite:"+filepath.Join(t.TempDir(), "rightful.db"))
		defer func() { _ = e.Close() }()
		before := values(t, e)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		u := &unlucky{
			w: *e.Writers, cancel: cancel, at: rapid.IntRange(1, p.Steps()).Draw(rt, "at"),
			what: rapid.SampledFrom([]string{"cancel", "lost", "unsent", "refused"}).Draw(rt, "what"),
		}
		e.Writers = &apply.Writers{Stripe: u, Directory: u, Cache: u}
		r, err := e.Apply(ctx, engine.ApplyInput{Plan: p, Author: ana})
		if err != nil {
			rt.Fatalf("%v\n%s", err, text())
		}
		*e.Writers = u.w
		for _, o := range r.Result.Outcomes {
			if o.State == apply.StateConflict {
				rt.Fatalf("nobody else wrote: %+v\n%s", o, text())
			}
		}
		if r.Run.Status != journal.StatusFinished {
			cut++
			again, err := e.Apply(t.Context(), engine.ApplyInput{Continue: r.Run.ID, Author: ana})
			if err != nil || !again.Result.Whole() || again.Run.Status != journal.StatusFinished {
				rt.Fatalf("%s at %d: %v, %+v\n%s", u.what, u.at, err, again, text())
			}
			r = again
		}
		if diff := cmp.Diff(values(t, smooth), values(t, e)); diff != "" {
			rt.Fatalf("%s at %d (-at one go +continued):\n%s\n%s", u.what, u.at, diff, text())
		}
		undone, err := e.Undo(t.Context(), engine.UndoInput{Run: r.Run.ID, Confirm: undoIt, Author: ana})
		if err != nil || !undone.Whole() {
			rt.Fatalf("undone: %v, %+v\n%s", err, undone, text())
		}
		for _, s := range undone.Stay {
			delete(before, "/cache/"+s.Object.ID)
		}
		if diff := cmp.Diff(before, values(t, e)); diff != "" {
			rt.Fatalf("undone (-before +after):\n%s\n%s", diff, text())
		}
		if c, err := e.Journal.Verify(t.Context()); err != nil || !c.Whole() || len(c.Stale) > 0 {
			rt.Fatalf("the journal: %+v, %v", c, err)
		}
	})
	if cut < 10 {
		t.Errorf("%d runs were cut short: too few to say anything", cut)
	}
}
