package gateway

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/look"
)

// Bounds of reading many sessions.
const (
	replayTogether = 40 // customers in one look, so that what is held stays small
	replayAtOnce   = 4  // looks at a time
)

// sessions lists the sessions of the window, and judges them customer by customer.
func (r *replay) sessions(ctx context.Context) error {
	listed, err := r.list(ctx)
	if err != nil {
		return err
	}
	r.listed = listed
	groups := groupsOf(listed)
	answers := make([][]ReplayedSession, len(groups))
	failed := make([]error, len(groups))
	done := 0
	slots := make(chan struct{}, replayAtOnce)
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	for i, group := range groups {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if work.Err() != nil {
				return
			}
			var because []string
			if answers[i], because, failed[i] = r.judge(work, group); failed[i] != nil {
				cancel() // the others would fail as well
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, b := range because {
				r.incomplete(b)
			}
			done += len(group)
			r.progress("checkout sessions replayed", done)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	r.out.Sessions = append(r.out.Sessions, slices.Concat(answers...)...)
	slices.SortFunc(r.out.Sessions, func(a, b ReplayedSession) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
	slices.Sort(r.out.IncompleteBecause)
	return nil
}

// list reads Stripe's list of sessions. One that breaks off leaves the answer
// incomplete; one that cannot be read at all is an error.
func (r *replay) list(ctx context.Context) ([]rightful.Object, error) {
	var listed []rightful.Object
	for o, err := range r.g.opt.Stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeSession, CreatedFrom: r.req.Since}) {
		switch {
		case err != nil && (ctx.Err() != nil || len(listed) == 0):
			return nil, err
		case err != nil:
			r.incomplete("Stripe's list of checkout sessions broke off: " + shortly(err))
			return listed, nil
		}
		listed = append(listed, o)
		r.progress("checkout sessions listed", len(listed))
	}
	return listed, nil
}

// groupsOf puts sessions together that are looked at together: those of a customer in
// one group.
func groupsOf(listed []rightful.Object) [][]rightful.Object {
	of := func(o rightful.Object) string { return cmp.Or(o.StripeCustomerID, o.ID) }
	sorted := slices.Clone(listed)
	slices.SortStableFunc(sorted, func(a, b rightful.Object) int { return cmp.Compare(of(a), of(b)) })
	var groups [][]rightful.Object
	customers := 0
	for i, o := range sorted {
		if fresh := i == 0 || of(sorted[i-1]) != of(o); fresh {
			if customers%replayTogether == 0 {
				groups = append(groups, nil)
			}
			customers++
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], o)
	}
	return groups
}

// judge reads what surrounds some sessions, and judges each.
func (r *replay) judge(ctx context.Context, sessions []rightful.Object) (out []ReplayedSession, because []string, err error) {
	src, opt := r.g.sources(), r.g.options()
	src.Stripe = unsearched{src.Stripe}
	about := rightful.Subject{Objects: sessions}
	for _, o := range sessions {
		if id := o.StripeCustomerID; id != "" && !slices.Contains(about.Customers, id) {
			about.Customers = append(about.Customers, id)
		}
	}
	sit, _, err := look.Around(ctx, src, opt, r.g.rules, about)
	if err != nil {
		return nil, nil, err
	}
	var ids, users []string
	for _, o := range sessions {
		ids = append(ids, o.ID)
	}
	look.Heard(ctx, src, r.g.rules, sit, ids...) // it may be all that tells who bought
	if err := unrecorded(sit); err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		users = append(users, sit.Made[id].UserID)
	}
	for _, f := range sit.Families {
		for _, o := range f.Objects() {
			users = append(users, o.Metadata[opt.Keys.User])
		}
	}
	users = slices.DeleteFunc(unique(users), func(id string) bool { return checkID("user_id", id) != nil })
	because = slices.Clone(sit.Incomplete)
	partly := len(sit.Incomplete) > 0 || sit.StripePartly
	if err := collect.Belonging(ctx, src, opt, sit, users...); err != nil {
		return nil, nil, err
	}
	sit.Account = r.account
	verdict, err := look.Judged(ctx, src, opt, r.g.rules, sit)
	if err == nil {
		err = unrecorded(sit)
	}
	if err != nil {
		return nil, nil, err
	}
	if !partly {
		r.remember(sit, verdict, about)
	}
	for _, o := range sessions {
		out = append(out, r.one(sit, verdict, o, partly))
	}
	return out, because, nil
}

// unsearched is a Stripe of which nothing is searched for. What a search hints at decides
// nothing about a session whose customer is known, and of many sessions the hints would
// be half of all requests.
type unsearched struct{ rightful.StripeReader }

// Search finds nothing.
func (unsearched) Search(ctx context.Context, _ rightful.ObjectType, _, _ string) ([]rightful.Object, error) {
	return nil, ctx.Err()
}

// remember keeps whose the families are that were looked at, for the events about them:
// the first time that somebody can be named holds.
func (r *replay) remember(sit *rightful.Situation, judged judge.Verdict, about rightful.Subject) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range sit.Families {
		if !f.Guest() && !slices.Contains(about.Customers, f.StripeCustomerID) {
			continue // read beside others, and perhaps not to the end
		}
		if known := r.wide[f.Key]; known != nil && (known.company != "" || known.foreign) {
			continue
		}
		v := &verdict{foreign: judged.Owners[i] == judge.OwnerOther}
		if judged.Owners[i] == judge.OwnerUs || r.g.opt.Keys.Ownership == "" && !v.foreign {
			v.company = judged.Attributions[i].CompanyID
		}
		r.wide[f.Key] = v
		for _, o := range f.Objects() {
			r.wide[o.ID] = v
		}
	}
}

// one judges one session, as ValidatePayment would for its buyer.
func (r *replay) one(sit *rightful.Situation, verdict judge.Verdict, o rightful.Object, partly bool) ReplayedSession {
	s := &seen{id: o.ID, account: r.account, checkout: rightful.Checkout{Session: o}, findings: r.g.told(verdict.Findings)}
	s.judged(sit, verdict, r.g.rules)
	s.fill()
	out := ReplayedSession{ID: o.ID, Created: o.Created, Companies: []string{}, Codes: []string{}}
	user := ""
	if user, out.Buyer = r.buyer(s); user != "" {
		out.UserID = &user
		if checkID("user_id", user) == nil {
			s.user = user
		}
		s.whose()
	}
	out.Today, out.Status = s.paid(s.status), s.paid(r.then(s))
	out.Outcome, out.Reason = s.outcome(out, partly)
	out.Companies = append(out.Companies, s.raw(s.bought.Companies)...)
	if stamp := judge.Stamp(o, r.g.opt.Keys); stamp != "" {
		out.Stamp = &stamp
	}
	for _, f := range s.about() {
		if f.Severity != rightful.SeverityInfo {
			out.Codes = append(out.Codes, string(f.Code))
		}
	}
	out.Codes = unique(out.Codes)
	out.writing = r.writingOf(s)
	return out
}

// paid completes a status by what became of the money.
func (s *seen) paid(status Status) Status {
	if status == Valid {
		return payment(s.checkout)
	}
	return status
}

// buyer returns who bought a session by the server's word, and where that stands.
func (r *replay) buyer(s *seen) (user, where string) {
	c := s.checkout
	for _, o := range []rightful.Object{c.Session, c.Subscription, c.PaymentIntent} {
		if id := o.Metadata[r.g.opt.Keys.User]; id != "" {
			return id, "stamped"
		}
	}
	if made := s.sit.Made[s.id]; made.UserID != "" {
		return made.UserID, "recorded"
	}
	for _, f := range s.sit.Families {
		if id := f.Customer.Metadata[r.g.opt.Keys.User]; s.known && f.Key == s.bought.Family && id != "" && s.bought.BoughtBy(id) {
			return id, "customer"
		}
	}
	return "", ""
}

// then says whose the session was when its buyer came back, as far as the database
// keeps a history. A company that was deleted since was there.
func (r *replay) then(s *seen) Status {
	status, b := s.status, &s.bought
	if status == CompanyGone || status == OtherCompany || status == NoCompany {
		if sit, changed := before(s.sit, s.checkout.Session.Created); changed {
			was := *s
			was.judged(sit, s.verdict, r.g.rules)
			if was.known {
				status, b = was.status, &was.bought
			}
		}
	}
	if status == Valid && !s.several && !s.perhaps && b.History(s.user) &&
		!slices.ContainsFunc(b.Companies, func(c string) bool { return b.HadThen(s.user, c) }) {
		return OtherCompany // who belongs to it today joined later
	}
	return status
}

// before returns the situation with the companies that were deleted after a time.
func before(sit *rightful.Situation, at int64) (was *rightful.Situation, changed bool) {
	was = new(*sit)
	was.Companies = slices.Clone(sit.Companies)
	for i := range was.Companies {
		if c := &was.Companies[i]; c.Deleted && c.DeletedAt > at {
			c.Deleted, c.DeletedAt, changed = false, 0, true
		}
	}
	return was, changed
}

// outcome says what would have become of the return.
func (s *seen) outcome(r ReplayedSession, partly bool) (Outcome, string) {
	switch {
	case s.known && s.bought.Foreign:
		return NotOurs, ""
	case partly && !s.bought.Firm:
		return CannotSay, NotRead
	case s.status == UnknownSession && r.UserID == nil:
		return NotOurs, "" // nothing of ours reaches it
	case payment(s.checkout) != Valid:
		return NothingToAllow, "" // nobody came back from it with a payment
	case r.UserID == nil:
		return CannotSay, NoBuyer
	case s.status == NeedsSignIn:
		return CannotSay, BuyerGone
	case r.Status == Valid:
		return WouldAllow, ""
	case r.Status == OtherCompany && !s.bought.History(s.user):
		return CannotSay, NoHistory
	}
	return WouldRefuse, ""
}
