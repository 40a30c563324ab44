package mirror

import (
	"database/sql"

	"rightful"
)

// Columns are those of which an object is made.
const Columns = columns

// SlotOf is the slot of a family.
var SlotOf = slotOf

// DB returns the connections that write, for a test that looks behind the mirror.
func (m *Mirror) DB() *sql.DB { return m.db.Write }

// Unpack reads packed fields.
func Unpack(raw []byte) (o rightful.Object, err error) {
	err = unpack(raw, &o, &shared{})
	return o, err
}
