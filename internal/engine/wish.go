package engine

import (
	"context"
	"fmt"
	"strings"

	"rightful"
	"rightful/internal/plan"
)

// grant works out what wishes write as things are now. A plan that is applied asks
// again, so that what has changed since is noticed before anything is written.
func (e *Engine) grant(ctx context.Context) func(plan.Wish) (plan.Granted, error) {
	return func(w plan.Wish) (plan.Granted, error) {
		if err := e.needStripe("read " + w.Object.ID + " from"); err != nil {
			return plan.Granted{}, err
		}
		if strings.HasPrefix(w.Decided, plan.WishMove) {
			m, err := e.movable(ctx, w.Object.ID, w.Company())
			if err != nil {
				return plan.Granted{}, err
			}
			return m.grant()
		}
		b, err := e.bought(ctx, w.Object.ID, nil)
		if err != nil {
			return plan.Granted{}, err
		}
		return b.reflect(w.Company())
	}
}

// mayWriteAlone refuses to carry out at once what cannot be written, or what a second
// person has to approve. To plan it is always possible.
func (e *Engine) mayWriteAlone(planOnly bool) error {
	if planOnly {
		return nil
	}
	if e.SecondApprover {
		return &rightful.Error{
			Kind: rightful.KindRefused, Place: "repair.second_approver", Message: "a second person has to approve what is written, and this asks one only",
			Hint: "add --out plan.json; another person: rightful plan approve plan.json; then rightful apply plan.json",
		}
	}
	return e.writable()
}

// surroundings reads and judges what surrounds one Stripe object and, where one is
// named, a user. What could not be read completely is refused: a person decides on
// what is there, and not on what was not seen.
func (e *Engine) surroundings(ctx context.Context, t rightful.ObjectType, id string, user *rightful.User) (*seen, rightful.Object, error) {
	none := rightful.Object{}
	account, stopped, err := e.admit(ctx)
	if err != nil {
		return nil, none, err
	}
	if stopped != nil {
		return nil, none, refusal("", "nothing is written: "+string(stopped.Code)+": "+stopped.Message, stopped.Hint)
	}
	found, err := e.whoObject(ctx, e.Sources, t, id)
	if err != nil {
		return nil, none, at("", err)
	}
	if user != nil {
		found.subject.Users = []string{user.ID}
	}
	s, err := e.see(ctx, account, found.subject)
	if err != nil {
		return nil, none, err
	}
	if because := s.sit.Incomplete; len(because) > 0 {
		return nil, none, refusal("", "nothing is written: not everything could be read: "+strings.Join(because, "; "),
			"see that everything can be read (rightful doctor), and run it again")
	}
	o, home := s.object(t, id)
	if home < 0 {
		return nil, none, refusal(id, "it was not found again beside its customer", "run it again")
	}
	if why := e.foreign(s.sit.Families[home]); why != "" {
		return nil, none, refusal(id, why, "repair it in the application that it belongs to")
	}
	return s, o, nil
}

// foreign says why a family is another application's, "" when it is not.
func (e *Engine) foreign(f rightful.Family) string {
	key := e.Options.Keys.Ownership
	for _, o := range f.Objects() {
		if tag := o.Metadata[key]; key != "" && tag != "" && tag != e.Rules.OwnershipValue {
			return fmt.Sprintf("%s is tagged as another application's: %s is %s", o.ID, key, quoted(tag))
		}
	}
	return ""
}

// named writes a company for a message.
func named(c *rightful.Company) string {
	if c.Name == "" {
		return c.ID
	}
	return c.ID + " (" + c.Name + ")"
}

// dead says why a company can own nothing, "" when it can. One that is to be deleted
// later is live until then.
func (s *seen) dead(c *rightful.Company) string {
	switch {
	case c.MergedInto != "":
		return "merged into " + c.MergedInto
	case c.Deleted && c.DeletedAt <= s.whole.Now:
		return "deleted"
	}
	return ""
}
