package sqldirectory

import (
	"slices"
	"strings"
	"unicode"
)

// token is one word, name, text or sign of a statement.
type token struct {
	text string
	name bool // a word or a quoted name: what a column or a table can be called
}

// is reports whether the token is this keyword or sign.
func (t token) is(word string) bool { return strings.EqualFold(t.text, word) }

func (r lexRules) tokens(sql string) []token {
	var all []token
	for _, s := range r.spans(sql) {
		text := sql[s.start:s.end]
		switch s.kind {
		case spanComment:
		case spanQuoted:
			all = append(all, token{text, strings.IndexByte("\"`[", text[0]) >= 0})
		default:
			for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
				end := strings.IndexFunc(text, func(c rune) bool { return c < 0x80 && !isNameByte(byte(c)) })
				switch {
				case end < 0:
					end = len(text)
				case end == 0:
					end = 1
				}
				first := rune(text[0])
				all = append(all, token{text[:end], isNameByte(text[0]) && !unicode.IsDigit(first)})
				text = text[end:]
			}
		}
	}
	return all
}

// origins is what can be told about where the columns of a simple query come
// from: SELECT column AS name, ... FROM table alias JOIN ... Names are as they
// are written, with their quotes.
type origins struct {
	items  [][]token         // the select list
	tables map[string]string // by alias, or by the name itself
	only   string            // the table, where there is one
}

// beyond are the words after which a row of the query is no row of a table.
var beyond = []string{"union", "except", "intersect", "group", "having", "limit", "window", "offset", "fetch"}

// notAliases are the words that may follow a table's name and are no alias.
var notAliases = []string{
	"on", "using", "join", "inner", "left", "right", "full", "cross", "natural", "outer", "where", "order", "straight_join",
	"use", "force", "ignore", "indexed", "not", "for", "tablesample", "partition", "lateral",
}

// origins reads the query, and returns what it found even where it does not
// understand all of it. ok is false when the query is not of the simple form.
func (r lexRules) origins(sql string) (o origins, ok bool) {
	o.tables = map[string]string{}
	tokens := r.tokens(sql)
	if len(tokens) == 0 || !tokens[0].is("select") || len(tokens) > 1 && tokens[1].is("distinct") {
		return o, false
	}
	depth, from, end := 0, -1, len(tokens)
	item := 1
	for i, t := range tokens {
		switch {
		case t.text == "(":
			depth++
		case t.text == ")":
			depth--
		case depth > 0:
		case slices.ContainsFunc(beyond, t.is):
			return o, false
		case from < 0 && (t.text == "," || t.is("from")):
			o.items = append(o.items, tokens[item:i])
			item = i + 1
			if t.is("from") {
				from = i + 1
			}
		case from >= 0 && end == len(tokens) && (t.is("where") || t.is("order")):
			end = i
		}
	}
	if from < 0 {
		return o, false
	}
	return o, o.readTables(tokens[from:end])
}

// readTables reads what stands between FROM and WHERE. It reports false when
// there is more than tables.
func (o *origins) readTables(tokens []token) bool {
	plain, wanted, depth, count := true, true, 0, 0
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t.text == "(":
			plain = plain && !(wanted && depth == 0) // a query in place of a table
			depth++
		case t.text == ")":
			depth--
		case depth > 0:
		case t.text == "," || t.is("join") || t.is("straight_join"):
			wanted = true
		case wanted && t.name:
			wanted = false
			name := t.text
			for i+2 < len(tokens) && tokens[i+1].text == "." && tokens[i+2].name {
				name += "." + tokens[i+2].text
				t = tokens[i+2]
				i += 2
			}
			if i+1 < len(tokens) && tokens[i+1].is("as") {
				i++
			}
			if i+1 < len(tokens) && tokens[i+1].name && !slices.ContainsFunc(notAliases, tokens[i+1].is) {
				i++
				t = tokens[i]
			}
			o.tables[bare(t.text)] = name
			o.only = name
			count++
		}
	}
	if count != 1 || !plain {
		o.only = ""
	}
	return plain && count > 0
}

// column returns the table and the column behind an output column, where it is
// a column and nothing that is computed.
func (o origins) column(output string) (table, column string, ok bool) {
	for _, item := range o.items {
		expression, name := item, token{}
		if n := len(item); n > 0 {
			name = item[n-1]
			switch {
			case n > 2 && item[n-2].is("as"):
				expression = item[:n-2]
			case n > 1 && item[n-2].name:
				expression = item[:n-1]
			}
		}
		if name.text == "*" && len(item) == 1 && o.only != "" {
			table, column, ok = o.only, output, true
			continue // a column of that name that is written out goes before
		}
		if !strings.EqualFold(bare(name.text), output) {
			continue
		}
		switch {
		case len(expression) == 1 && expression[0].name && o.only != "":
			return o.only, expression[0].text, true
		case len(expression) == 3 && expression[1].text == "." && expression[0].name && expression[2].name:
			table, ok := o.tables[bare(expression[0].text)]
			return table, expression[2].text, ok
		}
		return "", "", false
	}
	return table, column, ok
}

// bare returns a name without quotes and case.
func bare(name string) string {
	return strings.ToLower(strings.Trim(name, "\"`[]"))
}
