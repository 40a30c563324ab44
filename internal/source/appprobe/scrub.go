package appprobe

import (
	"cmp"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// hidden stands for what was taken out.
const hidden = "***"

// longestLine is how many characters of a program's complaint are shown.
const longestLine = 200

// The value of a variable counts as a secret from a length on: a short one
// would take common words out with it. With a telling name less is enough.
const (
	shortestValue  = 8
	shortestSecret = 4
)

// telling matches the names of variables that hold secrets.
var telling = regexp.MustCompile(`(?i)key|token|secret|pass|cred|auth|pin\b|salt|dsn|url`)

// harmless matches the names of variables that hold none: complaints name
// folders and hosts, and that is what they are good for.
var harmless = regexp.MustCompile(`^(PATH|HOME|PWD|OLDPWD|SHELL|USER|LOGNAME|LANG|TERM|TMPDIR|HOSTNAME|SHLVL|_|(LC|XDG)_.*)$`)

// looksSecret matches secrets by their look, for those that the program has
// from elsewhere: Stripe's keys, and user and password in a URL.
var looksSecret = regexp.MustCompile(`\b(?:sk|rk|pk)_(?:live|test)_\w+|\bwhsec_\w+|(?i:\bbearer\s+)\S+`)

var userinfo = regexp.MustCompile(`://[^@/\s]*@`)

// firstLine returns the first line of a program's complaint that is not empty,
// without the secrets of the environment (NAME=value each) that the program had
// and without anything that a terminal would obey.
func firstLine(complaint string, environ []string) string {
	for line := range strings.Lines(complaint) {
		line = strings.ToValidUTF8(strings.TrimSpace(line), "")
		if line == "" {
			continue
		}
		line = scrub(line, environ)
		line = strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, line)
		if shown := []rune(line); len(shown) > longestLine {
			line = string(shown[:longestLine]) + "..."
		}
		return line
	}
	return ""
}

func scrub(line string, environ []string) string {
	for _, secret := range secrets(environ) {
		line = strings.ReplaceAll(line, secret, hidden)
	}
	line = userinfo.ReplaceAllString(line, "://"+hidden+"@")
	return looksSecret.ReplaceAllString(line, hidden)
}

// secrets returns what may not be shown of an environment, the longest first,
// because a short one can be a part of a long one.
func secrets(environ []string) []string {
	var out []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if harmless.MatchString(name) {
			continue
		}
		shortest := shortestValue
		if telling.MatchString(name) {
			shortest = shortestSecret
		}
		parts := strings.Split(value, "\n") // a private key has many lines
		if u, err := url.Parse(value); err == nil && u.User != nil {
			password, _ := u.User.Password()
			encoded := u.User.String()
			_, encodedPassword, _ := strings.Cut(encoded, ":")
			parts = append(parts, encoded, password, encodedPassword)
			shortest = shortestSecret
		}
		for _, part := range parts {
			if part = strings.TrimSpace(part); len(part) >= shortest {
				out = append(out, part)
			}
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return out
}
