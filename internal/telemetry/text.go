package telemetry

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

// longestText is how many bytes of one text are looked at and kept.
const longestText = 8 << 10

// The shapes of what must not reach a log. They are tried in this order: an
// address with a password would otherwise be taken for an email, and an email for
// the end of a key.
var (
	// The credentials of an address, up to the last @. Passwords that hold a slash
	// make an address that no parser takes, and parsers print what they refuse.
	inAddress = regexp.MustCompile(`://(?:[^\s/?#<>]*|[^\s/?#@:<>]*:[^\s<>]*)@`)
	// user:password@tcp(host), as the MySQL driver writes it.
	inMySQL = regexp.MustCompile(`[^\s"'<>@:]*:[^\s"'<>]*@(tcp|unix)\(`)
	// The at sign is escaped in a query. Several addresses that share a part are one.
	email  = regexp.MustCompile(`(?:"[^"]{1,64}"|[\p{L}\p{N}._%+\-*!$'^{|}~]+)(?:(?:@|%(?:25)*40)[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+)+`)
	atSign = regexp.MustCompile(`@|%(?:25)*40`)
	// Stripe's keys, wherever they begin, and whatever begins a word as one.
	stripeKey = regexp.MustCompile(`(?i)(?:(?:sk|rk|pk|rkcs|ek)_(?:live|test|org)_|whsec_)[\w+/=.~%-]*`)
	likeKey   = regexp.MustCompile(`(?i)(^|[^A-Za-z0-9])((?:sk|rk|rkcs|whsec)_[\w+/=.~%-]+)`)
	// pi_..._secret_... opens one payment to whoever has it.
	clientSecret = regexp.MustCompile(`(?i)(_secret_)[\w+/=.~%-]+`)
	// A Stripe-Signature is good for five minutes.
	signature = regexp.MustCompile(`(?i)(\bv[01]=)[0-9a-f]{16,}`)
	jwt       = regexp.MustCompile(`eyJ[\w-]{6,}\.[\w-]*(?:\.[\w-]*)?`)
	bearer    = regexp.MustCompile(`(?i)(bearer(?:\s|%20|\+)+)([^\s"',;<>]+)`)
	// password=..., "token": "...", Authorization: Basic ...
	named = regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|api[_-]?key|authorization|cookie)["']?\s*(?:=>|[=:])\s*)` +
		`("[^"]*(?:"|$)|'[^']*(?:'|$)|(?:(?:basic|bearer|digest|token)\s+)?[^\s"',;&<>{}]+)`)
)

// RedactText returns the text without keys, bearer tokens, passwords and emails.
// It takes time in proportion to its length; of texts longer than 8 KiB the
// beginning is kept.
func RedactText(s string) string {
	s, left := shorten(s)
	// Each shape costs a look at the whole text, so what cannot be there is not
	// looked for.
	lower := strings.ToLower(s)
	has := func(signs ...string) bool {
		return slices.ContainsFunc(signs, func(sign string) bool { return strings.Contains(lower, sign) })
	}
	at := has("@", "%40", "%25")
	if at && has("://") {
		s = inAddress.ReplaceAllString(s, "://"+Redacted+"@")
	}
	if has("@tcp(", "@unix(") {
		s = inMySQL.ReplaceAllString(s, Redacted+"@$1(")
	}
	if at {
		s = email.ReplaceAllStringFunc(s, redactEmail)
	}
	if has("sk_", "rk_", "pk_", "ek_", "rkcs_", "whsec_") {
		s = stripeKey.ReplaceAllString(s, Redacted)
		s = likeKey.ReplaceAllString(s, "${1}"+Redacted)
	}
	if has("_secret_") {
		s = clientSecret.ReplaceAllString(s, "${1}"+Redacted)
	}
	if has("v1=", "v0=") {
		s = signature.ReplaceAllString(s, "${1}"+Redacted)
	}
	if has("eyj") {
		s = jwt.ReplaceAllString(s, Redacted)
	}
	if has("bearer") {
		s = bearer.ReplaceAllStringFunc(s, redactBearer)
	}
	if has("=", ":") && has("password", "passwd", "pwd", "secret", "token", "api", "authorization", "cookie") {
		s = named.ReplaceAllString(s, "${1}"+Redacted)
	}
	return s + left
}

// redactEmail keeps the first letter and the last host: enough to recognise one's
// own, and no address.
func redactEmail(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if !unicode.IsLetter(first) && !unicode.IsNumber(first) {
		size = 0
	}
	signs := atSign.FindAllStringIndex(s, -1)
	return s[:size] + "***" + s[signs[len(signs)-1][0]:]
}

// redactBearer leaves a sentence about bearer tokens alone.
func redactBearer(s string) string {
	m := bearer.FindStringSubmatch(s)
	switch strings.ToLower(strings.TrimRight(m[2], ".:!?")) {
	case "token", "tokens", "auth", "authentication", "authorization", Redacted:
		return s
	}
	return m[1] + Redacted
}

// shorten cuts a text that is too long, at white space, so that no half of a
// secret stays behind that nothing recognises. left says how much is not shown.
func shorten(s string) (short, left string) {
	if len(s) <= longestText {
		return s, ""
	}
	end := strings.LastIndexAny(s[:longestText], " \t\r\n") + 1
	return s[:end], "... (" + strconv.Itoa(len(s)-end) + " more bytes)"
}

// secretName reports whether an attribute, a header or a key of a map holds a
// secret by its name.
func secretName(name string) bool {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-' || r == '.' || r == ' ':
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
	for _, end := range []string{"password", "passwd", "pwd", "secret", "secrets", "token", "tokens", "apikey", "apikeys", "stripekey", "privatekey", "authorization", "cookie", "stripesignature"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
