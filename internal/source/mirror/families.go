package mirror

import (
	"context"
	"fmt"
	"iter"

	"rightful"
)

// FamilyPart is a family, or a part of one that is too big to be held whole.
type FamilyPart struct {
	// Key is the customer's id, or the object's own id for what has no customer: a
	// guest's session, its payment intent and what else it made are families of their
	// own here.
	Key string
	// Customer tells what is known of the customer: unknown when it was never seen,
	// and for what has no customer. The first part of a family tells it, and so do the
	// others.
	Customer rightful.Existence
	// Objects are those that are there, by type, the customer first.
	// They may be kept; the slice is used again for the next part.
	Objects []rightful.Object
	// More is set when the next part is of the same family.
	More bool
}

// partObjects bounds how many objects a part of a family has.
const partObjects = 1000

// Families yields the families of one of shards shards, which are 0 and up: each family
// is in one of them, all are about as big, and several may be read side by side. A
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
	var part FamilyPart
	var family string // as it is stored: part.Key is for people
	var r row
	for rows.Next() {
		if err := d.scanObject(rows, &r); err != nil {
			return err
		}
		if r.family != family {
			if family != "" && !yield(part, nil) {
				return nil
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
				return nil
			}
			part.More, part.Objects = false, part.Objects[:0]
		}
		o, err := d.object(&r)
		if err != nil {
			return err
		}
		part.Objects = append(part.Objects, o)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if family != "" {
		yield(part, nil)
	}
	return nil
}
