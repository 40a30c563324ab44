package mirror

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"rightful"
)

// Keep implements rightful.MirrorStore.
func (a *Account) Keep(ctx context.Context, pages []rightful.MirrorPage) error {
	return a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.enter(ctx, tx)
		if err != nil {
			return err
		}
		bulk, err := a.bulkPasses(ctx, tx, k)
		if err != nil {
			return err
		}
		var objects, staged []rightful.MirrorObject
		for _, p := range pages {
			if err := a.keepWindows(ctx, tx, k, p); err != nil {
				return err
			}
			if err := a.keepReplaced(ctx, tx, k, p.Replaced); err != nil {
				return err
			}
			if bulk[p.Pass] {
				staged = append(staged, p.Objects...)
			} else {
				objects = append(objects, p.Objects...)
			}
		}
		if objects, err = a.latest(objects); err != nil {
			return err
		}
		if staged, err = a.latest(staged); err != nil {
			return err
		}
		if err := a.keep(ctx, tx, k, objects); err != nil || len(staged) == 0 {
			return err
		}
		return a.stage(ctx, tx, k, staged)
	})
}

// Follow implements rightful.MirrorStore.
func (a *Account) Follow(ctx context.Context, objects []rightful.MirrorObject, from, until int64) error {
	objects, err := a.latest(objects)
	if err != nil {
		return err
	}
	return a.m.write(ctx, func(ctx context.Context, tx transaction) error {
		k, err := a.enter(ctx, tx)
		if err != nil {
			return err
		}
		if err := a.keep(ctx, tx, k, objects); err != nil {
			return err
		}
		if err := a.noteFollowed(ctx, tx, k, from, until); err != nil {
			return err
		}
		_, err = a.m.exec(ctx, tx, `UPDATE rightful_mirror.part SET followed = $1 WHERE account = $2 AND keyset = $3 AND full_at > 0 AND followed < $1`, until, k.number, k.keyset)
		return err
	})
}

// keepWindows keeps where the windows of a page's pass stand.
func (a *Account) keepWindows(ctx context.Context, tx transaction, k known, p rightful.MirrorPage) error {
	if p.Pass == 0 {
		if len(p.Windows) > 0 {
			return invalid("windows belong to a pass, and the page names none", "")
		}
		return nil
	}
	n, err := a.m.exec(ctx, tx, `UPDATE rightful_mirror.pass SET pages = pages + 1, objects = objects + $1
		WHERE id = $2 AND account = $3 AND keyset = $4 AND ended = 0`, len(p.Objects), p.Pass, k.number, k.keyset)
	if err == nil && n == 0 {
		err = noPass(p.Pass)
	}
	if err != nil {
		return err
	}
	return a.putWindows(ctx, tx, p.Pass, p.Windows)
}

func noPass(id int64) error {
	return invalid(fmt.Sprintf("pass %d is not under way: it has ended, or the mirror was begun afresh or dropped meanwhile", id), "run rightful sync again")
}

func (a *Account) putWindows(ctx context.Context, tx transaction, pass int64, windows []rightful.MirrorWindow) error {
	for _, w := range windows {
		done := 0
		if w.Done {
			done = 1
		}
		if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.pass_window (pass, id, from_at, to_at, after_id, after_created, done) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (pass, id) DO UPDATE SET from_at = excluded.from_at, to_at = excluded.to_at, after_id = excluded.after_id, after_created = excluded.after_created, done = excluded.done`,
			pass, w.ID, w.From, w.To, escape(w.After), w.AfterCreated, done); err != nil {
			return err
		}
	}
	return nil
}

type objectKey struct {
	typ rightful.ObjectType
	id  string
}

// latest checks objects, and leaves of each its latest state: the last one of
// several that stood so at the same time.
func (a *Account) latest(objects []rightful.MirrorObject) ([]rightful.MirrorObject, error) {
	at := make(map[objectKey]int, len(objects))
	out := make([]rightful.MirrorObject, 0, len(objects))
	for _, o := range objects {
		if o.Deleted && o.Exists == rightful.ExistsPresent {
			o.Exists = rightful.ExistsDeleted
		}
		switch {
		case o.ID == "":
			return nil, invalid("an object without an id cannot be kept", "")
		case typeNumbers[o.Type] == 0:
			return nil, invalid(fmt.Sprintf("a mirror keeps no objects of type %q", o.Type), "")
		case o.Exists == rightful.ExistsUnknown:
			return nil, invalid(fmt.Sprintf("whether there is %s is not known, so it cannot be kept", o.ID), "")
		case o.Exists == rightful.ExistsPresent && (o.Account != a.account || o.Livemode != a.livemode):
			return nil, invalid(fmt.Sprintf("%s is of account %s (%s), and this is the mirror of %s (%s)", o.ID, o.Account, modeName(o.Livemode), a.account, modeName(a.livemode)),
				"look at the key with which it was read")
		}
		key := objectKey{o.Type, o.ID}
		i, twice := at[key]
		switch {
		case !twice:
			at[key] = len(out)
			out = append(out, o)
		case o.AsOf >= out[i].AsOf:
			out[i] = o
		}
	}
	return out, nil
}

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// atOnce bounds how many objects are compared and written at a time, so that a
// transaction of any size needs little memory beside them.
const atOnce = 10_000

// keep keeps objects, each once, and counts them.
func (a *Account) keep(ctx context.Context, tx transaction, k known, objects []rightful.MirrorObject) error {
	at := place{number: k.number, keyset: k.keyset, seen: k.pass, keys: a.keys}
	passes, err := a.underWay(ctx, tx, k)
	if err != nil {
		return err
	}
	counts := map[int64]int64{} // by type: how many more are there now
	for chunk := range slices.Chunk(objects, atOnce) {
		rows := make([]row, len(chunk))
		for i := range chunk {
			rows[i] = newRow(&chunk[i], at)
			if p := passes[rows[i].typ]; p != nil && p.others {
				// A pass with other keys must look at it again.
				rows[i].seen = p.id - 1
			}
			counts[rows[i].typ] += 0
		}
		slices.SortFunc(rows, compareRows)
		if err := a.keepRows(ctx, tx, rows, counts, passes); err != nil {
			return err
		}
	}
	for _, p := range passes {
		if p.more == 0 {
			continue
		}
		if _, err := a.m.exec(ctx, tx, `UPDATE rightful_mirror.pass SET unseen = unseen + $1 WHERE id = $2 AND unseen >= 0`, p.more, p.id); err != nil {
			return err
		}
	}
	for _, t := range slices.Sorted(maps.Keys(counts)) {
		// Of a part that was read with other keys, what is written now lacks some of
		// them: it is no full part of either any more.
		if _, err := a.m.exec(ctx, tx, `INSERT INTO rightful_mirror.part (account, type, objects) VALUES ($1, $2, $3)
			ON CONFLICT (account, type) DO UPDATE SET objects = part.objects + excluded.objects,
				full_at = CASE WHEN part.keyset = $4 THEN part.full_at ELSE 0 END, followed = CASE WHEN part.keyset = $4 THEN part.followed ELSE 0 END`,
			k.number, t, counts[t], k.keyset); err != nil {
			return err
		}
	}
	return nil
}

// underWay is a pass under way.
type underWay struct {
	id, started int64
	others      bool  // it reads with other keys than these
	more        int64 // how many more objects it has not seen than before
}

// sees reports whether a row is no object that the pass would have to look for.
func (p *underWay) sees(r *row) bool {
	return r.seen >= p.id || r.created >= p.started || rightful.Existence(r.state) != rightful.ExistsPresent
}

// underWay returns the passes under way, by the number of their type.
func (a *Account) underWay(ctx context.Context, tx transaction, k known) (map[int64]*underWay, error) {
	passes := map[int64]*underWay{}
	err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
		var t, keyset int64
		p := &underWay{}
		if err := rows.Scan(&t, &p.id, &p.started, &keyset); err != nil {
			return err
		}
		p.others = keyset != k.keyset
		passes[t] = p
		return nil
	}, `SELECT type, id, started, keyset FROM rightful_mirror.pass WHERE account = $1 AND ended = 0`, k.number)
	return passes, err
}

// compareRows sorts rows as they are clustered.
func compareRows(a, b row) int {
	return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.family, b.family), cmp.Compare(a.typ, b.typ), cmp.Compare(a.tail, b.tail))
}

// rowKey names an object among those of an account.
type rowKey struct {
	typ int64
	id  string // a customer's family
}

func (r *row) key() rowKey {
	if r.typ == typeCustomer {
		return rowKey{r.typ, r.family}
	}
	return rowKey{r.typ, r.id}
}

// keepRows compares rows with what is there, and writes what is news.
func (a *Account) keepRows(ctx context.Context, tx transaction, rows []row, counts map[int64]int64, passes map[int64]*underWay) error {
	there := map[rowKey]row{}
	var d reader
	err := a.m.d.lookup(ctx, tx, rows, func(found *sql.Rows) error {
		var r row
		if err := d.scan(found, &r); err != nil {
			return err
		}
		there[r.key()] = r
		return nil
	})
	if err != nil {
		return err
	}
	var put, touch, remove []row
	for _, r := range rows {
		old, is := there[r.key()]
		switch {
		case !is:
			put = append(put, r)
		case old.asOf > r.asOf: // it stays, and counts as seen
			seen := old
			seen.seen = max(old.seen, r.seen)
			touch = append(touch, seen)
			passes[r.typ].count(&old, is, &seen)
			continue
		case r.same(&old):
			touch = append(touch, r)
			passes[r.typ].count(&old, is, &r)
			continue
		default:
			if old.place != r.place || old.family != r.family {
				remove = append(remove, old)
			}
			put = append(put, r)
		}
		counts[r.typ] += present(r.state) - present(old.state)
		passes[r.typ].count(&old, is, &r)
	}
	if err := a.m.d.remove(ctx, tx, remove); err != nil {
		return err
	}
	if err := a.m.d.touch(ctx, tx, touch); err != nil {
		return err
	}
	return a.m.d.put(ctx, tx, put)
}

// count counts what becomes of a row: old is what it was, if there was one.
func (p *underWay) count(old *row, was bool, now *row) {
	if p == nil {
		return
	}
	if was && !p.sees(old) {
		p.more--
	}
	if !p.sees(now) {
		p.more++
	}
}

// present counts a row that is there.
func present(state int64) int64 {
	if rightful.Existence(state) == rightful.ExistsPresent {
		return 1
	}
	return 0
}
