package skim

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"rightful"
)

// spool keeps what was read once, to be read once more: rows of the database are judged
// as they were screened, whatever is written meanwhile. It is a file without a name.
type spool struct {
	f    *os.File
	w    *bufio.Writer
	name string // where the file still has one
	buf  []byte
	err  error // the first one of put
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "rightful-*") // for its owner only
	if err != nil {
		return nil, spoolError(err)
	}
	s := &spool{f: f, w: bufio.NewWriterSize(f, 64<<10)}
	if os.Remove(f.Name()) != nil { // as on Windows, while it is open
		s.name = f.Name()
	}
	return s, nil
}

func spoolError(err error) error {
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "the folder for temporary files", Message: "what was read of the database cannot be kept there: " + err.Error(),
		Hint: "an audit from the mirror needs about 250 bytes there for each company and each of its users and rows; TMPDIR names another folder", Err: err,
	}
}

func (s *spool) close() error {
	err := s.f.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	return err
}

// put appends a record. Its error is kept.
func (s *spool) put(a, b int64, flags byte, fields ...string) {
	if s.err != nil {
		return
	}
	s.buf = append(s.buf[:0], flags)
	s.buf = binary.AppendVarint(s.buf, a)
	s.buf = binary.AppendVarint(s.buf, b)
	for _, field := range fields {
		s.buf = binary.AppendUvarint(s.buf, uint64(len(field)))
		s.buf = append(s.buf, field...)
	}
	var size [binary.MaxVarintLen64]byte
	if _, s.err = s.w.Write(size[:binary.PutUvarint(size[:], uint64(len(s.buf)))]); s.err == nil {
		_, s.err = s.w.Write(s.buf)
	}
}

// record is what was put.
type record struct {
	a, b   int64
	flags  byte
	fields []string
}

// each hands on all records in their order. A record is there until the next one; its
// texts stay.
func (s *spool) each(f func(*record) error) error {
	if s.err == nil {
		s.err = s.w.Flush()
	}
	if s.err == nil {
		_, s.err = s.f.Seek(0, io.SeekStart)
	}
	if s.err != nil {
		return spoolError(s.err)
	}
	r := bufio.NewReaderSize(s.f, 64<<10)
	var one record
	var raw []byte
	for {
		size, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return spoolError(err)
		}
		if uint64(cap(raw)) < size {
			raw = make([]byte, size)
		}
		raw = raw[:size]
		if _, err := io.ReadFull(r, raw); err != nil {
			return spoolError(err)
		}
		one.read(raw)
		if err := f(&one); err != nil {
			return err
		}
	}
}

// read reads what put has written.
func (r *record) read(raw []byte) {
	r.flags = raw[0]
	n, at := 0, 1
	r.a, n = binary.Varint(raw[at:])
	at += n
	r.b, n = binary.Varint(raw[at:])
	at += n
	text := string(raw)
	r.fields = r.fields[:0]
	for at < len(raw) {
		size, n := binary.Uvarint(raw[at:])
		at += n
		r.fields = append(r.fields, text[at:at+int(size)])
		at += int(size)
	}
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func (s *spool) company(c rightful.Company) {
	s.put(c.DeletedAt, 0, flag(c.Deleted, 1), c.ID, c.Name, c.OwnerUserID, c.StripeCustomerID, c.MergedInto, c.BillingParentID, c.StampValue, c.StripeAccount)
}

func asCompany(r *record) rightful.Company {
	return rightful.Company{
		ID: r.fields[0], Name: r.fields[1], OwnerUserID: r.fields[2], StripeCustomerID: r.fields[3], DeletedAt: r.a, Deleted: r.flags&1 != 0,
		MergedInto: r.fields[4], BillingParentID: r.fields[5], StampValue: r.fields[6], StripeAccount: r.fields[7],
	}
}

func (s *spool) user(u rightful.User) {
	s.put(0, 0, flag(u.EmailVerified, 1)|flag(u.Inactive, 2), u.ID, u.Email, u.CompanyID)
}

func asUser(r *record) rightful.User {
	return rightful.User{ID: r.fields[0], Email: r.fields[1], EmailVerified: r.flags&1 != 0, Inactive: r.flags&2 != 0, CompanyID: r.fields[2]}
}

func (s *spool) membership(m rightful.Membership) {
	s.put(m.JoinedAt, m.LeftAt, 0, m.UserID, m.CompanyID, m.Role)
}

func asMembership(r *record) rightful.Membership {
	return rightful.Membership{UserID: r.fields[0], CompanyID: r.fields[1], Role: r.fields[2], JoinedAt: r.a, LeftAt: r.b}
}

func (s *spool) row(r rightful.SubscriptionRow) {
	s.put(0, 0, 0, r.ID, r.CompanyID, r.StripeCustomerID, r.StripeSubscriptionID, r.Status, r.StripeAccount)
}

func asRow(r *record) rightful.SubscriptionRow {
	return rightful.SubscriptionRow{ID: r.fields[0], CompanyID: r.fields[1], StripeCustomerID: r.fields[2], StripeSubscriptionID: r.fields[3], Status: r.fields[4], StripeAccount: r.fields[5]}
}

func (s *spool) link(l rightful.Link) {
	s.put(0, 0, 0, l.CompanyID, l.StripeCustomerID, l.StripeAccount)
}

func asLink(r *record) rightful.Link {
	return rightful.Link{CompanyID: r.fields[0], StripeCustomerID: r.fields[1], StripeAccount: r.fields[2]}
}
