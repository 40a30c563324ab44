package cachevalue

import (
	"regexp"
	"strconv"
	"strings"
)

// digits matches a whole number in decimal.
var digits = regexp.MustCompile(`^-?[0-9]+$`)

// unserialize reads an integer or a string that PHP's serialize wrote, i:4; or
// s:1:"4"; and nothing else. Laravel stores what is numeric as it is, so bare
// digits count too.
func unserialize(raw string) (id, undecodable string) {
	const neither = "the value is neither an integer nor a string of PHP's serialize"
	if digits.MatchString(raw) {
		return raw, ""
	}
	body, ended := strings.CutSuffix(raw, ";")
	if number, isInt := strings.CutPrefix(body, "i:"); ended && isInt && digits.MatchString(number) {
		return number, ""
	}
	rest, isString := strings.CutPrefix(body, "s:")
	length, quoted, _ := strings.Cut(rest, ":")
	n, err := strconv.Atoi(length)
	// The length is in bytes and decides: quotes inside are not escaped.
	if !ended || !isString || err != nil || strconv.Itoa(n) != length || len(quoted) != n+2 ||
		quoted[0] != '"' || quoted[n+1] != '"' {
		return "", neither
	}
	return quoted[1 : n+1], ""
}
