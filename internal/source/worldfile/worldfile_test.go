package worldfile_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"rightful"
	"rightful/internal/source/sourcetest"
	"rightful/internal/source/worldfile"
)

func parse(t *testing.T, raw []byte) *worldfile.World {
	t.Helper()
	w, err := worldfile.Parse("world.json", raw)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestStripe(t *testing.T) {
	t.Parallel()
	sourcetest.TestStripe(t, func(t *testing.T, world []byte) rightful.StripeReader {
		return parse(t, world).Stripe(sourcetest.StripeKeys())
	})
}

func TestCache(t *testing.T) {
	t.Parallel()
	sourcetest.TestCache(t, func(t *testing.T, values map[string]string) rightful.CacheReader {
		for k, v := range values {
			if strings.ContainsRune(v, '\x80') {
				// JSON holds no bytes that are not text: the nearest is a
				// character that no id has.
				values[k] = strings.ToValidUTF8(v, "\x00")
			}
		}
		return parse(t, marshal(t, map[string]any{"cache": values})).Cache()
	})
}

func TestProbe(t *testing.T) {
	t.Parallel()
	sourcetest.TestProbe(t, func(t *testing.T, users map[string]string, revision string) rightful.ProbeReader {
		return parse(t, marshal(t, map[string]any{"probe": map[string]any{"users": users, "revision": revision}})).Probe()
	})
}

// TestDirectory runs the port's suite on ids written as strings and, where they
// are numbers, as JSON numbers.
func TestDirectory(t *testing.T) {
	t.Parallel()
	t.Run("strings", func(t *testing.T) {
		t.Parallel()
		sourcetest.TestDirectory(t, func(t *testing.T, rows sourcetest.DirectoryRows) rightful.DirectoryReader {
			return parse(t, worldOf(t, rows, func(id string) any { return id })).Directory(rightful.ResolverNone)
		})
	})
	t.Run("numbers", func(t *testing.T) {
		t.Parallel()
		sourcetest.TestDirectory(t, func(t *testing.T, rows sourcetest.DirectoryRows) rightful.DirectoryReader {
			return parse(t, worldOf(t, rows, func(id string) any {
				if n, err := strconv.ParseInt(id, 10, 64); err == nil && rightful.IsNumericID(id) {
					return n
				}
				return id
			})).Directory(rightful.ResolverNone)
		})
	})
}

// worldOf writes rows as the db section of a world.
func worldOf(t *testing.T, rows sourcetest.DirectoryRows, id func(string) any) []byte {
	t.Helper()
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return id(s)
	}
	at := func(n int64) any {
		if n == 0 {
			return nil
		}
		return n
	}
	db := map[string]any{}
	var companies, users []map[string]any
	memberships, subscriptions, links := tableOf(rows.Memberships), tableOf(rows.Subscriptions), tableOf(rows.Links)
	for _, c := range rows.Companies {
		var deleted any
		switch {
		case c.DeletedAt != 0:
			deleted = c.DeletedAt
		case c.Deleted:
			deleted = true
		}
		row := map[string]any{
			"id": id(c.ID), "name": c.Name, "deleted_at": deleted, "merged_into": orNull(c.MergedInto),
			"billing_parent_id": orNull(c.BillingParentID), "stamp_value": orNull(c.StampValue),
			"stripe_account": orNull(c.StripeAccount),
		}
		if rows.Owner {
			row["owner_user_id"] = orNull(c.OwnerUserID)
		}
		if rows.LinkColumn {
			row["stripe_customer_id"] = orNull(c.StripeCustomerID)
		}
		companies = append(companies, row)
	}
	for _, u := range rows.Users {
		row := map[string]any{"id": id(u.ID), "email": u.Email, "email_verified": u.EmailVerified, "is_active": !u.Inactive}
		if rows.Direct {
			row["company_id"] = orNull(u.CompanyID)
		}
		users = append(users, row)
	}
	for _, m := range rows.Memberships {
		memberships = append(memberships, map[string]any{
			"user_id": id(m.UserID), "company_id": id(m.CompanyID), "role": m.Role, "joined_at": at(m.JoinedAt), "left_at": at(m.LeftAt),
		})
	}
	for _, r := range rows.Subscriptions {
		subscriptions = append(subscriptions, map[string]any{
			"id": id(r.ID), "company_id": orNull(r.CompanyID), "stripe_customer_id": r.StripeCustomerID,
			"stripe_subscription_id": r.StripeSubscriptionID, "status": r.Status, "stripe_account": orNull(r.StripeAccount),
		})
	}
	for _, l := range rows.Links {
		links = append(links, map[string]any{"company_id": id(l.CompanyID), "stripe_customer_id": l.StripeCustomerID, "stripe_account": orNull(l.StripeAccount)})
	}
	for name, table := range map[string][]map[string]any{
		"companies": companies, "users": users, "memberships": memberships, "subscriptions": subscriptions, "links": links,
	} {
		if table != nil {
			db[name] = table
		}
	}
	return marshal(t, map[string]any{"db": db})
}

// tableOf returns an empty table, or nil where there is none.
func tableOf[T any](rows []T) []map[string]any {
	if rows == nil {
		return nil
	}
	return []map[string]any{}
}

func TestNowDefaultsToADayAfterTheLatest(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	tests := map[string]struct {
		world string
		want  int64
	}{
		"created":   {`{"stripe":{"customers":[{"id":"cus_1","created":1000},{"id":"cus_2","created":500}]}}`, 1000 + day},
		"joined_at": {`{"db":{"memberships":[{"user_id":1,"company_id":2,"joined_at":2000}]}}`, 2000 + day},
		"left_at":   {`{"db":{"memberships":[{"user_id":1,"company_id":2,"joined_at":2000,"left_at":3000}]}}`, 3000 + day},
		"schedule":  {`{"stripe":{"subscription_schedules":[{"id":"sub_sched_1","created":4000,"phases":[{"start_date":9000}]}],"invoices":[{"id":"in_1","created":3000}]}}`, 4000 + day},
		"event":     {`{"stripe":{"events":[{"id":"evt_1","created":4000}]}}`, 4000 + day},
		"endpoint":  {`{"stripe":{"webhook_endpoints":[{"id":"we_1","created":4000}]}}`, 4000 + day},
		"its own":   {`{"now":7,"stripe":{"customers":[{"id":"cus_1","created":1000}]}}`, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := parse(t, []byte(tt.world)).Now; got != tt.want {
				t.Errorf("now %d, want %d", got, tt.want)
			}
		})
	}
}

// TestMapping tells a table that is empty from one that is not there.
func TestMapping(t *testing.T) {
	t.Parallel()
	w := parse(t, []byte(`{"db":{"companies":[{"id":1,"owner_user_id":null}],"users":[{"id":1}],"subscriptions":[]}}`))
	want := rightful.Mapping{Owner: true, SubscriptionRows: true, Resolver: rightful.ResolverOwner}
	if got := w.Directory(rightful.ResolverNone).Mapping(); got != want {
		t.Errorf("mapping %+v, want %+v", got, want)
	}
	for world, want := range map[string]rightful.Mapping{
		`{"companies":[{"id":1},{"id":2,"stripe_customer_id":null}]}`:           {Link: true, LinkColumn: true},
		`{"companies":[{"id":1}],"links":[]}`:                                   {Link: true, LinkTable: true},
		`{"companies":[{"id":1,"stripe_customer_id":"cus_1"}],"links":[]}`:      {Link: true, LinkColumn: true, LinkTable: true},
		`{"companies":[{"id":1}],"subscriptions":[{"stripe_customer_id":"c"}]}`: {SubscriptionRows: true},
	} {
		if got := parse(t, []byte(`{"db":`+world+`}`)).Directory(rightful.ResolverNone).Mapping(); got != want {
			t.Errorf("%s: mapping %+v, want %+v", world, got, want)
		}
	}
	if w.Cache() != nil || w.Probe() != nil {
		t.Error("a world without a cache or probe has a source for it")
	}
}

// TestOtherModeDoesNotExist: an object of the other mode is neither listed nor
// found, and that is known, not unknown.
func TestOtherModeDoesNotExist(t *testing.T) {
	t.Parallel()
	r := parse(t, []byte(`{"stripe":{"account":{"id":"acct_1","livemode":true},"customers":[{"id":"cus_t","livemode":false},{"id":"cus_l"}]}}`)).Stripe(rightful.KeySet{})
	for id, want := range map[string]rightful.Existence{
		"cus_t": rightful.ExistsMissing, "cus_l": rightful.ExistsPresent, "cus_x": rightful.ExistsUnknown,
	} {
		if _, got, err := r.Get(t.Context(), rightful.TypeCustomer, id); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", id, got, err, want)
		}
	}
}

// TestEventsAndEndpointsOfTheOtherMode do not exist, and what was never said is
// not "none".
func TestEventsAndEndpointsOfTheOtherMode(t *testing.T) {
	t.Parallel()
	r := parse(t, []byte(`{"stripe":{"account":{"id":"acct_1","livemode":false},
		"events":[{"id":"evt_live","created":9,"livemode":true},{"id":"evt_test","created":9,"livemode":false},{"id":"evt_any","created":8}],
		"webhook_endpoints":[{"id":"we_live","livemode":true},{"id":"we_any"}]}}`)).Stripe(rightful.KeySet{})
	var ids []string
	for e, err := range r.Events(t.Context(), rightful.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	endpoints, err := r.Endpoints(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range endpoints {
		ids = append(ids, e.ID)
	}
	if got := strings.Join(ids, " "); got != "evt_test evt_any we_any" {
		t.Errorf("got %s", got)
	}
	mode := parse(t, []byte(`{"stripe":{"events":[{"id":"evt_1","livemode":false}]}}`)).Stripe(rightful.KeySet{})
	if a, err := mode.Account(t.Context()); err != nil || a.Livemode || !a.LivemodeKnown {
		t.Errorf("an event tells the mode: %+v, %v", a, err)
	}
	for world, want := range map[string]rightful.ErrorKind{
		`{"stripe":{}}`:                           rightful.KindUnsupported,
		`{"stripe":{"webhook_endpoints":null}}`:   rightful.KindUnsupported,
		`{"db":{}}`:                               rightful.KindUnsupported,
		`{"stripe":{"webhook_endpoints":[]}}`:     "",
		`{"now":9,"stripe":{"customers":[]}}`:     rightful.KindUnsupported,
		`{"stripe":{"webhook_endpoints":[   ] }}`: "",
	} {
		if got, err := parse(t, []byte(world)).Stripe(rightful.KeySet{}).Endpoints(t.Context()); rightful.KindOf(err) != want || len(got) > 0 {
			t.Errorf("%s: %v, %v", world, got, err)
		}
	}
}

// TestErrorsNameTheirPlace: line, column and path of what is wrong.
func TestErrorsNameTheirPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ world, place, says string }{
		"syntax":          {"{\n\"db\": {,}}", "world.json:2:8", "not valid JSON"},
		"cut":             {`{"db": {"users": [`, "world.json:1:19", "not valid JSON"},
		"doubled section": {`{"db": {}, "db": {}}`, "world.json:1:12", "duplicate"},
		"no section":      {`{"unknown": 1}`, "world.json", "none of the sections"},
		"same id twice":   {"{\"db\": {\"users\": [{\"id\": \"1\"},\n {\"id\": 1}]}}", "world.json:2:2", `db.users[1]: id "1" stands in the table twice`},
		"not an object":   {`[]`, "world.json:1:", "wrong type"},
		"row type":        {"{\"db\": {\"users\": [\n 7]}}", "world.json:2:2", "db.users[0]: a row must be an object"},
		"id type":         {`{"db": {"users": [{"id": true}]}}`, "world.json:1:19", "db.users[0]: id: want a string, a number or null, not a boolean"},
		"time":            {`{"db": {"memberships": [{"user_id": 1, "company_id": 2, "joined_at": "soon"}]}}`, "world.json:1:", "joined_at: want Unix seconds"},
		"no id":           {"{\"stripe\": {\"customers\": [\n  {\"object\": \"customer\"}]}}", "world.json:2:3", "stripe.customers[0]"},
		"wrong object":    {`{"stripe": {"customers": [{"id": "sub_1", "object": "subscription"}]}}`, "world.json:1:27", "stripe.customers[0]"},
		"event twice":     {"{\"stripe\": {\"events\": [{\"id\": \"evt_1\"},\n  {\"id\": \"evt_1\"}]}}", "world.json:2:3", `stripe.events[1]: "evt_1" stands in the list twice`},
		"event data":      {`{"stripe": {"events": [{"id": "evt_1", "data": 7}]}}`, "world.json:1:24", "stripe.events[0]: event evt_1: field data"},
		"no event":        {`{"stripe": {"events": [{"id": "cus_1", "object": "customer"}]}}`, "world.json:1:24", "stripe.events[0]"},
		"endpoint":        {`{"stripe": {"webhook_endpoints": [{"url": "https://example.com"}]}}`, "world.json:1:", "stripe.webhook_endpoints[0]: webhook_endpoint (no id)"},
		"endpoint list":   {`{"stripe": {"webhook_endpoints": {}}}`, "world.json:1:34", "stripe.webhook_endpoints: must be a list"},
		"schedule phases": {`{"stripe": {"subscription_schedules": [{"id": "sub_sched_1", "phases": {}}]}}`, "world.json:1:40", "stripe.subscription_schedules[0]"},
		"invoice twice":   {`{"stripe": {"invoices": [{"id": "in_1"}, {"id": "in_1"}]}}`, "world.json:1:42", "stripe.invoices[1]"},
		"metadata":        {`{"stripe": {"charges": [{"id": "ch_1", "metadata": {"any": {}}}]}}`, "world.json:1:25", "stripe.charges[0]: charge ch_1: field metadata"},
		"list type":       {`{"stripe": {"customers": {}}}`, "world.json:1:26", "stripe.customers: must be a list"},
		"config type":     {`{"config": 7}`, "world.json:1:12", "config: must be an object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := worldfile.Parse("world.json", []byte(tt.world))
			var own *rightful.Error
			if !errors.As(err, &own) {
				t.Fatalf("got %v", err)
			}
			if !strings.HasPrefix(own.Place, tt.place) || !strings.Contains(own.Message, tt.says) {
				t.Errorf("got %s: %s; want %s: ...%s...", own.Place, own.Message, tt.place, tt.says)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"now":1,"config":{},"db":{"companies":[{"id":1}]},"stripe":{"customers":[{"id":"cus_1"}]},"cache":{"a":"b"},"probe":{"users":{"1":null}}}`))
	f.Add([]byte(`{"stripe":{"subscriptions":[{"id":"sub_1","items":{"data":[{"price":{}}]}}],"missing_ids":["x"]}}`))
	f.Add([]byte(`{"stripe":{"subscription_schedules":[{"id":"s","phases":[{"start_date":1}]}],"events":[{"id":"e","data":{"previous_attributes":{"metadata":{"company_id":1}}}}],"webhook_endpoints":[{"id":"w","url":"https://x"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, err := worldfile.Parse("world.json", raw)
		if err != nil {
			if w != nil {
				t.Error("a world and an error")
			}
			return
		}
		if r := w.Stripe(rightful.KeySet{Company: "company_id"}); r != nil {
			for o, err := range r.List(t.Context(), rightful.ListQuery{Type: rightful.TypeCustomer}) {
				if err != nil || o.ID == "" {
					t.Errorf("a parsed world lists %+v, %v", o, err)
				}
			}
			for e, err := range r.Events(t.Context(), rightful.EventQuery{}) {
				if err != nil || e.ID == "" {
					t.Errorf("a parsed world has event %+v, %v", e, err)
				}
			}
		}
	})
}
