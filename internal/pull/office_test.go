package pull_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rightful"
	"rightful/internal/pull"
	"rightful/internal/source/stripeapi"
	"rightful/stripesim"
)

const liveKey = "sk_live_pulling"

var identity = rightful.KeySet{Company: "company_id", User: "user_id"}

// office is a simulated Stripe, somebody who reads it, and a mirror.
type office struct {
	testing.TB
	sim    *stripesim.Server
	server *httptest.Server
	reader *stripeapi.Reader
	store  *memory
	change func(*pull.Options)
	before stripesim.Counts
}

// newOffice has a made-up world of that many companies: a customer, a session and a
// subscription each.
func newOffice(t testing.TB, companies int, o stripesim.Options) *office {
	t.Helper()
	var world bytes.Buffer
	if err := stripesim.Generate(&world, stripesim.GenerateOptions{Companies: companies, Livemode: true}); err != nil {
		t.Fatal(err)
	}
	return officeOf(t, world.Bytes(), o)
}

func officeOf(t testing.TB, world []byte, o stripesim.Options) *office {
	t.Helper()
	f := &office{TB: t, sim: stripesim.New(o), store: newMemory()}
	if err := f.sim.LoadWorld(bytes.NewReader(world)); err != nil {
		t.Fatal(err)
	}
	f.server = httptest.NewServer(f.sim)
	t.Cleanup(f.server.Close)
	f.read(1e6, 1e6)
	return f
}

// read opens a reader with that pace.
func (f *office) read(account, endpoint float64) {
	f.Helper()
	var err error
	f.reader, err = stripeapi.New(stripeapi.Options{Key: liveKey, APIBase: f.server.URL, Keys: identity, AccountRate: account, EndpointRate: endpoint})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := f.reader.Account(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.before = f.sim.Counts()
}

// advance moves the simulator's clock, and lets the reader see it, as each command does
// that asks first whose account it is.
func (f *office) advance(d time.Duration) {
	f.Helper()
	f.sim.Advance(d)
	if _, err := f.reader.Account(f.Context()); err != nil {
		f.Fatal(err)
	}
	f.before = f.sim.Counts()
}

// run runs once, to the end.
func (f *office) run(wish pull.Wish) *pull.Report {
	f.Helper()
	r, err := f.try(f.Context(), wish)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func (f *office) try(ctx context.Context, wish pull.Wish) (*pull.Report, error) {
	return f.with(ctx, &between{Stripe: f.reader.Bulk()}, wish)
}

// between is Stripe with something happening between its answers. It has always the same
// pace, so that a loaded machine does not change how lists are cut.
type between struct {
	pull.Stripe
	page   func(q rightful.ListQuery, after string) error                       // before each page
	answer func(q rightful.ListQuery, page rightful.ListPage) rightful.ListPage // after it
}

func (b *between) Page(ctx context.Context, q rightful.ListQuery, after string) (rightful.ListPage, error) {
	if b.page != nil {
		if err := b.page(q, after); err != nil {
			return rightful.ListPage{}, err
		}
	}
	page, err := b.Stripe.Page(ctx, q, after)
	if b.answer != nil && err == nil {
		page = b.answer(q, page)
	}
	return page, err
}

func (b *between) Pace(rightful.ObjectType) (list, account float64, latency time.Duration) {
	return 25, 100, 165 * time.Millisecond
}

func (f *office) with(ctx context.Context, s pull.Stripe, wish pull.Wish) (*pull.Report, error) {
	o := pull.Options{Stripe: s, Store: f.store, Account: stripesim.DefaultAccount, Livemode: true, Keys: identity}
	if f.change != nil {
		f.change(&o)
	}
	return pull.New(o).Run(ctx, wish)
}

// complete fails when something is missing.
func (f *office) complete(r *pull.Report) {
	f.Helper()
	if len(r.IncompleteBecause) > 0 {
		f.Fatalf("incomplete: %q", r.IncompleteBecause)
	}
}

// same compares the mirror with what the simulator lists, field by field.
func (f *office) same() {
	f.Helper()
	there := map[string]rightful.Object{}
	for _, t := range rightful.ListedTypes() {
		for o, err := range f.reader.List(f.Context(), rightful.ListQuery{Type: t}) {
			if err != nil {
				f.Fatal(err)
			}
			there[o.ID] = o
		}
	}
	wrong := 0
	for id, o := range there {
		if kept := f.store.objects[id]; kept.Exists != rightful.ExistsPresent || !equal(kept.Object, o) {
			if wrong++; wrong < 5 {
				f.Errorf("%s is %+v (%v) in the mirror, and %+v at Stripe", id, kept.Object, kept.Exists, o)
			}
		}
	}
	for id, o := range f.store.objects {
		if _, is := there[id]; !is && o.Exists == rightful.ExistsPresent {
			f.Errorf("%s is in the mirror, and not at Stripe", id)
		}
	}
	if wrong > 0 || len(there) == 0 {
		f.Fatalf("%d of %d objects are wrong", wrong, len(there))
	}
}

func equal(a, b rightful.Object) bool {
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	return bytes.Equal(one, other)
}

// lists is how many list pages were asked for.
func (f *office) lists() int64 {
	var n int64
	for name, count := range f.sim.Counts().Operations {
		if strings.HasSuffix(name, ".list") && name != "events.list" {
			n += count - f.before.Operations[name]
		}
	}
	return n
}

// gets is how many requests were sent since the counting began.
func (f *office) gets() int64 { return f.sim.Counts().GETs - f.before.GETs }

// post changes something at the simulator, and returns the id of the answer.
func (f *office) post(path string, form url.Values) string {
	f.Helper()
	return f.send(http.MethodPost, path, form)
}

func (f *office) send(method, path string, form url.Values) string {
	f.Helper()
	req, err := http.NewRequestWithContext(f.Context(), method, f.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		f.Fatal(err)
	}
	req.SetBasicAuth(liveKey, "")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	var o struct {
		ID    string
		Error struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&o); err != nil || resp.StatusCode != http.StatusOK {
		f.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, o.Error.Message, err)
	}
	return o.ID
}

// ids are the kept ids of a type, sorted.
func (f *office) ids(t rightful.ObjectType) []string {
	var ids []string
	for id, o := range f.store.objects {
		if o.Type == t && o.Exists == rightful.ExistsPresent {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// list returns the report of one list.
func list(r *pull.Report, t rightful.ObjectType) pull.ListReport {
	return r.Lists[slices.IndexFunc(r.Lists, func(l pull.ListReport) bool { return l.Type == t })]
}

// clock is a clock that only tests move.
func clock() func() time.Time {
	start := time.Unix(1_800_000_000, 0)
	return func() time.Time { return start }
}

// ignoring is a list that takes no notice of creation times.
type ignoring struct{ between }

func (i *ignoring) Page(ctx context.Context, q rightful.ListQuery, after string) (rightful.ListPage, error) {
	q.CreatedFrom, q.CreatedTo = 0, 0
	return i.between.Page(ctx, q, after)
}
