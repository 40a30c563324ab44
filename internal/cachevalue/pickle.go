package cachevalue

import (
	"encoding/binary"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Opcodes of Python's pickle, protocols 0 to 5, that a pickled string or
// integer consists of.
const (
	opProto          = 0x80 // one byte: the protocol
	opFrame          = 0x95 // eight bytes: the length of the rest
	opStop           = "."
	opMemoize        = 0x94
	opBinPut         = 'q'  // one byte
	opLongBinPut     = 'r'  // four bytes
	opPut            = 'p'  // a line
	opBinInt1        = 'K'  // one byte
	opBinInt2        = 'M'  // two bytes
	opBinInt         = 'J'  // four bytes, signed
	opInt            = 'I'  // a line; 00 and 01 are false and true
	opLong           = 'L'  // a line that ends in L
	opLong1          = 0x8a // one byte of length, two's complement
	opShortUnicode   = 0x8c // one byte of length, UTF-8
	opUnicode        = 'X'  // four bytes of length, UTF-8
	opUnicodeLine    = 'V'  // a line with escapes
	opShortByteText  = 'U'  // one byte of length: a str of Python 2
	newestProtocol   = 5
	longestPickle    = longest + 64 // bytes
	longestPickleInt = 64           // bytes
)

// unpickle reads a pickled string or integer. It runs no pickle program: it
// knows the few opcodes that such a value consists of, one after the other, and
// refuses every other byte. Django stores an integer as it is, so bare digits
// count too.
func unpickle(raw string) (id, undecodable string) {
	const neither = "the value is neither a pickled string nor a pickled integer"
	switch {
	case digits.MatchString(raw):
		return raw, ""
	case len(raw) > longestPickle:
		return "", "the pickled value is longer than an id"
	}
	p := &pickle{rest: raw}
	p.header()
	id = p.value()
	p.memo()
	if p.bad || p.rest != opStop {
		return "", neither
	}
	return id, ""
}

// bareOpcode reports whether a text is what the old protocol 1 makes of None or
// of an integer whose bytes happen to be letters: K, 7 and a full stop is 55.
func bareOpcode(text string) bool {
	body, stopped := strings.CutSuffix(text, opStop)
	return stopped && (body == "N" ||
		len(body) == 2 && body[0] == opBinInt1 ||
		len(body) == 3 && body[0] == opBinInt2 ||
		len(body) == 5 && body[0] == opBinInt)
}

// pickle is what is left to read.
type pickle struct {
	rest string
	bad  bool // the bytes are nothing that is known here
}

func (p *pickle) fail() string {
	p.bad = true
	return ""
}

// take returns the next n bytes.
func (p *pickle) take(n int) string {
	if p.bad || n < 0 || n > len(p.rest) {
		return p.fail()
	}
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

// opcode takes the next byte when it is one of those, and returns 0 otherwise.
func (p *pickle) opcode(known ...byte) byte {
	if p.bad || p.rest == "" || !slices.Contains(known, p.rest[0]) {
		return 0
	}
	return p.take(1)[0]
}

// number returns the next n bytes as an unsigned number, lowest byte first.
func (p *pickle) number(n int) uint64 {
	var wide [8]byte
	copy(wide[:], p.take(n))
	return binary.LittleEndian.Uint64(wide[:])
}

// sized returns a text behind its length of n bytes.
func (p *pickle) sized(n int) string {
	length := p.number(n)
	if length > longest {
		return p.fail()
	}
	return p.take(int(length))
}

func (p *pickle) line() string {
	line, rest, ended := strings.Cut(p.rest, "\n")
	if p.bad || !ended {
		return p.fail()
	}
	p.rest = rest
	return line
}

func (p *pickle) header() {
	if p.opcode(opProto) != 0 && p.number(1) > newestProtocol {
		p.fail()
	}
	if p.opcode(opFrame) != 0 && p.number(8) != uint64(len(p.rest)) {
		p.fail()
	}
}

// memo reads past the note that lets a pickle name its string again.
func (p *pickle) memo() {
	switch p.opcode(opMemoize, opBinPut, opLongBinPut, opPut) {
	case opBinPut:
		p.take(1)
	case opLongBinPut:
		p.take(4)
	case opPut:
		p.line()
	}
}

func (p *pickle) value() string {
	switch p.opcode(opBinInt1, opBinInt2, opBinInt, opInt, opLong, opLong1, opShortUnicode, opUnicode, opUnicodeLine, opShortByteText) {
	case opBinInt1:
		return strconv.FormatUint(p.number(1), 10)
	case opBinInt2:
		return strconv.FormatUint(p.number(2), 10)
	case opBinInt:
		return strconv.FormatInt(int64(int32(p.number(4))), 10)
	case opInt:
		if line := p.line(); digits.MatchString(line) && line != "00" && line != "01" {
			return line
		}
	case opLong:
		if line, long := strings.CutSuffix(p.line(), "L"); long && digits.MatchString(line) {
			return line
		}
	case opLong1:
		if n := p.number(1); n <= longestPickleInt {
			return signed(p.take(int(n)))
		}
	case opShortUnicode:
		return p.sized(1)
	case opUnicode:
		return p.sized(4)
	case opUnicodeLine:
		if line := p.line(); !strings.Contains(line, `\`) && ascii(line) {
			return line
		}
	case opShortByteText:
		if text := p.sized(1); ascii(text) {
			return text
		}
	}
	return p.fail()
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

// signed returns the number that bytes mean in two's complement, lowest first.
func signed(bytes string) string {
	reversed := []byte(bytes)
	slices.Reverse(reversed)
	n := new(big.Int).SetBytes(reversed)
	if len(reversed) > 0 && reversed[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(reversed))))
	}
	return n.String()
}
