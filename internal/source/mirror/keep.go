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
func (a *Account) Follow(ctx context.Context, objects []rightful.MirrorObject, until int64) error {
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
	others, err := a.othersPasses(ctx, tx, k)
	if err != nil {
		return err
	}
	counts := map[int64]int64{} // by type: how many more are there now
	for chunk := range slices.Chunk(objects, atOnce) {
		rows := make([]row, len(chunk))
		for i := range chunk {
			rows[i] = newRow(&chunk[i], at)
			if first, is := others[rows[i].typ]; is {
				// A pass with other keys must look at it again.
				rows[i].seen = first - 1
			}
			counts[rows[i].typ] += 0
		}
		slices.SortFunc(rows, compareRows)
		if err := a.keepRows(ctx, tx, rows, counts); err != nil {
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

// othersPasses returns the passes under way that read with other keys than these, by
// the number of their type.
func (a *Account) othersPasses(ctx context.Context, tx transaction, k known) (map[int64]int64, error) {
	passes := map[int64]int64{}
	err := a.m.each(ctx, tx, func(rows *sql.Rows) error {
		var t, id int64
		if err := rows.Scan(&t, &id); err != nil {
			return err
		}
		passes[t] = id
		return nil
	}, `SELECT type, id FROM rightful_mirror.pass WHERE account = $1 AND keyset <> $2 AND ended = 0`, k.number, k.keyset)
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
func (a *Account) keepRows(ctx context.Context, tx transaction, rows []row, counts map[int64]int64) error {
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
			old.seen = max(old.seen, r.seen)
			touch = append(touch, old)
			continue
		case r.same(&old):
			touch = append(touch, r)
			continue
		default:
			if old.place != r.place || old.family != r.family {
				remove = append(remove, old)
			}
			put = append(put, r)
		}
		counts[r.typ] += present(r.state) - present(old.state)
	}
	if err := a.m.d.remove(ctx, tx, remove); err != nil {
		return err
	}
	if err := a.m.d.touch(ctx, tx, touch); err != nil {
		return err
	}
	return a.m.d.put(ctx, tx, put)
}

// present counts a row that is there.
func present(state int64) int64 {
	if rightful.Existence(state) == rightful.ExistsPresent {
		return 1
	}
	return 0
}
