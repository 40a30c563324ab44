package gateway

import (
	"testing"

	"rightful"
	"rightful/internal/state/inboxtest"
)

// remembering are the objects of a watch of Stripe's list.
type remembering struct{ *recent }

func (r remembering) Keep(_ *testing.T, objects ...rightful.InboxObject) { r.keep(objects) }

// TestRecentObjects: the memory of one process keeps the contract of the inbox.
func TestRecentObjects(t *testing.T) {
	t.Parallel()
	inboxtest.TestObjects(t, func(*testing.T) inboxtest.Objects {
		r := &recent{}
		r.forget()
		return remembering{r}
	})
}
