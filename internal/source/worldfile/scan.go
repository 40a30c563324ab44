package worldfile

import (
	"context"
	"iter"
	"maps"
	"slices"

	"rightful"
)

var _ rightful.CacheScanner = cache{}

// Scan yields the keys of the file that match, sorted. A key that is null is not
// there.
func (c cache) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := ctx.Err(); err != nil {
			yield("", err)
			return
		}
		for _, key := range slices.Sorted(maps.Keys(c.values)) {
			if c.values[key].Kind() != 'n' && globMatch(pattern, key) && !yield(key, nil) {
				return
			}
		}
	}
}

// globMatch reports whether a key matches a pattern, as Redis matches them: byte
// by byte, and what is no complete set or escape as far as it goes. Only the last
// * is ever gone back to, so that no pattern takes longer than pattern times key.
func globMatch(pattern, key string) bool {
	star, from := -1, 0 // the text behind the last *, and where its match began
	p, k := 0, 0
	for k < len(key) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, k
			continue
		}
		if next, ok := globByte(pattern, p, key[k]); ok {
			p, k = next, k+1
			continue
		}
		if star < 0 {
			return false
		}
		from++
		p, k = star, from
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// globByte reports whether what stands at p of the pattern matches one byte, and
// where the pattern goes on.
func globByte(pattern string, p int, b byte) (next int, ok bool) {
	if p >= len(pattern) {
		return p, false
	}
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return globSet(pattern, p+1, b)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	return p + 1, pattern[p] == b
}

// globSet matches a byte with the set that begins at p.
func globSet(pattern string, p int, b byte) (next int, ok bool) {
	not := p < len(pattern) && pattern[p] == '^'
	if not {
		p++
	}
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			ok = ok || pattern[p] == b
		case p+2 < len(pattern) && pattern[p+1] == '-':
			low, high := min(pattern[p], pattern[p+2]), max(pattern[p], pattern[p+2])
			ok = ok || low <= b && b <= high
			p += 2
		default:
			ok = ok || pattern[p] == b
		}
	}
	if p < len(pattern) {
		p++ // the closing bracket
	}
	return p, ok != not
}
