package sqldirectory

import (
	"slices"
	"strings"
	"unicode"
)

// shape is a mapped query that shows rows of one table as they are: SELECT ...
// FROM table WHERE simple conditions. Only for such a query is a rule about its
// rows a rule about rows of the table.
type shape struct {
	items [][]token
	table []string // the table's name, as it is written
	where []term   // the rows that the query leaves in
}

// term is a condition on one column.
type term struct {
	column string // as SQL
	says   string // what follows it: IS NULL
}

// selects reports whether the term picks rows by a value: the table then holds
// rows of another kind too.
func (t term) selects() bool { return !strings.HasPrefix(t.says, "IS ") }

// shapeOf reads a query. why says, when it is not of that shape, what stands in
// the way.
func (r lexRules) shapeOf(sql string) (s shape, why string) {
	tokens := r.tokens(sql)
	if len(tokens) < 2 || !tokens[0].is("select") || tokens[1].is("distinct") || tokens[1].is("all") {
		return s, "the query is not a plain SELECT of columns"
	}
	depth, from, item := 0, -1, 1
	for i, t := range tokens {
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case depth > 0:
		case slices.ContainsFunc(beyond, t.is):
			return s, "the query puts rows together or leaves some out (" + strings.ToUpper(t.text) + ")"
		case from < 0 && (t.text == "," || t.is("from")):
			s.items = append(s.items, tokens[item:i])
			item = i + 1
			if t.is("from") {
				from = i + 1
			}
		}
	}
	if from < 0 {
		return s, "the query reads no table"
	}
	return s.readFrom(tokens[from:])
}

// readFrom reads what follows FROM.
func (s shape) readFrom(rest []token) (shape, string) {
	const several = "the query does not read one table by itself: rows of a join are no rows of a table"
	name := func(i int) bool { return i < len(rest) && rest[i].name }
	if !name(0) {
		return s, several
	}
	s.table = []string{rest[0].text}
	i := 1
	for i+1 < len(rest) && rest[i].text == "." && name(i+1) {
		s.table = append(s.table, rest[i+1].text)
		i += 2
	}
	alias := s.table[len(s.table)-1]
	if name(i) && rest[i].is("as") {
		i++
	}
	if name(i) && !slices.ContainsFunc(notAliases, rest[i].is) {
		alias = rest[i].text
		i++
	}
	if i == len(rest) || rest[i].is("order") {
		return s, ""
	}
	if !rest[i].is("where") {
		return s, several
	}
	condition := rest[i+1:]
	if at := slices.IndexFunc(condition, func(t token) bool { return t.is("order") }); at >= 0 {
		condition = condition[:at]
	}
	for len(condition) > 0 {
		end := slices.IndexFunc(condition, func(t token) bool { return t.is("and") })
		if end < 0 {
			end = len(condition)
		}
		one, ok := readTerm(condition[:end], alias)
		if !ok {
			return s, "the query leaves rows out by a condition that is not carried into a rule; conditions like deleted_at IS NULL or kind = 'team' are"
		}
		s.where = append(s.where, one)
		condition = condition[min(end+1, len(condition)):]
	}
	return s, ""
}

// readTerm reads column IS NULL, column IS NOT NULL, or column = literal.
func readTerm(tokens []token, alias string) (term, bool) {
	if len(tokens) > 2 && tokens[1].text == "." && tokens[0].name {
		if bare(tokens[0].text) != bare(alias) {
			return term{}, false
		}
		tokens = tokens[2:]
	}
	if len(tokens) < 3 || !tokens[0].name {
		return term{}, false
	}
	var rest []string
	for _, t := range tokens[1:] {
		rest = append(rest, t.text)
	}
	says := strings.Join(rest, " ")
	switch upper := strings.ToUpper(says); upper {
	case "IS NULL", "IS NOT NULL":
		return term{tokens[0].text, upper}, true
	}
	if len(rest) != 2 || rest[0] != "=" || !literal(rest[1]) {
		return term{}, false
	}
	return term{tokens[0].text, says}, true
}

// literal reports whether SQL is a whole number, a text or a truth.
func literal(text string) bool {
	switch strings.ToLower(text) {
	case "true", "false":
		return true
	}
	return strings.HasPrefix(text, "'") || strings.IndexFunc(text, func(c rune) bool { return !unicode.IsDigit(c) }) < 0
}

// conditions writes terms as SQL; "" for none. prefix stands before each column.
func conditions(terms []term, prefix string) string {
	var all []string
	for _, t := range terms {
		all = append(all, strings.ReplaceAll(t.says, "%s", prefix+t.column))
		if !strings.Contains(t.says, "%s") {
			all[len(all)-1] = prefix + t.column + " " + t.says
		}
	}
	return strings.Join(all, " AND ")
}

// sameTerms brings a condition as a database prints it, or as we write it, into a
// form in which the same conditions are the same: the terms that AND joins,
// without parentheses, quotes, case and order. What AND does not join is one term.
func (r lexRules) sameTerms(sql string) []string {
	var terms []string
	var one []string
	tokens := append(r.tokens(sql), token{text: "and"})
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.text == ":" && i+1 < len(tokens) && tokens[i+1].text == ":":
			for i++; i+1 < len(tokens) && slices.ContainsFunc(castNames, tokens[i+1].is); i++ {
			}
		case t.text == "(" || t.text == ")":
		case t.is("and"):
			if len(one) > 0 {
				terms = append(terms, strings.Join(one, " "))
			}
			one = nil
		case t.name:
			one = append(one, strings.ToLower(meant(t.text)))
		default:
			one = append(one, t.text)
		}
	}
	slices.Sort(terms)
	return terms
}

// castNames are the words of the types that PostgreSQL writes behind a literal.
var castNames = []string{"text", "character", "varying", "bpchar", "integer", "bigint", "numeric"}
