package stripesim_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v86"

	"rightful/stripesim"
)

func TestCustomerLife(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	created := must[*stripe.Customer](t)(b.V1Customers.Create(ctx, &stripe.CustomerCreateParams{
		Email: stripe.String("bela@example.com"), Name: stripe.String("Bela & <Filhos>"), Phone: stripe.String("+55 11"),
		Address:          &stripe.AddressParams{City: stripe.String("São Paulo"), Country: stripe.String("BR")},
		Metadata:         map[string]string{"company_id": "11"},
		PreferredLocales: []*string{stripe.String("pt-BR")},
	}))
	equal(t, "email", created.Email, "bela@example.com")
	equal(t, "name", created.Name, "Bela & <Filhos>")
	equal(t, "city", created.Address.City, "São Paulo")
	equal(t, "created", created.Created, b.clock.unix())
	equal(t, "livemode", created.Livemode, false)
	equal(t, "object", created.Object, "customer")
	equal(t, "metadata", created.Metadata["company_id"], "11")
	equal(t, "tax_exempt", created.TaxExempt, stripe.CustomerTaxExemptNone)
	equal(t, "locale", created.PreferredLocales[0], "pt-BR")

	read := must[*stripe.Customer](t)(b.V1Customers.Retrieve(ctx, created.ID, nil))
	equal(t, "retrieved email", read.Email, created.Email)

	changed := must[*stripe.Customer](t)(b.V1Customers.Update(ctx, created.ID, &stripe.CustomerUpdateParams{
		Email: stripe.String("nova@example.com"), Description: stripe.String("moved"),
		InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_1")},
	}))
	equal(t, "changed email", changed.Email, "nova@example.com")
	equal(t, "kept name", changed.Name, created.Name)
	equal(t, "default payment method", changed.InvoiceSettings.DefaultPaymentMethod.ID, "pm_1")
	equal(t, "kept metadata", changed.Metadata["company_id"], "11")

	gone := must[*stripe.Customer](t)(b.V1Customers.Delete(ctx, created.ID, nil))
	equal(t, "deleted", gone.Deleted, true)
}

func TestCustomerFieldsCanBeUnset(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "name=Ana&email=a@example.com&address[city]=Rio&tax_exempt=reverse").at("id"))
	a := b.send("POST", "/v1/customers/"+id, "name=&email=&address=&tax_exempt=")
	made := b.send("POST", "/v1/customers", "address[city]=Rio").at("address")
	if line, there := made.(map[string]any)["line1"]; !there || line != nil {
		t.Errorf("fields of a hash that were not given should be null: %v", made)
	}
	if a.at("name") != nil || a.at("email") != nil || a.at("address") != nil || a.at("tax_exempt") != "none" {
		t.Errorf("empty values did not unset the fields: %s", a.raw)
	}
}

func TestDeletedCustomerLeavesAStub(t *testing.T) {
	t.Parallel()
	b, ctx := start(t, stripesim.Options{}), context.Background()
	id := str(b.send("POST", "/v1/customers", "email=a@example.com&metadata[k]=v").at("id"))
	live := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, subscriptionOf(id)))
	early := must[*stripe.Subscription](t)(b.V1Subscriptions.Create(ctx, subscriptionOf(id)))
	must[*stripe.Subscription](t)(b.V1Subscriptions.Cancel(ctx, early.ID, nil))
	b.clock.tick(time.Hour)

	b.send("DELETE", "/v1/customers/"+id, "")
	stub := b.send("GET", "/v1/customers/"+id, "")
	equal(t, "stub", strings.TrimSpace(stub.raw), `{"id":"`+id+`","object":"customer","deleted":true}`)
	equal(t, "list", len(b.send("GET", "/v1/customers", "").ids()), 0)
	equal(t, "list by email", len(b.send("GET", "/v1/customers?email=a@example.com", "").ids()), 0)
	b.send("POST", "/v1/customers/"+id, "name=x").wantError(t, 404, "resource_missing", "id", "No such customer: '"+id+"'")
	b.send("DELETE", "/v1/customers/"+id, "").wantError(t, 404, "resource_missing", "id", "No such customer")
	b.send("POST", "/v1/subscriptions", "customer="+id+"&items[0][price]=p").wantError(t, 400, "resource_missing", "customer", "No such customer")
	b.send("POST", "/v1/payment_intents", "amount=5&currency=usd&customer="+id).wantError(t, 400, "resource_missing", "customer", "No such customer")

	now := must[*stripe.Subscription](t)(b.V1Subscriptions.Retrieve(ctx, live.ID, nil))
	equal(t, "live subscription", now.Status, stripe.SubscriptionStatusCanceled)
	equal(t, "canceled at", now.CanceledAt, b.clock.unix())
	before := must[*stripe.Subscription](t)(b.V1Subscriptions.Retrieve(ctx, early.ID, nil))
	equal(t, "earlier cancellation", before.CanceledAt, b.clock.unix()-3600)
	equal(t, "canceled list keeps deleted customers", len(b.send("GET", "/v1/subscriptions?status=canceled&customer="+id, "").ids()), 2)
}

func TestDeletingACustomerLeavesEndedSubscriptions(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	loadWorld(t, b.sim, `{"stripe":{"customers":[{"id":"c1","created":1}],"subscriptions":[
		{"id":"s1","customer":"c1","status":"incomplete_expired"},{"id":"s2","customer":"c1","status":"past_due"}]}}`)
	b.send("DELETE", "/v1/customers/c1", "")
	equal(t, "ended", b.send("GET", "/v1/subscriptions/s1", "").at("status"), any("incomplete_expired"))
	equal(t, "live", b.send("GET", "/v1/subscriptions/s2", "").at("status"), any("canceled"))
}

func TestCustomerRefusals(t *testing.T) {
	t.Parallel()
	b := start(t, stripesim.Options{})
	id := str(b.send("POST", "/v1/customers", "").at("id"))
	for _, c := range []struct{ path, form, code, param, message string }{
		{"", "foo=1", "parameter_unknown", "foo", "Received unknown parameter: foo"},
		{"", "foo=1&bar=2", "parameter_unknown", "foo", "Received unknown parameters: foo, bar"},
		{"", "address[planet]=x", "parameter_unknown", "address[planet]", "address[planet]"},
		{"", "email=nobody", "email_invalid", "email", "Invalid email address: nobody"},
		{"", "balance=1.5", "parameter_invalid_integer", "balance", "Invalid integer: 1.5"},
		{"", "name[]=x", "", "name", "single value"},
		{"", "address=x", "", "address", "Invalid object"},
		{"", "preferred_locales=x", "", "preferred_locales", "Invalid array"},
		{"", "tax_exempt=maybe", "", "tax_exempt", "must be one of none, exempt, reverse"},
		{"", "balance=", "parameter_invalid_empty", "balance", "empty string"},
		{"/" + id, "test_clock=clock_1", "parameter_unknown", "test_clock", "unknown"},
		{"", "name=" + strings.Repeat("x", 5001), "", "name", "at most 5000"},
		{"", "email=%ff@x", "", "email", "UTF-8"},
	} {
		b.send("POST", "/v1/customers"+c.path, c.form).wantError(t, 400, c.code, c.param, c.message)
	}
	b.send("GET", "/v1/customers/cus_none", "").wantError(t, 404, "resource_missing", "id", "No such customer: 'cus_none'")
}

func TestEqualSeedsGiveEqualIDs(t *testing.T) {
	t.Parallel()
	one, two, other := start(t, stripesim.Options{Seed: 7}), start(t, stripesim.Options{Seed: 7}), start(t, stripesim.Options{Seed: 8})
	id := func(b *bench) string { return str(b.send("POST", "/v1/customers", "").at("id")) }
	first := id(one)
	two.send("GET", "/v1/customers", "") // other requests in between change nothing
	two.send("POST", "/v1/payment_intents", "amount=5&currency=usd")
	equal(t, "first id", id(two), first)
	if second := id(one); second == first || id(other) == first {
		t.Error("ids repeat or do not depend on the seed")
	}
	if !strings.HasPrefix(first, "cus_") || len(first) != 18 {
		t.Errorf("id %q does not look like Stripe's", first)
	}
}

func subscriptionOf(customer string) *stripe.SubscriptionCreateParams {
	return &stripe.SubscriptionCreateParams{Customer: &customer,
		Items: []*stripe.SubscriptionCreateItemParams{{Price: stripe.String("price_pro")}}}
}
