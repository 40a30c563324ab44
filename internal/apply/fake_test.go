package apply_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"rightful"
	"rightful/internal/apply"
	"rightful/internal/plan"
)

// fake is Stripe, a database and a cache in maps, with a log of what was sent to
// them.
type fake struct {
	rightful.StripeReader    // nil: what is not overridden is not called
	rightful.DirectoryReader // as well

	stamps map[string]string // object id -> stamp; absent: no such object
	gone   map[string]rightful.Existence
	links  map[string]string // company -> link
	table  []rightful.Link   // of the table of links
	rows   map[string]rightful.SubscriptionRow
	cached map[string]string
	spoilt string // why nothing in the cache can be decoded

	log     []string
	keys    []string       // idempotency keys
	refuses map[string]int // how often a write of this object is let through before it is refused; absent: always
	after   func(id string)
	later   func()         // done once, after the cache was read the next time
	lost    map[string]int // how many answers about this object are lost
	unsent  map[string]int // how many of its writes are lost themselves, with their answers
}

// lose loses a write, or its answer, and tells the writer what it then knows.
func (f *fake) lose(id string) (unsent bool, err error) {
	uncertain := &rightful.Error{Kind: rightful.KindUncertain, Message: "no answer"}
	switch {
	case f.unsent[id] > 0:
		f.unsent[id]--
		return true, uncertain
	case f.lost[id] > 0:
		f.lost[id]--
		return false, uncertain
	}
	return false, nil
}

func newFake() *fake {
	return &fake{
		stamps: map[string]string{"cus_A": "4", "sub_A": "4", "cus_B": "4"}, gone: map[string]rightful.Existence{},
		links: map[string]string{"11": "", "12": "cus_A"}, rows: map[string]rightful.SubscriptionRow{"r1": {ID: "r1", CompanyID: "12"}},
		cached: map[string]string{"c": "4"}, refuses: map[string]int{}, after: func(string) {},
	}
}

func (f *fake) places() apply.Places {
	return apply.Places{Directory: f, Stripe: f, Cache: f, Writers: apply.Writers{Stripe: f, Directory: f, Cache: f}}
}

var errRefused = errors.New("it refuses")

// let notes a write and says whether it is let through.
func (f *fake) let(id, what string) error {
	if n, limited := f.refuses[id]; limited && n == 0 {
		return errRefused
	} else if limited {
		f.refuses[id]--
	}
	f.log = append(f.log, what)
	return nil
}

func (f *fake) Get(ctx context.Context, t rightful.ObjectType, id string) (rightful.Object, rightful.Existence, error) {
	if err := ctx.Err(); err != nil {
		return rightful.Object{}, rightful.ExistsUnknown, err
	}
	if e, ok := f.gone[id]; ok {
		return rightful.Object{}, e, nil
	}
	stamp, ok := f.stamps[id]
	if !ok {
		return rightful.Object{}, rightful.ExistsUnknown, nil
	}
	return rightful.Object{Type: t, ID: id, Metadata: map[string]string{"company_id": stamp}}, rightful.ExistsPresent, nil
}

func (f *fake) SetMetadata(_ context.Context, w rightful.MetadataWrite) error {
	to := ""
	if w.To != nil {
		to = *w.To
	}
	if err := f.let(w.ID, w.ID+"="+to); err != nil {
		return err
	}
	f.keys = append(f.keys, w.IdempotencyKey)
	unsent, err := f.lose(w.ID)
	if !unsent {
		f.stamps[w.ID] = to
		f.after(w.ID)
	}
	return err
}

func rowsOf[T any](rows ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (f *fake) Companies(_ context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	link, ok := f.links[sel.Values[0]]
	if !ok {
		return rowsOf[rightful.Company]()
	}
	return rowsOf(rightful.Company{ID: sel.Values[0], StripeCustomerID: link})
}

func (f *fake) Links(context.Context, rightful.Select) iter.Seq2[rightful.Link, error] {
	return rowsOf(f.table...)
}

func (f *fake) SubscriptionRows(_ context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	if sel.By == rightful.ByStripeSubscription {
		var naming []rightful.SubscriptionRow
		for _, r := range f.rows {
			if r.StripeSubscriptionID == sel.Values[0] {
				naming = append(naming, r)
			}
		}
		return rowsOf(naming...)
	}
	if r, ok := f.rows[sel.Values[0]]; ok {
		return rowsOf(r)
	}
	return rowsOf[rightful.SubscriptionRow]()
}

func (f *fake) CompareAndSet(_ context.Context, all []rightful.FieldChange, commit bool) error {
	what := "try"
	if commit {
		what = "commit"
	}
	for _, c := range all {
		what += " " + c.Object.ID + "." + c.Field
	}
	for _, c := range all {
		if err := f.let("db:"+c.Object.ID, what); err != nil {
			return err
		}
	}
	unsent, lost := false, error(nil)
	if commit {
		if unsent, lost = f.lose("db:" + all[0].Object.ID); unsent {
			return lost
		}
	}
	for _, c := range all {
		to := ""
		if c.To != nil {
			to = *c.To
		}
		switch {
		case !commit:
		case c.Object.Type == rightful.RefLink:
			f.table = slices.DeleteFunc(f.table, func(l rightful.Link) bool { return c.From != nil && l.StripeCustomerID == *c.From })
			if c.To != nil {
				f.table = append(f.table, rightful.Link{CompanyID: c.Object.ID, StripeCustomerID: to})
			}
		case c.Object.Type == rightful.RefCompany:
			f.links[c.Object.ID] = to
		case c.Field == rightful.FieldRow && c.To != nil:
			v, _ := rightful.ParseRowValues(to)
			f.rows["new"] = rightful.SubscriptionRow{ID: "new", CompanyID: v.CompanyID, StripeCustomerID: v.StripeCustomerID, StripeSubscriptionID: c.Object.ID, Status: v.Status}
		case c.Field == rightful.FieldRow:
			delete(f.rows, "new")
		case c.Field == rightful.FieldRowStatus:
			r := f.rows[c.Object.ID]
			r.Status = to
			f.rows[c.Object.ID] = r
		default:
			r := f.rows[c.Object.ID]
			if c.Field == rightful.FieldRowCompany {
				r.CompanyID = to
			} else {
				r.StripeCustomerID = to
			}
			f.rows[c.Object.ID] = r
		}
		if commit {
			f.after("db:" + c.Object.ID)
		}
	}
	return lost
}

// Read reads the cache.
func (f *fake) Read(_ context.Context, entries []rightful.CacheEntry) error {
	for i := range entries {
		entries[i].Value, entries[i].Found = f.cached[entries[i].Key], f.cached[entries[i].Key] != ""
		entries[i].Undecodable = f.spoilt
	}
	if f.later != nil {
		f.later()
		f.later = nil
	}
	return nil
}

func (f *fake) Delete(_ context.Context, e rightful.CacheEntry) error {
	if err := f.let(e.Key, "delete "+e.Key+" if "+e.Value); err != nil {
		return err
	}
	delete(f.cached, e.Key)
	f.after(e.Key)
	return nil
}

func p(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// write is one finding's write, in the words of the tests: what, from, to.
func write(object, from, to string) rightful.Proposal {
	w := rightful.Proposal{From: p(from), To: p(to)}
	switch {
	case object[:4] == "cus_":
		w.Place, w.Object, w.Field = "stripe", rightful.Ref{Type: "customer", ID: object}, "metadata.company_id"
	case object[:4] == "sub_":
		w.Place, w.Object, w.Field = "stripe", rightful.Ref{Type: "subscription", ID: object}, "metadata.company_id"
	case object[:5] == "link:":
		w.Place, w.Object, w.Field = "db", rightful.Ref{Type: rightful.RefCompany, ID: object[5:]}, rightful.FieldLink
	case object[:5] == "tabl:":
		w.Place, w.Object, w.Field = "db", rightful.Ref{Type: rightful.RefLink, ID: object[5:]}, rightful.FieldLink
	case object[:5] == "rows:":
		w.Place, w.Object, w.Field = "db", rightful.Ref{Type: rightful.RefSubscriptionRow, ID: object[5:]}, rightful.FieldRowCompany
	case object[:5] == "cach:":
		w.Place, w.Object, w.Field = "cache", rightful.Ref{Type: rightful.RefCacheKey, ID: object[5:]}, rightful.FieldCachedAsText
	}
	return w
}

// planned makes a plan of writes of one family, and, from the first empty write
// on, of another.
func planned(t *testing.T, writes ...rightful.Proposal) *plan.Plan {
	t.Helper()
	family := "cus_A"
	var findings []rightful.Finding
	for i, w := range writes {
		if w.Place == "" {
			family = "cus_B"
			continue
		}
		findings = append(findings, rightful.Finding{
			ID: fmt.Sprintf("F%d", i), Family: family, Object: w.Object, Proposal: &w, Automatic: true, RightfulCompanyID: p("11"),
		})
	}
	made, err := plan.Make(plan.Input{Findings: findings})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// states returns how each step ended, by object.
func states(made *plan.Plan, r *apply.Result) map[string]apply.State {
	byStep := map[string]apply.State{}
	for _, o := range r.Outcomes {
		byStep[o.Step] = o.State
	}
	out := map[string]apply.State{}
	for _, u := range made.Units {
		for _, s := range u.Steps {
			out[s.Object.ID] = byStep[s.ID]
		}
	}
	return out
}
