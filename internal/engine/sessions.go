package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"rightful"
	"rightful/internal/judge"
)

// SessionsInput says which checkout sessions to list.
type SessionsInput struct {
	Since      int64  // Unix seconds: only what was created then or later
	Paid       bool   // only what was paid, or completed with nothing to pay
	Mismatched bool   // only those with an error or a warning about them
	User       string // only what this user bought: an email, or the id of a user
	Company    string // only what is stamped with this company, or rightfully its own
	Limit      int    // at most so many, the newest; 0 for no bound
}

// SessionsScope is what a list of sessions is about.
type SessionsScope struct {
	Since      int64   `json:"since"` // Unix seconds
	Paid       bool    `json:"paid"`
	Mismatched bool    `json:"mismatched"`
	UserID     *string `json:"user_id"`
	Company    *string `json:"company"`
	Limit      int     `json:"limit"` // 0 for no bound
}

// SessionsReport is a list of checkout sessions, the newest first.
type SessionsReport struct {
	Complete          bool          `json:"complete"`
	IncompleteBecause []string      `json:"incomplete_because"`
	Unheard           []string      `json:"unheard"` // what a single check could not hear; the rest is complete
	Refused           *Refusal      `json:"refused"`
	Account           string        `json:"account"`
	Livemode          bool          `json:"livemode"`
	Now               int64         `json:"now"`
	Scope             SessionsScope `json:"scope"`
	Sessions          []SessionView `json:"sessions"`
	Mismatched        int           `json:"mismatched"` // how many of them have an error or a warning
	More              bool          `json:"more"`       // the limit left out older ones of the window
	StripeGETs        int           `json:"stripe_gets"`
}

// Sessions lists checkout sessions with whose they are and whose they should be.
// It judges the families of those sessions, as an audit judges them. A run that
// would be unsafe comes back refused, not as an error; one that could not read
// everything comes back incomplete.
func (e *Engine) Sessions(ctx context.Context, in SessionsInput) (*SessionsReport, error) {
	r := &SessionsReport{
		IncompleteBecause: []string{}, Unheard: []string{}, Sessions: []SessionView{}, Now: e.Options.Now,
		Scope: SessionsScope{Since: in.Since, Paid: in.Paid, Mismatched: in.Mismatched, Limit: in.Limit},
	}
	if err := e.needStripe("list sessions from"); err != nil {
		return nil, err
	}
	err := e.sessions(ctx, in, r)
	if err != nil && ctx.Err() != nil {
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was interrupted; nothing was concluded")
		err = nil
	}
	r.Complete, r.StripeGETs = len(r.IncompleteBecause) == 0, e.gets()
	return r, err
}

// needStripe returns an error where there is no Stripe to read.
func (e *Engine) needStripe(why string) error {
	if e.Sources.Stripe != nil {
		return nil
	}
	return &rightful.Error{
		Kind: rightful.KindInvalid, Place: "stripe", Message: "there is no Stripe to " + why,
		Hint: "set stripe.key, or give a world with a stripe section",
	}
}

func (e *Engine) sessions(ctx context.Context, in SessionsInput, r *SessionsReport) error {
	account, refusal, err := e.admit(ctx)
	r.Account, r.Livemode = account.ID, account.Livemode
	if err != nil {
		return err
	}
	if refusal != nil {
		r.Refused = refusal
		r.IncompleteBecause = append(r.IncompleteBecause, "the run was refused")
		return nil
	}
	user, about, err := e.sessionsOf(ctx, in, r)
	if err != nil {
		return err
	}
	s, err := e.see(ctx, account, about)
	if err != nil {
		return err
	}
	r.IncompleteBecause = append(r.IncompleteBecause, s.sit.Incomplete...)
	r.Unheard = append(r.Unheard, s.sit.Unheard...)
	r.fill(in, e.sessionViews(s), user)
	return nil
}

// sessionsOf names what has to be read: the sessions of the window in Stripe's list,
// and with a user or company, those of them that name it and what surrounds it.
func (e *Engine) sessionsOf(ctx context.Context, in SessionsInput, r *SessionsReport) (*rightful.User, rightful.Subject, error) {
	keys := e.Options.Keys
	switch {
	case in.User != "":
		user, err := e.user(ctx, in.User)
		if err != nil {
			return nil, rightful.Subject{}, err
		}
		r.Scope.UserID = &user.ID
		about, err := e.window(ctx, in, r, func(o rightful.Object) bool {
			stamped := o.Metadata[keys.User]
			return rightful.SameID(stamped, user.ID) || stamped == "" && o.Email != "" && strings.EqualFold(o.Email, user.Email)
		})
		about.Users = []string{user.ID}
		return user, about, err
	case in.Company != "":
		r.Scope.Company = &in.Company
		about, err := e.companySessions(ctx, in, r)
		return nil, about, err
	}
	about, err := e.window(ctx, in, r, nil)
	return nil, about, err
}

// companySessions names the sessions that are stamped with a company, and the
// company. One that is not there may be just what is wrong: then what else is stamped
// with it is looked for, and it is an error when there is nothing.
func (e *Engine) companySessions(ctx context.Context, in SessionsInput, r *SessionsReport) (rightful.Subject, error) {
	var known *rightful.Company
	for c, err := range e.Sources.Directory.Companies(ctx, rightful.Select{By: rightful.ByID, Values: []string{in.Company}}) {
		if err != nil {
			return rightful.Subject{}, err
		}
		known = &c
	}
	about, err := e.window(ctx, in, r, func(o rightful.Object) bool {
		stamp := judge.Stamp(o, e.Options.Keys)
		return rightful.SameID(stamp, in.Company) || known != nil && rightful.SameID(stamp, stampOf(*known))
	})
	if err != nil {
		return about, err
	}
	if known != nil {
		about.Companies = []string{known.ID}
		return about, nil
	}
	found, err := e.whoStamped(ctx, e.Sources, in.Company)
	switch {
	case err == nil:
		about.Customers = append(about.Customers, found.subject.Customers...)
	case rightful.KindOf(err) != rightful.KindNotFound || len(about.Objects) == 0:
		return about, at("--company", err)
	}
	return about, nil
}

// window lists the sessions of a time; those that keep wants, nil for all. A list
// that breaks off leaves the report incomplete; one that cannot be read at all is an
// error.
func (e *Engine) window(ctx context.Context, in SessionsInput, r *SessionsReport, keep func(rightful.Object) bool) (rightful.Subject, error) {
	var about rightful.Subject
	read, bounded := 0, in.Limit > 0 && !in.Mismatched && keep == nil
	known := map[string]bool{}
	for o, err := range e.Sources.Stripe.List(ctx, rightful.ListQuery{Type: rightful.TypeSession, CreatedFrom: in.Since}) {
		switch {
		case err != nil && (ctx.Err() != nil || read == 0):
			return about, err
		case err != nil:
			r.IncompleteBecause = append(r.IncompleteBecause, "Stripe's list of checkout sessions: "+plain(err))
			return about, nil
		}
		read++
		if e.Options.Progress != nil {
			e.Options.Progress("checkout sessions listed", read)
		}
		switch {
		case in.Paid && !o.SettledSession(), keep != nil && !keep(o):
			continue
		case bounded && len(about.Objects) == in.Limit:
			r.More = true
			return about, nil
		}
		about.Objects = append(about.Objects, o)
		if id := o.StripeCustomerID; id != "" && !known[id] {
			known[id] = true
			about.Customers = append(about.Customers, id)
		}
	}
	return about, nil
}

// user finds the one user that a text names: an email, or an id.
func (e *Engine) user(ctx context.Context, who string) (*rightful.User, error) {
	id, prefixed := strings.CutPrefix(who, "user:")
	sel := rightful.Select{By: rightful.ByID, Values: []string{id}}
	if strings.Contains(who, "@") && !prefixed {
		sel.By = rightful.ByEmail
	}
	var found []rightful.User
	for u, err := range e.Sources.Directory.Users(ctx, sel) {
		if err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	switch {
	case len(found) == 1:
		return &found[0], nil
	case len(found) > 1:
		return nil, &rightful.Error{
			Kind: rightful.KindAmbiguous, Place: "--user", Message: fmt.Sprintf("%d users have the email %s", len(found), quoted(who)),
			Hint: "name one of them by id: --user " + found[0].ID,
		}
	}
	return nil, &rightful.Error{
		Kind: rightful.KindNotFound, Place: "--user", Message: "the database has no user " + quoted(who),
		Hint: "give an email or the id of a user; rightful investigate tells more about a payment",
	}
}

// at gives an error of ours another place.
func at(place string, err error) error {
	if own, ok := err.(*rightful.Error); ok {
		moved := *own
		moved.Place = place
		return &moved
	}
	return err
}

// fill keeps the sessions that are asked for, the newest first.
func (r *SessionsReport) fill(in SessionsInput, all []SessionView, user *rightful.User) {
	slices.SortFunc(all, func(a, b SessionView) int {
		return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(a.ID, b.ID))
	})
	for _, v := range all {
		switch {
		case v.Created < in.Since, in.Paid && !v.Settled, in.Mismatched && !v.Mismatched:
			continue
		case user != nil && !v.boughtBy(*user):
			continue
		case in.Company != "" && !v.concerns(in.Company):
			continue
		}
		if in.Limit > 0 && len(r.Sessions) == in.Limit {
			r.More = true
			break
		}
		r.Sessions = append(r.Sessions, v)
		if v.Mismatched {
			r.Mismatched++
		}
	}
}
