package stripesim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxClauses is the most that one query may combine (Stripe docs: search).
const maxClauses = 10

// minSubstring is the least that ~ looks for (Stripe docs: search).
const minSubstring = 3

// query is a parsed search: clauses joined by AND or by OR, never by both.
type query struct {
	any     bool // OR
	clauses []clause
}

type clause struct {
	negate bool
	field  string
	key    string // of metadata
	op     string // : ~ > < >= <=
	value  string
	number int64
	null   bool
	kind   searchKind
}

// parseQuery reads the query language: field:'value', metadata['key']:'value',
// field~'part', field>number, field:null, a leading minus for "not", clauses
// separated by a space or AND, or by OR.
func parseQuery(text string, fields map[string]searchKind) (query, error) {
	var q query
	joined := ""
	p := &queryText{rest: text}
	for {
		p.skipSpace()
		if p.rest == "" {
			break
		}
		if len(q.clauses) > 0 {
			word := "AND"
			if p.word("OR") {
				word = "OR"
			} else {
				p.word("AND")
			}
			if joined != "" && joined != word {
				return q, errors.New("AND and OR cannot be mixed in one query")
			}
			joined = word
			q.any = word == "OR"
		}
		c, err := p.clause(fields)
		if err != nil {
			return q, err
		}
		if q.clauses = append(q.clauses, c); len(q.clauses) > maxClauses {
			return q, fmt.Errorf("it has more than %d clauses", maxClauses)
		}
	}
	if len(q.clauses) == 0 {
		return q, errors.New("it has no clauses")
	}
	return q, nil
}

// queryText is what is left to parse.
type queryText struct{ rest string }

func (p *queryText) skipSpace() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// word consumes a keyword that stands alone, in any case.
func (p *queryText) word(keyword string) bool {
	n := len(keyword)
	if len(p.rest) > n && strings.EqualFold(p.rest[:n], keyword) && (p.rest[n] == ' ' || p.rest[n] == '\t' || p.rest[n] == '\n') {
		p.rest = p.rest[n:]
		p.skipSpace()
		return true
	}
	return false
}

func (p *queryText) clause(fields map[string]searchKind) (clause, error) {
	var c clause
	if c.negate = strings.HasPrefix(p.rest, "-"); c.negate {
		p.rest = p.rest[1:]
	}
	end := 0
	for end < len(p.rest) && (p.rest[end] == '_' || p.rest[end] == '.' || isLetter(p.rest[end])) {
		end++
	}
	c.field, p.rest = p.rest[:end], p.rest[end:]
	if c.field == "metadata" {
		if err := p.metadataKey(&c); err != nil {
			return c, err
		}
	} else {
		kind, ok := fields[c.field]
		if !ok {
			return c, fmt.Errorf("%q is not a field that can be searched", shorten(c.field))
		}
		c.kind = kind
	}
	for _, op := range []string{">=", "<=", ":", "~", ">", "<"} {
		if strings.HasPrefix(p.rest, op) {
			c.op, p.rest = op, p.rest[len(op):]
			break
		}
	}
	if c.op == "" {
		return c, fmt.Errorf("an operator (: ~ > < >= <=) must follow %q", c.field)
	}
	return c, p.value(&c)
}

func isLetter(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

func (p *queryText) metadataKey(c *clause) error {
	if !strings.HasPrefix(p.rest, "[") {
		return errors.New("metadata needs a key: metadata['key']")
	}
	p.rest = p.rest[1:]
	key, err := p.quoted()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.rest, "]") {
		return errors.New("the bracket of metadata['key'] is not closed")
	}
	c.key, p.rest = key, p.rest[1:]
	return nil
}

// quoted reads '...' or "..."; a backslash takes the next character as it is.
func (p *queryText) quoted() (string, error) {
	if p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"' {
		return "", errors.New("a value in quotes is expected")
	}
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch {
		case p.rest[i] == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		case p.rest[i] == quote:
			p.rest = p.rest[i+1:]
			return b.String(), nil
		default:
			b.WriteByte(p.rest[i])
		}
	}
	return "", errors.New("a quote is not closed")
}

func (p *queryText) value(c *clause) error {
	if p.rest != "" && (p.rest[0] == '\'' || p.rest[0] == '"') {
		value, err := p.quoted()
		if err != nil {
			return err
		}
		c.value = value
	} else {
		end := strings.IndexAny(p.rest, " \t\r\n")
		if end < 0 {
			end = len(p.rest)
		}
		c.value, p.rest = p.rest[:end], p.rest[end:]
		if c.value == "null" {
			c.null = true
			if c.op != ":" {
				return errors.New("null can only be compared with the operator ':'")
			}
			return nil
		}
		if _, err := strconv.ParseInt(c.value, 10, 64); err != nil {
			return fmt.Errorf("%q must be a number, null, or text in quotes", shorten(c.value))
		}
	}
	if c.op == "~" && utf8.RuneCountInString(c.value) < minSubstring {
		return fmt.Errorf("%q is too short for ~, which needs at least %d characters", shorten(c.value), minSubstring)
	}
	numeric := c.op != ":" && c.op != "~"
	if c.kind == searchNumber {
		n, err := strconv.ParseInt(c.value, 10, 64)
		if err != nil || c.op == "~" {
			return fmt.Errorf("%s is a number and cannot be compared with %s%q", c.field, c.op, shorten(c.value))
		}
		c.number = n
	} else if numeric {
		return fmt.Errorf("%s is a text and cannot be compared with %s", c.field, c.op)
	}
	return nil
}

func (q query) matches(o *object) bool {
	for i := range q.clauses {
		if q.clauses[i].matches(o) == q.any {
			return q.any
		}
	}
	return !q.any
}

func (c *clause) matches(o *object) bool { return c.holds(o) != c.negate }

func (c *clause) holds(o *object) bool {
	raw := o.get(c.field)
	if c.field == "metadata" {
		raw = parseObject(raw).get(c.key)
	}
	switch {
	case c.null:
		return isNull(raw)
	case isNull(raw):
		return false
	case c.kind == searchText:
		// References compare by id, texts without regard to case.
		value := refID(raw)
		if raw[0] == 't' || raw[0] == 'f' { // true, false
			value = string(raw)
		}
		if c.op == "~" {
			return strings.Contains(strings.ToLower(value), strings.ToLower(c.value))
		}
		return strings.EqualFold(value, c.value)
	}
	n := integer(raw)
	switch c.op {
	case ">":
		return n > c.number
	case "<":
		return n < c.number
	case ">=":
		return n >= c.number
	case "<=":
		return n <= c.number
	}
	return n == c.number
}
