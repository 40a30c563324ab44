package snapshot

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"

	"rightful"
)

// About is what a world needs besides what was recorded.
type About struct {
	Of      string // what was asked, in plain words
	Now     int64  // Unix seconds
	Account rightful.Account
	Config  Config
	// Examined tells that a sample of links was looked up, and that the key is
	// that of the database.
	Examined bool
}

// Config is the part of the configuration that changes a verdict.
type Config struct {
	Keys             rightful.KeySet
	OwnershipValue   string
	Placeholders     []*regexp.Regexp
	Codes            map[string]string // code -> off, or its severity
	CacheKeys        []CacheKey
	ExpectedRevision string
}

// CacheKey is one configured pattern of cache keys.
type CacheKey struct {
	Pattern string
	Holds   rightful.Holds
	Decode  string
}

// World writes down what was recorded, as a world file, with what the redactor
// replaces replaced. The redactor may be nil.
func (r *Recorder) World(about About, redact *Redactor) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := writer{Recorder: r, about: about, redact: redact, mapping: r.places.Directory.Mapping()}
	var f fields
	f.add("about", "a snapshot of "+about.Of)
	f = append(f, member{"now", about.Now}, member{"snapshot", fields{{"of", about.Of}, {"redacted", redact != nil}, {"examined", about.Examined}}})
	f.add("mapping", w.untold())
	f.add("config", w.config())
	f = append(f, member{"db", w.db()})
	if w.mapping.Resolver == rightful.ResolverSQL {
		f = append(f, member{"resolved", w.answersOfResolver()})
	}
	f = append(f, member{"stripe", w.stripe()})
	if made := w.madeSessions(); len(made) > 0 {
		f = append(f, member{"made_sessions", made})
	}
	if promised := w.promised.all(); len(promised) > 0 {
		for i := range promised {
			promised[i] = redact.ID(promised[i])
		}
		f.add("made_companies", list(promised))
	}
	if r.places.Cache != nil && len(about.Config.CacheKeys) > 0 {
		f = append(f, member{"cache", w.cache()})
	}
	if r.places.Probe != nil {
		f = append(f, member{"probe", w.probe()})
	}
	var out bytes.Buffer
	write(&out, f, "")
	out.WriteByte('\n')
	return out.Bytes()
}

// writer is one world under way.
type writer struct {
	*Recorder
	about   About
	redact  *Redactor
	mapping rightful.Mapping
}

// untold says which columns are mapped where no row is there to tell.
func (w writer) untold() fields {
	var f fields
	if len(w.companies.order) == 0 {
		f.add("owner", w.mapping.Owner)
		f.add("link_column", w.mapping.LinkColumn)
	}
	if len(w.users.order) == 0 {
		f.add("direct", w.mapping.Direct)
	}
	return f
}

// config writes what judging needs, and nothing of where the systems are.
func (w writer) config() fields {
	c := w.about.Config
	var f, company, ownership, directory, codes fields
	company.add("metadata_key", c.Keys.Company)
	company.add("also_read", list(c.Keys.AlsoRead))
	company.add("user_key", c.Keys.User)
	f.add("company", company)
	ownership.add("key", c.Keys.Ownership)
	ownership.add("value", w.redact.Text(c.OwnershipValue))
	f.add("ownership", ownership)
	switch resolver := w.mapping.Resolver; {
	case resolver == rightful.ResolverSQL, resolver == rightful.ResolverNone && w.mapping.DefaultResolver() != rightful.ResolverNone:
		directory.add("resolve", "SELECT :user_id") // a query; what it answers stands in resolved, or nowhere
	default:
		directory.add("resolve", string(resolver))
	}
	var placeholders []string
	for _, p := range c.Placeholders {
		placeholders = append(placeholders, p.String())
	}
	directory.add("placeholder_customers", list(placeholders))
	f.add("directory", directory)
	for _, code := range sortedKeys(c.Codes) {
		codes.add(code, c.Codes[code])
	}
	f.add("codes", codes)
	var keys []any
	for _, k := range c.CacheKeys {
		key := fields{{"pattern", k.Pattern}, {"holds", string(k.Holds)}}
		key.add("decode", k.Decode)
		keys = append(keys, key)
	}
	if keys != nil {
		f = append(f, member{"cache", fields{{"keys", keys}}})
	}
	if c.ExpectedRevision != "" {
		f = append(f, member{"resolver_probe", fields{{"expect_revision", c.ExpectedRevision}}})
	}
	return f
}

func list(texts []string) []any {
	var out []any
	for _, t := range texts {
		out = append(out, t)
	}
	return out
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (w writer) db() fields {
	companies, users := rows{}, rows{}
	for _, c := range w.companies.all() {
		f := fields{{"id", w.redact.ID(c.ID)}}
		if name := c.Name; name != "" && w.redact != nil {
			f.add("name", "Company "+w.redact.ID(c.ID))
		} else {
			f.add("name", name)
		}
		if w.mapping.Owner {
			f.always("owner_user_id", w.redact.ID(c.OwnerUserID))
		}
		if w.mapping.LinkColumn {
			f.always("stripe_customer_id", w.customer(c.StripeCustomerID))
		}
		switch {
		case c.Deleted && c.DeletedAt != 0:
			f.add("deleted_at", c.DeletedAt)
		case c.Deleted:
			f.add("deleted_at", true)
		}
		f.add("merged_into", w.redact.ID(c.MergedInto))
		f.add("billing_parent_id", w.redact.ID(c.BillingParentID))
		f.add("stamp_value", w.redact.Text(c.StampValue))
		f.add("stripe_account", c.StripeAccount)
		companies = append(companies, f)
	}
	for _, u := range w.users.all() {
		f := fields{{"id", w.redact.ID(u.ID)}}
		f.add("email", w.redact.Email(u.Email))
		f.add("email_verified", u.EmailVerified)
		if u.Inactive {
			f = append(f, member{"is_active", false})
		}
		if w.mapping.Direct {
			f.always("company_id", w.redact.ID(u.CompanyID))
		}
		users = append(users, f)
	}
	return append(fields{{"companies", companies}, {"users", users}}, w.tables()...)
}

// tables writes the tables that need not be mapped.
func (w writer) tables() (f fields) {
	if w.mapping.Memberships {
		members := rows{}
		for _, m := range w.memberships.all() {
			row := fields{{"user_id", w.redact.ID(m.UserID)}, {"company_id", w.redact.ID(m.CompanyID)}}
			if w.redact == nil {
				row.add("role", m.Role)
			}
			row.add("joined_at", m.JoinedAt)
			row.add("left_at", m.LeftAt)
			members = append(members, row)
		}
		f = append(f, member{"memberships", members})
	}
	if w.mapping.SubscriptionRows {
		subscriptions := rows{}
		for _, s := range w.rows.all() {
			row := fields{{"id", w.redact.ID(s.ID)}}
			row.always("company_id", w.redact.ID(s.CompanyID))
			row.always("stripe_customer_id", w.customer(s.StripeCustomerID))
			row.always("stripe_subscription_id", w.redact.Text(s.StripeSubscriptionID))
			row.add("status", s.Status)
			row.add("stripe_account", s.StripeAccount)
			subscriptions = append(subscriptions, row)
		}
		f = append(f, member{"subscriptions", subscriptions})
	}
	if w.mapping.LinkTable {
		links := rows{}
		for _, l := range w.links.all() {
			row := fields{}
			row.always("company_id", w.redact.ID(l.CompanyID))
			row.always("stripe_customer_id", w.customer(l.StripeCustomerID))
			row.add("stripe_account", l.StripeAccount)
			links = append(links, row)
		}
		f = append(f, member{"links", links})
	}
	return f
}

func (w writer) customer(id string) string {
	return w.redact.customer(id, w.about.Config.Placeholders)
}

// answersOfResolver writes what the app's own query answered, by user.
func (w writer) answersOfResolver() fields {
	f := fields{}
	for _, a := range w.resolved.all() {
		if a.Ambiguous {
			f = append(f, member{w.redact.ID(a.userID), map[string]bool{"ambiguous": true}})
			continue
		}
		f.always(w.redact.ID(a.userID), w.redact.Text(a.CompanyID))
	}
	return f
}

// lists names the lists of a world, in their order.
var lists = []struct {
	of   rightful.ObjectType
	name string
}{
	{rightful.TypeCustomer, "customers"}, {rightful.TypeSession, "checkout_sessions"}, {rightful.TypeSubscription, "subscriptions"},
	{rightful.TypePaymentIntent, "payment_intents"}, {rightful.TypeSchedule, "subscription_schedules"}, {rightful.TypeInvoice, "invoices"},
	{rightful.TypeCharge, "charges"}, {rightful.TypePaymentMethod, "payment_methods"},
}

func (w writer) stripe() fields {
	f := fields{{"account", fields{{"id", w.about.Account.ID}, {"livemode", w.about.Account.Livemode}}}}
	if w.noSearch {
		f = append(f, member{"search", false})
	}
	missing := w.missing.all()
	objects := w.objects.all()
	for _, o := range w.searched.all() { // an index may be old: a list or a look-up knows better
		if _, known := w.objects.byKey[objectKey(o)]; !known && !slices.Contains(missing, o.ID) {
			objects = append(objects, o)
		}
	}
	slices.SortStableFunc(objects, func(a, b rightful.Object) int { return cmp.Compare(b.Created, a.Created) })
	about := map[string]bool{}
	for _, l := range lists {
		all := rows{}
		for _, o := range objects {
			if o.Type == l.of {
				about[o.ID] = true
				all = append(all, objectJSON(w.redact.object(o)))
			}
		}
		if len(all) > 0 || l.of == rightful.TypeCustomer {
			f = append(f, member{l.name, all})
		}
	}
	events := rows{}
	for _, e := range w.events.all() {
		if about[e.ObjectID] { // of others nothing is told
			e.Previous = w.redact.Metadata(e.Previous)
			events = append(events, eventJSON(e))
		}
	}
	if len(events) > 0 {
		f = append(f, member{"events", events})
	}
	slices.Sort(missing)
	for i := range missing {
		missing[i] = w.customer(missing[i])
	}
	f.add("missing_ids", list(missing))
	return f
}

// madeSessions writes what our own record said of sessions.
func (w writer) madeSessions() rows {
	made := rows{}
	for _, in := range w.made.all() {
		made = append(made, fields{{"session_id", in.ObjectID}, {"user_id", w.redact.ID(in.UserID)}, {"company_id", w.redact.ID(in.CompanyID)}, {"at", in.At}})
	}
	return made
}

func (w writer) cache() fields {
	byKey := map[string][]rightful.CacheEntry{}
	var keys []string
	for _, e := range w.cached.all() {
		for _, of := range []struct{ placeholder, id string }{{"{user_id}", e.UserID}, {"{company_id}", e.CompanyID}, {"{stripe_customer_id}", e.StripeCustomerID}} {
			if of.id != "" && w.redact != nil {
				e.Key = strings.ReplaceAll(e.Pattern, of.placeholder, w.redact.ID(of.id))
			}
		}
		e.Value = w.redact.Text(e.Value)
		if byKey[e.Key] == nil {
			keys = append(keys, e.Key)
		}
		byKey[e.Key] = append(byKey[e.Key], e)
	}
	f := fields{}
	for _, key := range keys {
		f = append(f, member{key, cachedJSON(byKey[key])})
	}
	return f
}

func (w writer) probe() fields {
	users := fields{}
	for _, a := range w.answers.all() {
		users.always(w.redact.ID(a.userID), w.redact.Text(a.companyID))
	}
	f := fields{{"users", users}}
	f.add("revision", w.revision)
	return f
}
