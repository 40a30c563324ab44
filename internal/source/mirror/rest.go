package mirror

import (
	"encoding/binary"
	"maps"
	"slices"

	"rightful"
)

// What has no column of its own is packed: a byte for the field, then its value, in
// the order of these. The numbers are never used for anything else.
const (
	restCustomer byte = iota + 1 // where the family does not tell it
	restMetadata                 // the keys that have no column
	restPaymentLink
	restReference
	restMode
	restReturns
	restClock
	restExpires
	restEnded
	restFlags
	restBalance
	restPaid
	restItems
	restSnapshot
	restPhases
)

// Bits of restFlags.
const (
	flagEnding = 1 << iota
	flagSchedule
	flagPending
	flagMethod
)

// errRest is what stands in a mirror that was not written by this code.
var errRest error = &rightful.Error{
	Kind: rightful.KindUnavailable, Place: "mirror", Message: "an object's packed fields cannot be read: another version wrote them, or the mirror is damaged",
	Hint: "delete the mirror and read the account again: rightful sync",
}

type packer struct{ b []byte }

func (p *packer) whole(v int64) { p.b = binary.AppendVarint(p.b, v) }

func (p *packer) text(s string) {
	p.b = binary.AppendUvarint(p.b, uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *packer) pairs(m map[string]string) {
	p.whole(int64(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		p.text(k)
		p.text(m[k])
	}
}

func (p *packer) textField(field byte, s string) {
	if s != "" {
		p.b = append(p.b, field)
		p.text(s)
	}
}

func (p *packer) wholeField(field byte, v int64) {
	if v != 0 {
		p.b = append(p.b, field)
		p.whole(v)
	}
}

func (p *packer) pairsField(field byte, m map[string]string) {
	if len(m) > 0 {
		p.b = append(p.b, field)
		p.pairs(m)
	}
}

// pack packs what has no column: nil when there is nothing. customer is empty when
// the family tells it; metadata are the keys without a column.
func pack(o *rightful.Object, customer string, metadata map[string]string) []byte {
	var p packer
	p.textField(restCustomer, customer)
	p.pairsField(restMetadata, metadata)
	p.textField(restPaymentLink, o.PaymentLink)
	p.textField(restReference, o.ClientReferenceID)
	p.textField(restMode, o.Mode)
	p.textField(restReturns, o.ReturnsTo)
	p.textField(restClock, o.TestClock)
	p.wholeField(restExpires, o.ExpiresAt)
	p.wholeField(restEnded, o.EndedAt)
	var flags int64
	for bit, is := range map[int64]bool{flagEnding: o.Ending, flagSchedule: o.HasSchedule, flagPending: o.HasPendingUpdate, flagMethod: o.HasSavedMethod} {
		if is {
			flags |= bit
		}
	}
	p.wholeField(restFlags, flags)
	p.wholeField(restBalance, o.Balance)
	p.wholeField(restPaid, o.AmountPaid)
	if len(o.Items) > 0 {
		p.b = append(p.b, restItems)
		p.whole(int64(len(o.Items)))
		for _, it := range o.Items {
			p.text(it.PriceID)
			p.text(it.ProductID)
			p.whole(it.UnitAmount)
			p.text(it.Currency)
			p.text(it.Interval)
			p.whole(it.IntervalCount)
			p.whole(it.Quantity)
		}
	}
	p.pairsField(restSnapshot, o.Snapshot)
	if len(o.Phases) > 0 {
		p.b = append(p.b, restPhases)
		p.whole(int64(len(o.Phases)))
		for _, ph := range o.Phases {
			p.whole(ph.Start)
			p.whole(ph.End)
			p.pairs(ph.Metadata)
		}
	}
	return p.b
}

// unpacker reads what pack wrote. Values that many objects share are held once.
type unpacker struct {
	b      []byte
	bad    bool
	shared *shared
}

func (u *unpacker) whole() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.b, u.bad = nil, true
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) bytes() []byte {
	size, n := binary.Uvarint(u.b)
	if n <= 0 || size > uint64(len(u.b)-n) {
		u.b, u.bad = nil, true
		return nil
	}
	s := u.b[n : n+int(size)]
	u.b = u.b[n+int(size):]
	return s
}

func (u *unpacker) text() string { return string(u.bytes()) }

func (u *unpacker) sharedText() string { return u.shared.text(u.bytes()) }

// count is how many parts follow: each of them has at least one byte.
func (u *unpacker) count() int {
	n := u.whole()
	if n < 0 || n > int64(len(u.b)) {
		u.b, u.bad = nil, true
		return 0
	}
	return int(n)
}

func (u *unpacker) pairs(into map[string]string) map[string]string {
	n := u.count()
	if into == nil && n > 0 {
		into = make(map[string]string, n)
	}
	for range n {
		k := u.sharedText()
		into[k] = u.text()
	}
	return into
}

// unpack reads packed fields into an object.
func unpack(b []byte, o *rightful.Object, s *shared) error {
	u := unpacker{b: b, shared: s}
	for len(u.b) > 0 {
		field := u.b[0]
		u.b = u.b[1:]
		switch field {
		case restCustomer:
			o.StripeCustomerID = u.text()
		case restMetadata:
			o.Metadata = u.pairs(o.Metadata)
		case restPaymentLink:
			o.PaymentLink = u.sharedText()
		case restReference:
			o.ClientReferenceID = u.text()
		case restMode:
			o.Mode = u.sharedText()
		case restReturns:
			o.ReturnsTo = u.sharedText()
		case restClock:
			o.TestClock = u.sharedText()
		case restExpires:
			o.ExpiresAt = u.whole()
		case restEnded:
			o.EndedAt = u.whole()
		case restFlags:
			f := u.whole()
			o.Ending, o.HasSchedule, o.HasPendingUpdate, o.HasSavedMethod = f&flagEnding != 0, f&flagSchedule != 0, f&flagPending != 0, f&flagMethod != 0
		case restBalance:
			o.Balance = u.whole()
		case restPaid:
			o.AmountPaid = u.whole()
		case restItems:
			o.Items = make([]rightful.Item, u.count())
			for i := range o.Items {
				o.Items[i] = rightful.Item{
					PriceID: u.sharedText(), ProductID: u.sharedText(), UnitAmount: u.whole(),
					Currency: u.sharedText(), Interval: u.sharedText(), IntervalCount: u.whole(), Quantity: u.whole(),
				}
			}
		case restSnapshot:
			o.Snapshot = u.pairs(nil)
		case restPhases:
			o.Phases = make([]rightful.Phase, u.count())
			for i := range o.Phases {
				o.Phases[i] = rightful.Phase{Start: u.whole(), End: u.whole(), Metadata: u.pairs(nil)}
			}
		default:
			return errRest
		}
	}
	if u.bad {
		return errRest
	}
	return nil
}

// shared holds values that many objects have in common, so that each is in memory
// once. One goroutine uses it.
type shared struct{ texts map[string]string }

// sharedMost bounds how many values are held: what is seldom shared gains nothing.
const sharedMost = 4096

func (s *shared) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if t, ok := s.texts[string(b)]; ok {
		return t
	}
	t := string(b)
	if s.texts == nil {
		s.texts = map[string]string{}
	}
	if len(s.texts) < sharedMost {
		s.texts[t] = t
	}
	return t
}
