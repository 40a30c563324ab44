package worldfile

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rightful"
	"rightful/internal/stripeobject"
)

// stripeSection is the stripe section. Objects stay raw until the identity keys
// are known.
type stripeSection struct {
	account rightful.Account
	raw     map[rightful.ObjectType][]jsontext.Value
	missing map[string]bool
	latest  int64

	events        []jsontext.Value
	endpoints     []jsontext.Value
	endpointsRead bool // the section is there, so that none means none
	noSearch      bool // an account without search
}

// lists names the list of each object type in a world.
var lists = map[rightful.ObjectType]string{
	rightful.TypeCustomer:      "customers",
	rightful.TypeSession:       "checkout_sessions",
	rightful.TypeSubscription:  "subscriptions",
	rightful.TypePaymentIntent: "payment_intents",
	rightful.TypeSchedule:      "subscription_schedules",
	rightful.TypeInvoice:       "invoices",
	rightful.TypeCharge:        "charges",
	rightful.TypePaymentMethod: "payment_methods",
}

func (w *World) readStripe(section map[string]jsontext.Value) error {
	s := &w.stripe
	s.raw = map[rightful.ObjectType][]jsontext.Value{}
	s.missing = map[string]bool{}

	var account struct {
		ID       string `json:"id"`
		Livemode *bool  `json:"livemode"`
	}
	if v := section["account"]; len(v) > 0 && v.Kind() != 'n' {
		if err := json.Unmarshal(v, &account); err != nil {
			return w.errorIn("stripe.account", "must be an object with id and livemode")
		}
	}
	s.account.ID = account.ID
	if v := section["missing_ids"]; len(v) > 0 && v.Kind() != 'n' {
		var ids []string
		if err := json.Unmarshal(v, &ids); err != nil {
			return w.errorIn("stripe.missing_ids", "must be a list of ids")
		}
		for _, id := range ids {
			s.missing[id] = true
		}
	}
	if v := section["search"]; len(v) > 0 && v.Kind() != 'n' {
		var search bool
		if err := json.Unmarshal(v, &search); err != nil {
			return w.errorIn("stripe.search", "must be true or false")
		}
		s.noSearch = !search
	}
	if account.Livemode != nil {
		s.account.Livemode, s.account.LivemodeKnown = *account.Livemode, true
	}
	for _, t := range rightful.StripeTypes() {
		objects, err := w.readList(lists[t], section[lists[t]], func(raw jsontext.Value) (string, int64, error) {
			o, err := stripeobject.Decode(raw, t, rightful.KeySet{}, stripeobject.Defaults{})
			return o.ID, o.Created, err
		})
		if err != nil {
			return err
		}
		s.raw[t] = objects
	}
	if err := w.readEvents(section); err != nil {
		return err
	}
	if !s.account.LivemodeKnown {
		s.account.Livemode = true // nothing in the file says otherwise
	}
	return nil
}

// readList checks each element of one list once, so that reading it later
// cannot fail. decode returns an element's id and when it was created.
func (w *World) readList(name string, v jsontext.Value, decode func(jsontext.Value) (string, int64, error)) ([]jsontext.Value, error) {
	s := &w.stripe
	if len(v) == 0 || v.Kind() == 'n' {
		return nil, nil
	}
	path := "stripe." + name
	var objects []jsontext.Value
	if err := json.Unmarshal(v, &objects); err != nil {
		return nil, w.errorIn(path, "must be a list of Stripe objects")
	}
	seen := map[string]bool{}
	for i, raw := range objects {
		at := fmt.Sprintf("%s[%d]", path, i)
		id, created, err := decode(raw)
		switch {
		case err != nil:
			return nil, w.errorIn(at, err.Error())
		case seen[id]:
			return nil, w.errorIn(at, fmt.Sprintf("%q stands in the list twice", id))
		}
		seen[id] = true
		s.latest = max(s.latest, created)
		if live, told := modeOf(raw); told && !s.account.LivemodeKnown {
			s.account.Livemode, s.account.LivemodeKnown = live, true
		}
	}
	return objects, nil
}

// modeOf returns the mode that an object says it is of.
func modeOf(raw jsontext.Value) (live, told bool) {
	var mode struct {
		Livemode *bool `json:"livemode"`
	}
	if json.Unmarshal(raw, &mode) != nil || mode.Livemode == nil {
		return false, false
	}
	return *mode.Livemode, true
}

// errorIn returns an error about the value at a dotted path.
func (w *World) errorIn(path, message string) error {
	pointer := strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
	return w.errorAt(w.offsetOf(jsontext.Pointer("/"+pointer)), path, message)
}

// offsetOf returns where the value at a JSON pointer starts in the file.
func (w *World) offsetOf(pointer jsontext.Pointer) int64 {
	dec := jsontext.NewDecoder(strings.NewReader(string(w.raw)))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return 0
		}
		if dec.StackPointer() == pointer && !isName(dec) {
			return dec.InputOffset() - int64(len(token.String()))
		}
	}
}

// isName reports whether the token just read was the name of an object member.
func isName(dec *jsontext.Decoder) bool {
	kind, length := dec.StackIndex(dec.StackDepth())
	return kind == '{' && length%2 == 1
}

// Stripe returns the world's Stripe account, read with the given identity keys. It
// is a rightful.CheckoutReader too.
// A world without a stripe section has an empty one.
func (w *World) Stripe(keys rightful.KeySet) rightful.StripeReader {
	r := &stripeReader{
		section:   &w.stripe,
		keys:      keys,
		objects:   map[rightful.ObjectType][]rightful.Object{},
		byID:      map[string]rightful.Object{},
		otherMode: map[string]bool{},
	}
	defaults := stripeobject.Defaults{Account: w.stripe.account.ID, Livemode: w.stripe.account.Livemode}
	for t, raws := range w.stripe.raw {
		for _, raw := range raws {
			o, err := stripeobject.Decode(raw, t, keys, defaults)
			if err != nil {
				continue // readList decoded every object once already
			}
			if o.Livemode != w.stripe.account.Livemode {
				r.otherMode[string(t)+"/"+o.ID] = true // does not exist for this account
				continue
			}
			r.objects[t] = append(r.objects[t], o)
			r.byID[string(t)+"/"+o.ID] = o
		}
		slices.SortStableFunc(r.objects[t], func(a, b rightful.Object) int { return cmp.Compare(b.Created, a.Created) })
	}
	r.hear(w, keys)
	w.readers = append(w.readers, r)
	return r
}

// stripeReader implements rightful.StripeReader.
type stripeReader struct {
	section   *stripeSection
	keys      rightful.KeySet
	objects   map[rightful.ObjectType][]rightful.Object // newest first
	byID      map[string]rightful.Object                // by type/id
	otherMode map[string]bool                           // type/id of what the world lists in the other mode
	events    []rightful.Event                          // newest first
	endpoints []rightful.WebhookEndpoint                // sorted by id
}

// Account returns the account that the world declares.
func (r *stripeReader) Account(ctx context.Context) (rightful.Account, error) {
	return r.section.account, ctx.Err()
}

// List yields the objects that the query picks, newest first.
func (r *stripeReader) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	return func(yield func(rightful.Object, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(rightful.Object{}, err)
			return
		}
		if q.Type == rightful.TypePaymentMethod && q.StripeCustomerID == "" {
			yield(rightful.Object{}, &rightful.Error{Kind: rightful.KindInvalid, Place: "stripe", Message: "payment methods are listed of one customer only"})
			return
		}
		for _, o := range r.objects[q.Type] {
			if o.Deleted || !matches(o, q) {
				continue
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

func matches(o rightful.Object, q rightful.ListQuery) bool {
	same := func(want, have string) bool { return want == "" || want == have }
	return same(q.StripeCustomerID, o.StripeCustomerID) &&
		same(q.Email, o.Email) &&
		same(q.SubscriptionID, o.SubscriptionID) &&
		same(q.PaymentIntentID, o.PaymentIntentID) &&
		(q.CreatedFrom == 0 || o.Created >= q.CreatedFrom) &&
		(q.CreatedTo == 0 || o.Created < q.CreatedTo)
}

// Get looks an object up. An id that the world neither lists nor declares
// missing is unknown.
func (r *stripeReader) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	if err := ctx.Err(); err != nil {
		return rightful.Object{}, rightful.ExistsUnknown, err
	}
	o, listed := r.byID[string(t)+"/"+id]
	switch {
	case listed && o.Deleted:
		return o, rightful.ExistsDeleted, nil
	case listed:
		return o, rightful.ExistsPresent, nil
	case r.section.missing[id] || r.otherMode[string(t)+"/"+id]:
		return rightful.Object{}, rightful.ExistsMissing, nil
	}
	return rightful.Object{}, rightful.ExistsUnknown, nil
}

// Search returns the objects whose metadata key holds the value. Unlike
// Stripe's index, a file does not lag.
func (r *stripeReader) Search(ctx context.Context, t rightful.ObjectType, key, value string) ([]rightful.Object, error) {
	switch t {
	case rightful.TypeSession, rightful.TypeSchedule, rightful.TypePaymentMethod:
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Message: fmt.Sprintf("objects of type %s cannot be searched", t)}
	}
	if r.section.noSearch {
		return nil, &rightful.Error{Kind: rightful.KindUnsupported, Message: "the account has no search"}
	}
	var found []rightful.Object
	for _, o := range r.objects[t] {
		if v, ok := o.Metadata[key]; ok && !o.Deleted && v == value {
			found = append(found, o)
		}
	}
	return found, ctx.Err()
}
