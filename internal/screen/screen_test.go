package screen_test

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rightful"
	"rightful/internal/collect"
	"rightful/internal/judge"
	"rightful/internal/screen"
	"rightful/test/truth"
)

func TestMain(m *testing.M) {
	truth.SameInCI()
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "150"); err != nil {
			panic(err)
		}
	}
	m.Run()
}

func rulesOf(w *truth.World) judge.Rules {
	r := judge.Rules{Keys: w.App.Keys(), OwnershipValue: w.App.OwnershipValue()}
	for _, p := range w.App.Placeholders() {
		r.Placeholders = append(r.Placeholders, regexp.MustCompile(p))
	}
	return r
}

// read is the world as an audit reads it, with so many other companies beside it that
// nobody looks at each customer closely.
func read(w *truth.World) *rightful.Situation {
	s := w.Situation()
	objects, keys, m := w.StripeObjects(), w.App.Keys(), s.Mapping
	for n := range screen.Fewest + 1 {
		c := rightful.Company{ID: fmt.Sprint(9_000_000 + n)}
		cus := rightful.Object{Type: rightful.TypeCustomer, ID: fmt.Sprintf("cus_beside%d", n), Created: 1_600_000_000, Metadata: map[string]string{keys.Company: c.ID}}
		if keys.Ownership != "" {
			cus.Metadata[keys.Ownership] = w.App.OwnershipValue()
		}
		if m.Link {
			s.Links = append(s.Links, rightful.Link{CompanyID: c.ID, StripeCustomerID: cus.ID, Column: m.LinkColumn, Table: m.LinkTable})
			if m.LinkColumn {
				c.StripeCustomerID = cus.ID
			}
		}
		s.Companies = append(s.Companies, c)
		objects = append(objects, cus)
	}
	s.Families = collect.Families(objects, s.Links, s.SubscriptionRows, w.Exists())
	return s
}

// screened shows a situation to a screen.
func screened(sit *rightful.Situation, rules judge.Rules) *screen.Screen {
	s := screen.New(rules, sit.Mapping, sit.Now)
	for _, c := range sit.Companies {
		s.Company(c)
	}
	for _, l := range sit.Links {
		s.Link(l)
	}
	for _, u := range sit.Users {
		s.User(u)
	}
	for _, m := range sit.Memberships {
		s.Membership(m)
	}
	for _, r := range sit.SubscriptionRows {
		s.Row(r)
	}
	s.Settle()
	for i := range sit.Families {
		f := &sit.Families[i]
		all := slices.Concat(f.Objects(), f.Schedules)
		if len(all) == 0 {
			continue // only named by links or rows
		}
		seen := s.Family(f.Key, f.Guest(), f.Exists)
		for _, o := range all {
			seen.Add(o)
		}
		seen.End()
	}
	for _, e := range sit.Cache {
		s.Cached(e)
	}
	if sit.Probe != nil {
		for user, answer := range sit.Probe.Users {
			s.Answered(user, answer)
		}
	}
	s.Close()
	return s
}

// share counts, over many worlds, what was cleared of what the judge is silent about.
type share struct {
	worlds, companies, users, families [2]atomic.Int64
}

func (a *share) add(sit *rightful.Situation, s *screen.Screen, v judge.Verdict) {
	told := map[string]bool{}
	for _, f := range slices.Concat(v.Findings, v.Muted) {
		told[f.Family], told[f.Object.Type+":"+f.Object.ID] = true, true
		if f.CompanyID != nil {
			told["company:"+*f.CompanyID] = true
		}
	}
	count := func(n *[2]atomic.Int64, told, suspect bool) {
		if !told {
			n[0].Add(1)
			if !suspect {
				n[1].Add(1)
			}
		}
	}
	count(&a.worlds, false, false)
	for _, c := range sit.Companies {
		count(&a.companies, told["company:"+c.ID] || strings.HasPrefix(c.ID, "900"), s.SuspectCompany(c.ID))
	}
	for _, u := range sit.Users {
		count(&a.users, told["user:"+u.ID], s.SuspectUser(u.ID))
	}
	for _, f := range sit.Families {
		count(&a.families, told[f.Key] || strings.HasPrefix(f.Key, "cus_beside"), s.SuspectFamily(f.Key))
	}
}

func (a *share) String() string {
	of := func(n *[2]atomic.Int64) string { return fmt.Sprintf("%d of %d", n[1].Load(), n[0].Load()) }
	return fmt.Sprintf("in %d worlds cleared, of what the judge is silent about: %s companies, %s users, %s families",
		a.worlds[0].Load(), of(&a.companies), of(&a.users), of(&a.families))
}

// TestScreeningChangesNothing: what the judge says of the suspects is what it says of
// everything, to the last byte, at the first look and at the second.
func TestScreeningChangesNothing(t *testing.T) {
	t.Parallel()
	for name, grow := range map[string]func(*rapid.T) *truth.World{"any": truth.Grow, "usual": truth.GrowPlain} {
		for damages := range 4 {
			t.Run(fmt.Sprintf("%s with %d damages", name, damages), func(t *testing.T) {
				t.Parallel()
				var cleared share
				rapid.Check(t, func(rt *rapid.T) {
					w := grow(rt)
					for range damages {
						w.StrikeAny(rt, truth.Mutations())
					}
					same(rt, w, &cleared)
				})
				t.Logf("%s with %d damages: %s", name, damages, &cleared)
			})
		}
	}
}

func same(rt *rapid.T, w *truth.World, cleared *share) {
	rules := rulesOf(w)
	if rapid.IntRange(0, 9).Draw(rt, "off") == 9 {
		rules.Off = map[rightful.Code]bool{rapid.SampledFrom(rightful.Codes()).Draw(rt, "code").Code: true}
	}
	sit := read(w)
	s := screened(sit, rules)
	whole := judge.Judge(sit, rules)
	cleared.add(sit, s, whole)
	compare(rt, w, "at the first look", s, whole, judge.Judge(s.Narrow(sit), rules))
	want := whole.Wanted
	w.Closer(sit, want.Customers, want.Unread, want.Removals)
	compare(rt, w, "at the second look", s, judge.Judge(sit, rules), judge.Judge(s.Narrow(sit), rules))
}

func compare(rt *rapid.T, w *truth.World, when string, s *screen.Screen, whole, part judge.Verdict) {
	if diff := cmp.Diff(whole.Findings, part.Findings); diff != "" {
		rt.Fatalf("%s (-everything +suspects):\n%s\n%s", when, diff, w.JSON("screened"))
	}
	if diff := cmp.Diff(whole.Muted, part.Muted); diff != "" {
		rt.Fatalf("%s, muted (-everything +suspects):\n%s\n%s", when, diff, w.JSON("screened"))
	}
}
