package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// meddling does something just before a call goes on, once.
type meddling struct {
	gateway.Stripe
	before map[string]func()
}

func (m *meddling) once(call string) {
	if f := m.before[call]; f != nil {
		delete(m.before, call)
		f()
	}
}

func (m *meddling) CreateCustomer(ctx context.Context, c rightful.NewCustomer) (rightful.Object, error) {
	m.once("customer")
	return m.Stripe.CreateCustomer(ctx, c)
}

func (m *meddling) CreateCheckout(ctx context.Context, c rightful.NewCheckout) (rightful.Checkout, error) {
	m.once("checkout")
	return m.Stripe.CreateCheckout(ctx, c)
}

func (m *meddling) CreatePortal(ctx context.Context, r rightful.NewPortal) (rightful.Portal, error) {
	m.once("portal")
	return m.Stripe.CreatePortal(ctx, r)
}

func (m *meddling) SetMetadata(ctx context.Context, w rightful.MetadataWrite) error {
	m.once("stamp")
	return m.Stripe.SetMetadata(ctx, w)
}

// elsewhere is a writer to whom something happens.
type elsewhere struct {
	rightful.DirectoryWriter
	before func()
	answer error // instead of the true one, after the write
}

func (w *elsewhere) CompareAndSet(ctx context.Context, changes []rightful.FieldChange, commit bool) error {
	if f := w.before; f != nil {
		w.before = nil
		f()
	}
	err := w.DirectoryWriter.CompareAndSet(ctx, changes, commit)
	if answer := w.answer; err == nil && answer != nil {
		w.answer = nil
		return answer
	}
	return err
}

// ensure asks for company 11's customer.
func (p *premises) ensure() (gateway.Customer, error) {
	p.t.Helper()
	return p.gateway().EnsureCustomer(p.t.Context(), "11", gateway.CustomerDetails{Name: "S3bela", Email: "sam@example.com"})
}

// promise keeps an intent of an earlier process.
func (p *premises) promise(seconds int64, customer string) {
	p.t.Helper()
	_, err := p.opt.Intents.Promise(p.t.Context(), rightful.Intent{
		Kind: rightful.IntentCustomer, Account: simAccount, Livemode: true, CompanyID: "11", Generation: 1, Name: "S3bela", Email: "sam@example.com", At: p.clock().Unix() - seconds, SentAt: p.clock().Unix() - seconds, ObjectID: customer,
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// TestAnInterruptedPromise is kept by whoever comes next, with one customer.
func TestAnInterruptedPromise(t *testing.T) {
	t.Parallel()
	const day = 24 * 60 * 60
	create := func(status int, after, kept bool) stripesim.FaultRule {
		return stripesim.FaultRule{Operation: "customers.create", Status: status, AfterEffect: after, Kept: kept}
	}
	for _, tt := range []struct {
		name    string
		before  func(p *premises)
		fails   rightful.ErrorKind // of the first call
		later   int64              // seconds until the second
		count   int                // of customers in the end; 1 when 0
		refused string             // code of the second call's refusal
		want    string             // the customer, when it is known
	}{
		{name: "an error that is kept, after the effect", before: func(p *premises) { p.fault(create(500, true, true)) }},
		{name: "an error that is kept, without effect", before: func(p *premises) { p.fault(create(500, false, true)) }, fails: rightful.KindUncertain, later: 121},
		{name: "and asked again too soon", before: func(p *premises) { p.fault(create(500, false, true)) }, fails: rightful.KindUncertain, later: 60, refused: string(rightful.KindUncertain)},
		{name: "never an answer, after the effect", before: func(p *premises) {
			p.fault(stripesim.FaultRule{Operation: "customers.create", Then: stripesim.FaultDrop, AfterEffect: true, Times: -1})
		}},
		{name: "never an answer, and then nothing can be listed", before: func(p *premises) {
			p.fault(stripesim.FaultRule{Operation: "customers.create", Then: stripesim.FaultDrop, AfterEffect: true, Times: -1})
			p.fault(stripesim.FaultRule{Operation: "customers.list", Status: 500, Times: -1})
		}, fails: rightful.KindUnavailable, later: 2 * day},
		{name: "promised yesterday, and never made", before: func(p *premises) { p.promise(25*60*60, "") }},
		{name: "promised yesterday, made, and not kept", before: func(p *premises) {
			p.promise(25*60*60, "")
			p.later(-24 * 60 * 60)
			p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"11"}, "metadata[app]": {"ledgerly"}})
			p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"12"}, "metadata[app]": {"ledgerly"}})
			p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"11"}, "metadata[app]": {"shop"}})
			p.later(24 * 60 * 60)
		}, count: 3},
		{name: "promised yesterday, and made twice", before: func(p *premises) {
			p.promise(25*60*60, "")
			p.later(-24 * 60 * 60)
			for range 2 {
				p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"11"}, "metadata[app]": {"ledgerly"}})
			}
			p.later(24 * 60 * 60)
		}, fails: rightful.KindConflict, count: 2, refused: "RF201"},
		{name: "made, and deleted since", before: func(p *premises) {
			p.promise(60, p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"11"}})["id"].(string))
			p.call(http.MethodDelete, "/v1/customers/"+p.all("/v1/customers")[0], nil)
		}},
		{name: "made, and all of the account was wiped since", before: func(p *premises) { p.promise(60, "cus_wiped") }},
		{name: "made, and given to another company since", before: func(p *premises) {
			id := p.call(http.MethodPost, "/v1/customers", map[string][]string{"metadata[company_id]": {"12"}})["id"].(string)
			p.promise(60, id)
			p.exec(linking(12, id))
		}, fails: rightful.KindConflict, refused: "RF204"},
		{name: "promised with an address that Stripe does not take", before: func(p *premises) {
			_, err := p.gateway().EnsureCustomer(p.t.Context(), "11", gateway.CustomerDetails{Email: "no address"})
			wantKind(p.t, err, rightful.KindInvalid, "email")
		}},
		{name: "promised, and then the slug came", before: func(p *premises) {
			p.fault(create(500, false, true))
			_, err := p.ensure()
			wantKind(p.t, err, rightful.KindUncertain, "")
			p.exec("UPDATE companies SET slug = 's3bela' WHERE id = 11")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shop(t, setup{})
			tt.before(p)
			c, err := p.ensure()
			if rightful.KindOf(err) != tt.fails {
				t.Fatalf("%+v %v, want kind %q", c, err, tt.fails)
			}
			p.sim.ClearFaults()
			p.later(tt.later)
			again, err := p.ensure()
			switch {
			case tt.refused != "":
				if err == nil || !strings.HasPrefix(codeOf(err), tt.refused) && string(rightful.KindOf(err)) != tt.refused {
					t.Errorf("%+v %v, want %s", again, err, tt.refused)
				}
			case err != nil || tt.fails == "" && again.StripeCustomerID != c.StripeCustomerID || p.link(11) != again.StripeCustomerID:
				t.Errorf("%+v, then %+v %v; linked %s", c, again, err, p.link(11))
			}
			if tt.refused == string(rightful.KindUncertain) {
				return
			}
			if all := p.all("/v1/customers"); len(all) != max(tt.count, 1) {
				t.Errorf("customers %v, want %d", all, max(tt.count, 1))
			}
		})
	}
}

func codeOf(err error) string {
	var code string
	if own, ok := errorsAs(err); ok {
		code = string(own.Code)
	}
	return code
}

// TestSomebodyElseWasFirst: what the app or an operator linked meanwhile is used, if
// it is well.
func TestSomebodyElseWasFirst(t *testing.T) {
	t.Parallel()
	lists := customers("cus_App company_id=11", "cus_Other company_id=12")
	t.Run("well", func(t *testing.T) {
		t.Parallel()
		p := rent(t, setup{}, []string{company11, company12, user7}, lists)
		p.opt.Writer = &elsewhere{DirectoryWriter: p.writer, before: func() { p.exec(linking(11, "cus_App")) }}
		c, err := p.ensure()
		if err != nil || c != (gateway.Customer{StripeCustomerID: "cus_App"}) || p.link(11) != "cus_App" {
			t.Fatalf("%+v %v, linked %s", c, err, p.link(11))
		}
		told := p.told(gateway.DecidedCustomer)
		if len(told) != 1 || told[0].Object.Type != "customer" || told[0].Object.ID == "cus_App" || told[0].Object.ID == "" || strings.Join(told[0].Codes, "") != "RF201" {
			t.Errorf("told %+v", told)
		}
		if again, err := p.ensure(); err != nil || again.StripeCustomerID != "cus_App" {
			t.Errorf("%+v %v", again, err)
		}
	})
	t.Run("not well", func(t *testing.T) {
		t.Parallel()
		p := rent(t, setup{}, []string{company11, company12, user7}, lists)
		p.opt.Writer = &elsewhere{DirectoryWriter: p.writer, before: func() { p.exec(linking(11, "cus_Other")) }}
		c, err := p.ensure()
		if codeOf(err) != "RF104" || p.link(11) != "cus_Other" {
			t.Errorf("%+v %v, linked %s", c, err, p.link(11))
		}
	})
	t.Run("nobody, but the answer was lost", func(t *testing.T) {
		t.Parallel()
		p := rent(t, setup{}, []string{company11, company12, user7}, lists)
		p.opt.Writer = &elsewhere{DirectoryWriter: p.writer, answer: &rightful.Error{Kind: rightful.KindUncertain, Message: "lost"}}
		c, err := p.ensure()
		if told := p.told(gateway.DecidedCustomer); err != nil || p.link(11) != c.StripeCustomerID || len(told) != 1 || told[0].Object.ID != "" {
			t.Errorf("%+v %v, linked %s, told %+v", c, err, p.link(11), told)
		}
	})
	t.Run("the company was deleted", func(t *testing.T) {
		t.Parallel()
		p := rent(t, setup{}, []string{company11, company12, user7}, lists)
		p.opt.Writer = &elsewhere{DirectoryWriter: p.writer, before: func() { p.exec("UPDATE companies SET deleted_at = 1, stripe_customer_id = 'cus_App'") }}
		if c, err := p.ensure(); refusedWith(err) != gateway.CompanyGone {
			t.Errorf("%+v %v", c, err)
		}
	})
}

// TestWhatCannotBeReadDecidesNothing: neither a healing, nor a new customer.
func TestWhatCannotBeReadDecidesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, link, lists, operation string }{
		{"the linked customer", "cus_A", customers("cus_A company_id=11"), "customers.retrieve"},
		{"what surrounds one without a stamp", "cus_A", customers("cus_A"), "subscriptions.list"},
		{"what surrounds one that was deleted", "cus_A", customers("cus_A deleted"), "checkout_sessions.list"},
		{"the account", "", "", "account.retrieve"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rows := []string{company11, company12, user7}
			if tt.link != "" {
				rows = append(rows, linking(11, tt.link))
			}
			p := rent(t, setup{}, rows, tt.lists)
			before := len(p.all("/v1/customers"))
			p.fault(stripesim.FaultRule{Operation: tt.operation, Status: 500, Times: -1})
			c, err := p.ensure()
			if kind := rightful.KindOf(err); kind != rightful.KindUnavailable && kind != rightful.KindUnreachable {
				t.Errorf("%+v %v (kind %q)", c, err, kind)
			}
			p.sim.ClearFaults()
			if len(p.told(gateway.DecidedHealing)) != 0 || len(p.all("/v1/customers")) != before {
				t.Error("something was written")
			}
			if c, err := p.ensure(); err != nil {
				t.Errorf("afterwards: %+v %v", c, err)
			}
		})
	}
	t.Run("a stamp that came meanwhile", func(t *testing.T) {
		t.Parallel()
		p := rent(t, setup{}, []string{company11, company12, user7, linking(11, "cus_A")}, customers("cus_A"))
		p.fault(stripesim.FaultRule{Operation: "customers.update", Status: 500})
		p.opt.Stripe = &meddling{Stripe: p.opt.Stripe, before: map[string]func(){"stamp": func() {}}}
		if c, err := p.ensure(); rightful.KindOf(err) != rightful.KindUncertain {
			t.Errorf("%+v %v", c, err)
		}
		if c, err := p.ensure(); err != nil || p.metadata("/v1/customers/cus_A") != "company_id=11" {
			t.Errorf("%+v %v", c, err)
		}
	})
}

// TestWhatIsRememberedOutlivesADeletedLink: where nobody writes the link, what was made
// instead of a deleted customer is used, also when it has money by then.
func TestWhatIsRememberedOutlivesADeletedLink(t *testing.T) {
	t.Parallel()
	p := rent(t, setup{options: func(o *gateway.Options) { o.Writer = nil }}, []string{company11, company12, user7, linking(11, "cus_A")}, customers("cus_A deleted")+","+catalogue)
	s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.sim.CompleteCheckout("", s.ID, stripesim.CompleteOptions{Email: "sam@example.com"}); err != nil {
		t.Fatal(err)
	}
	p.later(2 * 60 * 60)
	if c, err := p.ensure(); err != nil || c.StripeCustomerID != s.StripeCustomerID {
		t.Errorf("%+v %v, want %s", c, err, s.StripeCustomerID)
	}
}

// TestWhatARowNamesIsUsedAndNotLinkedInHaste: a payment of this hour is not yet the
// last word.
func TestWhatARowNamesIsUsedAndNotLinkedInHaste(t *testing.T) {
	t.Parallel()
	lists := customers("cus_A company_id=11 user_id=7 app=ledgerly") + "," + strings.Replace(active("sub_1", "cus_A", "company_id=11 user_id=7"), `"created": 1782224000`, `"created": 1789999000`, 1)
	p := rent(t, setup{}, []string{company11, company12, user7, "UPDATE users SET email = 'cus_a@example.com'", "INSERT INTO subscriptions VALUES (1, 11, 'cus_A', 'sub_1', 'active')"}, lists)
	for range 2 {
		if c, err := p.ensure(); err != nil || c.StripeCustomerID != "cus_A" || p.link(11) != "-" {
			t.Fatalf("%+v %v, linked %s", c, err, p.link(11))
		}
	}
	p.later(2 * 60 * 60)
	if c, err := p.ensure(); err != nil || c.StripeCustomerID != "cus_A" || p.link(11) != "cus_A" {
		t.Errorf("%+v %v, linked %s", c, err, p.link(11))
	}
}
