package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rightful"
	"rightful/gateway"
	"rightful/stripesim"
)

// owned are company 11's customer, and its subscriptions at Stripe: id, stamp, price and
// status of each.
func owned(subscriptions ...[4]string) string {
	var out []string
	for _, s := range subscriptions {
		metadata := "{}"
		if s[1] != "" {
			metadata = fmt.Sprintf(`{"company_id": %q}`, s[1])
		}
		out = append(out, fmt.Sprintf(`{"id": %q, "customer": "cus_own", "status": %q, "created": 1, "metadata": %s, "items": {"data": [{"price": %q, "quantity": 1}]}}`, s[0], s[3], metadata, s[2]))
	}
	return `"customers": [{"id": "cus_own", "created": 1, "metadata": {"company_id": "11"}}], "subscriptions": [` + strings.Join(out, ",") + `], ` + catalogue
}

const linked11 = "INSERT INTO companies (id, name, stripe_customer_id) VALUES (11, 'Eleven', 'cus_own')"

// counting counts the lists of subscriptions.
type counting struct {
	gateway.Stripe
	lists int
}

func (c *counting) List(ctx context.Context, q rightful.ListQuery) iter.Seq2[rightful.Object, error] {
	if q.Type == rightful.TypeSubscription {
		c.lists++
	}
	return c.Stripe.List(ctx, q)
}

// TestAlreadySubscribed: what the company has of the same price is told, and nothing of
// anybody else's.
func TestAlreadySubscribed(t *testing.T) {
	t.Parallel()
	parent := "UPDATE companies SET billing_parent_id = 11 WHERE id = 12"
	for name, tt := range map[string]struct {
		rows   []string
		has    [][4]string
		params map[string]any
		want   []string
	}{
		"none":                       {want: []string{}},
		"the same price, twice":      {has: [][4]string{{"sub_2", "11", "price_month", "active"}, {"sub_1", "11", "price_month", "trialing"}}, want: []string{"sub_1", "sub_2"}},
		"another price":              {has: [][4]string{{"sub_1", "11", "price_year", "active"}}, want: []string{}},
		"over":                       {has: [][4]string{{"sub_1", "11", "price_month", "canceled"}, {"sub_2", "11", "price_month", "incomplete"}}, want: []string{}},
		"no stamp":                   {has: [][4]string{{"sub_1", "", "price_month", "past_due"}}, want: []string{"sub_1"}},
		"a stamp that names nobody":  {has: [][4]string{{"sub_1", "4", "price_month", "active"}}, want: []string{"sub_1"}},
		"another company's":          {has: [][4]string{{"sub_1", "12", "price_month", "active"}}, want: []string{}},
		"of a merged company":        {rows: []string{"INSERT INTO companies (id, merged_into) VALUES (9, 11)"}, has: [][4]string{{"sub_1", "9", "price_month", "active"}}, want: []string{"sub_1"}},
		"one of those it pays for":   {rows: []string{parent}, has: [][4]string{{"sub_1", "12", "price_month", "active"}}, want: []string{}},
		"its own, paid by another":   {rows: []string{parent, "UPDATE users SET company_id = 12"}, has: [][4]string{{"sub_1", "12", "price_month", "active"}, {"sub_2", "11", "price_month", "active"}, {"sub_3", "", "price_month", "active"}, {"sub_4", "4", "price_month", "active"}}, want: []string{"sub_1"}},
		"among the lines of a wish":  {has: [][4]string{{"sub_1", "11", "price_month", "active"}}, params: map[string]any{"line_items": []map[string]any{{"price": "price_year", "quantity": 1}, {"price": "price_month", "quantity": 2}}}, want: []string{"sub_1"}},
		"a price that is made there": {has: [][4]string{{"sub_1", "11", "price_month", "active"}}, params: map[string]any{"line_items": []any{map[string]any{"quantity": 1, "price_data": map[string]any{"currency": "eur", "product": "prod_1", "unit_amount": 5, "recurring": map[string]any{"interval": "month"}}}}}, want: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lists := strings.Replace(owned(tt.has...), `"prices": [`, `"prices": [{"id": "price_year", "product": "prod_1", "active": true, "type": "recurring", "unit_amount": 9000, "currency": "eur", "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"}},`, 1)
			var log bytes.Buffer
			p := rent(t, setup{}, append([]string{linked11, company12, user7}, tt.rows...), lists)
			p.opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
			r := buying()
			if r.StripeParams = tt.params; tt.params != nil {
				r.Price, r.Quantity = "", 0
			}
			for _, reused := range []bool{false, true} { // an open session is no reason not to say it
				s, err := p.gateway().CreateCheckoutSession(t.Context(), r)
				if err != nil || s.ID == "" || s.Reused != reused || !slices.Equal(s.AlreadySubscribed, tt.want) || s.AlreadySubscribed == nil {
					t.Fatalf("got %+v, %v; want %v", s, err, tt.want)
				}
				told := p.told(gateway.DecidedCheckout)
				if len(told) != 1 || !slices.Equal(told[0].AlreadySubscribed, tt.want) || told[0].Enforced != "" {
					t.Errorf("told %+v", told)
				}
			}
			if said := strings.Contains(log.String(), "already_subscribed"); said != (len(tt.want) > 0) {
				t.Errorf("the log says %s", log.String())
			}
		})
	}
}

// TestAlreadySubscribedCosts: a customer that was just made has nothing, and other modes
// subscribe to nothing.
func TestAlreadySubscribedCosts(t *testing.T) {
	t.Parallel()
	p := shop(t, setup{})
	seen := &counting{Stripe: p.opt.Stripe}
	p.opt.Stripe = seen
	g := p.gateway()
	once := buying()
	once.Mode, once.Price = "payment", "price_once"
	for i, tt := range []struct {
		r     gateway.CheckoutRequest
		lists int
	}{{buying(), 0}, {once, 0}, {buying(), 1}} {
		s, err := g.CreateCheckoutSession(t.Context(), tt.r)
		if err != nil || s.AlreadySubscribed == nil || seen.lists != tt.lists {
			t.Errorf("%d: %+v, %v; %d lists, want %d", i, s, err, seen.lists, tt.lists)
		}
	}
}

// TestAlreadySubscribedIsARuleOfItsOwn: the mode refuses nobody, the rule does, and
// makes nothing.
func TestAlreadySubscribedIsARuleOfItsOwn(t *testing.T) {
	t.Parallel()
	enforce := map[gateway.Status]gateway.Mode{gateway.AlreadySubscribed: gateway.Enforce}
	for name, tt := range map[string]struct {
		mode    gateway.Mode
		rules   map[gateway.Status]gateway.Mode
		unread  bool
		refused bool
		broken  bool
	}{
		"the mode":               {mode: gateway.Enforce},
		"the rule":               {rules: enforce, refused: true},
		"unread":                 {mode: gateway.Enforce, unread: true},
		"unread, under the rule": {rules: enforce, unread: true, broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rent(t, setup{options: func(o *gateway.Options) { o.Mode, o.Rules = tt.mode, tt.rules }}, []string{linked11, company12, user7}, owned([4]string{"sub_1", "11", "price_month", "active"}))
			var log bytes.Buffer
			p.opt.Logger = slog.New(slog.NewTextHandler(&log, nil))
			if tt.unread {
				p.fault(stripesim.FaultRule{Method: http.MethodGet, Path: "/v1/subscriptions", Times: -1, Status: 503})
			}
			s, err := p.gateway().CreateCheckoutSession(t.Context(), buying())
			const unknown = "is not known"
			switch {
			case tt.refused:
				refused, ok := errors.AsType[*gateway.Refusal](err)
				if !ok || refused.Status != gateway.AlreadySubscribed || !strings.Contains(refused.Message, "sub_1") || strings.Contains(refused.BuyerMessage, "sub_1") || refused.BuyerMessage == "" {
					t.Errorf("refused with %+v", refused)
				}
				if told := p.told(gateway.DecidedCheckout); len(told) != 1 || told[0].Status != gateway.AlreadySubscribed || told[0].Enforced != gateway.Refuse || !slices.Equal(told[0].AlreadySubscribed, []string{"sub_1"}) {
					t.Errorf("told %+v", told)
				}
			case tt.broken:
				wantKind(t, err, rightful.KindUnavailable, "")
			case err != nil || s.ID == "" || (s.AlreadySubscribed == nil) != tt.unread || strings.Contains(log.String(), unknown) != tt.unread:
				t.Errorf("got %+v, %v, log %s", s, err, log.String())
			}
			if made := len(p.all("/v1/checkout/sessions")); (made == 0) != (tt.refused || tt.broken) {
				t.Errorf("%d sessions were made", made)
			}
		})
	}
}
