package stripesim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Access is what a restricted key may do with one kind of object.
type Access string

// The accesses that Stripe's dashboard offers. Write implies read.
const (
	AccessNone  Access = "none"
	AccessRead  Access = "read"
	AccessWrite Access = "write"
)

// everythingElse is the name that stands for all kinds that are not named.
const everythingElse = "*"

// RestrictedKey describes a restricted key by kinds of objects instead of
// slugs; AddKey takes slugs.
type RestrictedKey struct {
	// Secret is the key; when it is empty, a new one is made.
	Secret string
	// Account is the account the key belongs to; "" is the default account.
	Account string
	// Livemode makes a new secret a live one. A given one says it by prefix.
	Livemode bool
	// Access is by the names that lists have in worlds ("customers",
	// "checkout_sessions"), and "accounts" and "balance". "*" stands for all
	// that are not named; otherwise they are AccessNone.
	Access map[string]Access
}

// AddRestrictedKey registers a restricted key and returns it with its secret
// and the slugs of its permissions. What the key lacks answers 403 and names
// the slug that would help. Schedules share the permission of subscriptions, as
// at Stripe. It returns an error for a name or an access that does not exist,
// two accesses to one permission, and in the cases of AddKey; a registered
// secret gets the new permissions.
func (s *Server) AddRestrictedKey(k RestrictedKey) (Key, error) {
	slugs, err := s.slugsFor(k.Access)
	if err != nil {
		return Key{}, err
	}
	made := Key{Secret: k.Secret, Account: k.Account, Permissions: slugs}
	if made.Secret == "" {
		made.Secret = "rk_" + modeName(k.Livemode) + "_" + token(s.seed, "restricted key", s.keysMade.Add(1), 24)
	}
	if strings.HasPrefix(made.Secret, "sk_") {
		return Key{}, fmt.Errorf("stripesim: the key %s is a secret key, which may do everything: a restricted key begins with rk_", redact(made.Secret))
	}
	return made, s.AddKey(made)
}

// permissionSlugs are the slugs of restricted keys without their ending, by
// the name of the kind of object.
func (s *Server) permissionSlugs() map[string]string {
	slugs := map[string]string{"accounts": "rak_accounts_kyc_basic", "balance": "rak_balance"}
	for _, res := range s.resources {
		slugs[res.section] = res.slug
	}
	return slugs
}

func (s *Server) slugsFor(access map[string]Access) ([]string, error) {
	known := s.permissionSlugs()
	granted, by := map[string]Access{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(access)) {
		slug := known[name]
		switch given := access[name]; {
		case given != AccessNone && given != AccessRead && given != AccessWrite:
			return nil, fmt.Errorf("stripesim: the access to %s is %q; it can be none, read or write", name, given)
		case name == everythingElse:
		case slug == "":
			return nil, fmt.Errorf("stripesim: there is no permission for %q; there is %s, and * for the rest", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		case by[slug] != "" && granted[slug] != given:
			return nil, fmt.Errorf("stripesim: %s and %s share one permission at Stripe (%s) and cannot differ", by[slug], name, slug)
		default:
			granted[slug], by[slug] = given, name
		}
	}
	var slugs []string
	for _, slug := range known {
		given, named := granted[slug]
		if !named {
			given = access[everythingElse]
		}
		if given == AccessRead || given == AccessWrite {
			slugs = append(slugs, slug+"_"+string(given))
		}
	}
	slices.Sort(slugs)
	return slices.Compact(slugs), nil
}
