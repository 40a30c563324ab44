package stripeobject

import (
	"net/url"
	"strings"
)

// longestReturn bounds what is kept of an address, in bytes.
const longestReturn = 200

// returnsTo reduces the address that a buyer is sent back to, to what tells one code path
// from another: host and path. Scheme, query, fragment and credentials are left out, and
// parts of the path that look like an id are an asterisk: they tell one buyer from
// another. A text that is no address leaves nothing.
func returnsTo(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	parts := strings.Split(u.Path, "/")
	for i, p := range parts {
		if looksLikeID(p) {
			parts[i] = "*"
		}
	}
	kept := u.Host + strings.Join(parts, "/")
	if len(kept) > longestReturn {
		return strings.ToValidUTF8(kept[:longestReturn], "")
	}
	return kept
}

// looksLikeID reports whether a part of a path names one thing and no page: it is a
// template of Stripe's, or holds a digit or an @, or is longer than words are.
func looksLikeID(part string) bool {
	return strings.ContainsAny(part, "0123456789{}@%") && !version(part) || len(part) > 40
}

// version reports whether a part of a path is one like v1, which many paths have.
func version(part string) bool {
	return len(part) == 2 && part[0] == 'v' && part[1] >= '0' && part[1] <= '9'
}
