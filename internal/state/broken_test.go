package state_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/journal"
	"rightful/internal/state"
)

func TestNobodyChangesTheJournal(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		b.whole(s, "plan-a")
		attempts := []string{
			`UPDATE rightful_journal SET body = '{}' WHERE seq = 2`,
			`UPDATE rightful_journal SET at = at`,
			`DELETE FROM rightful_journal WHERE seq = 5`,
			`DELETE FROM rightful_journal`,
			`INSERT INTO rightful_journal (seq, run, at, kind, body, prev, hash) VALUES (7, '', 1, 'x', '{}', '', '')`,
			`INSERT INTO rightful_journal (seq, run, at, kind, body, prev, hash) VALUES (6, '', 1, 'x', '{}', 'not the last hash', '')`,
			`UPDATE rightful_journal_head SET records = 3`,
			`UPDATE rightful_journal_head SET records = 6`,
			`UPDATE rightful_journal_head SET hash = ''`,
			`DELETE FROM rightful_journal_head`,
			`INSERT INTO rightful_journal_head (id, records, hash) VALUES (2, 0, '')`,
		}
		if b.engine == "sqlite" {
			attempts = append(attempts,
				`INSERT OR REPLACE INTO rightful_journal SELECT seq, run, at, kind, '{}', prev, hash FROM rightful_journal WHERE seq = 2`,
				`INSERT OR REPLACE INTO rightful_journal_head VALUES (1, 0, '')`)
		} else {
			attempts = append(attempts, `TRUNCATE rightful_journal`, `TRUNCATE rightful_journal_head`,
				`INSERT INTO rightful_journal SELECT seq, run, at, kind, '{}', prev, hash FROM rightful_journal WHERE seq = 2
					ON CONFLICT (seq) DO UPDATE SET body = '{}'`)
		}
		for _, attempt := range attempts {
			if err := b.behind(s, attempt); err == nil || !strings.Contains(err.Error(), "append-only") {
				b.Errorf("%s: %v", attempt, err)
			}
		}
		b.mustBeWhole(s)
	})
}

func TestTheFirstBrokenRecordIsNamed(t *testing.T) {
	cases := []struct {
		name    string
		damage  func(b *bench, s *state.Store)
		seq     int64
		because string
	}{
		{"a body", sqlDamage(`UPDATE rightful_journal SET body = replace(body, '"11"', '"12"') WHERE seq = 7`), 7, "changed"},
		{"two bodies", sqlDamage(`UPDATE rightful_journal SET body = '{}' WHERE seq IN (9, 4)`), 4, "changed"},
		{"spaces", sqlDamage(`UPDATE rightful_journal SET body = ' ' || body WHERE seq = 3`), 3, "changed"},
		{"a time", sqlDamage(`UPDATE rightful_journal SET at = at + 1 WHERE seq = 1`), 1, "changed"},
		{"a kind", sqlDamage(`UPDATE rightful_journal SET kind = 'step_failed' WHERE seq = 3`), 3, "changed"},
		{"a run", sqlDamage(`UPDATE rightful_journal SET run = 'run-x' WHERE seq = 3`), 3, "changed"},
		{"no JSON", sqlDamage(`UPDATE rightful_journal SET body = '{' WHERE seq = 3`), 3, "changed"},
		{"removed", sqlDamage(`DELETE FROM rightful_journal WHERE seq = 6`), 6, "removed"},
		{"the first", sqlDamage(`DELETE FROM rightful_journal WHERE seq = 1`), 1, "removed"},
		{"cut", sqlDamage(`DELETE FROM rightful_journal WHERE seq > 8`), 9, "cut off"},
		{"emptied", sqlDamage(`DELETE FROM rightful_journal`), 1, "cut off"},
		{"removed and moved up", sqlDamage(`DELETE FROM rightful_journal WHERE seq = 6`, `UPDATE rightful_journal SET seq = seq - 1 WHERE seq = 7`), 6, "changed"},
		{"put in", sqlDamage(`UPDATE rightful_journal SET seq = 20 WHERE seq = 10`,
			`INSERT INTO rightful_journal SELECT 10, run, at, kind, body, prev, hash FROM rightful_journal WHERE seq = 4`), 10, "put there later"},
		{"put after the end", forged(11, true), 11, "put there later"},
		{"the last replaced", func(b *bench, s *state.Store) {
			b.mustBehind(s, `DELETE FROM rightful_journal WHERE seq = 10`)
			forged(10, true)(b, s)
		}, 10, "another record was written last"},
		{"one replaced", func(b *bench, s *state.Store) {
			b.mustBehind(s, `DELETE FROM rightful_journal WHERE seq = 5`)
			forged(5, true)(b, s)
		}, 6, "does not follow record 5"},
		{"the head", sqlDamage(`DELETE FROM rightful_journal_head`), 0, "head"},
	}
	onBoth(t, func(b *bench) {
		for _, c := range cases {
			b.Run(c.name, func(t *testing.T) {
				inner := *b
				inner.T = t
				if b.engine == "sqlite" {
					inner.address = "sqlite:" + t.TempDir() + "/rightful.db"
				}
				s := inner.open()
				fresh(&inner, s)
				inner.disarm(s)
				c.damage(&inner, s)
				got := inner.verify(s)
				if got.Whole() || got.Broken.Seq != c.seq || !strings.Contains(got.Broken.Why, c.because) {
					t.Errorf("got %+v", got.Broken)
				}
			})
		}
	})
}

// fresh writes ten records in two runs, after taking away what was there.
func fresh(b *bench, s *state.Store) {
	if b.engine == "postgres" {
		b.mustBehind(s, `DROP SCHEMA public CASCADE`, `CREATE SCHEMA public`)
		s = b.open()
	}
	b.whole(s, "plan-a")
	b.whole(s, "plan-b")
	b.mustBeWhole(s)
}

func sqlDamage(statements ...string) func(*bench, *state.Store) {
	return func(b *bench, s *state.Store) { b.mustBehind(s, statements...) }
}

// forged puts in a record that is whole in itself, and follows the one before.
func forged(seq int64, follows bool) func(*bench, *state.Store) {
	return func(b *bench, s *state.Store) {
		b.Helper()
		var head journal.Head
		head.Records = seq - 1
		if follows {
			must(b, s.DB().QueryRowContext(b.Context(), fmt.Sprintf(`SELECT hash FROM rightful_journal WHERE seq = %d`, seq-1)).Scan(&head.Hash))
		}
		e, _, err := head.Next("run-x", 1, journal.Record{Kind: journal.KindRunFinished, Body: journal.RunEnd{Why: "forged"}})
		must(b, err)
		b.mustBehind(s, fmt.Sprintf(`INSERT INTO rightful_journal (seq, run, at, kind, body, prev, hash) VALUES (%d, '%s', %d, '%s', '%s', '%s', '%s')`,
			e.Seq, e.Run, e.At, e.Kind, e.Body, e.Prev, e.Hash))
	}
}

func TestNothingIsWrittenOnABrokenEnd(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		b.whole(s, "plan-a")
		b.disarm(s)
		b.mustBehind(s, `DELETE FROM rightful_journal WHERE seq = 5`)
		if _, err := s.Begin(b.Context(), start("plan-b", 1)); rightful.KindOf(err) != rightful.KindRefused || !errors.Is(err, journal.ErrNotRecorded) {
			b.Errorf("got %v", err)
		}
		b.mustBehind(s, `DELETE FROM rightful_journal_head`)
		if _, err := s.Begin(b.Context(), start("plan-b", 1)); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
	})
}

func TestTheTableOfRunsIsDerivedAgain(t *testing.T) {
	onBoth(t, func(b *bench) {
		s := b.open()
		first := b.whole(s, "plan-a")
		second := b.whole(s, "plan-b")
		before, err := s.Runs(b.Context(), journal.Filter{})
		must(b, err)
		b.mustBehind(s, `UPDATE rightful_runs SET summary = replace(summary, '"ana"', '"eve"') WHERE id = '`+first+`'`,
			`DELETE FROM rightful_runs WHERE id = '`+second+`'`)
		b.mustBehind(s, `INSERT INTO rightful_runs SELECT 'run-x', 99, 'plan-x', 1, '', summary FROM rightful_runs WHERE id = '`+first+`'`)
		if c := b.verify(s); !c.Whole() || len(c.Stale) != 3 {
			b.Fatalf("got %+v", c)
		}
		must(b, s.Rebuild(b.Context()))
		b.mustBeWhole(s)
		after, err := s.Runs(b.Context(), journal.Filter{})
		must(b, err)
		if fmt.Sprint(after) != fmt.Sprint(before) {
			b.Errorf("got  %+v\nwant %+v", after, before)
		}
		b.mustBehind(s, `UPDATE rightful_runs SET summary = '{' WHERE id = '`+first+`'`)
		if _, err := s.Runs(b.Context(), journal.Filter{}); rightful.KindOf(err) != rightful.KindInvalid || !strings.Contains(err.Error(), "--rebuild") {
			b.Errorf("got %v", err)
		}
		must(b, s.Rebuild(b.Context()))
		b.disarm(s)
		b.mustBehind(s, `DELETE FROM rightful_journal WHERE seq = 5`)
		if err := s.Rebuild(b.Context()); rightful.KindOf(err) != rightful.KindRefused {
			b.Errorf("got %v", err)
		}
	})
}
