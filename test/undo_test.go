package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/engine"
	"rightful/internal/plan"
	"rightful/internal/wire"
	"rightful/test/truth"
)

// recorded opens a world with a journal.
func recordedWorld(t *testing.T, file, state string) *engine.Engine {
	t.Helper()
	e, c, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(e.Options.Now, 0)
	if err := wire.Record(t.Context(), e, c, state, wire.StateMade, "ana", func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	return e
}

func undoIt(engine.UndoPlan) (bool, error) { return true, nil }

var ana = engine.Author{Actor: "ana"}

// values returns every value of the world as the engine has it now.
func values(t *testing.T, e *engine.Engine) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "now.json")
	if err := e.Save(file); err != nil {
		t.Fatal(err)
	}
	out := flat(t, file)
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" }) // null, or not there
	return out
}

// struck grows a world and damages it.
func struck(rt *rapid.T, file string) *truth.World {
	w := truth.Grow(rt)
	for range rapid.IntRange(1, 3).Draw(rt, "damages") {
		w.StrikeAny(rt, truth.Mutations())
	}
	if err := os.WriteFile(file, w.JSON("struck"), 0o600); err != nil {
		rt.Fatal(err)
	}
	return w
}

// TestUndoRestoresTheWorld: whatever was damaged, fix and then undo leave every
// value as it was, but for the wrong cache keys, which stay deleted. It is undone
// once. A fresh plan repairs the world again.
func TestUndoRestoresTheWorld(t *testing.T) {
	t.Parallel()
	taken := 0
	rapid.Check(t, func(rt *rapid.T) {
		file := filepath.Join(t.TempDir(), "world.json")
		struck(rt, file)
		text := func() string { return string(must(os.ReadFile(file))(t)) }
		e := recordedWorld(t, file, "sqlite:"+filepath.Join(t.TempDir(), "rightful.db"))
		defer func() { _ = e.Close() }()
		before := values(t, e)
		r, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }, Author: ana})
		if rightful.KindOf(err) == rightful.KindRefused {
			return // the wrong key, an incomplete read
		}
		if err != nil {
			rt.Fatalf("%v\n%s", err, text())
		}
		if r.Applied == nil {
			return
		}
		if !r.Applied.Result.Whole() {
			rt.Fatalf("%+v\n%s", r.Applied.Result, text())
		}
		fixed := values(t, e)
		undone, err := e.Undo(t.Context(), engine.UndoInput{Run: r.Applied.Run.ID, Confirm: undoIt, Author: ana})
		if err != nil || !undone.Whole() {
			rt.Fatalf("%v, %+v\n%s", err, undone, text())
		}
		want := maps.Clone(before)
		for _, s := range undone.Stay {
			delete(want, "/cache/"+s.Object.ID)
		}
		if diff := cmp.Diff(want, values(t, e)); diff != "" {
			rt.Fatalf("fixed and undone (-before +after):\n%s\n%s", diff, text())
		}
		if undone.Result != nil {
			taken += len(undone.Result.Outcomes)
			if _, err := e.Undo(t.Context(), engine.UndoInput{Run: r.Applied.Run.ID, Confirm: undoIt, Author: ana}); rightful.KindOf(err) != rightful.KindRefused {
				rt.Fatalf("undone twice: %v\n%s", err, text())
			}
		}
		e.Options.Now++ // the same plan is another one a second later
		again, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }, Author: ana})
		if err != nil || again.Applied != nil && !again.Applied.Result.Whole() {
			rt.Fatalf("fixed again: %v, %+v\n%s", err, again, text())
		}
		if diff := cmp.Diff(fixed, values(t, e)); diff != "" {
			rt.Fatalf("fixed, undone and fixed (-once +again):\n%s\n%s", diff, text())
		}
		if c, err := e.Journal.Verify(t.Context()); err != nil || !c.Whole() || len(c.Stale) > 0 {
			rt.Fatalf("the journal: %+v, %v", c, err)
		}
	})
	if taken < 20 {
		t.Errorf("%d writes were taken back: too few to say anything", taken)
	}
}

// TestUndoLeavesWhatOthersWrote: after a repair somebody changes one of the values
// that it wrote. Undo leaves exactly that one, and names it.
func TestUndoLeavesWhatOthersWrote(t *testing.T) {
	t.Parallel()
	left := 0
	rapid.Check(t, func(rt *rapid.T) {
		file := filepath.Join(t.TempDir(), "world.json")
		struck(rt, file)
		e := recordedWorld(t, file, "sqlite:"+filepath.Join(t.TempDir(), "rightful.db"))
		defer func() { _ = e.Close() }()
		before := values(t, e)
		r, err := e.Fix(t.Context(), engine.FixInput{Confirm: func(*plan.Plan) (bool, error) { return true, nil }, Author: ana})
		if err != nil || r.Applied == nil {
			return
		}
		var written []plan.Step
		for _, u := range r.Plan.Units {
			for _, s := range u.Steps {
				if s.Place != rightful.PlaceCache && s.Object.Type != rightful.RefLink {
					written = append(written, s)
				}
			}
		}
		if len(written) == 0 {
			return
		}
		theirs := written[rapid.IntRange(0, len(written)-1).Draw(rt, "theirs")]
		value := "cus_theirs"
		if theirs.Place == rightful.PlaceStripe {
			value = "777"
		}
		fixed := values(t, e)
		if err := writeAs(t, e, theirs, &value); err != nil {
			rt.Fatal(err)
		}
		changed := ""
		for path, v := range values(t, e) {
			if fixed[path] != v {
				changed = path
			}
		}
		undone, err := e.Undo(t.Context(), engine.UndoInput{Run: r.Applied.Run.ID, Confirm: undoIt, Author: ana})
		if err != nil || undone.Whole() {
			rt.Fatalf("%v, %+v", err, undone)
		}
		for _, o := range undone.Result.Outcomes {
			if is := o.State == apply.StateConflict; is != (o.Step == theirs.ID) || is && (o.Found == nil || *o.Found != value) {
				rt.Fatalf("%s: %+v", theirs.ID, o)
			}
		}
		want, got := maps.Clone(before), values(t, e)
		for _, s := range undone.Stay {
			delete(want, "/cache/"+s.Object.ID)
		}
		want[changed] = fmt.Sprintf("%q", value)
		if diff := cmp.Diff(want, got); diff != "" || changed == "" {
			rt.Fatalf("%s: (-want +got):\n%s", changed, diff)
		}
		// Where theirs is gone again, the undo is continued to its end.
		if err := writeAs(t, e, plan.Step{Place: theirs.Place, Object: theirs.Object, Field: theirs.Field, To: &value}, theirs.To); err != nil {
			rt.Fatal(err)
		}
		undone, err = e.Undo(t.Context(), engine.UndoInput{Continue: undone.Result.Run, Confirm: undoIt, Author: ana})
		if err != nil || !undone.Whole() {
			rt.Fatalf("continued: %v, %+v", err, undone)
		}
		for path := range want {
			if path == changed {
				want[path] = before[path]
			}
		}
		maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
		if diff := cmp.Diff(want, values(t, e)); diff != "" {
			rt.Fatalf("continued (-want +got):\n%s", diff)
		}
		left++
	})
	if left < 10 {
		t.Errorf("%d values of others were left: too few to say anything", left)
	}
}

// writeAs writes, as somebody else, over what a step wrote.
func writeAs(t *testing.T, e *engine.Engine, s plan.Step, value *string) error {
	t.Helper()
	if s.Place == rightful.PlaceStripe {
		return e.Writers.Stripe.SetMetadata(t.Context(), rightful.MetadataWrite{
			Type: rightful.ObjectType(s.Object.Type), ID: s.Object.ID, Key: strings.TrimPrefix(s.Field, rightful.FieldStampPrefix), To: value, IdempotencyKey: "theirs",
		})
	}
	return e.Writers.Directory.CompareAndSet(t.Context(), []rightful.FieldChange{{Object: s.Object, Field: s.Field, From: s.To, To: value}}, true)
}

// TestUndoUnsetsAnAddedStamp: in Stripe, the key is gone again, not empty, and the
// other keys stand.
func TestUndoUnsetsAnAddedStamp(t *testing.T) {
	t.Parallel()
	const file = "worlds/RF105-shows.json"
	r, dsn := rigOf(t, file)
	s := stood(t, r, 0, dsn, "")
	before := s.objects(t)
	code, out, errs := s.rightful(t, "fix", "--yes")
	if !strings.Contains(out, "recorded as run-") {
		t.Fatalf("exit code %d, %s%s", code, out, errs)
	}
	added := 0
	for path := range s.objects(t) {
		if _, had := before[path]; !had && strings.HasSuffix(path, "/metadata/company_id") {
			added++
		}
	}
	if code, out, errs := s.rightful(t, "undo", "--yes", "run-"); code != 0 || errs != "" {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
	if diff := cmp.Diff(before, s.objects(t)); diff != "" || added == 0 {
		t.Errorf("%d stamps were added; undone (-before +after):\n%s", added, diff)
	}
	code, _, errs = s.rightful(t, "undo", "--yes", "run-")
	if code == 0 || errs == "" {
		t.Errorf("undone twice: exit code %d, %s", code, errs)
	}
}

// rigOf is any world on SQLite, writable.
func rigOf(t *testing.T, file string) (*rig, string) {
	t.Helper()
	e, _, err := wire.World(file)
	if err != nil {
		t.Fatal(err)
	}
	dsn := engines[0].dsn(t)
	fillFrom(t, file, engines[0].open(t, dsn))
	r := assemble(t, file, dsn, e.Options.Now)
	r.mapWrites(t, file, "sqlite")
	return r, dsn
}
