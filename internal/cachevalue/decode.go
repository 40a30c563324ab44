// Package cachevalue turns the bytes of a cached value into an id, as the
// decode setting of a cache key says. Every source that holds cached values
// reads them through it, so that the same bytes mean the same everywhere.
package cachevalue

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"rightful/internal/jsonpath"
)

// Decode says how the bytes of a cached value become an id. Its zero value is
// text.
type Decode struct {
	form  form
	path  jsonpath.Path
	field string // of a hash; empty otherwise
}

// form is how the bytes are written.
type form int

const (
	formText form = iota
	formJSON
	formPHP
	formPickle
)

// Forms names the decode settings, for messages.
const Forms = "text, json:path, hash:field, php or pickle"

// ParseDecode reads a decode setting of rightful.yaml:
//
//	text        the value is the id, byte for byte (also the empty setting)
//	json:PATH   a string that holds JSON; PATH as in package jsonpath
//	hash:FIELD  a hash, whose field holds the id as text
//	php         a string or an integer of PHP's serialize, as Laravel stores it
//	pickle      a pickled Python string or integer, as Django stores it
func ParseDecode(setting string) (Decode, error) {
	name, rest, _ := strings.Cut(setting, ":")
	switch {
	case setting == "" || setting == "text":
		return Decode{}, nil
	case setting == "php":
		return Decode{form: formPHP}, nil
	case setting == "pickle":
		return Decode{form: formPickle}, nil
	case name == "json":
		path, err := jsonpath.Parse(rest)
		return Decode{form: formJSON, path: path}, err
	case name == "hash" && rest == "":
		return Decode{}, errors.New("decode hash: the name of the field is missing")
	case name == "hash":
		return Decode{field: rest}, nil
	}
	return Decode{}, fmt.Errorf("decode %q: want "+Forms, setting)
}

// HashField returns the field of the hash in which the id stands, or "" when
// the key holds a string.
func (d Decode) HashField() string { return d.field }

// Value turns the cached bytes into an id. Text is the bytes as they are:
// nothing is trimmed or unquoted.
//
// It says why it cannot, in a phrase, when the bytes are no UTF-8 text of 1 to
// 512 bytes or look like the way some library stores something else: JSON with
// its quotes, PHP's or Python's serialised form. That also goes for a text that
// stood inside one of these forms, because caches wrap values twice. A value
// that is misread would look stale, and stale values are deleted.
func (d Decode) Value(raw string) (id, undecodable string) {
	switch d.form {
	case formJSON:
		var err error
		if id, err = d.path.Lookup([]byte(raw)); err != nil {
			return "", err.Error()
		}
	case formPHP:
		id, undecodable = unserialize(raw)
	case formPickle:
		id, undecodable = unpickle(raw)
	default:
		id, undecodable = raw, nothing(raw)
	}
	if undecodable == "" {
		undecodable = notID(id)
	}
	if undecodable == "" {
		undecodable = wrapped(id)
	}
	if undecodable != "" {
		return "", undecodable
	}
	return id, ""
}

// longest is the length in bytes beyond which nothing is taken for an id.
const longest = 512

// nothing returns why a text stands for no value at all, or "". Libraries write
// these words where there is nothing to write.
func nothing(raw string) string {
	switch raw {
	case "null", "None", "nil", "undefined", "NaN":
		return "the value is a word for nothing"
	case "true", "false", "True", "False":
		return "the value is true or false"
	}
	return ""
}

// serialised matches what PHP's serialize makes of a scalar, an array or an
// object: Laravel's cache holds s:1:"4"; for the text 4.
var serialised = regexp.MustCompile(`^(?:[ibd]:[^;]*;|s:[0-9]+:"|[aOCE]:[0-9]+:|N;)`)

// wrapped returns which other form a text looks like, or "".
func wrapped(text string) string {
	switch {
	case strings.ContainsRune(`"{[`, rune(text[0])):
		return "the value looks like JSON: use decode: json:$ or json:path"
	case serialised.MatchString(text):
		return "the value looks like PHP's serialize form: use decode: php"
	case bareOpcode(text):
		return "the value looks like a pickled Python object: use decode: pickle"
	}
	return ""
}

// notID returns why a text cannot be an id, or "".
func notID(raw string) string {
	switch {
	case raw == "":
		return "the value is empty"
	case len(raw) > longest:
		return fmt.Sprintf("the value is longer than %d bytes", longest)
	case raw[0] == 0x80:
		return "the value is binary: it may be a pickled Python object (decode: pickle)"
	case !utf8.ValidString(raw):
		return "the value is binary, not text"
	case strings.ContainsFunc(raw, unicode.IsControl):
		return "the value holds control characters"
	case strings.HasPrefix(raw, "\ufeff"):
		return "the value begins with a byte order mark"
	}
	return ""
}
