package stripesim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token gives length characters that depend on the seed and the name alone.
// Ids are derived from "the n-th customer of this account and mode" and not
// drawn from one stream of randomness: so a further GET, or a session created
// in between, does not change the id of the next customer.
func token(seed uint64, name string, n uint64, length int) string {
	out := make([]byte, 0, length)
	for block := uint64(0); len(out) < length; block++ {
		var head [24]byte
		binary.BigEndian.PutUint64(head[0:], seed)
		binary.BigEndian.PutUint64(head[8:], n)
		binary.BigEndian.PutUint64(head[16:], block)
		sum := sha256.Sum256(append(head[:], name...))
		for _, b := range sum {
			// 248 is the largest multiple of 62 in a byte: no letter is favoured.
			if b < 248 && len(out) < length {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return string(out)
}

// newID makes the next id of a kind, for example newID("cus_", 14).
func (t *tx) newID(prefix string, length int) string {
	st := t.store()
	st.issued[prefix]++
	name := fmt.Sprintf("%s/%t/%s", t.account.id, t.livemode, prefix)
	return prefix + token(t.server.seed, name, st.issued[prefix], length)
}
