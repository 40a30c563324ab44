package sqldirectory

import (
	"strings"
	"unicode"
)

// lexRules says what a dialect's SQL has beside the standard's 'text', "name",
// -- comment and /* comment */.
type lexRules struct {
	dollarQuotes   bool // $tag$text$tag$
	escapeStrings  bool // E'it\'s'
	nestedComments bool // /* /* */ */
	otherNames     bool // `name` and [name]
	noBrackets     bool // not [name]
	hashComments   bool // # comment
	spacedDashes   bool // -- is a comment only before a space: 5--2 is 7
	backslashes    bool // 'it\'s'
	intoWrites     bool // SELECT ... INTO OUTFILE, which no transaction forbids
}

// spanKind tells SQL that means something from SQL that is only text.
type spanKind int

const (
	spanCode spanKind = iota
	spanQuoted
	spanComment
)

// span is one stretch of a statement, in bytes.
type span struct {
	kind       spanKind
	start, end int
}

// spans cuts a statement into code, quoted text and comments, without a gap.
// What is opened and never closed reaches to the end: the database will say so.
func (r lexRules) spans(sql string) []span {
	var all []span
	code := 0
	for i := 0; i < len(sql); {
		kind, length := r.opaque(sql, i)
		if length == 0 {
			i++
			continue
		}
		if code < i {
			all = append(all, span{spanCode, code, i})
		}
		all = append(all, span{kind, i, i + length})
		i += length
		code = i
	}
	if code < len(sql) {
		all = append(all, span{spanCode, code, len(sql)})
	}
	return all
}

// opaque returns the length of the quoted text or comment that begins at i, and
// 0 when none does.
func (r lexRules) opaque(sql string, i int) (spanKind, int) {
	rest := sql[i:]
	switch c := sql[i]; {
	case c == '\'':
		escapes := r.backslashes || r.escapeStrings && i > 0 && (sql[i-1] == 'e' || sql[i-1] == 'E') &&
			(i == 1 || !isNameByte(sql[i-2]))
		return spanQuoted, quotedLength(rest, '\'', escapes)
	case c == '"':
		return spanQuoted, quotedLength(rest, '"', false)
	case c == '`' && r.otherNames:
		return spanQuoted, quotedLength(rest, '`', false)
	case c == '[' && r.otherNames && !r.noBrackets:
		return spanQuoted, through(rest, 1, "]")
	case c == '$' && r.dollarQuotes && (i == 0 || !isNameByte(sql[i-1])):
		if tag := dollarTag(rest); tag != "" {
			return spanQuoted, through(rest, len(tag), tag)
		}
	case c == '#' && r.hashComments:
		return spanComment, through(rest, 1, "\n")
	case strings.HasPrefix(rest, "--") && (!r.spacedDashes || len(rest) == 2 || rest[2] <= ' '):
		return spanComment, through(rest, 2, "\n")
	case strings.HasPrefix(rest, "/*"):
		if r.nestedComments {
			return spanComment, nestedLength(rest)
		}
		return spanComment, through(rest, 2, "*/")
	}
	return spanCode, 0
}

// through returns the length of s up to and with the first end after from.
func through(s string, from int, end string) int {
	if at := strings.Index(s[from:], end); at >= 0 {
		return from + at + len(end)
	}
	return len(s)
}

// quotedLength returns the length of the text that s begins with, in which the
// quote stands doubled, and after a backslash where there are escapes.
func quotedLength(s string, quote byte, escapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case escapes && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

func nestedLength(s string) int {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// dollarTag returns the $tag$ that s begins with, or "". A tag never begins
// with a digit: $1 is a parameter.
func dollarTag(s string) string {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$':
			return s[:i+1]
		case !isNameByte(c) || i == 1 && c >= '0' && c <= '9':
			return ""
		}
	}
	return ""
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// single returns the one statement of sql without the semicolon that ends it.
// Nothing before the end is changed, so that offsets stay what they are.
func (r lexRules) single(sql string) (statement string, one bool) {
	end := -1
	for _, s := range r.spans(sql) {
		if s.kind == spanComment {
			continue
		}
		for i := s.start; i < s.end; i++ {
			switch {
			case end < 0 && s.kind == spanCode && sql[i] == ';':
				end = i
			case end >= 0 && sql[i] != ';' && !unicode.IsSpace(rune(sql[i])):
				return "", false
			}
		}
	}
	if end >= 0 {
		sql = sql[:end]
	}
	return sql, true
}

// firstWord returns the first word of a statement in lower case, past spaces,
// comments and opening parentheses; "" when the statement is empty.
func (r lexRules) firstWord(sql string) string {
	for _, s := range r.spans(sql) {
		if s.kind == spanComment {
			continue
		}
		text := strings.TrimLeftFunc(sql[s.start:s.end], func(c rune) bool { return unicode.IsSpace(c) || c == '(' })
		if text == "" {
			continue
		}
		end := strings.IndexFunc(text, func(c rune) bool { return !unicode.IsLetter(c) })
		if end < 0 {
			end = len(text)
		}
		return strings.ToLower(text[:max(end, 1)])
	}
	return ""
}

// bind replaces each :name parameter by what placeholder returns for it,
// counted from 1, and returns how many there were.
func (r lexRules) bind(sql, name string, placeholder func(int) string) (string, int) {
	bound, names := r.parameters(sql, func(found string) bool { return found == name }, placeholder)
	return bound, len(names)
}

// parameters replaces the parameters (:name) that are wanted by what placeholder
// returns for each mention, counted from 1, and returns the names in the order of
// their mentions. Text, names, comments and casts (::type) are left alone. A
// replacement is padded to the length of what it replaces: offsets stay what they
// are.
func (r lexRules) parameters(sql string, wanted func(name string) bool, placeholder func(int) string) (string, []string) {
	var b strings.Builder
	var names []string
	for _, s := range r.spans(sql) {
		text := sql[s.start:s.end]
		for s.kind == spanCode {
			at := strings.IndexByte(text, ':')
			if at < 0 {
				break
			}
			b.WriteString(text[:at])
			text = text[at:]
			colons := len(text) - len(strings.TrimLeft(text, ":"))
			after := text[colons:]
			length := 0
			for length < len(after) && isNameByte(after[length]) {
				length++
			}
			if name := after[:length]; colons == 1 && length > 0 && wanted(name) {
				names = append(names, name)
				mark := placeholder(len(names))
				b.WriteString(mark)
				b.WriteString(strings.Repeat(" ", max(0, 1+length-len(mark))))
				text = after[length:]
				continue
			}
			b.WriteString(text[:colons])
			text = after
		}
		b.WriteString(text)
	}
	return b.String(), names
}
