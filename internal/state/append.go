package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"rightful"
	"rightful/internal/failpoint"
	"rightful/internal/journal"
)

// appending is a transaction that appends to the journal. Whoever has it is the
// only one.
type appending struct {
	*Store
	tx   *sql.Tx
	head journal.Head
	at   int64
}

// append runs f in a transaction that may append. Its error, but for a refusal
// or an input that is wrong, says that nothing may be taken for recorded.
func (s *Store) append(ctx context.Context, f func(context.Context, *appending) error) error {
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		a := &appending{Store: s, tx: tx, at: s.unix()}
		if err := s.row(ctx, tx, s.d.lockHead()).Scan(&a.head.Records, &a.head.Hash); err != nil {
			if errors.Is(err, sql.ErrNoRows) {
				return broken("the journal has lost its head")
			}
			return err
		}
		if err := f(ctx, a); err != nil {
			return err
		}
		failpoint.Here("journal/commit")
		return nil
	})
	failpoint.Here("journal/committed")
	if err == nil {
		return nil
	}
	return notRecorded(err)
}

// notRecorded marks an error of an append, and keeps its words.
func notRecorded(err error) error {
	var own *rightful.Error
	if !errors.As(err, &own) {
		return fmt.Errorf("%w: %w", journal.ErrNotRecorded, err)
	}
	marked := *own
	marked.Err = errors.Join(journal.ErrNotRecorded, own.Err)
	if marked.Err == nil {
		marked.Err = journal.ErrNotRecorded
	}
	return &marked
}

func broken(message string) error {
	return journal.Refuse(message, "nothing is written on top of a damaged journal: rightful journal check names the place; keep a copy, and begin a new one", journal.ErrBroken)
}

// add appends records of a run and returns them.
func (a *appending) add(ctx context.Context, run string, records ...journal.Record) ([]journal.Entry, error) {
	var entries []journal.Entry
	for _, r := range records {
		e, head, err := a.head.Next(run, a.at, r)
		if err != nil {
			return nil, err
		}
		if _, err := a.exec(ctx, a.tx, `INSERT INTO rightful_journal (seq, run, at, kind, body, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			e.Seq, e.Run, e.At, string(e.Kind), string(e.Body), e.Prev, e.Hash); err != nil {
			return nil, err
		}
		if _, err := a.exec(ctx, a.tx, `UPDATE rightful_journal_head SET records = $1, hash = $2`, head.Records, head.Hash); err != nil {
			return nil, err
		}
		a.head = head
		entries = append(entries, e)
	}
	return entries, nil
}

// endStands refuses a journal whose last record is not the one that the head
// names. The whole chain is for Verify.
func (a *appending) endStands(ctx context.Context) error {
	if a.head.Records == 0 {
		return nil
	}
	var hash string
	err := a.row(ctx, a.tx, `SELECT hash FROM rightful_journal WHERE seq = $1`, a.head.Records).Scan(&hash)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && hash != a.head.Hash:
		return broken("the end of the journal is not what was written last")
	}
	return err
}

// keepSummary writes the row of a run.
func (a *appending) keepSummary(ctx context.Context, s journal.Summary) error {
	raw, err := json.Marshal(s, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = a.exec(ctx, a.tx, `INSERT INTO rightful_runs (id, seq, plan, plan_made_at, undoes, summary) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET summary = excluded.summary`, s.ID, s.Seq, s.Plan, s.PlanMadeAt, s.Undoes, string(raw))
	return err
}

// summary reads the row of a run. With sql.ErrNoRows there is none.
func (s *Store) summary(ctx context.Context, tx *sql.Tx, where string, args ...any) (journal.Summary, error) {
	var raw string
	if err := s.row(ctx, tx, `SELECT summary FROM rightful_runs WHERE `+where, args...).Scan(&raw); err != nil {
		return journal.Summary{}, err
	}
	return parseSummary(raw)
}

func parseSummary(raw string) (journal.Summary, error) {
	var out journal.Summary
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		return out, &rightful.Error{
			Kind: rightful.KindInvalid, Place: "journal", Message: "the table of runs cannot be read", Hint: "derive it again: rightful journal check --rebuild", Err: err,
		}
	}
	return out, nil
}
