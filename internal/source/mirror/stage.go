package mirror

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"rightful"
)

// A first pass over a long list would write each object to pages all over the file.
// Beyond stageFrom objects, its pages are staged instead: appended as they come, read
// by nobody, and sorted into the table when the pass is at its end, which writes each
// page once.

// bulkShare says when staged rows are many beside what is there. Making the indexes anew
// writes each row once more; without that, each staged row costs about thirty times as
// much writing as one that is only written again.
const bulkShare = 16

// bulkPasses returns the passes whose pages are staged: those over lists that were
// never read to their end, when they are long.
func (a *Account) bulkPasses(ctx context.Context, tx transaction, k known) (map[int64]bool, error) {
	if !a.m.d.stages() {
		return nil, nil
	}
	passes, err := a.passes(ctx, tx, `account = $1 AND keyset = $2 AND ended = 0 AND objects >= $3
		AND NOT EXISTS (SELECT 1 FROM rightful_mirror.part WHERE part.account = pass.account AND part.type = pass.type AND full_at > 0)`, k.number, k.keyset, a.m.stageFrom)
	bulk := map[int64]bool{}
	for _, p := range passes {
		bulk[p.ID] = true
	}
	return bulk, err
}

// stage keeps objects to be merged.
func (a *Account) stage(ctx context.Context, tx transaction, k known, objects []rightful.MirrorObject) error {
	at := place{number: k.number, keyset: k.keyset, seen: k.pass, keys: a.keys}
	counts := map[int64]int64{}
	for chunk := range slices.Chunk(objects, atOnce) {
		rows := make([]row, len(chunk))
		for i := range chunk {
			rows[i] = newRow(&chunk[i], at)
			counts[rows[i].typ]++
		}
		if err := a.m.d.stage(ctx, tx, rows); err != nil {
			return err
		}
	}
	for t, n := range counts {
		if _, err := a.m.exec(ctx, tx, `UPDATE rightful_mirror.pass SET staged = staged + $1 WHERE account = $2 AND type = $3`, n, k.number, t); err != nil {
			return err
		}
	}
	return nil
}

// merge sorts in what is staged of the account. It is one transaction, however long it
// takes: others that write wait for it.
func (a *Account) merge(ctx context.Context) error {
	if !a.m.d.stages() {
		return nil
	}
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 {
		return a.m.db.Explain(ctx, err)
	}
	first, end := k.number<<slotBits, (k.number+1)<<slotBits
	var any bool
	if err := a.m.row(ctx, a.m.db.Read, `SELECT EXISTS (SELECT 1 FROM rightful_mirror.staged WHERE place >= $1 AND place < $2)`, first, end).Scan(&any); err != nil || !any {
		return a.m.db.Explain(ctx, err)
	}
	return a.m.writeUnbounded(ctx, ctx, func(ctx context.Context, tx transaction) error {
		var staged, there int64
		if err := a.m.row(ctx, tx, `SELECT (SELECT count(*) FROM rightful_mirror.staged WHERE place >= $1 AND place < $2), (SELECT COALESCE(sum(objects), 0) FROM rightful_mirror.part)`,
			first, end).Scan(&staged, &there); err != nil {
			return err
		}
		if err := a.m.d.merge(ctx, tx, k.number, staged > there/bulkShare); err != nil {
			return err
		}
		if err := a.leaveOne(ctx, tx, k); err != nil {
			return err
		}
		for _, statement := range []string{
			`INSERT INTO rightful_mirror.part (account, type) SELECT DISTINCT $1 / 4096, type FROM rightful_mirror.staged WHERE place >= $1 AND place < $2 ON CONFLICT DO NOTHING`,
			`UPDATE rightful_mirror.part SET objects = (SELECT count(*) FROM rightful_mirror.object o WHERE o.state = 1 AND o.type = part.type AND o.place >= $1 AND o.place < $2) WHERE account = $1 / 4096`,
			`DELETE FROM rightful_mirror.staged WHERE place >= $1 AND place < $2`,
			`UPDATE rightful_mirror.pass SET staged = 0, unseen = -1 WHERE account = $1 / 4096 AND $2 > 0`,
		} {
			if _, err := a.m.exec(ctx, tx, statement, first, end); err != nil {
				return err
			}
		}
		return nil
	})
}

// leaveOne leaves the latest state of objects that were staged twice, in one family and
// then in another.
func (a *Account) leaveOne(ctx context.Context, tx transaction, k known) error {
	var tails []int64
	if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
		var tail int64
		err := rows.Scan(&tail)
		tails = append(tails, tail)
		return err
	}, `SELECT tail FROM rightful_mirror.object`+a.m.d.using("object_tail")+` WHERE tail <> 0 GROUP BY tail HAVING count(*) > 1`); err != nil {
		return err
	}
	for _, tail := range tails {
		latest := map[rowKey]row{}
		var d reader
		var remove []row
		if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
			var r row
			if err := d.scan(rows, &r); err != nil {
				return err
			}
			other, twice := latest[r.key()]
			if twice {
				if r.asOf < other.asOf || r.asOf == other.asOf && r.seen < other.seen {
					r, other = other, r
				}
				remove = append(remove, other)
				r.seen = max(r.seen, other.seen) // in whichever family it was seen
			}
			latest[r.key()] = r
			return nil
		}, `SELECT `+columns+` FROM rightful_mirror.object`+a.m.d.using("object_tail")+` WHERE tail = $1 AND tail <> 0 AND place >= $2 AND place < $3`,
			tail, k.number<<slotBits, (k.number+1)<<slotBits); err != nil {
			return err
		}
		if err := a.m.d.remove(ctx, tx, remove); err != nil {
			return err
		}
		if err := a.m.d.touch(ctx, tx, slices.Collect(maps.Values(latest))); err != nil {
			return err
		}
	}
	return nil
}
