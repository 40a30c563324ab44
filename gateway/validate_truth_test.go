package gateway_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rightful"
	"rightful/gateway"
	"rightful/internal/engine"
	"rightful/internal/wire"
	"rightful/test/truth"
)

// TestNarrowIsNeverWrong: in random worlds, healthy and damaged, what a narrow look
// answers a wide look answers too; and whatever is asked, there is an answer that names
// no other tenant.
func TestNarrowIsNeverWrong(t *testing.T) {
	t.Parallel()
	settled, valid, refused, refusals := 0, 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w, text, e := grown(rt, 3)
		g := over(t, e)
		tenants := tenantsOf(t, e.Sources.Directory)
		for _, s := range w.Objects {
			if s.Type != rightful.TypeSession {
				continue
			}
			for _, user := range w.Users {
				narrow, wide, err := g.Both(t.Context(), s.ID, user.ID)
				if err != nil {
					rt.Fatalf("%s for %s: %v\n%s", s.ID, user.ID, err, text)
				}
				switch wide.Status {
				case gateway.Valid:
					valid++
				case gateway.OtherCompany:
					refusals++
				}
				if !narrow.Settled {
					continue
				}
				switch narrow.Status {
				case gateway.Valid:
					settled++
				case gateway.OtherCompany:
					refused++
				}
				if narrow.Status != wide.Status || narrow.Company != wide.Company || !slices.Equal(narrow.Companies, wide.Companies) {
					rt.Fatalf("%s for user %s: narrow %+v, wide %+v\n%s", s.ID, user.ID, narrow, wide, text)
				}
			}
			user := rapid.SampledFrom(w.Users).Draw(rt, "user")
			v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: s.ID, UserID: user.ID})
			if err != nil {
				rt.Fatalf("%s for %s: %v\n%s", s.ID, user.ID, err, text)
			}
			for _, leak := range tenants.leaks(user.ID, s.ID, v) {
				rt.Fatalf("%s for user %s: %s\n%s", s.ID, user.ID, leak, text)
			}
		}
	})
	t.Logf("%d of %d payments of the user were settled narrowly, and %d of %d of others", settled, valid, refused, refusals)
	if settled == 0 || refused == 0 {
		t.Error("no look was ever settled narrowly")
	}
}

// TestANarrowGuardIsNeverWrong: in random worlds, healthy and damaged, the customers that
// a narrow look refuses are refused by a wide look too.
func TestANarrowGuardIsNeverWrong(t *testing.T) {
	t.Parallel()
	refused, refusals := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		w, text, e := grown(rt, 3)
		g := over(t, e)
		for _, c := range w.Objects {
			if c.Type != rightful.TypeCustomer || c.Deleted {
				continue
			}
			for _, user := range w.Users {
				narrow, wide, err := g.BothOfCustomer(t.Context(), c.ID, user.ID, false)
				if err != nil {
					rt.Fatalf("%s for %s: %v\n%s", c.ID, user.ID, err, text)
				}
				if wide.Status == gateway.OtherCompany {
					refusals++
				}
				if !narrow.Settled || narrow.Status == gateway.Valid {
					continue
				}
				if narrow.Status == gateway.OtherCompany {
					refused++
				}
				if narrow.Status != wide.Status {
					rt.Fatalf("%s for user %s: narrow %+v, wide %+v\n%s", c.ID, user.ID, narrow, wide, text)
				}
			}
		}
	})
	t.Logf("%d of %d customers of others were refused narrowly", refused, refusals)
	if refused == 0 {
		t.Error("none was ever refused narrowly")
	}
}

// TestTheTrueCompanyIsNamed: in a healthy world nobody is told another company than the
// true one, and whoever belongs to that today is told that a paid session is valid.
func TestTheTrueCompanyIsNamed(t *testing.T) {
	t.Parallel()
	valid := 0
	rapid.Check(t, func(rt *rapid.T) {
		w, text, e := grown(rt, 0)
		g := over(t, e)
		for _, p := range w.Purchases {
			if p.Session == nil {
				continue
			}
			for _, user := range w.Users {
				v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: p.Session.ID, UserID: user.ID, Operator: true})
				if err != nil {
					rt.Fatalf("%s for %s: %v\n%s", p.Session.ID, user.ID, err, text)
				}
				owner := w.Owner(p.Session.ID)
				if v.CompanyID != nil && !rightful.SameID(*v.CompanyID, owner) {
					rt.Fatalf("%s for user %s is told as company %s's, and is %q's\n%s\n%s", p.Session.ID, user.ID, *v.CompanyID, owner, v.OperatorMessage, text)
				}
				if v.Status == gateway.Valid {
					valid++
				}
				if c := w.Company(owner); v.Status != gateway.Valid && p.Session.SettledSession() && !user.Inactive && c != nil && c.Live() && member(w, user.ID, owner) {
					rt.Fatalf("%s is company %s's, and user %s of it is told %s: %s\n%s", p.Session.ID, owner, user.ID, v.Status, v.OperatorMessage, text)
				}
			}
		}
	})
	t.Logf("%d were valid", valid)
}

// member reports whether the database says that a user belongs to a company today.
func member(w *truth.World, user, company string) bool {
	return slices.ContainsFunc(w.Memberships, func(m *rightful.Membership) bool {
		return w.App.Memberships && m.UserID == user && m.CompanyID == company && m.JoinedAt <= w.Now && m.LeftAt == 0
	}) || slices.ContainsFunc(w.Users, func(u *rightful.User) bool { return w.App.Direct && u.ID == user && u.CompanyID == company })
}

// grown grows a random world that was damaged a few times at most, and opens it.
func grown(rt *rapid.T, damages int) (w *truth.World, text []byte, e *engine.Engine) {
	w = truth.Grow(rt)
	for range rapid.IntRange(0, damages).Draw(rt, "damages") {
		w.StrikeAny(rt, truth.Mutations())
	}
	text = w.JSON("grown")
	e, err := wire.Snapshot("grown", text)
	if err != nil {
		rt.Fatal(err)
	}
	return w, text, e
}
