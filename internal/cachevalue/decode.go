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
	json  bool
	path  jsonpath.Path
	field string // of a hash; empty otherwise
}

// ParseDecode reads a decode setting of rightful.yaml:
//
//	text        the value is the id, byte for byte (also the empty setting)
//	json:PATH   a string that holds JSON; PATH as in package jsonpath
//	hash:FIELD  a hash, whose field holds the id as text
func ParseDecode(setting string) (Decode, error) {
	form, rest, _ := strings.Cut(setting, ":")
	switch {
	case setting == "" || setting == "text":
		return Decode{}, nil
	case form == "json":
		path, err := jsonpath.Parse(rest)
		return Decode{json: true, path: path}, err
	case form == "hash" && rest == "":
		return Decode{}, errors.New("decode hash: the name of the field is missing")
	case form == "hash":
		return Decode{field: rest}, nil
	}
	return Decode{}, fmt.Errorf("decode %q: want text, json:path or hash:field", setting)
}

// HashField returns the field of the hash in which the id stands, or "" when
// the key holds a string.
func (d Decode) HashField() string { return d.field }

// Value turns the cached bytes into an id. Text is the bytes as they are:
// nothing is trimmed or unquoted.
//
// It says why it cannot, in a phrase, when the bytes are no UTF-8 text of 1 to
// 512 bytes or look like the way some library stores something else: JSON with
// its quotes, PHP's or Python's serialised form. A value that is misread would
// look stale, and stale values are deleted.
func (d Decode) Value(raw string) (id, undecodable string) {
	if !d.json {
		return text(raw)
	}
	id, err := d.path.Lookup([]byte(raw))
	if err != nil {
		return "", err.Error()
	}
	if reason := notID(id); reason != "" {
		return "", reason
	}
	return id, ""
}

// longest is the length in bytes beyond which nothing is taken for an id.
const longest = 512

// serialised matches what PHP's serialize makes of a scalar, an array or an
// object: Laravel's cache holds i:4; for the number 4.
var serialised = regexp.MustCompile(`^(?:[ibd]:[^;]*;|s:[0-9]+:"|[aO]:[0-9]+:|N;)`)

func text(raw string) (id, undecodable string) {
	if reason := notID(raw); reason != "" {
		return "", reason
	}
	switch {
	case strings.ContainsRune(`"{[`, rune(raw[0])):
		return "", "the value looks like JSON: use decode: json:$ or json:path"
	case serialised.MatchString(raw):
		return "", "the value looks like PHP's serialize form"
	case raw == "null" || raw == "None" || raw == "nil" || raw == "undefined":
		return "", "the value is a word for nothing"
	}
	return raw, ""
}

// notID returns why a text cannot be an id, or "".
func notID(raw string) string {
	switch {
	case raw == "":
		return "the value is empty"
	case len(raw) > longest:
		return fmt.Sprintf("the value is longer than %d bytes", longest)
	case raw[0] == 0x80:
		return "the value is binary: it may be a pickled Python object"
	case !utf8.ValidString(raw):
		return "the value is binary, not text"
	case strings.ContainsFunc(raw, unicode.IsControl):
		return "the value holds control characters"
	}
	return ""
}
