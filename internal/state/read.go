package state

import (
	"context"
	"database/sql"
	"iter"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful/internal/journal"
)

// What is read of the journal.
const (
	everything = `seq > 0 ORDER BY seq`
	ofRun      = `run = $1 ORDER BY seq`
)

// each calls f with the records that where chooses and orders.
func (s *Store) each(ctx context.Context, tx *sql.Tx, where string, args []any, f func(journal.Entry) error) error {
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT seq, run, at, kind, body, prev, hash FROM rightful_journal WHERE `+where), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e journal.Entry
		var kind, body string
		if err := rows.Scan(&e.Seq, &e.Run, &e.At, &kind, &body, &e.Prev, &e.Hash); err != nil {
			return err
		}
		e.Kind, e.Body = journal.Kind(kind), jsontext.Value(body)
		if err := f(e); err != nil {
			return err
		}
	}
	return rows.Err()
}

// chosen calls f with the records that a filter chooses.
func (s *Store) chosen(ctx context.Context, tx *sql.Tx, filter journal.Filter, f func(journal.Entry) error) error {
	where, args := everything, []any(nil)
	if filter.Run != "" {
		where, args = ofRun, []any{filter.Run}
	}
	matches := filter.Matching()
	return s.each(ctx, tx, where, args, func(e journal.Entry) error {
		if is, err := matches(e); err != nil || !is {
			return err
		}
		return f(e)
	})
}

// pageSize is how many records are read at once: a transaction that stays open
// while somebody looks at them would hold up others.
const pageSize = 500

// Entries implements journal.Reader.
func (s *Store) Entries(ctx context.Context, f journal.Filter) iter.Seq2[journal.Entry, error] {
	return func(yield func(journal.Entry, error) bool) {
		matches, last := f.Matching(), int64(0)
		for {
			var page []journal.Entry
			err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
				where, args := `seq > $1 ORDER BY seq LIMIT $2`, []any{last, s.page}
				if f.Run != "" {
					where, args = `seq > $1 AND run = $3 ORDER BY seq LIMIT $2`, []any{last, s.page, f.Run}
				}
				return s.each(ctx, tx, where, args, func(e journal.Entry) error {
					page = append(page, e)
					return nil
				})
			})
			if err != nil {
				yield(journal.Entry{}, err)
				return
			}
			for _, e := range page {
				is, err := matches(e)
				if err != nil {
					yield(journal.Entry{}, err)
					return
				}
				if is && !yield(e, nil) {
					return
				}
				last = e.Seq
			}
			if len(page) < s.page {
				return
			}
		}
	}
}

// Runs implements journal.Reader.
func (s *Store) Runs(ctx context.Context, f journal.Filter) ([]journal.Summary, error) {
	runs := []journal.Summary{}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var about map[string]bool // runs with a step that the filter chooses
		if f.AboutSteps() {
			about = map[string]bool{}
			if err := s.chosen(ctx, tx, f, func(e journal.Entry) error { about[e.Run] = true; return nil }); err != nil {
				return err
			}
		}
		live, err := s.leases(ctx, tx)
		if err != nil {
			return err
		}
		return s.summaries(ctx, tx, f, func(r journal.Summary) bool {
			if r.LastAt < f.Since || f.Actor != "" && !r.By(f.Actor) || about != nil && !about[r.ID] {
				return true
			}
			r.Holder = live[r.ID].Holder
			if r.Status == journal.StatusRunning && r.Holder == "" {
				r.Status = journal.StatusInterrupted // its process died
			}
			runs = append(runs, r)
			return f.Last == 0 || len(runs) < f.Last
		})
	})
	slices.Reverse(runs)
	return runs, err
}

// summaries reads the table of runs, the newest first, until f has enough.
func (s *Store) summaries(ctx context.Context, tx *sql.Tx, filter journal.Filter, f func(journal.Summary) bool) error {
	where, args := `seq < $1`, []any{int64(math.MaxInt64)}
	if filter.BeforeSeq > 0 {
		args[0] = filter.BeforeSeq
	}
	if filter.Run != "" {
		where, args = where+` AND id = $2`, append(args, filter.Run)
	}
	if filter.Last > 0 && filter.Since == 0 && filter.Actor == "" && !filter.AboutSteps() {
		where, args = where+` ORDER BY seq DESC LIMIT $`+strconv.Itoa(len(args)+1), append(args, filter.Last)
	} else {
		where += ` ORDER BY seq DESC`
	}
	rows, err := tx.QueryContext(ctx, s.d.query(`SELECT summary FROM rightful_runs WHERE `+where), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var raw string
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		summary, err := parseSummary(raw)
		if err != nil {
			return err
		}
		if !f(summary) {
			return nil
		}
	}
	return rows.Err()
}

// Verify implements journal.Reader.
func (s *Store) Verify(ctx context.Context) (journal.Check, error) {
	check := journal.Check{Stale: []string{}}
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		tallies, err := s.walk(ctx, tx, &check)
		if err != nil || check.Broken != nil {
			return err
		}
		check.Stale, err = s.stale(ctx, tx, tallies)
		return err
	})
	return check, err
}

// walk checks the chain, and follows every run on the way.
func (s *Store) walk(ctx context.Context, tx *sql.Tx, check *journal.Check) (journal.Tallies, error) {
	var head journal.Head
	switch err := s.row(ctx, tx, `SELECT COALESCE(MAX(records), -1), COALESCE(MAX(hash), '') FROM rightful_journal_head`).Scan(&head.Records, &head.Hash); {
	case err != nil:
		return nil, err
	case head.Records < 0:
		check.Broken = &journal.Broken{Why: "the head, which says how many records there are, was removed"}
		return nil, nil
	}
	check.Records, check.Head = head.Records, head.Hash
	var w journal.Walker
	tallies := journal.Tallies{}
	err := s.each(ctx, tx, everything, nil, func(e journal.Entry) error {
		if check.Broken != nil || e.Seq > head.Records {
			return nil // Walker.End speaks of what stands after the head
		}
		if check.Broken = w.Next(e); check.Broken != nil {
			return nil
		}
		return tallies.Add(e)
	})
	if err != nil || check.Broken != nil {
		return tallies, err
	}
	var last int64
	if err := s.row(ctx, tx, `SELECT COALESCE(MAX(seq), 0) FROM rightful_journal`).Scan(&last); err != nil {
		return nil, err
	}
	check.Broken = w.End(head, last)
	return tallies, nil
}

// stale names the runs of which the table says something else than the records.
func (s *Store) stale(ctx context.Context, tx *sql.Tx, tallies journal.Tallies) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, summary FROM rightful_runs`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stands := map[string]string{}
	for rows.Next() {
		var id, raw string
		if err := rows.Scan(&id, &raw); err != nil {
			return nil, err
		}
		stands[id] = raw
	}
	names := []string{}
	for id, t := range tallies {
		want, err := json.Marshal(t.Summary, json.Deterministic(true))
		if err != nil {
			return nil, err
		}
		if stands[id] != string(want) {
			names = append(names, id)
		}
		delete(stands, id)
	}
	for id := range stands {
		names = append(names, id)
	}
	slices.Sort(names)
	return names, rows.Err()
}

// Rebuild implements journal.Log.
func (s *Store) Rebuild(ctx context.Context) error {
	return s.append(ctx, func(ctx context.Context, a *appending) error {
		var check journal.Check
		tallies, err := s.walk(ctx, a.tx, &check)
		if err != nil {
			return err
		}
		if check.Broken != nil {
			return broken("the chain is broken, so nothing is derived from it")
		}
		if _, err := s.exec(ctx, a.tx, `DELETE FROM rightful_runs`); err != nil {
			return err
		}
		for _, t := range tallies {
			if err := a.keepSummary(ctx, t.Summary); err != nil {
				return err
			}
		}
		return nil
	})
}
