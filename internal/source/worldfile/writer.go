package worldfile

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

// changes is what was written into a world since it was read: the new text of
// each changed value, by where it stands. The file itself is written by Save.
type changes struct {
	values   map[place][]byte  // rows and Stripe objects
	appended map[string]int    // how many of the last rows of a table are new
	removed  map[place]bool    // rows that are gone; their places stay, so that no other moves
	uncached map[string]bool   // cache keys
	recached map[string][]byte // cached hashes that have lost fields

	objects map[string]int // type/id -> index in its list; built when first needed
}

// place says where a value stands: in the list of a section, at an index.
type place struct {
	section, list string
	index         int
}

func (c *changes) set(at place, text []byte) {
	if c.values == nil {
		c.values = map[place][]byte{}
	}
	c.values[at] = text
}

// changed reports whether a row or an object is another than in the file.
func (c *changes) changed() bool { return len(c.values)+len(c.appended)+len(c.removed) > 0 }

// Writer returns the writing half of the world: it implements
// rightful.StripeWriter, rightful.DirectoryWriter and rightful.CacheWriter. What
// it writes is seen by the world's readers at once, and by others after Save.
// Every row of a world is writable.
func (w *World) Writer() *Writer { return &Writer{world: w} }

// Writer writes into a world.
type Writer struct{ world *World }

func conflict(format string, args ...any) error {
	return &rightful.Error{Kind: rightful.KindConflict, Place: "world", Message: fmt.Sprintf(format, args...)}
}

// quoted writes an id as JSON, as what it replaces was written: a number stays a
// number if the new id is one.
func quoted(id string, like jsontext.Value) []byte {
	if like.Kind() == '0' && rightful.IsNumericID(id) {
		return []byte(id)
	}
	text, _ := jsontext.AppendQuote(nil, id)
	return text
}

// longestKey is Stripe's limit on a metadata key, in characters.
const longestKey = 40

// SetMetadata writes one key of one object.
func (r *Writer) SetMetadata(ctx context.Context, m rightful.MetadataWrite) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := r.world
	switch m.Type {
	case rightful.TypeCustomer, rightful.TypeSession, rightful.TypeSubscription, rightful.TypePaymentIntent:
	default:
		return &rightful.Error{Kind: rightful.KindUnsupported, Place: "world", Message: fmt.Sprintf("metadata of a %s is not written", m.Type)}
	}
	if m.Key == "" || len([]rune(m.Key)) > longestKey || strings.ContainsAny(m.Key, "[]") || m.To != nil && *m.To == "" {
		return &rightful.Error{Kind: rightful.KindInvalid, Place: "world", Message: fmt.Sprintf("Stripe would not take %q = %q as metadata", m.Key, textOf(m.To))}
	}
	i, listed := w.objectAt(m.Type, m.ID)
	if !listed {
		return &rightful.Error{Kind: rightful.KindNotFound, Place: "world", Message: fmt.Sprintf("the world has no %s %s", m.Type, m.ID)}
	}
	at := place{"stripe", lists[m.Type], i}
	object := []byte(w.stripe.raw[m.Type][i])
	metadata := find(object, "metadata")
	switch {
	case m.To == nil && jsontext.Value(metadata).Kind() == '{':
		object = setMember(object, "metadata", removeMembers(metadata, func(name string) bool { return name == m.Key }))
	case m.To != nil:
		if jsontext.Value(metadata).Kind() != '{' {
			metadata = []byte("{}")
		}
		value := quoted(*m.To, find(metadata, m.Key))
		object = setMember(object, "metadata", setMember(metadata, m.Key, value))
	}
	w.stripe.raw[m.Type][i] = object
	w.changes.set(at, object)
	return w.tell(m.Type, object)
}

// objectAt returns the index of an object in its list.
func (w *World) objectAt(t rightful.ObjectType, id string) (int, bool) {
	if w.changes.objects == nil {
		w.changes.objects = map[string]int{}
		for t, raws := range w.stripe.raw {
			for i, raw := range raws {
				if o, err := stripeobject.Decode(raw, t, rightful.KeySet{}, stripeobject.Defaults{}); err == nil && !o.Deleted {
					w.changes.objects[string(t)+"/"+o.ID] = i
				}
			}
		}
	}
	i, ok := w.changes.objects[string(t)+"/"+id]
	return i, ok
}

// tell lets the readers that were given out see an object as it is now.
func (w *World) tell(t rightful.ObjectType, raw []byte) error {
	defaults := stripeobject.Defaults{Account: w.stripe.account.ID, Livemode: w.stripe.account.Livemode}
	for _, r := range w.readers {
		o, err := stripeobject.Decode(raw, t, r.keys, defaults)
		if err != nil {
			return err
		}
		key := string(t) + "/" + o.ID
		if _, known := r.byID[key]; !known {
			continue // of the other mode
		}
		r.byID[key] = o
		if i := slices.IndexFunc(r.objects[t], func(other rightful.Object) bool { return other.ID == o.ID }); i >= 0 {
			r.objects[t][i] = o
		}
	}
	return nil
}

// CompareAndSet makes all changes or none.
func (r *Writer) CompareAndSet(ctx context.Context, all []rightful.FieldChange, commit bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// What one change writes, a later one may find: they are made on a copy.
	t := tables{world: r.world, rows: map[place]row{}, texts: map[place][]byte{}, gone: map[place]bool{}}
	for _, c := range all {
		if err := t.change(c); err != nil {
			return err
		}
	}
	if commit {
		t.commit()
	}
	return nil
}

// tables is a transaction on the db section: what it changed is seen by it alone.
type tables struct {
	world *World
	rows  map[place]row    // changed rows, parsed
	texts map[place][]byte // and as they are written
	added []addition       // new rows
	gone  map[place]bool   // rows that are taken away
}

// addition is a new row of a table.
type addition struct {
	table string
	text  jsontext.Value
}

// row returns a row as the transaction sees it.
func (t *tables) row(at place) row {
	if r, changed := t.rows[at]; changed {
		return r
	}
	r, err := parseRow(t.world.tables[at.list][at.index].value)
	if err != nil {
		return row{} // every row was parsed when the world was read
	}
	return *r
}

// pick returns the places of the rows of a table that match.
func (t *tables) pick(table string, match func(row) bool) []place {
	var found []place
	for i := range t.world.tables[table] {
		at := place{"db", table, i}
		if !t.gone[at] && !t.world.changes.removed[at] && match(t.row(at)) {
			found = append(found, at)
		}
	}
	return found
}

func (t *tables) change(c rightful.FieldChange) error {
	unsupported := &rightful.Error{
		Kind: rightful.KindUnsupported, Place: "world", Message: fmt.Sprintf("%s of a %s is not written", c.Field, c.Object.Type),
	}
	byID := func(r row) bool { return rightful.SameID(r.text("id"), c.Object.ID) }
	var table string
	switch {
	case c.Object.Type == rightful.RefLink && c.Field == rightful.FieldLink:
		return t.changeLinks(c)
	case c.Object.Type == rightful.RefCompany && c.Field == rightful.FieldLink:
		table = "companies"
	case c.Object.Type == rightful.RefSubscriptionRow && c.Field == rightful.FieldRow:
		return t.changeRow(c)
	case c.Object.Type == rightful.RefSubscriptionRow &&
		(c.Field == rightful.FieldRowCompany || c.Field == rightful.FieldRowCustomer || c.Field == rightful.FieldRowStatus):
		table = "subscriptions"
	default:
		return unsupported
	}
	found := t.pick(table, byID)
	if len(found) != 1 {
		return conflict("%d rows of db.%s have the id %s, not one", len(found), table, c.Object.ID)
	}
	now := t.row(found[0])
	if have := now.text(c.Field); !standsThere(have, c.From) {
		return conflict("%s of %s %s is %q, not %q", c.Field, c.Object.Type, c.Object.ID, have, textOf(c.From))
	}
	t.set(found[0], c.Field, c.To)
	return nil
}

// changeLinks changes the one row of the table of links that a change is about.
// A link that is removed keeps its row, with null, so that its other columns
// are not lost; but for the last row when a change of ours is taken back and it reads
// as one that was added here.
func (t *tables) changeLinks(c rightful.FieldChange) error {
	entry := func(customer string) []place {
		return t.pick("links", func(r row) bool {
			return rightful.SameID(r.text("company_id"), c.Object.ID) && r.text("stripe_customer_id") == customer
		})
	}
	if c.To != nil && len(entry(*c.To)) > 0 {
		return conflict("company %s links %s already", c.Object.ID, *c.To)
	}
	if found := entry(textOf(c.From)); len(found) == 1 || c.From != nil {
		if len(found) != 1 {
			return conflict("%d rows of db.links tie company %s to %s, not one", len(found), c.Object.ID, textOf(c.From))
		}
		if c.To == nil && c.TakesBack && t.asAdded(found[0], c.Object.ID, *c.From) {
			t.gone[found[0]] = true
			return nil
		}
		t.set(found[0], "stripe_customer_id", c.To)
		return nil
	}
	if c.To != nil {
		t.added = append(t.added, addition{"links", t.newLink(c.Object.ID, *c.To)})
	}
	return nil
}

// newLink is the row that ties a company to a customer.
func (t *tables) newLink(company, customer string) jsontext.Value {
	return jsontext.Value(fmt.Sprintf(`{"company_id": %s, "stripe_customer_id": %s}`, t.idLike(company), quoted(customer, nil)))
}

// asAdded reports whether a row of the table of links is the last one, and reads as
// newLink wrote it.
func (t *tables) asAdded(at place, company, customer string) bool {
	all := t.pick("links", func(row) bool { return true })
	text, changed := t.texts[at]
	if !changed {
		text = t.world.tables["links"][at.index].value
	}
	return at == all[len(all)-1] && string(text) == string(t.newLink(company, customer))
}

// idLike writes a company's id as the company's own row does.
func (t *tables) idLike(company string) []byte {
	found := t.pick("companies", func(r row) bool { return rightful.SameID(r.text("id"), company) })
	if len(found) == 0 {
		return quoted(company, nil)
	}
	r := t.row(found[0])
	return quoted(company, r.columns["id"])
}

// set changes one column in the transaction.
func (t *tables) set(at place, column string, to *string) {
	text, changed := t.texts[at]
	if !changed {
		text = t.world.tables[at.list][at.index].value
	}
	value := []byte("null")
	if to != nil {
		like := jsontext.Value(find(text, column))
		value = quoted(*to, like)
		if column == rightful.FieldRowCompany && (like.Kind() == 0 || like.Kind() == 'n') {
			value = t.idLike(*to) // nothing stands there to be like
		}
	}
	t.texts[at] = setMember(text, column, value)
	if r, err := parseRow(t.texts[at]); err == nil {
		t.rows[at] = *r
	}
}

// commit makes the transaction's rows those of the world.
func (t *tables) commit() {
	w := t.world
	for at, text := range t.texts {
		w.tables[at.list][at.index].value = text
		w.changes.set(at, text)
		r := t.rows[at]
		switch at.list {
		case "companies":
			w.db.companies[at.index].StripeCustomerID = r.text("stripe_customer_id")
		case "subscriptions":
			w.db.rows[at.index] = subscriptionRow(&r)
		case "links":
			w.db.links[at.index].StripeCustomerID = r.text("stripe_customer_id")
		}
	}
	for _, added := range t.added {
		r, err := parseRow(added.text)
		if err != nil {
			continue // written by changeLinks or changeRow
		}
		switch added.table {
		case "links":
			w.db.links = append(w.db.links, rightful.Link{CompanyID: r.text("company_id"), StripeCustomerID: r.text("stripe_customer_id"), StripeAccount: r.text("stripe_account")})
		case "subscriptions":
			w.db.rows = append(w.db.rows, subscriptionRow(r))
		}
		w.tables[added.table] = append(w.tables[added.table], located{value: added.text})
		if w.changes.appended == nil {
			w.changes.appended = map[string]int{}
		}
		w.changes.appended[added.table]++
	}
	for at := range t.gone {
		if w.changes.removed == nil {
			w.changes.removed = map[place]bool{}
		}
		w.changes.removed[at] = true
		if at.list == "links" { // nothing reads what is left of it
			w.db.links[at.index] = rightful.Link{}
		} else {
			w.db.rows[at.index] = rightful.SubscriptionRow{}
		}
	}
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// standsThere compares ids as the judge does; nothing is only nothing.
func standsThere(have string, want *string) bool {
	return have == "" && textOf(want) == "" || rightful.SameID(have, textOf(want))
}
