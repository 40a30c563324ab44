package rightful

import "strings"

// CanonicalID returns the form in which two ids of the app are compared.
//
// Nothing is guessed: "04", "+4", " 4" and "4abc" are not 4. Only the case of a
// UUID is folded, because databases and languages print it either way. The
// empty id stays empty and, by SameID, equals nothing.
func CanonicalID(id string) string {
	if isUUID(id) {
		return strings.ToLower(id)
	}
	return id
}

// SameID reports whether two ids of the app name the same thing. Empty ids
// never match anything, not even each other.
func SameID(a, b string) bool {
	return a != "" && CanonicalID(a) == CanonicalID(b)
}

// IsNumericID reports whether id is a whole number written the one way that
// counts as a number: no sign, no leading zero, no spaces.
func IsNumericID(id string) bool {
	if id == "" || (id[0] == '0' && len(id) > 1) {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

// isUUID reports whether id has the 8-4-4-4-12 form of a UUID.
func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
			if !hex {
				return false
			}
		}
	}
	return true
}
