package stripesim

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// company is one company of a generated world with all that is its own.
type company struct {
	g       *generator
	i       int
	id      string // in the database: 1, 2, 3 ...
	planted PlantedKind
	where   int // which object carries the planted stamp
	made    int64
}

func (g *generator) company(i int) *company {
	c := &company{g: g, i: i, id: strconv.Itoa(i + 1), made: g.created(i)}
	if place := g.place(i); place < g.faults {
		c.planted = plantedKinds[place%len(plantedKinds)]
		c.where = place / len(plantedKinds)
	}
	return c
}

// objectID makes an id of Stripe's form.
func (c *company) objectID(prefix string, length int) string {
	return prefix + token(c.g.opts.Seed, "generate/"+prefix, uint64(c.i), length)
}

func (c *company) customerID() string     { return c.objectID("cus_", 14) }
func (c *company) duplicateID() string    { return c.objectID("cus_D", 13) }
func (c *company) subscriptionID() string { return c.objectID("sub_1", 23) }
func (c *company) userID() string         { return strconv.Itoa(c.i + 1_000_001) }
func (c *company) email() string          { return fmt.Sprintf("owner@company%s.example", c.id) }
func (c *company) sessionID() string {
	if c.g.opts.Livemode {
		return c.objectID("cs_live_a1", 56)
	}
	return c.objectID("cs_test_a1", 56)
}

var nameBeginnings = []string{"Alder", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel", "Lumen", "Meadow", "Nimbus", "Orchid", "Pioneer"}
var nameEndings = []string{"Analytics", "Bakery", "Consulting", "Design", "Electric", "Foods", "Garage", "Health", "Interiors", "Jewels", "Kitchens", "Logistics", "Media", "Nursery", "Optics", "Print"}

func (c *company) name() string {
	n := mix(mix(c.g.opts.Seed) ^ uint64(c.i))
	return fmt.Sprintf("%s %s %s", nameBeginnings[n%16], nameEndings[n>>8%16], c.id)
}

// monthly is what it pays, in minor units.
func (c *company) monthly() int {
	return []int{900, 1900, 4900, 9900, 19900}[mix(mix(c.g.opts.Seed+2)^uint64(c.i))%5]
}

// The rows of the database.

func (c *company) row() json.RawMessage {
	return newObject("id", c.id, "name", c.name(), "owner_user_id", c.userID(), "stripe_customer_id", c.customerID(),
		"deleted_at", nil, "merged_into", nil).raw()
}

func (c *company) user() json.RawMessage {
	return newObject("id", c.userID(), "email", c.email(), "email_verified", true, "is_active", true, "company_id", c.id).raw()
}

func (c *company) membership() json.RawMessage {
	return newObject("user_id", c.userID(), "company_id", c.id, "role", "owner", "joined_at", c.made-86400, "left_at", nil).raw()
}

func (c *company) subscriptionRow() json.RawMessage {
	return newObject("id", c.id, "company_id", c.id, "stripe_customer_id", c.customerID(),
		"stripe_subscription_id", c.subscriptionID(), "status", "active").raw()
}

// stamped are the objects that can carry a planted stamp.
const (
	onSubscription = iota
	onSession
	onCustomer
)

// plantedOn is the object with the planted stamp.
func (c *company) plantedOn() int {
	switch c.planted {
	case PlantedSplitLink:
		return onCustomer
	case PlantedOtherCompany:
		return c.where % 2
	case PlantedMissingCompany, PlantedUnstamped:
		return c.where % 3
	}
	return -1
}

// plantedObject is the id of the object to report.
func (c *company) plantedObject() string {
	switch c.planted {
	case PlantedNotReflected:
		return c.subscriptionID()
	case PlantedIdleDuplicate:
		return c.duplicateID()
	}
	switch c.plantedOn() {
	case onSession:
		return c.sessionID()
	case onCustomer:
		return c.customerID()
	}
	return c.subscriptionID()
}

// fault is what was planted.
func (c *company) fault() Planted {
	return Planted{Kind: c.planted, Object: c.plantedObject(), Company: c.id}
}

// stamp is the metadata of an object.
func (c *company) stamp(object int) *object {
	m := newObject("company_id", c.id, "user_id", c.userID())
	if object != c.plantedOn() {
		return m
	}
	switch c.planted {
	case PlantedMissingCompany:
		// Ids of companies end at n.
		m.set("company_id", strconv.Itoa(c.g.n+1_000_000+c.i))
	case PlantedOtherCompany, PlantedSplitLink:
		m.set("company_id", strconv.Itoa((c.i+1)%c.g.n+1))
	case PlantedUnstamped:
		m.remove("company_id")
	}
	return m
}

// The objects of Stripe.

func (c *company) customer() json.RawMessage {
	return c.customerObject(c.customerID(), c.made, c.stamp(onCustomer))
}

// duplicate is a second customer with a right stamp, made a day later.
func (c *company) duplicate() json.RawMessage {
	return c.customerObject(c.duplicateID(), c.made+86400, c.stamp(-2))
}

func (c *company) customerObject(id string, created int64, metadata *object) json.RawMessage {
	return newObject("id", id, "object", "customer", "balance", 0, "created", created, "currency", nil,
		"default_source", nil, "delinquent", false, "email", c.email(), "invoice_settings", newObject("default_payment_method", nil),
		"livemode", c.g.opts.Livemode, "metadata", metadata, "name", c.name(), "test_clock", nil).raw()
}

func (c *company) session() json.RawMessage {
	created := c.made + 300
	return newObject("id", c.sessionID(), "object", "checkout.session", "amount_total", c.monthly(),
		"client_reference_id", c.userID(), "created", created, "currency", "usd", "customer", c.customerID(),
		"customer_details", newObject("email", c.email(), "name", nil), "customer_email", nil, "livemode", c.g.opts.Livemode, "metadata", c.stamp(onSession),
		"mode", "subscription", "payment_intent", nil, "payment_link", nil,
		"payment_status", "paid", "status", "complete", "subscription", c.subscriptionID()).raw()
}

func (c *company) subscription() json.RawMessage {
	created := c.made + 310
	price := newObject("id", fmt.Sprintf("price_monthly%d", c.monthly()), "object", "price", "currency", "usd", "product", "prod_plan",
		"recurring", newObject("interval", "month", "interval_count", 1), "type", "recurring", "unit_amount", c.monthly())
	item := newObject("id", c.objectID("si_", 14), "object", "subscription_item", "created", created, "price", price, "quantity", 1)
	return newObject("id", c.subscriptionID(), "object", "subscription", "cancel_at_period_end", false, "canceled_at", nil,
		"collection_method", "charge_automatically", "created", created, "currency", "usd", "customer", c.customerID(), "ended_at", nil,
		"items", newObject("object", "list", "data", []any{item}, "has_more", false), "latest_invoice", nil,
		"livemode", c.g.opts.Livemode, "metadata", c.stamp(onSubscription), "pending_update", nil, "schedule", nil, "status", "active").raw()
}
