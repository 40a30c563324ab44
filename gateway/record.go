package gateway

import (
	"rightful"
)

var _ rightful.IntentRecords = (*Memory)(nil)

// unrecorded returns the error of an answer that would rest on what is kept of
// what was made for whom, and could not be read; nil when it was.
func unrecorded(sit *rightful.Situation) error {
	if sit.RecordUnread == "" {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "state", Message: "what is kept of what was made for whom could not be read: " + sit.RecordUnread, Hint: "ask again",
	}
}
