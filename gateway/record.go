package gateway

import (
	"rightful"
)

var _ rightful.CheckoutRecords = (*Memory)(nil)

// unrecorded returns the error of an answer that would rest on what is kept of how
// sessions were made, and could not be read; nil when it was.
func unrecorded(sit *rightful.Situation) error {
	if sit.MadeUnread == "" {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindUnavailable, Place: "state", Message: "what is kept of how sessions were made could not be read: " + sit.MadeUnread, Hint: "ask again",
	}
}
