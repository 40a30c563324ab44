package gateway_test

import (
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rightful"
	"rightful/stripesim"
)

// life is a script: what happens to a few companies at Stripe, step by step. The same
// numbers make the same life.
type life struct {
	// steady: each thing is of its customer's company, so that whose it is does not
	// depend on when somebody looks.
	steady bool
	steps  []step
}

type step struct {
	what    int // an action, modulo their number
	whom    int // which of the things that are there
	company int
	pause   int64 // seconds that pass before
	calm    bool  // a disturbed life: events are delivered and judged after this step
}

func lives() *rapid.Generator[life] {
	return rapid.Custom(func(t *rapid.T) life {
		return life{rapid.Bool().Draw(t, "steady"), rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			return step{
				what: rapid.IntRange(0, 8).Draw(t, "what"), whom: rapid.IntRange(0, 20).Draw(t, "whom"), company: rapid.IntRange(11, 13).Draw(t, "company"),
				pause: rapid.SampledFrom([]int64{0, 0, 1, 30}).Draw(t, "pause"), calm: rapid.IntRange(0, 3).Draw(t, "calm") == 0,
			}
		}), 6, 16).Draw(t, "steps")}
	})
}

// live lets the life happen; after is called after each step.
func (l life) live(o *office, after func(step)) {
	price := o.postID("/v1/prices", "currency", "usd", "unit_amount", "1000", "recurring[interval]", "month", "product_data[name]", "Plan")
	var customers, subscriptions, actives, sessions []string
	companies := map[string]string{}
	pick := func(from []string, n int) string {
		if len(from) == 0 {
			return ""
		}
		return from[n%len(from)]
	}
	for _, s := range l.steps {
		o.later(s.pause)
		company := fmt.Sprint(s.company)
		customer, sub, active := pick(customers, s.whom), pick(subscriptions, s.whom), pick(actives, s.whom)
		if l.steady && s.what != 0 && customer != "" {
			company = companies[customer]
		}
		switch {
		case customer == "" || s.what == 0:
			id := o.postID("/v1/customers", "metadata[company_id]", company, "metadata[app]", "ledgerly")
			o.exec("UPDATE companies SET stripe_customer_id = '" + id + "' WHERE stripe_customer_id IS NULL AND id = " + company)
			customers, companies[id] = append(customers, id), company
		case s.what == 1:
			o.post("/v1/customers/"+customer, "name", company)
		case s.what == 2:
			o.post("/v1/customers/"+customer, "metadata[company_id]", company)
		case s.what == 3:
			id := o.postID("/v1/subscriptions", "customer", customer, "items[0][price]", price, "payment_behavior", "default_incomplete", "metadata[company_id]", company)
			subscriptions, companies[id] = append(subscriptions, id), company
		case s.what == 4 && sub != "":
			if l.steady {
				company = companies[sub]
			}
			o.post("/v1/subscriptions/"+sub, "metadata[company_id]", company)
		case s.what == 5 && active != "":
			o.post("/v1/subscriptions/"+active, "cancel_at_period_end", fmt.Sprint(s.company%2 == 0))
			if s.company == 13 {
				o.call(http.MethodDelete, "/v1/subscriptions/"+active, nil)
				actives = slices.DeleteFunc(actives, func(id string) bool { return id == active })
			}
		case s.what == 6:
			form := []string{"customer", customer, "success_url", "https://app.example.com/", "metadata[company_id]", company, "line_items[0][quantity]", "1"}
			if s.company == 12 {
				form = append(form, "mode", "payment", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500",
					"line_items[0][price_data][product_data][name]", "Thing")
			} else {
				form = append(form, "mode", "subscription", "line_items[0][price]", price, "subscription_data[metadata][company_id]", company)
			}
			sessions = append(sessions, o.postID("/v1/checkout/sessions", form...))
		case s.what == 7 && len(sessions) > 0:
			if err := o.sim.CompleteCheckout("", sessions[0], stripesim.CompleteOptions{Email: "ana@example.com"}); err != nil {
				o.t.Fatal(err)
			}
			if id, made := o.call(http.MethodGet, "/v1/checkout/sessions/"+sessions[0], nil)["subscription"].(string); made {
				actives = append(actives, id)
			}
			sessions = sessions[1:]
		case s.what == 8 && len(sessions) > 0:
			o.post("/v1/checkout/sessions/" + sessions[0] + "/expire")
			sessions = sessions[1:]
		}
		after(s)
	}
}

// endState is what is known at the end of a life.
type endState struct {
	objects map[string]string // what events told of each object
	told    map[string]string // event -> company and object that the app was told of
	last    map[string]string // object -> status in the last notice that was not superseded
}

func (o *office) endState() endState {
	end := endState{map[string]string{}, map[string]string{}, map[string]string{}}
	db, err := sql.Open("sqlite", strings.TrimPrefix(o.states, "sqlite:"))
	if err != nil {
		o.t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(o.t.Context(), `SELECT type, id, family, created, snapshot FROM rightful_webhook_objects`)
	if err != nil {
		o.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, id, family, snapshot string
		var created int64
		if err := rows.Scan(&kind, &id, &family, &created, &snapshot); err != nil {
			o.t.Fatal(err)
		}
		end.objects[kind+"/"+id] = fmt.Sprint(family, " ", created, " ", snapshot)
	}
	o.noticed.Lock()
	defer o.noticed.Unlock()
	newer := map[string]int64{} // of each object: the newest that was told as current
	for _, n := range o.notices {
		end.told[n.ID] = n.CompanyID + " " + n.Type + " " + n.Object.ID
		if n.Superseded {
			continue
		}
		if n.Created < newer[n.Object.ID] {
			o.t.Errorf("%s: told of something older, and it was not said so", n.Object.ID)
		}
		newer[n.Object.ID] = n.Created
		end.last[n.Object.ID] = fmt.Sprint(n.Object.Status, n.Object.PaymentStatus, n.Object.Ending, n.Object.Deleted, n.Object.Metadata)
	}
	return end
}

// truth checks what is known at the end against Stripe itself.
func (o *office) truth(end endState) {
	paths := map[string]string{"customer": "/v1/customers/", "subscription": "/v1/subscriptions/", "checkout.session": "/v1/checkout/sessions/", "payment_intent": "/v1/payment_intents/"}
	for key, snapshot := range end.objects {
		kind, id, _ := strings.Cut(key, "/")
		path, listed := paths[kind]
		if !listed {
			continue
		}
		is := o.call(http.MethodGet, path+id, nil)
		if status, has := is["status"].(string); has && !strings.Contains(snapshot, `"status":"`+status+`"`) {
			o.t.Errorf("%s is %s, and %s is known", id, status, snapshot)
		}
		metadata, _ := is["metadata"].(map[string]any)
		if company, has := metadata["company_id"].(string); has && !strings.Contains(snapshot, `"company_id":"`+company+`"`) {
			o.t.Errorf("%s is stamped %s, and %s is known", id, company, snapshot)
		}
	}
}

var threeCompanies = []string{
	"INSERT INTO companies (id, name) VALUES (11, 'Eleven'), (12, 'Twelve'), (13, 'Thirteen')",
}

// scripts is how many lives are tried: the same each time.
const scripts = 10

// TestSameEndHoweverEventsCome: every event twice, shuffled, delayed, some lost: the
// same is known in the end, and the app was told of the same.
func TestSameEndHoweverEventsCome(t *testing.T) {
	t.Parallel()
	for seed := range scripts {
		l := lives().Example(seed)
		lose := 2 + seed%5
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			calm := openOffice(t, setup{}, threeCompanies, "")
			l.live(calm, func(step) { calm.settle() })
			calm.rest(l.steady)

			wild := openOffice(t, setup{}, threeCompanies, "")
			if _, err := wild.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			for nth := lose; nth < 200; nth += lose {
				if err := wild.sim.DisturbWebhooks(stripesim.WebhookRule{Nth: nth, Then: stripesim.WebhookLose}); err != nil {
					t.Fatal(err)
				}
			}
			for _, rule := range []stripesim.WebhookRule{
				{Nth: 1, Times: 100, Then: stripesim.WebhookShuffle, Delay: 2 * time.Minute}, {Nth: 101, Times: -1, Then: stripesim.WebhookDuplicate, Delay: time.Minute},
			} {
				if err := wild.sim.DisturbWebhooks(rule); err != nil {
					t.Fatal(err)
				}
			}
			l.live(wild, func(s step) {
				if s.calm {
					wild.settle()
				}
			})
			wild.rest(l.steady)

			want, got := calm.endState(), wild.endState()
			calm.truth(want)
			wild.truth(got)
			if !maps.Equal(want.objects, got.objects) {
				t.Errorf("known:\n%v\nand in order:\n%v", got.objects, want.objects)
			}
			if !l.steady {
				return // whom the app is told about is a question of the moment
			}
			if !maps.Equal(want.told, got.told) {
				t.Errorf("told:\n%v\nand in order:\n%v", got.told, want.told)
			}
			if !maps.Equal(want.last, got.last) {
				t.Errorf("told last:\n%v\nand in order:\n%v", got.last, want.last)
			}
			if t.Failed() {
				t.Logf("%+v", l)
			}
		})
	}
}

// rest lets everything come that comes, in time or not, and be looked at.
func (o *office) rest(known bool) {
	o.t.Helper()
	for range 3 {
		o.later(10 * 60)
		o.settle()
	}
	if _, err := o.CatchUp(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	for range 3 {
		o.judge()
		o.later(31) // what could not be read at once
	}
	if !known {
		return
	}
	for shard := range rightful.InboxShards {
		if open, err := o.store.OpenEvents(o.t.Context(), shard, 10, nil); err != nil || len(open) > 0 {
			o.t.Fatalf("not at rest: %v, %v", open, err)
		}
	}
}
