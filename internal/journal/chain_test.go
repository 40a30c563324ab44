package journal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"rightful/internal/journal"
)

// TestAHashIsOverCanonicalJSON spells a record out: whoever checks an export
// without rightful computes just this.
func TestAHashIsOverCanonicalJSON(t *testing.T) {
	t.Parallel()
	head := journal.Head{Records: 6, Hash: "abc"}
	e, next, err := head.Next("run-1", 1760000000, journal.Record{Kind: journal.KindRunFinished, Body: journal.RunEnd{Interrupted: true, Why: "<é> \"\n"}})
	if err != nil {
		t.Fatal(err)
	}
	const canonical = `{"at":1760000000,"body":{"interrupted":true,"why":"<é> \"\n"},"kind":"run_finished","prev":"abc","run":"run-1","seq":7}`
	sum := sha256.Sum256([]byte(canonical))
	if want := hex.EncodeToString(sum[:]); e.Hash != want {
		t.Errorf("got %s, want %s", e.Hash, want)
	}
	if next != (journal.Head{Records: 7, Hash: e.Hash}) || len(e.Hash) != journal.HashLength {
		t.Errorf("got %+v", next)
	}
}

func TestOnlyRecordsAreRecorded(t *testing.T) {
	t.Parallel()
	if _, _, err := (journal.Head{}).Next("run-1", 1, journal.Record{Kind: "x", Body: map[string]string{}}); err == nil {
		t.Error("something else was taken for a record")
	}
}

// TestUnrecordedRunsGoTheSameWay holds what a world without a journal is applied
// with.
func TestUnrecordedRunsGoTheSameWay(t *testing.T) {
	t.Parallel()
	r, ctx := journal.Unrecorded("run-1"), t.Context()
	for _, err := range []error{
		r.Intend(ctx, journal.Intent{}), r.Settle(ctx, journal.Outcome{}), r.FinishUnit(ctx, journal.UnitEnd{}), r.Beat(ctx), r.Finish(ctx, journal.RunEnd{}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if r.ID() != "run-1" || len(r.Before()) != 0 {
		t.Errorf("got %s, %v", r.ID(), r.Before())
	}
}
