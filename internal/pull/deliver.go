package pull

import (
	"slices"
	"strings"

	"rightful"
)

// Tells reports whether an event tells what became of an object that a mirror lists.
func Tells(e rightful.Event) bool {
	return slices.ContainsFunc(eventTypes, func(types []string) bool { return slices.Contains(types, e.Type) })
}

// Delivered returns how an object stands by an event that came alone: by a webhook, in no
// order, and perhaps again days later. It is false where the event does not say so.
//
// Nobody can tell which of two events of one second came last, and a run, which sees both,
// looks that up. So what came alone is said to stand like this a second earlier than it
// did, and gives way to whatever a run has learned of that second. Before created comes
// nothing, and after deleted comes nothing: those are put before and behind the others.
func Delivered(e rightful.Event, account rightful.Account, keys rightful.KeySet) (rightful.MirrorObject, bool) {
	if !Tells(e) || e.ObjectID == "" {
		return rightful.MirrorObject{}, false
	}
	if e.Type == customerDeleted {
		o := rightful.Object{Account: account.ID, Livemode: account.Livemode, Type: e.ObjectType, ID: e.ObjectID, Deleted: true}
		return rightful.MirrorObject{Object: o, AsOf: e.Created, Exists: rightful.ExistsDeleted}, true
	}
	o, err := carried(e, account.ID, account.Livemode, keys)
	if err != nil {
		return rightful.MirrorObject{}, false
	}
	asOf := e.Created - 1
	if strings.HasSuffix(e.Type, ".created") {
		asOf--
	}
	return rightful.MirrorObject{Object: o, AsOf: asOf, Exists: rightful.ExistsPresent}, true
}
