package sqldirectory

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"rightful"
)

// kind is what a column's type means for ids: what can be a value of it, and in
// which Go type that is bound.
type kind int

const (
	kindOther    kind = iota // nothing that an id could be
	kindInteger              // whole numbers up to columnType.max
	kindUnsigned             // whole numbers of 64 bits without a sign
	kindNumeric              // whole numbers of any size
	kindUUID
	kindText  // text as it is
	kindBytes // bytes: text, or a UUID's 16
	kindLoose // any row may hold a number or text: SQLite
	kindBlob  // any row may hold a number, text or bytes: SQLite
)

// columnType is the type of one column of a mapped query.
type columnType struct {
	kind   kind
	name   string // as the database calls it, for messages
	max    int64  // largest integer
	padded bool   // char(n): the blanks at the end are not part of the value
	uuids  bool   // binary(16): the 16 bytes are a UUID, whatever they look like
	folds  bool   // the column itself compares without regard to case
	mark   string // what to write around a parameter, with %s for it; "" for nothing
}

// marked returns a placeholder as a parameter that is compared with a column
// of this type.
func (t columnType) marked(placeholder string) string {
	if t.mark == "" {
		return placeholder
	}
	return strings.ReplaceAll(t.mark, "%s", placeholder)
}

// longestNumber bounds the digits that are sent to an unbounded numeric column;
// a Stripe metadata value has 500 characters at most.
const longestNumber = 500

// forms returns the values to bind so that rows with this id are found through
// an index. There are none when the text cannot be a value of the column: that
// is how '4abc' finds nothing and is no error.
func (t columnType) forms(value string) []any {
	if value == "" {
		return nil
	}
	switch t.kind {
	case kindInteger:
		if n, ok := parseInteger(value); ok && n <= t.max {
			return []any{n}
		}
		return nil
	case kindUnsigned:
		if n, err := strconv.ParseUint(value, 10, 64); err == nil && rightful.IsNumericID(value) {
			return []any{n}
		}
		return nil
	case kindNumeric:
		if rightful.IsNumericID(value) && len(value) <= longestNumber {
			return []any{value}
		}
		return nil
	case kindUUID:
		if isUUID(value) {
			return []any{value}
		}
		return nil
	case kindText:
		return textForms(value)
	case kindBytes:
		return byteForms(value)
	case kindLoose, kindBlob:
		forms := textForms(value)
		if n, ok := parseInteger(value); ok {
			forms = append(forms, n)
		}
		if t.kind == kindBlob {
			forms = append(forms, byteForms(value)...)
		}
		return forms
	}
	return nil
}

// parameter returns a form as a value for a parameter of this type, and false
// when it cannot be one. A type that is not ours to know takes the text: the
// database reads it.
func (t columnType) parameter(form any) (any, bool) {
	text := columnType{}.idText(form)
	if t.kind == kindOther || t.kind == kindText {
		return text, true
	}
	forms := t.forms(text)
	if len(forms) == 0 {
		return nil, false
	}
	return forms[0], true
}

func parseInteger(value string) (int64, bool) {
	if !rightful.IsNumericID(value) {
		return 0, false
	}
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil
}

// textForms returns the text, and for a UUID both of its usual spellings. Text
// that no text column can hold has no form.
func textForms(value string) []any {
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return nil
	}
	forms := []any{value}
	if isUUID(value) {
		for _, other := range []string{strings.ToLower(value), strings.ToUpper(value)} {
			if other != value {
				forms = append(forms, other)
			}
		}
	}
	return forms
}

func byteForms(value string) []any {
	forms := []any{[]byte(value)}
	if isUUID(value) {
		if raw, err := hex.DecodeString(strings.ReplaceAll(value, "-", "")); err == nil {
			forms = append(forms, raw)
		}
	}
	return forms
}

// idText returns the canonical text of an id as the database returned it; ""
// for NULL.
func (t columnType) idText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		// 17 that was stored as a real is still 17.
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []byte:
		if uuid, ok := uuidText(v); ok || t.uuids && len(v) == 16 {
			return uuid
		}
		return string(v)
	case string:
		switch {
		case t.padded:
			return strings.TrimRight(v, " ")
		case t.kind == kindNumeric:
			return trimFraction(v)
		case t.kind == kindUUID:
			return strings.ToLower(v)
		}
		return v
	}
	return plainText(value)
}

// trimFraction returns a decimal number without a fraction of zeros.
func trimFraction(number string) string {
	whole, fraction, found := strings.Cut(number, ".")
	if found && strings.Trim(fraction, "0") == "" {
		return whole
	}
	return number
}

// uuidText returns 16 bytes as the text of a UUID, and whether they are one for
// sure: version and variant are those of a UUID, and no 16 letters look like
// that.
func uuidText(raw []byte) (text string, sure bool) {
	if len(raw) != 16 {
		return "", false
	}
	h := hex.EncodeToString(raw)
	text = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	return text, raw[8]&0xC0 == 0x80 && raw[6]>>4 >= 1 && raw[6]>>4 <= 8
}

// isUUID reports whether the text is a UUID of the form 8-4-4-4-12, in any
// case: the text that rightful.SameID compares without case.
func isUUID(value string) bool {
	if len(value) != 36 {
		return false
	}
	for _, at := range []int{8, 13, 18, 23} {
		if value[at] != '-' {
			return false
		}
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(value, "-", ""))
	return err == nil && len(raw) == 16
}
