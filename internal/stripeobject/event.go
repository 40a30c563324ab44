package stripeobject

import (
	"net/url"

	"rightful"
)

// eventName and endpointName are Stripe's names of what is no
// rightful.ObjectType.
const (
	eventName    = "event"
	endpointName = "webhook_endpoint"
)

// DecodeEvent reduces the JSON of one event. Of the object that it carries only
// type and id are kept, of what it replaced only the metadata that keys.Keeps.
// A key that was null before was absent before. Errors are as those of Decode.
func DecodeEvent(raw []byte, keys rightful.KeySet) (rightful.Event, error) {
	w := newWalker(raw, keys)
	e, err := w.event()
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return rightful.Event{}, name(err, eventName, raw)
	}
	return e, nil
}

// DecodeEndpoint reduces the JSON of one webhook endpoint. Its address loses
// user, query and fragment: apps put secrets there. Errors are as those of
// Decode.
func DecodeEndpoint(raw []byte) (rightful.WebhookEndpoint, error) {
	w := newWalker(raw, rightful.KeySet{})
	e, err := w.webhookEndpoint()
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return rightful.WebhookEndpoint{}, name(err, endpointName, raw)
	}
	return e, nil
}

func (w *walker) event() (e rightful.Event, err error) {
	var said string
	err = w.fields(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			e.ID, err = w.text("id")
		case "object":
			said, err = w.text("object")
		case "type":
			e.Type, err = w.text("type")
		case "created":
			e.Created, _, err = w.whole("created")
		case "account":
			e.Account, err = w.text("account")
		case "pending_webhooks":
			var n int64
			n, _, err = w.whole("pending_webhooks")
			e.PendingWebhooks = int(n)
		case "request":
			if w.dec.PeekKind() != '{' { // null, and in old versions of the API an id
				return w.dec.SkipValue()
			}
			err = w.each("request", func(name []byte) (err error) {
				if string(name) != "idempotency_key" {
					return w.dec.SkipValue()
				}
				e.IdempotencyKey, err = w.text("idempotency_key")
				return err
			})
		case "data":
			err = w.each("data", func(name []byte) error { return w.eventData(&e, name) })
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
	case said != "" && said != eventName:
		err = &fieldError{"object", "another type than the one asked for"}
	case e.ID == "":
		err = &fieldError{"id", "the id is missing"}
	}
	return e, err
}

// eventData reads one field of an event's data.
func (w *walker) eventData(e *rightful.Event, name []byte) error {
	switch string(name) {
	case "object":
		return w.each("object", func(name []byte) (err error) {
			switch string(name) {
			case "id":
				e.ObjectID, err = w.text("id")
			case "object":
				var t string
				t, err = w.text("object")
				e.ObjectType = rightful.ObjectType(t)
			default:
				err = w.dec.SkipValue()
			}
			return err
		})
	case "previous_attributes":
		return w.each("previous_attributes", func(name []byte) (err error) {
			if string(name) != "metadata" {
				return w.dec.SkipValue()
			}
			e.Previous, err = w.metadata("metadata")
			return err
		})
	}
	return w.dec.SkipValue()
}

func (w *walker) webhookEndpoint() (e rightful.WebhookEndpoint, err error) {
	var said string
	err = w.fields(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			e.ID, err = w.text("id")
		case "object":
			said, err = w.text("object")
		case "url":
			var address string
			address, err = w.text("url")
			e.URL = bare(address)
		case "status":
			e.Status, err = w.text("status")
		case "created":
			e.Created, _, err = w.whole("created")
		case "enabled_events":
			if w.dec.PeekKind() == 'n' {
				return w.dec.SkipValue()
			}
			e.EnabledEvents, err = list(w, "enabled_events", 0, func() (string, error) { return w.text("(type)") })
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	switch {
	case err != nil:
	case said != "" && said != endpointName:
		err = &fieldError{"object", "another type than the one asked for"}
	case e.ID == "":
		err = &fieldError{"id", "the id is missing"}
	}
	return e, err
}

// bare returns an address without the parts that may hold secrets, and nothing
// of a text that is no address.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// fields calls read for every field of the object that the text is.
func (w *walker) fields(read func(name []byte) error) error {
	if err := w.open("(object)"); err != nil {
		return err
	}
	for {
		name, err := w.next()
		if err != nil || name == nil {
			return err
		}
		if err := read(name); err != nil {
			return err
		}
	}
}
