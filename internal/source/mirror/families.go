package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"rightful"
)

// FamilyPart is a family, or a part of one that is too big to be held whole.
type FamilyPart = rightful.MirrorFamily

// partObjects bounds how many objects a part of a family has.
const partObjects = 1000

// Families implements rightful.FamilyReader. Several shards may be read side by side. A
// shard is read in the order in which it is stored and as it stood when its reading
// began; what is written meanwhile is not seen, and on SQLite makes the log longer
// until the end of the reading. It holds one of the mirror's connections. Families of which nothing is there any more come with
// no objects.
//
// The sequence stops at the first error, which it yields with an empty part.
func (a *Account) Families(ctx context.Context, shard, of int) iter.Seq2[FamilyPart, error] {
	return func(yield func(FamilyPart, error) bool) {
		if of < 1 || of > slots || shard < 0 || shard >= of {
			yield(FamilyPart{}, invalid(fmt.Sprintf("there is no shard %d of %d", shard, of), fmt.Sprintf("ask for 1 to %d shards, the first is 0", slots)))
			return
		}
		if err := a.families(ctx, int64(shard), int64(of), yield); err != nil {
			yield(FamilyPart{}, a.m.db.Explain(ctx, err))
		}
	}
}

func (a *Account) families(ctx context.Context, shard, of int64, yield func(FamilyPart, error) bool) error {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 {
		return err
	}
	d, err := a.reader(ctx, a.m.db.Read, k)
	if err != nil {
		return err
	}
	first := k.number << slotBits
	rows, err := a.m.db.Read.QueryContext(ctx, a.m.d.query(`SELECT `+objectColumns+` FROM rightful_mirror.object`+a.m.d.using("")+`
		WHERE place >= $1 AND place < $2 ORDER BY place, family, type, tail`), first+slots*shard/of, first+slots*(shard+1)/of)
	if err != nil {
		return err
	}
	defer rows.Close()
	_, err = d.families(rows, yield)
	return err
}

// families yields the families of rows, which are in the order of the table, and
// reports whether more are wanted.
func (d *reader) families(rows *sql.Rows, yield func(FamilyPart, error) bool) (more bool, err error) {
	var part FamilyPart
	var family string // as it is stored: part.Key is for people
	var r row
	for rows.Next() {
		if err := d.scanObject(rows, &r); err != nil {
			return false, err
		}
		if r.family != family {
			if family != "" && !yield(part, nil) {
				return false, nil
			}
			family = r.family
			part = FamilyPart{Key: unescape(family), Objects: part.Objects[:0]}
		}
		if r.typ == typeCustomer {
			part.Customer = rightful.Existence(r.state)
		}
		if rightful.Existence(r.state) != rightful.ExistsPresent {
			continue
		}
		if len(part.Objects) == partObjects {
			part.More = true
			if !yield(part, nil) {
				return false, nil
			}
			part.More, part.Objects = false, part.Objects[:0]
		}
		o, err := d.object(&r)
		if err != nil {
			return false, err
		}
		part.Objects = append(part.Objects, o)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	return family == "" || yield(part, nil), nil
}

// FamiliesOf implements rightful.FamilyReader. It holds one of the mirror's connections.
func (a *Account) FamiliesOf(ctx context.Context, keys []string) iter.Seq2[FamilyPart, error] {
	return func(yield func(FamilyPart, error) bool) {
		if err := a.familiesOf(ctx, keys, yield); err != nil {
			yield(FamilyPart{}, a.m.db.Explain(ctx, err))
		}
	}
}

func (a *Account) familiesOf(ctx context.Context, keys []string, yield func(FamilyPart, error) bool) error {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 {
		return err
	}
	d, err := a.reader(ctx, a.m.db.Read, k)
	if err != nil {
		return err
	}
	one, err := a.m.db.Read.PrepareContext(ctx, a.m.d.query(`SELECT `+objectColumns+` FROM rightful_mirror.object`+a.m.d.using("")+`
		WHERE place = $1 AND family = $2 ORDER BY place, family, type, tail`))
	if err != nil {
		return err
	}
	defer one.Close()
	for _, key := range keys {
		family := escape(key)
		rows, err := one.QueryContext(ctx, k.number<<slotBits|slotOf(family), family)
		if err != nil {
			return err
		}
		more, err := d.families(rows, yield)
		if err = errors.Join(err, rows.Close()); err != nil || !more {
			return err
		}
	}
	return nil
}
