package mirror

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"rightful"
	"rightful/internal/database"
)

// read runs f in a transaction that sees one moment.
func (m *Mirror) read(ctx context.Context, f func(context.Context, transaction) error) error {
	_, level := m.db.Isolation()
	return m.db.Explain(ctx, database.In(ctx, m.db.Read, &sql.TxOptions{Isolation: level, ReadOnly: true}, func(ctx context.Context, tx *sql.Tx) error {
		return f(ctx, transaction{Tx: tx})
	}))
}

// Pages of a list grow: who wants one object reads few, and a customer with a hundred
// thousand of them is not sorted a thousand times.
const (
	firstPage = 256
	lastPage  = 16_384
)

// conditions is what a query asks for, with its parameters.
type conditions struct {
	where []string
	args  []any
}

// add adds a condition in which ? stands for each parameter.
func (c *conditions) add(text string, args ...any) {
	for _, a := range args {
		c.args = append(c.args, a)
		text = strings.Replace(text, "?", "$"+strconv.Itoa(len(c.args)), 1)
	}
	c.where = append(c.where, text)
}

func (c *conditions) String() string { return strings.Join(c.where, " AND ") }

// List implements rightful.MirrorStore. It is read page by page: nothing is held open
// while the caller has an object, and what is kept meanwhile may come or not. On SQLite,
// what a long first pass has staged is not seen until it ends.
func (a *Account) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return func(yield func(rightful.Object, error) bool) {
		if q.Type == rightful.TypePaymentMethod && q.StripeCustomerID == "" {
			yield(rightful.Object{}, invalid("payment methods are listed of one customer only", ""))
			return
		}
		if q.Type == rightful.TypeCustomer && q.StripeCustomerID != "" {
			return // customers are nobody's
		}
		var last *row
		for n := firstPage; ; n = min(4*n, lastPage) {
			objects, next, err := a.page(ctx, q, last, n)
			if err != nil {
				yield(rightful.Object{}, a.m.db.Explain(ctx, err))
				return
			}
			for _, o := range objects {
				if !yield(o, nil) {
					return
				}
			}
			if last = next; last == nil {
				return
			}
		}
	}
}

// page reads up to n rows of a list after one of them, and returns what they say and
// the last of them, nil at the end.
func (a *Account) page(ctx context.Context, q rightful.ListQuery, after *row, n int) ([]rightful.Object, *row, error) {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 {
		return nil, nil, err
	}
	index, c := asked(k.number, q, after)
	objects, last, read, err := a.objects(ctx, k, index, c, n, func(o *rightful.Object) bool {
		// A family is of its guest too.
		return q.StripeCustomerID == "" || o.StripeCustomerID == q.StripeCustomerID
	})
	if err != nil || read < n {
		last = nil
	}
	return objects, last, err
}

// asked returns what a query asks for of an account, after a row of it, and the index
// that serves it: empty for the clustered table. The pluses keep SQLite, which would
// rather not sort, from reading an account by time for one customer.
func asked(number int64, q rightful.ListQuery, after *row) (index string, c conditions) {
	c.add("state = 1 AND type = ?", typeNumbers[q.Type])
	index = "object_created"
	plus := ""
	if q.StripeCustomerID != "" {
		plus = "+"
	}
	if q.CreatedFrom != 0 {
		c.add(plus+"created >= ?", q.CreatedFrom)
	}
	if q.CreatedTo != 0 {
		c.add(plus+"created < ?", q.CreatedTo)
	}
	if q.Email != "" {
		c.add("email = ?", escape(q.Email))
		index = "object_email"
	}
	if q.StripeCustomerID != "" {
		family := escape(q.StripeCustomerID)
		c.add("place = ? AND family = ?", number<<slotBits|slotOf(family), family)
		index = ""
	} else {
		c.add("place >= ? AND place < ?", number<<slotBits, (number+1)<<slotBits)
	}
	if q.SubscriptionID != "" {
		c.add("subscription = ?", escape(q.SubscriptionID))
		index = "object_subscription"
	}
	if q.PaymentIntentID != "" {
		c.add("payment_intent = ?", escape(q.PaymentIntentID))
		index = "object_payment_intent"
	}
	if after != nil {
		c.add("("+plus+"created, place, family, tail) < (?, ?, ?, ?)", after.created, after.place, after.family, after.tail)
		c.add(plus+"created <= ?", after.created)
	}
	return index, c
}

// selecting is the statement that reads up to n objects, newest first.
func selecting(d dialect, index string, c conditions, n int) string {
	plus := ""
	if index == "" {
		plus = "+"
	}
	return `SELECT ` + columns + ` FROM rightful_mirror.object` + d.using(index) + ` WHERE ` + c.String() +
		` ORDER BY ` + plus + `created DESC, place DESC, family DESC, tail DESC LIMIT ` + strconv.Itoa(n)
}

// objects reads up to n objects, newest first, through an index: empty for the
// clustered table. It returns those that want wants, the last row, and how many
// rows there were.
func (a *Account) objects(ctx context.Context, k known, index string, c conditions, n int, want func(*rightful.Object) bool) (objects []rightful.Object, last *row, read int, err error) {
	d, err := a.reader(ctx, a.m.db.Read, k)
	if err != nil {
		return nil, nil, 0, err
	}
	var r row
	err = a.m.each(ctx, a.m.db.Read, func(rows *sql.Rows) error {
		if err := d.scan(rows, &r); err != nil {
			return err
		}
		read++
		o, err := d.object(&r)
		if err == nil && want(&o) {
			objects = append(objects, o)
		}
		return err
	}, selecting(a.m.d, index, c, n), c.args...)
	return objects, &r, read, err
}

// Get implements rightful.MirrorStore.
func (a *Account) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	o, exists, err := a.get(ctx, t, id)
	if err != nil {
		return rightful.Object{}, rightful.ExistsUnknown, a.m.db.Explain(ctx, err)
	}
	return o, exists, nil
}

func (a *Account) get(ctx context.Context, t rightful.ObjectType, id string) (o rightful.Object, exists rightful.Existence, err error) {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 || id == "" || typeNumbers[t] == 0 {
		return o, exists, err
	}
	d, err := a.reader(ctx, a.m.db.Read, k)
	if err != nil {
		return o, exists, err
	}
	id = escape(id)
	var c conditions
	index := ""
	if t == rightful.TypeCustomer {
		c.add("place = ? AND family = ? AND type = 1 AND tail = 0", k.number<<slotBits|slotOf(id), id)
	} else {
		c.add("tail = ? AND tail <> 0 AND id = ? AND type = ? AND place >= ? AND place < ?", tailOf(id), id, typeNumbers[t], k.number<<slotBits, (k.number+1)<<slotBits)
		index = "object_tail"
	}
	err = a.m.each(ctx, a.m.db.Read, func(rows *sql.Rows) (err error) {
		var r row
		if err = d.scan(rows, &r); err == nil {
			exists = rightful.Existence(r.state)
			o, err = d.object(&r)
		}
		return err
	}, `SELECT `+columns+` FROM rightful_mirror.object`+a.m.d.using(index)+` WHERE `+c.String(), c.args...)
	return o, exists, err
}

// Search implements rightful.MirrorStore. The company and the user have an index; for
// another key that is kept, every object of the type is looked at. Objects that were
// read with other identity keys may not be found.
func (a *Account) Search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	switch t {
	case rightful.TypeSession, rightful.TypeSchedule, rightful.TypePaymentMethod:
		return nil, unsupported(fmt.Sprintf("objects of type %s cannot be searched", t))
	}
	found, err := a.search(ctx, t, key, value)
	return found, a.m.db.Explain(ctx, err)
}

func (a *Account) search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	k, err := a.find(ctx, a.m.db.Read)
	if err != nil || k.number == 0 || !a.keys.Keeps(key) {
		return nil, err
	}
	var found []rightful.Object
	for last := (*row)(nil); ; {
		var c conditions
		c.add("state = 1 AND type = ? AND place >= ? AND place < ?", typeNumbers[t], k.number<<slotBits, (k.number+1)<<slotBits)
		index := "object_created"
		switch key {
		case a.keys.Company:
			c.add("company_stamp = ?", escape(value))
			index = "object_company"
		case a.keys.User:
			c.add("user_stamp = ?", escape(value))
			index = "object_user"
		default:
			c.add("rest IS NOT NULL")
		}
		if last != nil {
			c.add("(created, place, family, tail) < (?, ?, ?, ?)", last.created, last.place, last.family, last.tail)
			c.add("created <= ?", last.created)
		}
		objects, next, read, err := a.objects(ctx, k, index, c, lastPage, func(o *rightful.Object) bool {
			v, is := o.Metadata[key]
			return is && v == value
		})
		if err != nil {
			return nil, err
		}
		found = append(found, objects...)
		if last = next; read < lastPage {
			return found, nil
		}
	}
}
