package stripesim

import "strconv"

// resource describes one kind of Stripe object: everything that lists, search,
// expand and worlds need to know about it. To add one, write a file with a
// function like customerResource and name it in allResources.
type resource struct {
	object  string // "checkout.session", the value of "object"
	section string // the list of a world that holds it
	noun    string // as error messages say it
	url     string // of the list; objects live at url/{id}
	idParam string // what errors call the id in the path
	slug    string // of restricted-key permissions: slug_read, slug_write

	// tags names the properties that an object can be listed by; see table.
	tags func(tags []string, o *object) []string
	// filters are the parameters of the list beside the four that all lists have.
	filters shape
	// choose turns those parameters into the tags that an object must have.
	choose func(c *call) ([]string, *apiError)
	// match asks more than tags can say, such as a range of due dates: it
	// returns what an object of the list must fulfil, or nil.
	match func(c *call) (func(e *entry) bool, *apiError)
	// undated resources cannot be listed by created.
	undated bool
	// events names the events of a change: before is nil for a new object,
	// after for one that was deleted. Nil means that Stripe sends none.
	events func(before, after *object) []string
	// expands are the properties that expand[] may name.
	expands expansions
	// searchable are the fields of the search language; nil means that Stripe
	// has no search for the resource.
	searchable map[string]searchKind
	// unless there are objects, a dump leaves the list out.
	sparse bool
}

// allResources is the table of everything that is kept.
func allResources() []*resource {
	return []*resource{
		customerResource(),
		sessionResource(),
		subscriptionResource(),
		paymentIntentResource(),
		productResource(),
		priceResource(),
		invoiceResource(),
		chargeResource(),
		scheduleResource(),
		setupIntentResource(),
		paymentMethodResource(),
		webhookEndpointResource(),
		portalResource(),
		destinationResource(),
		eventResource(),
	}
}

// tagRef appends "name=id" when the object refers to something by that name.
func tagRef(tags []string, o *object, names ...string) []string {
	for _, name := range names {
		if id := o.ref(name); id != "" {
			tags = append(tags, name+"="+id)
		}
	}
	return tags
}

// tagValue appends "name=value" for texts and truth values.
func tagValue(tags []string, o *object, names ...string) []string {
	for _, name := range names {
		switch value := o.get(name); {
		case text(value) != "":
			tags = append(tags, name+"="+text(value))
		case string(value) == "true" || string(value) == "false":
			tags = append(tags, name+"="+string(value))
		}
	}
	return tags
}

// chooseBool asks for the tag name=true or name=false of these parameters.
func chooseBool(c *call, names ...string) []string {
	var tags []string
	for _, name := range names {
		if c.params.has(name) {
			tags = append(tags, name+"="+strconv.FormatBool(c.params.bool(name)))
		}
	}
	return tags
}

// matchSpans asks that each of these times lies in the range parameter of its
// name; nil when none of them was given.
func matchSpans(c *call, names ...string) func(*entry) bool {
	spans := map[string]span{}
	for _, name := range names {
		if s, ok := c.params.of[name].(span); ok {
			spans[name] = s
		}
	}
	if len(spans) == 0 {
		return nil
	}
	return func(e *entry) bool {
		o := e.object()
		for name, s := range spans {
			if at := o.int(name); o.null(name) || at < s.from || at > s.to {
				return false
			}
		}
		return true
	}
}

// chooseEqual asks for the tag name=value of each of these text parameters.
func chooseEqual(c *call, names ...string) []string {
	var tags []string
	for _, name := range names {
		if c.params.has(name) {
			tags = append(tags, name+"="+c.params.str(name))
		}
	}
	return tags
}

// chooseExisting is chooseEqual for ids of another resource. Stripe refuses an
// id that names nothing; a deleted customer still names one.
func chooseExisting(c *call, param, kind string) ([]string, *apiError) {
	if !c.params.has(param) {
		return nil, nil
	}
	id := c.params.str(param)
	if _, err := c.find(kind, id, 400, param); err != nil {
		return nil, err
	}
	return []string{param + "=" + id}, nil
}
