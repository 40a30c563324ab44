package snapshot

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"rightful"
)

// Redactor replaces emails, names and free texts, the same by the same. Its
// methods return what they are given when it is nil.
//
// Ids stay: of Stripe's objects, and of the app's rows unless they are emails. What
// the judge compares stays comparable: two emails that differ in case only still
// do, and a text that equals an id still does.
type Redactor struct {
	ids      map[string]bool              // canonical ids of the app's rows
	people   map[string]string            // lower-case email -> replacement
	spelling map[string]map[string]string // lower-case email -> each way it is written -> replacement
	texts    map[string]string
}

// NewRedactor returns a redactor that keeps the ids of what was recorded.
func NewRedactor(r *Recorder) *Redactor {
	out := &Redactor{ids: map[string]bool{}, people: map[string]string{}, spelling: map[string]map[string]string{}, texts: map[string]string{}}
	for _, c := range r.companies.all() {
		out.ids[rightful.CanonicalID(c.ID)] = true
	}
	for _, u := range r.users.all() {
		out.ids[rightful.CanonicalID(u.ID)] = true
	}
	return out
}

// Email replaces an email address.
func (r *Redactor) Email(email string) string {
	if r == nil || email == "" {
		return email
	}
	lower := strings.ToLower(email)
	if r.people[lower] == "" {
		r.people[lower] = fmt.Sprintf("somebody%d@example.com", len(r.people)+1)
		r.spelling[lower] = map[string]string{}
	}
	if email == lower {
		return r.people[lower]
	}
	if r.spelling[lower][email] == "" {
		r.spelling[lower][email] = capitals(r.people[lower], len(r.spelling[lower])+1)
	}
	return r.spelling[lower][email]
}

// capitals returns the nth way, from 1, to write an address with capital letters.
func capitals(address string, n int) string {
	b := []byte(address)
	for i := range b {
		if b[i] < 'a' || b[i] > 'z' {
			continue
		}
		if n&1 == 1 {
			b[i] -= 'a' - 'A'
		}
		n >>= 1
	}
	return string(b)
}

// address matches what looks like an email address inside a text.
var address = regexp.MustCompile(`[^\s@<>"',;:/|\\]+@[^\s@<>"',;:/|\\]+`)

// ID replaces the addresses inside an id.
func (r *Redactor) ID(id string) string {
	if r == nil || !strings.Contains(id, "@") {
		return id
	}
	return address.ReplaceAllStringFunc(id, r.Email)
}

// stripeID matches an id of Stripe's.
var stripeID = regexp.MustCompile(`^(acct|ch|cs|cus|evt|in|pi|plink|pm|price|prod|si|sub|sub_sched)_[A-Za-z0-9_]+$`)

// longestNumber is how long a text without letters may be, in bytes, to be kept as
// an attempt at a number.
const longestNumber = 20

// Text replaces a text that is no id: what somebody stamped, typed or cached.
func (r *Redactor) Text(text string) string {
	switch {
	case r == nil || text == "" || stripeID.MatchString(text):
		return text
	case r.ids[rightful.CanonicalID(text)]:
		return r.ID(text)
	case address.FindString(text) == text:
		return r.Email(text)
	case len(text) == 36 && rightful.CanonicalID(strings.ToUpper(text)) == strings.ToLower(text): // a UUID, whoever has it
		return text
	case len(text) <= longestNumber && !strings.ContainsFunc(text, unicode.IsLetter):
		return text
	}
	if r.texts[text] == "" {
		r.texts[text] = fmt.Sprintf("text-%d", len(r.texts)+1)
	}
	return r.texts[text]
}

// Metadata replaces the values of metadata.
func (r *Redactor) Metadata(m map[string]string) map[string]string {
	if r == nil || m == nil {
		return m
	}
	out := maps.Clone(m)
	for _, key := range slices.Sorted(maps.Keys(m)) { // in order: the replacements are numbered
		out[key] = r.Text(m[key])
	}
	return out
}

// object replaces what an object says besides ids.
func (r *Redactor) object(o rightful.Object) rightful.Object {
	if r == nil {
		return o
	}
	o.Email = r.Email(o.Email)
	o.Metadata, o.Snapshot = r.Metadata(o.Metadata), r.Metadata(o.Snapshot)
	o.ClientReferenceID = r.Text(o.ClientReferenceID)
	o.Phases = slices.Clone(o.Phases)
	for i := range o.Phases {
		o.Phases[i].Metadata = r.Metadata(o.Phases[i].Metadata)
	}
	return o
}

// customer replaces what stands where a row names a customer and is none: a
// placeholder stays one, without the address that it may hold.
func (r *Redactor) customer(id string, placeholders []*regexp.Regexp) string {
	if r == nil || id == "" {
		return id
	}
	for _, p := range placeholders {
		if !p.MatchString(id) {
			continue
		}
		person := strings.IndexByte(id, '@')
		if person < 0 {
			person = len(id)
		}
		mark := strings.LastIndexAny(id[:person], "_-:/") + 1 // pending_, and behind it who
		if marked := id[:mark] + r.Text(id[mark:]); p.MatchString(marked) {
			return marked
		}
	}
	return r.Text(id)
}
