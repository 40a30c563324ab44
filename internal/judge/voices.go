package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rightful"
)

// voice is everything one origin says about a family.
type voice struct {
	id    string
	says  []string // distinct live companies it names, canonical
	parts []rightful.Signal

	// excludes tells that the voice knows the company to be wrong. Nil: it
	// excludes nothing.
	excludes func(company string) bool
}

// names returns the one company that the voice names. A voice whose parts
// disagree names none by itself (see judge.settle).
func (v *voice) names() string {
	if len(v.says) == 1 {
		return v.says[0]
	}
	return ""
}

// hear adds a statement that a place makes about a company row. A statement
// that names no live company has no vote, but stays as evidence.
func (v *voice) hear(s rightful.Signal, c *rightful.Company) {
	s.Voice = v.id
	v.parts = append(v.parts, s)
	if c == nil || !c.Live() {
		return
	}
	if id := rightful.CanonicalID(c.ID); !slices.Contains(v.says, id) {
		v.says = append(v.says, id)
	}
}

// listen collects the voices of a family.
func (j *judge) listen(f *family) {
	voices := map[string]*voice{}
	of := func(id string) *voice {
		if voices[id] == nil {
			voices[id] = &voice{id: id}
			f.voices = append(f.voices, voices[id])
		}
		return voices[id]
	}

	customerVoice := "customer:" + f.StripeCustomerID
	if birth := f.birth(); birth != nil {
		customerVoice = "checkout:" + birth.id
	}
	if f.Customer.ID != "" {
		j.hearStamp(of(customerVoice), f, f.Customer)
	}
	for _, p := range f.purchases {
		for _, o := range p.objects {
			if !p.done() {
				f.note(j.stampSignal(o, "checkout:"+p.id, rightful.Suspicion))
				continue
			}
			j.hearStamp(of("checkout:"+p.id), f, o)
		}
		j.hearReference(f, p, of)
	}
	j.hearDatabase(f, customerVoice, of)
	j.hearUsers(f, of)
	j.hearMerges(f, of)
	j.hearEmails(f)

	f.voices = slices.DeleteFunc(f.voices, func(v *voice) bool { return len(v.parts) == 0 })
}

// note keeps a statement that has no vote.
func (f *family) note(s rightful.Signal) {
	if s.Says != "" {
		f.heard = append(f.heard, s)
	}
}

func (j *judge) stampSignal(o rightful.Object, voice string, strength rightful.Strength) rightful.Signal {
	value, key := j.stampOf(o)
	return rightful.Signal{
		Place:    fmt.Sprintf("stripe:%s/%s.metadata.%s", o.Type, o.ID, key),
		Says:     value,
		Voice:    voice,
		Strength: strength,
		AsOf:     o.Created,
	}
}

func (j *judge) hearStamp(v *voice, f *family, o rightful.Object) {
	s := j.stampSignal(o, v.id, rightful.Strong)
	if s.Says == "" {
		return
	}
	v.hear(s, j.stamped(s.Says))
}

// hearReference weighs client_reference_id. On a payment link the buyer typed
// it. On a session made by the server it belongs to the checkout's voice if it
// names a company, and is not simply the user's id.
func (j *judge) hearReference(f *family, p purchase, of func(string) *voice) {
	ref := p.session.ClientReferenceID
	if ref == "" {
		return
	}
	s := rightful.Signal{
		Place:     "stripe:checkout.session/" + p.session.ID + ".client_reference_id",
		Says:      ref,
		Voice:     "checkout:" + p.id,
		Strength:  rightful.Strong,
		AsOf:      p.created,
		Forgeable: p.session.PaymentLink != "",
	}
	company := j.stamped(ref)
	if s.Forgeable {
		s.Voice, s.Strength = "buyer:"+p.id, rightful.Suspicion
		f.note(s)
		return
	}
	ids, _ := j.userIDs(f)
	if company == nil || !p.done() || slices.Contains(ids, rightful.CanonicalID(ref)) {
		return
	}
	of(s.Voice).hear(s, company)
}

// hearDatabase weighs links and rows. One that agrees with the checkout is its
// copy; on an older customer it belongs to the customer's voice; one that
// contradicts is a voice of its own.
func (j *judge) hearDatabase(f *family, customerVoice string, of func(string) *voice) {
	hear := func(place, companyID string, copyOf ...string) {
		company := j.company(companyID)
		id := rightful.CanonicalID(companyID)
		origin := of("database:" + id)
		for _, from := range copyOf {
			v := of(from)
			silent := len(v.parts) == 0 && strings.HasPrefix(from, "customer:")
			if silent || company != nil && slices.Contains(v.says, id) {
				origin = v
				break
			}
		}
		origin.hear(rightful.Signal{Place: place, Says: companyID, Strength: rightful.Strong, AsOf: j.sit.Now}, company)
	}
	links := slices.Clone(f.Links)
	slices.SortFunc(links, func(a, b rightful.Link) int { return cmp.Compare(a.CompanyID, b.CompanyID) })
	for _, l := range links {
		if isPlaceholder(j.rules, l.StripeCustomerID) {
			continue
		}
		hear("db:companies/"+l.CompanyID+".stripe_customer_id", l.CompanyID, customerVoice)
	}
	rows := slices.Clone(f.Rows)
	slices.SortFunc(rows, func(a, b rightful.SubscriptionRow) int {
		return cmp.Or(cmp.Compare(a.CompanyID, b.CompanyID), cmp.Compare(a.ID, b.ID))
	})
	for _, r := range rows {
		if r.CompanyID == "" {
			continue
		}
		from := []string{customerVoice}
		if p := f.purchaseOf(r.StripeSubscriptionID); p != nil {
			from = append(from, "checkout:"+p.id)
		}
		hear("db:subscriptions/"+r.ID+".company_id", r.CompanyID, from...)
	}
}

// hearUsers weighs the users whose ids the server wrote on the objects. All
// ways of getting a user's company are one voice.
func (j *judge) hearUsers(f *family, of func(string) *voice) {
	ids, on := j.userIDs(f)
	for _, id := range ids {
		u := j.users[id]
		if u == nil {
			continue
		}
		objects := on[id]
		at, settled := j.sit.Now, true
		for _, o := range objects {
			settled = settled && o.Type != rightful.TypeCustomer && !o.LiveSubscription()
		}
		if settled { // only history names the user: judged as of then
			at = objects[0].Created
		}
		set, history := j.userSet(id, at)
		j.hearUser(of("user:"+id), f, u, set, history, at, objects)
	}
}

func (j *judge) hearUser(v *voice, f *family, u *rightful.User, set []string, history bool, at int64, objects []rightful.Object) {
	// A user who belonged to the stamped company when the object was made, and
	// moved on later, does not speak against it.
	allowed := slices.Clone(set)
	legitimate := ""
	inDatabase := false
	for _, o := range objects {
		stamp, _ := j.stampOf(o)
		c := j.stamped(stamp)
		if c == nil || !c.Live() {
			continue
		}
		id := rightful.CanonicalID(c.ID)
		if j.belongedAt(u.ID, id, o.Created) || slices.Contains(set, id) {
			legitimate = id
			allowed = append(allowed, id)
		}
	}
	for _, l := range f.Links {
		inDatabase = inDatabase || j.live(l.CompanyID)
	}
	for _, r := range f.Rows {
		inDatabase = inDatabase || j.live(r.CompanyID)
	}

	signal := rightful.Signal{
		Place:    "db:users/" + u.ID + " (" + j.waysOf(u.ID, at).text() + ")",
		Strength: rightful.Strong,
		AsOf:     at,
	}
	switch {
	case legitimate != "" && len(set) == 1 && set[0] == legitimate:
		signal.Says = set[0]
		v.hear(signal, j.company(set[0]))
	case legitimate != "":
		signal.Says, signal.Strength, signal.Voice = strings.Join(set, ", "), rightful.Corroborates, v.id
		f.note(signal)
	case !history && inDatabase:
		// Without history a user's company today says nothing about a
		// company that the database itself ties to the family.
		signal.Says, signal.Strength, signal.Voice = strings.Join(set, ", "), rightful.Suspicion, v.id
		f.note(signal)
	case len(set) == 1:
		signal.Says = set[0]
		v.hear(signal, j.company(set[0]))
	case history:
		signal.Says = strings.Join(set, ", ")
		v.hear(signal, nil)
	}
	if history && len(v.parts) > 0 {
		v.excludes = func(company string) bool { return !slices.Contains(allowed, company) }
	}
}

// text says the ways in a few words, for evidence.
func (w Ways) text() string {
	var parts []string
	if w.Direct != "" {
		parts = append(parts, "direct "+w.Direct)
	}
	if len(w.Owner) > 0 {
		parts = append(parts, "owner of "+strings.Join(w.Owner, ", "))
	}
	if len(w.Membership) > 0 {
		parts = append(parts, "member of "+strings.Join(w.Membership, ", "))
	}
	if len(parts) == 0 {
		return "no company"
	}
	return strings.Join(parts, "; ")
}

// hearMerges weighs merge records of the companies that stamps name: a record
// is a voice for the survivor.
func (j *judge) hearMerges(f *family, of func(string) *voice) {
	for _, o := range f.Objects() {
		stamp, _ := j.stampOf(o)
		c := j.stamped(stamp)
		s := j.survivor(c)
		if s == nil {
			continue
		}
		v := of("merge:" + rightful.CanonicalID(c.ID))
		if len(v.parts) > 0 {
			continue
		}
		v.hear(rightful.Signal{
			Place:    "db:companies/" + c.ID + ".merged_into",
			Says:     s.ID,
			Strength: rightful.Strong,
			AsOf:     j.sit.Now,
		}, s)
	}
}

// hearEmails finds which companies an email of the family corroborates. Emails
// prove nothing: people share them, change them and mistype them.
func (j *judge) hearEmails(f *family) {
	for _, o := range emailsOf(f.Family) {
		for _, u := range j.byEmail[strings.ToLower(o.Email)] {
			set, _ := j.userSet(u.ID, j.sit.Now)
			for _, company := range set {
				if f.backing[company] {
					continue
				}
				f.backing[company] = true
				f.mails = append(f.mails, rightful.Signal{
					Place:     fmt.Sprintf("stripe:%s/%s.email = db:users/%s.email", o.Type, o.ID, u.ID),
					Says:      company,
					Voice:     "email",
					Strength:  rightful.Corroborates,
					AsOf:      o.Created,
					Forgeable: o.Type != rightful.TypeCustomer,
				})
			}
		}
	}
}
