package test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// anyObject is a row, or an object of Stripe.
type anyObject = map[string]any

// killWorld is a world of which the repair writes in every way that there is:
// stamps of each type, links that are filled, released and taken, companies and
// customers of rows, and cache keys that are decoded and that are not.
type killWorld struct {
	companies, users, memberships, rows                []anyObject
	customers, sessions, subscriptions, paymentIntents []anyObject
	cache                                              map[string]string
}

// The moments of the world: long ago, so that nothing is too young to be judged.
const (
	killJoined = 1740000000
	killBought = 1750000000
)

// writeKillWorld writes the world to a file.
func writeKillWorld(t testing.TB) string {
	t.Helper()
	w := &killWorld{cache: map[string]string{}}
	w.stale(1)
	w.stale(2)
	w.stale(3)
	w.unstamped(4)
	w.payer(5)
	w.payer(6)
	w.shared(7)
	w.gone(8)
	w.row(9)
	w.healthy(10)
	doc := anyObject{
		"config": anyObject{"cache": anyObject{"keys": []anyObject{
			{"pattern": "stripe:customer:{stripe_customer_id}:company", "holds": "company_id"},
			{"pattern": "session:{user_id}", "holds": "company_id", "decode": "json:company.id"},
		}}},
		"db": anyObject{"companies": w.companies, "users": w.users, "memberships": w.memberships, "subscriptions": w.rows},
		"stripe": anyObject{
			"account":   anyObject{"id": "acct_1Kills", "livemode": true},
			"customers": w.customers, "checkout_sessions": w.sessions, "subscriptions": w.subscriptions, "payment_intents": w.paymentIntents,
		},
		"cache": w.cache,
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kills.json")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The names of what belongs to company n.
func killCompany(n int) int            { return 100 + n }
func killUser(n int) int               { return 200 + n }
func killID(kind string, n int) string { return fmt.Sprintf("%s_%02d", kind, n) }
func killEmail(n int) string           { return fmt.Sprintf("user%d@example.com", n) }
func killStamp(n int) anyObject {
	return anyObject{"company_id": fmt.Sprint(killCompany(n)), "keep": killID("k", n)}
}
func killNobody(user int) anyObject {
	return anyObject{"company_id": "4", "user_id": fmt.Sprint(user), "keep": "as it is"}
}
func (w *killWorld) link(n int, id any) { w.company(n, id, nil) }

// company adds a company with one user.
func (w *killWorld) company(n int, link, deleted any) {
	w.companies = append(w.companies, anyObject{
		"id": killCompany(n), "name": fmt.Sprintf("Company %d", n), "owner_user_id": killUser(n), "stripe_customer_id": link, "deleted_at": deleted,
	})
	w.users = append(w.users, anyObject{"id": killUser(n), "email": killEmail(n), "email_verified": true, "is_active": true, "company_id": killCompany(n)})
	w.memberships = append(w.memberships, anyObject{
		"user_id": killUser(n), "company_id": killCompany(n), "role": "owner", "joined_at": killJoined, "left_at": nil,
	})
}

func (w *killWorld) customer(id string, n int, metadata anyObject) {
	w.customers = append(w.customers, anyObject{
		"id": id, "object": "customer", "created": killBought, "livemode": true, "email": killEmail(n), "metadata": metadata,
	})
}

func (w *killWorld) subscription(id, customer string, metadata anyObject) {
	w.subscriptions = append(w.subscriptions, anyObject{
		"id": id, "object": "subscription", "customer": customer, "status": "active", "created": killBought + 200, "livemode": true, "metadata": metadata,
		"items": anyObject{"data": []anyObject{{"quantity": 1, "price": anyObject{
			"id": "price_1", "product": "prod_1", "unit_amount": 2000, "currency": "eur", "recurring": anyObject{"interval": "month", "interval_count": 1},
		}}}},
	})
}

func (w *killWorld) session(id, mode string, n int, customer string, subscription, intent any, metadata anyObject) {
	w.sessions = append(w.sessions, anyObject{
		"id": id, "object": "checkout.session", "mode": mode, "status": "complete", "payment_status": "paid", "customer": customer,
		"customer_details": anyObject{"email": killEmail(n)}, "client_reference_id": nil, "payment_link": nil,
		"subscription": subscription, "payment_intent": intent, "metadata": metadata, "created": killBought + 100, "livemode": true,
	})
}

func (w *killWorld) subscriptionRow(n int, company int, customer any, subscription string) {
	w.rows = append(w.rows, anyObject{
		"id": 300 + n, "company_id": company, "stripe_customer_id": customer, "stripe_subscription_id": subscription, "status": "active",
	})
}

// stale is the founding incident: everything is stamped with a company that does
// not exist, the link is missing, and two keys are cached as the stamps say.
func (w *killWorld) stale(n int) {
	customer, subscription, user := killID("cus", n), killID("sub", n), killUser(n)
	w.link(n, nil)
	w.customer(customer, n, killNobody(user))
	w.session(killID("cs_live_s", n), "subscription", n, customer, subscription, nil, killNobody(user))
	w.subscription(subscription, customer, killNobody(user))
	w.session(killID("cs_live_p", n), "payment", n, customer, nil, killID("pi", n), killNobody(user))
	w.paymentIntents = append(w.paymentIntents, anyObject{
		"id": killID("pi", n), "object": "payment_intent", "customer": customer, "status": "succeeded", "amount": 500, "amount_received": 500, "currency": "eur",
		"created": killBought + 110, "livemode": true, "metadata": killNobody(user),
	})
	w.subscriptionRow(n, killCompany(n), customer, subscription)
	w.cache["stripe:customer:"+customer+":company"] = "4"
	w.cache[fmt.Sprintf("session:%d", user)] = `{"company": {"id": 4}, "theme": "dark"}`
}

// paying is a company as it should be.
func (w *killWorld) paying(n int, customer string) {
	w.customer(customer, n, killStamp(n))
	w.subscription(killID("sub", n), customer, killStamp(n))
	w.session(killID("cs_live_s", n), "subscription", n, customer, killID("sub", n), nil, killStamp(n))
}

// unstamped is a company of whose objects none is stamped.
func (w *killWorld) unstamped(n int) {
	customer := killID("cus", n)
	w.link(n, customer)
	w.customer(customer, n, anyObject{"keep": "as it is"})
	w.subscription(killID("sub", n), customer, anyObject{})
	w.session(killID("cs_live_s", n), "subscription", n, customer, killID("sub", n), nil, anyObject{})
	w.subscriptionRow(n, killCompany(n), customer, killID("sub", n))
}

// payer is a row whose copy of the payer is wrong.
func (w *killWorld) payer(n int) {
	customer, other := killID("cus", n), killID("cus_other", n)
	w.link(n, customer)
	w.paying(n, customer)
	w.customers = append(w.customers, anyObject{"id": other, "object": "customer", "created": killBought, "livemode": true, "metadata": anyObject{}})
	w.subscriptionRow(n, killCompany(n), other, killID("sub", n))
}

// shared are two companies that link one customer: a person decides whose it is.
func (w *killWorld) shared(n int) {
	customer := killID("cus", n)
	w.link(n, customer)
	w.link(n+20, customer)
	w.paying(n, customer)
	w.subscriptionRow(n, killCompany(n), customer, killID("sub", n))
}

// gone is a deleted company that still links the customer of a live one.
func (w *killWorld) gone(n int) {
	customer := killID("cus", n)
	w.link(n, nil)
	w.company(n+20, customer, killBought+300)
	w.paying(n, customer)
	w.subscriptionRow(n, killCompany(n), customer, killID("sub", n))
}

// row is a subscription row that names a company that does not exist.
func (w *killWorld) row(n int) {
	customer := killID("cus", n)
	w.link(n, customer)
	w.paying(n, customer)
	w.subscriptionRow(n, 5, customer, killID("sub", n))
}

// healthy is a company with nothing to repair.
func (w *killWorld) healthy(n int) {
	customer := killID("cus", n)
	w.link(n, customer)
	w.paying(n, customer)
	w.subscriptionRow(n, killCompany(n), customer, killID("sub", n))
	w.cache["stripe:customer:"+customer+":company"] = fmt.Sprint(killCompany(n))
}
