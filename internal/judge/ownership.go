package judge

import (
	"rightful"
)

// owner says whose application a family belongs to.
type owner int

const (
	unreached owner = iota // nothing of ours reaches it
	ours
	foreign
)

// ownerOf decides by the customer's tag (the session's for a guest). An
// untagged family is ours if our rows or links reach it, or if it carries a
// stamp; while a tag is configured a bare number is no such stamp, because
// numbers of different applications collide.
func (j *judge) ownerOf(f *family) owner {
	tagKey := j.rules.Keys.Ownership
	tag := ""
	if all := f.Objects(); tagKey != "" && len(all) > 0 {
		tag = all[0].Metadata[tagKey] // the customer, or a guest's session
	}
	switch {
	case tag != "" && tag == j.rules.OwnershipValue:
		return ours
	case tag != "":
		return foreign
	case len(f.Links) > 0 || len(f.Rows) > 0:
		return ours
	}
	for _, o := range f.Objects() {
		stamp, _ := j.stampOf(o)
		ref := o.ClientReferenceID
		if o.PaymentLink != "" || j.stamped(ref) == nil && j.users[rightful.CanonicalID(ref)] == nil {
			ref = "" // typed, or something else
		}
		switch {
		case ref != "" && (tagKey == "" || !rightful.IsNumericID(ref)):
			return ours
		case tagKey == "" && (stamp != "" || o.Metadata[j.rules.Keys.User] != ""):
			return ours
		case !rightful.IsNumericID(stamp) && j.stamped(stamp) != nil:
			return ours
		}
	}
	return unreached
}

// stampOf returns an object's stamp and the metadata key it stands under.
func (j *judge) stampOf(o rightful.Object) (value, key string) { return stampUnder(o, j.rules.Keys) }

// stampValue returns an object's stamp.
func (j *judge) stampValue(o rightful.Object) string { return Stamp(o, j.rules.Keys) }

// Stamp returns the company id stamped on an object, "" when there is none.
func Stamp(o rightful.Object, keys rightful.KeySet) string {
	value, _ := stampUnder(o, keys)
	return value
}

func stampUnder(o rightful.Object, keys rightful.KeySet) (value, key string) {
	if v := o.Metadata[keys.Company]; v != "" {
		return v, keys.Company
	}
	for _, also := range keys.AlsoRead {
		if v := o.Metadata[also]; v != "" {
			return v, also
		}
	}
	return "", keys.Company
}
