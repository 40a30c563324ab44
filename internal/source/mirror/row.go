package mirror

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf8"

	"rightful"
)

// typeNumbers are how object types are stored. They are never used for anything
// else. The customer is the first of its family.
var typeNumbers = map[rightful.ObjectType]int64{
	rightful.TypeCustomer:      typeCustomer,
	rightful.TypeSession:       2,
	rightful.TypeSubscription:  3,
	rightful.TypePaymentIntent: 4,
	rightful.TypeSchedule:      5,
	rightful.TypeInvoice:       6,
	rightful.TypeCharge:        7,
	rightful.TypePaymentMethod: 8,
}

const typeCustomer = 1

// typeNames are the types by their number.
var typeNames = func() map[int64]rightful.ObjectType {
	names := map[int64]rightful.ObjectType{}
	for t, n := range typeNumbers {
		names[n] = t
	}
	return names
}()

// slotBits is how many bits of a place are the family's slot. Families lie in slots
// by a hash of their key, so that any part of the slots is as good a sample of the
// account as any other.
const (
	slotBits = 12
	slots    = 1 << slotBits
)

// slotOf returns the slot of a family: FNV-1a, folded. It is stored, so it never
// changes.
func slotOf(family string) int64 {
	h := uint64(14695981039346656037)
	for i := range len(family) {
		h ^= uint64(family[i])
		h *= 1099511628211
	}
	h ^= h >> 32
	h ^= h >> slotBits
	return int64(h & (slots - 1))
}

// tailOf returns the tail of an id: never 0, and the same for ever. Of a family's
// objects of one type, no two will ever have the same; if it happened, the second would
// be refused.
func tailOf(id string) int64 {
	sum := sha256.Sum256([]byte(id))
	return max(int64(binary.BigEndian.Uint64(sum[:])&math.MaxInt64), 1)
}

// row is one object as it is stored. Texts are as escape leaves them.
type row struct {
	place  int64 // the account's number and the family's slot
	family string
	typ    int64
	tail   int64  // of the id; 0 on a customer
	id     string // empty on a customer, whose id is the family
	state  int64  // an Existence
	seen   int64  // the newest pass when it was kept
	asOf   int64

	created       int64
	keyset        int64
	email         string // empty for none, as the next ones
	subscription  string
	intent        string
	company, user *string // nil when the key is not there
	status        string
	paymentStatus string
	rest          []byte
}

// objectColumns are those that an object is made of, and columns all of them.
const (
	objectColumns = "family, type, id, state, created, keyset, email, subscription, payment_intent, company_stamp, user_stamp, status, payment_status, rest"
	columns       = "place, tail, seen, as_of, " + objectColumns

	columnCount      = 18
	notOfObjectCount = 4
)

// appendValues appends the row's values in the order of columns.
func (r *row) appendValues(to []any) []any {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	pointed := func(s *string) any {
		if s == nil {
			return nil
		}
		return *s
	}
	var rest any
	if r.rest != nil {
		rest = r.rest
	}
	return append(to, r.place, r.tail, r.seen, r.asOf, r.family, r.typ, text(r.id), r.state, r.created, r.keyset,
		text(r.email), text(r.subscription), text(r.intent), pointed(r.company), pointed(r.user), text(r.status), text(r.paymentStatus), rest)
}

// same reports whether two rows of one object differ in nothing but when it stood
// so, and when it was seen.
func (r *row) same(b *row) bool {
	pointed := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
	return r.place == b.place && r.family == b.family && r.state == b.state && r.created == b.created && r.keyset == b.keyset &&
		r.email == b.email && r.subscription == b.subscription && r.intent == b.intent &&
		pointed(r.company, b.company) && pointed(r.user, b.user) && r.status == b.status && r.paymentStatus == b.paymentStatus &&
		string(r.rest) == string(b.rest)
}

// newRow returns the row of an object of the account, seen or not.
func newRow(m *rightful.MirrorObject, at place) row {
	o := &m.Object
	r := row{typ: typeNumbers[o.Type], state: int64(m.Exists), seen: at.seen, asOf: m.AsOf, keyset: at.keyset}
	family := o.ID
	if m.Exists != rightful.ExistsPresent {
		o = &rightful.Object{Type: o.Type, ID: o.ID} // nothing else means anything
	}
	if o.Type != rightful.TypeCustomer {
		r.id = escape(o.ID)
		r.tail = tailOf(r.id)
		if o.StripeCustomerID != "" {
			family = o.StripeCustomerID
		}
	}
	customer := o.StripeCustomerID
	if o.Type != rightful.TypeCustomer && customer != o.ID {
		customer = "" // the family tells it
	}
	r.family = escape(family)
	r.place = at.number<<slotBits | slotOf(r.family)
	r.created = o.Created
	r.email, r.subscription, r.intent = escape(o.Email), escape(o.SubscriptionID), escape(o.PaymentIntentID)
	r.status, r.paymentStatus = escape(o.Status), escape(o.PaymentStatus)
	var further map[string]string
	for k, v := range o.Metadata {
		switch {
		case k != "" && k == at.keys.Company:
			r.company = pointer(escape(v))
		case k != "" && k == at.keys.User:
			r.user = pointer(escape(v))
		case at.keys.Keeps(k):
			if further == nil {
				further = map[string]string{}
			}
			further[k] = v
		}
	}
	if o.Snapshot != nil || o.Phases != nil {
		copied := *o
		copied.Snapshot = kept(o.Snapshot, at.keys)
		copied.Phases = make([]rightful.Phase, len(o.Phases))
		for i, p := range o.Phases {
			p.Metadata = kept(p.Metadata, at.keys)
			copied.Phases[i] = p
		}
		o = &copied
	}
	r.rest = pack(o, customer, further)
	return r
}

func pointer(s string) *string { return &s }

// place is where and under what an account's objects are written.
type place struct {
	number int64 // of the account
	keyset int64 // the number of keys
	seen   int64 // the newest pass
	keys   rightful.KeySet
}

// reader makes objects of rows. One goroutine uses it.
type reader struct {
	account  string
	livemode bool
	keys     rightful.KeySet    // what is wanted
	own      int64              // their number
	sets     map[int64]keyNames // what was asked for when a row was written, by number
	shared   shared
	cells    [columnCount]any
	into     [columnCount]any
}

// scan reads a row of columns.
func (d *reader) scan(rows *sql.Rows, r *row) error { return d.scanFrom(rows, 0, r) }

// scanObject reads a row of objectColumns.
func (d *reader) scanObject(rows *sql.Rows, r *row) error {
	return d.scanFrom(rows, notOfObjectCount, r)
}

func (d *reader) scanFrom(rows *sql.Rows, first int, r *row) error {
	if d.into[0] == nil {
		for i := range d.cells {
			d.into[i] = &d.cells[i]
		}
	}
	if err := rows.Scan(d.into[first:]...); err != nil {
		return err
	}
	c := &d.cells
	whole := func(i int) int64 {
		v, _ := c[i].(int64)
		return v
	}
	text := func(i int) string {
		v, _ := c[i].(string)
		return v
	}
	pointed := func(i int) *string {
		if v, ok := c[i].(string); ok {
			return &v
		}
		return nil
	}
	rest, _ := c[17].([]byte)
	*r = row{
		place: whole(0), tail: whole(1), seen: whole(2), asOf: whole(3),
		family: text(4), typ: whole(5), id: text(6), state: whole(7), created: whole(8), keyset: whole(9),
		email: text(10), subscription: text(11), intent: text(12), company: pointed(13), user: pointed(14), status: text(15), paymentStatus: text(16), rest: rest,
	}
	return nil
}

// object returns what a row says: of a deleted object what names it, of a missing
// one nothing.
func (d *reader) object(r *row) (rightful.Object, error) {
	o := rightful.Object{Account: d.account, Livemode: d.livemode, Type: typeNames[r.typ], ID: unescape(r.family)}
	if r.typ != typeCustomer {
		if r.id != r.family {
			o.StripeCustomerID = o.ID
		}
		o.ID = unescape(r.id)
	}
	switch rightful.Existence(r.state) {
	case rightful.ExistsDeleted:
		o.StripeCustomerID, o.Deleted = "", true
		return o, nil
	case rightful.ExistsPresent:
	default:
		return rightful.Object{}, nil
	}
	o.Created = r.created
	o.Email, o.SubscriptionID, o.PaymentIntentID = unescape(r.email), unescape(r.subscription), unescape(r.intent)
	o.Status, o.PaymentStatus = unescape(r.status), unescape(r.paymentStatus)
	set := d.sets[r.keyset]
	if r.company != nil || r.user != nil {
		o.Metadata = map[string]string{}
		if r.company != nil && d.keys.Keeps(set.Company) {
			o.Metadata[set.Company] = unescape(*r.company)
		}
		if r.user != nil && d.keys.Keeps(set.User) {
			o.Metadata[set.User] = unescape(*r.user)
		}
	}
	if r.rest != nil {
		if err := unpack(r.rest, &o, &d.shared); err != nil {
			return rightful.Object{}, err
		}
	}
	if r.keyset != d.own { // what these keys were not asked for is not there
		o.Metadata, o.Snapshot = kept(o.Metadata, d.keys), kept(o.Snapshot, d.keys)
		for i := range o.Phases {
			o.Phases[i].Metadata = kept(o.Phases[i].Metadata, d.keys)
		}
	}
	return o, nil
}

// escaped begins a text that a database could not hold as it is.
const escaped = "\x7f"

// escape returns a text that any database holds: PostgreSQL refuses a zero byte
// and what is no UTF-8, which a buyer may have typed. Most texts stay as they are.
func escape(s string) string {
	for i := range len(s) {
		if c := s[i]; c == 0 || c >= utf8.RuneSelf || i == 0 && c == escaped[0] {
			if c >= utf8.RuneSelf && utf8.ValidString(s) && !strings.ContainsRune(s, 0) && s[0] != escaped[0] {
				return s
			}
			return escaped + base64.RawStdEncoding.EncodeToString([]byte(s))
		}
	}
	return s
}

// unescape returns what escape was given.
func unescape(s string) string {
	if s == "" || s[0] != escaped[0] {
		return s
	}
	raw, err := base64.RawStdEncoding.DecodeString(s[1:])
	if err != nil {
		return s // nothing of ours
	}
	return string(raw)
}
