package stripesim

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
	// expands are the properties that expand[] may name.
	expands expansions
	// searchable are the fields of the search language; nil means that Stripe
	// has no search for the resource.
	searchable map[string]searchKind
}

// allResources is the table of everything that is kept.
func allResources() []*resource {
	return []*resource{
		customerResource(),
		sessionResource(),
		subscriptionResource(),
		paymentIntentResource(),
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
