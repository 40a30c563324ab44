package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	"rightful"
)

// Parts implements rightful.MirrorStore.
func (a *Account) Parts(ctx context.Context) ([]rightful.MirrorPart, error) {
	parts := make([]rightful.MirrorPart, 0, len(rightful.ListedTypes()))
	for _, t := range rightful.ListedTypes() {
		parts = append(parts, rightful.MirrorPart{Type: t})
	}
	of := func(t int64) *rightful.MirrorPart {
		for i := range parts {
			if typeNumbers[parts[i].Type] == t {
				return &parts[i]
			}
		}
		return &rightful.MirrorPart{} // of a type that is not listed: told to nobody
	}
	// One moment: what a pass has kept is counted in its part.
	err := a.m.read(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.find(ctx, tx)
		if err != nil || k.number == 0 {
			return err
		}
		if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
			var t, objects, full, followed, keyset int64
			if err := rows.Scan(&t, &objects, &full, &followed, &keyset); err != nil {
				return err
			}
			p := of(t)
			p.Objects = objects
			if keyset == k.keyset {
				p.Full, p.Followed = full, followed
			}
			return nil
		}, `SELECT type, objects, full_at, followed, keyset FROM rightful_mirror.part WHERE account = $1`, k.number); err != nil {
			return err
		}
		passes, err := a.passes(ctx, tx, `account = $1 AND keyset = $2 AND ended = 0`, k.number, k.keyset)
		for _, p := range passes {
			of(typeNumbers[p.Type]).Pass = &p
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return parts, nil
}

// passes reads passes with their windows.
func (a *Account) passes(ctx context.Context, tx transaction, where string, args ...any) ([]rightful.MirrorPass, error) {
	var passes []rightful.MirrorPass
	if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
		var p rightful.MirrorPass
		var t int64
		if err := rows.Scan(&p.ID, &t, &p.Started, &p.Ended, &p.Pages, &p.Objects); err != nil {
			return err
		}
		p.Type = typeNames[t]
		passes = append(passes, p)
		return nil
	}, `SELECT id, type, started, ended, pages, objects FROM rightful_mirror.pass WHERE `+where+` ORDER BY type`, args...); err != nil {
		return nil, err
	}
	for i := range passes {
		p := &passes[i]
		if err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
			var w rightful.MirrorWindow
			var done int64
			if err := rows.Scan(&w.ID, &w.From, &w.To, &w.After, &w.AfterCreated, &done); err != nil {
				return err
			}
			w.After, w.Done = unescape(w.After), done != 0
			p.Windows = append(p.Windows, w)
			return nil
		}, `SELECT id, from_at, to_at, after_id, after_created, done FROM rightful_mirror.pass_window WHERE pass = $1 ORDER BY id`, p.ID); err != nil {
			return nil, err
		}
	}
	return passes, nil
}

// Begin implements rightful.MirrorStore. A pass that was begun with other identity
// keys is forgotten: what it read lacks some of them.
func (a *Account) Begin(ctx context.Context, t rightful.ObjectType, started int64, windows []rightful.MirrorWindow) (rightful.MirrorPass, error) {
	if !slices.Contains(rightful.ListedTypes(), t) {
		return rightful.MirrorPass{}, invalid(fmt.Sprintf("objects of type %q are not mirrored list by list", t), "")
	}
	if err := a.m.sweep(ctx); err != nil {
		return rightful.MirrorPass{}, err
	}
	var pass rightful.MirrorPass
	err := a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.enter(ctx, tx)
		if err != nil {
			return err
		}
		running, err := a.passes(ctx, tx, `account = $1 AND type = $2 AND keyset = $3 AND ended = 0`, k.number, typeNumbers[t], k.keyset)
		if err != nil {
			return err
		}
		if len(running) > 0 {
			pass = running[0]
			return nil
		}
		if _, err := a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.pass_window WHERE pass IN (SELECT id FROM rightful_mirror.pass WHERE account = $1 AND type = $2)`, k.number, typeNumbers[t]); err != nil {
			return err
		}
		if _, err := a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.pass WHERE account = $1 AND type = $2`, k.number, typeNumbers[t]); err != nil {
			return err
		}
		pass = rightful.MirrorPass{Type: t, Started: started, Windows: slices.Clone(windows)}
		// Counted over an index, and kept up to date from then on: who ends a pass that has
		// seen everything need not look through all of it.
		if err := a.m.row(ctx, tx, `INSERT INTO rightful_mirror.pass (account, type, keyset, started, unseen) VALUES ($1, $2, $3, $4,
			(SELECT count(*) FROM rightful_mirror.object`+a.m.d.using("object_created")+` WHERE state = 1 AND type = $2 AND created < $4 AND place >= $5 AND place < $6)) RETURNING id`,
			k.number, typeNumbers[t], k.keyset, started, k.number<<slotBits, (k.number+1)<<slotBits).Scan(&pass.ID); err != nil {
			return err
		}
		if _, err := a.m.exec(ctx, tx, `UPDATE rightful_mirror.account SET pass = $1 WHERE number = $2`, pass.ID, k.number); err != nil {
			return err
		}
		return a.putWindows(ctx, tx, pass.ID, windows)
	})
	if err != nil {
		return rightful.MirrorPass{}, err
	}
	return pass, nil
}

// End implements rightful.MirrorStore. Ending a pass again changes nothing.
func (a *Account) End(ctx context.Context, pass, ended int64) error {
	if err := a.merge(ctx); err != nil {
		return err
	}
	return a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.enter(ctx, tx)
		if err != nil {
			return err
		}
		found, err := a.passes(ctx, tx, `id = $1 AND account = $2 AND keyset = $3`, pass, k.number, k.keyset)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return noPass(pass)
		}
		p := found[0]
		if p.Ended != 0 {
			return nil
		}
		for _, w := range p.Windows {
			if !w.Done {
				return invalid(fmt.Sprintf("pass %d over the list of %s is not at its end: window %d is not done", pass, p.Type, w.ID), "read it to its end first")
			}
		}
		if _, err := a.m.exec(ctx, tx, `UPDATE rightful_mirror.pass SET ended = $1 WHERE id = $2`, max(ended, 1), pass); err != nil {
			return err
		}
		if _, err := a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.pass_window WHERE pass = $1`, pass); err != nil {
			return err
		}
		// What was followed with these keys stays followed, if that was later.
		_, err = a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.part (account, type, full_at, followed, keyset) VALUES ($1, $2, $3, $3, $4)
			ON CONFLICT (account, type) DO UPDATE SET full_at = excluded.full_at, keyset = excluded.keyset,
				followed = CASE WHEN part.keyset = excluded.keyset AND part.followed > excluded.followed THEN part.followed ELSE excluded.followed END`,
			k.number, typeNumbers[p.Type], p.Started, k.keyset)
		return err
	})
}

// Forget forgets a pass that is under way, as if it had not begun. What it kept stays.
// There being no such pass is no error.
func (a *Account) Forget(ctx context.Context, pass int64) error {
	if err := a.merge(ctx); err != nil {
		return err
	}
	return a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.enter(ctx, tx)
		if err != nil {
			return err
		}
		n, err := a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.pass WHERE id = $1 AND account = $2 AND ended = 0`, pass, k.number)
		if err != nil || n == 0 {
			return err
		}
		_, err = a.m.exec(ctx, tx, `DELETE FROM rightful_mirror.pass_window WHERE pass = $1`, pass)
		return err
	})
}

// unseenAtOnce is how many ids are read at a time: the caller asks Stripe between
// them, and nothing is held open meanwhile.
const unseenAtOnce = 1000

// Unseen implements rightful.MirrorStore.
func (a *Account) Unseen(ctx context.Context, pass int64) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := a.merge(ctx); err != nil {
			yield("", err)
			return
		}
		var last row
		for {
			ids, err := a.unseen(ctx, pass, &last)
			if err != nil {
				yield("", a.m.db.Explain(ctx, err))
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
			if len(ids) < unseenAtOnce {
				return
			}
		}
	}
}

// unseen reads the next ids after a row, which becomes the last of them.
func (a *Account) unseen(ctx context.Context, pass int64, last *row) ([]string, error) {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil {
		return nil, err
	}
	var t, started, unseen int64
	err = a.m.row(ctx, a.m.db.Read, `SELECT type, started, unseen FROM rightful_mirror.pass WHERE id = $1 AND account = $2`, pass, k.number).Scan(&t, &started, &unseen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noPass(pass)
	}
	if err != nil || unseen == 0 {
		return nil, err
	}
	last.place = max(last.place, k.number<<slotBits)
	var ids []string
	err = a.m.each(ctx, a.m.db.Read, func(rows *sql.Rows) error {
		var id *string
		if err := rows.Scan(&last.place, &last.family, &last.tail, &id); err != nil {
			return err
		}
		if id == nil {
			id = &last.family
		}
		ids = append(ids, unescape(*id))
		return nil
	}, `SELECT place, family, tail, id FROM rightful_mirror.object`+a.m.d.using("")+`
		WHERE (place, family, type, tail) > ($1, $2, $3, $4) AND place < $5 AND type = $3 AND state = 1 AND seen < $6 AND created < $7
		ORDER BY place, family, type, tail LIMIT $8`,
		last.place, last.family, t, last.tail, (k.number+1)<<slotBits, pass, started, unseenAtOnce)
	return ids, err
}

// Drop implements rightful.MirrorStore. What was there is forgotten at once, and
// taken away bit by bit: if that is cut short, the next pass or drop of any account
// goes on with it.
func (a *Account) Drop(ctx context.Context) error {
	err := a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.find(ctx, tx)
		if err != nil || k.number == 0 {
			return err
		}
		if err := a.m.d.lockAccount(ctx, tx, k.number); err != nil {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM rightful_mirror.pass_window WHERE pass IN (SELECT id FROM rightful_mirror.pass WHERE account = $1)`,
			`DELETE FROM rightful_mirror.pass WHERE account = $1`,
			`DELETE FROM rightful_mirror.part WHERE account = $1`,
			`DELETE FROM rightful_mirror.replaced WHERE account = $1`,
			`DELETE FROM rightful_mirror.followed WHERE account = $1`,
			`DELETE FROM rightful_mirror.account WHERE number = $1`,
			`INSERT INTO rightful_mirror.dropped (number) VALUES ($1) ON CONFLICT DO NOTHING`,
		} {
			if _, err := a.m.exec(ctx, tx, statement, k.number); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.m.sweep(ctx)
}

// sweepSlots is how many slots of a dropped account are emptied in a transaction.
const sweepSlots = slots / 64

// sweep takes away what accounts have left that were dropped.
func (m *Mirror) sweep(ctx context.Context) error {
	var numbers []int64
	err := m.each(ctx, m.db.Read, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		numbers = append(numbers, n)
		return err
	}, `SELECT number FROM rightful_mirror.dropped`)
	if err != nil {
		return m.db.Explain(ctx, err)
	}
	for _, n := range numbers {
		for from := n << slotBits; from < (n+1)<<slotBits; from += sweepSlots {
			if err := m.write(ctx, func(ctx context.Context, tx transaction) error {
				_, err := m.exec(ctx, tx, `DELETE FROM rightful_mirror.object WHERE place >= $1 AND place < $2`, from, from+sweepSlots)
				return err
			}); err != nil {
				return err
			}
		}
		if err := m.write(ctx, func(ctx context.Context, tx transaction) error {
			if m.d.stages() {
				if _, err := m.exec(ctx, tx, `DELETE FROM rightful_mirror.staged WHERE place >= $1 AND place < $2`, n<<slotBits, (n+1)<<slotBits); err != nil {
					return err
				}
			}
			_, err := m.exec(ctx, tx, `DELETE FROM rightful_mirror.dropped WHERE number = $1`, n)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
