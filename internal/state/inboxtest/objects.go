package inboxtest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"rightful"
)

// Objects is what remembers the newest of objects.
type Objects interface {
	// Keep is told what was learned.
	Keep(t *testing.T, objects ...rightful.InboxObject)
	// InboxObjects is that of rightful.InboxWork.
	InboxObjects(ctx context.Context, livemode bool, families, ids []string) ([]rightful.InboxObject, error)
}

// keptObjects are those of an inbox.
type keptObjects struct {
	*Bench
	s Kept
}

func (k keptObjects) Keep(t *testing.T, objects ...rightful.InboxObject) {
	t.Helper()
	until := k.take(k.s, rightful.LaneJudge, 3, "a")
	k.must(k.s.SettleEvents(t.Context(), 3, "a", until, nil, objects))
}

func (k keptObjects) InboxObjects(ctx context.Context, livemode bool, families, ids []string) ([]rightful.InboxObject, error) {
	return k.s.InboxObjects(ctx, livemode, families, ids)
}

// TestObjects checks what is remembered of objects. open returns an empty memory.
func TestObjects(t *testing.T, open func(t *testing.T) Objects) {
	object := func(id, family string, created int64, snapshot string) rightful.InboxObject {
		return rightful.InboxObject{Livemode: true, Type: "invoice", ID: id, Family: family, Created: created, EventID: "evt_" + id, Snapshot: snapshot, SeenAt: created + 1}
	}
	known := func(t *testing.T, o Objects, families, ids []string) []string {
		t.Helper()
		objects, err := o.InboxObjects(t.Context(), true, families, ids)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, k := range objects {
			out = append(out, fmt.Sprint(k.Type, " ", k.ID, " ", k.Family, " ", k.Created, " ", k.EventID, " ", k.Snapshot, " ", k.Livemode, " ", k.SeenAt))
		}
		slices.Sort(out)
		return out
	}
	same := func(t *testing.T, what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	t.Run("the newest", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		same(t, "nothing", known(t, o, []string{"cus_1"}, []string{"in_1"}))
		o.Keep(t, object("in_1", "cus_1", 5, "a"), object("in_2", "cus_2", 5, "b"))
		same(t, "by family", known(t, o, []string{"cus_1"}, nil), "invoice in_1 cus_1 5 evt_in_1 a true 6")
		same(t, "by id", known(t, o, nil, []string{"in_2"}), "invoice in_2 cus_2 5 evt_in_2 b true 6")
		same(t, "by both, once", known(t, o, []string{"cus_1"}, []string{"in_1"}), "invoice in_1 cus_1 5 evt_in_1 a true 6")
		o.Keep(t, object("in_1", "cus_1", 4, "older"))
		same(t, "an older one", known(t, o, []string{"cus_1"}, nil), "invoice in_1 cus_1 5 evt_in_1 a true 6")
		o.Keep(t, object("in_1", "cus_1", 5, "of the same second"))
		same(t, "of the same second", known(t, o, []string{"cus_1"}, nil), "invoice in_1 cus_1 5 evt_in_1 of the same second true 6")
		o.Keep(t, object("in_1", "cus_2", 6, "moved"))
		same(t, "it moved away", known(t, o, []string{"cus_1"}, nil))
		same(t, "to", known(t, o, []string{"cus_2"}, nil), "invoice in_1 cus_2 6 evt_in_1 moved true 7", "invoice in_2 cus_2 5 evt_in_2 b true 6")
	})
	// Of a family with more objects than are wanted the youngest are returned, and all
	// of a small one.
	t.Run("a large family", func(t *testing.T) {
		t.Parallel()
		o := open(t)
		var objects []rightful.InboxObject
		for family, n := range map[string]int{"cus_large": 150, "cus_small": 3, "cus_other": 3} {
			for i := range n {
				objects = append(objects, object(fmt.Sprintf("in_%s_%d", family, i), family, int64(i), "{}"))
			}
		}
		o.Keep(t, objects...)
		found, err := o.InboxObjects(t.Context(), true, []string{"cus_large", "cus_none", "cus_small"}, []string{"in_cus_large_7", "in_cus_small_1"})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, k := range found {
			got[k.Family]++
			if k.Family == "cus_large" && k.Created < 50 && k.ID != "in_cus_large_7" {
				t.Errorf("%s is not among the youngest", k.ID)
			}
		}
		if fmt.Sprint(got) != "map[cus_large:101 cus_small:3]" {
			t.Errorf("got %v", got)
		}
	})
}
