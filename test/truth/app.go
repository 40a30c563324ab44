package truth

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"rightful"
)

// How an app states that a company uses a customer.
const (
	LinkColumn = "column"
	LinkTable  = "table"
	LinkBoth   = "both" // an index beside the column
	LinkNone   = "none"
)

// Whose a customer is by the design of the app.
const (
	PerCompany  = "company"   // the usual one
	PerUser     = "user"      // one customer for all companies of a user; no links
	PerColla    = "colleague" // each colleague has one for each company; a table of links, or none
	tagKey      = "app"
	tagValue    = "ledgerly"
	alsoKey     = "org_id"
	companyKey  = "company_id"
	userKey     = "user_id"
	placeholder = "^pending_"
)

// App is how the app of a world works, the same for all its life.
type App struct {
	UUIDs       bool
	Slugs       string // "": stamps hold the id; "all" or "some" companies have a slug or public UUID
	Owner       bool
	Direct      bool
	Memberships bool
	Rows        bool
	Link        string
	Customers   string
	Parents     bool   // some companies pay for others
	Personal    bool   // each user has a company of their own besides
	Pending     bool   // links of companies that never paid hold a placeholder
	Early       bool   // customers are made well before the first checkout
	Reference   string // what client_reference_id holds: "", company or user
	AlsoUntil   int64  // stamps stood under another key until then
	Tagged      string // "": no tag is configured; customers or all carry it
	Others      bool   // other applications use the account
	Email       string // what customers' emails are
	StampFirst  bool   // PerUser: customers are stamped with the first company that they bought for
	Intents     bool   // payment intents are stamped
	UserOn      map[rightful.ObjectType]bool
	Cached      bool
	Probed      bool

	Endpoints    bool // its webhook endpoints, and what they were sent, are known
	MethodStamps bool // payment methods are stamped
}

// inColumn and inTable tell where the app writes its links.
func (a App) inColumn() bool { return a.Link == LinkColumn || a.Link == LinkBoth }
func (a App) inTable() bool  { return a.Link == LinkTable || a.Link == LinkBoth }

// newWorld draws an app, plain if GrowPlain asks for one.
func newWorld(t *rapid.T, plain bool) *World {
	w := &World{
		t: t, Now: 1_600_000_000, Cache: map[string]string{}, Probe: map[string]string{},
		owner: map[string]string{}, belongs: map[string][]string{}, uses: map[string]string{}, told: map[string]bool{}, struck: map[string]bool{}, boughtWith: map[string][]*Purchase{},
	}
	a := &w.App
	a.UUIDs = w.chance("uuids", 3)
	a.Slugs = of(w, "slugs", "", "", "", "all", "some")
	ways := of(w, "ways", "mdo", "m", "md", "d", "do", "o", "mo")
	a.Memberships, a.Direct, a.Owner = strings.Contains(ways, "m"), strings.Contains(ways, "d"), strings.Contains(ways, "o")
	a.Rows = !w.chance("no rows", 5)
	a.Customers = of(w, "customers", PerCompany, PerCompany, PerCompany, PerUser, PerColla)
	switch a.Customers {
	case PerCompany:
		a.Link = of(w, "link", LinkColumn, LinkColumn, LinkTable, LinkNone, LinkBoth)
		a.Parents = w.chance("parents", 4)
	case PerUser:
		// A link would state one company for a customer of several.
		a.Link = LinkNone
	default:
		a.Link = of(w, "link", LinkTable, LinkNone)
	}
	// Without owners and memberships a user has one company only.
	a.Personal = (a.Memberships || a.Owner) && w.chance("personal", 5)
	a.Pending = a.inColumn() && w.chance("pending", 4)
	a.Early = w.chance("early", 2)
	a.Reference = of(w, "reference", "", "company", "user")
	if w.chance("also read", 4) {
		a.AlsoUntil = 1_600_000_000 + 86400*int64(of(w, "also until", 60, 100_000))
	}
	a.Tagged = of(w, "tagged", "", "", "", "customers", "all")
	a.Others = w.chance("others", 4)
	a.Email = of(w, "email", "buyer", "none", "upper", "plus", "billing", "mixed")
	a.StampFirst = w.chance("stamp first", 2)
	a.Intents = w.chance("intents", 2)
	a.UserOn = map[rightful.ObjectType]bool{}
	for _, ty := range []rightful.ObjectType{rightful.TypeCustomer, rightful.TypeSession, rightful.TypeSubscription, rightful.TypePaymentIntent} {
		a.UserOn[ty] = w.chance("user on "+string(ty), 2)
	}
	if a.Customers != PerCompany && a.Link == LinkNone {
		a.UserOn[rightful.TypeCustomer] = true // else nothing tells a colleague's from one made twice
	}
	a.Endpoints = w.chance("endpoints", 2)
	a.MethodStamps = a.Customers != PerUser && w.chance("stamped methods", 3)
	a.Cached, a.Probed = w.chance("cached", 2), w.chance("probed", 3)
	if plain {
		a.Rows, a.Customers, a.Parents, a.Early = true, PerCompany, false, true
		if a.Link == LinkNone {
			a.Link, a.Pending = LinkColumn, false
		}
	}
	w.people()
	return w
}

// uuid returns a UUID that looks like one and is the same for the same n.
func uuid(kind, n int) string {
	return fmt.Sprintf("%08x-%04x-4abc-8def-%012x", 0xa0b1c2d3+n*7919, kind, n*1_000_003)
}

// Keys returns the metadata keys of the app.
func (a App) Keys() rightful.KeySet {
	k := rightful.KeySet{Company: companyKey, User: userKey}
	if a.AlsoUntil != 0 {
		k.AlsoRead = []string{alsoKey}
	}
	if a.Tagged != "" {
		k.Ownership = tagKey
	}
	return k
}

// OwnershipValue is what the tag of the app's own objects holds.
func (a App) OwnershipValue() string {
	if a.Tagged == "" {
		return ""
	}
	return tagValue
}

// Placeholders are the patterns of links that name no customer yet.
func (a App) Placeholders() []string {
	if a.Pending {
		return []string{placeholder}
	}
	return nil
}

// Mapping is what the app's database can state.
func (a App) Mapping() rightful.Mapping {
	m := rightful.Mapping{
		Owner: a.Owner, Direct: a.Direct, Memberships: a.Memberships,
		SubscriptionRows: a.Rows, Link: a.Link != LinkNone, LinkColumn: a.inColumn(), LinkTable: a.inTable(),
	}
	m.Resolver = m.DefaultResolver()
	return m
}
