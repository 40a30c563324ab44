package gateway_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// counted counts the ways to a database: a question is one, whatever it asks.
type counted struct {
	rightful.DirectoryReader
	ways atomic.Int64
}

func (c *counted) ReadMany(ctx context.Context, q rightful.DirectoryQuestion) (rightful.DirectoryAnswer, error) {
	c.ways.Add(1)
	return rightful.ReadMany(ctx, c.DirectoryReader, q)
}

func (c *counted) Companies(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Company, error] {
	c.ways.Add(1)
	return c.DirectoryReader.Companies(ctx, sel)
}

func (c *counted) Users(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.User, error] {
	c.ways.Add(1)
	return c.DirectoryReader.Users(ctx, sel)
}

func (c *counted) Memberships(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Membership, error] {
	c.ways.Add(1)
	return c.DirectoryReader.Memberships(ctx, sel)
}

func (c *counted) SubscriptionRows(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.SubscriptionRow, error] {
	c.ways.Add(1)
	return c.DirectoryReader.SubscriptionRows(ctx, sel)
}

func (c *counted) Links(ctx context.Context, sel rightful.Select) iter.Seq2[rightful.Link, error] {
	c.ways.Add(1)
	return c.DirectoryReader.Links(ctx, sel)
}

func (c *counted) Resolve(ctx context.Context, user string) (rightful.Resolution, error) {
	c.ways.Add(1)
	return c.DirectoryReader.Resolve(ctx, user)
}

// TestWhatAValidationCosts: what is in order takes one request to Stripe and one way to
// the database, a second one where the user has further companies; so does a guard;
// what is firmly another company's is refused at the same cost, and everything else was
// looked at widely.
func TestWhatAValidationCosts(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), "")
	directory := &counted{DirectoryReader: p.opt.Directory}
	session := p.buys(p.gateway(), "subscription")
	p.opt.Directory = directory
	g := p.gateway()
	if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		t.Fatal(err)
	}
	ask := func(user string, want gateway.Status) (requests, ways int) {
		t.Helper()
		before := p.requests()
		directory.ways.Store(0)
		v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: user})
		if err != nil || v.Status != want {
			t.Errorf("user %q: %v, %s, want %s", user, err, v.Status, want)
		}
		return p.requests() - before, int(directory.ways.Load())
	}
	ask("7", gateway.Valid) // the account is known then
	for user, most := range map[string]int{"7": 1, "8": 1} {
		if requests, ways := ask(user, gateway.Valid); requests != 1 || ways > most {
			t.Errorf("user %s: %d requests, %d ways to the database", user, requests, ways)
		}
	}
	if requests, ways := ask("", gateway.NeedsSignIn); requests != 1 || ways != 1 {
		t.Errorf("nobody: %d requests, %d ways", requests, ways)
	}
	p.exec("INSERT INTO memberships VALUES (7, 12, 1, NULL)")
	if requests, ways := ask("7", gateway.Valid); requests != 1 || ways != 2 {
		t.Errorf("of two companies: %d requests, %d ways", requests, ways)
	}
	customer := p.all("/v1/customers")[0]
	before := p.requests()
	directory.ways.Store(0)
	held, err := g.GuardPortal(t.Context(), gateway.GuardRequest{UserID: "7", ID: customer})
	if requests := p.requests() - before; err != nil || held.Status != gateway.Valid || requests != 1 || directory.ways.Load() != 2 {
		t.Errorf("a guard: %+v, %v, %d requests, %d ways", held, err, requests, directory.ways.Load())
	}
	p.exec("DELETE FROM memberships WHERE user_id = 7 AND company_id = 12")
	refused := func(what string) {
		t.Helper()
		if requests, ways := ask("9", gateway.OtherCompany); requests != 1 || ways > 2 {
			t.Errorf("%s: refused after %d requests and %d ways", what, requests, ways)
		}
		before := p.requests()
		directory.ways.Store(0)
		held, err := g.GuardSession(t.Context(), gateway.GuardRequest{UserID: "9", ID: session})
		if requests := p.requests() - before; err != nil || held.Status != gateway.OtherCompany || requests != 1 || directory.ways.Load() > 2 {
			t.Errorf("%s: a guard: %+v, %v, %d requests, %d ways", what, held, err, requests, directory.ways.Load())
		}
	}
	refused("another company's session")
	for name, guard := range map[string]func(context.Context, gateway.GuardRequest) (gateway.Guarded, error){"customer": g.GuardCustomer, "portal": g.GuardPortal} {
		before := p.requests()
		directory.ways.Store(0)
		held, err := guard(t.Context(), gateway.GuardRequest{UserID: "9", ID: customer})
		if requests := p.requests() - before; err != nil || held.Status != gateway.OtherCompany || requests != 1 || directory.ways.Load() > 2 {
			t.Errorf("a guard of another company's %s: %+v, %v, %d requests, %d ways", name, held, err, requests, directory.ways.Load())
		}
	}
	p.exec("INSERT INTO memberships VALUES (9, 11, 1, 2)") // who was there once is looked at widely
	if requests, _ := ask("9", gateway.OtherCompany); requests < 5 {
		t.Errorf("who has left was refused after %d requests", requests)
	}
	p.exec("DELETE FROM memberships WHERE user_id = 9 AND company_id = 11")
	p.exec("DELETE FROM companies WHERE id = 11")
	if gone, _ := ask("9", gateway.OtherCompany); gone < 5 {
		t.Errorf("refused after %d requests where the company is gone: that was a narrow look", gone)
	} else {
		t.Logf("a wide look takes %d requests", gone)
	}
}

// TestADeletedCompanysPaymentIsRefusedAtOnce: of a company that was deleted, what nothing
// goes on with is as firm as of one that is there.
func TestADeletedCompanysPaymentIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{}, premisesOfTwo(), "")
	g := p.gateway()
	session := p.buys(g, "payment")
	if err := p.sim.CompleteCheckout(simAccount, session, stripesim.CompleteOptions{Email: "bela@example.com"}); err != nil {
		t.Fatal(err)
	}
	p.exec("UPDATE companies SET deleted_at = 1790000100 WHERE id = 11")
	p.later(200)
	before := p.requests()
	v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: "9"})
	if requests := p.requests() - before; err != nil || v.Status != gateway.OtherCompany || requests != 1 {
		t.Errorf("%v, %d requests\n%s", err, requests, text(v))
	}
	if v, err := g.ValidatePayment(t.Context(), gateway.ValidationRequest{SessionID: session, UserID: "7"}); err != nil || v.Status != gateway.CompanyGone {
		t.Errorf("its buyer: %v\n%s", err, text(v))
	}
}
